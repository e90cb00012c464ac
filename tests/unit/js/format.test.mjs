/* FORMAT.md's examples, computed from its words with Node's own cryptography and exact numbers; that our code says
 * the same is tests/unit/format_test.c. */
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const text = readFileSync(new URL("../../../daemon/FORMAT.md", import.meta.url), "utf8").split("## 8. Examples")[1];
const examples = text.split("\n").flatMap((line) => {
	const found = /^ {4}(\S(?:.*?\S)?) {2,}(.*)$/.exec(line);
	return found ? [[found[1], found[2].replaceAll("⏎", "\n")]] : [];
});
const all = (name) => examples.filter(([its]) => its === name).map(([, value]) => value);
const the = (name) => {
	assert.notEqual(all(name).length, 0, `no example "${name}"`);
	return all(name)[0];
};
const lines = text.split("```json\n")[1].split("\n```")[0].split("\n").map((line) => JSON.parse(line));

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), crypto.createHash("sha256")).digest();
const hex = (name) => Buffer.from(the(name), "hex");
const u64 = (n) => {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(BigInt(n));
	return bytes;
};
const seed = (first) => Buffer.from(Array.from({ length: 32 }, (_, i) => first + i));
const keyOf = (first) => crypto.createPrivateKey({ format: "der", type: "pkcs8",
	key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed(first)]) });
const publicOf = (key) => crypto.createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32);
const keyId = (name, key) => sha256(name, "\n", Buffer.from([1]), key).subarray(0, 4);
const verifierKey = (name, key) =>
	`${name}+${keyId(name, key).toString("hex")}+${Buffer.concat([Buffer.from([1]), key]).toString("base64")}`;

const entryOf = (of) => sha256("tallyd ballot v1\n", the("log identity"), "\n", u64(the(`${of}index`)),
	hex(`${of}spent`), hex(`${of}salt`), the(`${of}ballot`));
const leafOf = (entry) => sha256(Buffer.from([0]), entry);

test("entries, leaves, the root, both forms of an opening", () => {
	const identity = the("log identity");
	assert.equal(entryOf("").toString("hex"), the("entry"));
	assert.equal(entryOf("second ").toString("hex"), the("second entry"));
	assert.equal(leafOf(entryOf("")).toString("hex"), the("leaf"));
	assert.equal(sha256(Buffer.from([1]), leafOf(entryOf("")), leafOf(entryOf("second "))).toString("hex"),
		the("root of both"));
	assert.equal(the("opening, as in 4"), `tallyd opening v1\n${identity}\n0\n${hex("spent").toString("base64")}\n`
		+ `${hex("salt").toString("base64")}\n${the("ballot")}`);
	const opening = Buffer.concat([hex("spent"), hex("salt"), Buffer.from(the("ballot"))]);
	assert.equal(`00${opening.length.toString(16)}${opening.toString("hex")}`, the("opening, as in 5.5"));
});

test("keys, verifier keys, a checkpoint", () => {
	const identity = the("log identity"), log = keyOf(0), result = keyOf(32), [ofLog, ofResult] = all("its verifier key");
	assert.equal(publicOf(log).toString("hex"), the("log key"));
	assert.equal(publicOf(result).toString("hex"), the("result key"));
	assert.equal(verifierKey(identity, publicOf(log)), ofLog);
	assert.equal(verifierKey("vote.example/kai-stage1/result", publicOf(result)), ofResult);
	const head = `${identity}\n2\n${hex("root of both").toString("base64")}\n`;
	const signature = Buffer.concat([keyId(identity, publicOf(log)), crypto.sign(null, Buffer.from(head), log)]);
	assert.equal(the("checkpoint of both"), `${head}\n— ${identity} ${signature.toString("base64")}\n`);
});

test("the audit log's chain, a sheet's commitment", () => {
	const entry = JSON.parse(the("audit entry"));
	assert.equal(sha256("tallyd audit v1\n", the("round")).toString("hex"), the("first prev"));
	assert.equal(entry.prev, the("first prev"));
	assert.equal(JSON.stringify(entry, Object.keys(entry).sort()), the("audit entry"));
	assert.equal(sha256("tallyd audit v1\n", the("audit entry")).toString("hex"), the("its hash"));
	assert.equal(sha256("tallyd sheet v1\n", hex("sheet salt"), the("sheet")).toString("hex"), the("commitment"));
});

/* ---- counts, panels and places, from the words of sections 5.5 to 5.7 ---- */

const rounded = (p, q, d) => {
	const n = BigInt(p) < 0n ? -BigInt(p) : BigInt(p), magnitude = (2n * n * 10n ** BigInt(d) + BigInt(q)) / (2n * BigInt(q));
	return Number(BigInt(p) < 0n ? -magnitude : magnitude) / 10 ** d;
};
const sum = (list) => list.reduce((a, b) => a + b, 0);
const ranks = (n, better) => Array.from({ length: n }, (_, i) =>
	1 + Array.from({ length: n }, (__, k) => better(k, i)).filter(Boolean).length);

const counts = {
	choices(_, entries, ballots) {
		const votes = entries.map((id) => ballots.filter((items) => items.includes(id)).length);
		const rank = ranks(entries.length, (a, b) => votes[a] > votes[b]);
		return { citizen: entries.map((entry, i) => ({ entry, votes: votes[i], share: rounded(votes[i], ballots.length, 4),
			rank: rank[i] })) };
	},
	scores({ min, step }, entries, ballots) {
		const steps = entries.map((id) => ballots.flat().flatMap((item) => {
			const [of, n] = item.split("=");
			return of === id ? [Number(n)] : [];
		}));
		const V = steps.map((list) => list.length), S = steps.map(sum);
		const rank = ranks(entries.length, (a, b) => V[a] && (!V[b] || S[a] * V[b] > S[b] * V[a]));
		return { citizen: entries.map((entry, i) => ({ entry, votes: V[i],
			mean: V[i] ? rounded(min * V[i] + step * S[i], V[i], 2) : null, rank: rank[i] })) };
	},
	ranking({ method }, entries, ballots) {
		const each = [...entries.keys()], place = (items, i) => (items.indexOf(entries[i]) + 1) || Infinity;
		const pairwise = each.map((a) => each.map((b) => ballots.filter((items) => place(items, a) < place(items, b)).length));
		const D = pairwise.map((row, a) => row.map((n, b) => n > pairwise[b][a] ? n : 0));
		for (const v of each) for (const a of each) for (const b of each)
			if (a !== b) D[a][b] = Math.max(D[a][b], Math.min(D[a][v], D[v][b]));
		const borda = pairwise.map(sum), schulze = ranks(entries.length, (b, a) => D[b][a] > D[a][b]);
		const rank = method === "schulze" ? schulze : ranks(entries.length, (a, b) => borda[a] > borda[b]);
		return { citizen: entries.map((entry, i) => ({ entry, votes: ballots.filter((items) => items.includes(entry)).length,
			borda: borda[i], schulze: schulze[i], rank: rank[i] })), pairwise };
	},
};

test("counts", () => {
	const cases = lines.filter((line) => line.ballots);
	assert.deepEqual(cases.map((line) => line.form.name), ["choices", "scores", "ranking"]);
	for (const { form, entries, ballots, ...said } of cases)
		assert.deepEqual(counts[form.name](form, entries, ballots.map((ballot) => ballot.split("⏎").slice(1, -1))), said);
});

test("panels", () => {
	const cases = lines.filter((line) => line.totals);
	assert.equal(cases.length, 5);
	for (const { aggregate, totals, value, left_out, spread } of cases) {
		const n = totals.length, order = [...totals].sort((a, b) => a - b), trims = aggregate === "trimmed-mean" && n > 2;
		const middle = order.slice(Math.ceil(n / 2) - 1, Math.floor(n / 2) + 1);
		const counted = aggregate === "median" ? middle : trims ? order.slice(1, -1) : order;
		assert.equal(value, rounded(sum(counted), counted.length, 4), aggregate);
		assert.equal(left_out, trims ? 2 : 0);
		const Q = n * sum(totals.map((x) => x * x)) - sum(totals) ** 2;
		assert.equal(spread, n < 2 ? null : Math.round(Math.sqrt(Q / (n * (n - 1))) * 10000) / 10000);
	}
});

test("places", () => {
	const [{ stage, values, disqualified, rows }, ...more] = lines.filter((line) => line.values);
	assert.equal(more.length, 0);
	const entries = Object.keys(values.citizens), e4 = (number) => BigInt(Math.round(number * 10000));
	const points = stage.parts.map(({ id, weight, scale, out_of }) => {
		const v = entries.map((entry) => values[id][entry]);
		const lo = scale === "min-max" ? Math.min(...v) : 0, hi = scale === "points" ? out_of : Math.max(...v);
		return v.map((x) => x <= lo ? 0 : x >= hi ? weight : rounded(BigInt(weight) * (e4(x) - e4(lo)), e4(hi) - e4(lo), 4));
	});
	const total = entries.map((_, i) => sum(points.map((of) => Number(e4(of[i])))) / 10000);
	assert.deepEqual(rows, entries.map((entry, i) => {
		const above = total.filter((x) => x > total[i]).length, beside = total.filter((x) => x === total[i]).length;
		const out = disqualified.includes(entry);
		return { entry, points: total[i],
			parts: Object.fromEntries(stage.parts.map(({ id }, p) => [id, { value: values[id][entry], points: points[p][i] }])),
			rank: out ? null : above + 1, tied: !out && beside > 1, advanced: !out && above + 1 <= stage.advance.count };
	}));
});
