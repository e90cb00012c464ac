/* Saves a score sheet as it is being written: a second after the last change, one request in flight, the newest wins,
 * never over another revision than the one that was seen. What did not arrive is kept and sent again; asking twice is
 * safe, as the server knows its own last revision again. Draws nothing.
 *
 *   saved ─▶ dirty ─▶ saving ─▶ saved
 *              ▲        ├─▶ unsent (no answer, or "later") ─▶ saving
 *              │        ├─▶ conflict (another window's revision stands) ─ settle() ─▶ saving
 *              └────────┴─▶ stopped (the server said no; `why` is its slug) */
import { Problem, Unreachable } from "./api.js";

const QUIET_MS = 1000;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];
const RETRY_MAX_S = 600; // more than a timer may hold would be no wait at all
const FIXED = ["closed", "not-open", "paused", "forbidden", "invalid-bearer", "pledge-required"]; // no edit cures it

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Keeper {
	#send;
	#body;
	#timers;
	#onState;
	#want; // the newest body
	#saved; // the body that stands at the server
	#busy = false;
	#over = false;
	#timer = null;
	#attempts = 0;
	#unsure = []; // bodies whose answers were lost

	/* `server`: the answer that was read; `body(draft, state)` makes what is sent; `send(body, revision, last)` sends
	 * it, `last`: this window is about to go; `onState(keeper, answer or null)` after every change of state. */
	constructor({ server, body, send, drafts, onState,
		timers = { set: (act, ms) => setTimeout(act, ms), clear: (id) => clearTimeout(id), now: () => Date.now() } }) {
		this.#body = body;
		this.#send = send;
		this.#timers = timers;
		this.#onState = onState;
		this.drafts = drafts;
		this.state = { name: "saved" };
		this.#stand(server.revision, body(server, server.state));
		this.#want = this.#saved;
	}

	get settled() {
		return !this.#busy && same(this.#want, this.#saved);
	}

	/* The state that the server has, and the one that is on its way to it. */
	get sheetState() {
		return this.#saved.state;
	}

	get wantedState() {
		return this.#want.state;
	}

	change(draft) {
		this.#want = this.#body(draft, "draft");
		this.#plan(QUIET_MS);
	}

	/* Submits, or withdraws. */
	turn(draft, state) {
		this.#want = this.#body(draft, state);
		this.#plan(0);
	}

	/* Now: the network is back, or the window goes. */
	hurry(last = false) {
		if (this.state.name === "dirty" || this.state.name === "unsent") this.#push(last);
	}

	/* After a conflict: `draft` goes on from the revision that stands; null takes what stands. */
	settle({ revision, sheet }, draft) {
		this.drafts.drop();
		this.#stand(revision, this.#body(sheet, sheet.state));
		this.#want = draft ? this.#body(draft, "draft") : this.#saved;
		this.#set({ name: "dirty" });
		this.#plan(0);
	}

	/* A newer answer that was read beside. True: it changed what stands, and the page shows it. While something is on
	 * its way, the save itself will tell. */
	adopt(server) {
		if (!this.settled || server.revision <= this.revision) return false;
		this.#stand(server.revision, this.#body(server, server.state));
		this.#want = this.#saved;
		this.#set({ name: "saved" }, server);
		return true;
	}

	/* What stopped saving is over. */
	resume() {
		if (this.state.name !== "stopped") return;
		this.#set({ name: "dirty" });
		this.#plan(0);
	}

	/* Nothing more is sent, and nothing told. */
	end() {
		this.#timers.clear(this.#timer);
		this.#over = true;
	}

	#stand(revision, body) {
		this.revision = revision;
		this.#saved = body;
		this.#unsure = [];
		this.#attempts = 0;
	}

	#set(state, answer = null) {
		this.state = state;
		if (this.#over) return;
		this.#onState(this, answer);
	}

	#plan(ms) {
		if (same(this.#want, this.#saved) && !this.#unsure.length && this.state.name !== "conflict") {
			this.#timers.clear(this.#timer);
			this.drafts.drop();
			if (!this.#busy) this.#set({ name: "saved" });
			return;
		}
		this.drafts.keep(this.revision, this.#want);
		const { name, why } = this.state;
		if (name === "conflict" || (name === "stopped" && FIXED.includes(why))) return;
		if (this.#busy || name === "unsent") return; // its end plans again; its hour stands
		this.#timers.clear(this.#timer);
		this.#set({ name: "dirty" });
		this.#timer = this.#timers.set(() => this.#push(), ms);
	}

	async #push(last = false) {
		this.#timers.clear(this.#timer);
		if (this.#busy || this.#over) return;
		this.#busy = true;
		const sent = this.#want;
		this.#set({ name: "saving" });
		let end;
		try {
			const answer = await this.#send(sent, this.revision, last);
			end = () => this.#took(answer.revision, sent, answer);
		} catch (error) {
			end = () => this.#failed(error, sent);
		}
		this.#busy = false;
		end();
	}

	#took(revision, sent, answer) {
		this.drafts.drop();
		this.#stand(revision, sent);
		this.#set({ name: same(this.#want, sent) ? "saved" : "dirty" }, answer);
		if (!same(this.#want, sent)) this.#plan(QUIET_MS);
	}

	#failed(error, sent) {
		if (error instanceof Unreachable) {
			if (!this.#unsure.some((one) => same(one, sent))) this.#unsure.push(sent);
			return this.#later("offline", this.#backoff());
		}
		if (!(error instanceof Problem)) throw error;
		if (error.status === 412) return this.#stale(error.body);
		if (error.status >= 500 || error.status === 429) {
			if (error.status !== 429) this.#unsure.push(sent);
			return this.#later("busy", error.retryAfter === undefined ? this.#backoff() : Math.min(error.retryAfter, RETRY_MAX_S) * 1000);
		}
		if (sent.state === "submitted") this.#want = { ...this.#want, state: this.#saved.state };
		this.drafts.keep(this.revision, this.#want);
		return this.#set({ name: "stopped", why: error.slug || "refused", problem: error });
	}

	/* Another revision stands: our own, if its answer was lost; else the expert decides. */
	#stale({ revision, sheet }) {
		const standing = this.#body(sheet, sheet.state);
		const own = this.#unsure.some((one) => same(one, standing));
		if (own || same(standing, this.#want)) {
			this.drafts.drop();
			this.#stand(revision, standing);
			this.#set({ name: "dirty" });
			return this.#plan(0);
		}
		this.drafts.keep(this.revision, this.#want);
		return this.#set({ name: "conflict", theirs: { revision, sheet } });
	}

	#backoff() {
		const ms = BACKOFF_MS[Math.min(this.#attempts, BACKOFF_MS.length - 1)];
		return ms * (0.75 + Math.random() / 2);
	}

	#later(why, ms) {
		this.#attempts++;
		this.drafts.keep(this.revision, this.#want);
		this.#set({ name: "unsent", why, at: this.#timers.now() + ms });
		this.#timer = this.#timers.set(() => this.#push(), ms);
	}
}
