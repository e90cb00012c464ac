// Signed notes, checkpoints, verifier keys (FORMAT.md 2 and 3.3).
import crypto from 'node:crypto';

export const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts) hash.update(part);
	return hash.digest();
};

export const hex = (bytes) => bytes.toString('hex');

/** The bytes of canonical base64, or null. */
export function base64(text, length) {
	const bytes = Buffer.from(String(text), 'base64');
	return bytes.toString('base64') === text && (length === undefined || bytes.length === length) ? bytes : null;
}

export const keyId = (name, key) => sha256(`${name}\n`, Buffer.from([1]), key).subarray(0, 4);

/** "<name>+<id>+<base64(1 | key)>" -> {name, key}, or null. */
export function parseVerifierKey(text) {
	const [, name, id, rest] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
	const bytes = base64(rest, 33);
	if (!bytes || bytes[0] !== 1 || keyId(name, bytes.subarray(1)).toString('hex') !== id)
		return null;
	return { name, key: bytes.subarray(1) };
}

const publicKey = (raw) => crypto.createPublicKey({
	key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki' });

const DASH = Buffer.from('— ').toString('latin1');

/** The note's text when a line of this name and key verifies, or null. A note is bytes: one character each here. */
export function openNote(bytes, name, key) {
	const note = Buffer.from(bytes).toString('latin1');
	const end = note.lastIndexOf('\n\n');
	// eslint-disable-next-line no-control-regex
	if (end < 0 || !note.endsWith('\n') || end + 2 === note.length || /[\u0000-\u0009\u000b-\u001f\u007f]/.test(note))
		return null;
	const text = note.slice(0, end + 1);
	const id = keyId(name, key);
	let found = false;
	for (const line of note.slice(end + 2, -1).split('\n')) {
		const [, who, rest] = /^([^ ]+) (.+)$/.exec(line.startsWith(DASH) ? line.slice(DASH.length) : '') ?? [];
		if (who === undefined)
			return null;
		const signature = base64(rest, 68);
		if (who !== name || !signature?.subarray(0, 4).equals(id))
			continue;
		if (!crypto.verify(null, Buffer.from(text, 'latin1'), publicKey(key), signature.subarray(4)))
			return null;
		found = true;
	}
	return found ? text : null;
}

/** {size, root}, or null. */
export function openCheckpoint(bytes, origin, key) {
	const lines = openNote(bytes, origin, key)?.split('\n');
	if (lines?.length !== 4 || lines[0] !== origin || !/^(0|[1-9][0-9]{0,14})$/.test(lines[1]))
		return null;
	const root = base64(lines[2], 32);
	return root && { size: Number(lines[1]), root };
}
