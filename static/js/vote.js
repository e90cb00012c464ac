/* The voting page: which screen stands, and what leads to the next.
 *
 *   (in another app) ─▶ before ─▶ choose ─▶ review ─▶ sending ─▶ done
 *                                   ▲          │         └─▶ failed, mismatch
 *                                   └──────────┘
 * What is sent and kept is the voter's (voter.js); what a screen looks like, the screens'. */
import { ballotScreen, prepareBallot, shuffled } from "./ballot-screen.js";
import { doneScreen } from "./done-screen.js";
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

const screen = (title, ...rest) => show(stage, h("h1", {}, title), ...rest);
const link = (path, text, kind = "button button-quiet") => h("a", { class: kind, href: address(page, path) }, text);
const button = (text, onclick, kind = "button") => h("button", { type: "button", class: kind, onclick }, text);

/* A shared device begins anew, as for the next voter. */
const wipe = () => location.replace(address(page, "/vote/", { shared: "1" }));

const kicker = () => h("p", { class: "kicker" }, pick(page.contest.name));

function begin() {
	if (page.trouble) return screen(t("block.title"), h("p", {}, t(`trouble.${page.trouble}`)),
		page.trouble !== "contest" && reloadButton());
	if (!globalThis.crypto?.subtle) return screen(t("block.crypto"), h("p", {}, t("block.crypto_text")));
	if (!knowsForm(page.contest)) return screen(t("block.title"), h("p", {}, t("block.form")), reloadButton());
	voter = newVoter();
	if (voter.pending) return pursue(() => voter.resume());
	if (voter.record) return showDone(true);
	const app = inApp(navigator.userAgent);
	return app ? showWayOut(app) : showBefore();
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

function showWayOut(app) {
	const out = wayOut(app, navigator.userAgent, location.href);
	screen(t("inapp.title"), h("p", { class: "lead" }, t("inapp.text")), h("div", { class: "actions" },
		out && h("a", { class: "button", href: out }, t("inapp.open")),
		button(t("inapp.copy"), (event) => copy(location.href, event.currentTarget, t("copied")),
			out ? "button button-quiet" : "button"),
		button(t("inapp.stay"), showBefore, "button button-text")));
}

function showBefore() {
	const { contest } = page;
	if (contest.phase !== "open") return showNotOpen();
	const box = h("input", { type: "checkbox", id: "shared", checked: shared });
	const answer = (question, text) => [h("dt", {}, t(question)), h("dd", {}, text)];
	return show(stage, kicker(), h("h1", {}, t("vote.before")),
		h("label", { class: "option", for: "shared" }, box,
			h("span", {}, h("strong", {}, t("vote.shared")), h("br"), t("vote.shared_text"))),
		h("dl", { class: "answers" },
			answer("vote.who", pick(contest.about)),
			answer("vote.change", t(`vote.change.${contest.revote}`)),
			answer("vote.secret", t("vote.secret_text")),
			answer("vote.stored", t(voter.records.kept || shared ? "vote.stored_text" : "vote.not_kept"))),
		h("div", { class: "actions" }, button(t("vote.start"), () => {
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
			button(t("vote.cast"), () => pursue(() => voter.cast(ballot))),
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

/* Sends, or goes on sending, and shows where it ended. */
async function pursue(work) {
	const warn = (event) => event.preventDefault();
	window.addEventListener("beforeunload", warn);
	const state = await work();
	window.removeEventListener("beforeunload", warn);
	if (state.name === "counted") return showDone(false, state.already);
	if (state.name === "mismatch") return showMismatch(state);
	return showFailed(state);
}

function showFailed({ slug, counted, next, problem }) {
	const { times } = page;
	const when = (at) => at ? times.moment(at) : "";
	const values = { opens: when(problem.opens_at), closes: when(problem.closes_at), status: problem.status ?? "" };
	const unknown = counted === "unknown";
	screen(t(unknown ? "vote.unknown" : "vote.failed"),
		h("div", { class: "summary summary-error", role: "alert" },
			h("p", {}, h("strong", {}, t(`counted.${counted}`))), h("p", {}, t(`problem.${slug}`, values))),
		shared && !unknown && wipeBar(page, wipe),
		h("div", { class: "actions" },
			next === "resend" && button(t("vote.resend"), () => pursue(() => voter.resume())),
			next === "choose" && button(t("vote.back"), () => showChoose(voter.record.ballot)),
			next === "restart" && !unknown && button(t("vote.restart"), () => {
				voter.forget();
				showBefore();
			}),
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

/* `again`: the vote was cast before this visit; `already`: it is not the one just sent. */
function showDone(again, already = voter.record.earlier) {
	doneScreen(page, stage, { record: voter.record, again, already, shared, ballotWords, kept: voter.records.kept,
		final: voter.final,
		change: page.contest.revote === "replace" && page.contest.phase === "open" && !voter.final
			? () => showChoose(voter.record.ballot ?? emptyBallot(page.contest)) : null,
		wipe, another: () => {
			shared = true;
			order = [];
			voter = newVoter();
			warnUnkept();
			showBefore();
		},
		forget: () => {
			voter.forget();
			location.reload();
		} });
}

window.addEventListener("beforeunload", (event) => {
	if (unkept.isConnected && voter.record) event.preventDefault();
});

// A shared device keeps nothing in the page that "back" brings again.
window.addEventListener("pageshow", (event) => {
	if (event.persisted && shared) location.reload();
});

begin();
