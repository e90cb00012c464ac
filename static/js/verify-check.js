/* Checks what a voter holds against the log of the count, as it was signed and as it stands today. Everything is computed
 * here: of what was handed in, nothing goes out but the numbers of the log's files. Draws nothing.
 *
 * kind     why
 * included                     the entry is in the log, and the log only grew; with an opening: the ballot
 * pending                      its place is not sealed yet
 *          epoch               it was signed, and does not yet stand in the log that was begun anew
 * behind                       more was signed, or certified, than stands here; it may be there later, or elsewhere.
 *                              `facts.short`: whether what stands here was seen to be the beginning of that, in "part" or
 *                              as a "whole"; a host that does not show enough is never seen to contradict it
 * halted                       either, and sealing has stopped
 * missing  other               another ballot stands in its place
 *          beyond              the log ended before its place
 *          lost                it is not in the log that was begun anew
 *          changed             another stands in its place, which the server still held when the log was begun anew
 * foreign                      of no log of this site
 *          rehearsal           of the rehearsal of one of its contests
 *          real                of a contest of which this site is the rehearsal
 *          shard               of a log that its contest does not have
 * forged   signature           the checkpoint is not signed by the pinned key
 *          proof               it does not lead to the signed root
 *          mixed               its parts are of different ballots or logs
 *          shard               a log that does not count this ballot
 * log      checkpoint          today's is not signed by the pinned key
 *          tiles               files that do not fit the checkpoint
 *          incomplete          files that are not there
 *          shrunk              the statement of a new beginning names less than was signed before
 *          rewritten           it and what was signed before are not the beginning one of the other
 *          epoch               a new beginning without its statement
 *          certified           it, or what was signed before, is not of the log that the certified result names
 *          result              the certified result is not as it was signed
 * off                          no log is published
 * unreachable, cannot          the log cannot be read; this browser cannot verify signatures */
import { equal, fromBase64 } from "./bytes.js";
import { entryOf } from "./commitment.js";
import { CannotVerify } from "./ed25519.js";
import { isExtension, MissingFile, subtreesBeside, TileError } from "./tiles.js";
import { epochOf, leafOf, NoteError, FormatError, openCheckpoint, rootFromProof } from "./tlog.js";
import { epochOfProof } from "./verify-input.js";

class Stop extends Error {
	constructor(kind, why = null) {
		super(`${kind} ${why}`);
		Object.assign(this, { kind, why });
	}
}

/* Whether a verdict speaks against somebody, or against what was handed in. */
export const accuses = ({ kind }) => ["forged", "log", "missing"].includes(kind);

/* Whether one head of a log comes after another. */
const isFurther = (one, other) => one.epoch > other.epoch || (one.epoch === other.epoch && one.size > other.size);

/* What an error of a step means; `why` where the step's own material is at fault. */
function stopOf(error, kind, why) {
	if (error instanceof Stop) return error;
	if (error instanceof CannotVerify) return new Stop("cannot");
	if (error instanceof MissingFile) return new Stop("log", "incomplete");
	if (error instanceof TileError) return new Stop("log", "tiles");
	if (error instanceof NoteError || error instanceof FormatError) return new Stop(kind, why);
	return new Stop("unreachable"); // whatever it is, it speaks against nobody
}

async function judged(kind, why, act) {
	try {
		return await act();
	} catch (error) {
		throw stopOf(error, kind, why);
	}
}

const insist = (good, kind, why) => {
	if (!good) throw new Stop(kind, why);
};

/* `subject`: of readInput(). `place`: of locate(). `site`: { log, epoch, state, final, certified, copy }: a reader of
 * openLog(), the epoch that the server tells, the state of sealing ("ok", "halted", "off"), whether the count is
 * certified, async certified() → { version, log } of the newest signed result, or null where there is none, and whether
 * this is a published copy, which has the whole log and waits for nothing.
 *
 * → { kind, why, steps: [[name, good]…], facts }; `facts` gathers what became known on the way. */
export async function check(subject, place, site) {
	const run = new Check(subject, place, site);
	try {
		await run.all();
		return run.verdict("included", null);
	} catch (error) {
		if (!(error instanceof Stop)) throw error;
		return run.verdict(error.kind, error.why);
	}
}

class Check {
	constructor(subject, place, site) {
		Object.assign(this, { subject, site, ...place });
		this.key = fromBase64(place.pinned.log_key);
		this.entry = null;
		this.held = null; // the checkpoint within the proof: { origin, size, root, epoch, note }
		this.now = null; // today's
		this.statements = [];
		this.compared = 0; // how many entries of today's log are known to be those of the larger one
		this.short = null; // "part" or "whole"
		this.row = null; // of this log in the newest signed result: { epoch, size, root, result }
		this.certified = null;
		this.steps = [];
		this.at = null; // the step that is being taken
	}

	verdict(kind, why) {
		if (accuses({ kind }) && this.at) this.steps.push([this.at, false]);
		const { pinned, shard, identity, subject, entry, held, now, statements, certified, short } = this;
		return { kind, why, steps: this.steps,
			facts: { pinned, shard, identity, index: subject.index, entry, held, now, statements, certified, short } };
	}

	async step(name, act) {
		this.at = name;
		await act.call(this);
		this.steps.push([name, true]);
		this.at = null;
	}

	async all() {
		await this.step("whole", this.#whole);
		if (this.subject.proof) {
			await this.step("signature", this.#signature);
			if (this.entry) await this.step("inclusion", this.#inclusion);
		}
		this.at = "certified";
		if (this.site.final) await this.#readCertified();
		await this.step("today", this.#today);
		const { held, now } = this;
		const ahead = held && isFurther(held, now);
		if (ahead) {
			await this.step("beginning", this.#begun);
		} else {
			if (held) await this.step(held.epoch === now.epoch ? "consistency" : "epoch", this.#grown);
			await this.step("present", this.#present);
		}
		if (this.row) await this.step("certified", this.#certifiedLog);
		if (ahead) throw this.#late();
	}

	/* Hosts follow one another: what stands here may come later than what another has signed. */
	#late() {
		const { held, now, row, compared } = this;
		const beyond = row && !(held && !isFurther(row, held)); // with the head that a result names nothing can be compared
		if (now) this.short = held && !beyond && compared === now.size ? "whole" : "part";
		return new Stop(this.site.state === "halted" ? "halted" : "behind");
	}

	/* ---- what the text says of itself ---- */

	async #whole() {
		const { subject: { opening, index, proof, receipt, entry }, identity, shard, pinned } = this;
		const spent = opening?.spent ?? receipt?.spent;
		insist(!opening || (opening.identity === identity && opening.index === index), "forged", "mixed");
		insist(!proof || epochOfProof(proof, identity) !== null, "forged", "mixed");
		insist(!spent || shardOf(spent, pinned.shards) === shard, "forged", "shard");
		this.entry = opening ? await entryOf({ ...opening, origin: identity }) : entry;
	}

	async #signature() {
		const { proof } = this.subject;
		const held = await judged("forged", "signature", () => openCheckpoint(proof.checkpoint, proof.origin, this.key));
		this.held = { ...held, epoch: epochOfProof(proof, this.identity), note: proof.checkpoint };
	}

	async #inclusion() {
		const { subject: { index, proof: { hashes } }, held, entry } = this;
		const root = await judged("forged", "proof", async () =>
			rootFromProof({ index, size: held.size, leaf: await leafOf(entry), hashes }));
		insist(equal(root, held.root), "forged", "proof");
	}

	/* ---- the log as it stands today ---- */

	async #today() {
		const { site, held } = this;
		insist(site.state !== "off", "off");
		// What was signed tells of a new beginning as well as a server does, which may be late.
		const epoch = Math.max(site.epoch ?? 1, held?.epoch ?? 1);
		const now = await judged("log", "checkpoint", () => site.log.checkpoint(epoch));
		if (!now) throw site.final || held?.epoch === epoch || site.state === "halted" ? this.#late() : this.#waits(epoch);
		this.now = { ...now, epoch };
		this.tiles = site.log.tiles(epoch);
	}

	/* Of an entry that the receipt shows in what was signed before a new beginning, more is known than of others. */
	#waits(epoch) {
		return new Stop("pending", this.held && this.entry && this.held.epoch < epoch ? "epoch" : null);
	}

	/* What stands here must be the beginning of what was signed with the receipt, as far as its hashes reach: those that
	 * are of leaves that are here, too. */
	async #begun() {
		const { subject: { index, proof: { hashes } }, held, now, tiles } = this;
		if (!this.entry && index < now.size) await this.#fetchEntry();
		if (!this.entry) return; // then nothing shows that the hashes are those of the log
		const told = [{ low: index, n: 1, hash: await leafOf(this.entry) }, ...subtreesBeside(index, held.size)
			.map((place, i) => ({ ...place, hash: hashes[i] }))];
		for (const { low, n, hash } of told.filter((one) => one.low + one.n <= now.size)) {
			const here = await judged("log", "tiles", () => tiles.subtree(low, n, now.size));
			const good = equal(here, hash);
			const fault = await this.#tilesOr(low, now, tiles, good ? null : new Stop("log", "rewritten"));
			if (fault) throw fault;
			this.compared += n;
		}
	}

	async #grown() {
		const { held, now, site } = this;
		if (held.epoch === now.epoch) return this.#extends(held, now, this.tiles);
		for (let epoch = held.epoch + 1; epoch <= now.epoch; epoch++) {
			this.statements.push(await judged("log", "epoch", () => site.log.statement(epoch)));
		}
		// What was held is the beginning of the log that the first statement closed.
		return this.#extends(held, this.statements[0], site.log.tiles(held.epoch));
	}

	async #extends(held, later, tiles) {
		insist(held.size <= later.size, "log", "shrunk");
		const hashes = await judged("log", "tiles", () => tiles.consistency(held.size, later.size));
		const good = await isExtension({ oldSize: held.size, oldRoot: held.root, size: later.size, root: later.root, hashes });
		if (!good) throw await this.#tilesOr(held.size - 1, later, tiles, new Stop("log", "rewritten"));
	}

	/* Before anybody is accused: whether the files are those that were signed. */
	async #tilesOr(index, { size, root }, tiles, stop) {
		return await judged("log", "tiles", () => tiles.fits(index, size, root)) ? stop : new Stop("log", "tiles");
	}

	async #present() {
		const { subject: { index }, now, site, held } = this;
		if (index >= now.size) {
			if (site.final && this.row && isFurther(this.row, now)) this.#certifiedLog();
			insist(!site.final, "missing", "beyond");
			const statement = this.statements.at(-1) ?? await this.#lastStatement();
			insist(!statement || index < statement.ballots || !held, "missing", "lost");
			throw site.state === "halted" ? new Stop("halted") : this.#waits(now.epoch);
		}
		const hashes = await judged("log", "tiles", () => this.tiles.inclusion(index, now.size));
		if (!this.entry) await this.#fetchEntry(); // a server's proof does not name it
		const leaf = await leafOf(this.entry);
		const root = await rootFromProof({ index, size: now.size, leaf, hashes });
		if (!equal(root, now.root)) {
			throw await this.#tilesOr(index, now, this.tiles, new Stop("missing", await this.#notThere()));
		}
		// The proof does without the one hash of the tile that is the ballot's own.
		insist(equal(await this.tiles.leaf(index, now.size), leaf), "log", "tiles");
	}

	/* Why another entry stands in its place. Beyond the ballots that a new beginning found, the place was given away. */
	async #notThere() {
		const { subject: { index }, now, held, site, statements } = this;
		for (let epoch = 2; !held && epoch <= now.epoch; epoch++) {
			statements.push(await judged("log", "epoch", () => site.log.statement(epoch)));
		}
		if (statements.some(({ ballots }) => index >= ballots)) return "lost";
		return held && statements.length > 0 ? "changed" : "other"; // what was never signed is not known to have changed
	}

	async #lastStatement() {
		const { now, site } = this;
		return now.epoch === 1 ? null : judged("log", "epoch", () => site.log.statement(now.epoch));
	}

	async #fetchEntry() {
		const { subject: { index }, now, held } = this;
		const tiles = held.epoch === now.epoch ? this.tiles : this.site.log.tiles(held.epoch);
		this.entry = await judged("log", "tiles", () => tiles.entry(index, held.epoch === now.epoch ? now.size : held.size));
		await this.#inclusion();
	}

	/* ---- the certified result ---- */

	/* What was signed with the receipt must be in the log that the newest signed result names. A result of before there
	 * were logs names none. */
	async #readCertified() {
		const { site, shard, identity, held } = this;
		const result = await judged("log", "result", () => site.certified());
		if (!result?.log) return;
		const named = result.log.find((one) => one.shard === shard);
		const epoch = named ? epochOf(identity, named.origin) : null;
		insist(epoch !== null, "log", "certified");
		this.row = { epoch, size: named.size, root: fromBase64(named.root), result };
		if (held) this.#beforeCertified(held);
	}

	#beforeCertified(head) {
		const { row } = this;
		insist(!isFurther(head, row) && (isFurther(row, head) || equal(head.root, row.root)), "log", "certified");
	}

	#certifiedLog() {
		const { row, now, site } = this;
		this.#beforeCertified(now);
		if (isFurther(row, now)) throw site.copy ? new Stop("log", "certified") : this.#late(); // a copy has the whole of it
		this.certified = row.result;
	}
}

/* The one shard that records a token: u32be(first 4 bytes of spent) mod shards. */
function shardOf(spent, shards) {
	return new DataView(spent.buffer, spent.byteOffset).getUint32(0) % shards;
}
