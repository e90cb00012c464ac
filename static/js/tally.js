/* A snapshot as rows to show, and as CSV. Pure. */

/* [{ id, name, votes, percent, mean, rank, tied, bar }] by rank, equal ranks in the contest's order; null while the
 * counts are withheld. `bar` is 0 to 1, from zero: the share itself, or the mean on its scale. The snapshot's own
 * share is rounded already, and rounding that again would show 4 of 21 as 19.1. */
export function rowsOf(contest, snapshot, pick) {
	if (!snapshot || snapshot.withheld) return null;
	const byId = new Map(contest.entries.map((entry) => [entry.id, entry]));
	const ranks = snapshot.citizen.map(({ rank }) => rank);
	const { ballots } = snapshot;
	const nothing = ballots === 0;
	const scores = contest.form.name === "scores";
	return snapshot.citizen
		.map((row) => ({
			...row,
			id: row.entry,
			name: pick(byId.get(row.entry)?.name) || row.entry,
			rank: nothing ? null : row.rank,
			tied: !nothing && ranks.filter((rank) => rank === row.rank).length > 1,
			percent: scores ? null : percentOf(row.votes, ballots),
			bar: scores ? Math.max(0, row.mean ?? 0) / contest.form.max : nothing ? 0 : row.votes / ballots,
		}))
		.sort((a, b) => a.rank - b.rank);
}

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

/* The badge's kind: what stands is provisional until somebody certifies it. */
export const kindOf = ({ phase }) => phase === "certified" ? "certified" : "provisional";

export const sameOrder = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);

/* RFC 4180, with a byte order mark so that spreadsheets read Korean. Every line says of which count it is; withheld
 * counts are one line without an entry. */
export function csvOf(contest, snapshot, rows, heads) {
	const scores = contest.form.name === "scores";
	const kind = snapshot.rehearsal ? "rehearsal" : snapshot.demonstration ? "demonstration" : "real";
	const count = [snapshot.ballots ?? "", snapshot.contest, kind, snapshot.phase, snapshot.as_of,
		snapshot.withheld ?? ""];
	const lines = rows.map((row) => [row.rank ?? "", row.id, row.name, row.votes,
		scores ? row.mean ?? "" : row.percent.toFixed(1)]);
	const table = [
		[heads.rank, "id", heads.entry, heads.votes, heads.value,
			"ballots", "contest", "kind", "phase", "as_of", "withheld"],
		...(lines.length ? lines : [["", "", "", "", ""]]).map((line) => [...line, ...count]),
	];
	return `\uFEFF${table.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

/* Quoted where needed; a leading = + - @ would be a formula to a spreadsheet. */
function cell(value) {
	const text = typeof value === "string" ? value.replace(/^[=+\-@]/, "'$&") : String(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
