// One shard's log: entries, leaves, tiles, root (FORMAT.md 3); and the names of its files.
import { sha256 } from './note.mjs';

const WIDTH = 256;
export const leafOf = (entry) => sha256(Buffer.from([0]), entry);
const nodeOf = (left, right) => sha256(Buffer.from([1]), left, right);

/** RFC 6962 2.1 over hashes of one level. */
export function rootOf(hashes) {
	if (hashes.length === 0)
		return sha256();
	if (hashes.length === 1)
		return hashes[0];
	let half = 1;
	while (half * 2 < hashes.length)
		half *= 2;
	return nodeOf(rootOf(hashes.slice(0, half)), rootOf(hashes.slice(half)));
}

/** 1234067 -> "x001/x234/067" */
export function numbered(n) {
	const groups = [String(n % 1000).padStart(3, '0')];
	for (let rest = Math.floor(n / 1000); rest > 0; rest = Math.floor(rest / 1000))
		groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
	return groups.join('/');
}

/** The files that `count` things of 256 a file lie in: [path, first, how many]. */
export function* filesOf(under, count) {
	for (let first = 0, n = 0; first < count; first += WIDTH, n++) {
		const width = Math.min(WIDTH, count - first);
		yield [`${under}/${numbered(n)}${width < WIDTH ? `.p/${width}` : ''}`, first, width];
	}
}

/** Length-prefixed records of a file; null: not exactly `width` of them. */
export function recordsOf(bytes, width) {
	const records = [];
	let at = 0;
	while (at + 2 <= bytes.length) {
		const end = at + 2 + bytes.readUInt16BE(at);
		if (end > bytes.length)
			return null;
		records.push(bytes.subarray(at + 2, end));
		at = end;
	}
	return at === bytes.length && records.length === width ? records : null;
}

/** Reads all of a log of `size` entries; `take(path)` gives a file's bytes or null (told already), `wrong(path, what)` takes
 *  findings. Returns {entries, root}; what cannot be read is missing in both. */
export function readLog({ dir, size, take, wrong }) {
	const entries = [];
	for (const [path, first, width] of filesOf(`${dir}/tile/entries`, size)) {
		const bytes = take(path);
		const records = bytes && recordsOf(bytes, width);
		if (bytes && (!records || records.some((entry) => entry.length !== 32)))
			wrong(path, `is not ${width} entries of 32 bytes`);
		else if (records)
			records.forEach((entry, i) => { entries[first + i] = entry; });
	}
	if (Object.keys(entries).length !== size)
		return { entries, root: null };
	const leaves = entries.map(leafOf);
	for (let level = 0, hashes = leaves; hashes.length > 0; level++) {
		const above = [];
		for (const [path, first, width] of filesOf(`${dir}/tile/${level}`, hashes.length)) {
			const part = hashes.slice(first, first + width);
			const bytes = take(path);
			if (bytes && !bytes.equals(Buffer.concat(part)))
				wrong(path, 'does not follow from the entries');
			if (width === WIDTH)
				above.push(rootOf(part));
		}
		hashes = above;
	}
	return { entries, root: rootOf(leaves) };
}
