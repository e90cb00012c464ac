/* Follows one entry into the log: asks for its proof at growing intervals until it is there and verifies. Draws nothing,
 * keeps nothing, and says no more than it knows:
 *
 *   checking ──proof verifies──▶ confirmed            { proof, text }
 *      │  └─────proof does not, twice──▶ wrong         { reason, answer }
 *      ├──not there in time──▶ late ──▶ confirmed, wrong   { cause: "not-sealed", "unreachable", "refused" }
 *      ├──the log stands still──▶ halted ──▶ confirmed, wrong
 *      └──nothing here can check signatures──▶ unable ──▶ confirmed, wrong */
import { Problem } from "./api.js";
import { CannotVerify } from "./ed25519.js";
import { ProofError } from "./inclusion.js";

const FIRST_MS = 1500;
const GROWTH = 1.6;
const LONGEST_MS = 15_000;
const AGAIN_MS = 3000; // a proof that does not verify is asked for once more: something between may have spoilt it
const LATER_MS = 60_000;
const RETRY_AFTER_MAX_MS = 300_000;

/* How long after its own steps an entry that is not in the log is missed. */
const PATIENCE_MS = 60_000;

export class Follower {
	#wake = null;

	/* ask() gives the proof's text; check(text) what it proves, or throws; log(fresh) says how the log stands, "ok" or
	 * "halted", and `fresh` asks the server. sleep(ms), now(), alive() are given, so that tests need no time.
	 * `wait`: the longest time in ms that the contest lets an entry wait. */
	constructor({ ask, check, log, wait = 0, sleep, now, alive = () => true, onState = () => {} }) {
		Object.assign(this, { ask, check, log, patience: wait + PATIENCE_MS, sleep, now, alive, onState });
	}

	/* Runs to the end: confirmed or wrong, or until nobody is there any more. */
	async run() {
		const since = this.now();
		let wait = FIRST_MS;
		let doubt = null;
		this.#show({ name: "checking" });
		for (;;) {
			await this.#pause(wait);
			if (!this.alive()) return this.state;
			const answer = await this.#attempt();
			if (!this.alive()) return this.state;
			if (answer.name === "confirmed" || (answer.name === "wrong" && doubt)) return this.#show(answer);
			doubt = answer.name === "wrong" ? answer : null;
			if (!doubt) this.#show(await this.#meanwhile(answer, this.now() - since >= this.patience));
			wait = doubt ? AGAIN_MS : this.#next(wait, answer.retryAfter);
		}
	}

	/* Asks at once. */
	hurry() {
		this.#wake?.();
	}

	/* Ends run() at its next breath. */
	stop() {
		this.alive = () => false;
		this.hurry();
	}

	async #attempt() {
		let text = "";
		try {
			text = await this.ask();
			return { name: "confirmed", text, proof: await this.check(text) };
		} catch (error) {
			if (error instanceof ProofError) return { name: "wrong", reason: error.reason, answer: text };
			if (error instanceof CannotVerify) return { name: "unable" };
			const cause = causeOf(error);
			return { name: "late", cause, retryAfter: error.retryAfter };
		}
	}

	/* What is told while nothing is known. */
	async #meanwhile(answer, late) {
		if (answer.name === "unable") return answer;
		const log = await this.log(late);
		if (log === "halted") return { name: "halted" };
		return late ? { name: "late", cause: answer.cause } : { name: "checking" };
	}

	#next(wait, retryAfter = 0) {
		const grown = this.state.name === "checking" ? Math.min(wait * GROWTH, LONGEST_MS) : LATER_MS;
		return Math.max(grown, Math.min(retryAfter * 1000, RETRY_AFTER_MAX_MS));
	}

	/* Spread, so that a crowd does not come back together. */
	async #pause(ms) {
		await Promise.race([this.sleep(ms * (0.9 + 0.2 * Math.random())), new Promise((resolve) => {
			this.#wake = resolve;
		})]);
		this.#wake = null;
	}

	#show(state) {
		const same = this.state?.name === state.name && this.state.cause === state.cause;
		this.state = state;
		if (!same) this.onState(state);
		return state;
	}
}

/* A proof of an epoch that is over says nothing of the present one. */
export class Outdated extends Error {}

function causeOf(error) {
	if (error instanceof Outdated || error.slug === "not-sealed") return "not-sealed";
	return error instanceof Problem && error.status < 500 && error.status !== 429 ? "refused" : "unreachable";
}
