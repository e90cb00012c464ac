/* Whether the log has a voter's entry: holds the server's proof against the entry that this device computed itself
 * and against the log key that these pages were published with. Asks nobody. */
import { equal, fromBase64 } from "./bytes.js";
import { claimedOrigin, epochOf, FormatError, leafOf, NoteError, openCheckpoint, parseProof, rootFromProof } from "./tlog.js";

/* The proof does not prove it. `reason`: "format", "index" (of another place), "origin" (of another log), "signature",
 * "root" (the signed tree does not have this entry there). */
export class ProofError extends Error {
	constructor(reason, options) {
		super(`the proof does not verify: ${reason}`, options);
		this.reason = reason;
	}
}

async function orElse(reason, work) {
	try {
		return await work();
	} catch (error) {
		if (error instanceof FormatError || error instanceof NoteError) throw new ProofError(reason, { cause: error });
		throw error; // CannotVerify: nothing is known
	}
}

/* `entry` (32 bytes) stands at `index` of the log `identity`, by a checkpoint of `key`: { index, hashes, checkpoint,
 * origin, epoch, size }. Throws ProofError, CannotVerify. */
export async function checkInclusion({ identity, index, entry, key }, text) {
	const proof = await orElse("format", () => parseProof(text));
	if (proof.index !== index) throw new ProofError("index");
	const origin = claimedOrigin(proof.checkpoint);
	const epoch = epochOf(identity, origin);
	if (epoch === null) throw new ProofError("origin");
	const { size, root } = await orElse("signature", () => openCheckpoint(proof.checkpoint, origin, fromBase64(key)));
	const leaf = await leafOf(entry);
	const reached = await orElse("root", () => rootFromProof({ index, size, leaf, hashes: proof.hashes }));
	if (!equal(reached, root)) throw new ProofError("root");
	return { index, hashes: proof.hashes, checkpoint: proof.checkpoint, origin, epoch, size };
}
