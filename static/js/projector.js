/* The results for a hall: one screen, dark, nothing to operate. */
import { byId, h } from "./dom.js";
import { liveTally } from "./live.js";
import { badge, kindBadge, openSite, showNotice } from "./site.js";
import { hasResult, kindOf, rowsOf, totalWords, valueWords } from "./tally.js";

const ROWS_MAX = 8; // more go into two columns, by share alone

const page = await openSite();
const { t, pick, number, contest } = page;
if (contest) follow();

function follow() {
	const board = byId("board");
	const lines = new Map(contest.entries.map((entry) => {
		const line = { rank: h("span", { class: "p-rank" }), votes: h("span", { class: "p-votes" }),
			value: h("span", { class: "p-value" }) };
		line.row = h("li", {}, line.rank, h("span", { class: "p-name" }, pick(entry.name),
			h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))), line.votes, line.value);
		return [entry.id, line];
	}));
	board.classList.toggle("is-dense", contest.entries.length > ROWS_MAX);
	board.style.setProperty("--rows", String(Math.ceil(contest.entries.length / 2)));
	board.removeAttribute("aria-busy");

	function draw(snapshot) {
		const rows = rowsOf(contest, snapshot, pick);
		for (const row of rows ?? []) {
			const line = lines.get(row.id);
			line.rank.replaceChildren(row.tied ? h("span", { class: "p-tied" }, t("results.tied")) : "",
				String(row.rank ?? "–"));
			line.votes.textContent = number.count(row.votes);
			line.value.textContent = valueWords[contest.form.name](row, number);
			line.row.style.setProperty("--bar", String(row.bar));
		}
		board.replaceChildren(...rows ? rows.map(({ id }) => lines.get(id).row) : []);
		board.hidden = !rows;
		byId("message").hidden = Boolean(rows);
		if (!rows) byId("message").textContent = t(`results.${snapshot.withheld}`);
		byId("total").textContent = totalWords(page, snapshot);
		byId("as-of").textContent = t("results.as_of", { time: page.times.time(snapshot.as_of) });
		const kind = kindOf(snapshot);
		byId("phase").replaceChildren(hasResult(snapshot) ? "" : badge(page, snapshot.phase),
			h("span", { class: `badge badge-${kind}` }, t(`results.kind.${kind}`)), kindBadge(page) ?? "");
		showNotice(page, snapshot.notice);
	}

	function drawState(state, stale) {
		byId("connection").className = `connection connection-${stale ? "stale" : state}`;
		byId("connection").textContent = t(`live.${state}`);
		document.body.classList.toggle("is-stale", stale);
		byId("late").hidden = !stale || !live.snapshot;
		if (!byId("late").hidden) {
			byId("late").textContent = t("live.stale", { time: page.times.time(live.snapshot.as_of) });
		}
	}

	const live = liveTally(page, { onSnapshot: draw, onState: drawState });
	setInterval(() => live.tick(), 1000);
	live.start();
}
