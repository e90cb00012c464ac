/* The pages' cryptography against the RFCs' vectors and against answers that are wrong in every place. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { blind, finalize, toInteger } from "../../../static/js/blind.js";
import { concat, fromBase64, fromHex, toBase64, toBase64Url, toHex, u64 } from "../../../static/js/bytes.js";
import { commitsTo, entryOf, originOf, spentOf } from "../../../static/js/commitment.js";
import { canonicalBallot, isComplete, printBallot } from "../../../static/js/forms.js";
import { buildChallenge, checkIssuer, finishToken, IssuerMismatch, issuerOf, keyIdOf, requestToken }
	from "../../../static/js/privacypass.js";
import { createServer } from "./server.mjs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url)));
const inverseOf = (a, n) => {
	let [r, next, s, t] = [n, a, 0n, 1n];
	while (next) [r, next, s, t] = [next, r % next, t, s - (r / next) * t];
	return ((s % n) + n) % n;
};

for (const vector of vectors("rfc9474").vectors) {
	test(`RFC 9474 ${vector.name}`, async () => {
		const key = { n: toInteger(fromHex(vector.n)), e: toInteger(fromHex(vector.e)) };
		const r = inverseOf(toInteger(fromHex(vector.inv)), key.n);
		const { blinded, inverse } =
			await blind(key, fromHex(vector.prepared_msg), fromHex(vector.salt), r);
		assert.equal(toHex(blinded), vector.blinded_msg);
		assert.equal(toHex(inverse), vector.inv);
		assert.equal(toHex(finalize(key, fromHex(vector.blind_sig), inverse)), vector.sig);
	});
}

const pp = vectors("rfc9578");
test("RFC 9578 token key id", async () => {
	assert.equal(toHex(await keyIdOf(fromHex(pp.pkS))), pp.token_key_id);
});
pp.vectors.forEach((vector, i) => {
	test(`RFC 9578 token type 0x0002, vector ${i + 1}`, async () => {
		const spki = fromHex(pp.pkS);
		const issuer = { spki, keyId: await keyIdOf(spki), challenge: fromHex(vector.token_challenge) };
		const { request, nonce, inverse } = await requestToken(issuer, fromHex(vector.nonce),
			fromHex(vector.salt), toInteger(fromHex(vector.blind)));
		assert.equal(toHex(request), vector.token_request);
		const token = await finishToken(issuer, { nonce, inverse }, fromHex(vector.token_response));
		assert.equal(toHex(token), vector.token);
	});
});

test("the issuer's answer with any byte changed, too short or too long is refused", async () => {
	const server = createServer();
	const issuer = await issuerOf(server.pinned);
	const { request, ...secrets } = await requestToken(issuer);
	const good = await server.api.token("test", request);
	assert.equal((await finishToken(issuer, secrets, good)).length, 354);
	for (const at of [0, 1, 100, 254, 255]) {
		const bad = good.slice();
		bad[at] ^= 1;
		await assert.rejects(finishToken(issuer, secrets, bad), IssuerMismatch, `byte ${at}`);
	}
	await assert.rejects(finishToken(issuer, secrets, good.subarray(1)), IssuerMismatch);
	await assert.rejects(finishToken(issuer, secrets, concat(good, Uint8Array.of(0))), IssuerMismatch);
	await assert.rejects(finishToken(issuer, secrets, new Uint8Array(256).fill(255)), IssuerMismatch);
});

test("the challenge is the published one, to the byte", async () => {
	const server = createServer();
	assert.equal(toHex(await buildChallenge(server.pinned)), server.challenge.toString("hex"));
	const answer = await server.api.challenge();
	await checkIssuer(server.pinned, answer);
	for (const [member, value] of [["issuer_name", "other.test"], ["origin_info", "other.test"],
		["id", "other"], ["rehearsal", true], ["token_key_id", "00".repeat(32)]]) {
		await assert.rejects(checkIssuer({ ...server.pinned, [member]: value }, answer), IssuerMismatch,
			member);
	}
	const marked = fromBase64(answer.challenge);
	marked[marked.length - 1] ^= 1;
	await assert.rejects(checkIssuer(server.pinned, { ...answer, challenge: toBase64(marked) }),
		IssuerMismatch);
});

const entries = ["naver-cloud", "upstage", "sk-telecom"].map((id) => ({ id }));
test("canonical ballots follow the contest file's order, not the voter's", () => {
	const choices = { entries, form: { name: "choices", min: 1, max: 2 } };
	assert.equal(canonicalBallot(choices, { choices: ["upstage", "naver-cloud"] }),
		"choices\nnaver-cloud\nupstage\n");
	const scores = { entries, form: { name: "scores", min: 1, max: 9, step: 2 } };
	assert.equal(canonicalBallot(scores, { scores: { upstage: 9, "naver-cloud": 1 } }),
		"scores\nnaver-cloud=0\nupstage=4\n");
	assert.equal(isComplete(choices, { choices: [] }), false);
	assert.equal(isComplete(choices, { choices: ["a", "b", "c"] }), false);
	assert.equal(isComplete(choices, { choices: ["upstage"] }), true);
	assert.equal(isComplete(scores, { scores: {} }), false);
});

test("the entry is the hash of exactly the documented bytes", async () => {
	const pinned = { id: "kai", rehearsal: true, log_name: "log.example", shards: 2 };
	assert.equal(originOf(pinned, 1), "log.example/kai~rehearsal/1");
	const token = new Uint8Array(354).fill(7);
	const spent = await spentOf(token.subarray(0, 98));
	const salt = new Uint8Array(32).fill(9);
	const ballot = "choices\nupstage\n";
	const bytes = concat(new TextEncoder().encode("tallyd ballot v1\nlog.example/kai~rehearsal/1\n"),
		u64(258), spent, salt, new TextEncoder().encode(ballot));
	const entry = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
	assert.deepEqual(await entryOf({ origin: originOf(pinned, 1), index: 258, spent, salt, ballot }), entry);
	const receipt = { contest: "kai", shard: 1, index: 258, spent: toBase64(spent), salt: toBase64(salt),
		entry: toBase64(entry) };
	assert.equal(await commitsTo(pinned, receipt, token, ballot), true);
	for (const change of [{ index: 259 }, { shard: 0 }, { shard: 2 }, { index: -1 }, { index: "x" },
		{ salt: "!" }, { entry: null }]) {
		assert.equal(await commitsTo(pinned, { ...receipt, ...change }, token, ballot), false,
			JSON.stringify(change));
	}
	assert.equal(await commitsTo(pinned, receipt, token, "choices\nnc-ai\n"), false);
});

test("bytes and their texts", () => {
	const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
	assert.equal(toBase64Url(bytes.subarray(250)), "-vv8_f7_");
	assert.deepEqual(fromBase64(toBase64Url(bytes)), bytes);
	assert.deepEqual(fromHex(toHex(bytes)), bytes);
	assert.throws(() => fromHex("0g"), RangeError);
	assert.equal(toHex(u64(258)), "0000000000000102");
});

test("whoever counts the bytes of a ballot learns nothing of it", () => {
	const entries = ["a", "nc-ai", "upstage", "lg-ai-research"].map((id) => ({ id }));
	const ids = entries.map(({ id }) => id), one = (values) => values.map((value) => [value]);
	for (const [form, ballots] of [
		[{ name: "choices", min: 1, max: 1 }, one(ids).map((choices) => ({ choices }))],
		[{ name: "choices", min: 0, max: 2 }, [[], ...one(ids), ["lg-ai-research", "upstage"], ["a", "nc-ai"]].map((choices) => ({ choices }))],
		[{ name: "ranking", min: 1, max: 3 }, [["a"], ["upstage", "lg-ai-research", "nc-ai"], ["nc-ai", "a"]].map((ranking) => ({ ranking }))],
		[{ name: "scores", min: -10, max: 5, step: 5 }, [{}, { a: 5 }, Object.fromEntries(ids.map((id) => [id, -10])), { upstage: 0 }].map((scores) => ({ scores }))],
		[{ name: "scores", min: 0, max: 100, step: 1 }, [{ a: 7 }, Object.fromEntries(ids.map((id) => [id, 100]))].map((scores) => ({ scores }))],
	]) {
		const texts = ballots.map((ballot) => printBallot({ entries, form }, ballot));
		assert.equal(new Set(texts.map(({ length }) => length)).size, 1, texts.join("\n"));
		assert.deepEqual(texts.map((text) => JSON.parse(text)), ballots);
	}
});
