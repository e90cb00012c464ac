/* The results page: a strip that says how fresh the numbers are, over a table by rank. */
import { byId, copy, download, h } from "./dom.js";
import { liveTally } from "./live.js";
import { address, badge, kindBadge, openSite } from "./site.js";
import { csvOf, emptyWords, kindOf, rowsOf, sameOrder, totalWords } from "./tally.js";

const ANNOUNCE_MS = 15_000;

if (new URLSearchParams(location.search).get("view") === "projector") {
	location.replace(location.href.replace("/results/", "/projector/").replace(/[?&]view=projector/, ""));
}

const page = await openSite();
const { t, pick, number, contest } = page;
if (contest) follow();
else byId("results").replaceChildren(h("p", {}, t(`trouble.${page.trouble}`)));

function follow() {
	const noun = pick(contest.entry_noun);
	const scores = contest.form.name === "scores";
	const valueOf = (row) => scores ? number.mean(row.mean) : number.percent(row.percent);
	const heads = { rank: t("results.rank"), entry: t("results.entry", { noun }),
		votes: t(scores ? "results.scored" : "results.votes"), value: t(scores ? "results.mean" : "results.share"),
		bar: t("results.bar") };
	const lines = new Map(); // entry id -> its row's elements
	let order = [];
	let rows = null;
	let announcedAt = 0;

	const body = h("tbody");
	const caption = h("caption");
	const table = h("table", { class: "tally", tabindex: "-1" }, caption, h("thead", {}, h("tr", {},
		h("th", { scope: "col", class: "rank" }, heads.rank), h("th", { scope: "col" }, heads.entry),
		h("th", { scope: "col", class: "figure" }, heads.votes), h("th", { scope: "col", class: "figure" }, heads.value),
		h("th", { scope: "col", class: "bar-cell" }, h("span", { class: "unseen" }, heads.bar)))), body);
	const message = h("p", { class: "message", hidden: true });
	const reorder = h("button", { type: "button", class: "button button-quiet", hidden: true, onclick: () => {
		arrange(true);
		table.focus();
	} }, t("results.reorder"));
	byId("results").replaceChildren(message, reorder, table);
	byId("results").removeAttribute("aria-busy");

	for (const entry of contest.entries) {
		const line = { rank: h("td", { class: "rank" }), votes: h("td", { class: "figure" }),
			value: h("td", { class: "figure figure-strong" }) };
		line.row = h("tr", {}, line.rank, h("th", { scope: "row" },
			h("a", { href: address(page, "/team/", { id: entry.id }) }, pick(entry.name)),
			h("span", { class: "bar bar-under", "aria-hidden": "true" }, h("span", {}))),
		line.votes, line.value,
		h("td", { class: "bar-cell" }, h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))));
		lines.set(entry.id, line);
	}

	function draw(snapshot) {
		rows = rowsOf(contest, snapshot, pick);
		const kind = t(`results.kind.${kindOf(snapshot)}`);
		caption.replaceChildren(t("results.caption", { noun, what: heads.value, kind }));
		drawStrip(snapshot, kind);
		message.hidden = Boolean(rows) && snapshot.ballots > 0;
		message.textContent = !rows ? t(`results.${snapshot.withheld}`) : emptyWords(page, snapshot);
		for (const row of rows ?? contest.entries.map(({ id }) => ({ id, rank: null, hidden: true }))) drawRow(row);
		arrange(false);
		announce(snapshot);
	}

	function drawRow(row) {
		const line = lines.get(row.id);
		if (!line) return;
		drawRank(line.rank, row);
		put(line.votes, row.hidden ? t("results.hidden") : number.count(row.votes));
		put(line.value, row.hidden ? "–" : valueOf(row));
		line.row.classList.toggle("is-hidden", Boolean(row.hidden));
		line.row.style.setProperty("--bar", row.hidden ? "0" : String(row.bar));
	}

	function drawRank(cell, { rank, tied }) {
		const key = `${rank} ${tied}`;
		if (cell.dataset.rank === key) return;
		cell.dataset.rank = key;
		cell.replaceChildren(tied ? h("span", { class: "tied" }, t("results.tied")) : "", String(rank ?? "–"));
	}

	/* Rows move only while nobody points at or stands in the table; else a button offers it. */
	function arrange(now) {
		const wanted = rows ? rows.map(({ id }) => id) : contest.entries.map(({ id }) => id);
		if (sameOrder(wanted, order)) reorder.hidden = true;
		else if (now || order.length === 0 || !table.matches(":hover, :focus-within")) {
			order = wanted;
			body.replaceChildren(...order.map((id) => lines.get(id)?.row).filter(Boolean));
			reorder.hidden = true;
		} else reorder.hidden = false;
	}

	const phase = byId("phase");
	const total = byId("total");
	const asOf = byId("as-of");
	const state = byId("connection");
	const late = byId("late");
	function drawStrip(snapshot, kind) {
		phase.replaceChildren(badge(page, snapshot.phase),
			h("span", { class: `badge badge-${kindOf(snapshot)}` }, kind),
			kindBadge(page) ?? "");
		put(total, totalWords(page, snapshot));
		put(asOf, t("results.as_of", { time: page.times.time(snapshot.as_of) }));
		byId("print-head").textContent = t("results.print_kind", { kind, when: page.times.moment(snapshot.as_of) });
	}

	function drawState(name, stale) {
		state.className = `connection connection-${stale ? "stale" : name}`;
		put(state, t(`live.${name}`));
		late.hidden = !stale || !live.snapshot;
		if (!late.hidden) {
			late.textContent = t("live.stale", { time: page.times.time(live.snapshot.as_of) });
		}
	}

	/* For screen readers: politely, and not more than one message in fifteen seconds. */
	function announce(snapshot) {
		if (Date.now() - announcedAt < ANNOUNCE_MS) return undefined;
		announcedAt = Date.now();
		if (snapshot.ballots === null) return put(byId("announcer"), t(`results.${snapshot.withheld}`));
		const values = { time: page.times.time(snapshot.as_of), n: number.count(snapshot.ballots) };
		const first = (rows ?? []).filter(({ rank }) => rank === 1);
		if (first.length === 0) return put(byId("announcer"), t("results.announce_total", values));
		return put(byId("announcer"), t(first.length > 1 ? "results.announce_tied" : "results.announce",
			{ ...values, first: first.map(({ name }) => name).join(", "), value: valueOf(first[0]) }));
	}

	const live = liveTally(page, { onSnapshot: draw, onState: drawState });
	const timer = setInterval(() => live.tick(), 1000);
	window.addEventListener("pagehide", () => clearInterval(timer));
	live.start();

	let pausedByReader = false;
	byId("pause").addEventListener("click", ({ currentTarget }) => {
		pausedByReader = !pausedByReader;
		if (pausedByReader) live.stop();
		else live.start();
		currentTarget.textContent = t(pausedByReader ? "results.go_on" : "results.pause");
	});
	byId("pause").hidden = false;
	// A page that nobody sees holds no connection.
	document.addEventListener("visibilitychange", () => {
		if (pausedByReader) return;
		if (document.hidden) live.stop();
		else live.start();
	});
	window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

	const formula = [h("p", {}, t(`results.formula.${contest.form.name}`, { noun }))];
	if (contest.form.name === "choices" && contest.form.max > 1) {
		formula.push(h("p", {}, t("results.formula.many", { noun })));
	}
	byId("formula").replaceChildren(...formula);
	byId("csv").addEventListener("click", () => live.snapshot && download(`${contest.id}.csv`,
		new Blob([csvOf(contest, live.snapshot, rows ?? [], heads)], { type: "text/csv;charset=utf-8" })));
	byId("json").addEventListener("click", () => live.snapshot && download(`${contest.id}.json`,
		new Blob([JSON.stringify(live.snapshot, null, 2), "\n"], { type: "application/json" })));
	const permalink = new URL(address(page, "/results/", { contest: contest.id }), location.href).href;
	byId("permalink").addEventListener("click", ({ currentTarget }) => copy(permalink, currentTarget, t("copied")));
	byId("projector").href = address(page, "/projector/");
	byId("print-foot").replaceChildren(h("p", {}, permalink),
		h("p", {}, t("results.print_rules", { hash: contest.rules_hash })));
}

/* Leaves what already stands alone, so that a reader's selection and a screen reader's place are kept. */
function put(element, text) {
	if (element.textContent !== text) element.textContent = text;
}
