/**
 * Aggregation and standing a second time, from the prose of daemon/contest/aggregate.h and standing.h alone: whole
 * fractions of BigInts where the daemon has fixed-point numbers, sorted groups where it counts.
 */

/** A fraction [numerator, denominator > 0] of BigInts. */
const whole = (n) => [BigInt(n), 1n];
const minus = ([a, b], [c, d]) => [a * d - c * b, b * d];
const plus = ([a, b], [c, d]) => [a * d + c * b, b * d];
const over = ([a, b], [c, d]) => c < 0n ? [-a * d, -b * c] : [a * d, b * c];
const times = ([a, b], [c, d]) => [a * c, b * d];
const compare = ([a, b], [c, d]) => (a * d > c * b) - (a * d < c * b);
const ZERO = whole(0);
const ONE = whole(1);

const decimal = (text) => {
	const [, sign, integer, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
	return [BigInt(sign + integer + fraction), 10n ** BigInt(fraction.length)];
};

/** Ten-thousandths, half away from zero. */
const rounded = ([a, b]) => {
	const magnitude = a < 0n ? -a : a;
	const tenThousandths = (magnitude * 20000n + b) / (2n * b);
	return a < 0n ? -tenThousandths : tenThousandths;
};

/** Ten-thousandths as the number that a reader of JSON gets. */
const number = (tenThousandths) => {
	const digits = (tenThousandths < 0n ? -tenThousandths : tenThousandths).toString().padStart(5, "0");
	const value = Number(`${digits.slice(0, -4)}.${digits.slice(-4)}`);
	return tenThousandths < 0n ? -value : value;
};

const sum = (fractions) => fractions.reduce(plus, ZERO);
const mean = (fractions) => over(sum(fractions), whole(fractions.length));

const kinds = {
	"mean": (sorted) => mean(sorted),
	"trimmed-mean": (sorted) => mean(sorted.length < 3 ? sorted : sorted.slice(1, -1)),
	"median": (sorted) => mean(sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)),
};

/** The sample's standard deviation by its definition, rounded only in the root. */
const spreadOf = (values) => {
	const middle = mean(values);
	const squares = values.map((value) => times(minus(value, middle), minus(value, middle)));
	const [a, b] = over(sum(squares), whole(values.length - 1));
	return Math.sqrt(Number(a * 10n ** 12n / b) / 1e12);
};

export const aggregate = ({ kind, values }) => {
	const n = values.length;
	const sorted = values.map(whole).sort(compare);
	return {
		n,
		left_out: kind === "trimmed-mean" && n >= 3 ? 2 : 0,
		value: n ? number(rounded(kinds[kind](sorted))) : null,
		spread: n >= 2 ? spreadOf(sorted) : null,
	};
};

/** The value that gets full points where the part does not say: the most that the panel's sheets can give. */
const outOf = (contest, part) => {
	if (part.out_of) return whole(part.out_of);
	const panel = contest.panels.find(({ id }) => id === part.panel);
	return sum(contest.criteria.filter(({ id }) => !panel.criteria.length || panel.criteria.includes(id))
		.map(({ max, weight }) => whole(max * weight)));
};

const clamped = (fraction) => compare(fraction, ZERO) < 0 ? ZERO : compare(fraction, ONE) > 0 ? ONE : fraction;

const scales = {
	"points": (value, _all, full) => over(value, full),
	"share-of-maximum": (value, all) => compare(all.at(-1), ZERO) <= 0 ? ZERO : over(value, all.at(-1)),
	"min-max": (value, all) => compare(all[0], all.at(-1)) === 0 ? ONE :
		over(minus(value, all[0]), minus(all.at(-1), all[0])),
};

/** Points of one part by entry, in ten-thousandths; entries without a value are left out. */
const pointsOf = (contest, part, values = {}) => {
	const known = Object.entries(values).map(([entry, text]) => [entry, decimal(text)]);
	const all = known.map(([, value]) => value).sort(compare);
	const full = part.scale === "points" ? outOf(contest, part) : null;
	return Object.fromEntries(known.map(([entry, value]) =>
		[entry, rounded(times(whole(part.weight), clamped(scales[part.scale](value, all, full))))]));
};

/** First and last place by entry, from sorted groups of equal totals. */
const placesOf = (totals) => {
	const places = {};
	const sorted = Object.entries(totals).sort(([, a], [, b]) => (a < b) - (a > b));
	for (let at = 0; at < sorted.length;) {
		const group = sorted.filter(([, total]) => total === sorted[at][1]);
		for (const [entry] of group) places[entry] = [at + 1, at + group.length];
		at += group.length;
	}
	return places;
};

export const standing = ({ contest, values, disqualified }) => {
	const { entries, parts, subtotals, advance } = contest;
	if (!parts.length) return { complete: false, missing: [], rows: [] };
	const points = Object.fromEntries(parts.map((part) => [part.id, pointsOf(contest, part, values[part.id])]));
	const lacks = (entry, part) => part.weight !== 0 && points[part.id][entry] === undefined;
	const totalOf = (entry, some) => some.reduce((total, { id }) => total + (points[id][entry] ?? 0n), 0n);
	const isWhole = (entry) => !parts.some((part) => lacks(entry, part));
	const qualified = entries.filter((entry) => disqualified[entry] === undefined);
	const complete = qualified.every(isWhole);
	const placed = (advance.refill ? qualified : entries).filter(isWhole);
	const places = placesOf(Object.fromEntries(placed.map((entry) => [entry, totalOf(entry, parts)])));

	const row = (entry) => {
		const out = disqualified[entry] !== undefined;
		const [first, last] = complete && !out ? places[entry] : [null, null];
		const goesOn = () => {
			if (!advance.count || (!complete && !out)) return null;
			return !out && (advance.ties === "included" ? first : last) <= advance.count;
		};
		return {
			entry,
			rank: first,
			tied: first !== last,
			points: isWhole(entry) ? number(totalOf(entry, parts)) : null,
			parts: Object.fromEntries(parts.map(({ id }) => [id, {
				value: values[id]?.[entry] === undefined ? null : number(rounded(decimal(values[id][entry]))),
				points: points[id][entry] === undefined ? null : number(points[id][entry]),
			}])),
			subtotals: Object.fromEntries(subtotals.map(({ id }) => {
				const some = parts.filter(({ subtotal }) => subtotal === id);
				return [id, some.some((part) => lacks(entry, part)) ? null : number(totalOf(entry, some))];
			})),
			...(out && { disqualified: disqualified[entry] }),
			advanced: goesOn(),
		};
	};
	return {
		complete,
		missing: qualified.flatMap((entry) => parts.filter((part) => lacks(entry, part))
			.map(({ id }) => ({ part: id, entry }))),
		rows: entries.map(row),
	};
};
