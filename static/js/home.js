/* The first page: what this is, who may vote and when, the entries in identical slots, and how it is decided. */
import { countdown } from "./clock.js";
import { byId, h } from "./dom.js";
import { rulesNodes } from "./rules.js";
import { address, badge, byReading, contestLinks, openSite, phaseOf, refresh } from "./site.js";

const LOOK_MS = 60_000; // hours may be amended, a notice put up
const results = ["provisional", "certified", "corrected"];
const unknown = ["checking", "unproven"]; // of a published copy

const page = await openSite("home");
const { t, pick } = page;
byId("server-time").hidden = page.published; // a copy has no server
function drawFacts() {
	const { contest, times } = page;
	byId("phase").replaceChildren(badge(page));
	drawProgramme();
	// Once nobody can vote any more, the result is what people come for.
	const over = ["closed", ...results].includes(contest.phase);
	byId("door-vote").hidden = over;
	byId("door-results").classList.toggle("door-first", over);
	const organiser = pick(contest.organiser);
	byId("lead").textContent = over ? t("home.lead_over", { organiser })
		: `${t("home.lead", { noun: pick(contest.entry_noun), organiser })} ${t(`home.count.${contest.visibility.citizen}`)}`;
	byId("about").textContent = pick(contest.about);
	byId("hours").textContent = contest.opens_at && contest.closes_at
		? t("home.hours", { from: times.moment(contest.opens_at), to: times.moment(contest.closes_at) })
		: t(over ? "home.over" : unlimited[contest.phase]);
}

/* Without hours. */
const unlimited = { announced: "home.no_hours", open: "home.always", paused: "home.paused" };

/* Which round of which programme this is, and where the one before stands. */
function drawProgramme() {
	const { programme } = page.contest;
	byId("programme").hidden = !programme;
	if (!programme) return;
	const before = programme.previous !== null && page.site.contests.find(({ id }) => id === programme.previous);
	byId("programme").replaceChildren(t("home.round", { name: pick(programme.name), round: programme.round, rounds: programme.rounds }),
		before ? h("a", { href: `${address({ ...page, pinned: before }, "/results/")}` }, t("home.previous")) : "");
}

let asked = false;
let lookedAt = Date.now();
async function tick() {
	const { contest, clock, times } = page;
	const now = clock.now();
	byId("server-time").textContent = t("home.server_time", { time: times.time(now) });
	const before = contest.phase === "announced";
	const until = Date.parse(before ? contest.opens_at : contest.closes_at);
	byId("left-label").textContent = t(before ? "home.until_open"
		: ["open", "paused"].includes(contest.phase) ? "home.left" : "home.state");
	byId("left").textContent = leftWords(phaseOf(page), until - now);
	if (!asked && !document.hidden && Date.now() - lookedAt > LOOK_MS) return look();
	if (until - now > 0 || asked || Number.isNaN(until) || !["announced", "open"].includes(contest.phase)) return;
	asked = true; // the hour has struck: the server says what that means, not everybody in the same second
	setTimeout(look, 1000 + 4000 * Math.random());
}

async function look() {
	asked = true;
	lookedAt = Date.now();
	await refresh(page);
	drawFacts();
	drawRules();
	asked = false;
}

function drawRules() {
	const nodes = rulesNodes(page);
	byId("how").hidden = nodes.length === 0;
	if (!byId("rules").contains(document.activeElement)) byId("rules").replaceChildren(...nodes);
}

function leftWords(phase, left) {
	if (phase === "paused") return t("home.paused");
	if (results.includes(phase) || unknown.includes(phase)) return t(`home.${phase}`);
	if (phase !== "announced" && phase !== "open") return t("home.over");
	if (Number.isNaN(left)) return t(phase === "announced" ? "phase.announced" : "home.no_limit");
	return countdown(left, (n) => t("home.days", { n }));
}

function drawEntries() {
	const { contest } = page;
	const noun = pick(contest.entry_noun);
	byId("entries-title").textContent = t("home.entries", { noun });
	const named = contest.entries.some(({ model }) => pick(model));
	byId("entries").replaceChildren(...byReading(contest).map((entry) => {
		const organisations = entry.participants.map(({ name }) => pick(name));
		const row = (key, text) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, text));
		const name = pick(entry.name);
		return h("li", { class: "entry" }, h("h3", {}, name), h("dl", {},
			named && row("home.model", pick(entry.model) || t("home.no_model")),
			row("home.goal", pick(entry.goal)),
			organisations.length > 0 && row("home.participants", organisations.length > 1
				? t("home.participants_count", { first: organisations[0], n: organisations.length })
				: organisations[0])),
		h("a", { class: "entry-link", href: address(page, "/team/", { id: entry.id }) },
			h("span", { class: "unseen" }, `${name}: `), t("home.more")));
	}));
	byId("entries").removeAttribute("aria-busy");
}

if (page.contest) {
	drawFacts();
	drawEntries();
	drawRules();
	setInterval(tick, 1000);
	tick();
	page.proof?.then(() => {
		drawFacts();
		return tick();
	});
} else {
	byId("entries").replaceChildren();
	byId("entries").removeAttribute("aria-busy");
}
const asks = new URLSearchParams(location.search).has("contest");
if (!asks && page.site?.contests.length > 1) {
	byId("contests-list").replaceChildren(contestLinks(page));
	byId("contests").hidden = false;
}
