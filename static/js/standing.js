/* The stage's standing as the public sees it: order, cut line, how a part's points came about, and CSV. Pure. */
import { csvText, originHead, originOf } from "./tally.js";

const citizensParts = ({ stage }) => stage?.parts.filter(({ source }) => source === "citizens") ?? [];

/* What the citizens' part is called: as the stage names it, since voters may be members rather than citizens. */
export const citizensTitle = ({ t, pick, contest }) => pick(citizensParts(contest)[0]?.name) || t("results.votes_title");

/* Whether the votes count for nothing in the standing: then nobody is to think that they decide. */
export function isReference(contest) {
	const parts = citizensParts(contest);
	return parts.length > 0 && parts.every(({ weight }) => weight === 0);
}

/* Rows by rank, those without one last; equal ranks in the contest's order. */
export const byRank = (rows) => [...rows].sort((a, b) => (a.rank ?? rows.length + 1) - (b.rank ?? rows.length + 1));

/* How many of the rows, in that order, stand above the cut line; null where there is none to draw: without a cut,
 * while it is open, and when all or none advance. */
export function cutAfter(rows) {
	const above = rows.map(({ advanced }) => advanced === true).lastIndexOf(true) + 1;
	return above === 0 || above === rows.length ? null : above;
}

/* The ids of those that advance; null while that is not decided, or not told. */
export function advancing({ formula, standing }) {
	if (!formula?.complete || !formula.advance?.count) return null;
	return formula.advanced ?? standing.filter(({ advanced }) => advanced === true).map(({ entry }) => entry);
}

/* What the standing still lacks, by parts in their order: { part, entries, all }; `all` where nobody in the running has a value. */
export function lackingParts({ missing, parts, disqualified = [] }, { entries }) {
	const out = new Set(disqualified.map(({ entry }) => entry));
	const running = entries.filter(({ id }) => !out.has(id)).length;
	return parts.map(({ id: part }) => ({ part, entries: missing.filter((one) => one.part === part).map(({ entry }) => entry) }))
		.filter((one) => one.entries.length > 0)
		.map((one) => ({ ...one, all: one.entries.length === running }));
}

/* Whether the part with this index is the last of its subtotal: behind it stands the subtotal's column. */
export const endsSubtotal = (parts, i) => Boolean(parts[i].subtotal)
	&& parts.findLastIndex(({ subtotal }) => subtotal === parts[i].subtotal) === i;

/* What all parts together can give. */
export const fullPoints = (parts) => parts.reduce((sum, { weight }) => sum + weight, 0);

/* The numbers that an entry's points of a part are made of: { value, least, greatest, points }; null where one of
 * them is not known. Least and greatest are of all entries, the disqualified included. */
export function workingOf(part, rows, entry) {
	const values = rows.map((row) => row.parts?.[part.id]?.value).filter((value) => typeof value === "number");
	const own = rows.find((row) => row.entry === entry)?.parts?.[part.id];
	if (typeof own?.value !== "number") return null;
	return { value: own.value, points: own.points, least: Math.min(...values), greatest: Math.max(...values) };
}

/* "81.2 ÷ 100 × 10": the same as numbers(part, working), formatted by `f`. */
export function workingText(part, { value, least, greatest }, f) {
	switch (part.scale) {
	case "points":
		return `${f(value)} ÷ ${f(part.out_of)} × ${f(part.weight)}`;
	case "share-of-maximum":
		return `${f(value)} ÷ ${f(greatest)} × ${f(part.weight)}`;
	default:
		return `(${f(value)} − ${f(least)}) ÷ (${f(greatest)} − ${f(least)}) × ${f(part.weight)}`;
	}
}

/* One line an entry, as far as the contest tells: points, parts and subtotals where they are public. */
export function standingCsv(snapshot, { pick, heads, entries }) {
	const { standing, formula } = snapshot;
	const names = new Map(entries.map(({ id, name }) => [id, pick(name)]));
	const { parts, subtotals } = formula.publish === "full" ? formula : { parts: [], subtotals: [] };
	const fate = (row) => row.disqualified ? "disqualified" : row.advanced === true ? "advanced"
		: row.advanced === false ? "not-advanced" : "";
	const rest = formula.publish === "full" ? [] : [...(formula.advanced ?? []).map((entry) => ({ entry, advanced: true })),
		...disqualifiedOf(snapshot).map(({ entry, reason }) => ({ entry, disqualified: reason }))];
	const shown = [...standing, ...rest.filter(({ entry }) => !standing.some((row) => row.entry === entry))];
	return csvText([
		[heads.rank, "id", heads.entry, heads.points, heads.fate, heads.reason,
			...parts.flatMap(({ id }) => [`${id} value`, `${id} points`]),
			...subtotals.map(({ id }) => `${id} subtotal`), "mean of all", ...originHead],
		...byRank(shown).map((row) => [row.rank ?? "", row.entry, names.get(row.entry) ?? row.entry, row.points ?? "",
			fate(row), reasonOf(row, pick),
			...parts.flatMap(({ id }) => [row.parts?.[id]?.value ?? "", row.parts?.[id]?.points ?? ""]),
			...subtotals.map(({ id }) => row.subtotals?.[id] ?? ""), formula.mean ?? "", ...originOf(snapshot)]),
	]);
}

/* [{ entry, reason }] of all that are disqualified, whether or not they have a row. */
export function disqualifiedOf({ standing, formula }) {
	const listed = formula?.disqualified ?? [];
	const rows = (standing ?? []).filter((row) => row.disqualified && !listed.some(({ entry }) => entry === row.entry));
	return [...listed, ...rows.map(({ entry, disqualified }) => ({ entry, reason: disqualified }))];
}

/* Why an entry is disqualified, in the reader's language; "" where it is not. */
export const reasonOf = ({ disqualified }, pick) =>
	typeof disqualified === "string" ? disqualified : pick(disqualified);

/* ---- experts ---- */

/* Who of a panel did not rate an entry: { n, of, recused, absent }; recusals hold exclusions and challenges, too. */
export const denominators = ({ n, of, recused }) => ({ n, of, recused, absent: Math.max(0, of - n - recused) });

/* One line for each panel and entry. */
export function expertsCsv(snapshot, { pick, heads, entries }) {
	const names = new Map(entries.map(({ id, name }) => [id, pick(name)]));
	return csvText([
		[heads.panel, "id", heads.entry, heads.value, heads.spread, "n", "recused", "of", "aggregate", "out of",
			"withheld", ...originHead],
		...(snapshot.experts.panels ?? []).flatMap((panel) => panel.entries.map((row) => [pick(panel.name), row.entry,
			names.get(row.entry) ?? row.entry, row.value ?? "", row.spread ?? "", row.n, row.recused, row.of,
			panel.aggregate, panel.max, row.withheld ?? "", ...originOf(snapshot)])),
	]);
}
