/* The way of a vote against a true issuer and ledger: faults at every step, reloads between any two. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, createApi } from "../../../static/js/api.js";
import { memoryRecords, recordsFor } from "../../../static/js/records.js";
import { Voter } from "../../../static/js/voter.js";
import { contest, createServer } from "./server.mjs";

const upstage = { choices: ["upstage"] };
const ncAi = { choices: ["nc-ai"] };

class Crash extends Error {}

/* Storage of a browser that dies at its nth write, just before or just after it. */
function fragileRecords(dieAt, after) {
	const inner = memoryRecords();
	let writes = 0;
	return { ...inner, save(record) {
		const last = ++writes === dieAt;
		if (last && !after) throw new Crash();
		inner.save(record);
		if (last) throw new Crash();
	}, get writes() {
		return writes;
	} };
}

function visit(server, records, rules = contest) {
	const states = [];
	const voter = new Voter({ pinned: server.pinned, contest: rules, api: server.api, records,
		sleep: () => Promise.resolve(), onState: (state) => states.push(state) });
	return { voter, states };
}

test("a vote is counted, checked, and leaves no secret of its issuance", async () => {
	const server = createServer();
	const records = memoryRecords();
	const end = await visit(server, records).voter.cast(upstage);
	assert.deepEqual([end.name, end.already], ["counted", false]);
	assert.deepEqual(server.counted(), ["upstage"]);
	const record = records.load();
	assert.deepEqual(Object.keys(record).sort(), ["ballot", "earlier", "id", "receipt", "step", "token"]);
});

for (const rehearsal of [false, true]) {
	test(`a token of a ${rehearsal ? "rehearsal" : "real round"} is of that round`, async () => {
		const server = createServer({ rehearsal });
		const other = createServer({ rehearsal: !rehearsal });
		const { voter } = visit({ ...other, api: server.api }, memoryRecords());
		const end = await voter.cast(upstage);
		assert.equal(end.name, "failed");
		assert.equal(end.slug, "issuer-mismatch");
		assert.deepEqual(server.counted(), []);
	});
}

for (const [step, when] of [["challenge", "before"], ["token", "before"], ["token", "after"],
	["cast", "before"], ["cast", "after"]]) {
	test(`connection lost ${when} ${step}: counted once, by itself`, async () => {
		const server = createServer();
		server.faults.push([step, when], [step, when]);
		const { voter, states } = visit(server, memoryRecords());
		const end = await voter.cast(upstage);
		assert.equal(end.name, "counted");
		assert.deepEqual(server.counted(), ["upstage"]);
		assert.equal(server.issued.size, 1);
		const waiting = states.filter(({ name }) => name === "waiting");
		assert.equal(waiting.length, 2);
		assert.equal(waiting[0].counted, step === "cast" ? "unknown" : "no");
	});
}

test("a crash at any write: on reopening the same receipt, counted once", async () => {
	let crashes = 0;
	for (let dieAt = 1; ; dieAt++) {
		for (const after of [false, true]) {
			const server = createServer();
			const records = fragileRecords(dieAt, after);
			const first = visit(server, records).voter;
			try {
				const end = await first.cast(upstage);
				if (end.name === "counted" && records.writes < dieAt) {
					assert.ok(crashes >= 8, `${crashes} crashes tried`);
					return;
				}
			} catch (error) {
				assert.ok(error instanceof Crash);
			}
			crashes++;
			const { voter } = visit(server, records);
			const end = voter.record ? await voter.resume() : await voter.cast(upstage);
			assert.equal(end.name, "counted", `died at write ${dieAt}`);
			assert.deepEqual(server.counted(), ["upstage"]);
			const [{ receipt }] = server.ledger.values();
			assert.deepEqual(end.receipt, receipt);
		}
	}
});

test("never 'not counted' once an answer was lost, whatever comes next", async () => {
	const server = createServer();
	server.faults.push(["cast", "after"], ["cast", new Problem(503, { type: "/problems#unavailable" })]);
	const { voter, states } = visit(server, memoryRecords());
	await voter.cast(upstage);
	const waiting = states.filter(({ name }) => name === "waiting");
	assert.deepEqual(waiting.map(({ counted }) => counted), ["unknown", "unknown"]);
});

test("a plain 503 is known not to count", async () => {
	const server = createServer();
	server.faults.push(["cast", new Problem(503, { type: "/problems#unavailable" }, 2)]);
	const { voter, states } = visit(server, memoryRecords());
	await voter.cast(upstage);
	const [waiting] = states.filter(({ name }) => name === "waiting");
	assert.equal(waiting.counted, "no");
	assert.ok(waiting.ms >= 1600, "Retry-After is kept to");
});

test("nobody is kept for longer than our server ever says, and no timer overflows", async () => {
	const server = createServer();
	server.faults.push(["token", new Problem(503, { type: "/problems#busy" }, 31_536_000)]);
	const { voter, states } = visit(server, memoryRecords());
	await voter.cast(upstage);
	const [waiting] = states.filter(({ name }) => name === "waiting");
	assert.ok(waiting.ms >= 600_000 && waiting.ms <= 603_000, `${waiting.ms}`);
});

test("a word for one's turn is short; anything else is not kept", async () => {
	const turnOf = (value) => createApi({}, () => Promise.resolve(new Response("{}", { status: 503,
		headers: value === null ? {} : { "Tallyd-Turn": value } }))).token("test", new Uint8Array()).catch(({ turn }) => turn);
	const word = "001795000000000.0123456789abcdef01";
	assert.equal(await turnOf(word), word);
	for (const other of [null, "", "x".repeat(65), "x".repeat(9000), `${word}, ${word}`, "\u00ff"])
		assert.equal(await turnOf(other), undefined);
});

test("closed: refused for certain, even after a lost answer", async () => {
	const server = createServer();
	server.faults.push(["cast", "before"], ["cast", new Problem(403, { type: "/problems#closed" })]);
	const end = await visit(server, memoryRecords()).voter.cast(upstage);
	assert.deepEqual([end.name, end.slug, end.counted], ["failed", "closed", "no"]);
	assert.deepEqual(server.counted(), []);
});

test("a receipt that does not fit the ballot is never called counted", async () => {
	for (const [member, value] of [["entry", Buffer.alloc(32).toString("base64")], ["index", 7],
		["salt", "AAAA"], ["spent", Buffer.alloc(16).toString("base64")], ["shard", 1],
		["contest", "other"]]) {
		const server = createServer();
		const { cast } = server.api;
		server.api.cast = async (...args) => ({ ...await cast(...args), [member]: value });
		const records = memoryRecords();
		const end = await visit(server, records).voter.cast(upstage);
		assert.equal(end.name, "mismatch", member);
		assert.notEqual(records.load().step, "counted");
	}
});

test("a ballot counted for another team by the server is noticed", async () => {
	const server = createServer();
	const { cast } = server.api;
	server.api.cast = (id, token) => cast(id, token, JSON.stringify(ncAi));
	const end = await visit(server, memoryRecords()).voter.cast(upstage);
	assert.equal(end.name, "mismatch");
});

/* A browser's storage that refuses from its nth write on. */
function fullStorage(writes) {
	const items = new Map();
	return { getItem: (key) => items.get(key) ?? null, removeItem: (key) => items.delete(key),
		setItem(key, text) {
			if (writes-- <= 0) throw new RangeError("QuotaExceededError");
			items.set(key, text);
		}, more(n) {
			writes = n;
		} };
}

test("storage that fills up at any write: the vote goes on in memory and says so", async () => {
	for (let writes = 0; writes < 6; writes++) {
		const server = createServer();
		const storage = fullStorage(writes);
		const { voter } = visit(server, recordsFor(server.pinned, storage));
		assert.equal(voter.records.kept, writes > 0);
		const end = await voter.cast(upstage);
		assert.equal(end.name, "counted", `${writes} writes`);
		assert.equal(voter.records.kept, false);
		assert.deepEqual(voter.records.load().receipt, end.receipt);
		// The older record that was left behind leads to the same receipt.
		storage.more(100);
		const reopened = visit(server, recordsFor(server.pinned, storage)).voter;
		assert.equal(reopened.pending, writes > 2, `${writes} writes`);
		if (reopened.pending) assert.deepEqual((await reopened.resume()).receipt, end.receipt);
		assert.equal(server.ledger.size, 1, "never a second vote");
	}
});

test("storage that is full, and then is not, keeps the newest record", () => {
	const { pinned } = createServer();
	const storage = fullStorage(2);
	const records = recordsFor(pinned, storage);
	records.save({ step: "new" });
	records.save({ step: "blinded" });
	assert.deepEqual([records.kept, records.load().step], [false, "blinded"]);
	storage.more(100);
	records.save({ step: "token" });
	assert.deepEqual([records.kept, recordsFor(pinned, storage).load().step], [true, "token"]);
	storage.more(0);
	assert.equal(recordsFor(pinned, storage).load().step, "token", "what stands there is read");
	assert.deepEqual([recordsFor(pinned, null).kept, recordsFor(pinned, null).load()], [false, null]);
});

test("two tabs: the second shows what the first cast", async () => {
	const server = createServer();
	const records = memoryRecords();
	const one = visit(server, records).voter;
	const two = visit(server, records).voter;
	await one.cast(upstage);
	const end = await two.cast(ncAi);
	assert.deepEqual([end.name, end.already], ["counted", true]);
	assert.deepEqual(server.counted(), ["upstage"]);
	assert.deepEqual(two.record.ballot, upstage);
});

const paused = () => ["cast", new Problem(403, { type: "/problems#paused" })];

test("two tabs: a ballot never goes out with the token of another tab's vote", async () => {
	const server = createServer();
	const records = memoryRecords();
	const [one, two, three] = [1, 2, 3].map(() => visit(server, records).voter);
	server.faults.push(paused());
	assert.equal((await one.cast(upstage, "code-a")).slug, "paused");
	const before = records.load();
	assert.equal((await two.cast(ncAi, "code-b")).name, "occupied");
	assert.equal((await three.cast(upstage)).name, "occupied");
	assert.deepEqual([records.load(), server.counted()], [before, []]);
	// Going on with the first is possible from there, and told as what it is.
	const end = await two.resume();
	assert.deepEqual([end.name, end.already, server.counted()], ["counted", false, ["upstage"]]);
	const late = await one.resume();
	assert.deepEqual([late.name, late.already], ["counted", false]);
});

test("two tabs: whoever brought another bearer is not told that the first one's ballot was theirs", async () => {
	for (const choice of [ncAi, upstage]) {
		const server = createServer();
		const records = memoryRecords();
		const [one, two, three] = [1, 2, 3].map(() => visit(server, records).voter);
		await one.cast(upstage, "code-a");
		assert.equal((await two.cast(choice, "code-b")).name, "occupied");
		const end = await three.cast(choice);
		assert.deepEqual([end.name, end.already], ["counted", true]);
		assert.deepEqual(server.counted(), ["upstage"]);
	}
});

test("two tabs: going on where another vote has taken the place: told that it is not this one", async () => {
	for (const choice of [ncAi, upstage]) {
		const server = createServer();
		const records = memoryRecords();
		const one = visit(server, records).voter;
		server.faults.push(["token", new Problem(403, { type: "/problems#code-revoked" })]);
		assert.equal((await one.cast(upstage, "code-a")).slug, "code-revoked");
		const two = visit(server, records).voter;
		two.forget();
		assert.equal(records.load(), null);
		server.faults.push(paused());
		assert.equal((await two.cast(choice, "code-b")).slug, "paused");
		const end = await one.resume();
		assert.deepEqual([end.name, end.already], ["counted", true]);
	}
});

test("two tabs: the ballot was changed in another one: told that it is not the one shown", async () => {
	const server = createServer();
	const records = memoryRecords();
	const one = visit(server, records).voter;
	server.faults.push(paused(), paused());
	await one.cast(upstage);
	const two = visit(server, records).voter;
	assert.equal((await two.cast(ncAi)).slug, "paused", "it knows the record: the same voter's");
	const end = await one.resume();
	assert.deepEqual([end.name, end.already, server.counted()], ["counted", true, ["nc-ai"]]);
});

test("two tabs: forgetting leaves what another one has put there; what is gone is not gone on with", async () => {
	const server = createServer();
	const records = memoryRecords();
	const one = visit(server, records).voter;
	server.faults.push(["token", new Problem(403, { type: "/problems#code-revoked" })]);
	await one.cast(upstage, "code-a");
	const [two, three] = [1, 2].map(() => visit(server, records).voter);
	server.faults.push(paused());
	await two.cast(upstage, "code-b"); // the same vote, with a code that admits
	one.forget();
	assert.deepEqual([records.load()?.step, records.load()?.bearer], ["token", undefined], "its token stays");
	two.forget();
	assert.equal(records.load(), null);
	assert.equal((await three.resume()).name, "gone");
});

test("another bearer never stands beside a token", async () => {
	const server = createServer();
	const records = memoryRecords();
	const { voter } = visit(server, records);
	server.faults.push(paused(), paused());
	await voter.cast(upstage, "code-a");
	await voter.cast(ncAi, "code-b");
	assert.deepEqual([records.load().step, "bearer" in records.load()], ["token", false]);
});

test("a change of a counted vote goes into this tab's own only", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const rules = { ...contest, revote: "replace" };
	const one = visit(server, records, rules).voter;
	await one.cast(upstage);
	const two = visit(server, records, rules).voter;
	two.forget();
	await two.cast(upstage);
	const end = await one.cast(ncAi);
	assert.deepEqual([end.name, end.already, server.counted()], ["counted", true, ["upstage", "upstage"]]);
});

test("token spent by another ballot: the earlier receipt, told as such", async () => {
	const server = createServer();
	const records = memoryRecords();
	await visit(server, records).voter.cast(upstage);
	const { token, receipt } = records.load();
	records.save({ step: "token", token, ballot: ncAi });
	const { voter } = visit(server, records);
	const end = await voter.resume();
	assert.deepEqual([end.name, end.receipt], ["counted", receipt]);
	assert.deepEqual([voter.record.earlier, voter.record.ballot], [true, null]);
});

test("replacing: If-Match carries the index; a lost answer is cured by asking again", async () => {
	const rules = { ...contest, revote: "replace" };
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const { voter } = visit(server, records, rules);
	await voter.cast(upstage);
	server.faults.push(["cast", "after"]);
	const end = await voter.cast(ncAi);
	assert.deepEqual([end.name, end.receipt.status, end.receipt.index], ["counted", "replaced", 1]);
	assert.deepEqual(server.counted(), ["nc-ai"]);
});

test("a choice can be changed ten times; what was accepted last stands, and that is final", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const { voter } = visit(server, records, { ...contest, revote: "replace" });
	await voter.cast(upstage);
	const ballots = [ncAi, upstage];
	for (let i = 0; i < 10; i++) {
		assert.equal(voter.final, false, `after ${i} changes`);
		await voter.cast(ballots[i % 2]);
	}
	assert.equal(voter.final, true);
	assert.deepEqual(server.counted(), ["upstage"]);
});

test("a change that the server refuses as one too many adopts the receipt that stands", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const { voter } = visit(server, records, { ...contest, revote: "replace" });
	const first = await voter.cast(upstage);
	server.faults.push(["cast", new Problem(409, { type: "/problems#replaced-too-often", receipt: first.receipt })]);
	const end = await voter.cast(ncAi);
	assert.deepEqual([end.name, end.already, end.receipt], ["counted", true, first.receipt]);
	assert.deepEqual([voter.record.ballot, voter.final], [upstage, true]);
	assert.equal(visit(server, records, { ...contest, revote: "replace" }).voter.final, true);
});

test("a replacement refused for certain leaves the first vote standing", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const { voter } = visit(server, records, { ...contest, revote: "replace" });
	const first = await voter.cast(upstage);
	server.faults.push(["cast", new Problem(403, { type: "/problems#closed" })]);
	const end = await voter.cast(ncAi);
	assert.deepEqual([end.name, end.counted], ["failed", "before"]);
	assert.deepEqual([voter.record.step, voter.record.ballot], ["counted", upstage]);
	assert.deepEqual(voter.record.receipt, first.receipt);
});
