/* One voter's way from a chosen ballot to a checked receipt. Saves its record before every request, so that a
 * reload or a crash between any two steps goes on where it stood; every request may be repeated. Draws nothing.
 *
 *   new ──challenge checked, blinded──▶ blinded ──issued, unblinded──▶ token ──cast, receipt checked──▶ counted
 *                                                                        ▲                               │
 *                                                                        └──────── replacing ────────────┘
 *
 * The record: { id, step, ballot, bearer, nonce, inverse, request, token, unknown, receipt, replaces, before, changes, proof, former },
 * bytes as base64. `id`: drawn here and never sent; tells one vote in this browser from another. `unknown`: a ballot was sent and no answer settled what became of it. `before`: what a replacement
 * replaces. `changes`: how often a counted choice was changed. `proof`: the log's, for this receipt. `former`: receipts in
 * whose place the server gave another one for the same ballot. `bearer`: what admits the voter, until there is a token. */
import { fromBase64, toBase64 } from "./bytes.js";
import { commitsTo, isOurs } from "./commitment.js";
import { canonicalBallot, printBallot } from "./forms.js";
import { authorization, checkIssuer, finishToken, issuerOf, requestToken } from "./privacypass.js";
import { judge } from "./problems.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
const SPREAD_MS = 3000;
const LONGEST_TOLD_S = 600; // our server's; a proxy's may be more than a timer holds, which then does not wait at all
const CHANGES_MAX = 10; // the server's limit for one token

/* The receipt is not of this ballot: either side may be at fault, and a person has to look. */
class ReceiptMismatch extends Error {
	constructor(receipt) {
		super("the receipt does not fit the ballot");
		this.receipt = receipt;
	}
}

export class Voter {
	#waiting = null;

	/* sleep(ms) and lock(work) are given, so that tests need neither time nor tabs. */
	constructor({ pinned, contest, api, records, sleep, lock = (work) => work(), onState = () => {} }) {
		Object.assign(this, { pinned, contest, api, records, sleep, lock, onState });
		this.record = records.load();
	}

	/* Casts, or replaces a counted ballot where the contest allows it. Ends in the last state shown; a counted
	 * one has `already` when an earlier ballot counts instead. `bearer`: what admits, where the contest asks for it.
	 * "occupied": the record that stands here now is another tab's, perhaps somebody else's; nothing was sent, it is untouched. */
	cast(ballot, bearer) {
		return this.lock(() => {
			const known = this.record;
			this.record = this.records.load();
			const other = Boolean(this.record) && !sameVote(this.record, known);
			if (other && (this.pending || bearer)) return this.#show({ name: "occupied" });
			if (!this.record) this.#save({ id: toBase64(crypto.getRandomValues(new Uint8Array(12))), step: "new", ballot, bearer });
			else if (this.record.step === "counted" && !other && known.step === "counted") this.#replaceWith(ballot);
			else if (this.pending && !this.record.unknown) {
				this.#save({ ...this.record, ballot, ...bearer && !this.record.token && { bearer } });
			} // else another tab was first: what it sent stands
			return this.#pursueShown(ballot, other);
		});
	}

	/* Goes on with what was begun earlier; ends as cast() does, or as "gone" where another tab has deleted it. */
	resume() {
		return this.lock(() => {
			const known = this.record;
			this.record = this.records.load();
			if (!this.record) return this.#show({ name: "gone" });
			return this.#pursueShown(known?.ballot, !sameVote(this.record, known));
		});
	}

	/* Cuts a wait short. */
	hurry() {
		this.#waiting?.();
	}

	/* Sends the counted ballot once more, as often as one likes: it counts once. Ends in { name }: "same" (the server knows
	 * it, receipt and all), "new" (it gave another receipt, which fits), "mismatch", "unreachable", "unavailable" (it cannot take it now: perhaps what it
	 * stores of this vote is damaged), "refused", or "moved" (another tab has changed the record). Whatever happens, the receipt that is there stays. */
	again() {
		return this.lock(async () => {
			const seen = this.record?.receipt;
			this.record = this.records.load();
			if (this.record?.step !== "counted" || !sameEntry(this.record.receipt, seen)) return { name: "moved" };
			const { token, ballot, receipt, replaces, former = [], proof, ...rest } = this.record;
			let answer;
			try {
				answer = await this.#post(token, ballot, replaces);
			} catch (error) {
				const { slug, next } = judge(error);
				return { name: slug === "unreachable" ? slug : next === "wait" ? "unavailable" : "refused" };
			}
			const canonical = canonicalBallot(this.contest, ballot);
			if (!(await commitsTo(this.pinned, answer, fromBase64(token), canonical))) return { name: "mismatch" };
			if (sameEntry(answer, receipt)) return { name: "same" };
			this.#save({ ...rest, token, ballot, replaces, receipt: answer, former: [...former, { receipt, proof }] });
			return { name: "new" };
		});
	}

	/* Keeps the log's proof with the receipt that it is of; a record that has moved on is left alone. */
	keepProof(receipt, proof) {
		const record = this.records.load();
		if (record?.step === "counted" && sameEntry(record.receipt, receipt)) this.#save({ ...record, proof });
	}

	/* What another tab has put there since, a token or another vote, stays. */
	forget() {
		const stored = this.records.load();
		if (sameVote(stored, this.record) && stored.token === this.record.token) this.records.clear();
		this.record = null;
	}

	get pending() {
		return Boolean(this.record) && this.record.step !== "counted";
	}

	/* Whether the server takes no further change of this vote. */
	get final() {
		return (this.record?.changes ?? 0) >= CHANGES_MAX;
	}

	/* `ballot`: what this tab showed; `other`: the vote is another tab's. */
	async #pursueShown(ballot, other) {
		const end = await this.#pursue();
		const already = other || JSON.stringify(this.record.ballot) !== JSON.stringify(ballot);
		return end.name === "counted" ? { ...end, already } : end;
	}

	async #pursue() {
		for (let attempt = 0; ; attempt++) {
			try {
				while (this.record.step !== "counted") await this.#step();
				return this.#show({ name: "counted", receipt: this.record.receipt });
			} catch (error) {
				const end = await this.#fail(error, attempt);
				if (end) return end;
			}
		}
	}

	#step() {
		return { new: () => this.#blind(), blinded: () => this.#unblind(), token: () => this.#send() }[
			this.record.step]();
	}

	async #blind() {
		this.#show({ name: "working", stage: "issue" });
		await checkIssuer(this.pinned, await this.api.challenge(this.pinned.id));
		const { request, nonce, inverse } = await requestToken(await issuerOf(this.pinned));
		this.#save({ ...this.record, step: "blinded", nonce: toBase64(nonce), inverse: toBase64(inverse),
			request: toBase64(request) });
	}

	async #unblind() {
		this.#show({ name: "working", stage: "issue" });
		const { request, nonce, inverse, bearer, turn, ...rest } = this.record;
		const response = await this.api.token(this.pinned.id, fromBase64(request), bearer, turn);
		const secrets = { nonce: fromBase64(nonce), inverse: fromBase64(inverse) };
		const token = await finishToken(await issuerOf(this.pinned), secrets, response);
		// Blinded message and bearer go: with them this browser would tie the token to its issuance.
		this.#save({ ...rest, step: "token", token: toBase64(token) });
	}

	#post(token, ballot, replaces) {
		return this.api.cast(this.pinned.id, authorization(fromBase64(token)), printBallot(this.contest, ballot), replaces);
	}

	async #send() {
		this.#show({ name: "working", stage: "cast" });
		const { token, ballot, replaces, unknown } = this.record;
		this.#save({ ...this.record, unknown: true });
		let receipt;
		try {
			receipt = await this.#post(token, ballot, replaces);
		} catch (error) {
			if (error.slug === "token-spent") return this.#adopt(error.body.receipt);
			if (error.slug === "replaced-too-often" && error.body.receipt) {
				this.#save({ ...this.record, changes: CHANGES_MAX });
				return this.#adopt(error.body.receipt);
			}
			const { after } = judge(error);
			if (after === "settled" || (after === "this" && !unknown)) {
				this.#save({ ...this.record, unknown: false });
			}
			throw error;
		}
		this.#show({ name: "working", stage: "check" });
		const canonical = canonicalBallot(this.contest, ballot);
		if (!(await commitsTo(this.pinned, receipt, fromBase64(token), canonical))) {
			throw new ReceiptMismatch(receipt);
		}
		this.#count(receipt, ballot);
	}

	/* The token was spent before, perhaps by a request of ours whose answer was lost. */
	async #adopt(receipt) {
		const token = fromBase64(this.record.token);
		if (!(await isOurs(this.pinned, receipt ?? {}, token))) throw new ReceiptMismatch(receipt);
		for (const ballot of [this.record.ballot, this.record.before?.ballot]) {
			if (ballot && await commitsTo(this.pinned, receipt, token, canonicalBallot(this.contest, ballot))) {
				return this.#count(receipt, ballot, ballot !== this.record.ballot);
			}
		}
		this.#count(receipt, null, true);
	}

	/* `earlier`: the ballot that counts is not the one just sent. */
	#count(receipt, ballot, earlier = false) {
		const { id, token, before, replaces, changes = 0 } = this.record;
		const made = Math.min(CHANGES_MAX, changes + (before && !earlier ? 1 : 0));
		this.#save({ id, step: "counted", ballot, token, receipt, earlier, ...(made > 0 && { changes: made }),
			...(replaces !== undefined && !earlier && { replaces }) });
	}

	#replaceWith(ballot) {
		const { id, token, ballot: old, receipt, replaces, changes, proof } = this.record;
		this.#save({ id, step: "token", ballot, token, replaces: receipt.index, unknown: false,
			before: { ballot: old, receipt, replaces, proof }, changes });
	}

	/* The state in which the way ends, or undefined after a wait. */
	async #fail(error, attempt) {
		if (error instanceof ReceiptMismatch) {
			this.#save({ ...this.record, unknown: true, mismatch: error.receipt ?? null });
			return this.#show({ name: "mismatch", receipt: error.receipt });
		}
		const { slug, next } = judge(error);
		const counted = this.record.unknown ? "unknown" : this.record.before ? "before" : "no";
		const told = { slug, counted, next, problem: error.body ?? {}, detail: error.message };
		if (next !== "wait") {
			if (this.record.before && !this.record.unknown) this.#restore();
			return this.#show({ name: "failed", ...told });
		}
		if (error.turn) this.#save({ ...this.record, turn: error.turn }); // a page opened anew has it, too
		const ms = waitFor(attempt, error.retryAfter);
		this.#show({ name: "waiting", ...told, attempt, ms });
		await Promise.race([this.sleep(ms), new Promise((resolve) => {
			this.#waiting = resolve;
		})]);
		this.#waiting = null;
		return undefined;
	}

	#restore() {
		const { id, token, before, changes } = this.record;
		this.#save({ id, step: "counted", token, ...before, changes });
	}

	/* From any step but the first, going on again leads to the same token and the same ballot. */
	#save(record) {
		this.records.save(record, Boolean(this.record) && this.record.step !== "new");
		this.record = record;
	}

	#show(state) {
		this.state = state;
		this.onState(state);
		return state;
	}
}

const sameVote = (one, other) => Boolean(one && other) && one.id === other.id;

const sameEntry = (one, other) => one?.shard === other?.shard && one?.index === other?.index && one?.entry === other?.entry;

/* Doubling, and never before the server said; spread so that a crowd that was turned away together does not come back together. */
function waitFor(attempt, retryAfter = 0) {
	const told = Math.min(retryAfter, LONGEST_TOLD_S);
	const doubled = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
	return Math.max(doubled * (0.8 + 0.4 * Math.random()), told * 1000 + Math.random() * Math.min(told * 500, SPREAD_MS));
}
