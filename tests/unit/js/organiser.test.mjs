/* What the organiser's page computes: the stream's text, following it to its end, the audit chain, turnout, times in
 * fields, and what is wrong now. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { Problem, Unreachable, createApi } from "../../../static/js/api.js";
import { Broken, beginning, entriesBetween, extend, follow } from "../../../static/js/audit-chain.js";
import { EventParser, Following, readEvents } from "../../../static/js/fetch-stream.js";
import { actsIn, unrated } from "../../../static/js/organiser-acts.js";
import { auditDetails } from "../../../static/js/audit-words.js";
import { entryWords } from "../../../static/js/organiser-audit.js";
import { isName } from "../../../static/js/organiser-dialog.js";
import { oneLine } from "../../../static/js/organiser-parts.js";
import { expiredOf } from "../../../static/js/organiser-experts.js";
import { rejectionRows } from "../../../static/js/organiser-health.js";
import { troublesOf } from "../../../static/js/organiser-head.js";
import { aboveCut, byRank } from "../../../static/js/organiser-standing.js";
import { isPublic } from "../../../static/js/organiser-tally.js";
import { refusalWords, whoWords } from "../../../static/js/organiser-words.js";
import { turnoutRows, turnoutSeries } from "../../../static/js/turnout.js";
import { fromField, toField } from "../../../static/js/zoned.js";

/* ---- the stream's text ---- */

const STREAM = "\uFEFF: hello\nretry: 1000\n\nevent: progress\r\ndata: {\"a\":\rdata:1}\r\n\r\ndata\n\nid: 7\n\ndata:x\n\n"
	+ "event: other\ndata: 가나\n\n";
const EVENTS = [{ name: "progress", data: '{"a":\n1}' }, { name: "message", data: "" }, { name: "message", data: "x" },
	{ name: "other", data: "가나" }];

const streamOf = (pieces) => new ReadableStream({ start(controller) {
	for (const piece of pieces) controller.enqueue(piece);
	controller.close();
} });

test("events are the same however the bytes are cut, and a byte order mark is none of them", async () => {
	const bytes = new TextEncoder().encode(STREAM);
	for (const size of [1, 2, 3, 7, bytes.length]) {
		const pieces = [];
		for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.slice(i, i + size));
		const events = [];
		let touched = 0;
		await readEvents(streamOf(pieces), { onBytes: () => touched++, onEvent: (event) => events.push(event) });
		assert.deepEqual(events, EVENTS, `cut every ${size} bytes`);
		assert.equal(touched, pieces.length);
	}
});

test("a line without an end is refused", () => {
	const parser = new EventParser();
	assert.throws(() => {
		for (let i = 0; i < 20; i++) parser.push("x".repeat(1024 * 1024));
	}, RangeError);
});

/* ---- following ---- */

/* A server of the test's own: streams that the test feeds and ends, answers that it sets. */
function world({ answer = { n: 0 } } = {}) {
	const it = { now: 0, answer, asked: 0, streams: [], news: [], states: [], ended: null, openError: null };
	it.following = new Following({
		open: async (signal) => {
			if (it.openError) throw it.openError;
			let controller;
			const body = new ReadableStream({ start: (given) => {
				controller = given;
			} });
			const stream = { signal, send: (text) => controller.enqueue(new TextEncoder().encode(text)),
				tell: (value) => stream.send(`event: progress\ndata: ${JSON.stringify(value)}\n\n`),
				end: () => controller.close() };
			it.streams.push(stream);
			return body;
		},
		ask: async () => {
			it.asked++;
			if (it.answer instanceof Error) throw it.answer;
			return it.answer;
		},
		refusal: (error) => error?.status === 401 ? "revoked" : null,
		event: "progress", now: () => it.now, random: () => 1,
		onNews: (news) => it.news.push(news), onState: (state, stale) => it.states.push([state, stale]),
		onEnd: (why) => {
			it.ended = why;
		},
	});
	it.later = async (ms) => {
		it.now += ms;
		it.following.tick();
		await settle();
	};
	return it;
}

const settle = async () => {
	for (let i = 0; i < 40; i++) await null;
	await new Promise((resolve) => setImmediate(resolve));
};
const away = new Unreachable("no network");
const revoked = new Problem(401, { type: "/problems#invalid-bearer", detail: "revoked" });

test("a stream is live with its first event, and events of another name are not news", async () => {
	const it = world();
	it.following.start();
	await settle();
	assert.deepEqual(it.states, [["connecting", false]]);
	it.streams[0].send("event: other\ndata: 1\n\n");
	it.streams[0].tell({ n: 1 });
	await settle();
	assert.equal(it.following.state, "live");
	assert.deepEqual(it.news, [{ n: 1 }]);
	assert.equal(it.asked, 0);
});

test("a quiet stream is asked after, so that quiet numbers are no stale ones", async () => {
	const it = world({ answer: { n: 2 } });
	it.following.start();
	await settle();
	it.streams[0].tell({ n: 1 });
	await settle();
	for (let s = 0; s < 30; s++) await it.later(1000);
	assert.equal(it.following.stale, false);
	assert.equal(it.following.state, "live");
	assert.ok(it.asked >= 3 && it.asked <= 4, `${it.asked} questions in 30 s`);
});

test("a lost stream is asked instead at once, and opened again, later each time", async () => {
	const it = world({ answer: { n: 5 } });
	it.following.start();
	await settle();
	it.streams[0].tell({ n: 1 });
	it.openError = away;
	it.streams[0].end();
	await settle();
	assert.equal(it.following.state, "polling");
	assert.deepEqual(it.news.at(-1), { n: 5 });
	const tries = [];
	let openings = 0;
	const open = it.following.open;
	it.following.open = (signal) => {
		openings++;
		tries.push(it.now);
		return open(signal);
	};
	for (let s = 0; s < 100; s++) await it.later(1000);
	const gaps = tries.slice(1).map((at, i) => at - tries[i]);
	assert.deepEqual(gaps.slice(0, 4), [2000, 4000, 8000, 16_000]);
	assert.ok(gaps.slice(4).every((gap) => gap === 30_000), String(gaps));
	assert.ok(openings > 4);
	it.openError = null;
	await it.later(30_000);
	it.streams.at(-1).tell({ n: 9 });
	await settle();
	assert.equal(it.following.state, "live");
});

test("without any answer the numbers are stale after 15 s, are kept, and recover", async () => {
	const it = world({ answer: away });
	it.following.start();
	await settle();
	it.streams[0].tell({ n: 1 });
	await settle();
	it.openError = away;
	it.streams[0].end();
	await settle();
	assert.equal(it.following.state, "offline");
	await it.later(15_000);
	assert.equal(it.following.stale, false);
	await it.later(1000);
	assert.deepEqual(it.states.at(-1), ["offline", true]);
	assert.deepEqual(it.following.news, { n: 1 });
	it.answer = { n: 2 };
	await it.later(3000);
	assert.equal(it.following.stale, false);
	assert.equal(it.following.state, "polling");
});

test("a stream without a byte, heartbeats included, is given up; one with heartbeats is not", async () => {
	for (const beats of [true, false]) {
		const it = world();
		it.following.start();
		await settle();
		const [first] = it.streams;
		first.tell({ n: 1 });
		await settle();
		for (let s = 0; s < 60; s++) {
			if (beats && s % 15 === 0) first.send(": still here\n\n");
			await settle();
			await it.later(1000);
		}
		assert.equal(first.signal.aborted, !beats);
		assert.equal(it.streams.length, beats ? 1 : 2);
	}
});

test("an end of the stream that was a revocation ends all, by the question that follows", async () => {
	const it = world({ answer: revoked });
	it.following.start();
	await settle();
	it.streams[0].tell({ n: 1 });
	await settle();
	it.streams[0].end();
	await settle();
	assert.equal(it.ended, "revoked");
	assert.equal(it.following.state, "ended");
	const { asked } = it;
	await it.later(60_000);
	it.following.start();
	await settle();
	assert.equal(it.asked, asked);
	assert.equal(it.streams.length, 1);
});

test("a stream refused with 401 ends all without a question", async () => {
	const it = world();
	it.openError = revoked;
	it.following.start();
	await settle();
	assert.equal(it.ended, "revoked");
	assert.equal(it.asked, 0);
});

test("stopped means silent: the stream is let go, answers under way change nothing", async () => {
	const it = world();
	it.following.start();
	await settle();
	it.streams[0].tell({ n: 1 });
	await settle();
	const asking = it.following.refresh();
	it.following.stop();
	await asking;
	assert.equal(it.streams[0].signal.aborted, true);
	assert.equal(it.news.length, 1);
	await it.later(60_000);
	assert.equal(it.streams.length, 1);
	it.following.start();
	await settle();
	assert.equal(it.streams.length, 2);
});

test("an answer that the stream has overtaken is left aside", async () => {
	const it = world();
	it.following.start();
	await settle();
	let answer;
	it.following.ask = () => new Promise((resolve) => {
		answer = resolve;
	});
	it.now += 1;
	const asking = it.following.refresh();
	it.now += 1;
	it.streams[0].tell({ n: 2 });
	await settle();
	answer({ n: 1 });
	await asking;
	assert.deepEqual(it.news, [{ n: 2 }]);
});

test("the API's stream carries the token in a header alone, and its signal ends it", async () => {
	const calls = [];
	const api = createApi({ api: "https://api.example" }, async (url, options) => {
		calls.push([url, options]);
		return { ok: true, body: "the body" };
	});
	const abort = new AbortController();
	assert.equal(await api.progressStream("c", "Bearer x", abort.signal), "the body");
	const [[url, { headers, signal, credentials }]] = calls;
	assert.equal(url, "https://api.example/v1/contests/c/progress/stream");
	assert.equal(headers.Authorization, "Bearer x");
	assert.equal(credentials, "omit");
	assert.equal(signal.aborted, false);
	abort.abort();
	assert.equal(signal.aborted, true);
});

/* ---- the audit chain ---- */

const hash = (text) => createHash("sha256").update(`tallyd audit v1\n${text}`).digest("hex");

/* Entries as the log holds them; `change` may spoil one. */
function chainOf(count, round = "c", change = (entry) => entry) {
	const raw = [];
	let prev = hash(round);
	for (let n = 1; n <= count; n++) {
		const text = JSON.stringify(change({ act: "pause", at: "2026-12-28T00:00:00.000Z", n, prev, who: "운영" }, n));
		raw.push(text);
		prev = hash(text);
	}
	return raw;
}

const pages = (raw) => async (after, count) => ({ raw: raw.slice(after, after + count) });

test("a chain is checked from its beginning, page by page, and from where a check ended", async () => {
	const raw = chainOf(1203);
	const steps = [];
	const end = await follow(await beginning("c"), 1200, pages(raw.slice(0, 1200)), ({ n }) => steps.push(n));
	assert.deepEqual(steps, [500, 1000, 1200]);
	assert.deepEqual(end, { n: 1200, head: hash(raw[1199]) });
	assert.equal((await follow(end, 1203, pages(raw))).n, 1203);
});

test("pages that end early are followed by further ones, to the last entry and not beyond", async () => {
	const raw = chainOf(20);
	const short = async (after, count) => {
		const page = raw.slice(after, after + Math.min(count, after % 3 + 1));
		return { raw: page, entries: page.map((text) => JSON.parse(text)) };
	};
	assert.equal((await follow(await beginning("c"), 20, short)).head, hash(raw[19]));
	assert.deepEqual((await entriesBetween(4, 15, short)).map(({ n }) => n), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
	assert.deepEqual(await entriesBetween(0, 0, short), []);
	await assert.rejects(entriesBetween(18, 21, short), (error) => error instanceof Broken && error.n === 21);
});

test("whatever is wrong in a chain is found, and where", async () => {
	const good = chainOf(5);
	const broken = async (raw, size, at, round = "c") => assert.rejects(follow(await beginning(round), size, pages(raw)),
		(error) => error instanceof Broken && error.n === at);
	await broken(good, 5, 1, "other"); // another round's
	await broken(good.with?.(1, good[1].replace("pause", "close")) ?? [good[0], good[1].replace("pause", "close"), ...good.slice(2)], 5, 3);
	await broken([good[0], good[2], good[1]], 3, 2); // out of order
	await broken([good[0], ...good.slice(2)], 4, 2); // one left out
	await broken(good.slice(0, 3), 5, 4); // fewer than told
	await broken(chainOf(3, "c", (entry, n) => n === 2 ? { ...entry, n: 7 } : entry), 3, 2);
	await broken([good[0], "{", ...good.slice(2)], 5, 2);
	// The last entry is held by nothing yet, but the next check goes on from its bytes.
	const end = await extend(await beginning("c"), good.slice(0, 4));
	await assert.rejects(follow(end, 5, pages([...chainOf(4, "c", (e, n) => n === 4 ? { ...e, act: "open" } : e), "{}"])), Broken);
});

/* ---- turnout ---- */

const at = (minute) => new Date(Date.UTC(2026, 11, 28, 0, minute)).toISOString();

test("turnout by the minute: differences, gaps, and the minute that is not over", () => {
	const rows = turnoutRows([{ at: at(2), ballots: 30 }, { at: at(0), ballots: 0 }, { at: at(1), ballots: 10 },
		{ at: at(6), ballots: 50 }], Date.parse(at(6)) + 20_000, 53);
	assert.deepEqual(rows.map(({ minutes, added, total }) => [minutes, added, total]),
		[[1, 10, 10], [1, 20, 30], [4, 20, 50], [1, 3, 53]]);
	assert.equal(rows.reduce((sum, { added }) => sum + added, 0), 53);
	const [seconds, perMinute, total] = turnoutSeries(rows);
	assert.deepEqual(perMinute, [10, 20, 5, 5, 5, 5, null, null]);
	assert.deepEqual(total, [0, 10, 30, null, null, null, 50, 53]);
	assert.ok(seconds.every((second, i) => i === 0 || second > seconds[i - 1]));
});

test("turnout of nothing is nothing, and a long silence is not drawn as turnout", () => {
	assert.deepEqual(turnoutRows([], 0, 0), []);
	assert.deepEqual(turnoutSeries([]), [[], [], []]);
	const rows = turnoutRows([{ at: at(0), ballots: 1 }, { at: at(600), ballots: 2 }], Date.parse(at(600)), 2);
	assert.deepEqual(turnoutSeries(rows)[1], [null, null]);
});

/* ---- times in fields ---- */

test("a field's time is the contest's zone's, whatever the browser's", () => {
	const ms = Date.parse("2026-12-30T18:00:00+09:00");
	assert.equal(toField(ms, "Asia/Seoul"), "2026-12-30T18:00");
	assert.equal(fromField("2026-12-30T18:00", "Asia/Seoul"), ms);
	assert.equal(toField(Date.parse("2026-12-30T15:00:00Z"), "Asia/Seoul"), "2026-12-31T00:00");
	for (const zone of ["America/New_York", "Asia/Kathmandu", "UTC"]) {
		for (const month of ["01", "07"]) {
			const text = `2026-${month}-15T09:30`;
			assert.equal(toField(fromField(text, zone), zone), text, zone);
		}
	}
	assert.equal(fromField("", "Asia/Seoul"), null);
});

/* ---- what is wrong now ---- */

const names = { entry: (id) => id.toUpperCase(), text: (text) => text?.ko ?? "" };
const kinds = (progress, now) => troublesOf(progress, names, now).map(({ kind }) => kind);

test("what is wrong now: Redis, workers, an overdue close, few experts, open requests; else nothing", () => {
	const well = { phase: "open", closes_at: "2026-12-30T09:00:00Z", requests: [], warnings: [],
		health: { redis: { connected: true, answer_ms: 1 }, workers: [{ slot: 0, beat_age_ms: 900 }, { slot: 1, beat_age_ms: null }] } };
	const before = Date.parse("2026-12-30T08:00:00Z");
	assert.deepEqual(kinds(well, before), []);
	assert.deepEqual(kinds({ ...well, health: { redis: { connected: false }, workers: [{ slot: 1, beat_age_ms: 6001 }] } }, before),
		["redis-away", "worker-silent"]);
	assert.deepEqual(kinds({ ...well, health: { redis: { connected: true, answer_ms: 900 } } }, before), ["redis-slow"]);
	const halted = { ...well, health: { ...well.health, log: { state: "halted", shards: [], halt: { shard: 3, why: "short", at: "t" } } } };
	assert.deepEqual(troublesOf(halted, names, before), [{ kind: "log-halted", grave: true, link: "#health",
		values: { shard: 3, why: "short" } }]);
	assert.deepEqual(kinds({ ...well, health: { ...well.health, log: { state: "ok", shards: [], halt: null } } }, before), []);
	assert.deepEqual(kinds({ ...well, health: { ...well.health, log: { state: "late", shards: [], halt: null } } }, before), ["log-late"]);
	assert.deepEqual(kinds(well, Date.parse("2026-12-30T09:01:00Z")), ["overdue"]);
	assert.deepEqual(kinds({ ...well, phase: "closed" }, Date.parse("2026-12-30T09:01:00Z")), []);
	assert.deepEqual(kinds({ ...well, closes_at: null }, before), []);
	assert.deepEqual(troublesOf({ ...well, warnings: [{ kind: "spent-above-issued", ballots: 2 }] }, names, before),
		[{ kind: "spent-above-issued", grave: true, values: { ballots: 2 } }]);
	for (const kind of ["redis-behind", "issued-behind"]) {
		assert.deepEqual(troublesOf({ ...well, warnings: [{ kind }] }, names, before), [{ kind, grave: true }]);
	}
	const [few, waiting] = troublesOf({ ...well, requests: [{}, {}], experts: { panels: [{ id: "p", name: { ko: "전문가" } }] },
		warnings: ["upstage", "nc-ai"].map((entry) => ({ kind: "too-few-experts", panel: "p", entry })) }, names, before);
	assert.deepEqual(few.values, { entries: "UPSTAGE, NC-AI", panel: "전문가" });
	assert.deepEqual([waiting.kind, waiting.values.n], ["requests", 2]);
});

test("rejections: most frequent first, none that did not happen", () => {
	assert.deepEqual(rejectionRows({ closed: 2, "token-spent": 9, paused: 0, busy: 2 }),
		[["token-spent", 9], ["busy", 2], ["closed", 2]]);
});

/* ---- embargo, phases, standing ---- */

test("what the public does not see in a phase is marked", () => {
	const phases = ["announced", "open", "paused", "closed", "provisional", "certified", "corrected"];
	const first = (visibility) => phases.find((phase) => isPublic(visibility, phase));
	assert.equal(first("live"), "announced");
	assert.equal(first("organisers"), "closed");
	assert.equal(first("on-publish"), "provisional");
});

test("each phase offers what it allows, and hours are extended only where there are any", () => {
	assert.deepEqual(actsIn("open", true), ["pause", "extend", "close"]);
	assert.deepEqual(actsIn("open", false), ["pause", "close"]);
	assert.deepEqual(actsIn("paused", false), ["resume", "close"]);
	assert.deepEqual(actsIn("closed", true), ["publish"]);
	for (const phase of ["provisional", "certified", "corrected"]) assert.deepEqual(actsIn(phase, true), []);
});

test("the contest's name counts in either language, exactly", () => {
	const name = { ko: "국민 투표", en: "Public vote" };
	assert.ok(isName("국민 투표", name) && isName(" Public vote ", name));
	for (const wrong of ["", "public vote", "국민투표", "Public"]) assert.equal(isName(wrong, name), false, wrong);
	assert.equal(isName("", { ko: "", en: undefined }), false);
});

test("the standing goes by rank, those without one last, and the cut stands below the last who advance", () => {
	const rows = byRank([{ entry: "a", rank: null, advanced: false }, { entry: "b", rank: 4, advanced: false },
		{ entry: "c", rank: 1, advanced: true }, { entry: "d", rank: 1, advanced: true }]);
	assert.deepEqual(rows.map(({ entry }) => entry), ["c", "d", "b", "a"]);
	assert.equal(aboveCut(rows), 2);
	assert.equal(aboveCut(rows.map((row) => ({ ...row, advanced: null }))), 0);
	assert.deepEqual(byRank([{ entry: "x", rank: null }, { entry: "y", rank: null }]).map(({ entry }) => entry), ["x", "y"]);
});

/* ---- words ---- */

const t = (key, values = {}) => [key, ...Object.values(values)].join("|");
const page = { t, pick: (text) => text?.ko, times: { moment: (when) => when },
	contest: { entries: [{ id: "upstage", name: { ko: "업스테이지" }, participants: [], lead: null }] } };

test("entries of the log are told in words, unknown ones by their own name", () => {
	assert.equal(entryWords(page, { act: "sheet.saved" }), "organiser.log.sheet_saved|");
	assert.equal(entryWords(page, { act: "disqualify", entry: "upstage" }), "organiser.act.disqualify|업스테이지|");
	assert.equal(entryWords(page, { act: "request.made", requested: { act: "close" } }).split("|")[1], "organiser.act.close");
	assert.equal(entryWords(page, { act: "log.epoch" }), "log.epoch");
	assert.equal(whoWords(page, "hours"), "organiser.who.hours");
	assert.equal(whoWords(page, "sealer"), "organiser.who.sealer");
	assert.equal(whoWords(page, "organiser:o-1,organiser:o-2", new Map([["o-2", "이준"]])), "organiser.who.organiser|o-1, organiser.who.organiser|이준");
	assert.equal(whoWords(page, "operator:Kim, Lee"), "organiser.who.operator|Kim, Lee");
	assert.equal(whoWords(page, "expert:expert-1", new Map([["expert-1", "김서연"]])), "organiser.who.expert|김서연");
	assert.equal(whoWords(page, "operator:root:x"), "organiser.who.operator|root:x");
	assert.equal(whoWords(page, "something"), "something");
});

/* Every act that the server's sources write into the log. */
test("every act of the log has its words", () => {
	const folder = new URL("../../../daemon/office/", import.meta.url);
	const text = readdirSync(folder).filter((file) => file.endsWith(".c"))
		.map((file) => readFileSync(new URL(file, folder), "utf8")).join("\n");
	const acts = new Set([/\}", "act", "([a-z.-]+)"/g, /"act",\s*signing->correct \? "([a-z]+)"/g, /\{"([a-z]+)", DEED_/g,
		/"((?:sheet|pledge|request|ruling)\.[a-z]+)"/g].flatMap((form) => [...text.matchAll(form)].map(([, act]) => act)));
	for (const some of ["metrics", "invite", "revoke", "correct", "ruling.lifted", "sheet.withdrawn", "disqualify", "log.halted",
		"log.new-epoch"]) {
		assert.ok(acts.has(some), some);
	}
	const page = { t: (key) => key, pick: (words) => words.ko, contest: { entries: [] }, times: { moment: () => "" } };
	for (const act of [...acts, "certify"]) assert.match(entryWords(page, { act }), /^organiser\.(log|act)\./, act);
	assert.equal(entryWords(page, { act: "ruling.challenge", decision: "upheld" }), "organiser.log.ruling_challenge");
	assert.equal(entryWords(page, { act: "ruling.challenge", decision: "rejected" }), "organiser.log.ruling_rejected");
});

test("what an entry of the log tells is in words: names for ids, a decision's reason, counts for lists", () => {
	const words = { ...page, pick: (text) => text?.ko ?? "", number: { count: String }, contest: { entries: [
		{ id: "upstage", name: { ko: "업스테이지" }, lead: {}, participants: [] }] } };
	const people = new Map([["expert-1", "김서연"]]);
	const told = (entry) => auditDetails(words, { n: 3, at: "t", who: "organiser:o", why: "w", prev: "p", ...entry }, people).join(" · ");
	assert.equal(told({ act: "invite", people: [{ person: "expert-2", role: "expert", name: "이준", affiliation: "KAIST", panel: "experts" }] }),
		"organiser.who.expert|이준 (KAIST)");
	assert.equal(told({ act: "ruling.challenge", decision: "upheld", person: "expert-1", name: "김서연", entry: "upstage", for_correction: true }),
		"organiser.who.expert|김서연 · 업스테이지 · organiser.log.for_correction");
	assert.equal(told({ act: "sheet.submitted", who: "expert:expert-1", person: "expert-1", revision: 4, sheet: "cd".repeat(32) }),
		`organiser.experts.revision|4 · organiser.log.sheet|${"cd".repeat(6)}…`);
	assert.equal(told({ act: "sheet.refused", person: "expert-1", reason: "conflict-of-interest", entries: ["upstage"] }),
		"업스테이지 · organiser.log.conflict");
	assert.equal(told({ act: "disqualify", entry: "upstage", reason: { ko: "미달", en: "below" } }), "organiser.log.public_reason|미달");
	assert.equal(told({ act: "metrics", metrics: [{}, {}], file: "m.csv" }), "organiser.log.metrics|2 · m.csv");
	assert.equal(told({ act: "request.made", request: "r-1", requested: { act: "metrics", values: 5 } }), "organiser.log.metrics|5");
	assert.equal(told({ act: "notice", notice: null }), "organiser.notice.removed");
	assert.equal(told({ act: "certify", version: 1, sha256: "ab".repeat(32) }), `organiser.log.version|1 · SHA-256 ${"ab".repeat(6)}…`);
	assert.equal(told({ act: "log.halted", who: "sealer", epoch: 1, shard: 2 }), "organiser.log.epoch|1 · organiser.log.shard|2");
	assert.equal(told({ act: "log.new-epoch", epoch: 2, old: [{ size: 9, now: 7, root: "r" }, { size: 4, now: 4, root: "r" }] }),
		"organiser.log.epoch|2 · organiser.log.old|0|9|7, organiser.log.old|1|4|4");
	assert.equal(told({ act: "close" }), "");
	assert.equal(told({ act: "new", some: { x: 1 } }), 'some: {"x":1}');
});

test("an invitation expires by the clock", () => {
	assert.deepEqual(expiredOf([{ id: "a", expires: 10 }, { id: "b", expires: 11 }, { id: "c" }], 10), [["a", 10]]);
	assert.deepEqual(expiredOf(undefined, 10), []);
});

test("sentences go out as one line, however they were typed", () => {
	assert.equal(oneLine(" 점검이\r\n\n있습니다\t 곧\u2028끝 \n"), "점검이 있습니다 곧 끝");
	assert.equal(oneLine(" \n "), "");
});

test("a refusal says what is known: never that an act was not done when nobody knows", () => {
	assert.equal(refusalWords(page, away), "organiser.problem.unreachable");
	assert.equal(refusalWords(page, new Problem(409, { type: "/problems#not-possible", detail: "d" })), "organiser.problem.not-possible");
	assert.equal(refusalWords(page, new Problem(418, { type: "/problems#teapot", detail: "d" })), "organiser.refused");
});

test("panels that weigh and have rated nobody, or not everybody, are told before the close", () => {
	const contest = { panels: [{ id: "experts", name: "E" }, { id: "users", name: "U" }], stage: { parts: [
		{ id: "bench", source: "metric", weight: 40 }, { id: "experts", source: "panel", panel: "experts", weight: 35 },
		{ id: "users", source: "panel", panel: "users", weight: 25 }, { id: "shown", source: "panel", panel: "users", weight: 0 }] } };
	const panel = (id, ...n) => ({ id, submitted: Math.max(...n), entries: n.map((one, i) => ({ entry: `e${i}`, n: one })) });
	const found = (panels, rulings) => unrated(contest, { experts: { panels }, rulings })
		.map((one) => [one.panel.name, one.weight, one.rated, one.entries]);
	assert.deepEqual(found([panel("experts", 0, 0), panel("users", 2, 0)]),
		[["E", 35, false, ["e0", "e1"]], ["U", 25, true, ["e1"]]]);
	assert.deepEqual(found([panel("experts", 1, 1), panel("users", 2, 0)], [{ id: "disqualified/e1" }]), []);
	assert.deepEqual(found([panel("experts", 1, 1), panel("users", 2, 1)]), []);
	assert.deepEqual(unrated({ panels: [], stage: null }, { experts: { panels: [] } }), []);
	assert.deepEqual(unrated(contest, {}), []); // before the first answer
});
