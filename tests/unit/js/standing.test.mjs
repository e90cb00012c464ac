/**
 * The standing computed twice: the reference (standing_reference.mjs) against hand-checked numbers, and the daemon's
 * rules against the reference on random cases. SEED=… repeats a run.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { aggregate, standing } from "./standing_reference.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const build = resolve(root, process.env.TALLYD_BUILD || process.env.BUILD || "build");
const vectors = JSON.parse(readFileSync(new URL("../vectors/standing.json", import.meta.url)));
const CASES = 600;

/** What the daemon's rules make of the cases. */
const compute = (cases) => JSON.parse(execFileSync(resolve(build, "tests/standing_test"), ["--compute"],
	{ input: JSON.stringify(cases), maxBuffer: 1 << 28 }));

const closeTo = (a, b) => a === b || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));

const sameAggregate = (actual, expected, message) => {
	const { spread, ...rest } = actual;
	const { spread: expectedSpread, ...expectedRest } = expected;
	assert.deepEqual(rest, expectedRest, message);
	assert.ok(spread === null ? expectedSpread === null : closeTo(spread, expectedSpread),
		`${message}: spread ${spread}, not ${expectedSpread}`);
};

/** Of an object the members that `shape` has, all the way down. */
const reduced = (value, shape) => {
	if (Array.isArray(shape)) return value.length === shape.length ? value.map((v, i) => reduced(v, shape[i])) : value;
	if (shape === null || typeof shape !== "object" || value === null || typeof value !== "object") return value;
	return Object.fromEntries(Object.keys(shape).map((key) => [key, reduced(value[key], shape[key])]));
};

for (const vector of vectors.aggregates) {
	test(`aggregate, by hand: ${vector.name}`, () => sameAggregate(aggregate(vector), vector.expect, vector.name));
}
for (const vector of vectors.standings) {
	test(`standing, by hand: ${vector.name}`, () => {
		assert.deepEqual(reduced(standing(vector), vector.expect), vector.expect);
	});
}

/* ---- random cases ---- */

const seed = Number(process.env.SEED || Date.now() % 2 ** 32) >>> 0;
/* mulberry32: small, and the same everywhere. */
let state = seed;
const below = (n) => {
	state = (state + 0x6D2B79F5) >>> 0;
	let t = Math.imul(state ^ (state >>> 15), state | 1);
	t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
	return ((t ^ (t >>> 14)) >>> 0) % n;
};
const some = (n, item) => Array.from({ length: n }, (_, i) => item(i));
const one = (...items) => items[below(items.length)];
const oneIn = (n) => below(n) === 0;

const randomAggregate = () => {
	const range = one(2, 5, 101, 2 ** 31);
	return {
		kind: one("mean", "trimmed-mean", "median"),
		values: some(oneIn(3) ? below(5) : below(60), () => below(range) - (oneIn(3) ? below(range) : 0)),
	};
};

/** Values of one part's sort: few that often tie, or many with decimals. */
const randomValue = (few) => {
	const sign = oneIn(6) ? "-" : "";
	if (few) return `${sign}${below(4)}`;
	return `${sign}${below(one(2, 120, 1e9))}.${String(below(10000)).padStart(4, "0")}`;
};

const randomPart = (contest, i) => {
	const source = one("citizens", "panel", "metric", "metric");
	const scale = one("points", "share-of-maximum", "min-max");
	const part = { id: `part-${i}`, source, weight: oneIn(5) ? 0 : 1 + below(50), scale };
	if (source === "panel") part.panel = one(...contest.panels).id;
	if (scale === "points" && (source !== "panel" || oneIn(2))) part.out_of = 1 + below(150);
	if (oneIn(2)) part.subtotal = one(...contest.subtotals).id;
	return part;
};

const randomContest = () => {
	const contest = {
		entries: some(2 + below(7), (i) => `entry-${i}`),
		criteria: some(1 + below(4), (i) =>
			({ id: `criterion-${i}`, min: 0, max: 1 + below(20), step: 1, weight: 1 + below(5) })),
		panels: [],
		parts: [],
		subtotals: some(1 + below(2), (i) => ({ id: `subtotal-${i}` })),
	};
	contest.panels = some(1 + below(2), (i) => ({
		id: `panel-${i}`,
		criteria: oneIn(3) ? [] : contest.criteria.map(({ id }) => id).slice(below(contest.criteria.length)),
	}));
	contest.parts = some(1 + below(6), (i) => randomPart(contest, i));
	contest.advance = { count: below(contest.entries.length + 1), refill: oneIn(2), ties: one("included", "excluded") };
	return contest;
};

const randomStanding = () => {
	const contest = randomContest();
	const gaps = oneIn(3);
	const few = oneIn(2);
	const having = () => contest.entries.filter(() => !gaps || !oneIn(8));
	return {
		contest,
		values: Object.fromEntries(contest.parts.map(({ id }) =>
			[id, Object.fromEntries(having().map((entry) => [entry, randomValue(few)]))])),
		disqualified: Object.fromEntries(contest.entries.filter(() => oneIn(6)).map((entry) => [entry, "a reason"])),
	};
};

test(`the daemon's rules agree with the reference, SEED=${seed}`, (t) => {
	const cases = { aggregates: some(CASES, randomAggregate), standings: some(CASES, randomStanding) };
	const results = compute(cases);
	t.diagnostic(`SEED=${seed}`);
	cases.aggregates.forEach((item, i) => {
		sameAggregate(results.aggregates[i], aggregate(item), `SEED=${seed}: ${JSON.stringify(item)}`);
	});
	const seen = { ranked: 0, incomplete: 0, tied: 0, disqualified: 0, advanced: 0, behind: 0 };
	cases.standings.forEach((item, i) => {
		const expected = standing(item);
		const { complete, missing, rows } = results.standings[i];
		assert.deepEqual({ complete, missing, rows }, expected, `SEED=${seed}: ${JSON.stringify(item)}`);
		seen[complete ? "ranked" : "incomplete"]++;
		seen.tied += rows.some((row) => row.tied);
		seen.disqualified += rows.some((row) => row.disqualified);
		seen.advanced += rows.some((row) => row.advanced === true);
		seen.behind += rows.some((row) => row.advanced === false);
	});
	/* The cases are of every sort, or the agreement says little. */
	for (const [sort, n] of Object.entries(seen)) assert.ok(n >= CASES / 20, `only ${n} of ${CASES} cases: ${sort}`);
});
