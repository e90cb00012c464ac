/* Follows a tally: by its event stream where that works, else by asking at intervals, and says which. Hands on
 * only what is newer than what it has. Draws nothing.
 *
 * States: connecting, live, polling, paused, offline. A quiet stream says nothing (EventSource hides heartbeats),
 * so after QUIET_MS without news it asks once; STALE_MS without any answer make the numbers stale. */

export const QUIET_MS = 8000;
export const STALE_MS = 15_000;
const POLL_MS = 3000;
const STREAM_AGAIN_MS = 60_000;
const FAILURES_MAX = 3;

/* Whether `a` is older than `b`: by epoch, then sequence. The same sequence may come in another phase. A log that has
 * halted may have lost ballots, and the sequence with them: within one epoch what says halted is always taken, and given
 * up only for what was counted later, where everything that was lost has been brought back. */
export function isOlder(a, b) {
	if (a.epoch !== b.epoch) return a.epoch < b.epoch;
	const [halted, was] = [a.log === "halted", b.log === "halted"];
	if (halted !== was) return was && !(a.as_of > b.as_of);
	return a.sequence < b.sequence;
}

/* Follows the tally of a page's contest; that of a published copy stands still. */
export const liveTally = ({ api, contest, published }, { onSnapshot, onState }) => published
	? new Still({ fetchTally: () => api.tally(contest.id), onSnapshot, onState }) : new Live({
		streamUrl: api.streamUrl(contest.id), fetchTally: () => api.tally(contest.id),
		EventSource: globalThis.EventSource, now: () => performance.now(), onSnapshot, onState });

/* A tally that is read once; its state is "published", or "offline" while it could not be read. */
export class Still {
	constructor({ fetchTally, onSnapshot, onState }) {
		Object.assign(this, { fetchTally, onSnapshot, onState, snapshot: null });
	}

	async start() {
		if (this.snapshot) return;
		try {
			this.snapshot = await this.fetchTally();
		} catch {
			this.onState("offline", false);
			return;
		}
		this.onState("published", false);
		this.onSnapshot(this.snapshot);
	}

	stop() {}

	tick() {}
}

export class Live {
	#source = null;
	#failures = 0;
	#heard = null;
	#asking = false;
	#polled = 0;
	#streamTried = 0;

	/* fetchTally() gives a snapshot; tick() is to be called every second by whoever owns the clock. */
	constructor({ streamUrl, fetchTally, EventSource, now, onSnapshot, onState }) {
		Object.assign(this, { streamUrl, fetchTally, EventSource, now, onSnapshot, onState });
		this.snapshot = null;
		this.state = "connecting";
		this.stale = false;
	}

	start() {
		this.#set("connecting");
		this.#heard = this.now();
		this.#listen();
	}

	stop() {
		this.#close();
		this.#set("paused");
	}

	tick() {
		if (this.state === "paused") return undefined;
		const now = this.now();
		if (this.state === "polling" || this.state === "offline") {
			if (this.EventSource && now - this.#streamTried >= STREAM_AGAIN_MS) this.#listen();
			if (now - this.#polled >= POLL_MS) return this.#ask();
		} else if (now - this.#heard >= QUIET_MS && now - this.#polled >= POLL_MS) {
			return this.#ask();
		}
		return this.#judgeAge();
	}

	#listen() {
		this.#close();
		this.#streamTried = this.now();
		if (!this.EventSource) return this.#fallBack();
		const source = new this.EventSource(this.streamUrl);
		this.#source = source;
		source.addEventListener("tally", ({ data }) => {
			this.#failures = 0;
			this.#set("live");
			this.#take(JSON.parse(data));
		});
		source.addEventListener("error", () => {
			this.#failures++;
			if (source.readyState === 2 || this.#failures >= FAILURES_MAX) this.#fallBack();
			else if (this.state === "live") this.#set("connecting");
		});
		return undefined;
	}

	#close() {
		this.#source?.close();
		this.#source = null;
	}

	#fallBack() {
		this.#close();
		this.#failures = 0;
		if (this.state !== "offline") this.#set("polling");
	}

	async #ask() {
		if (this.#asking) return this.#judgeAge();
		this.#asking = true;
		this.#polled = this.now();
		try {
			const snapshot = await this.fetchTally();
			if (this.state === "paused") return undefined;
			if (this.state === "connecting" || this.state === "offline") this.#set("polling");
			this.#take(snapshot);
		} catch {
			if (this.state === "polling") this.#set("offline");
			this.#judgeAge();
		} finally {
			this.#asking = false;
		}
		return undefined;
	}

	#take(snapshot) {
		if (this.snapshot && isOlder(snapshot, this.snapshot)) return;
		this.#heard = this.now();
		this.snapshot = snapshot;
		this.#judgeAge();
		this.onSnapshot(snapshot);
	}

	#judgeAge() {
		const stale = this.now() - this.#heard > STALE_MS;
		if (stale !== this.stale) {
			this.stale = stale;
			this.onState(this.state, stale);
		}
	}

	#set(state) {
		if (state === this.state) return;
		this.state = state;
		this.onState(state, this.stale);
	}
}
