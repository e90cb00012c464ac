/* Participants by the minute, from the counters that were noted at the beginning of minutes. Pure. */

const MINUTE_MS = 60_000;
const GAP_MAX = 60;

/* [{ from, to, minutes, added, total }], oldest first; times in ms. A minute that nobody noted belongs to the row
 * before it. The last row is the current minute so far: up to `now`, with `ballots` in all. */
export function turnoutRows(minutes, now, ballots) {
	const rows = [];
	const points = minutes.map(({ at, ballots }) => ({ at: Date.parse(at), ballots }))
		.sort((a, b) => a.at - b.at);
	for (let i = 0; i < points.length; i++) {
		const { at: from, ballots: before } = points[i];
		const last = i === points.length - 1;
		const to = last ? Math.max(now, from) : points[i + 1].at;
		const total = last ? Math.max(ballots, before) : points[i + 1].ballots;
		rows.push({ from, to, minutes: Math.max(1, Math.ceil((to - from) / MINUTE_MS)), added: total - before, total });
	}
	return rows;
}

/* The same for a chart: seconds, participants a minute (over a gap their mean; over more than an hour none, and
 * none for the current minute, which is not over), participants in all at that time. */
export function turnoutSeries(rows) {
	const at = [], perMinute = [], total = [];
	const last = rows.at(-1);
	for (const row of rows) {
		const shown = row.minutes <= GAP_MAX;
		for (let i = 0; i < (shown ? row.minutes : 1); i++) {
			at.push(row.from / 1000 + 60 * i);
			perMinute.push(shown && row !== last ? row.added / row.minutes : null);
			total.push(i === 0 ? row.total - row.added : null);
		}
	}
	if (last && last.to > last.from) {
		at.push(last.to / 1000);
		perMinute.push(null);
		total.push(last.total);
	}
	return [at, perMinute, total];
}
