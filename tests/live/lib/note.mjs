// Signed results, checked from the documents alone: C2SP signed-note with Ed25519 by Node's crypto.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();

/** The text of a note that this key has signed under this name; throws where it has not. */
export function openNote(note, name, publicKey) {
	const end = note.lastIndexOf('\n\n');
	const text = note.slice(0, end + 1);
	const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
	const id = sha256(Buffer.concat([Buffer.from(`${name}\n\x01`), raw])).subarray(0, 4);
	const signed = note.slice(end + 2).split('\n').some((line) => {
		const [dash, who, sig] = line.split(' ');
		const bytes = Buffer.from(sig ?? '', 'base64');
		return dash === '—' && who === name && bytes.length === 68 && bytes.subarray(0, 4).equals(id) &&
			crypto.verify(null, Buffer.from(text), publicKey, bytes.subarray(4));
	});
	assert.ok(signed, 'no signature of this key verifies');
	return text;
}

/** The document of a result, its note and hash checked with the round's public key. */
export function openResult(round, { document, note }) {
	const key = crypto.createPublicKey(readFileSync(path.join(round.instance.dir, 'keys', round.name, 'result.public.pem')));
	const parsed = JSON.parse(document);
	assert.equal(openNote(note, `${round.logName}/${round.name}/result`, key),
		`tallyd result v1\n${round.name}\n${parsed.version}\n${sha256(document).toString('hex')}\n`);
	return parsed;
}
