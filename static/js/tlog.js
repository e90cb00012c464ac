/* A transparency log's formats, read strictly: signed notes, checkpoints, inclusion proofs and a voter's opening
 * (FORMAT.md sections 2 to 4; C2SP signed-note, tlog-checkpoint, tlog-proof; RFC 6962 section 2.1). Knows nothing
 * of pages, voters or the network. Numbers are at most 2^53 - 1. */
import { concat, equal, fromBase64, sha256, toBase64, toHex, utf8 } from "./bytes.js";
import { verifies } from "./ed25519.js";

const HASH_SIZE = 32;
const SPENT_SIZE = 16;
const KEY_SIZE = 32;
const SIGNATURE_SIZE = 64;
const SIGNATURES_MAX = 100;
const HASHES_MAX = 63;
const TEXT_MAX = 65_536;
const ED25519 = Uint8Array.of(1);

const PROOF_HEAD = "c2sp.org/tlog-proof@v1";
const OPENING_HEAD = "tallyd opening v1";

/* The text is not what its format says. */
export class FormatError extends Error {}

/* The note is well-formed, and not signed by this key under this name. */
export class NoteError extends Error {}

/* ---- what all formats are made of ---- */

function malformed(what) {
	throw new FormatError(`malformed ${what}`);
}

/* Base64 with padding, in the one way to write it; `size` in bytes, where it is fixed. */
function bytesOf(text, what, size) {
	let bytes;
	try {
		bytes = fromBase64(text);
	} catch {
		malformed(what);
	}
	if (toBase64(bytes) !== text || (size !== undefined && bytes.length !== size)) malformed(what);
	return bytes;
}

function numberOf(text, what) {
	const number = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
	if (!Number.isSafeInteger(number)) malformed(what);
	return number;
}

/* The lines of a text that ends in LF. */
function linesOf(text, what) {
	if (!text.endsWith("\n")) malformed(what);
	return text.slice(0, -1).split("\n");
}

/* ---- signed notes ---- */

async function keyIdOf(name, key) {
	return (await sha256(utf8(`${name}\n`), ED25519, key)).subarray(0, 4);
}

/* The key as it is written down: "<name>+<key id>+<base64>". */
export async function verifierKey(name, key) {
	return `${name}+${toHex(await keyIdOf(name, key))}+${toBase64(concat(ED25519, key))}`;
}

function signatureOf(line) {
	const [dash, name, text, ...rest] = line.split(" ");
	if (dash !== "—" || !name || /[\s+]/u.test(name) || !text || rest.length > 0) malformed("signature line");
	const bytes = bytesOf(text, "signature line");
	if (bytes.length < 5) malformed("signature line");
	return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/* The text of a note that `key` (32 bytes) has signed under `name`. Throws FormatError, NoteError, CannotVerify. */
export async function openNote(note, name, key) {
	if (key.length !== KEY_SIZE) malformed("key");
	if (note.length > TEXT_MAX || /(?!\n)\p{Cc}/u.test(note)) malformed("note");
	const end = note.lastIndexOf("\n\n");
	if (end < 1) malformed("note");
	const text = note.slice(0, end + 1);
	const signatures = linesOf(note.slice(end + 2), "note").map(signatureOf);
	if (signatures.length > SIGNATURES_MAX) malformed("note");
	const id = await keyIdOf(name, key);
	for (const one of signatures) {
		if (one.name !== name || !equal(one.id, id) || one.signature.length !== SIGNATURE_SIZE) continue;
		if (await verifies(key, one.signature, utf8(text))) return text;
	}
	throw new NoteError(`not signed by the key of ${name}`);
}

/* ---- checkpoints ---- */

/* Who a checkpoint says it is of; not to be believed before openCheckpoint(). */
export const claimedOrigin = (note) => note.slice(0, Math.max(0, note.indexOf("\n")));

/* { origin, size, root } of a checkpoint that `key` has signed for this origin. */
export async function openCheckpoint(note, origin, key) {
	const lines = linesOf(await openNote(note, origin, key), "checkpoint");
	if (lines.length !== 3) malformed("checkpoint");
	if (lines[0] !== origin) throw new NoteError(`not a checkpoint of ${origin}`);
	return { origin, size: numberOf(lines[1], "size"), root: bytesOf(lines[2], "root", HASH_SIZE) };
}

/* The epoch of an origin of this log identity; null when it is another log's. */
export function epochOf(identity, origin) {
	if (origin === identity) return 1;
	const number = origin.startsWith(`${identity}/epoch-`) ? origin.slice(identity.length + "/epoch-".length) : "";
	return /^([2-9]|[1-9]\d{1,8})$/.test(number) ? Number(number) : null;
}

/* ---- the tree ---- */

export const leafOf = (entry) => sha256(Uint8Array.of(0), entry);

export const nodeOf = (left, right) => sha256(Uint8Array.of(1), left, right);

/* The root to which an inclusion proof leads (RFC 9162 section 2.1.3.2). Throws FormatError where the proof is not
 * of this place and size. */
export async function rootFromProof({ index, size, leaf, hashes }) {
	if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) malformed("index");
	let [at, last, root] = [index, size - 1, leaf];
	const up = () => {
		at = Math.floor(at / 2);
		last = Math.floor(last / 2);
	};
	for (const hash of hashes) {
		if (last === 0 || hash.length !== HASH_SIZE) malformed("proof");
		if (at % 2 === 1 || at === last) {
			root = await nodeOf(hash, root);
			while (at % 2 === 0 && at !== 0) up();
		} else {
			root = await nodeOf(root, hash);
		}
		up();
	}
	if (last !== 0) malformed("proof");
	return root;
}

/* ---- a voter's proof ---- */

/* { extra, index, hashes, checkpoint }: `extra` is bytes or null, `checkpoint` a note, not yet opened. */
export function parseProof(text) {
	const gap = text.indexOf("\n\n");
	if (gap < 0 || text.length > TEXT_MAX) malformed("proof");
	const [head, ...lines] = text.slice(0, gap).split("\n");
	if (head !== PROOF_HEAD) malformed("proof");
	let extra = null;
	if (lines[0]?.startsWith("extra ")) extra = bytesOf(lines.shift().slice("extra ".length), "extra");
	if (extra?.length === 0 || !lines[0]?.startsWith("index ")) malformed("proof");
	const index = numberOf(lines.shift().slice("index ".length), "index");
	if (lines.length > HASHES_MAX) malformed("proof");
	const checkpoint = text.slice(gap + 2);
	if (!checkpoint) malformed("proof");
	return { extra, index, hashes: lines.map((line) => bytesOf(line, "hash", HASH_SIZE)), checkpoint };
}

export function printProof({ extra = null, index, hashes, checkpoint }) {
	return [PROOF_HEAD, ...extra ? [`extra ${toBase64(extra)}`] : [], `index ${index}`, ...hashes.map(toBase64), "",
		checkpoint].join("\n");
}

/* What a voter's entry hides: { identity, index, spent, salt, ballot }; `ballot` is the canonical text. */
export function parseOpening(text) {
	const parts = /^([^\n]*)\n([^\n ]+)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([a-z]+\n(?:[\x21-\x7e]+\n)+)$/.exec(text);
	if (parts?.[1] !== OPENING_HEAD) malformed("opening");
	const [identity, index, spent, salt, ballot] = parts.slice(2);
	return { identity, index: numberOf(index, "index"), spent: bytesOf(spent, "spent", SPENT_SIZE),
		salt: bytesOf(salt, "salt", HASH_SIZE), ballot };
}

export function printOpening({ identity, index, spent, salt, ballot }) {
	return `${OPENING_HEAD}\n${identity}\n${index}\n${toBase64(spent)}\n${toBase64(salt)}\n${ballot}`;
}
