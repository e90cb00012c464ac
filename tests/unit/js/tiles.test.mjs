/* Tiles against RFC 6962's definitions taken word by word, and against the vectors of Certificate Transparency. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { test } from "node:test";

import { toHex } from "../../../static/js/bytes.js";
import { isExtension, TileError, Tiles } from "../../../static/js/tiles.js";
import { CT_ENTRIES, CT_ROOTS, path, proof, root, sha256, tilesOf } from "./tree.mjs";

const hex = (hashes) => hashes.map((hash) => toHex(hash));

/* A reader of such files that counts what it was asked for. */
function reader(files) {
	const asked = [];
	const tiles = new Tiles(async (name) => {
		asked.push(name);
		return files.has(name) ? new Uint8Array(files.get(name)) : null;
	});
	return { tiles, asked };
}

/* The vectors' leaves and roots, and hashes between. Places count from 0 here. */
const leaves8 = CT_ENTRIES.map((text) => sha256(Buffer.of(0), Buffer.from(text, "hex")));
const roots8 = CT_ROOTS;
const [h1, h2, h3, h5, h6, h7] = ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
	"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
	"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
	"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"];

test("the vectors of Certificate Transparency: roots, inclusion, consistency", async () => {
	const { tiles } = reader(tilesOf(leaves8));
	for (const [i, expected] of roots8.entries()) {
		assert.equal(toHex(await reader(tilesOf(leaves8.slice(0, i + 1))).tiles.root(i + 1)), expected);
	}
	assert.equal(toHex(await tiles.root(0)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	const inclusion = [[0, 1, []], [0, 8, [h1, h2, h3]], [5, 8, [h5, h6, roots8[3]]], [2, 3, [roots8[1]]],
		[1, 5, [roots8[0], h2, h5]]];
	for (const [index, size, expected] of inclusion) {
		assert.deepEqual(hex(await reader(tilesOf(leaves8.slice(0, size))).tiles.inclusion(index, size)), expected);
	}
	const consistency = [[1, 1, []], [1, 8, [h1, h2, h3]], [6, 8, [h7, h6, roots8[3]]], [2, 5, [h2, h5]]];
	for (const [old, size, expected] of consistency) {
		const hashes = await reader(tilesOf(leaves8.slice(0, size))).tiles.consistency(old, size);
		assert.deepEqual(hex(hashes), expected);
		assert.ok(await isExtension({ oldSize: old, oldRoot: Buffer.from(roots8[old - 1], "hex"), size,
			root: Buffer.from(roots8[size - 1], "hex"), hashes }));
	}
});

const leaves = Array.from({ length: 70_000 }, (_, i) => sha256(String(i)));
const sizes = [1, 2, 3, 7, 255, 256, 257, 300, 513, 700];

test("every root, and proofs of many places and sizes, as the RFC defines them", async () => {
	for (const size of sizes) {
		const all = leaves.slice(0, size);
		const { tiles } = reader(tilesOf(all));
		assert.deepEqual(Buffer.from(await tiles.root(size)), root(all), `root of ${size}`);
		for (const m of new Set([0, 1, 2, 63, 64, 128, 255, 256, 299, size - 2, size - 1])) {
			if (m < 0 || m >= size) continue;
			assert.deepEqual(hex(await tiles.inclusion(m, size)), hex(path(m, all)), `inclusion ${m} of ${size}`);
			const hashes = await tiles.consistency(m + 1, size);
			assert.deepEqual(hex(hashes), hex(proof(m + 1, all)), `consistency ${m + 1} of ${size}`);
			const claim = { oldSize: m + 1, oldRoot: root(all.slice(0, m + 1)), size, root: root(all), hashes };
			assert.ok(await isExtension(claim), `${m + 1} begins ${size}`);
		}
	}
});

test("three levels of tiles; no more is fetched than a proof needs", async () => {
	const size = leaves.length; // 273 full tiles of leaves, one of level 1, one hash in level 2
	const files = tilesOf(leaves);
	const { tiles, asked } = reader(files);
	assert.deepEqual(Buffer.from(await tiles.root(size)), root(leaves));
	assert.deepEqual(asked.sort(), ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
	asked.length = 0;
	assert.deepEqual(hex(await tiles.inclusion(66_000, size)), hex(path(66_000, leaves)));
	assert.deepEqual(asked, ["tile/0/257"]); // the others are at hand
	asked.length = 0;
	assert.deepEqual(hex(await tiles.consistency(65_537, size)), hex(proof(65_537, leaves)));
	assert.deepEqual(asked, ["tile/0/256"]);
	assert.deepEqual(hex(await tiles.consistency(1000, size)), hex(proof(1000, leaves)));
});

test("names of tiles beyond 999", async () => {
	const asked = [];
	const tiles = new Tiles(async (name) => {
		asked.push(name);
		return new Uint8Array(256 * 34).map((_, i) => i % 34 === 1 ? 32 : 0);
	});
	await tiles.entry(1_234_067 * 256, 2 ** 40);
	await tiles.entry(999 * 256, 2 ** 40);
	await tiles.entry(1000 * 256, 2 ** 40);
	assert.deepEqual(asked, ["tile/entries/x001/x234/067", "tile/entries/999", "tile/entries/x001/000"]);
});

test("the tree as it was, from the tiles of a larger one: partial tiles that vanished are read from the full ones", async () => {
	const old = tilesOf(leaves.slice(0, 300));
	const files = new Map([...tilesOf(leaves.slice(0, 600)), ["tile/1/000.p/1", old.get("tile/1/000.p/1")]]);
	const { tiles, asked } = reader(files);
	assert.deepEqual(Buffer.from(await tiles.root(300)), root(leaves.slice(0, 300)));
	assert.deepEqual(asked.sort(), ["tile/0/001", "tile/0/001.p/44", "tile/1/000.p/1"]);
});

test("a tile that does not fit the others, at any level, is found above the places it is of", async () => {
	const size = leaves.length;
	const good = tilesOf(leaves);
	const whole = Buffer.from(await reader(good).tiles.root(size));
	assert.ok(await reader(good).tiles.fits(300, size, whole));
	assert.ok(await reader(good).tiles.fits(size - 1, size, whole));
	assert.equal(await reader(good).tiles.fits(300, size, leaves[0]), false);
	for (const [path, at] of [["tile/0/001", 3], ["tile/0/001", 8191], ["tile/1/000", 8160], ["tile/1/001.p/17", 0],
		["tile/2/000.p/1", 31], ["tile/0/273.p/112", 100]]) {
		const bytes = Buffer.from(good.get(path));
		bytes[at] ^= 128;
		assert.equal(await reader(new Map(good).set(path, bytes)).tiles.fits(300, size, whole), false, path);
	}
});

test("entries by their place", async () => {
	const entries = leaves.slice(0, 700).map((hash) => sha256(hash));
	const { tiles } = reader(tilesOf([], entries));
	for (const index of [0, 1, 255, 256, 511, 512, 699]) assert.deepEqual(Buffer.from(await tiles.entry(index, 700)), entries[index]);
});

test("files of a wrong length, and none at all, are told by name; asking again reads again", async () => {
	for (const [bytes, words] of [[null, /tile\/0\/000: not there/], [Buffer.alloc(31), /tile\/0\/000.p\/1: 31 bytes/],
		[Buffer.alloc(33), /33 bytes/], [Buffer.alloc(0), /0 bytes/]]) {
		const files = new Map(bytes ? [["tile/0/000.p/1", bytes]] : []);
		const { tiles } = reader(files);
		await assert.rejects(tiles.root(1), (error) => error instanceof TileError && words.test(error.message));
		files.set("tile/0/000.p/1", leaves[0]);
		assert.deepEqual(Buffer.from(await tiles.root(1)), leaves[0]);
	}
	const short = reader(new Map([["tile/0/000", Buffer.alloc(255 * 32)]]));
	await assert.rejects(short.tiles.root(3), TileError);
	for (const [high, low] of [[0, 31], [0, 33], [1, 32]]) {
		const bundle = Buffer.concat([Buffer.of(high, low), Buffer.alloc(32)]);
		await assert.rejects(reader(new Map([["tile/entries/000.p/1", bundle]])).tiles.entry(0, 1), TileError);
	}
	const lost = new Tiles(async () => {
		throw new TypeError("offline");
	});
	await assert.rejects(lost.root(1), TypeError);
});

test("places and sizes that are none", async () => {
	const { tiles } = reader(tilesOf(leaves8));
	await assert.rejects(tiles.inclusion(8, 8), RangeError);
	await assert.rejects(tiles.inclusion(-1, 8), RangeError);
	await assert.rejects(tiles.consistency(9, 8), RangeError);
	await assert.rejects(tiles.entry(8, 8), RangeError);
	assert.deepEqual(await tiles.consistency(0, 8), []);
	assert.deepEqual(await tiles.consistency(8, 8), []);
});

test("isExtension refuses every change", async () => {
	for (const [oldSize, size] of [[1, 2], [3, 7], [4, 7], [6, 8], [8, 13], [255, 256], [256, 257], [300, 1000]]) {
		const all = leaves.slice(0, size);
		const good = { oldSize, oldRoot: root(all.slice(0, oldSize)), size, root: root(all), hashes: proof(oldSize, all) };
		assert.ok(await isExtension(good));
		const flip = (bytes) => Buffer.from(bytes).fill(bytes[7] ^ 1, 7, 8);
		const bad = [{ oldRoot: flip(good.oldRoot) }, { root: flip(good.root) }, { oldSize: oldSize + 1 }, { oldSize: size },
			{ oldSize: size + 1 }, { oldSize: 0 }, { hashes: good.hashes.slice(1) }, { hashes: good.hashes.slice(0, -1) },
			{ hashes: [...good.hashes, good.root] }, { hashes: [] },
			...good.hashes.map((_, i) => ({ hashes: good.hashes.map((hash, k) => k === i ? flip(hash) : hash) }))];
		for (const [i, change] of bad.entries()) {
			assert.equal(await isExtension({ ...good, ...change }), false, `${oldSize} of ${size}, change ${i}`);
		}
	}
	const empty = { oldSize: 0, oldRoot: sha256(), size: 3, root: root(leaves.slice(0, 3)), hashes: [] };
	assert.ok(await isExtension(empty));
	assert.equal(await isExtension({ ...empty, oldRoot: leaves[0] }), false);
	assert.equal(await isExtension({ ...empty, oldSize: 3, oldRoot: leaves[0] }), false);
});
