/* A snapshot as rows to show, and as CSV. Pure. */

/* [{ id, name, votes, share, mean, rank, tied, bar }] by rank, equal ranks in the contest's order; null while the
 * counts are withheld. `bar` is 0 to 1, from zero: the share itself, or the mean on its scale. */
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
			bar: contest.form.name === "scores" ? Math.max(0, row.mean ?? 0) / contest.form.max : row.share,
		}))
		.sort((a, b) => a.rank - b.rank);
}

/* "540명 참여"; too few to tell are not told. */
export const totalWords = ({ t, number }, { ballots }) =>
	ballots === null ? t("results.total_withheld") : t("results.total", { n: number.count(ballots) });

/* The badge's kind: what stands is provisional until somebody certifies it. */
export const kindOf = ({ phase }) => phase === "certified" ? "certified" : "provisional";

export const sameOrder = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);

/* RFC 4180, with a byte order mark so that spreadsheets read Korean. */
export function csvOf(contest, snapshot, rows, heads) {
	const scores = contest.form.name === "scores";
	const table = [
		[heads.rank, "id", heads.entry, heads.votes, heads.value],
		...rows.map((row) => [row.rank ?? "", row.id, row.name, row.votes,
			scores ? row.mean ?? "" : (row.share * 100).toFixed(2)]),
		[],
		["as_of", snapshot.as_of],
		["ballots", snapshot.ballots ?? ""],
		["contest", snapshot.contest + (snapshot.rehearsal ? "~rehearsal" : "")],
		["phase", snapshot.phase],
	];
	return `\uFEFF${table.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

/* Quoted where needed; a leading = + - @ would be a formula to a spreadsheet. */
function cell(value) {
	const text = typeof value === "string" ? value.replace(/^[=+\-@]/, "'$&") : String(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
