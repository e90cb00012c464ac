/* What every page begins with: the site's own configuration, the contest as the API tells it, held against that
 * configuration, and what the masthead, notices and footer say of it. */
import { createApi } from "./api.js";
import { createClock, timeFormats } from "./clock.js";
import { byId, h, safeUrl } from "./dom.js";
import { language, loadWords, numbers } from "./words.js";

/* { lang, t, pick, number, times, clock, site, pinned, contest, api, published, trouble }. `contest` is null while the API
 * cannot be reached; `trouble` is null, "site", "contest", "unreachable", "published" or "rules". `published`: these are
 * the pages of a published bundle and need no API; `proof` is then a promise of provePublished()'s answer, `proven` null
 * before it. `words`: those that this page needs beside the common ones. */
export async function openSite(...words) {
	const lang = language();
	const t = await loadWords(lang, words);
	const page = { lang, t, number: numbers(lang), clock: createClock(), contest: null, pinned: null, published: false, proven: null,
		pick: (text) => text?.[lang] ?? text?.ko ?? "", trouble: null };
	sizeSwitch();
	try {
		page.site = await siteConfiguration();
		page.pinned = choose(page.site.contests);
	} catch {
		page.trouble = "site";
		return notices(page);
	}
	if (!page.pinned) {
		page.trouble = "contest"; // better than to show another one
		return notices(page);
	}
	page.published = page.site.published === true;
	if (page.published) await openPublished(page, words);
	else page.api = createApi(page.site);
	keepContest(page);
	await refresh(page);
	nameContest(page);
	notices(page);
	if (page.published && page.contest) page.proof = import("./published-view.js").then(({ prove }) => prove(page));
	return page;
}

/* Loaded where it is needed alone: a voter's page does without. */
async function openPublished(page, words) {
	const [{ publishedApi, hideLive }, t] = await Promise.all([import("./published.js"),
		loadWords(page.lang, [...words, "published"])]);
	page.api = publishedApi();
	page.t = t;
	hideLive();
}

async function siteConfiguration() {
	const response = await fetch("/site.json", { cache: "no-cache" });
	if (!response.ok) throw new Error(`site.json: ${response.status}`);
	return response.json();
}

function choose(contests) {
	const wanted = new URLSearchParams(location.search).get("contest");
	return (wanted === null ? contests[0] : contests.find(({ id }) => id === wanted)) ?? null;
}

/* Asks the API again: phase, hours and clock. */
export async function refresh(page) {
	let contest;
	try {
		contest = await page.api.contest(page.pinned.id);
	} catch {
		page.trouble = page.published ? "published" : "unreachable";
		page.times ??= timeFormats(page.lang);
		return;
	}
	if (!page.published) page.clock.observe(contest.now); // else it is the time of the copy
	showNotice(page, contest.notice);
	showHalt(page, contest);
	page.contest = contest;
	page.times = timeFormats(page.lang, contest.time_zone);
	page.trouble = agrees(page.pinned, contest) ? null : "rules";
}

function agrees(pinned, contest) {
	return contest.id === pinned.id && contest.rules_hash === pinned.rules_hash
		&& contest.rehearsal === pinned.rehearsal && contest.demonstration === pinned.demonstration;
}

function nameContest({ pick, pinned, contest, t }) {
	const name = pick(contest?.name ?? pinned.name);
	for (const place of document.querySelectorAll("[data-contest-name]")) place.textContent = name;
	if (name) document.title = `${document.title} · ${name}`;
	const link = byId("contact");
	const address = contest?.contact ?? "";
	if (safeUrl(address)) link.href = address;
	else if (/^[^@\s]+@[^@\s]+$/.test(address)) link.href = `mailto:${address}`;
	if (contest) byId("organiser").textContent = t("footer.organiser", { name: pick(contest.organiser) });
}

function notices(page) {
	const { t, pinned, contest, trouble } = page;
	const place = byId("notices");
	const add = (kind, title, text) => place.append(h("div", { class: `notice notice-${kind}` },
		h("p", {}, h("strong", {}, title), " ", text)));
	place.replaceChildren(page.said ?? "", page.halt ?? "");
	const open = contest?.admission === "open" ? ` ${t("notice.open")}` : "";
	if (pinned?.rehearsal) add("provisional", t("badge.rehearsal"), t("notice.rehearsal") + open);
	else if (pinned?.demonstration) add("provisional", t("badge.demonstration"), t("notice.demonstration") + open);
	if (trouble) add("error", t("notice.warning"), t(`trouble.${trouble}`));
	if (trouble === "contest") place.lastChild.append(contestLinks(page));
	return page;
}

/* The organiser's notice: above everything else, as long as it stands, and told politely when it comes. */
export function showNotice(page, notice) {
	const text = page.pick(notice);
	page.said ??= h("div", { role: "status", class: "said" });
	if (!page.said.isConnected) byId("notices").prepend(page.said);
	if (text === (page.said.dataset.text ?? "")) return;
	page.said.dataset.text = text;
	page.said.replaceChildren(text ? h("div", { class: "notice notice-organiser" },
		h("p", {}, h("strong", {}, page.t("notice.organiser")), " ", text)) : "");
}

/* That the public log stands still, as long as it does; `of` is a definition or a snapshot. */
export function showHalt(page, of) {
	const { t } = page;
	const text = of.log !== "halted" ? "" : [of.phase === "open" && t("halt.open"), t("halt.what"), t("halt.keep")]
		.filter(Boolean).join(" ");
	page.halt ??= h("div", { role: "status", class: "halt" });
	if (!page.halt.isConnected) page.said.after(page.halt);
	if (text === (page.halt.dataset.text ?? "")) return;
	page.halt.dataset.text = text;
	page.halt.replaceChildren(text ? h("div", { class: "notice notice-halt" },
		h("p", {}, h("strong", {}, t("halt.title")), " ", text)) : "");
}

/* Every contest of this site, on the page that is open. */
export function contestLinks({ site, pick, pinned }) {
	return h("ul", { class: "contests" }, site.contests.map((one) => h("li", {},
		h("a", { href: `${location.pathname}?contest=${encodeURIComponent(one.id)}`,
			"aria-current": one === pinned ? "true" : null }, pick(one.name) || one.id))));
}

function sizeSwitch() {
	const buttons = [...document.querySelectorAll("[data-set-size]")];
	const mark = () => {
		for (const button of buttons) {
			const chosen = button.dataset.setSize === document.documentElement.dataset.size;
			button.setAttribute("aria-pressed", String(chosen));
		}
	};
	for (const button of buttons) {
		button.addEventListener("click", () => {
			document.documentElement.dataset.size = button.dataset.setSize;
			try {
				localStorage.setItem("tallyd.size", button.dataset.setSize);
			} catch {
				// storage is blocked: it holds for this page
			}
			mark();
		});
	}
	mark();
}

/* The other language, and with several contests every page, keeps what this address asks for. */
function keepContest({ site, pinned }) {
	byId("language").search = location.search;
	if (site.contests.length < 2 || pinned === site.contests[0]) return;
	for (const link of document.querySelectorAll('a[href^="/"]')) {
		if (link.id !== "language") link.search = `?contest=${encodeURIComponent(pinned.id)}`;
	}
}

/* The address of a page of this language and contest. */
export function address(page, path, query = {}) {
	const search = new URLSearchParams(query);
	if (page.pinned && page.pinned !== page.site.contests[0]) search.set("contest", page.pinned.id);
	const text = search.toString();
	return `${page.lang === "en" ? "/en" : ""}${path}${text && `?${text}`}`;
}

/* Entries by their Korean reading (가나다), as the ministry lists them. */
export function byReading(contest) {
	const collator = new Intl.Collator("ko");
	return [...contest.entries].sort((a, b) => collator.compare(a.reading ?? "", b.reading ?? ""));
}

/* What marks a count that is not the real one; null where it is. */
export function kindBadge({ t, pinned }) {
	const kind = pinned.rehearsal ? "rehearsal" : pinned.demonstration ? "demonstration" : null;
	return kind && h("span", { class: "badge badge-rehearsal" },
		t(`badge.${kind}`));
}

/* Beside the phase while the public log stands still; null otherwise. */
export function haltBadge({ t }, { log }) {
	return log === "halted" ? h("span", { class: "badge badge-halted" }, t("halt.badge")) : null;
}

/* A published copy's is told once its signatures are checked. */
export const phaseOf = ({ published, proven, contest }, { phase } = contest ?? {}) =>
	!published || proven ? phase : proven === null ? "checking" : "unproven";

export function badge(page, phase = phaseOf(page)) {
	return h("span", { class: `badge badge-${phase}` }, page.t(`phase.${phase}`));
}
