/* The voting page: which screen stands, and what leads to the next.
 *
 *   (in another app) ─▶ before ─▶ choose ─▶ review ─▶ sending ─▶ done
 *                                   ▲          │         └─▶ failed, mismatch
 *                                   └──────────┘
 *
 * Where this browser has the vote of somebody before, or of another window, the reader is asked whose it is.
 * What is sent and kept is the voter's (voter.js); what a screen looks like, the screens'. */
import { ballotScreen, prepareBallot, shuffled } from "./ballot-screen.js";
import { byId, copy, h, show } from "./dom.js";
import { emptyBallot, knowsForm } from "./forms.js";
import { inApp, wayOut } from "./inapp.js";
import { browserStorage, memoryRecords, recordKey, recordsFor } from "./records.js";
import { address, openSite, refresh } from "./site.js";
import { Voter } from "./voter.js";
import { progressScreen } from "./progress-screen.js";
import { wipeBar, wipeWhenIdle } from "./wipe.js";

const RECHECK_MS = 2000;

const stage = byId("stage");
const page = await openSite();
if (page.contest) await prepareBallot(page.contest.form);
const { t, pick } = page;
const noun = pick(page.contest?.entry_noun);
let shared = new URLSearchParams(location.search).has("shared"); // a booth goes on as one
let voter = null;
const unkept = h("p", { class: "unkept", role: "alert" }, t("vote.unkept"));
let order = [];
let ending = null;
const identifies = ["oidc", "assertion"].includes(page.contest?.admission);
const way = await wayIn(page.contest?.admission);
let code = way?.brought(browserStorage("sessionStorage")) ?? null; // what admits: an invitation code, a login's bearer or an assertion

const screen = (title, ...rest) => show(stage, h("h1", {}, title), ...rest);
const link = (path, text, kind = "button button-quiet") => h("a", { class: kind, href: address(page, path) }, text);
const button = (text, onclick, kind = "button") => h("button", { type: "button", class: kind, onclick }, text);

/* What shows that somebody may vote: { brought, field }, or null where nobody is asked. */
function wayIn(admission) {
	if (admission === "codes") return import("./code-field.js");
	return identifies ? import("./sign-in.js") : null;
}

byId("language").addEventListener("click", () => code && way.keep(browserStorage("sessionStorage"), code));

/* A shared device begins anew, as for the next voter. */
const wipe = () => location.replace(address(page, "/vote/", { shared: "1" }));

const kicker = () => h("p", { class: "kicker" }, pick(page.contest.name));

function begin() {
	if (page.trouble) return screen(t("block.title"), h("p", {}, t(`trouble.${page.trouble}`)),
		page.trouble !== "contest" && reloadButton());
	if (!globalThis.crypto?.subtle) return screen(t("block.crypto"), h("p", {}, t("block.crypto_text")));
	if (!knowsForm(page.contest)) return screen(t("block.title"), h("p", {}, t("block.form")), reloadButton());
	voter = newVoter();
	if (voter.pending) {
		if (identifies && code && !voter.record.token) return showReview(voter.record.ballot); // back from the provider
		return goOn();
	}
	if (voter.record) return code && page.contest.phase === "open" ? showWhose() : showDone(true);
	if (identifies && code && page.contest.phase === "open") return showChoose(emptyBallot(page.contest));
	const app = inApp(navigator.userAgent);
	return app ? showWayOut(app) : showBefore();
}

/* Finishes the vote that stands here. Another code that was brought is perhaps somebody else's, who comes after. */
function goOn() {
	if (code === voter.record.bearer) code = null;
	return pursue(() => voter.resume(), code);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function newVoter() {
	const records = shared ? memoryRecords() : recordsFor(page.pinned, browserStorage("localStorage"));
	return new Voter({ pinned: page.pinned, contest: page.contest, api: page.api, records, lock: oneTab,
		sleep: pause,
		onState: (state) => {
			warnUnkept();
			progressScreen(page, stage, state, () => voter.hurry());
		} });
}

/* Storage may be blocked or fill up on the way: then the vote goes on, and hangs on this window. */
function warnUnkept() {
	const here = !shared && !voter.records.kept;
	if (here && !unkept.isConnected) stage.before(unkept);
	if (!here) unkept.remove();
}

/* Two windows of one voter take turns, so that they never make two tokens. */
function oneTab(work) {
	if (shared || !navigator.locks) return work();
	const name = recordKey(page.pinned);
	return navigator.locks.request(name, { ifAvailable: true }, (held) => held ? { end: work() } : null)
		.then((mine) => {
			if (mine) return mine.end;
			screen(t("vote.elsewhere"), h("p", {}, t("vote.elsewhere_text")));
			return navigator.locks.request(name, work);
		});
}

/* An invitation code goes along, as in the link that brought it; enter.js takes it out of the address again. */
function showWayOut(app) {
	const here = code && !identifies ? `${location.href}#${new URLSearchParams({ code })}` : location.href;
	const out = wayOut(app, navigator.userAgent, here);
	screen(t("inapp.title"), h("p", { class: "lead" }, t("inapp.text")), identifies && h("p", {}, t("inapp.identify")),
		!out && h("p", {}, t("inapp.how")), h("div", { class: "actions" },
			out && h("a", { class: "button", href: out }, t("inapp.open")),
			button(t("inapp.copy"), (event) => copy(here, event.currentTarget, t("copied")),
				out ? "button button-quiet" : "button"),
			button(t("inapp.stay"), showBefore, "button button-text")));
}

/* Who shows that they may vote does so before choosing. */
async function showBefore() {
	const { contest } = page;
	if (contest.phase !== "open") return showNotOpen();
	// A record that is kept here is of somebody who voted before: the next vote leaves it alone.
	const taken = recordsFor(page.pinned, browserStorage("localStorage")).load() !== null;
	const box = h("input", { type: "checkbox", id: "shared", checked: shared || taken, disabled: taken });
	const asked = await way?.field(page, code, () => box.checked);
	const answer = (question, text) => [h("dt", {}, t(question)), h("dd", {}, text)];
	return show(stage, kicker(), h("h1", {}, t("vote.before")),
		h("label", { class: "option", for: "shared" }, box,
			h("span", {}, h("strong", {}, t("vote.shared")), h("br"), t("vote.shared_text"), taken && ` ${t("vote.shared_taken")}`)),
		asked?.node,
		h("dl", { class: "answers" },
			answer("vote.who", pick(contest.about)),
			answer("vote.change", t(`vote.change.${contest.revote}`)),
			answer("vote.secret", t("vote.secret_text")),
			answer("vote.stored", t(voter.records.kept || shared ? "vote.stored_text" : "vote.not_kept"))),
		!asked?.leadsAway && h("div", { class: "actions" }, button(t("vote.start"), () => {
			if (asked && !(code = asked.read())) return;
			shared = box.checked;
			voter = newVoter();
			showChoose(emptyBallot(contest));
		})));
}

function showNotOpen() {
	return screen(t("block.title"), phaseWords(),
		h("div", { class: "actions" }, link("/results/", t("done.results"), "button")), reloadButton());
}

function phaseWords() {
	const { contest, times } = page;
	const phase = ["announced", "paused"].includes(contest.phase) ? contest.phase : "closed";
	const opens = contest.opens_at ? times.moment(contest.opens_at) : "";
	return h("p", { class: "lead" }, t(`block.${phase}`, { opens }));
}

const reloadButton = () => h("div", { class: "actions" },
	button(t("block.reload"), () => location.reload(), "button button-quiet"));

function showChoose(ballot) {
	prepareEnd();
	order = order.length ? order : shuffled(page.contest.entries, shared ? null : browserStorage("sessionStorage"));
	ballotScreen(page, stage, { noun, order, ballot, onDone: recheck });
	if (shared) wipeWhenIdle(page, stage, wipe);
}

/* Hours may end on the way: better to hear it before 투표하기. No answer in time says nothing; casting will tell. */
async function recheck(ballot) {
	stage.inert = true;
	await Promise.race([refresh(page), pause(RECHECK_MS)]);
	stage.inert = false;
	if (page.trouble === "rules") return begin();
	return page.contest.phase === "open" ? showReview(ballot) : showHeldUp(ballot);
}

function showHeldUp(ballot) {
	const over = !["announced", "paused"].includes(page.contest.phase);
	screen(t("block.title"), phaseWords(), !over && h("p", {}, t("block.kept")), h("div", { class: "actions" },
		over ? link("/results/", t("done.results"), "button") : button(t("block.recheck"), () => recheck(ballot))));
	if (shared) wipeWhenIdle(page, stage, wipe);
}

function showReview(ballot) {
	const { contest } = page;
	screen(t("vote.review"), h("p", {}, t(`vote.review_text.${contest.revote}`)),
		h("section", { class: "review", "aria-label": t("vote.yours") },
			h("h2", {}, t("vote.yours")), ballotWords(ballot)),
		h("div", { class: "actions" },
			button(t("vote.cast"), () => pursue(() => voter.cast(ballot, code ?? undefined), null, ballot)),
			button(t("vote.back"), () => showChoose(ballot), "button button-quiet")));
	if (shared) wipeWhenIdle(page, stage, wipe);
}

function ballotWords(ballot) {
	const { entries } = page.contest;
	if (ballot.ranking) return h("ol", { class: "chosen chosen-order" }, ballot.ranking.map((id, i) =>
		h("li", {}, h("span", {}, t("vote.place", { n: i + 1 })), h("strong", {}, pick(entries.find((entry) => entry.id === id)?.name)))));
	const named = entries.filter(({ id }) => ballot.choices?.includes(id) || id in (ballot.scores ?? {}));
	return h("ul", { class: "chosen" }, named.map((entry) => h("li", {}, h("strong", {}, pick(entry.name)),
		ballot.scores && h("span", {}, t("vote.point", { n: ballot.scores[entry.id] })))));
}

/* Sends, or goes on sending, and shows where it ended. `next`: the code of somebody else, who comes after; `ballot`: what
 * was to be cast. */
async function pursue(work, next = null, ballot = null) {
	const warn = (event) => event.preventDefault();
	window.addEventListener("beforeunload", warn);
	const state = await work();
	window.removeEventListener("beforeunload", warn);
	if (state.name === "counted") {
		code = next;
		return next ? showWhose() : showDone(false, state.already);
	}
	if (state.name === "mismatch") return showMismatch(state);
	if (state.name === "gone") return begin();
	if (state.name === "occupied") return showOccupied(ballot);
	return next && mayRestart(state) ? showUnfinished(state) : showFailed(state, next);
}

/* Whether nothing is lost with the record. */
const mayRestart = ({ next, counted }) => ["restart", "admit"].includes(next) && voter.pending && counted !== "unknown";

/* Forgets the code and the choice that were refused. */
function restart() {
	if (code === voter.record.bearer) code = null;
	voter.forget();
	return showBefore();
}

/* `other`: the code of somebody else, who comes after. What another bearer goes with is shown before it is cast: whoever
 * brings it need not be who chose. */
async function showFailed({ slug, counted, next, problem }, other = null) {
	const { times } = page;
	const when = (at) => at ? times.moment(at) : "";
	const values = { opens: when(problem.opens_at), closes: when(problem.closes_at), status: problem.status ?? "" };
	const unknown = counted === "unknown";
	const asked = next === "admit" && !unknown ? await way?.field(page, identifies ? null : code, () => shared) : null;
	screen(t(unknown ? "vote.unknown" : "vote.failed"),
		h("div", { class: "summary summary-error", role: "alert" },
			h("p", {}, h("strong", {}, t(`counted.${counted}`))), h("p", {}, t(`problem.${slug}`, values))),
		shared && !unknown && wipeBar(page, wipe),
		asked?.node,
		h("div", { class: "actions" },
			asked && !asked.leadsAway && button(t("code.again"), () => {
				code = asked.read();
				if (code) showReview(voter.record.ballot);
			}),
			next === "resend" && button(t("vote.resend"), () => pursue(() => voter.resume(), other)),
			next === "choose" && button(t("vote.back"), () => showChoose(voter.record.ballot)),
			voter.record.step === "counted" && button(t("check.open"), () => showDone(true)),
			mayRestart({ next, counted }) && button(t("vote.restart"), restart, asked || slug === "already-issued" ? "button button-quiet" : "button"),
			link("/results/", t("done.results"))));
}

function showMismatch({ receipt }) {
	const text = JSON.stringify({ receipt, record: voter.record }, null, 1);
	screen(t("mismatch.title"), h("div", { class: "summary summary-error", role: "alert" },
		h("p", {}, t("mismatch.text")), h("p", {}, t(shared ? "mismatch.shared" : "mismatch.stay"))),
	shared && wipeBar(page, wipe),
	h("details", { class: "fold" }, h("summary", {}, t("done.details")), h("pre", {}, text)),
	h("div", { class: "actions" }, button(t("mismatch.copy"),
		(event) => copy(text, event.currentTarget, t("copied")))));
}

/* Fetched while the voter chooses: the first load does without it, and when the vote is counted it is here. Null where
 * it could not be fetched; then the next call tries again. */
function prepareEnd() {
	ending ??= import("./done-screen.js").catch(() => {
		ending = null;
		return null;
	});
	return ending;
}

/* `again`: the vote was cast before this visit; `already`: it is not the one just sent. */
async function showDone(again, already = voter.record.earlier) {
	const end = await prepareEnd();
	if (!end) return screen(t(already ? "done.already" : "done.title"), // the news does not hang on a fetch
		h("p", { class: "lead" }, t(already ? "done.already_text" : "done.text")), shared ? wipeBar(page, wipe) : reloadButton());
	const places = end.doneScreen(page, stage, { record: voter.record, again, already, shared, ballotWords, kept: voter.records.kept,
		final: voter.final, proven: () => Boolean(voter.record?.proof),
		change: page.contest.revote === "replace" && page.contest.phase === "open" && !voter.final
			? () => showChoose(voter.record.ballot ?? emptyBallot(page.contest)) : null,
		wipe, another: beginAnother,
		forget: () => {
			voter.forget();
			location.reload();
		} });
	return followLog(places);
}

/* Somebody else votes here, whose vote leaves nothing behind. */
function beginAnother() {
	shared = true;
	order = [];
	voter = newVoter();
	warnUnkept();
	showBefore();
}

/* A code's link, opened where somebody has voted: nothing that is kept tells whether it is theirs. */
async function showWhose() {
	const end = await prepareEnd();
	const mine = () => {
		code = null;
		return showDone(true);
	};
	try {
		await end.whoseScreen(page, stage, { mine, another: beginAnother });
	} catch {
		mine();
	}
}

/* Somebody's vote was refused here, and a link brought another code. */
async function showUnfinished(state) {
	const end = await prepareEnd();
	const first = () => {
		code = null;
		return showFailed(state);
	};
	try {
		await end.unfinishedScreen(page, stage, { why: `problem.${state.slug}`, anew: restart, goOn: first });
	} catch {
		first();
	}
}

/* Another window's vote stands where this one would be kept. Whoever has another voting right casts as on a shared device. */
async function showOccupied(ballot) {
	const end = await prepareEnd();
	const mine = () => {
		shared = true;
		voter = newVoter();
		warnUnkept();
		showReview(ballot);
	};
	const theirs = () => {
		if (voter.pending) return goOn();
		code = null;
		return showDone(true);
	};
	try {
		await end.occupiedScreen(page, stage, { goOn: theirs, mine });
	} catch {
		screen(t("vote.elsewhere"), h("p", {}, t("vote.elsewhere_text")), reloadButton());
	}
}

/* What only those who have voted need is fetched only then. */
async function followLog(places) {
	const options = { voter, shared, sleep: pause, again: () => showDone(true) };
	let panel;
	places.box.hidden = page.contest.log === "off"; // then nothing is promised
	if (places.box.hidden) return;
	try {
		({ receiptPanel: panel } = await import("./receipt-panel.js"));
		panel = await panel(page, options);
	} catch {
		places.line.textContent = t("log.later");
		places.beginWipe();
		return;
	}
	await panel.run(places);
}

window.addEventListener("beforeunload", (event) => {
	if (unkept.isConnected && voter.record) event.preventDefault();
});

// A shared device keeps nothing in the page that "back" brings again.
window.addEventListener("pageshow", (event) => {
	if (event.persisted && shared) location.reload();
});

begin();
