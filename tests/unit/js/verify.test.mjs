/* The verify page's judgement, without a browser: what may be handed in, and every verdict, against logs that tree.mjs
 * makes with node:crypto. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { choiceWords } from "../../../static/js/verify-choice.js";
import { check } from "../../../static/js/verify-check.js";
import { InputError, isLink, locate, readInput, whyForeign } from "../../../static/js/verify-input.js";
import { openLog } from "../../../static/js/verify-log.js";
import { createLog, newKey, note, printOpening, sha256, statement } from "./tree.mjs";

const SHARDS = 2;
const key = newKey();
const pinned = { id: "kai", rehearsal: false, log_name: "vote.test", shards: SHARDS, log_key: key.raw.toString("base64") };
const contests = [{ ...pinned, id: "other" }, pinned];
const identity = "vote.test/kai/1";

/* A ballot whose token belongs to shard 1. */
function opening(index, ballot = `choices\nentry-${index % 5}\n`) {
	const spent = randomBytes(16);
	spent[3] |= 1;
	return { identity, index, spent, salt: randomBytes(32), ballot };
}
const openings = Array.from({ length: 600 }, (_, i) => opening(i));
const log = createLog({ identity, key, openings });

/* What a host serves: path below /log/kai/1/ → bytes. `asked` gathers the requests. */
function host(files, asked = []) {
	return async (url) => {
		asked.push(url);
		const body = files.get(url.replace("https://log.test/log/kai/1/", ""));
		if (body instanceof Error) throw body;
		return body ? new Response(body) : new Response("no", { status: 404 });
	};
}
const under = (directory, files) => [...files].map(([path, bytes]) => [`${directory}${path}`, bytes]);

async function judge(text, files, site = {}) {
	const asked = [];
	const subject = readInput(text);
	const place = locate(subject, contests);
	assert.ok(place, "of a log of this site");
	const reader = openLog({ ...place, base: "https://log.test", copy: site.copy }, host(files, asked));
	const result = await check(subject, place, { log: reader, epoch: 1, state: "ok", final: false, certified: async () => null, ...site });
	return { ...result, asked, name: result.why ? `${result.kind}-${result.why}` : result.kind };
}

const certified = (one) => async () => ({ version: 1, log: [{}, { origin: one.origin, root: one.rootAt(one.leaves.length).toString("base64"), shard: 1,
	size: one.leaves.length }] });
const changed = (files, path, change) => new Map(files).set(path, change(Buffer.from(files.get(path))));
const flip = (at) => (bytes) => {
	bytes[at] ^= 1;
	return bytes;
};
const link = (one) => `https://vote.test/verify/#${Buffer.from(printOpening(one)).toString("base64url")}`;

test("included: from the file at any age, the server's proof, the QR code's address, an opening, a receipt", async () => {
	const files = log.files();
	for (const index of [0, 299, 300, 511, 599]) {
		for (const size of [300, 512, 600].filter((n) => n > index)) {
			const { name, steps } = await judge(log.proof(index, { size }), files);
			assert.equal(name, "included", `${index} of ${size}`);
			assert.deepEqual(steps.map(([step]) => step), ["whole", "signature", "inclusion", "today", "consistency", "present"]);
		}
		const texts = { server: log.proof(index, { extra: false }), link: link(openings[index]), opening: printOpening(openings[index]),
			code: link(openings[index]).split("#")[1], receipt: JSON.stringify(log.receipt(index), null, 2),
			windows: `\uFEFF${log.proof(index).replaceAll("\n", "\r\n")}\r\n\r\n` };
		for (const [what, text] of Object.entries(texts)) assert.equal((await judge(text, files)).name, "included", `${what} of ${index}`);
	}
});

test("nothing of what is handed in goes into a request", async () => {
	const { asked } = await judge(log.proof(70), log.files());
	assert.ok(asked.length >= 3, "the checkpoint and tiles");
	for (const url of asked) assert.match(url, /^https:\/\/log\.test\/log\/kai\/1\/(checkpoint|tile\/\d\/\d{3}(\.p\/\d+)?)$/);
});

test("certified: the result names the log, or it does not", async () => {
	const final = { final: true, certified: certified(log) };
	const good = await judge(log.proof(5), log.files(), final);
	assert.equal(good.name, "included");
	assert.deepEqual(good.steps.at(-1), ["certified", true]);
	assert.equal((await judge(log.proof(5), log.files(), { final: true })).name, "included", "a result without logs");
	const other = createLog({ identity, key, openings: openings.slice(0, 599) });
	assert.equal((await judge(log.proof(5), log.files(), { final: true, certified: certified(other) })).name, "log-certified");
	const [, row] = (await certified(log)()).log;
	const rows = [[], [{ ...row, shard: 0 }], [{ ...row, size: 599 }], [{ ...row, root: other.rootAt(599).toString("base64") }],
		[{ ...row, origin: `${identity}/epoch-1` }]];
	for (const [i, wrong] of rows.entries()) {
		const result = async () => ({ version: 1, log: wrong });
		assert.equal((await judge(log.proof(5), log.files(), { final: true, certified: result })).name, "log-certified", `result ${i}`);
	}
});

test("pending, halted, and missing where the log ended", async () => {
	const files = log.files(300);
	const late = link(openings[300]);
	assert.equal((await judge(late, files)).name, "pending");
	assert.equal((await judge(late, files, { state: "halted" })).name, "halted");
	assert.equal((await judge(late, files, { final: true })).name, "missing-beyond");
	assert.equal((await judge(late, new Map())).name, "pending", "nothing is sealed yet");
	assert.equal((await judge(late, new Map(), { state: "halted" })).name, "halted");
	assert.equal((await judge(late, files, { state: "off" })).name, "off");
	assert.equal((await judge(log.proof(7), files, { state: "halted" })).name, "halted", "more was signed than stands here");
	assert.equal((await judge(log.proof(7, { size: 200 }), files, { state: "halted" })).name, "included", "by what was signed last");
});

test("missing: another ballot in its place", async () => {
	const foreign = { ...openings[12], salt: randomBytes(32) };
	assert.equal((await judge(link(foreign), log.files())).name, "missing-other");
	assert.equal((await judge(link({ ...openings[12], ballot: "choices\nsomebody\n" }), log.files())).name, "missing-other");
});

test("forged", async () => {
	const files = log.files();
	const good = log.proof(40);
	const lines = good.split("\n");
	const swap = (i, line) => [...lines.slice(0, i), line, ...lines.slice(i + 1)].join("\n");
	const extra = (one) => `extra ${Buffer.from(printOpening(one)).toString("base64")}`;
	const cases = [
		["forged-signature", log.proof(40, { signer: newKey() })],
		["forged-signature", good.replace(`\n${identity}\n600\n`, `\n${identity}\n601\n`)],
		["forged-proof", swap(5, sha256("x").toString("base64"))],
		["forged-proof", swap(1, extra({ ...openings[40], ballot: "choices\nentry-1\n" }))],
		["forged-proof", swap(1, extra({ ...openings[40], salt: randomBytes(32) }))],
		["forged-proof", [...lines.slice(0, 4), ...lines.slice(5)].join("\n")],
		["forged-mixed", swap(1, extra(openings[41]))],
		["forged-mixed", swap(1, extra({ ...openings[40], identity: "vote.test/kai/0" }))],
		["forged-mixed", swap(1, extra({ ...openings[40], identity: "vote.tesu/kai/1" }))],
		["forged-mixed", swap(1, extra({ ...openings[40], identity: "vote.test/kai~rehearsal/1" }))],
		["forged-shard", link({ ...openings[40], spent: Buffer.alloc(16) })],
		["forged-shard", JSON.stringify({ ...log.receipt(40), spent: Buffer.alloc(16).toString("base64") })],
	];
	for (const [expected, text] of cases) {
		const { name, steps, asked } = await judge(text, files);
		assert.equal(name, expected);
		assert.equal(steps.at(-1)[1], false);
		assert.deepEqual(asked, [], "told without asking anybody");
	}
	// A server's proof does not name its entry: the log does.
	const bad = log.proof(40, { extra: false }).split("\n");
	bad[3] = sha256("x").toString("base64");
	assert.equal((await judge(bad.join("\n"), files)).name, "forged-proof");
});

test("the log's own faults", async () => {
	const files = log.files();
	const proof = log.proof(40, { size: 300 });
	const stranger = createLog({ identity, key: newKey(), openings });
	const rebuilt = createLog({ identity, key, openings: openings.map((one, i) => i === 10 ? opening(10) : one) });
	const cases = [
		["log-checkpoint", new Map([...files, ["checkpoint", stranger.checkpoint()]])],
		["log-checkpoint", new Map([...files, ["checkpoint", "<!DOCTYPE html>\n"]])],
		["log-checkpoint", new Map([...files, ["checkpoint", createLog({ identity: "vote.test/kai/0", key, openings }).checkpoint()]])],
		["log-rewritten", rebuilt.files()],
		["log-tiles", changed(files, "tile/0/000", flip(40 * 32 + 3))],
		["log-tiles", changed(files, "tile/0/000", flip(32 * 250))],
		["log-tiles", changed(files, "tile/1/000.p/2", flip(32))],
		["log-tiles", changed(files, "tile/0/000", (bytes) => bytes.subarray(1))],
		["log-incomplete", new Map([...files].filter(([path]) => path !== "tile/0/001"))],
		["unreachable", new Map([...files, ["tile/0/000", new TypeError("offline")]])],
		["unreachable", new Map([...files, ["checkpoint", new TypeError("offline")]])],
	];
	for (const [i, [expected, served]] of cases.entries()) assert.equal((await judge(proof, served)).name, expected, `case ${i}`);
	assert.equal((await judge(log.proof(40), rebuilt.files())).name, "log-rewritten", "of the same size");
	const without = (path) => new Map([...files].filter(([one]) => one !== path));
	for (const text of [proof, link(openings[40])]) {
		for (const path of ["checkpoint", "tile/0/000"]) assert.equal((await judge(text, without(path), { copy: true })).name, "log-incomplete", path);
	}
	assert.equal((await judge(link(openings[40]), changed(files, "tile/0/000", flip(40 * 32)))).name, "log-tiles");
});

/* Heads of one log that are smaller than what was signed before: of a host that is late, or of another log. */
test("behind: less than was signed before accuses nobody, unless it is not the beginning of that", async () => {
	const names = new Set();
	const other = (size, at) => createLog({ identity, key, openings: openings.slice(0, size).map((one, i) => i === at ? opening(i) : one) });
	for (const [size, now] of [[600, 599], [600, 1], [600, 256], [512, 300], [3, 2], [2, 1]]) {
		const files = log.files(now);
		for (const index of [0, 2, 255, 299, 300, 598].filter((n) => n < size)) {
			const what = `${index} of ${size}, here ${now}`;
			for (const extra of [true, false]) {
				const { name, steps } = await judge(log.proof(index, { size, extra }), files);
				assert.equal(name, "behind", what);
				assert.deepEqual(steps.at(-1), ["beginning", true], what);
			}
			if (index >= now) continue;
			// Another ballot in its own place: two signatures that contradict each other.
			const { name, steps } = await judge(log.proof(index, { size }), other(now, index).files());
			assert.equal(name, "log-rewritten", what);
			assert.deepEqual(steps.at(-1), ["beginning", false], what);
			names.add((await judge(log.proof(index, { size }), other(now, index === 0 ? now - 1 : 0).files())).name);
		}
	}
	assert.deepEqual([...names].sort(), ["behind", "log-rewritten"], "any other ballot's, as far as the receipt's hashes reach");
	const rewritten = createLog({ identity, key, openings: openings.map((one, i) => i === 3 ? opening(3) : one) });
	assert.equal((await judge(log.proof(299), rewritten.files(256))).name, "log-rewritten", "the first 256 are one of its hashes");
	assert.equal((await judge(log.proof(20, { size: 300 }), new Map())).name, "behind", "no head yet");
	const late = log.files(300);
	assert.equal((await judge(log.proof(7), changed(late, "tile/0/000", flip(7 * 32)))).name, "log-tiles");
	assert.equal((await judge(log.proof(7), changed(late, "tile/0/000", flip(200 * 32)))).name, "log-tiles");
	assert.equal((await judge(log.proof(7), new Map([...late].filter(([path]) => path !== "tile/0/000")))).name, "log-incomplete");
	assert.equal((await judge(log.proof(7), late, { copy: true })).name, "behind", "nothing certified");
});

test("behind: what was not compared is told, since a host may show a rewritten log that ends below the next hash", async () => {
	const final = { final: true, certified: certified(log) };
	const fork = (from, n) => createLog({ identity, key, openings: [...openings.slice(0, from), ...Array.from({ length: n - from }, (_, i) => opening(from + i))] });
	const cases = [
		// The place, the size that was signed with it, and what the host shows: rewritten where, and how much.
		[3, 512, fork(64, 100), "part"], [3, 600, fork(257, 511), "part"], [300, 600, fork(512, 599), "part"], [300, 512, fork(0, 200), "part"],
		[3, 512, fork(100, 100), "part"], [3, 512, fork(256, 256), "whole"], [300, 600, fork(512, 512), "whole"], [0, 600, fork(1, 1), "whole"],
	];
	for (const [index, size, shown, short] of cases) {
		const what = `${index} of ${size}, here ${shown.leaves.length}`;
		const found = await judge(log.proof(index, { size }), shown.files());
		assert.deepEqual([found.name, found.facts.short], ["behind", short], what);
		assert.ok(found.facts.held.note && found.facts.now.note, what);
		const then = await judge(log.proof(index, { size }), shown.files(), final);
		assert.deepEqual([then.name, then.facts.short], ["behind", size === 600 ? short : "part"], `${what}, certified`);
		const stopped = await judge(log.proof(index, { size }), shown.files(), { state: "halted" });
		assert.deepEqual([stopped.name, stopped.facts.short], ["halted", short], `${what}, halted`);
	}
	const unread = await judge(log.proof(300, { extra: false }), log.files(256));
	assert.deepEqual([unread.name, unread.facts.short], ["behind", "part"], "a server's proof does not name its entry");
	for (const [text, files, site] of [[link(openings[500]), log.files(300), final], [log.proof(5, { size: 200 }), log.files(300), final]]) {
		assert.equal((await judge(text, files, site)).facts.short, "part", "the result's head is compared with nothing");
	}
	assert.equal((await judge(log.proof(20), new Map())).facts.short, null, "nothing stands here");
	assert.equal((await judge(link(openings[300]), log.files(300), { state: "halted" })).facts.short, null, "nothing larger is known");
});

test("behind the certified result: late, but only on a host that still follows", async () => {
	const final = { final: true, certified: certified(log) };
	const whole = log.files();
	const late = log.files(300);
	const texts = { file: log.proof(5), early: log.proof(5, { size: 200 }), link: link(openings[5]), beyond: link(openings[500]), file_beyond: log.proof(500) };
	for (const [what, text] of Object.entries(texts)) {
		assert.equal((await judge(text, late, final)).name, "behind", what);
		assert.equal((await judge(text, new Map(), final)).name, "behind", `${what}, no head`);
		assert.equal((await judge(text, late, { ...final, state: "halted" })).name, "halted", what);
		assert.equal((await judge(text, late, { ...final, copy: true })).name, "log-certified", `${what}, in a copy`);
		assert.equal((await judge(text, whole, final)).name, "included", what);
	}
	const less = { final: true, certified: certified(createLog({ identity, key, openings: openings.slice(0, 300) })) };
	assert.equal((await judge(log.proof(5), late, less)).name, "log-certified", "more was signed than was certified");
	assert.equal((await judge(log.proof(5), new Map(), less)).name, "log-certified");
	assert.equal((await judge(link(openings[500]), late, less)).name, "missing-beyond");
	assert.equal((await judge(link(openings[5]), whole, less)).name, "log-certified", "the log is longer");
	const other = { final: true, certified: certified(createLog({ identity, key, openings: openings.with(9, opening(9)) })) };
	assert.equal((await judge(log.proof(5), late, other)).name, "log-certified", "other than what was signed");
	const second = { ...final, certified: certified(createLog({ identity, key, epoch: 2, openings })) };
	assert.equal((await judge(log.proof(5), whole, second)).name, "behind", "a new beginning, not here yet");
	assert.equal((await judge(createLog({ identity, key, epoch: 2, openings }).proof(5), new Map(), { ...final, copy: true })).name, "log-certified",
		"the result forgets a new beginning");
});

test("another epoch: the statement, what was kept, and what was lost", async () => {
	const before = createLog({ identity, key, openings: openings.slice(0, 400) });
	const kept = openings.slice(0, 350);
	const next = createLog({ identity, key, epoch: 2, openings: [...kept, ...Array.from({ length: 70 }, (_, i) => opening(350 + i))] });
	const files = new Map([...before.files(), ...under("epoch-2/", next.files()),
		["epoch-2/statement", Buffer.from(statement(next, before, 400, 350, key))]]);
	const site = { epoch: 2 };
	const good = await judge(before.proof(20, { size: 300 }), files, site);
	assert.equal(good.name, "included");
	assert.deepEqual(good.facts.statements.map(({ size, ballots }) => [size, ballots]), [[400, 350]]);
	assert.deepEqual(good.steps.at(-2), ["epoch", true]);
	assert.equal((await judge(before.proof(20, { extra: false }), files, site)).name, "included", "the server's proof");
	assert.equal((await judge(before.proof(380), files, site)).name, "missing-lost", "another ballot took its place");
	assert.equal((await judge(link(openings[380]), files, site)).name, "missing-lost");
	assert.equal((await judge(next.proof(360), files, site)).name, "included");
	assert.equal((await judge(link(openings[20]), files, site)).name, "included");
	// Before a new beginning it was signed; now another stands where the server held a ballot all the time.
	const altered = createLog({ identity, key, epoch: 2, openings: next.openings.map((one, i) => i === 20 ? opening(20) : one) });
	const forged = new Map([...files, ...under("epoch-2/", altered.files())]);
	const found = await judge(before.proof(20, { size: 300 }), forged, site);
	assert.equal(found.name, "missing-changed");
	assert.equal(found.facts.statements.length, 1);
	assert.equal((await judge(before.proof(21), forged, site)).name, "included");
	assert.equal((await judge(before.proof(380), forged, site)).name, "missing-lost");
	assert.equal((await judge(link(openings[20]), forged, site)).name, "missing-other", "a code shows no signature of before");
	const third = createLog({ identity, key, epoch: 3, openings: [...next.openings, opening(420)] });
	const thrice = new Map([...files, ...under("epoch-3/", third.files()), ["epoch-3/statement", statement(third, next, 420, 420, key)]]);
	assert.equal((await judge(before.proof(380), thrice, { epoch: 3 })).name, "missing-lost", "lost two beginnings ago");
	assert.equal((await judge(link(openings[380]), thrice, { epoch: 3 })).name, "missing-lost");
	assert.equal((await judge(next.proof(380), thrice, { epoch: 3 })).name, "included");
	// Filled again from the first ballot on: what was there when the epoch began comes back, the rest does not.
	const young = new Map([...files, ...under("epoch-2/", createLog({ identity, key, epoch: 2, openings: kept.slice(0, 100) }).files())]);
	assert.equal((await judge(before.proof(200), young, site)).name, "pending-epoch");
	assert.equal((await judge(link(openings[200]), young, site)).name, "pending");
	assert.equal((await judge(before.proof(399), young, site)).name, "missing-lost");
	const fork = createLog({ identity, key, openings: [...openings.slice(0, 399), opening(399)] });
	const cases = [
		["included", next.proof(20), files, { epoch: 1 }], // the server has not heard of it yet; its log has
		["behind", next.proof(20), before.files(), { epoch: 1 }],
		["behind", next.proof(20), new Map([...files].filter(([path]) => path !== "epoch-2/checkpoint")), site],
		["pending-epoch", before.proof(20), new Map([...files].filter(([path]) => path !== "epoch-2/checkpoint")), site],
		["pending-epoch", before.proof(20), before.files(), site],
		["pending", before.proof(20, { extra: false }), before.files(), site], // which entry was signed is not known
		["pending", link(openings[20]), before.files(), site],
		["halted", before.proof(20), before.files(), { ...site, state: "halted" }],
		["log-epoch", before.proof(20), new Map([...files].filter(([path]) => path !== "epoch-2/statement")), site],
		["log-incomplete", before.proof(20), new Map([...files].filter(([path]) => path !== "epoch-2/statement")), { ...site, copy: true }],
		["log-epoch", before.proof(20), new Map([...files, ["epoch-2/statement", statement(next, before, 400, 350, newKey())]]), site],
		["log-epoch", before.proof(20), new Map([...files, ["epoch-2/statement", statement(next, { ...before, origin: "vote.test/kai/0" }, 400, 350, key)]]), site],
		["log-epoch", before.proof(20), new Map([...files, ["epoch-2/statement", note(`tallyd epoch v1\n${identity}/epoch-3\n${identity}\n400\n${before.rootAt(400)
			.toString("base64")}\n350\n`, next.origin, key)]]), site],
		["log-shrunk", before.proof(20), new Map([...files, ["epoch-2/statement", statement(next, before, 399, 350, key)]]), site],
		["log-rewritten", fork.proof(20), files, site],
	];
	for (const [i, [expected, text, served, at]] of cases.entries()) {
		assert.equal((await judge(text, served, at)).name, expected, `case ${i}`);
	}
});

test("what may be handed in, and what is said of the rest", () => {
	const proof = log.proof(3);
	const receipt = log.receipt(3);
	const cases = [
		["empty", ""], ["empty", " \n\t\r\n"], ["too_long", "x".repeat(70_000)],
		["unknown", "안녕하세요"], ["unknown", "hello there"], ["unknown", "[1,2]"],
		["invitation", "https://vote.test/expert/?contest=kai#token=a.b.c"],
		["broken_proof", proof.slice(0, 90)], ["broken_proof", proof.replace("\n\n", "\n")], ["broken_proof", proof.replace("@v1", "@v2")],
		["broken_proof", proof.replace("index 3", "index 03")], ["broken_proof", proof.replace(/extra .{9}/, "extra ")],
		["broken_opening", "tallyd opening v1\nx\n"], ["broken_opening", printOpening(openings[3]).replace("v1", "v2")],
		["broken_link", link(openings[3]).slice(0, -9)], ["broken_link", "https://vote.test/verify/#gone"],
		["broken_link", "/en/verify/?contest=kai#gone"], ["broken_link", link(openings[3]).split("#")[1].slice(0, -9)],
		["unknown", "#1"], ["unknown", "https://vote.test/help/#contact-us"], ["unknown", `https://vote.test/#${link(openings[3]).split("#")[1]}`],
		["unknown", "https://vote.test/verify/"], ["unknown", "abcdefghijklmnopqrstuvwxyz"], ["unknown", "0123456789 0123456789 0123456789"],
		["unknown", `see https://vote.test/verify/#${link(openings[3]).split("#")[1]}`],
		["broken_receipt", "{\"contest\":"], ["broken_receipt", "{}"], ["broken_receipt", JSON.stringify({ ...receipt, index: -1 })],
		["broken_receipt", JSON.stringify({ ...receipt, entry: "AA==" })], ["broken_receipt", JSON.stringify({ ...receipt, shard: "1" })],
		["broken_receipt", JSON.stringify({ ...receipt, index: 2 ** 53 })], ["broken_receipt", JSON.stringify({ receipt: null, contest: "kai" })],
	];
	for (const [keyOf, text] of cases) {
		assert.throws(() => readInput(text), (error) => error instanceof InputError && error.key === keyOf, `${keyOf}: ${text.slice(0, 60)}`);
	}
	assert.deepEqual(readInput(JSON.stringify({ receipt, ballot: 1 })).receipt.shard, 1);
});

test("what a link looks like is seen in one go over the text", () => {
	for (const text of ["/verify/#", "https://a.test/verify/#x", "https://a.test/en/verify/?contest=kai#x", "/verify/?a/verify/#x"]) assert.ok(isLink(text), text);
	for (const text of ["", "#", "/verify/", "verify/#x", "/verify#x", "/verify/x#x", "/verify/x?a#x", "see /verify/#x", "/verify/? a#x", "x#/verify/"]) assert.ok(!isLink(text), text);
	// Minutes for whoever goes back over it for each of its beginnings.
	const began = performance.now();
	for (const part of ["/verify/?", "/verify/"]) for (const end of ["", " #"]) assert.ok(!isLink(part.repeat(300_000) + end));
	assert.ok(performance.now() - began < 30_000);
	assert.throws(() => readInput("/verify/?".repeat(7000)), { key: "unknown" });
});

test("whose log it is", () => {
	const place = (one) => locate({ identity: one, receipt: null }, contests);
	assert.equal(place("vote.test/kai/1").pinned, pinned);
	assert.equal(place("vote.test/kai/1").shard, 1);
	for (const one of ["vote.test/kai/2", "vote.test/kai/01", "vote.test/kai/", "vote.test/kai~rehearsal/1", "else.test/kai/1", "vote.test/kai/1/x",
		"vote.test/kai/-1", "", "xvote.test/kai/1"]) {
		assert.equal(place(one), null, one);
	}
	assert.equal(locate(readInput(JSON.stringify({ ...log.receipt(1), shard: 2 })), contests), null);
	assert.equal(locate(readInput(JSON.stringify({ ...log.receipt(1), contest: "none" })), contests), null);
	assert.equal(locate({ identity: "vote.test/kai~rehearsal/1" }, [{ ...pinned, rehearsal: true }]).shard, 1);
	const why = (one, site = contests) => whyForeign({ identity: one, receipt: null }, site);
	for (const one of ["vote.test/kai/2", "vote.test/kai/01", "vote.test/other/7"]) assert.equal(why(one), "shard", one);
	for (const one of ["vote.test/kai~rehearsal/1", "vote.test/kai~rehearsal/9"]) assert.equal(why(one), "rehearsal", one);
	for (const one of ["else.test/kai/1", "vote.test/none/1", "vote.test/kai", "vote.test/kaii~rehearsal/1"]) assert.equal(why(one), null, one);
	assert.equal(why("vote.test/kai/1", [{ ...pinned, rehearsal: true }]), "real", "the real one's, at a rehearsal");
	assert.equal(why("vote.test/kai~rehearsal/2", [{ ...pinned, rehearsal: true }]), "shard");
	assert.equal(whyForeign(readInput(JSON.stringify({ ...log.receipt(1), shard: 2 })), contests), "shard");
	assert.equal(whyForeign(readInput(JSON.stringify({ ...log.receipt(1), contest: "none" })), contests), null);
});

test("a choice in words", () => {
	const entries = [["upstage", "업스테이지"], ["nc-ai", "엔씨"]].map(([id, ko]) => ({ id, name: { ko } }));
	const words = (ballot, form) => choiceWords(ballot, { form, entries }, { pick: ({ ko }) => ko, t: (name, values) => [name, ...Object.values(values)].join(" ") });
	assert.deepEqual(words("choices\nupstage\nnc-ai\n", { name: "choices" }), ["업스테이지", "엔씨"]);
	assert.deepEqual(words("scores\nupstage=3\n", { name: "scores", min: 1, step: 0.5 }), ["verify.point 업스테이지 2.5"]);
	assert.deepEqual(words("ranking\nnc-ai\nupstage\n", { name: "ranking" }), ["verify.place 1 엔씨", "verify.place 2 업스테이지"]);
	for (const [ballot, name] of [["choices\nnobody\n", "choices"], ["scores\nupstage\n", "scores"], ["choices\nupstage\n", "scores"], ["\n", "choices"],
		["scores\nupstage=03\n", "scores"]]) {
		assert.equal(words(ballot, { name, min: 0, step: 1 }), null, ballot);
	}
	assert.equal(choiceWords("choices\nupstage\n", null, {}), null);
});
