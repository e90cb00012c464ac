/* Rows, CSV, and the following of a tally by stream or by asking, with a clock and a stream of the test's own. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { countdown, createClock, timeFormats } from "../../../static/js/clock.js";
import { inApp, wayOut } from "../../../static/js/inapp.js";
import { isOlder, Live, QUIET_MS, STALE_MS } from "../../../static/js/live.js";
import { csvOf, emptyWords, kindOf, percentOf, rowsOf, totalWords } from "../../../static/js/tally.js";
import { fill, numbers } from "../../../static/js/words.js";
import { shuffled } from "../../../static/js/ballot-screen.js";
import "./setup.mjs";

const contest = { id: "c", form: { name: "choices", min: 1, max: 1 },
	entries: ["가", "나", "다"].map((ko, i) => ({ id: `e${i}`, name: { ko } })) };
const pick = (text) => text?.ko;
const snapshot = (votes, more = {}) => {
	const ballots = votes.reduce((a, b) => a + b, 0);
	return { contest: "c", rehearsal: true, phase: "open", as_of: "2026-12-21T00:00:00.000Z", epoch: 1,
		sequence: ballots, ballots, citizen: votes.map((n, i) => ({ entry: `e${i}`, votes: n,
			share: ballots ? n / ballots : 0, rank: 1 + votes.filter((v) => v > n).length })), ...more };
};

test("rows go by rank, ties keep the file's order and say so", () => {
	const rows = rowsOf(contest, snapshot([1, 4, 4]), pick);
	assert.deepEqual(rows.map(({ id, rank, tied }) => [id, rank, tied]),
		[["e1", 1, true], ["e2", 1, true], ["e0", 3, false]]);
});

test("withheld counts give no rows, no ballots give no ranks", () => {
	assert.equal(rowsOf(contest, snapshot([0, 0, 0], { withheld: "embargo" }), pick), null);
	assert.deepEqual(rowsOf(contest, snapshot([0, 0, 0]), pick).map(({ rank, tied }) => [rank, tied]),
		[[null, false], [null, false], [null, false]]);
});

test("too few to tell: no rows, no number, and a CSV without either", () => {
	const page = { t: (key, { n } = {}) => n ? `${key} ${n}` : key, number: numbers("ko") };
	const few = { ...snapshot([0, 0, 0]), ballots: null, withheld: "too-few", citizen: [{ entry: "e0" }] };
	assert.equal(rowsOf(contest, few, pick), null);
	assert.equal(totalWords(page, few), "results.total_withheld");
	assert.equal(totalWords(page, snapshot([1234, 0, 0])), "results.total 1,234");
	assert.ok(csvOf(contest, few, [], {}).endsWith(
		",,,,,,c,rehearsal,open,2026-12-21T00:00:00.000Z,too-few\r\n"), csvOf(contest, few, [], {}));
	assert.deepEqual(["open", "closed", "certified"].map((phase) => kindOf({ phase })),
		["provisional", "provisional", "certified"]);
});

test("CSV quotes what needs it and defuses formulas", () => {
	const rows = [{ rank: 1, id: "e0", name: '=SUM("a",1)', votes: 3, percent: 12.3 }];
	const csv = csvOf(contest, snapshot([3, 0, 0]), rows,
		{ rank: "순위", entry: "팀", votes: "득표", value: "득표율" });
	assert.ok(csv.startsWith("\uFEFF순위,id,팀,득표,득표율,ballots,contest,kind,phase,as_of,withheld\r\n"));
	assert.ok(csv.includes('1,e0,"\'=SUM(""a"",1)",3,12.3,3,c,rehearsal,open,2026-12-21T00:00:00.000Z,\r\n'), csv);
});

test("shares are votes by ballots, rounded once", () => {
	const seen = snapshot([4, 17, 0]);
	seen.citizen[0].share = 0.1905; // the server's four decimals, which would round up to 19.1
	const rows = rowsOf(contest, seen, pick);
	const row = rows.find(({ id }) => id === "e0");
	assert.equal(numbers("ko").percent(row.percent), "19.0%");
	assert.equal(row.bar, 4 / 21);
	assert.match(csvOf(contest, seen, rows, {}), /,e0,가,4,19\.0,21,/);
	assert.deepEqual([[1, 2000], [1, 8], [1, 3], [2, 3], [7, 7], [0, 0]].map(([votes, all]) => percentOf(votes, all)),
		[0.1, 12.5, 33.3, 66.7, 100, 0]);
});

test("no votes: the first is waited for only while it may come", () => {
	const words = (phase) => emptyWords({ t: (key) => key }, { phase });
	assert.deepEqual(["announced", "open", "paused", "closed", "provisional", "certified"].map(words),
		[...Array(3).fill("results.empty"), ...Array(3).fill("results.no_votes")]);
});

test("a time zone that the browser does not know shows Seoul's time", () => {
	const noon = "2026-12-21T03:00:00.000Z";
	assert.equal(timeFormats("ko", "Mars/Olympus").time(noon), "12:00:00");
	assert.equal(timeFormats("ko").time(noon), "12:00:00");
	assert.equal(timeFormats("ko", "UTC").time(noon), "03:00:00");
});

class Stream {
	static made = [];
	constructor(url) {
		Object.assign(this, { url, readyState: 0, on: {} });
		Stream.made.push(this);
	}
	addEventListener(name, act) {
		this.on[name] = act;
	}
	close() {
		this.readyState = 2;
	}
	tell(data) {
		this.readyState = 1;
		this.on.tally({ data: JSON.stringify(data) });
	}
	fail(readyState) {
		this.readyState = readyState;
		this.on.error({});
	}
}

function follow({ tally = () => Promise.reject(new Error("down")) } = {}) {
	Stream.made = [];
	const seen = { snapshots: [], states: [], now: 0, asked: 0 };
	seen.live = new Live({ streamUrl: "/s", EventSource: Stream, now: () => seen.now,
		fetchTally: () => {
			seen.asked++;
			return tally();
		},
		onSnapshot: (snap) => seen.snapshots.push(snap.sequence),
		onState: (state, stale) => seen.states.push(stale ? `${state} stale` : state) });
	seen.pass = async (ms) => {
		for (let end = seen.now + ms; seen.now < end;) {
			seen.now += 1000;
			await seen.live.tick();
		}
	};
	seen.live.start();
	return seen;
}

test("older than: by epoch, then sequence", () => {
	assert.ok(isOlder({ epoch: 1, sequence: 9 }, { epoch: 2, sequence: 1 }));
	assert.ok(isOlder({ epoch: 2, sequence: 1 }, { epoch: 2, sequence: 2 }));
	assert.ok(!isOlder({ epoch: 2, sequence: 2 }, { epoch: 2, sequence: 2 }));
});

test("older than: within an epoch, what says halted is newer than what does not", () => {
	const [before, halted] = [{ epoch: 1, sequence: 9, log: "ok", as_of: "2026-12-21T00:00:09.000Z" },
		{ epoch: 1, sequence: 4, log: "halted", as_of: "2026-12-21T00:00:10.000Z" }];
	assert.ok(!isOlder(halted, before)); // Redis was restored, and its sequence is lower
	assert.ok(!isOlder({ ...halted, as_of: "2026-12-21T00:00:01.000Z" }, before)); // numbers in steps, of long ago
	assert.ok(isOlder(before, halted)); // late from a cache
	assert.ok(isOlder({ ...before, as_of: halted.as_of }, halted));
	assert.ok(!isOlder({ ...before, as_of: "2026-12-21T00:05:00.000Z" }, halted)); // all of it was brought back
	assert.ok(isOlder({ ...before, sequence: 99, log: "off" }, halted));
	assert.ok(isOlder({ ...halted, sequence: 3 }, halted));
	assert.ok(!isOlder({ ...halted, sequence: 5 }, halted));
	assert.ok(!isOlder({ epoch: 2, sequence: 1, log: "ok" }, halted));
	assert.ok(isOlder({ epoch: 1, sequence: 99, log: "halted" }, { epoch: 2, sequence: 1, log: "ok" }));
});

test("what is older than what stands is ignored, a new epoch is not", () => {
	const seen = follow();
	for (const snap of [snapshot([5, 0, 0]), snapshot([4, 0, 0]), snapshot([6, 0, 0]),
		snapshot([1, 0, 0], { epoch: 2 }), snapshot([9, 0, 0])]) Stream.made[0].tell(snap);
	assert.deepEqual(seen.snapshots, [5, 6, 1]);
	assert.deepEqual(seen.states, ["live"]);
});

test("the same sequence in another phase is news", () => {
	const seen = follow();
	const phases = [];
	seen.live.onSnapshot = ({ phase }) => phases.push(phase);
	for (const phase of ["open", "paused", "open"]) Stream.made[0].tell(snapshot([5, 0, 0], { phase }));
	assert.deepEqual(phases, ["open", "paused", "open"]);
});

test("a quiet stream is asked about, and is not stale while answers come", async () => {
	const seen = follow({ tally: async () => snapshot([1, 0, 0]) });
	Stream.made[0].tell(snapshot([1, 0, 0]));
	await seen.pass(QUIET_MS * 5);
	assert.ok(seen.asked >= 4 && seen.asked <= 6, String(seen.asked));
	assert.deepEqual(seen.states, ["live"]);
});

test("stale after fifteen seconds without any answer, fresh again with the next", async () => {
	const seen = follow();
	Stream.made[0].tell(snapshot([1, 0, 0]));
	await seen.pass(STALE_MS);
	assert.deepEqual(seen.states, ["live"]);
	await seen.pass(1000);
	assert.deepEqual(seen.states, ["live", "live stale"]);
	assert.equal(seen.live.snapshot.sequence, 1);
	Stream.made[0].tell(snapshot([2, 0, 0]));
	assert.deepEqual(seen.states, ["live", "live stale", "live"]);
});

test("without a stream it asks at intervals, says so, and tries the stream again", async () => {
	let n = 0;
	const seen = follow({ tally: async () => snapshot([++n, 0, 0]) });
	Stream.made[0].fail(2);
	assert.deepEqual(seen.states, ["polling"]);
	await seen.pass(9000);
	assert.ok(seen.snapshots.length >= 3);
	await seen.pass(60_000);
	assert.equal(Stream.made.length, 2);
	Stream.made[1].tell(snapshot([500, 0, 0]));
	assert.equal(seen.states.at(-1), "live");
});

test("pausing keeps the numbers and asks nothing", async () => {
	const seen = follow({ tally: async () => snapshot([1, 0, 0]) });
	Stream.made[0].tell(snapshot([1, 0, 0]));
	seen.live.stop();
	await seen.pass(60_000);
	assert.equal(seen.asked, 0);
	assert.deepEqual(seen.states, ["live", "paused"]);
	assert.equal(Stream.made[0].readyState, 2);
});

test("particles follow the noun's last sound", () => {
	assert.equal(fill("{noun:을/를} {n}", { noun: "팀", n: 2 }), "팀을 2");
	assert.equal(fill("{noun:을/를}", { noun: "과제" }), "과제를");
	assert.equal(fill("each {noun}", { noun: "team" }), "each team");
});

test("numbers: shares to a tenth", () => {
	assert.equal(numbers("ko").percent(33.3), "33.3%");
	assert.equal(numbers("en").count(12482), "12,482");
	assert.equal(numbers("ko").mean(null), "–");
});

test("the clock is the server's", () => {
	let here = 1_000_000;
	const clock = createClock(() => here);
	clock.observe(new Date(5_000_000).toISOString());
	here += 1000;
	assert.equal(clock.now(), 5_001_000);
	clock.observe("nonsense");
	assert.equal(clock.now(), 5_001_000);
	assert.equal(countdown(90_061_000, (n) => `${n}일`), "1일 01:01:01");
	assert.equal(countdown(-5, () => ""), "00:00:00");
});

test("browsers inside other apps are recognised, real ones are not", () => {
	const android = "Mozilla/5.0 (Linux; Android 14; SM-S911N) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36";
	const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15";
	const url = "https://vote.example/vote/?contest=a";
	assert.equal(inApp(`${android}`), null);
	for (const browser of ["Version/17.0", "CriOS/120.0", "FxiOS/120.0", "EdgiOS/120.0"]) assert.equal(inApp(`${iphone} ${browser} Mobile/15E148 Safari/604.1`), null);
	for (const [app, mark] of [["kakaotalk", "KAKAOTALK 10.4"], ["naver", "NAVER(inapp; search; 1000; 12.1)"],
		["line", "Line/13.1"], ["instagram", "Instagram 300.0"], ["facebook", "[FBAN/FBIOS;FBAV/400]"],
		["threads", "Barcelona 300.0"], ["x", "Twitter for iPhone/10.1"], ["tiktok", "musical_ly_30 BytedanceWebview/d8a"], ["other", "Mobile/15E148"]]) {
		assert.equal(inApp(`${iphone} ${mark}`), app);
	}
	assert.equal(wayOut("kakaotalk", iphone, url),
		"kakaotalk://web/openExternal?url=https%3A%2F%2Fvote.example%2Fvote%2F%3Fcontest%3Da");
	assert.match(wayOut("naver", android, url), /^intent:\/\/vote\.example\/vote\/\?contest=a#Intent;scheme=https;/);
	assert.equal(wayOut("naver", iphone, url), null);
	assert.equal(wayOut("naver", android, `${url}#code=a`), null);
	assert.equal(wayOut("line", android, `${url}#code=a`), `${url}&openExternalBrowser=1#code=a`);
});

test("the order is shuffled evenly and kept for the session", () => {
	const kept = new Map();
	const session = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
	const first = shuffled(contest.entries, session).map(({ id }) => id);
	assert.deepEqual(shuffled(contest.entries, session).map(({ id }) => id), first);
	const leads = { e0: 0, e1: 0, e2: 0 };
	for (let i = 0; i < 3000; i++) leads[shuffled(contest.entries, null)[0].id]++;
	for (const count of Object.values(leads)) assert.ok(count > 850 && count < 1150, JSON.stringify(leads));
});
