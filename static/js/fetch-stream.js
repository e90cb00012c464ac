/* Follows what only named people may see, by an event stream read with fetch (EventSource cannot send a token), else
 * by asking at intervals, and says which. Ends for good when the server does not let the reader in any more. Draws
 * nothing.
 *
 * States: connecting, live, polling, offline, paused, ended. STALE_MS without any answer make the numbers stale. */

export const STALE_MS = 15_000;
const QUIET_MS = 8000; // without news one asks
const SILENT_MS = 40_000; // without a byte, heartbeats included, the stream is dead
const POLL_MS = 3000;
const AGAIN_MIN_MS = 1000;
const AGAIN_MAX_MS = 30_000;
const LINE_MAX = 8 * 1024 * 1024;

/* The events in a text/event-stream (WHATWG HTML, section 9.2), whose text comes in pieces. */
export class EventParser {
	#rest = "";
	#name = "";
	#data = [];

	/* [{ name, data }] that this piece completes. */
	push(text) {
		this.#rest += text;
		const lines = this.#rest.split(/\r\n|\n|\r(?!$)/); // a CR at the end may be half of a CRLF
		this.#rest = lines.pop();
		if (this.#rest.length > LINE_MAX) throw new RangeError("an endless line");
		return lines.map((line) => this.#take(line)).filter(Boolean);
	}

	#take(line) {
		if (line === "") return this.#finish();
		const [, field, value] = /^([^:]*)(?::\x20?([^]*))?$/.exec(line);
		if (field === "event") this.#name = value ?? "";
		else if (field === "data") this.#data.push(value ?? "");
		return null; // comments, and fields that nobody here needs
	}

	#finish() {
		const event = this.#data.length ? { name: this.#name || "message", data: this.#data.join("\n") } : null;
		this.#name = "";
		this.#data = [];
		return event;
	}
}

/* Reads a stream of bytes to its end. */
export async function readEvents(body, { onBytes, onEvent }) {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	const parser = new EventParser();
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return;
		onBytes();
		for (const event of parser.push(decoder.decode(value, { stream: true }))) onEvent(event);
	}
}

export class Following {
	#abort = null;
	#failures = 0;
	#listenAt = 0;
	#bytesAt = 0;
	#heard = 0;
	#asking = false;
	#polled = -Infinity;

	/* open(signal) gives the stream's body, ask() one piece of news; refusal(error) why the reader is let in no
	 * more, or null. onNews(news), onState(state, stale), onEnd(why). tick() is to be called every second. */
	constructor({ open, ask, refusal, event, now, random = Math.random, onNews, onState, onEnd }) {
		Object.assign(this, { open, ask, refusal, event, now, random, onNews, onState, onEnd });
		this.news = null;
		this.state = "paused";
		this.stale = false;
	}

	start() {
		if (this.state !== "paused") return;
		this.#heard = this.now();
		this.#failures = 0;
		this.#set("connecting");
		this.#listen();
	}

	stop() {
		if (this.state === "ended") return;
		this.#hangUp();
		this.#set("paused");
	}

	/* Something was done here: asks at once what has come of it. */
	async refresh() {
		if (this.state !== "paused" && this.state !== "ended") await this.#ask();
	}

	tick() {
		if (this.state === "paused" || this.state === "ended") return undefined;
		const now = this.now();
		if (this.#abort && now - this.#bytesAt >= SILENT_MS) this.#lost(this.#abort, null);
		if (!this.#abort && now >= this.#listenAt) this.#listen();
		const wanted = this.state === "polling" || this.state === "offline" || now - this.#heard >= QUIET_MS;
		if (wanted && now - this.#polled >= POLL_MS) return this.#ask();
		return this.#judgeAge();
	}

	#listen() {
		const abort = new AbortController();
		this.#abort = abort;
		this.#bytesAt = this.now();
		const mine = () => this.#abort === abort;
		this.#read(abort.signal, mine).then(() => this.#lost(abort, null), (error) => this.#lost(abort, error));
	}

	async #read(signal, mine) {
		const body = await this.open(signal);
		await readEvents(body, {
			onBytes: () => {
				if (mine()) this.#bytesAt = this.now();
			},
			onEvent: ({ name, data }) => {
				if (!mine() || name !== this.event) return;
				const news = JSON.parse(data);
				this.#failures = 0;
				this.#set("live");
				this.#take(news);
			},
		});
	}

	#hangUp() {
		this.#abort?.abort();
		this.#abort = null;
	}

	#lost(abort, error) {
		if (this.#abort !== abort) return;
		this.#hangUp();
		if (this.#endsBy(error)) return;
		const wait = Math.min(AGAIN_MAX_MS, AGAIN_MIN_MS * 2 ** this.#failures++);
		this.#listenAt = this.now() + wait * (0.5 + this.random() / 2);
		if (this.state !== "offline") this.#set("polling");
		this.#ask(); // also tells whether the stream ended because the reader is let in no more
	}

	async #ask() {
		if (this.#asking) return;
		this.#asking = true;
		this.#polled = this.now();
		const heard = this.#heard;
		try {
			const news = await this.ask();
			if (this.state === "paused" || this.state === "ended") return;
			if (this.state === "offline") this.#set("polling");
			if (this.#heard === heard) this.#take(news); // else the stream has told something newer
		} catch (error) {
			if (this.state === "paused" || this.#endsBy(error)) return;
			if (this.state === "polling") this.#set("offline");
			this.#judgeAge();
		} finally {
			this.#asking = false;
		}
	}

	#endsBy(error) {
		const why = error && this.state !== "ended" ? this.refusal(error) : null;
		if (!why) return this.state === "ended";
		this.#hangUp();
		this.#set("ended");
		this.onEnd(why);
		return true;
	}

	#take(news) {
		this.#heard = this.now();
		this.news = news;
		this.#judgeAge();
		this.onNews(news);
	}

	#judgeAge() {
		const stale = this.now() - this.#heard > STALE_MS;
		if (stale === this.stale) return;
		this.stale = stale;
		this.onState(this.state, stale);
	}

	#set(state) {
		if (state === this.state) return;
		this.state = state;
		this.onState(state, this.stale);
	}
}
