/* What the results page makes of the public standing and of the panels, and ballots that are an order. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { canonicalBallot, countOf, emptyBallot, isComplete, knowsForm } from "../../../static/js/forms.js";
import { moved } from "../../../static/js/ranking-screen.js";
import { advancing, byRank, citizensTitle, cutAfter, denominators, disqualifiedOf, endsSubtotal, expertsCsv,
	fullPoints, isReference, lackingParts, reasonOf, standingCsv, workingOf, workingText } from "../../../static/js/standing.js";
import { csvOf, hasResult, kindOf, rowsOf } from "../../../static/js/tally.js";
import { decimals, numbers } from "../../../static/js/words.js";
import "./setup.mjs";

const pick = (text) => text?.ko ?? "";
const row = (entry, rank, advanced, more = {}) => ({ entry, rank, tied: false, advanced, ...more });

test("rows go by rank, those without one last, equal ranks in the contest's order", () => {
	const rows = [row("a", 3, false), row("b", null, false), row("c", 1, true), row("d", 1, true)];
	assert.deepEqual(byRank(rows).map(({ entry }) => entry), ["c", "d", "a", "b"]);
});

test("what is missing is told a part at a time", () => {
	const contest = { entries: ["a", "b", "c"].map((id) => ({ id })) };
	const parts = ["bench", "speed", "experts"].map((id) => ({ id }));
	const missing = [["a", "bench"], ["a", "speed"], ["b", "bench"], ["c", "bench"]].map(([entry, part]) => ({ entry, part }));
	assert.deepEqual(lackingParts({ missing, parts }, contest), [{ part: "bench", entries: ["a", "b", "c"], all: true },
		{ part: "speed", entries: ["a"], all: false }]);
	const disqualified = [{ entry: "c", reason: {} }];
	const two = missing.filter(({ entry }) => entry !== "c");
	assert.deepEqual(lackingParts({ missing: two, parts, disqualified }, contest).map(({ all }) => all), [true, false], "who is out lacks nothing");
	assert.deepEqual(lackingParts({ missing: [], parts }, contest), []);
});

test("the cut line stands behind the last that advances, and only where there are both sides", () => {
	const fates = (...advanced) => cutAfter(advanced.map((fate, i) => row(`e${i}`, i + 1, fate)));
	assert.equal(fates(true, true, false), 2);
	assert.equal(fates(true, true), null);
	assert.equal(fates(false, false), null);
	assert.equal(fates(null, null), null);
	// Without refill the first place may be empty: the disqualified one comes last, below the line.
	assert.equal(cutAfter(byRank([row("a", null, false, { disqualified: "x" }), row("b", 2, true), row("c", 3, false)])), 1);
});

test("who advances: told by itself, by the rows, or not decided", () => {
	const formula = { complete: true, advance: { count: 2 } };
	assert.deepEqual(advancing({ formula: { ...formula, advanced: ["b", "a"] }, standing: [row("a", 1, true)] }), ["b", "a"]);
	assert.deepEqual(advancing({ formula, standing: [row("a", 2, false), row("b", 1, true)] }), ["b"]);
	assert.equal(advancing({ formula: { ...formula, complete: false }, standing: [] }), null);
	assert.equal(advancing({ formula: { complete: true, advance: { count: 0 } }, standing: [] }), null);
});

test("subtotals end with their last part", () => {
	const parts = [{ subtotal: "s" }, {}, { subtotal: "s" }, { subtotal: "u" }];
	assert.deepEqual(parts.map((_, i) => endsSubtotal(parts, i)), [false, false, true, true]);
	assert.equal(fullPoints([{ weight: 35 }, { weight: 0 }, { weight: 65 }]), 100);
});

/* Every worked example that the page would show, against hand-checked standings: its numbers give the points. */
test("workings give the points of the hand-checked standings", () => {
	let checked = 0;
	const { standings } = JSON.parse(readFileSync(new URL("../vectors/standing.json", import.meta.url)));
	for (const { name, contest, expect } of standings) {
		if (!expect?.rows || !contest?.parts) continue;
		for (const part of contest.parts) {
			if (part.scale === "points" && !part.out_of) continue;
			for (const { entry } of expect.rows) {
				const working = workingOf(part, expect.rows, entry);
				if (!working || typeof working.points !== "number" || expect.rows.some(({ parts }) => !parts?.[part.id])) continue;
				const text = workingText(part, working, String);
				const [value, ...rest] = text.replace(/[()]/g, "").split(/ ÷ | × | − /).map(Number);
				const raw = part.scale === "min-max" ? (value - rest[0]) / (rest[1] - rest[2]) * rest[3]
					: value / rest[0] * rest[1];
				if (!Number.isFinite(raw)) continue; // nothing to tell apart
				const bounded = Math.min(Math.max(raw, 0), part.weight);
				assert.ok(Math.abs(bounded - working.points) < 0.000_051, `${name}: ${entry}: ${text} = ${working.points}`);
				checked++;
			}
		}
	}
	assert.ok(checked > 20, `${checked} checked`);
});

test("a disqualification's reason, in whichever form it comes", () => {
	assert.equal(reasonOf({ disqualified: { ko: "미달", en: "below" } }, pick), "미달");
	assert.equal(reasonOf({ disqualified: "미달" }, pick), "미달");
	assert.equal(reasonOf({}, pick), "");
});

test("the disqualified are told once, from the rows or beside them", () => {
	const reason = { ko: "미달", en: "below" };
	assert.deepEqual(disqualifiedOf({ formula: { disqualified: [{ entry: "a", reason }] }, standing: [] }), [{ entry: "a", reason }]);
	assert.deepEqual(disqualifiedOf({ formula: { disqualified: [{ entry: "a", reason }] },
		standing: [{ entry: "a", disqualified: reason }, { entry: "b", disqualified: reason }, { entry: "c" }] }),
	[{ entry: "a", reason }, { entry: "b", reason }]);
	assert.deepEqual(disqualifiedOf({ formula: null, standing: undefined }), []);
});

test("votes that weigh nothing are for reference, under the name that the stage gives them", () => {
	const stage = (...weights) => ({ stage: { parts: weights.map((weight) => ({ source: "citizens", weight, name: { ko: "국민 평가" } })) } });
	const page = (contest) => ({ t: (key) => key, pick: (text) => text?.ko ?? "", contest });
	assert.deepEqual([stage(0), stage(30), stage(0, 5), { stage: null }, stage()].map(isReference), [true, false, false, false, false]);
	assert.equal(citizensTitle(page(stage(0))), "국민 평가");
	assert.equal(citizensTitle(page({ stage: null })), "results.votes_title");
});

test("nobody of a panel is left out silently", () => {
	assert.deepEqual(denominators({ n: 6, of: 9, recused: 2 }), { n: 6, of: 9, recused: 2, absent: 1 });
	assert.equal(denominators({ n: 9, of: 9, recused: 0 }).absent, 0);
});

const snapshot = { contest: "c", rehearsal: true, phase: "provisional", as_of: "2026-12-31T00:00:00.000Z" };
const entries = [{ id: "a", name: { ko: "가" } }, { id: "b", name: { ko: "나" } }];
const heads = { rank: "순위", entry: "팀", points: "총점", fate: "결과", reason: "사유", panel: "평가단", value: "점수", spread: "표준편차" };

test("the standing's CSV: parts where they are public, and only who advances where they are not", () => {
	const parts = [{ id: "p", weight: 10 }];
	const all = standingCsv({ ...snapshot, formula: { publish: "full", parts, subtotals: [{ id: "s" }] }, standing: [
		row("a", null, false, { points: 5, disqualified: { ko: "미달" }, parts: { p: { value: 50, points: 5 } }, subtotals: { s: 5 } }),
		row("b", 1, true, { points: 4, parts: { p: { value: 40, points: 4 } }, subtotals: { s: 4 } })] }, { pick, heads, entries });
	assert.deepEqual(all.trim().split("\r\n"), [
		"\uFEFF순위,id,팀,총점,결과,사유,p value,p points,s subtotal,mean of all,contest,kind,phase,as_of".slice(1),
		"1,b,나,4,advanced,,40,4,4,,c,rehearsal,provisional,2026-12-31T00:00:00.000Z",
		",a,가,5,disqualified,미달,50,5,5,,c,rehearsal,provisional,2026-12-31T00:00:00.000Z"]);
	const less = standingCsv({ ...snapshot, formula: { publish: "top-and-mean", parts, subtotals: [], mean: 4.5, advanced: ["a", "b"],
		disqualified: [{ entry: "x", reason: { ko: "미달", en: "below" } }] }, standing: [row("b", 1, true, { points: 5 })] }, { pick, heads, entries });
	assert.deepEqual(less.trim().split("\r\n").slice(1).map((line) => line.split(",").slice(0, 7)), [
		["1", "b", "나", "5", "advanced", "", "4.5"], ["", "a", "가", "", "advanced", "", "4.5"],
		["", "x", "x", "", "disqualified", "미달", "4.5"]]);
});

test("the experts' CSV says what is kept back", () => {
	const csv = expertsCsv({ ...snapshot, experts: { panels: [{ id: "x", name: { ko: "전문가" }, aggregate: "mean", max: 100,
		entries: [{ entry: "a", n: 7, of: 9, recused: 2, value: 83.25, spread: 4.1 },
			{ entry: "b", n: 3, of: 9, recused: 6, withheld: "too-few" }] }] } }, { pick, heads, entries });
	assert.deepEqual(csv.trim().split("\r\n").slice(1).map((line) => line.split(",").slice(0, 11)), [
		["전문가", "a", "가", "83.25", "4.1", "7", "2", "9", "mean", "100", ""],
		["전문가", "b", "나", "", "", "3", "6", "9", "mean", "100", "too-few"]]);
});

test("numbers under each other have the same decimals, at most four", () => {
	assert.equal(decimals([80, 78.25, null, 1.1]), 2);
	assert.equal(decimals([1.000_04, 7]), 0);
	assert.deepEqual([80, 78.0661, null].map(numbers("ko").column([80, 78.0661, null])), ["80.0000", "78.0661", "–"]);
});

/* ---- rankings ---- */

const ranking = { id: "r", form: { name: "ranking", min: 1, max: 2, method: "schulze" },
	entries: ["a", "b", "c"].map((id) => ({ id, name: { ko: id } })) };

test("a ranking's canonical text keeps the voter's order", () => {
	assert.ok(knowsForm(ranking));
	assert.equal(canonicalBallot(ranking, { ranking: ["c", "a"] }), "ranking\nc\na\n");
	assert.deepEqual(emptyBallot(ranking), { ranking: [] });
	assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map((ids) => isComplete(ranking, { ranking: ids })),
		[false, true, true, false]);
	assert.deepEqual([{ choices: ["a"] }, { ranking: ["a", "b"] }, { scores: { a: 1 } }].map(countOf), [1, 2, 1]);
});

test("moving stays within the places", () => {
	const ids = ["a", "b", "c"];
	assert.deepEqual(moved(ids, 2, 0), ["c", "a", "b"]);
	assert.deepEqual(moved(ids, 0, 1), ["b", "a", "c"]);
	assert.equal(moved(ids, 0, -1), ids);
	assert.equal(moved(ids, 2, 3), ids);
	assert.deepEqual(ids, ["a", "b", "c"]);
});

test("a ranking's rows: Borda points of all that could be had, both methods in the CSV", () => {
	const seen = { ...snapshot, ballots: 4, citizen: [{ entry: "a", votes: 3, borda: 4, schulze: 2, rank: 2 },
		{ entry: "b", votes: 4, borda: 6, schulze: 1, rank: 1 }, { entry: "c", votes: 0, borda: 0, schulze: 3, rank: 3 }] };
	const rows = rowsOf(ranking, seen, pick);
	assert.deepEqual(rows.map(({ id, bar }) => [id, bar]), [["b", 0.75], ["a", 0.5], ["c", 0]]);
	const csv = csvOf(ranking, seen, rows, { rank: "순위", entry: "e", votes: "v", value: "보르다", schulze: "슐체" });
	assert.match(csv, /^\uFEFF순위,id,e,v,보르다,슐체,ballots,/);
	assert.match(csv, /\r\n1,b,b,4,6,1,4,c,/);
	assert.deepEqual(["open", "provisional", "certified", "corrected"].map((phase) => [kindOf({ phase }), hasResult({ phase })]),
		[["provisional", false], ["provisional", true], ["certified", true], ["corrected", true]]);
});
