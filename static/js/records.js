/* Where a voter's record lives: in this browser's storage, or in memory alone on a shared device. Knows nothing
 * of what is in it. One record a contest round and key, so that a new round begins afresh. */
import { roundOf } from "./commitment.js";

export const recordKey = (pinned) => `tallyd.vote.${roundOf(pinned)}.${pinned.token_key_id.slice(0, 16)}`;

/* localStorage or sessionStorage, or null where the browser blocks it. */
export function browserStorage(name) {
	try {
		return globalThis[name];
	} catch {
		return null;
	}
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

/* Stored where the browser lets us. Whenever it does not (blocked, full), the newest record stands in memory and
 * `kept` is false: then all hangs on this window. The older one stays in storage only if going on from there ends
 * in the same vote. */
export function recordsFor(pinned, storage) {
	const key = recordKey(pinned);
	const memory = memoryRecords();
	const records = { kept: true };
	const attempt = (act) => {
		try {
			act();
			records.kept = true;
		} catch {
			records.kept = false;
		}
	};
	const drop = () => {
		try {
			storage.removeItem(key);
		} catch {
			// then nothing stands there either
		}
	};
	records.load = () => {
		if (records.kept) attempt(() => memory.save(JSON.parse(storage.getItem(key))));
		return memory.load();
	};
	records.save = (record, olderIsSafe = false) => {
		memory.save(record);
		attempt(() => storage.setItem(key, JSON.stringify(record)));
		if (!records.kept && !olderIsSafe) drop();
	};
	records.clear = () => {
		memory.clear();
		drop();
	};
	records.load(); // what stands there can be read even where nothing more fits
	attempt(() => {
		storage.setItem(`${key}.probe`, "1");
		storage.removeItem(`${key}.probe`);
	});
	return records;
}
