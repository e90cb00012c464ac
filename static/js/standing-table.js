/* The stage's standing: as much of it as the contest makes public (publish: full, top-and-mean, advancers), with the
 * cut line between those that advance and those that do not, and the points of each part below. */
import { h, whenChanged } from "./dom.js";
import { advancing, byRank, cutAfter, disqualifiedOf, endsSubtotal, fullPoints, lackingParts, reasonOf } from "./standing.js";

/* { element, parts, draw(snapshot) }: `parts` is the wide table, which stands by itself. */
export function standingTables(page) {
	const { t, pick, contest } = page;
	const element = h("div", {});
	const parts = h("section", { class: "board-parts", "aria-labelledby": "parts-title", hidden: true });
	const nameOf = new Map(contest.entries.map(({ id, name }) => [id, pick(name)]));
	const look = { name: (id) => nameOf.get(id) ?? id, noun: pick(contest.entry_noun) };
	const views = { full, "top-and-mean": topAndMean, advancers };

	const draw = whenChanged(({ standing, formula }) => [standing, formula], (snapshot) => {
		const { formula } = snapshot;
		const whole = formula?.publish === "full" && formula.parts.length > 0;
		parts.hidden = !whole;
		parts.replaceChildren(...whole ? partsTable(page, snapshot, look) : []);
		element.replaceChildren(...formula ? [incomplete(page, formula, look), views[formula.publish](page, snapshot, look)].flat()
			: [h("p", { class: "message" }, t(`board.withheld.${contest.visibility.standing}`))]);
	});
	return { element, parts, draw };
}

/* What is missing, while something is. */
function incomplete({ t, pick, contest }, formula, { name }) {
	if (formula.complete) return [];
	const part = (id) => pick(formula.parts.find((one) => one.id === id)?.name) || id;
	return [h("div", { class: "summary summary-wait" }, h("p", {}, t("standing.incomplete")),
		h("ul", { class: "lacks" }, lackingParts(formula, contest).map(({ part: id, entries, all }) => h("li", {},
			all ? t("standing.lacks_all", { part: part(id) }) : t("standing.lacks", { part: part(id), entries: entries.map(name).join(", ") })))))];
}

const rankCell = ({ t }, { rank, tied }) => h("td", { class: "rank" },
	tied && h("span", { class: "tied" }, t("results.tied")), String(rank ?? "–"));

const head = ({ t }, noun) => h("thead", {}, h("tr", {},
	h("th", { scope: "col", class: "rank" }, t("results.rank")), h("th", { scope: "col" }, t("results.entry", { noun })),
	h("th", { scope: "col", class: "figure" }, t("standing.points"))));

/* What has become of an entry, under its name; nothing while that is open, or without a cut line. */
function fateOf({ t, pick }, row) {
	if (row.disqualified) return h("span", { class: "under under-why" }, t("standing.disqualified_why", { why: reasonOf(row, pick) }));
	if (row.advanced === true) return h("span", { class: "under" }, h("strong", {}, t("standing.advanced")));
	return row.advanced === false && h("span", { class: "under" }, t("standing.not_advanced"));
}

/* A total, or that it is kept back: a dash alone would look like a value that is missing. */
const totalOf = ({ t }, formula, points) => (value) => isKeptBack(formula, [value])
	? h("span", { class: "under-why" }, t("standing.kept")) : points(value);

/* ---- full ---- */

function full(page, { standing, formula }, { name, noun }) {
	const { t, number } = page;
	const rows = byRank(standing);
	const cut = cutAfter(rows);
	const most = fullPoints(formula.parts);
	const points = number.column(rows.map((row) => row.points));
	const told = totalOf(page, formula, points);
	const line = (row) => {
		const tr = h("tr", { class: row.disqualified ? "is-out" : null }, rankCell(page, row),
			h("th", { scope: "row" }, h("span", { class: "board-name" }, name(row.entry)),
				fateOf(page, row),
				typeof row.points === "number" && h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))),
			h("td", { class: "figure figure-strong" }, row.rank ? told(row.points) : points(row.points)));
		tr.style.setProperty("--bar", String(most > 0 ? (row.points ?? 0) / most : 0));
		return tr;
	};
	const cutLine = () => h("tr", { class: "cut" }, h("td", { colspan: "3" },
		h("span", {}, t("standing.cut", { n: number.count(formula.advance.count) }))));
	return [h("table", { class: "tally tally-small standing" },
		h("caption", {}, t("standing.caption", { max: number.count(most) })), head(page, noun),
		h("tbody", {}, rows.flatMap((row, i) => i === cut ? [cutLine(), line(row)] : [line(row)]))),
	isKeptBack(formula, rows.filter(({ rank }) => rank).map((row) => row.points))
		&& h("p", { class: "soft" }, t("standing.kept_text", { noun })),
	formula.complete && formula.advance.count > 0 && cut === null
		&& h("p", { class: "soft" }, rows.some(({ advanced }) => advanced) ? t("standing.all") : t("standing.nobody", { noun }))]
		.filter(Boolean);
}

/* Whether a total is there, but made of too few experts to be told. */
const isKeptBack = ({ complete }, totals) => complete && totals.includes(null);

/* A value that is there, but of too few experts to be told. */
const isKept = ({ missing }, part, { entry, disqualified }) => part.source === "panel" && part.weight > 0 && !disqualified
	&& !missing.some((one) => one.part === part.id && one.entry === entry);

/* Points and values of each part, subtotals behind their last part. A part without a value says so. */
function partsTable(page, { standing, formula }, { name, noun }) {
	const { t, pick, number } = page;
	const { parts, subtotals } = formula;
	const rows = byRank(standing);
	const subtotal = (part) => subtotals.find(({ id }) => id === part.subtotal);
	const columns = parts.flatMap((part, i) => {
		const points = number.column(rows.map((row) => row.parts[part.id].points));
		const value = number.column(rows.map((row) => row.parts[part.id].value));
		const own = { title: pick(part.name), under: part.weight === 0 ? t("standing.reference")
			: t("standing.part_points", { n: number.count(part.weight) }), cell: (row) => {
			const one = row.parts[part.id];
			if (typeof one.value !== "number") {
				return h("span", { class: "under-why" }, t(isKept(formula, part, row) ? "standing.kept" : "standing.no_value"));
			}
			return [part.weight === 0 ? "–" : points(one.points),
				h("span", { class: "under" }, t("standing.value", { value: value(one.value) }))];
		} };
		if (!endsSubtotal(parts, i)) return [own];
		const of = subtotal(part);
		const sum = number.column(rows.map((row) => row.subtotals[of.id]));
		return [own, { title: t("standing.subtotal", { name: pick(of.name) }), under: t("standing.part_points",
			{ n: number.count(fullPoints(parts.filter((one) => one.subtotal === of.id))) }), strong: true,
		cell: (row) => (row.rank ? totalOf(page, formula, sum) : sum)(row.subtotals[of.id]) }];
	});
	const points = number.column(rows.map((row) => row.points));
	columns.push({ title: t("standing.points"), under: t("standing.part_points", { n: number.count(fullPoints(parts)) }),
		strong: true, cell: (row) => row.rank ? totalOf(page, formula, points)(row.points) : points(row.points) });
	const kind = ({ strong }) => strong ? "figure figure-sum" : "figure";
	return [h("h3", { id: "parts-title" }, t("standing.parts")),
		h("div", { class: "scroll", tabindex: "0", role: "group", "aria-labelledby": "parts-title" },
			h("table", { class: "plain parts" }, h("thead", {}, h("tr", {},
				h("th", { scope: "col" }, t("results.entry", { noun })),
				columns.map((column) => h("th", { scope: "col", class: kind(column) }, column.title,
					h("span", { class: "under" }, column.under))))),
			h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, name(row.entry)),
				columns.map((column) => h("td", { class: kind(column) }, column.cell(row))))))))];
}

/* ---- less than all ---- */

function topAndMean(page, { standing, formula }, { name, noun }) {
	const { t, number } = page;
	const rows = byRank(standing);
	const points = number.column([...rows.map((row) => row.points), formula.mean]);
	const told = totalOf(page, formula, points);
	const best = rows[0]?.rank;
	return [h("p", { class: "message message-small" }, t("standing.publish.top-and-mean", { noun })),
		rows.length > 0 && h("table", { class: "tally tally-small standing" },
			h("caption", {}, t("standing.caption", { max: number.count(fullPoints(formula.parts)) })), head(page, noun),
			h("tbody", {}, rows.map((row) => h("tr", {}, rankCell(page, row), h("th", { scope: "row" }, name(row.entry)),
				h("td", { class: "figure figure-strong" }, told(row.points)))),
			h("tr", { class: "mean" }, h("td", { class: "rank" }, "–"), h("th", { scope: "row" }, t("standing.mean", { noun })),
				h("td", { class: "figure figure-strong" }, told(formula.mean))))),
		isKeptBack(formula, [...rows.map((row) => row.points), formula.mean]) && h("p", { class: "soft" }, t("standing.kept_text", { noun })),
		best > 1 && h("p", { class: "soft" }, t("standing.empty_top", { noun })),
		decision(page, { standing, formula }, { name, noun })].flat().filter(Boolean);
}

function advancers(page, snapshot, look) {
	const { t } = page;
	return [h("p", { class: "message message-small" }, t("standing.publish.advancers", look)), ...decision(page, snapshot, look)];
}

/* Who advances, in the contest's order, which says nothing of points. */
function decision(page, snapshot, { name, noun }) {
	const { t } = page;
	const ids = advancing(snapshot);
	const out = disqualified(page, snapshot, { name, noun });
	if (ids === null) return [snapshot.formula.advance.count > 0 && h("p", { class: "soft" }, t("standing.undecided")), ...out].filter(Boolean);
	if (ids.length === 0) return [h("p", {}, t("standing.nobody", { noun })), ...out];
	return [h("h3", {}, t("standing.who", { noun })), h("p", { class: "soft" }, t("standing.who_order")),
		h("ul", { class: "advancing" }, ids.map((id) => h("li", {}, name(id)))), ...out];
}

/* Those that are out, each with the public reason: where rows do not tell it. */
function disqualified({ t, pick }, snapshot, { name, noun }) {
	const list = disqualifiedOf(snapshot);
	return list.length === 0 ? [] : [h("h3", {}, t("standing.disqualified_title", { noun })),
		h("ul", { class: "outs" }, list.map(({ entry, reason }) => h("li", {}, name(entry),
			h("span", { class: "under under-why" }, t("standing.disqualified_why", { why: pick(reason) || String(reason ?? "") })))))];
}
