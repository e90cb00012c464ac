/* Forgets a voter on a shared device: a bar that counts down and then wipes the page, or at once. Whoever needs
 * longer can say so. A bar ends with the screen on which it stands. */
import { h } from "./dom.js";

const WIPE_MS = 60_000;
const IDLE_MS = 120_000;

export function wipeBar({ t }, wipe) {
	let end;
	const text = h("p", { role: "timer" });
	const draw = () => {
		const n = Math.max(0, Math.ceil((end - Date.now()) / 1000)); // by a clock: ticks rest while a device sleeps
		text.textContent = t("done.wipe", { n });
		return n;
	};
	const restart = () => {
		end = Date.now() + WIPE_MS;
		draw();
	};
	const timer = setInterval(() => {
		if (text.isConnected && draw() > 0) return;
		clearInterval(timer);
		if (text.isConnected) wipe();
	}, 1000);
	restart();
	return h("div", { class: "summary summary-wait" }, text, h("div", { class: "actions" },
		h("button", { type: "button", class: "button", onclick: wipe }, t("done.wipe_now")),
		h("button", { type: "button", class: "button button-quiet", onclick: restart }, t("done.wipe_later"))));
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
