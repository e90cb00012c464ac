/* The citizens' count: a table by rank whose rows move only while nobody points at it, and, for rankings, who would
 * win against whom. */
import { h, put } from "./dom.js";
import { address } from "./site.js";
import { emptyWords, kindOf, rowsOf, sameOrder, valueWords } from "./tally.js";

const words = {
	choices: { votes: "results.votes", value: "results.share" },
	scores: { votes: "results.scored", value: "results.mean" },
	ranking: { votes: "results.ranked", value: "results.borda" },
};

/* The columns' names, on the page and in the CSV. */
export function citizenHeads({ t, pick, contest }) {
	const { votes, value } = words[contest.form.name];
	return { rank: t("results.rank"), entry: t("results.entry", { noun: pick(contest.entry_noun) }),
		votes: t(votes), value: t(value), schulze: t("results.schulze"), bar: t("results.bar") };
}

/* { element, draw(snapshot), rows(), valueOf(row) } */
export function citizensTable(page) {
	const { t, pick, number, contest } = page;
	const { form } = contest;
	const noun = pick(contest.entry_noun);
	const heads = citizenHeads(page);
	const valueOf = (row) => valueWords[form.name](row, number);
	const lines = new Map(contest.entries.map((entry) => [entry.id, makeLine(page, entry)]));
	let order = [];
	let rows = null;

	const body = h("tbody");
	const what = h("span");
	const caption = h("caption", {}, what, form.name === "ranking" && h("span", { class: "under" }, t(`results.method.${form.method}`)));
	const table = h("table", { class: "tally", tabindex: "-1" }, caption, h("thead", {}, h("tr", {},
		h("th", { scope: "col", class: "rank" }, heads.rank), h("th", { scope: "col" }, heads.entry),
		h("th", { scope: "col", class: "figure" }, heads.votes), h("th", { scope: "col", class: "figure" }, heads.value),
		h("th", { scope: "col", class: "bar-cell" }, h("span", { class: "unseen" }, heads.bar)))), body);
	const message = h("p", { class: "message", hidden: true });
	const reorder = h("button", { type: "button", class: "button button-quiet", hidden: true, onclick: () => {
		arrange(true);
		table.focus();
	} }, t("results.reorder"));
	const pairs = form.name === "ranking" ? pairwise(page) : null;
	const element = h("div", {}, message, reorder, table, pairs?.element);

	function draw(snapshot) {
		rows = rowsOf(contest, snapshot, pick);
		const kind = t(`results.kind.${kindOf(snapshot)}`);
		put(what, t("results.caption", { noun, what: heads.value, kind }));
		message.hidden = Boolean(rows) && snapshot.ballots > 0;
		put(message, !rows ? t(`results.${snapshot.withheld}`) : emptyWords(page, snapshot));
		for (const row of rows ?? contest.entries.map(({ id }) => ({ id, rank: null, hidden: true }))) drawRow(row);
		arrange(false);
		pairs?.draw(snapshot);
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

	return { element, draw, heads, valueOf, rows: () => rows };
}

function makeLine(page, entry) {
	const line = { rank: h("td", { class: "rank" }), votes: h("td", { class: "figure" }),
		value: h("td", { class: "figure figure-strong" }) };
	line.row = h("tr", {}, line.rank, h("th", { scope: "row" },
		h("a", { href: address(page, "/team/", { id: entry.id }) }, page.pick(entry.name)),
		h("span", { class: "bar bar-under", "aria-hidden": "true" }, h("span", {}))),
	line.votes, line.value,
	h("td", { class: "bar-cell" }, h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))));
	return line;
}

/* How many ballots put the row's entry before the column's; the greater of the two is the strong one. */
function pairwise({ t, pick, number, contest }) {
	const place = h("div", {});
	const element = h("details", { class: "fold", hidden: true }, h("summary", {}, t("results.pairwise")), place);
	const names = contest.entries.map(({ name }) => pick(name));
	let shown = "";

	function draw({ pairwise: matrix }) {
		const now = JSON.stringify(matrix);
		if (now === shown) return;
		shown = now;
		element.hidden = !matrix;
		if (!matrix) return;
		const cell = (n, a, b) => a === b ? h("td", { class: "figure" }, "–")
			: h("td", { class: "figure" }, n > matrix[b][a] ? h("strong", {}, number.count(n)) : number.count(n));
		place.replaceChildren(h("p", { class: "soft" }, t("results.pairwise_text")),
			h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("results.pairwise") },
				h("table", { class: "plain pairs" }, h("caption", { class: "unseen" }, t("results.pairwise")),
					h("thead", {}, h("tr", {}, h("td", {}), names.map((name) => h("th", { scope: "col", class: "figure" }, name)))),
					h("tbody", {}, matrix.map((line, a) => h("tr", {}, h("th", { scope: "row" }, names[a]),
						line.map((n, b) => cell(n, a, b))))))));
	}
	return { element, draw };
}
