/* What somebody hands in to be checked, whatever it is: a .tlog-proof file, an opening, the address that a QR code holds,
 * or a receipt as the voting page gives it. Reads it, and finds the log that it is of. Sends nothing, checks nothing. */
import { fromBase64 } from "./bytes.js";
import { originOf, roundOf } from "./commitment.js";
import { claimedOrigin, epochOf, parseOpening, parseProof } from "./tlog.js";

const TEXT_MAX = 65_536;

/* `key` is that of the sentence, "verify.input.<key>". */
export class InputError extends Error {
	constructor(key) {
		super(key);
		this.key = key;
	}
}

/* { index, opening, proof, entry, identity, receipt }: `opening` as parseOpening() gives it or null; `proof` as
 * parseProof() does, with `origin`, or null; `entry` 32 bytes where the text names it. Either `identity`, that of a log,
 * or `receipt` says which log it is of. */
export function readInput(text) {
	if (text.length > TEXT_MAX) throw new InputError("too_long");
	const clean = text.replace(/^\uFEFF/, "").split(/\r\n?|\n/).map((line) => line.trimEnd()).join("\n").trim();
	if (!clean) throw new InputError("empty");
	const [, read] = kinds.find(([looks]) => looks(clean));
	return read(`${clean}\n`);
}

const kinds = [
	[(text) => text.startsWith("c2sp.org/tlog-proof@"), fromProof],
	[(text) => text.startsWith("tallyd opening "), fromOpening],
	[(text) => text.startsWith("{"), fromReceipt],
	[(text) => /[#&?]token=/.test(text), () => { throw new InputError("invitation"); }],
	[isLink, fromLink],
	[(text) => /^#?dGFsbHlkIG9wZW5pbmcg/.test(text), fromLink], // "tallyd opening ", which is 20 of base64's characters and no part of one
	[() => true, () => { throw new InputError("unknown"); }],
];

/* "…/verify/#…" or "…/verify/?…#…". One pattern for all of it would go back over the text once for each "/verify/?". */
export function isLink(text) {
	const end = text.indexOf("#");
	const address = text.slice(0, Math.max(0, end));
	return !/\s/.test(address) && (address.endsWith("/verify/") || address.includes("/verify/?"));
}

function attempt(key, read) {
	try {
		return read();
	} catch {
		throw new InputError(key);
	}
}

const textOf = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

const nothing = { opening: null, proof: null, entry: null, identity: null, receipt: null };

function fromProof(text) {
	return attempt("broken_proof", () => {
		const proof = parseProof(text);
		const opening = proof.extra ? parseOpening(textOf(proof.extra)) : null;
		const origin = claimedOrigin(proof.checkpoint);
		const identity = origin.replace(/\/epoch-\d+$/, "");
		return { ...nothing, index: proof.index, opening, proof: { ...proof, origin, identity },
			identity: opening?.identity ?? identity };
	});
}

function fromOpening(text, key = "broken_opening") {
	const opening = attempt(key, () => parseOpening(text));
	return { ...nothing, index: opening.index, opening, identity: opening.identity };
}

/* The voting page's receipt; it does not say how the ballot was cast. */
function fromReceipt(text) {
	return attempt("broken_receipt", () => {
		const whole = JSON.parse(text);
		const receipt = whole.receipt ?? whole;
		const { contest, shard, index } = receipt;
		const [entry, spent] = [fromBase64(receipt.entry), fromBase64(receipt.spent)];
		const counts = [shard, index].every((n) => Number.isSafeInteger(n) && n >= 0);
		if (typeof contest !== "string" || !counts || entry.length !== 32 || spent.length !== 16) throw new RangeError();
		return { ...nothing, index, entry, receipt: { contest, shard, spent } };
	});
}

/* "https://vote.example/verify/#<base64url of the opening>", or what stands behind the #. */
function fromLink(text) {
	const code = text.slice(text.indexOf("#") + 1).replace(/\s+/g, "");
	const opening = attempt("broken_link", () => textOf(fromBase64(code)));
	return fromOpening(opening, "broken_link");
}

/* { pinned, shard, identity } of the site's contest that it is of; null when there is none. Where its parts name different
 * logs, one of this site is enough to say of it that it is damaged, which check() does. */
export function locate({ identity, receipt, proof }, contests) {
	if (receipt) {
		const pinned = contests.find(({ id }) => id === receipt.contest);
		return pinned && receipt.shard < pinned.shards
			? { pinned, shard: receipt.shard, identity: originOf(pinned, receipt.shard) } : null;
	}
	return logNamed(identity, contests) ?? (proof && logNamed(proof.identity, contests)) ?? null;
}

function logNamed(identity, contests) {
	for (const pinned of contests) {
		const home = `${pinned.log_name}/${roundOf(pinned)}/`;
		const shard = identity.startsWith(home) ? identity.slice(home.length) : "";
		if (/^(0|[1-9]\d{0,4})$/.test(shard) && Number(shard) < pinned.shards) {
			return { pinned, shard: Number(shard), identity };
		}
	}
	return null;
}

/* Why locate() found none: "rehearsal" where it is of the rehearsal of one of these contests, "real" where this site is
 * the rehearsal of its contest, "shard" where its contest
 * has no such log; else null. */
export function whyForeign({ identity, receipt }, contests) {
	if (receipt) return contests.some(({ id }) => id === receipt.contest) ? "shard" : null;
	const isOf = (pinned) => identity.startsWith(`${pinned.log_name}/${roundOf(pinned)}/`);
	if (contests.some(isOf)) return "shard";
	const isOfOther = (rehearsal) => contests.some((pinned) => isOf({ ...pinned, rehearsal }));
	return isOfOther(true) ? "rehearsal" : isOfOther(false) ? "real" : null;
}

/* The epoch that a proof is of; null where its checkpoint belongs to another log than its opening. */
export const epochOfProof = (proof, identity) => epochOf(identity, proof.origin);
