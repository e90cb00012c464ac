/* Forgets a voter on a shared device: a bar that counts down and then wipes the page, or at once. Whoever needs
 * longer can say so. A bar ends with the screen on which it stands. */
import { h, put } from "./dom.js";

const WIPE_MS = 60_000;
const IDLE_MS = 120_000;

export const wipeBar = (page, wipe) => wipeBarAfter(page, wipe, 0).bar;

/* { bar, begin }: one that does not count before begin(), or before so long a wait is over, and says what it waits for. */
export function wipeBarAfter({ t }, wipe, waitMs) {
	let end;
	let waiting = waitMs > 0;
	const text = h("span", { role: "timer" });
	const draw = () => {
		const left = end - Date.now(); // by a clock: ticks rest while a device sleeps
		if (waiting && left <= WIPE_MS) waiting = false;
		const n = Math.max(0, Math.ceil(left / 1000));
		put(text, t(waiting ? "done.wipe_wait" : "done.wipe", { n }));
		return n;
	};
	const restart = () => {
		end = Date.now() + WIPE_MS + (waiting ? waitMs : 0);
		draw();
	};
	const begin = () => {
		waiting = false;
		restart();
	};
	const timer = setInterval(() => {
		if (text.isConnected && draw() > 0) return;
		clearInterval(timer);
		if (text.isConnected) wipe();
	}, 1000);
	restart();
	const bar = h("div", { class: "summary summary-wait" },
		h("p", { class: "roomy", "data-room": waiting ? t("done.wipe_wait") : "" }, text), h("div", { class: "actions" },
		h("button", { type: "button", class: "button", onclick: wipe }, t("done.wipe_now")),
		h("button", { type: "button", class: "button button-quiet", onclick: restart }, t("done.wipe_later"))));
	return { bar, begin };
}

/* Puts the bar on a screen that nobody has touched for a while; the next touch takes it away. */
export function wipeWhenIdle(page, stage, wipe) {
	const screen = stage.firstElementChild;
	const left = new AbortController();
	let bar = null;
	let touchedAt = Date.now();
	const touched = ({ target }) => {
		touchedAt = Date.now();
		if (!bar || bar.contains(target)) return;
		bar.remove();
		bar = null;
	};
	for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, touched, { signal: left.signal });
	const timer = setInterval(() => {
		if (!screen.isConnected) {
			clearInterval(timer);
			left.abort();
		} else if (!bar && Date.now() - touchedAt >= IDLE_MS) {
			bar = wipeBar(page, wipe);
			bar.prepend(h("p", { role: "alert" }, h("strong", {}, page.t("done.idle"))));
			stage.prepend(bar);
			bar.scrollIntoView();
		}
	}, 1000);
}
