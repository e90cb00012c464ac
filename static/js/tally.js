/* A snapshot as rows to show, and as CSV. Pure. */

/* What stands for an entry in each form of ballot. `bar` is 0 to 1, from zero: the share itself, the mean on its
 * scale, or the points against all that could be had. The snapshot's own share is rounded already, and rounding that
 * again would show 4 of 21 as 19.1. */
const figures = {
	choices: ({ votes }, { ballots }) => ({ percent: percentOf(votes, ballots), bar: ballots === 0 ? 0 : votes / ballots }),
	scores: ({ mean }, _, { form }) => ({ percent: null, bar: Math.max(0, mean ?? 0) / form.max }),
	ranking: ({ borda }, { ballots }, { entries }) => ({ percent: null,
		bar: ballots === 0 ? 0 : borda / (ballots * Math.max(1, entries.length - 1)) }),
};

/* [{ id, name, votes, percent, mean, borda, schulze, rank, tied, bar }] by rank, equal ranks in the contest's order;
 * null while the counts are withheld. */
export function rowsOf(contest, snapshot, pick) {
	if (!snapshot || snapshot.withheld) return null;
	const byId = new Map(contest.entries.map((entry) => [entry.id, entry]));
	const ranks = snapshot.citizen.map(({ rank }) => rank);
	const nothing = snapshot.ballots === 0;
	return snapshot.citizen
		.map((row) => ({
			...row,
			id: row.entry,
			name: pick(byId.get(row.entry)?.name) || row.entry,
			rank: nothing ? null : row.rank,
			tied: !nothing && ranks.filter((rank) => rank === row.rank).length > 1,
			...figures[contest.form.name](row, snapshot, contest),
		}))
		.sort((a, b) => a.rank - b.rank);
}

/* What a row's rank goes by, in words: "33.3%", "4.25", "1,204". */
export const valueWords = {
	choices: ({ percent }, number) => number.percent(percent),
	scores: ({ mean }, number) => number.mean(mean),
	ranking: ({ borda }, number) => number.count(borda),
};

/* A share in percent, rounded once to a tenth, halves up; in whole numbers, so that halves are exact. */
export function percentOf(votes, ballots) {
	return ballots === 0 ? 0 : Math.floor((2000 * votes + ballots) / (2 * ballots)) / 10;
}

/* "540명 참여"; too few to tell are not told. */
export const totalWords = ({ t, number }, { ballots }) =>
	ballots === null ? t("results.total_withheld") : t("results.total", { n: number.count(ballots) });

/* While votes may still come, the first one is waited for. */
export const emptyWords = ({ t }, { phase }) =>
	t(["announced", "open", "paused"].includes(phase) ? "results.empty" : "results.no_votes");

/* Of a published copy whose signatures are not checked, or do not hold (site.js): nobody knows what it is. */
const isUnknown = ({ phase }) => phase === "checking" || phase === "unproven";

/* The badge's kind: what stands is provisional until somebody certifies it. */
export const kindOf = (snapshot) => isFinal(snapshot) || isUnknown(snapshot) ? snapshot.phase : "provisional";

/* Nothing moves any more, but for a correction. */
export const isFinal = ({ phase }) => phase === "certified" || phase === "corrected";

/* From then on the phase says no more than the kind does. */
export const hasResult = (snapshot) => snapshot.phase === "provisional" || isFinal(snapshot) || isUnknown(snapshot);

export const sameOrder = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);

const csvValues = {
	choices: ({ percent }) => [percent.toFixed(1)],
	scores: ({ mean }) => [mean ?? ""],
	ranking: ({ borda, schulze }) => [borda, schulze],
};

/* Every line says of which count it is; withheld counts are one line without an entry. */
export function csvOf(contest, snapshot, rows, heads) {
	const form = contest.form.name;
	const values = form === "ranking" ? [heads.value, heads.schulze] : [heads.value];
	const lines = rows.map((row) => [row.rank ?? "", row.id, row.name, row.votes, ...csvValues[form](row)]);
	const none = Array(4 + values.length).fill("");
	return csvText([
		[heads.rank, "id", heads.entry, heads.votes, ...values, "ballots", ...originHead, "withheld"],
		...(lines.length ? lines : [none]).map((line) =>
			[...line, snapshot.ballots ?? "", ...originOf(snapshot), snapshot.withheld ?? ""]),
	]);
}

/* Which count a line is of: columns that every CSV has. */
export const originHead = ["contest", "kind", "phase", "as_of"];
export const originOf = ({ contest, rehearsal, demonstration, phase, as_of: asOf }) =>
	[contest, rehearsal ? "rehearsal" : demonstration ? "demonstration" : "real", phase, asOf];

/* RFC 4180, with a byte order mark so that spreadsheets read Korean. */
export const csvText = (table) => `\uFEFF${table.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;

/* Quoted where needed; a leading = + - @ would be a formula to a spreadsheet. */
function cell(value) {
	const text = typeof value === "string" ? value.replace(/^[=+\-@]/, "'$&") : String(value ?? "");
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
