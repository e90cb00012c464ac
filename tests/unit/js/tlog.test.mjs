/* The log's formats against published vectors, against a tree and signatures made with node:crypto alone, and
 * against texts that are wrong in every place. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { fromBase64, fromHex, toHex } from "../../../static/js/bytes.js";
import { CannotVerify, createVerifier } from "../../../static/js/ed25519.js";
import { CT_ENTRIES, CT_ROOTS } from "./tree.mjs";
import { claimedOrigin, epochOf, FormatError, leafOf, NoteError, openCheckpoint, openNote, parseOpening, parseProof,
	printOpening, printProof, rootFromProof, verifierKey } from "../../../static/js/tlog.js";

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
const hex = (text) => Buffer.from(text, "hex");
const vendored = new URL("../../../ops/pages/vendor/ed25519.js", import.meta.url);

/* ---- Ed25519: RFC 8032 section 7.1 ---- */

const rfc8032 = [
	["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
		+ "55141438e7a100b"],
	["3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
		+ "00d291612bb0c00"],
	["fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
		+ "027beceea1ec40a"],
];

const noSubtle = { importKey: () => Promise.reject(new DOMException("no Ed25519", "NotSupportedError")) };
const verifiers = [["the browser's own", createVerifier()]];
if (existsSync(vendored)) verifiers.push(["the library", createVerifier(noSubtle, () => import(vendored.href))]);

test("the library for browsers without Ed25519 is installed", () => assert.ok(existsSync(vendored)));

for (const [who, verifies] of verifiers) {
	test(`RFC 8032 section 7.1 by ${who}`, async () => {
		for (const [key, message, signature] of rfc8032) {
			assert.equal(await verifies(hex(key), hex(signature), hex(message)), true);
			assert.equal(await verifies(hex(key), hex(signature), hex(`${message}00`)), false);
			for (const at of [0, 31, 32, 63]) {
				const bad = Buffer.from(hex(signature));
				bad[at] ^= 1;
				assert.equal(await verifies(hex(key), bad, hex(message)), false, `byte ${at}`);
			}
			assert.equal(await verifies(hex(key).subarray(1), hex(signature), hex(message)), false);
			assert.equal(await verifies(hex(key), hex(signature).subarray(1), hex(message)), false);
			assert.equal(await verifies(hex("ff".repeat(32)), hex(signature), hex(message)), false, "no point");
		}
	});
}

test("without Ed25519 and without the library nothing is said of a signature", async () => {
	let asked = 0;
	const verifies = createVerifier(noSubtle, () => {
		asked++;
		return Promise.reject(new TypeError("404"));
	});
	const [[key, message, signature]] = rfc8032;
	for (let i = 0; i < 2; i++) await assert.rejects(verifies(hex(key), hex(signature), hex(message)), CannotVerify);
	assert.equal(asked, 2, "asked again: it may have been the network");
	const missing = createVerifier(null, () => Promise.reject(new TypeError("404")));
	await assert.rejects(missing(hex(key), hex(signature), hex(message)), CannotVerify);
});

/* ---- signed notes: the vector of golang.org/x/mod/sumdb/note ---- */

const peter = { name: "PeterNeumann", verifier: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
	line: "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n" };
peter.key = fromBase64(peter.verifier.split("+").slice(2).join("+")).subarray(1);
peter.note = `${peter.text}\n${peter.line}`;
const stranger = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

test("Go's example note opens, with strangers' signatures before and after", async () => {
	assert.equal(await verifierKey(peter.name, peter.key), peter.verifier);
	for (const lines of [peter.line, stranger + peter.line, peter.line + stranger]) {
		assert.equal(await openNote(`${peter.text}\n${lines}`, peter.name, peter.key), peter.text);
	}
});

test("a note that this key has not signed under this name is refused", async () => {
	const refused = (note, name = peter.name, key = peter.key) => assert.rejects(openNote(note, name, key), NoteError, note);
	await refused(peter.note.replace("answer", "Answer"));
	await refused(peter.note, "EnochRoot");
	await refused(peter.note, peter.name, fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
	await refused(`${peter.text}\n${stranger}`);
	await refused(peter.note.replace("— PeterNeumann", "— EnochRoot")); // the right key id under another name
	await refused(`\n${peter.note}`);
	const bytes = Buffer.from(/x08go\S+/.exec(peter.line)[0], "base64");
	for (const at of [0, 3, 4, 40, 67]) {
		const bad = Buffer.from(bytes);
		bad[at] ^= 1;
		await refused(peter.note.replace(/x08go\S+/, bad.toString("base64")));
	}
	await refused(peter.note.replace(/x08go\S+/, bytes.subarray(0, 67).toString("base64")));
});

test("what is no note is malformed", async () => {
	const base64 = /x08go\S+/.exec(peter.line)[0];
	for (const note of ["", "\n", "\n\n", peter.text, peter.note.slice(0, -1), `${peter.note}\n`, peter.note.replace("—", "-"),
		peter.note.replace("— ", "—"), peter.note.replace("PeterNeumann ", ""), peter.note.replace("— PeterNeumann", "— Peter+Neumann"),
		peter.note.replace("— PeterNeumann", "— Peter\u2003Neumann"), peter.note.replace(base64, base64.slice(0, -1)),
		peter.note.replace(base64, `${base64} x`), peter.note.replace(base64, ""), peter.note.replace(base64, "x08g"),
		peter.note.replace(base64, base64.replace("/", "_")), peter.note.replace("you", "you\r"), peter.note.replace("you", "you\0"),
		peter.note + stranger.repeat(100), "a".repeat(70_000) + peter.note, `\n${peter.line}`]) {
		await assert.rejects(openNote(note, peter.name, peter.key), FormatError, JSON.stringify(note.slice(0, 300)));
	}
});

/* ---- the tree: the vectors of Certificate Transparency's implementations ---- */

const leaves = CT_ENTRIES.map(hex);
const roots = CT_ROOTS;

/* RFC 6962 section 2.1 as it is written there, by node:crypto. */
const split = (n) => 2 ** (Math.ceil(Math.log2(n)) - 1);
function root(entries) {
	if (entries.length === 1) return sha256([0], entries[0]);
	const k = split(entries.length);
	return sha256([1], root(entries.slice(0, k)), root(entries.slice(k)));
}
function path(m, entries) {
	if (entries.length === 1) return [];
	const k = split(entries.length);
	return m < k ? [...path(m, entries.slice(0, k)), root(entries.slice(k))]
		: [...path(m - k, entries.slice(k)), root(entries.slice(0, k))];
}

test("leaves, nodes and proofs lead to Certificate Transparency's roots", async () => {
	for (let size = 1; size <= leaves.length; size++) {
		const some = leaves.slice(0, size);
		assert.equal(root(some).toString("hex"), roots[size - 1]);
		for (let index = 0; index < size; index++) {
			const leaf = await leafOf(some[index]);
			assert.equal(toHex(await rootFromProof({ index, size, leaf, hashes: path(index, some) })), roots[size - 1]);
		}
	}
});

test("a proof leads from its own place and entry only", async () => {
	const entries = Array.from({ length: 70 }, (_, i) => sha256([i]));
	for (const size of [1, 2, 3, 5, 8, 33, 64, 69, 70]) {
		const some = entries.slice(0, size);
		const good = root(some).toString("hex");
		for (let index = 0; index < size; index++) {
			const hashes = path(index, some);
			const leaf = await leafOf(some[index]);
			assert.equal(toHex(await rootFromProof({ index, size, leaf, hashes })), good);
			for (const other of [0, size - 1, index ^ 1]) {
				if (other === index || other >= size) continue;
				const reached = await rootFromProof({ index: other, size, leaf, hashes }).then(toHex, (error) => error);
				assert.ok(reached instanceof FormatError || reached !== good, `${index} as ${other} of ${size}`);
			}
			assert.notEqual(toHex(await rootFromProof({ index, size, leaf: sha256([99]), hashes })), good);
			const longer = rootFromProof({ index, size, leaf, hashes: [...hashes, leaf] });
			await assert.rejects(longer, FormatError, `too long: ${index} of ${size}`);
			if (hashes.length) {
				await assert.rejects(rootFromProof({ index, size, leaf, hashes: hashes.slice(1) }), FormatError);
				await assert.rejects(rootFromProof({ index, size, leaf, hashes: [hashes[0].subarray(1), ...hashes.slice(1)] }),
					FormatError);
			}
		}
	}
	const leaf = sha256([0]);
	for (const [index, size] of [[0, 0], [1, 1], [-1, 1], [0.5, 1], [0, 2 ** 53], ["0", 1], [0n, 1n]]) {
		await assert.rejects(rootFromProof({ index, size, leaf, hashes: [] }), FormatError, `${index} of ${size}`);
	}
});

test("numbers beyond 32 bits are places like any other", async () => {
	const [leaf, hash] = [sha256([1]), sha256([2])];
	const [index, size] = [2 ** 53 - 2, 2 ** 53 - 1]; // the last: right of a node for every 1 bit
	let expected = leaf;
	const hashes = [];
	for (let at = BigInt(index); at > 0n; at >>= 1n) {
		if (at % 2n === 0n) continue;
		hashes.push(hash);
		expected = sha256([1], hash, expected);
	}
	assert.equal(toHex(await rootFromProof({ index, size, leaf, hashes })), expected.toString("hex"));
});

/* ---- checkpoints ---- */

const privateKey = createPrivateKey({ key: Buffer.concat([hex("302e020100300506032b657004220420"), Buffer.alloc(32, 7)]),
	format: "der", type: "pkcs8" });
const key = createPublicKey(privateKey).export({ type: "spki", format: "der" }).subarray(-32);
function note(text, name) {
	const id = sha256(`${name}\n`, [1], key).subarray(0, 4);
	return `${text}\n— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), privateKey)]).toString("base64")}\n`;
}
const identity = "log.test/kai~rehearsal/0";
const rootText = Buffer.from(roots[7], "hex").toString("base64");

test("a checkpoint opens for its origin and key", async () => {
	const text = note(`${identity}\n8\n${rootText}\n`, identity);
	assert.deepEqual(await openCheckpoint(text, identity, key),
		{ origin: identity, size: 8, root: new Uint8Array(hex(roots[7])) });
	assert.equal(claimedOrigin(text), identity);
	assert.equal(claimedOrigin(""), "");
});

test("a checkpoint of another origin or form is refused", async () => {
	const other = "log.test/kai~rehearsal/1";
	for (const text of [note(`${other}\n8\n${rootText}\n`, other), note(`${other}\n8\n${rootText}\n`, identity),
		note(`${identity}\n8\n${rootText}\n`, other)]) {
		await assert.rejects(openCheckpoint(text, identity, key), NoteError);
	}
	for (const body of [`${identity}\n8\n`, `${identity}\n8\n${rootText}\nmore\n`, `${identity}\n08\n${rootText}\n`, `${identity}\n-1\n${rootText}\n`,
		`${identity}\n9007199254740992\n${rootText}\n`, `${identity}\n8 \n${rootText}\n`, `${identity}\n8\n${rootText.slice(0, -1)}\n`,
		`${identity}\n8\n${rootText.slice(4)}\n`, `${identity}\n\n8\n${rootText}\n`]) {
		await assert.rejects(openCheckpoint(note(body, identity), identity, key), FormatError, body);
	}
});

test("an origin belongs to its log identity, in every epoch", () => {
	for (const [origin, epoch] of [[identity, 1], [`${identity}/epoch-2`, 2], [`${identity}/epoch-10`, 10], [`${identity}/epoch-1`, null],
		[`${identity}/epoch-0`, null], [`${identity}/epoch-02`, null], [`${identity}/epoch-`, null], [`${identity}/epoch-2x`, null],
		[`${identity}1`, null], [`${identity}/`, null], ["log.test/kai/0", null], ["", null], [`x${identity}`, null]]) {
		assert.equal(epochOf(identity, origin), epoch, origin);
	}
});

/* ---- what Go's library made, which the C code makes byte for byte (tests/unit/reference_test.c) ---- */

const reference = JSON.parse(readFileSync(new URL("../vectors/tlog.json", import.meta.url)));

test("Go's checkpoints open, and its proofs lead to their roots", async () => {
	const { origin, verifier_key: verifier } = reference;
	const pinned = fromBase64(verifier.split("+").slice(2).join("+")).subarray(1);
	assert.equal(await verifierKey(origin, pinned), verifier);
	const bySize = new Map();
	for (const text of reference.checkpoints) {
		const { size, root: signed } = await openCheckpoint(text, origin, pinned);
		bySize.set(size, signed);
	}
	assert.ok(reference.inclusion.length > 10 && bySize.size > 5);
	for (const { index, size, hashes } of reference.inclusion) {
		const leaf = await leafOf(sha256(`entry ${index}`));
		assert.deepEqual(await rootFromProof({ index, size, leaf, hashes: hashes.map(fromBase64) }), bySize.get(size),
			`${index} of ${size}`);
	}
});

/* ---- proofs and openings ---- */

const opening = { identity, index: 5, spent: Uint8Array.from(sha256([1]).subarray(0, 16)), salt: Uint8Array.from(sha256([2])),
	ballot: "choices\nupstage\n" };

test("an opening is written as documented, and read back", () => {
	const text = printOpening(opening);
	assert.equal(text, `tallyd opening v1\n${identity}\n5\n${Buffer.from(opening.spent).toString("base64")}\n${
		Buffer.from(opening.salt).toString("base64")}\nchoices\nupstage\n`);
	assert.deepEqual(parseOpening(text), opening);
	const scores = { ...opening, ballot: "scores\nnaver-cloud=3\nupstage=8\n" };
	assert.deepEqual(parseOpening(printOpening(scores)), scores);
	for (const bad of ["", text.slice(0, -1), `${text}\n`, text.replace("v1", "v2"), text.replace("\n5\n", "\n05\n"), text.replace("\n5\n", "\n\n"),
		text.replace("choices\nupstage\n", "choices\n"), text.replace("choices\nupstage\n", ""), text.replace("upstage", "up stage"),
		text.replace("upstage", "업스테이지"), text.replace(/\n[^\n]{22}==\n/, "\nAAAA\n"), text.replace(/\n[^\n]{43}=\n/, "\nAAAA\n"),
		text.replace(identity, ""), text.replaceAll("\n", "\r\n")]) {
		assert.throws(() => parseOpening(bad), FormatError, JSON.stringify(bad));
	}
});

test("a proof is written as C2SP's tlog-proof, and read back to the byte", () => {
	const checkpoint = note(`${identity}\n8\n${rootText}\n`, identity);
	const hashes = path(5, leaves).map((hash) => new Uint8Array(hash));
	for (const extra of [null, new TextEncoder().encode(printOpening(opening))]) {
		const text = printProof({ extra, index: 5, hashes, checkpoint });
		const lines = text.split("\n");
		assert.equal(lines[0], "c2sp.org/tlog-proof@v1");
		if (extra) assert.equal(Buffer.from(/^extra (.+)$/.exec(lines.splice(1, 1)[0])[1], "base64").toString(), printOpening(opening));
		assert.equal(lines[1], "index 5");
		assert.deepEqual(lines.slice(2, 5), hashes.map((hash) => Buffer.from(hash).toString("base64")));
		assert.equal(lines[5], "");
		assert.equal(lines.slice(6).join("\n"), checkpoint);
		assert.deepEqual(parseProof(text), { extra, index: 5, hashes, checkpoint });
	}
	assert.deepEqual(parseProof(printProof({ index: 0, hashes: [], checkpoint })), { extra: null, index: 0, hashes: [], checkpoint });
});

test("what is no proof is malformed", () => {
	const hash = Buffer.alloc(32).toString("base64");
	const good = `c2sp.org/tlog-proof@v1\nindex 5\n${hash}\n\nnote\n`;
	parseProof(good);
	for (const bad of ["", good.replace("v1", "v2"), good.replace("\n\n", "\n"), good.replace("index 5\n", ""), good.replace("index 5", "index 05"),
		good.replace("index 5", "index -5"), good.replace("index 5", "index 9007199254740992"), good.replace("index 5", "index"),
		good.replace("index 5", "extra AAAA"), good.replace("index 5", "extra \nindex 5"), good.replace("index 5", "extra !\nindex 5"),
		good.replace("index 5", "extra AAAA\nextra AAAA\nindex 5"), good.replace("index 5", "index 5\nextra AAAA"), good.replace(hash, hash.slice(4)),
		good.replace(hash, `${hash} `), good.replace(hash, hash.replace("A", "-")), good.replace(`${hash}\n`, `${hash}\n`.repeat(64)),
		good.replace("note\n", ""), `${good}${"x".repeat(70_000)}`, ` ${good}`]) {
		assert.throws(() => parseProof(bad), FormatError, JSON.stringify(bad.slice(0, 200)));
	}
});
