/* The hashes that tie a token, a ballot and its place in the log together, recomputed by the voter:
 *
 *   spent = first 16 bytes of SHA-256("tallyd spent v1\n" | token_input)
 *   entry = SHA-256("tallyd ballot v1\n" | origin | "\n" | u64be(index) | spent | salt | ballot)
 *
 * origin = "<log name>/<round>/<shard>"; round = the contest's id, with "~rehearsal" in a rehearsal. */
import { equal, fromBase64, sha256, u64, utf8 } from "./bytes.js";
import { inputOf } from "./privacypass.js";

export const roundOf = (pinned) => pinned.rehearsal ? `${pinned.id}~rehearsal` : pinned.id;

export const originOf = (pinned, shard) => `${pinned.log_name}/${roundOf(pinned)}/${shard}`;

export async function spentOf(tokenInput) {
	return (await sha256(utf8("tallyd spent v1\n"), tokenInput)).subarray(0, 16);
}

export function entryOf({ origin, index, spent, salt, ballot }) {
	return sha256(utf8(`tallyd ballot v1\n${origin}\n`), u64(index), spent, salt, utf8(ballot));
}

/* Whether a receipt is of this token at all: a receipt for another ballot of it still is. */
export async function isOurs(pinned, receipt, token) {
	try {
		return receipt.contest === pinned.id && receipt.shard >= 0 && receipt.shard < pinned.shards
			&& equal(fromBase64(receipt.spent), await spentOf(inputOf(token)));
	} catch {
		return false; // not base64
	}
}

/* Whether it commits the log to exactly this ballot of this token. Anything malformed is a no. */
export async function commitsTo(pinned, receipt, token, ballot) {
	if (!(await isOurs(pinned, receipt, token))) return false;
	try {
		const salt = fromBase64(receipt.salt);
		const entry = await entryOf({ origin: originOf(pinned, receipt.shard), index: receipt.index,
			spent: await spentOf(inputOf(token)), salt, ballot });
		return salt.length === 32 && equal(fromBase64(receipt.entry), entry);
	} catch {
		return false;
	}
}
