// A ballot log in the test's own hands, by node:crypto and none of the pages' or the daemon's code: proofs as the
// server makes them, right ones and wrong ones, and a reader of the voter's file (FORMAT.md sections 2 to 4).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openNote } from '../../live/lib/note.mjs';

const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest();
};
const leaf = (entry) => sha256(Buffer.of(0), entry);
const node = (left, right) => sha256(Buffer.of(1), left, right);

/** Merkle tree head and audit path as RFC 6962 section 2.1 writes them. */
const split = (n) => 2 ** (Math.ceil(Math.log2(n)) - 1);
const root = (entries) => entries.length === 1 ? leaf(entries[0]) :
	node(root(entries.slice(0, split(entries.length))), root(entries.slice(split(entries.length))));
function auditPath(m, entries) {
	if (entries.length === 1)
		return [];
	const k = split(entries.length);
	return m < k ? [...auditPath(m, entries.slice(0, k)), root(entries.slice(k))] :
		[...auditPath(m - k, entries.slice(k)), root(entries.slice(0, k))];
}

/** Climbs from a leaf to the root: the other way round, by which half the place lies in. */
function climb(hash, index, size, hashes) {
	if (size === 1) {
		assert.equal(hashes.length, 0);
		return hash;
	}
	const k = split(size);
	const rest = hashes.slice(0, -1), last = hashes.at(-1);
	assert.ok(last, 'too few hashes');
	return index < k ? node(climb(hash, index, k, rest), last) : node(last, climb(hash, index - k, size - k, rest));
}

/** The round's logs, signed with its own key, or with another. */
export class PlayedLog {
	constructor(instance, { key } = {}) {
		const [site] = instance.site.contests;
		this.round = site.id + (site.rehearsal ? '~rehearsal' : '');
		this.logName = site.log_name;
		this.privateKey = key ?? crypto.createPrivateKey(readFileSync(path.join(instance.dir, 'keys', this.round, 'log.private.pem')));
	}

	/** The proof for a receipt; `entry` stands in its place, and `more` entries after it. */
	prove({ shard, index, entry }, { origin = `${this.logName}/${this.round}/${shard}`, epoch = 1, instead, more = 3, named = index } = {}) {
		const name = epoch > 1 ? `${origin}/epoch-${epoch}` : origin;
		const entries = Array.from({ length: index + 1 + more }, (_, i) => sha256(String(i)));
		entries[index] = instead ?? Buffer.from(entry, 'base64');
		const text = `${name}\n${entries.length}\n${root(entries).toString('base64')}\n`;
		const key = crypto.createPublicKey(this.privateKey).export({ type: 'spki', format: 'der' }).subarray(-32);
		const id = sha256(`${name}\n`, Buffer.of(1), key).subarray(0, 4);
		const signature = Buffer.concat([id, crypto.sign(null, Buffer.from(text), this.privateKey)]).toString('base64');
		return ['c2sp.org/tlog-proof@v1', `index ${named}`, ...auditPath(index, entries).map((hash) => hash.toString('base64')), '',
			`${text}\n— ${name} ${signature}\n`].join('\n');
	}
}

/** Reads a voter's file and checks all of it with the key alone: { identity, index, ballot, size, origin }. */
export function openVotersProof(text, logKey) {
	const key = crypto.createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(logKey, 'base64')]),
		format: 'der', type: 'spki' });
	const gap = text.indexOf('\n\n');
	const [head, extra, indexLine, ...hashLines] = text.slice(0, gap).split('\n');
	assert.equal(head, 'c2sp.org/tlog-proof@v1');
	const opening = Buffer.from(/^extra (\S+)$/.exec(extra)[1], 'base64').toString();
	const [title, identity, index, spent, salt, ...ballot] = opening.split('\n');
	assert.equal(title, 'tallyd opening v1');
	assert.equal(indexLine, `index ${index}`);
	const place = Buffer.alloc(8);
	place.writeBigUInt64BE(BigInt(index));
	const entry = sha256(`tallyd ballot v1\n${identity}\n`, place, Buffer.from(spent, 'base64'), Buffer.from(salt, 'base64'), ballot.join('\n'));
	const checkpoint = text.slice(gap + 2);
	const [origin] = checkpoint.split('\n');
	assert.ok(origin === identity || /^\/epoch-([2-9]|[1-9]\d+)$/.test(origin.slice(identity.length)), origin);
	const lines = openNote(checkpoint, origin, key).split('\n');
	assert.equal(lines.length, 4);
	const size = Number(lines[1]);
	const reached = climb(leaf(entry), Number(index), size, hashLines.map((line) => Buffer.from(line, 'base64')));
	assert.equal(reached.toString('base64'), lines[2]);
	return { identity, index: Number(index), ballot: ballot.join('\n'), entry: entry.toString('base64'), size, origin, opening };
}
