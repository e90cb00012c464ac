// From openings to the citizens' rows (FORMAT.md 3.1, 5.5).
import { ratio, toNumber } from './decimal.mjs';
import { sha256 } from './note.mjs';

const REPLACEMENTS_MAX = 10;

export function entryOf({ identity, index, spent, salt, ballot }) {
	const place = Buffer.alloc(8);
	place.writeBigUInt64BE(BigInt(index));
	return sha256('tallyd ballot v1\n', identity, '\n', place, spent, salt, ballot);
}

/** A record of an openings file, or null. */
export const parseOpening = (record) => record.length > 48
	? { spent: record.subarray(0, 16), salt: record.subarray(16, 48), ballot: record.subarray(48).toString('latin1') } : null;

/** Items of a canonical ballot as [entry, value] (steps, or place from 1), or null. */
export function parseBallot(text, { form, entries }) {
	const lines = text.split('\n');
	if (lines.pop() !== '' || lines.shift() !== form.name)
		return null;
	const items = lines.map((line, i) => {
		if (form.name !== 'scores')
			return [line, form.name === 'ranking' ? i + 1 : 1];
		const [, id, steps] = /^([a-z][a-z0-9-]*)=(0|[1-9][0-9]{0,8})$/.exec(line) ?? [];
		return [id, Number(steps)];
	});
	const places = items.map(([id]) => entries.findIndex((entry) => entry.id === id));
	const ordered = form.name === 'ranking' || places.every((place, i) => i === 0 || places[i - 1] < place);
	const many = form.name === 'scores' ? items.length >= 1 : items.length >= form.min && items.length <= form.max;
	const fits = form.name !== 'scores' || items.every(([, steps]) => steps <= (form.max - form.min) / form.step);
	return !places.includes(-1) && new Set(places).size === places.length && ordered && many && fits ? items : null;
}

/** Collects openings, shard after shard; `wrong(what)` takes findings. */
export class Count {
	#standing = new Map(); // spent in hex -> { items, times }
	#parsed = new Map();

	constructor(rules) {
		this.rules = rules;
		this.superseded = 0;
	}

	add({ shard, index, spent, ballot }, wrong) {
		const where = `shard ${shard}, index ${index}`;
		const { shards, revote } = this.rules;
		if (spent.readUInt32BE(0) % shards !== shard)
			wrong(`${where}: this token belongs to another shard`);
		if (!this.#parsed.has(ballot))
			this.#parsed.set(ballot, parseBallot(ballot, this.rules));
		const items = this.#parsed.get(ballot);
		if (!items)
			wrong(`${where}: not a ballot of this contest`);
		const token = spent.toString('hex');
		const times = (this.#standing.get(token)?.times ?? 0) + 1;
		if (times > (revote === 'replace' ? 1 + REPLACEMENTS_MAX : 1))
			wrong(`${where}: the token of an earlier ballot again`);
		if (times > 1)
			this.superseded++;
		this.#standing.set(token, { items, times });
	}

	get ballots() {
		return this.#standing.size;
	}

	/** Rows in the rules' order; in a ranking, P as well; and S and V of each entry. */
	result() {
		const { entries } = this.rules;
		const weight = new Map(); // the same items are one object
		for (const { items } of this.#standing.values())
			if (items) weight.set(items, (weight.get(items) ?? 0) + 1);
		const votes = entries.map(() => 0n);
		const steps = entries.map(() => 0n);
		const place = new Map(entries.map(({ id }, i) => [id, i]));
		for (const [items, times] of weight)
			for (const [id, value] of items) {
				votes[place.get(id)] += BigInt(times);
				steps[place.get(id)] += BigInt(times * value);
			}
		return { votes, steps, ...this.#rows(votes, steps, weight) };
	}

	#rows(votes, steps, weight) {
		const { form, entries } = this.rules;
		const row = (i, more, rank) => ({ entry: entries[i].id, votes: Number(votes[i]), ...more, rank });
		const all = entries.map((_, i) => i);
		const rankBy = (better) => all.map((i) => 1 + all.filter((other) => better(other, i)).length);
		if (form.name === 'choices') {
			const ranks = rankBy((a, b) => votes[a] > votes[b]);
			const share = (i) => this.ballots ? toNumber(ratio(votes[i], BigInt(this.ballots))) : 0;
			return { rows: all.map((i) => row(i, { share: share(i) }, ranks[i])) };
		}
		if (form.name === 'scores') {
			const ranks = rankBy((a, b) => votes[a] > 0n && (votes[b] === 0n || steps[a] * votes[b] > steps[b] * votes[a]));
			const mean = (i) => votes[i] === 0n ? null
				: toNumber(ratio(BigInt(form.min) * votes[i] + BigInt(form.step) * steps[i], votes[i], 2n), 2n);
			return { rows: all.map((i) => row(i, { mean: mean(i) }, ranks[i])) };
		}
		const prefer = preferences(entries, weight);
		const rows = fromPairs(prefer, this.rules).map((one, i) => ({ ...one, votes: Number(votes[i]) }));
		return { borda: rows.map(({ borda }) => borda), pairwise: prefer, rows };
	}
}

/** Of a ranking: the rows, but for their votes. */
export function fromPairs(prefer, { form, entries }) {
	const borda = prefer.map((line) => line.reduce((sum, n) => sum + n, 0));
	const places = schulze(prefer);
	const rank = (i) => form.method === 'schulze' ? places[i] : 1 + borda.filter((other) => other > borda[i]).length;
	return entries.map(({ id }, i) => ({ entry: id, borda: borda[i], schulze: places[i], rank: rank(i) }));
}

function preferences(entries, weight) {
	const prefer = entries.map(() => entries.map(() => 0));
	for (const [items, times] of weight) {
		const at = new Map(items);
		entries.forEach(({ id: a }, i) => entries.forEach(({ id: b }, j) => {
			if (i !== j && at.has(a) && (!at.has(b) || at.get(a) < at.get(b)))
				prefer[i][j] += times;
		}));
	}
	return prefer;
}

function schulze(prefer) {
	const all = prefer.map((_, i) => i);
	const strength = all.map((a) => all.map((b) => a !== b && prefer[a][b] > prefer[b][a] ? prefer[a][b] : 0));
	for (const v of all)
		for (const a of all)
			for (const b of all)
				if (a !== b)
					strength[a][b] = Math.max(strength[a][b], Math.min(strength[a][v], strength[v][b]));
	return all.map((a) => 1 + all.filter((b) => strength[b][a] > strength[a][b]).length);
}
