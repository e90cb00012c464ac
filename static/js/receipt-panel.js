/* Below the word that one has voted: whether the log has the vote, as this page itself has checked. Says it once,
 * quietly; what is wrong it says clearly, and what to do. The receipt to keep is receipt-keep.js's. */
import { fromBase64, utf8 } from "./bytes.js";
import { entryOf, originOf } from "./commitment.js";
import { byId, copy, download, h, put } from "./dom.js";
import { Follower, Outdated } from "./follow.js";
import { canonicalBallot } from "./forms.js";
import { checkInclusion } from "./inclusion.js";
import { keepSection } from "./receipt-keep.js";
import { refresh } from "./site.js";
import { printOpening, printProof } from "./tlog.js";
import { loadWords } from "./words.js";

/* { run(places) }, which runs as long as `places`, the done screen's, are on the page. `again` shows that screen anew
 * after the record has changed. Fails where its words cannot be fetched. */
export async function receiptPanel(page, options) {
	return new Panel({ page, t: await loadWords(page.lang, ["receipt"]), ...options });
}

class Panel {
	constructor({ page, t, voter, shared, sleep, again }) {
		Object.assign(this, { page, t, voter, shared, sleep, again });
		this.record = voter.record;
		const { receipt, ballot } = this.record;
		this.opening = ballot && { identity: originOf(page.pinned, receipt.shard), index: receipt.index,
			spent: fromBase64(receipt.spent), salt: fromBase64(receipt.salt), ballot: canonicalBallot(page.contest, ballot) };
		this.former = Boolean(this.record.former?.length);
		const minutes = Math.max(1, Math.ceil((page.contest.seal?.max_wait_ms ?? 0) / 60_000));
		this.within = t(minutes > 1 ? "within.minutes" : "within.minute", { n: minutes });
	}

	async run(places) {
		this.places = places;
		if (await this.#kept()) return;
		const { receipt } = this.record;
		const { page, sleep } = this;
		this.follower = new Follower({ sleep, now: () => Date.now(), alive: () => places.box.isConnected,
			wait: page.contest.seal?.max_wait_ms, ask: () => page.api.proof(page.pinned.id, receipt.shard, receipt.index),
			check: (text) => this.#check(text), log: (fresh) => this.#log(fresh), onState: (state) => this.#draw(state) });
		await this.follower.run();
	}

	/* The proof that this browser keeps from an earlier visit. */
	async #kept() {
		const { proof: text } = this.record;
		if (!text) return false;
		try {
			this.#draw({ name: "confirmed", proof: await this.#check(text) });
			return true;
		} catch (error) {
			this.outdated = error instanceof Outdated;
			return false; // then the log is asked again
		}
	}

	/* With the ballot at hand nothing of the receipt is believed: the entry is computed anew. */
	async #check(text) {
		const { pinned, contest } = this.page;
		const { receipt } = this.record;
		const identity = originOf(pinned, receipt.shard);
		const entry = this.opening ? await entryOf({ ...this.opening, origin: identity }) : fromBase64(receipt.entry);
		const proof = await checkInclusion({ identity, index: receipt.index, entry, key: pinned.log_key }, text);
		if (proof.epoch < (contest.epoch ?? 1)) throw new Outdated(proof.origin);
		return proof;
	}

	async #log(fresh) {
		if (fresh) await refresh(this.page);
		return this.page.contest.log ?? "ok";
	}

	#draw(state) {
		const { places } = this;
		const { kind, line, text = "", doubt, lead, actions = [], keep } = this.#screen(state);
		places.box.className = `in-log ${kind}`;
		put(places.line, line); // both in one live region: one message
		put(places.text, text);
		this.#leaveRoom(state.name);
		if (state.name === "confirmed" || (state.name !== "checking" && !this.settled)) places.beginWipe();
		this.settled ||= state.name !== "checking";
		if (doubt) places.head.doubt(...doubt);
		else if (lead) places.head.less(lead);
		else places.head.restore();
		places.more.replaceChildren(...actions.length ? [h("div", { class: "actions" }, actions)] : []);
		this.#keep(keep);
	}

	/* Between checking and the good news nothing below moves: each leaves the other's room. */
	#leaveRoom(name) {
		const { t, opening, places: { rooms } } = this;
		const other = !opening ? [] : { checking: [`✓ ${t("log.confirmed")}`, t("log.confirmed_text")],
			confirmed: [t("log.checking"), this.#checkingText()] }[name] ?? [];
		for (const [i, room] of rooms.entries()) room.dataset.room = other[i] ?? "";
	}

	#keep(keep) {
		const { page, t, shared, within, opening } = this;
		if (!keep) this.keeping = null;
		else if (this.keeping) this.keeping.arrive(keep.file);
		else this.keeping = keepSection(page, t, { file: keep.file, opening, shared, within });
		const now = this.keeping?.element ?? null;
		if (this.places.keep.firstChild !== now) this.places.keep.replaceChildren(...now ? [now] : []);
	}

	#screen(state) {
		const { t, opening, shared } = this;
		if (state.name === "checking") return this.#checking();
		if (state.name === "confirmed") return this.#confirmed(state);
		if (state.name === "wrong") return this.#wrong(state);
		const words = state.name === "late" ? t(`log.late.${state.cause}`) : t(`log.${state.name}_text`);
		const later = shared ? opening && t("log.take_along") : this.voter.records.kept && t("log.come_back");
		return { kind: "summary summary-wait", line: t(`log.${state.name}`), text: [words, later].filter(Boolean).join(" "),
			lead: t("log.lead"), actions: this.#helps(state), keep: state.name === "unable" && !shared ? null : this.#keepLater() };
	}

	/* A log that was begun anew may have lost the vote: whoever comes back to send it again need not wait to be asked to. */
	#checking() {
		const { t, former, outdated } = this;
		const said = { kind: "in-log-checking", line: t(former ? "log.former" : "log.checking"), text: this.#checkingText(),
			keep: this.#keepLater() };
		return outdated ? { ...said, kind: "summary summary-wait", line: t("log.anew"), text: t("log.anew_text"),
			actions: this.#helps({ name: "checking" }) } : said;
	}

	#checkingText() {
		return this.t("log.checking_text", { within: this.within });
	}

	/* The receipt's place before the proof is here. The QR code needs none: it leads to a page that asks the log itself. */
	#keepLater() {
		return this.opening && { file: null };
	}

	#helps({ name }) {
		if (name === "unable") return [];
		if (name === "halted") return [this.#contact()];
		return [this.opening && this.#resendButton(),
			this.#button(this.t("log.check_now"), () => this.follower.hurry()), this.#contact()];
	}

	#confirmed({ proof }) {
		const { t, opening, voter, record } = this;
		const said = { kind: "in-log-good", line: t("log.confirmed") };
		if (!opening) return { ...said, line: t("log.confirmed_entry"), text: t("log.confirmed_unknown") };
		const file = printProof({ ...proof, extra: utf8(printOpening(opening)) });
		if (file !== record.proof) voter.keepProof(record.receipt, file);
		return { ...said, text: t("log.confirmed_text"), keep: { file } };
	}

	/* Whatever was said above of being counted is taken back: it is not known. */
	#wrong({ reason, answer }) {
		const { t, shared, page } = this;
		const { contest, shard, index, entry } = this.record.receipt;
		const report = JSON.stringify({ contest, log_name: page.pinned.log_name, shard, index, entry, reason, answer,
			at: new Date(page.clock.now()).toISOString() }, null, 1);
		const save = () => download("log-problem.json", new Blob([report, "\n"], { type: "application/json" }));
		const anew = this.opening && (page.contest.epoch ?? 1) > 1;
		return { kind: "summary summary-error", doubt: [t("wrong.title"), t("wrong.lead")], line: t(`wrong.${reason}`),
			text: [t("wrong.text"), anew && t("wrong.anew"), t(shared ? "mismatch.shared" : "wrong.keep")].filter(Boolean).join(" "),
			actions: [this.#button(t("wrong.save"), save, "button"),
				this.#button(t("wrong.copy"), (event) => copy(report, event.currentTarget, t("copied"))), this.#contact(),
				anew && this.#resendButton("button button-quiet", () => this.run(this.places)),
				this.#button(t("log.check_again"), () => this.run(this.places), "button button-text")] };
	}

	/* ---- what the states share ---- */

	#button(words, onclick, kind = "button button-quiet") {
		return h("button", { type: "button", class: kind, onclick }, words);
	}

	#contact() {
		const href = byId("contact")?.href;
		return href && h("a", { class: "button button-quiet", href }, this.t("log.contact"));
	}

	/* `same`: what follows where the server knows the vote. */
	#resendButton(kind = "button", same = () => this.follower.hurry()) {
		return this.#button(this.t("vote.resend"), async ({ currentTarget: button }) => {
			if (button.hasAttribute("aria-disabled")) return undefined;
			button.setAttribute("aria-disabled", "true");
			put(this.places.text, this.t("log.again.sending"));
			const { name } = await this.voter.again();
			button.removeAttribute("aria-disabled");
			if (!this.places.box.isConnected || name === "moved" || name === "new") return this.again();
			if (name === "mismatch") {
				this.follower.stop();
				return this.#draw({ name: "wrong", reason: "receipt", answer: "" });
			}
			put(this.places.text, this.t(`log.again.${name}`));
			return name === "same" ? same() : undefined;
		}, kind);
	}
}
