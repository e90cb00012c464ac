/* The audit log's chain, checked from the very bytes: the hash of an entry is SHA-256("tallyd audit v1\n" | bytes),
 * and each entry names the hash of the one before; the first that of the round's name. Draws nothing. */
import { sha256, toHex, utf8 } from "./bytes.js";

const TAG = utf8("tallyd audit v1\n");

const hashOf = async (text) => toHex(await sha256(TAG, utf8(text)));

/* Where a round's chain begins. */
export const beginning = async (round) => ({ n: 0, head: await hashOf(round) });

export class Broken extends Error {
	constructor(n) {
		super(`entry ${n} does not follow the one before it`);
		this.n = n;
	}
}

/* Goes on from where a check ended; `raw` are the next entries' texts. The new end, or Broken. */
export async function extend({ n, head }, raw) {
	for (const text of raw) {
		n++;
		let entry = {};
		try {
			entry = JSON.parse(text);
		} catch {
			// then it is none
		}
		if (entry.n !== n || entry.prev !== head) throw new Broken(n);
		head = await hashOf(text);
	}
	return { n, head };
}

/* Entries after the n-th up to the last-th: a page may end before as many as were asked for. */
export async function entriesBetween(n, last, page) {
	const entries = [];
	while (n + entries.length < last) {
		const answer = await page(n + entries.length, last - n - entries.length);
		if (answer.entries.length === 0) throw new Broken(n + entries.length + 1);
		entries.push(...answer.entries);
	}
	return entries;
}

/* Checks up to entry `size`; page(after, count) asks for the next ones, and may give fewer. The new end. */
export async function follow(end, size, page, onStep = () => {}) {
	const COUNT = 500;
	while (end.n < size) {
		const { raw } = await page(end.n, COUNT);
		if (raw.length === 0) throw new Broken(end.n + 1); // fewer than the log says it has
		end = await extend(end, raw);
		onStep(end);
	}
	return end;
}
