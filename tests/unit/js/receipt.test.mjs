/* A voter's entry on its way into the log: what a proof proves, when which words are due, and what is kept. The log
 * and its signatures are made with node:crypto, and none of the pages' own code. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { test } from "node:test";

import { Problem, Unreachable } from "../../../static/js/api.js";
import { CannotVerify } from "../../../static/js/ed25519.js";
import { Follower, Outdated } from "../../../static/js/follow.js";
import { checkInclusion, ProofError } from "../../../static/js/inclusion.js";
import { memoryRecords } from "../../../static/js/records.js";
import { Voter } from "../../../static/js/voter.js";
import { contest, createServer } from "./server.mjs";

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
const identity = "log.test/kai/0";

/* ---- a small log ---- */

const root = (entries) => entries.length === 1 ? sha256([0], entries[0])
	: sha256([1], root(entries.slice(0, split(entries.length))), root(entries.slice(split(entries.length))));
const split = (n) => 2 ** (Math.ceil(Math.log2(n)) - 1);
function path(m, entries) {
	if (entries.length === 1) return [];
	const k = split(entries.length);
	return m < k ? [...path(m, entries.slice(0, k)), root(entries.slice(k))] : [...path(m - k, entries.slice(k)), root(entries.slice(0, k))];
}

function makeLog(entries, { origin = identity, keys = generateKeyPairSync("ed25519") } = {}) {
	const key = keys.publicKey.export({ type: "spki", format: "der" }).subarray(-32);
	const text = `${origin}\n${entries.length}\n${root(entries).toString("base64")}\n`;
	const id = sha256(`${origin}\n`, [1], key).subarray(0, 4);
	const note = `${text}\n— ${origin} ${Buffer.concat([id, sign(null, Buffer.from(text), keys.privateKey)]).toString("base64")}\n`;
	return { keys, key: key.toString("base64"), prove: (index, of = index) => ["c2sp.org/tlog-proof@v1", `index ${index}`,
		...path(of, entries).map((hash) => hash.toString("base64")), "", note].join("\n") };
}

const entries = Array.from({ length: 13 }, (_, i) => sha256([i]));
const log = makeLog(entries);
const mine = { identity, index: 5, entry: entries[5], key: log.key };

test("a proof of one's own entry is taken, and says of which log and size", async () => {
	const { origin, epoch, size, index, hashes } = await checkInclusion(mine, log.prove(5));
	assert.deepEqual([origin, epoch, size, index, hashes.length], [identity, 1, 13, 5, 4]);
	const later = makeLog(entries, { origin: `${identity}/epoch-3` });
	assert.equal((await checkInclusion({ ...mine, key: later.key }, later.prove(5))).epoch, 3);
	const single = makeLog([entries[5]]);
	assert.equal((await checkInclusion({ ...mine, index: 0, key: single.key }, single.prove(0))).size, 1);
});

for (const [what, reason, change] of [
	["another entry", "root", (good) => [{ ...mine, entry: entries[6] }, good]],
	["another place of the same log", "index", () => [mine, log.prove(6)]],
	["another place's hashes under one's own number", "root", () => [mine, log.prove(5, 4)]],
	["a hash changed", "root", (good) => [mine, good.replace(/(index 5\n)(.)/, (_, line, c) => line + (c === "A" ? "B" : "A"))]],
	["a hash too few", "root", (good) => [mine, good.replace(/(index 5\n)[^\n]+\n/, "$1")]],
	["a hash too many", "root", (good) => [mine, good.replace(/(index 5\n)([^\n]+\n)/, "$1$2$2")]],
	["a log that is too short", "root", () => {
		const short = makeLog(entries.slice(0, 5), { keys: log.keys });
		return [mine, short.prove(5, 4)];
	}],
	["a log with another entry there", "root", () => {
		const other = makeLog(entries.with ? entries.with(5, sha256([99])) : [...entries.slice(0, 5), sha256([99]), ...entries.slice(6)],
			{ keys: log.keys });
		return [mine, other.prove(5)];
	}],
	["another key", "signature", () => [mine, makeLog(entries).prove(5)]],
	["a changed root", "signature", (good) => [mine, good.replace(/(\n13\n)(.)/, (_, line, c) => line + (c === "A" ? "B" : "A"))]],
	["a changed size", "signature", (good) => [mine, good.replace("\n13\n", "\n14\n")]],
	["no signature", "signature", (good) => [mine, `${good.slice(0, good.lastIndexOf("\n\n"))}\n\n— x AAAAAAAA\n`]],
	["another shard's log", "origin", () => [mine, makeLog(entries, { origin: "log.test/kai/1", keys: log.keys }).prove(5)]],
	["the rehearsal's log", "origin", () => [mine, makeLog(entries, { origin: "log.test/kai~rehearsal/0", keys: log.keys }).prove(5)]],
	["another name's log", "origin", () => [mine, makeLog(entries, { origin: "other.test/kai/0", keys: log.keys }).prove(5)]],
	["something else", "format", () => [mine, "<!doctype html>"]],
	["nothing", "format", () => [mine, ""]],
]) {
	test(`refused: ${what} (${reason})`, async () => {
		const [wanted, text] = change(log.prove(5));
		await assert.rejects(checkInclusion(wanted, text), (error) => {
			assert.ok(error instanceof ProofError, error.stack);
			assert.equal(error.reason, reason);
			return true;
		});
	});
}

/* ---- following ---- */

const notSealed = (seconds) => new Problem(404, { type: "/problems#not-sealed" }, seconds);
const proofError = new ProofError("root");

/* Plays answers in turn, the last for ever; time passes by sleeping alone. `alive` ends after so many sleeps. */
async function follow(answers, { wait = 1000, logs = ["ok"], sleeps = 60 } = {}) {
	let time = 0;
	let asked = 0;
	let fresh = 0;
	const waits = [];
	const states = [];
	const at = [];
	const follower = new Follower({ wait, now: () => time, alive: () => waits.length < sleeps,
		ask: async () => {
			const answer = answers[Math.min(asked++, answers.length - 1)];
			if (answer instanceof Error && !(answer instanceof ProofError || answer instanceof CannotVerify
				|| answer instanceof Outdated)) throw answer;
			return answer;
		},
		check: async (text) => {
			if (text instanceof Error) throw text;
			return { size: 1 };
		},
		log: async (again) => logs[Math.min(again ? ++fresh : fresh, logs.length - 1)],
		sleep: async (ms) => {
			waits.push(ms);
			time += ms;
		},
		onState: (state) => {
			states.push(state.name);
			at.push(time);
		} });
	const end = await follower.run();
	return { end, states, waits, asked, at, fresh };
}

test("not there yet, then there: quiet until it is confirmed", async () => {
	const { states, waits, end } = await follow([notSealed(1), notSealed(1), "proof"]);
	assert.deepEqual(states, ["checking", "confirmed"]);
	assert.equal(end.text, "proof");
	assert.ok(waits[0] >= 1350 && waits[0] <= 1650, `${waits[0]}`);
	assert.ok(waits[2] > waits[0]);
});

test("Retry-After is kept to, within reason", async () => {
	const { waits } = await follow([notSealed(40), notSealed(86_400), "proof"], { wait: 300_000 });
	assert.ok(waits[1] >= 36_000 && waits[1] <= 44_000, `${waits[1]}`);
	assert.ok(waits[2] <= 330_000, `${waits[2]}`);
});

test("missed a minute after the contest's own longest wait, and not before; then asked for once a minute", async () => {
	for (const wait of [1000, 60_000, 600_000]) {
		const { states, at, waits } = await follow([notSealed(1)], { wait, sleeps: 80 });
		assert.deepEqual(states, ["checking", "late"]);
		assert.ok(at[1] >= wait + 60_000 && at[1] < wait + 60_000 + 17_000, `${at[1]}`);
		assert.ok(waits.at(-1) >= 54_000, "politely");
		const first = waits.slice(0, 7);
		assert.ok(first.every((ms) => ms <= 16_500));
	}
});

test("late, and then there after all", async () => {
	const { states } = await follow([...Array.from({ length: 12 }, () => notSealed(1)), "proof"]);
	assert.deepEqual(states, ["checking", "late", "confirmed"]);
});

for (const [cause, error] of [["unreachable", new Unreachable("gone")], ["unreachable", new Problem(503, {}, 1)],
	["unreachable", new Problem(429, {}, 1)], ["refused", new Problem(404, { type: "/problems#no-such-shard" })],
	["not-sealed", new Outdated("log")]]) {
	test(`late says why: ${cause} (${error.message})`, async () => {
		const { end } = await follow([error], { sleeps: 20 });
		assert.deepEqual([end.name, end.cause], ["late", cause]);
	});
}

test("a proof that does not verify is asked for once more, and then told", async () => {
	const { states, asked, end, waits } = await follow([proofError]);
	assert.deepEqual([states, asked, end.reason], [["checking", "wrong"], 2, "root"]);
	assert.ok(waits[1] < 3500);
	const spoilt = await follow([proofError, "proof"]);
	assert.deepEqual(spoilt.states, ["checking", "confirmed"], "something between had spoilt it");
	const between = await follow([proofError, new Unreachable("gone"), proofError, proofError]);
	assert.deepEqual([between.states, between.asked], [["checking", "wrong"], 4]);
});

test("a log at a halt says so at once, goes on asking, and confirms what was sealed before", async () => {
	const before = await follow(["proof"], { logs: ["halted"] });
	assert.deepEqual(before.states, ["checking", "confirmed"]);
	const { states, waits, fresh } = await follow([notSealed(1)], { logs: ["halted"], sleeps: 5 });
	assert.deepEqual(states, ["checking", "halted"]);
	assert.ok(waits[2] >= 54_000);
	assert.ok(fresh > 0, "and the server is asked whether it still stands still");
	const over = await follow([...Array.from({ length: 4 }, () => notSealed(1)), "proof"], { logs: ["halted", "ok"] });
	assert.deepEqual(over.states, ["checking", "halted", "late", "confirmed"]);
	const later = await follow([notSealed(1)], { logs: ["ok", "halted"], sleeps: 20 });
	assert.deepEqual(later.states, ["checking", "halted"], "a halt that began meanwhile");
});

test("where signatures cannot be checked nothing is claimed of them", async () => {
	const { states } = await follow([new CannotVerify("no"), new CannotVerify("no"), "proof"]);
	assert.deepEqual(states, ["checking", "unable", "confirmed"]);
});

/* ---- what is kept ---- */

const upstage = { choices: ["upstage"] };
const ncAi = { choices: ["nc-ai"] };
const visit = (server, records, rules = contest) => new Voter({ pinned: server.pinned, contest: rules, api: server.api, records,
	sleep: () => Promise.resolve() });

test("a proof is kept with its own receipt only", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const voter = visit(server, records, { ...contest, revote: "replace" });
	const { receipt } = await voter.cast(upstage);
	voter.keepProof({ ...receipt, index: receipt.index + 1 }, "another's");
	voter.keepProof({ ...receipt, entry: randomBytes(32).toString("base64") }, "another's");
	assert.equal(records.load().proof, undefined);
	voter.keepProof(receipt, "mine");
	assert.equal(records.load().proof, "mine");
	assert.equal(visit(server, records).record.proof, "mine", "after a reload");
	await voter.cast(ncAi);
	assert.equal(records.load().proof, undefined, "the new ballot has a proof of its own");
	voter.keepProof(receipt, "too late");
	assert.equal(records.load().proof, undefined);
	assert.equal(records.load().replaces, receipt.index);
});

test("a replacement that is refused leaves the first ballot's proof", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const voter = visit(server, records, { ...contest, revote: "replace" });
	const { receipt } = await voter.cast(upstage);
	voter.keepProof(receipt, "mine");
	server.faults.push(["cast", new Problem(403, { type: "/problems#closed" })]);
	assert.equal((await voter.cast(ncAi)).counted, "before");
	assert.deepEqual([records.load().proof, records.load().ballot], ["mine", upstage]);
});

test("sending again: counted once, and the receipt that is there stays whatever happens", async () => {
	const server = createServer();
	const records = memoryRecords();
	const voter = visit(server, records);
	await voter.cast(upstage);
	const before = records.load();
	assert.deepEqual(await voter.again(), { name: "same" });
	for (const [fault, name] of [["before", "unreachable"], ["after", "unreachable"],
		[new Problem(503, { type: "/problems#unavailable" }), "unavailable"], [new Problem(502, {}), "unavailable"],
		[new Problem(403, { type: "/problems#closed" }), "refused"],
		[new Problem(409, { type: "/problems#token-spent", receipt: before.receipt }), "refused"]]) {
		server.faults.push(["cast", fault]);
		assert.deepEqual(await voter.again(), { name });
		assert.deepEqual(records.load(), before);
	}
	const { cast } = server.api;
	server.api.cast = async (...args) => ({ ...await cast(...args), index: 7 });
	assert.deepEqual(await voter.again(), { name: "mismatch" });
	server.api.cast = cast;
	assert.deepEqual(records.load(), before);
	assert.deepEqual(server.counted(), ["upstage"]);
});

test("sending again after a loss: the new receipt is taken, the former kept beside it", async () => {
	const server = createServer();
	const records = memoryRecords();
	const voter = visit(server, records);
	const { receipt } = await voter.cast(upstage);
	voter.keepProof(receipt, "mine");
	server.ledger.clear();
	assert.deepEqual(await voter.again(), { name: "new" });
	const record = records.load();
	assert.notEqual(record.receipt.index, receipt.index);
	assert.deepEqual(record.former, [{ receipt, proof: "mine" }]);
	assert.deepEqual([record.step, record.proof, record.ballot], ["counted", undefined, upstage]);
});

test("a replacement is sent again as the replacement that it was", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const voter = visit(server, records, { ...contest, revote: "replace" });
	const first = await voter.cast(upstage);
	await voter.cast(ncAi);
	const [[spent]] = server.ledger;
	server.ledger.set(spent, { text: "choices\nupstage\n", receipt: first.receipt }); // the replacement was lost
	assert.deepEqual(await voter.again(), { name: "new" });
	assert.deepEqual(server.counted(), ["nc-ai"]);
});

test("another tab has changed the record: nothing is sent", async () => {
	const server = createServer({ revote: "replace" });
	const records = memoryRecords();
	const rules = { ...contest, revote: "replace" };
	const here = visit(server, records, rules);
	await here.cast(upstage);
	const there = visit(server, records, rules);
	await there.cast(ncAi);
	assert.deepEqual(await here.again(), { name: "moved" });
	assert.deepEqual(server.counted(), ["nc-ai"]);
});
