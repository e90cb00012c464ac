/* The expert's page: which screen stands, and what leads to the next.
 *
 *   (no invitation) · pledge ─▶ sheet ⇄ review ─▶ sheet, submitted
 *                                 ⇅
 *                              conflict
 * What is saved and when is the keeper's (sheet-keeper.js), sums and gaps the model's (sheet-model.js). */
import { Problem } from "./api.js";
import { byId, h, show } from "./dom.js";
import { enterNamed, refusalOf, turnedAway } from "./named.js";
import { draftsFor } from "./sheet-drafts.js";
import { cellId } from "./sheet-field.js";
import { Keeper } from "./sheet-keeper.js";
import { mainScreen } from "./sheet-main.js";
import { draftOf, frameOf, readScore, sheetBody, stepped } from "./sheet-model.js";
import { drawPaper } from "./sheet-paper.js";
import { conflictScreen, pledgeScreen, reviewScreen } from "./sheet-screens.js";
import { byReading, openSite } from "./site.js";

const LOOK_MS = 30_000;
const KEEPALIVE_MAX = 60_000; // bytes; browsers take 64 KiB of such requests

const named = enterNamed("expert");
const stage = byId("stage");
const paper = byId("paper");
const page = await openSite("named", "expert");
const { t, pick } = page;

let desk = null;
let keeper = null;
let main = null; // the sheet's screen, while it stands
let reviewing = null; // the review's progress(), while it stands
const looks = { asked: 0, answered: 0 }; // numbers of questions
const aside = new Map(); // scores of entries that the expert recused from, for who takes it back

const ask = (name, ...rest) => page.api[name](page.pinned.id, named.authorization, ...rest);
const wide = (yes) => byId("main").classList.toggle("narrow", !yes);

async function begin() {
	wide(false);
	if (page.trouble) return trouble(t(`trouble.${page.trouble}`), page.trouble !== "contest");
	if (!named.token) return turnedAway(page, named);
	try {
		return await open(await ask("sheet"));
	} catch (error) {
		if (leave(error)) return null;
		return trouble(error instanceof Problem && error.status < 500 ? error.message : t("expert.unreachable"), true);
	}
}

const trouble = (text, again) => show(stage, h("h1", {}, t("expert.title")), h("p", { class: "lead" }, text),
	again && h("div", { class: "actions" }, h("button", { type: "button", class: "button",
		onclick: () => location.reload() }, t("block.reload"))));

/* The server lets this person in no longer: true, and the page says so. */
function leave(error) {
	const why = refusalOf(error, named, page.clock);
	if (!why) return false;
	forget();
	turnedAway(page, named, why);
	return true;
}

function forget() {
	keeper?.end();
	keeper = desk = null;
	aside.clear();
	paper.replaceChildren();
	stop();
	wide(false);
}

function stop() {
	main?.end();
	main = reviewing = null;
}

/* Where the server insists, and before the first sheet wherever the contest has a text for it. */
const wantsPledge = ({ pledge, revision, editable }) => editable && !pledge?.given_at &&
	(pledge?.required || (pledge?.text && revision === 0));

async function open(sheet) {
	page.clock.observe(sheet.now);
	desk = makeDesk(sheet);
	if (wantsPledge(sheet)) return showPledge();
	const drafts = draftsFor({ storage: storage("localStorage"), locks: navigator.locks,
		owner: `${page.pinned.id}${page.pinned.rehearsal ? "~rehearsal" : ""}.${sheet.expert.id}`,
		window: Array.from(crypto.getRandomValues(new Uint8Array(8)), (n) => n.toString(16).padStart(2, "0")).join("") });
	drafts.share(session("tallyd.shared") === "yes");
	keeper = new Keeper({ server: sheet, drafts, onState, body: (draft, state) => sheetBody(desk.frame, draft, state),
		send: (body, revision, last) => {
			const text = last ? JSON.stringify(body).length * 3 : Infinity;
			return ask("saveSheet", body, revision, { keepalive: text < KEEPALIVE_MAX });
		} });
	const [left] = await drafts.others();
	if (left && !restore(drafts, left, sheet)) return null;
	return showSheet();
}

/* What an earlier window could not save. False: the expert has to choose first. */
function restore(drafts, left, sheet) {
	const text = (one) => JSON.stringify({ ...sheetBody(desk.frame, draftOf(one), ""), state: "" });
	if (text(left.draft) === text(sheet)) {
		drafts.remove(left.key);
		return true;
	}
	if (!sheet.editable && sheet.phase !== "paused") return true; // stays where it is; nothing can be done
	if (left.revision === sheet.revision && sheet.state !== "submitted") {
		desk.draft = draftOf(left.draft);
		desk.restored = true;
		keeper.change(desk.draft);
		drafts.remove(left.key);
		return true;
	}
	showConflict({ mine: left.draft, theirs: { revision: sheet.revision, sheet }, mineWhere: "device",
		after: () => drafts.remove(left.key) });
	return false;
}

function makeDesk(sheet) {
	const one = {
		page, sheet, frame: frameOf(sheet, byReading(page.contest)), draft: draftOf(sheet), invalid: new Map(),
		noun: pick(page.contest.entry_noun),
		get editable() {
			return one.sheet.editable && keeper !== null && keeper.wantedState !== "submitted";
		},
		name: (id) => pick(one.frame.entries.find((entry) => entry.id === id)?.name) || id,
		type(entry, criterion, text) {
			const { value, error } = readScore(criterion, text);
			const key = cellId(entry, criterion.id);
			if (error) one.invalid.set(key, { text, error });
			else one.invalid.delete(key);
			const scores = one.draft.scores[entry] ??= {};
			if (value === undefined) delete scores[criterion.id];
			else scores[criterion.id] = value;
			changed();
		},
		step(entry, criterion, by) {
			one.type(entry, criterion, String(stepped(criterion, one.draft.scores[entry]?.[criterion.id], by)));
		},
		comment(entry, text) {
			if (text) one.draft.comments[entry] = text;
			else delete one.draft.comments[entry];
			changed();
		},
		recuse(entry, reason) {
			if (reason === null) {
				delete one.draft.recused[entry];
				if (aside.has(entry)) one.draft.scores[entry] = aside.get(entry);
			} else {
				one.draft.recused[entry] = reason;
				aside.set(entry, one.draft.scores[entry] ?? {});
				delete one.draft.scores[entry];
				for (const { id } of one.frame.criteria) one.invalid.delete(cellId(entry, id));
			}
			changed();
			main?.redraw();
			(byId(reason === null ? `recuse-${entry}-fold` : `recused-${entry}`))?.focus();
		},
	};
	return one;
}

function changed() {
	keeper.change(desk.draft);
	main?.refresh();
}

function showPledge() {
	const { pledge, expert } = desk.sheet;
	pledgeScreen(page, stage, { expert, noun: desk.noun, text: pick(pledge.text) || t("expert.pledge_default", { noun: desk.noun }), agree: async () => {
		try {
			await ask("pledge");
		} catch (error) {
			if (leave(error)) return;
			throw new Error(error instanceof Problem && error.status < 500 ? error.message : t("expert.pledge_again"),
				{ cause: error });
		}
		await begin();
	} });
}

function showSheet(where = null) {
	stop();
	wide(true);
	main = mainScreen(desk, stage, keeper, { review: showReview, withdraw, print: () => window.print(), leave: signOut,
		share: (yes) => {
			keeper.drafts.share(yes);
			session("tallyd.shared", yes ? "yes" : "no");
			if (!yes && !keeper.settled) keeper.change(desk.draft);
		} });
	if (desk.restored) main.say(t("expert.restored"));
	desk.restored = false;
	if (where) byId(where)?.scrollIntoView();
}

function showReview() {
	stop();
	reviewing = reviewScreen(desk, stage, { back: () => showSheet(), submit: () => {
		keeper.turn(desk.draft, "submitted");
	} });
}

function withdraw() {
	keeper.turn(desk.draft, "draft");
}

function showConflict({ mine, theirs, mineWhere = "window", after = () => {} }) {
	stop();
	wide(false);
	conflictScreen(desk, stage, { mine, theirs, mineWhere, decide: (draft) => {
		after();
		desk.sheet = { ...desk.sheet, ...theirs.sheet, revision: theirs.revision };
		desk.draft = draft ?? draftOf(theirs.sheet);
		desk.invalid.clear();
		keeper.settle(theirs, draft);
		showSheet();
	} });
}

/* Follows the keeper: what it says stands in the bar, or on the review while that stands. */
function onState(from, answer) {
	if (!keeper || from !== keeper) return;
	const { name, why, problem, theirs } = from.state;
	if (answer) learn(answer);
	if (name === "conflict") {
		showConflict({ mine: desk.draft, theirs });
		return;
	}
	if (name === "stopped") {
		if (leave(problem)) return;
		if (why !== "refused" && why !== "invalid-sheet") look(); // what changed at the server stands in the sheet
	}
	if (reviewing) return followSubmission(from);
	main?.saving();
}

function followSubmission({ state, sheetState, wantedState }) {
	if (sheetState === "submitted") return showSheet();
	if (state.name === "stopped") return reviewing(`${t("expert.not_submitted")} ${state.problem.message}`, false);
	const sending = wantedState === "submitted";
	return reviewing(!sending ? null : t(state.name === "unsent" ? "expert.submit_unknown" : "expert.submit_sending"), sending);
}

/* Takes what an answer says beside the scores: phase, hours, rulings. An entry that was excluded meanwhile goes out of
 * what is still to be saved. */
function learn(sheet) {
	page.clock.observe(sheet.now);
	const excluded = (one) => JSON.stringify([one.conflicts, one.rulings]);
	const shape = (one) => JSON.stringify([one.editable, one.phase, one.state, excluded(one)]);
	const before = desk.sheet;
	desk.sheet = sheet;
	desk.frame = frameOf(sheet, desk.frame.entries);
	if (excluded(before) !== excluded(sheet) && !keeper.settled && sheet.editable) keeper.turn(desk.draft, keeper.wantedState);
	if (shape(before) !== shape(sheet)) main?.redraw();
	main?.tick();
}

/* Asks how things stand: another window may have saved, the organiser paused or extended, the invitation ended. An answer
 * that a later question's has overtaken, or a save, tells nothing. */
async function look() {
	if (!keeper || document.hidden) return;
	const asked = ++looks.asked;
	let sheet;
	try {
		sheet = await ask("sheet");
	} catch (error) {
		leave(error);
		return;
	}
	if (!keeper || asked < looks.answered || sheet.revision < keeper.revision) return;
	looks.answered = asked;
	if (main && keeper.settled && sheet.revision > keeper.revision) {
		desk.draft = draftOf(sheet);
		keeper.adopt(sheet);
		main.redraw();
		main.say(t("expert.adopted"));
	} else if (keeper.settled || sheet.revision === keeper.revision) {
		learn(sheet);
	}
	if (sheet.editable) keeper.resume();
	main?.saving();
}

function signOut() {
	keeper.drafts.wipe();
	named.signOut();
	forget();
	turnedAway(page, named);
}

function storage(name) {
	try {
		return globalThis[name];
	} catch {
		return null; // blocked
	}
}

/* Reads, or writes, what this tab alone remembers. */
function session(key, value) {
	try {
		if (value !== undefined) sessionStorage.setItem(key, value);
		return sessionStorage.getItem(key);
	} catch {
		return null;
	}
}

const printing = () => {
	if (desk && keeper) drawPaper(desk, paper, !keeper.settled);
};
window.addEventListener("beforeprint", printing);
matchMedia("print").addEventListener("change", printing);
window.addEventListener("online", () => keeper?.hurry());
window.addEventListener("pagehide", () => keeper?.hurry(true));
document.addEventListener("visibilitychange", () => {
	if (document.hidden) keeper?.hurry(true);
	else look();
});
window.addEventListener("beforeunload", (event) => {
	if (keeper && !keeper.settled && (!keeper.drafts.kept || keeper.wantedState === "submitted")) event.preventDefault();
});
setInterval(look, LOOK_MS);
setInterval(() => {
	main?.tick();
	const end = desk?.sheet.closes_at ? Date.parse(desk.sheet.closes_at) : Infinity;
	if (keeper && desk.sheet.editable && page.clock.now() > end + 500 && desk.asked !== end) {
		desk.asked = end; // once: the server says whether it is over
		look();
	}
}, 1000);

named.again = begin;
await begin();
