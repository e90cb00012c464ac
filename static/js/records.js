/* Where a voter's record lives: in this browser's storage, or in memory alone on a shared device. Knows nothing
 * of what is in it. One record a contest round and key, so that a new round begins afresh. */
import { roundOf } from "./commitment.js";

export const recordKey = (pinned) => `tallyd.vote.${roundOf(pinned)}.${pinned.token_key_id.slice(0, 16)}`;

export function storedRecords(pinned, storage) {
	const key = recordKey(pinned);
	return {
		kept: true,
		load: () => JSON.parse(storage.getItem(key)),
		save: (record) => storage.setItem(key, JSON.stringify(record)),
		clear: () => storage.removeItem(key),
	};
}

export function memoryRecords() {
	let text = null;
	return {
		kept: false,
		load: () => JSON.parse(text),
		save: (record) => {
			text = JSON.stringify(record);
		},
		clear: () => {
			text = null;
		},
	};
}

/* Stored where the browser lets us, else in memory (storage blocked or full). */
export function recordsFor(pinned, storage) {
	try {
		const probe = `${recordKey(pinned)}.probe`;
		storage.setItem(probe, "1");
		storage.removeItem(probe);
		const records = storedRecords(pinned, storage);
		records.load();
		return records;
	} catch {
		return memoryRecords();
	}
}
