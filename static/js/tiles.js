/* A log's tree, read from its tiles (C2SP tlog-tiles; FORMAT.md section 3.2): roots and the proofs of RFC 6962
 * section 2.1, fetching no more than each needs. Judges lengths only: what a tile says is worth what the proof made of
 * it gives against a signed root. Sizes and indexes are whole numbers below 2^53. */
import { equal, sha256 } from "./bytes.js";
import { nodeOf } from "./tlog.js";

const WIDTH = 256; // hashes of a full tile
const HASH = 32;
const RECORD = 2 + HASH; // of an entry bundle: u16be(32) | entry

/* A file of the log that is not there, or is not what its name says. */
export class TileError extends Error {}

/* It is not there: files may be missing wherever they were copied to, which says nothing of the log. */
export class MissingFile extends TileError {}

/* 1234067 → "x001/x234/067" */
const nameOf = (n) => {
	const digits = String(n);
	const groups = digits.padStart(3 * Math.ceil(digits.length / 3), "0").match(/.{3}/g);
	return groups.map((group, i) => i < groups.length - 1 ? `x${group}` : group).join("/");
};

/* The greatest power of two below n; n > 1. */
function split(n) {
	let k = 1;
	while (2 * k < n) k *= 2;
	return k;
}

/* What the hashes of PATH(index, D[size]) are the roots of, in their order: { low, n }, the leaves from `low` on, n of them. */
export function subtreesBeside(index, size) {
	const places = [];
	for (let low = 0, high = size; high - low > 1;) {
		const middle = low + split(high - low);
		places.unshift(index < middle ? { low: middle, n: high - middle } : { low, n: middle - low });
		if (index < middle) high = middle;
		else low = middle;
	}
	return places;
}

export class Tiles {
	#files = new Map(); // path → promise of its bytes

	/* fetchBytes(path): the bytes of a file below the log's directory, null where there is no such file; throws where
	 * nobody knows. */
	constructor(fetchBytes) {
		this.fetchBytes = fetchBytes;
	}

	async root(size) {
		return size === 0 ? sha256() : this.#range(0, size, size);
	}

	async leaf(index, size) {
		if (index < 0 || index >= size) throw new RangeError(`no leaf ${index} of ${size}`);
		return this.#subtree(index, 1, size);
	}

	/* The hashes from the leaf at `index` upwards: PATH(index, D[size]). */
	async inclusion(index, size) {
		if (index < 0 || index >= size) throw new RangeError(`no entry ${index} of ${size}`);
		return Promise.all(subtreesBeside(index, size).map(({ low, n }) => this.#range(low, low + n, size)));
	}

	/* PROOF(oldSize, D[size]); empty for 0 and for the same size. */
	async consistency(oldSize, size) {
		if (oldSize < 0 || oldSize > size) throw new RangeError(`no tree of ${oldSize} in one of ${size}`);
		const hashes = [];
		let [low, high] = [0, size];
		while (oldSize > 0 && high > oldSize) {
			const middle = low + split(high - low);
			hashes.unshift(oldSize <= middle ? this.#range(middle, high, size) : this.#range(low, middle, size));
			if (oldSize <= middle) high = middle;
			else low = middle;
		}
		if (low > 0) hashes.unshift(this.#range(low, high, size)); // else it is the old root itself
		return Promise.all(hashes);
	}

	/* The 32 bytes of an entry. */
	async entry(index, size) {
		if (index < 0 || index >= size) throw new RangeError(`no entry ${index} of ${size}`);
		const n = Math.floor(index / WIDTH);
		const bytes = await this.#file("tile/entries", n, size, RECORD);
		const at = (index - n * WIDTH) * RECORD;
		if (bytes[at] !== 0 || bytes[at + 1] !== HASH) throw new TileError(`tile/entries/${nameOf(n)}: not an entry`);
		return bytes.slice(at + 2, at + RECORD);
	}

	/* Whether the tiles above a place fit each other and this root. A full tile stands in the root only by the one hash
	 * that the next level has of it; what a partial one holds goes into the root itself. */
	async fits(index, size, root) {
		for (let level = 0; ; level++) {
			const leaves = WIDTH ** (level + 1);
			const low = Math.floor(index / leaves) * leaves;
			if (low + leaves > size) break;
			const [made, told] = await Promise.all([this.#fold(level, low, leaves, size), this.#fold(level + 1, low, leaves, size)]);
			if (!equal(made, told)) return false;
		}
		return equal(await this.root(size), root);
	}

	/* The root over the leaves from `low` on, below `high`, of a tree of `size`. What is not a whole subtree is split
	 * as the tree is, so `low` is a multiple of every whole subtree's width. */
	async #range(low, high, size) {
		const n = high - low;
		const k = n === 1 ? 1 : split(n);
		if (n === 1 || n === 2 * k) return this.#subtree(low, n, size);
		return nodeOf(...await Promise.all([this.#range(low, low + k, size), this.#range(low + k, high, size)]));
	}

	/* The root over a place that subtreesBeside() gave, in a tree that may be smaller than that one but has all its leaves. */
	async subtree(low, n, size) {
		if (low < 0 || low + n > size) throw new RangeError(`no leaves ${low} to ${low + n} of ${size}`);
		return this.#range(low, low + n, size);
	}

	/* The same of a whole subtree: n is a power of two, low a multiple of it. */
	#subtree(low, n, size) {
		let level = 0;
		while (WIDTH ** (level + 1) <= n) level++;
		return this.#fold(level, low, n, size);
	}

	/* The same from the hashes of one tile of this level. */
	async #fold(level, low, n, size) {
		const step = WIDTH ** level; // leaves that one of the tile's hashes stands for
		const first = low / step;
		const tile = Math.floor(first / WIDTH);
		const bytes = await this.#file(`tile/${level}`, tile, Math.floor(size / step), HASH);
		const at = (first - tile * WIDTH) * HASH;
		let hashes = Array.from({ length: n / step }, (_, i) => bytes.slice(at + i * HASH, at + (i + 1) * HASH));
		while (hashes.length > 1) hashes = await Promise.all(pairs(hashes).map(([left, right]) => nodeOf(left, right)));
		return hashes[0];
	}

	/* The n-th file of a directory that holds `total` items; read once. */
	#file(directory, n, total, itemSize) {
		const width = Math.min(WIDTH, total - n * WIDTH);
		const path = `${directory}/${nameOf(n)}`;
		const key = `${path}.p/${width}`;
		if (!this.#files.has(key)) {
			const reading = this.#read(path, width, itemSize);
			reading.catch(() => this.#files.delete(key)); // whoever asks again reads again
			this.#files.set(key, reading);
		}
		return this.#files.get(key);
	}

	/* A partial file may vanish once the full one is there. */
	async #read(path, width, itemSize) {
		if (width < WIDTH) {
			const part = await this.fetchBytes(`${path}.p/${width}`);
			if (part) return ofLength(part, width * itemSize, `${path}.p/${width}`);
		}
		const full = await this.fetchBytes(path);
		if (!full) throw new MissingFile(`${path}: not there`);
		return ofLength(full, WIDTH * itemSize, path).subarray(0, width * itemSize);
	}
}

const pairs = (list) => Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]);

function ofLength(bytes, length, path) {
	if (bytes.length !== length) throw new TileError(`${path}: ${bytes.length} bytes instead of ${length}`);
	return bytes;
}

/* Whether the tree of `oldSize` with `oldRoot` is the beginning of that of `size` with `root` (RFC 9162 section
 * 2.1.4.2, which is RFC 6962's proof verified). The empty tree is the beginning of every one. */
export async function isExtension({ oldSize, oldRoot, size, root, hashes }) {
	if (oldSize > size) return false;
	if (oldSize === size) return hashes.length === 0 && equal(oldRoot, root);
	if (oldSize === 0) return hashes.length === 0 && equal(oldRoot, await sha256());
	let [old, last] = [oldSize - 1, size - 1];
	const up = () => [old, last] = [Math.floor(old / 2), Math.floor(last / 2)];
	while (old % 2 === 1) up();
	const proof = old === 0 ? [oldRoot, ...hashes] : hashes; // a power of two proves itself
	let [first, second] = [proof[0], proof[0]];
	if (!first) return false;
	for (const hash of proof.slice(1)) {
		if (last === 0) return false;
		if (old % 2 === 1 || old === last) {
			first = await nodeOf(hash, first);
			second = await nodeOf(hash, second);
			while (old % 2 === 0 && old !== 0) up();
		} else {
			second = await nodeOf(second, hash);
		}
		up();
	}
	return last === 0 && equal(first, oldRoot) && equal(second, root);
}
