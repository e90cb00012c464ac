/* One voter's way from a chosen ballot to a checked receipt. Saves its record before every request, so that a
 * reload or a crash between any two steps goes on where it stood; every request may be repeated. Draws nothing.
 *
 *   new ──challenge checked, blinded──▶ blinded ──issued, unblinded──▶ token ──cast, receipt checked──▶ counted
 *                                                                        ▲                               │
 *                                                                        └──────── replacing ────────────┘
 *
 * The record: { step, ballot, nonce, inverse, request, token, unknown, receipt, replaces, before, changes }, bytes as base64.
 * `unknown`: a ballot was sent and no answer settled what became of it. `before`: what a replacement replaces.
 * `changes`: how often a counted choice was changed. */
import { fromBase64, toBase64 } from "./bytes.js";
import { commitsTo, isOurs } from "./commitment.js";
import { canonicalBallot } from "./forms.js";
import { authorization, checkIssuer, finishToken, issuerOf, requestToken } from "./privacypass.js";
import { judge } from "./problems.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
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
	 * one has `already` when an earlier ballot counts instead. */
	cast(ballot) {
		return this.lock(async () => {
			const known = this.record?.step;
			this.record = this.records.load();
			if (!this.record) this.#save({ step: "new", ballot });
			else if (this.record.step === "counted" && known === "counted") this.#replaceWith(ballot);
			else if (this.record.step !== "counted" && !this.record.unknown) {
				this.#save({ ...this.record, ballot });
			} // else another tab was first: what it sent stands
			const end = await this.#pursue();
			const already = JSON.stringify(this.record.ballot) !== JSON.stringify(ballot);
			return end.name === "counted" ? { ...end, already } : end;
		});
	}

	/* Goes on with what was begun earlier. */
	resume() {
		return this.lock(() => {
			this.record = this.records.load();
			return this.#pursue();
		});
	}

	/* Cuts a wait short. */
	hurry() {
		this.#waiting?.();
	}

	forget() {
		this.records.clear();
		this.record = null;
	}

	get pending() {
		return Boolean(this.record) && this.record.step !== "counted";
	}

	/* Whether the server takes no further change of this vote. */
	get final() {
		return (this.record?.changes ?? 0) >= CHANGES_MAX;
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
		const { request, nonce, inverse, ...rest } = this.record;
		const response = await this.api.token(this.pinned.id, fromBase64(request));
		const secrets = { nonce: fromBase64(nonce), inverse: fromBase64(inverse) };
		const token = await finishToken(await issuerOf(this.pinned), secrets, response);
		// The blinded message goes: with it this browser would tie the token to its issuance.
		this.#save({ ...rest, step: "token", token: toBase64(token) });
	}

	async #send() {
		this.#show({ name: "working", stage: "cast" });
		const { token, ballot, replaces, unknown } = this.record;
		this.#save({ ...this.record, unknown: true });
		let receipt;
		try {
			receipt = await this.api.cast(this.pinned.id, authorization(fromBase64(token)), ballot, replaces);
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
		const { token, before, changes = 0 } = this.record;
		const made = Math.min(CHANGES_MAX, changes + (before && !earlier ? 1 : 0));
		this.#save({ step: "counted", ballot, token, receipt, earlier, ...(made > 0 && { changes: made }) });
	}

	#replaceWith(ballot) {
		const { token, ballot: old, receipt, changes } = this.record;
		this.#save({ step: "token", ballot, token, replaces: receipt.index, unknown: false,
			before: { ballot: old, receipt }, changes });
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
		const ms = waitFor(attempt, error.retryAfter);
		this.#show({ name: "waiting", ...told, attempt, ms });
		await Promise.race([this.sleep(ms), new Promise((resolve) => {
			this.#waiting = resolve;
		})]);
		this.#waiting = null;
		return undefined;
	}

	#restore() {
		const { token, before, changes } = this.record;
		this.#save({ step: "counted", token, ballot: before.ballot, receipt: before.receipt, changes });
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

/* Doubling, spread so that a crowd that lost its connection together does not come back together. */
function waitFor(attempt, retryAfter = 0) {
	const doubled = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
	return Math.max(doubled, retryAfter * 1000) * (0.8 + 0.4 * Math.random());
}
