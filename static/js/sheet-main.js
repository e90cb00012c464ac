/* The sheet's own screen: who rates, how long yet, the sheet as table or page by page, what is missing, and the bar that
 * stays in sight with the total and what became of the last change. */
import { countdown } from "./clock.js";
import { h, show } from "./dom.js";
import { historyHint } from "./named.js";
import { gridView, totalWords } from "./sheet-grid.js";
import { exclusion, missing, progress } from "./sheet-model.js";
import { pagesView } from "./sheet-pages.js";
import { publishedWords } from "./sheet-screens.js";

const WIDE = "(orientation: landscape) and (min-width: 60rem)";
const SOON_MS = 10 * 60_000;

/* `keeper` tells what is saved; `act` = { review(), withdraw(), print(), leave(), share(bool) }.
 * → { redraw(): after anything but a number changed, refresh(), saving(): the keeper's state, tick(), say(text), end() } */
export function mainScreen(desk, stage, keeper, act) {
	const { page } = desk;
	const { t, pick, times, clock } = page;
	const wide = matchMedia(WIDE);
	const left = h("p", { class: "left-time" });
	const state = h("div", { id: "sheet-state" });
	const place = h("div", { class: "sheet-view" });
	const open = h("details", { class: "fold", id: "missing" });
	const total = h("p", { class: "bar-total" });
	const status = h("p", { class: "bar-status" });
	const actions = h("div", { class: "bar-actions" });
	const live = h("p", { class: "unseen", role: "status" });
	let view = null;
	let at = null;
	let said = null;

	const button = (text, onclick, kind = "button", id = null) =>
		h("button", { type: "button", class: kind, id, onclick }, text);
	const { expert } = desk.sheet;
	show(stage, h("div", { class: "sheet-head" }, h("div", {}, h("p", { class: "kicker" }, pick(page.contest.name)),
		h("h1", {}, t("expert.title")),
		h("p", { class: "who" }, [expert.name, expert.affiliation, pick(expert.panel?.name)].filter(Boolean).join(" · ")),
		publishedWords(page, desk.noun)),
	h("div", { class: "sheet-tools" }, left,
		h("div", {}, button(t("expert.print"), act.print, "button button-quiet button-small"), leaveButton()), historyHint(page))),
	state, place, open, device(),
	h("div", { class: "sheet-bar" }, h("div", { class: "bar-words" }, total, status), actions), live);

	function leaveButton() {
		const one = button(t("named.sign_out"), () => {
			if (keeper.settled || one.dataset.sure) return act.leave();
			one.dataset.sure = "yes";
			one.textContent = t("expert.leave_sure");
			one.classList.add("button-danger");
			return null;
		}, "button button-quiet button-small");
		return one;
	}

	/* Asks once: who withdraws and forgets to submit again does not count. */
	function withdrawButton() {
		const one = button(t("expert.withdraw"), () => {
			if (one.dataset.sure) return act.withdraw();
			one.dataset.sure = "yes";
			one.textContent = t("expert.withdraw_sure");
			one.classList.add("button-danger");
			api.say(t("expert.withdraw_sure"));
			return null;
		}, "button button-quiet", "withdraw");
		return one;
	}

	function device() {
		const box = h("input", { type: "checkbox", id: "shared", onchange: () => act.share(box.checked) });
		box.checked = keeper.drafts.shared;
		return h("label", { class: "option", for: "shared" }, box, h("span", {}, h("strong", {}, t("vote.shared")), h("br"),
			t("expert.shared_text")));
	}

	function redraw() {
		const focused = document.activeElement?.id;
		at = view?.place?.entry ?? at ?? begin();
		view = wide.matches ? gridView(desk) : pagesView(desk, at, drawBar);
		place.replaceChildren(view.element);
		drawState();
		refresh();
		if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
	}

	/* The entry where something is to be done, or can be. */
	const begin = () => missing(desk.frame, desk.draft)[0]?.entry
		?? desk.frame.entries.find(({ id }) => !exclusion(desk.frame, desk.draft, id))?.id;

	function drawState() {
		const { sheet } = desk;
		const words = (kind, title, ...rest) => h("div", { class: `summary summary-${kind}` },
			h("p", {}, h("strong", {}, title)), rest);
		const when = sheet.saved_at ? times.moment(sheet.saved_at) : "";
		const parts = [];
		if (keeper.sheetState === "submitted") {
			parts.push(words("done", t("expert.submitted"), h("p", {},
				t(sheet.editable ? "expert.submitted_text" : "expert.submitted_final", { when })),
			sheet.editable && h("div", { class: "actions" },
				withdrawButton())));
		}
		if (!sheet.editable) {
			const phase = ["announced", "paused"].includes(sheet.phase) ? sheet.phase
				: keeper.sheetState === "submitted" ? "over" : keeper.revision > 0 ? "missed" : "late";
			parts.push(words(["missed", "late"].includes(phase) ? "error" : "wait", t(`expert.phase.${phase}`),
				h("p", {}, t(`expert.phase.${phase}_text`,
					{ opens: page.contest.opens_at ? times.moment(page.contest.opens_at) : "" }))));
		}
		state.replaceChildren(...parts);
	}

	function refresh() {
		view.refresh();
		const list = keeper.sheetState === "submitted" ? [] : missing(desk.frame, desk.draft);
		open.hidden = list.length === 0 || !desk.editable;
		const summary = open.querySelector("summary") ?? h("summary");
		summary.textContent = t("expert.missing", { n: list.length });
		open.replaceChildren(summary, h("ul", { class: "missing-list" }, list.map(({ entry, criterion }) => h("li", {},
			button(`${desk.name(entry)} – ${criterion ? pick(desk.frame.criteria.find(({ id }) => id === criterion).name)
				: t("expert.differs.comment")}`, () => view.go(entry, criterion), "button button-text")))));
		drawBar();
	}

	function drawBar() {
		const { given, wanted } = progress(desk.frame, desk.draft);
		const n = missing(desk.frame, desk.draft).length;
		const here = view.place;
		const shown = here && !place.querySelector(".page-excluded");
		total.replaceChildren(...(shown ? [h("span", { class: "bar-name" }, desk.name(here.entry)), " ",
			...joined(totalWords(desk, here.entry))]
			: [h("strong", { class: "points" }, t("expert.given", { given, wanted })), " · ",
				h("span", { class: n ? "open" : "open is-full" }, n ? t("expert.open", { n }) : t("expert.full"))]));
		const focused = document.activeElement?.id;
		actions.replaceChildren(...[
			here && button(t("expert.previous"), () => view.turn(-1), "button button-quiet", "previous"),
			here && here.n < here.of - 1 && button(t("expert.next"), () => view.turn(1),
				keeper.sheetState === "submitted" || n > 0 ? "button" : "button button-quiet", "next"),
			(!here || here.n === here.of - 1 || n === 0) && turnButton(n),
		].filter(Boolean));
		const previous = actions.querySelector("#previous");
		if (previous) previous.disabled = here.n === 0;
		if (focused === "next" || focused === "previous") document.getElementById(focused)?.focus({ preventScroll: true });
	}

	const joined = ([points, rest]) => [points, " · ", rest];

	function turnButton(n) {
		if (!desk.sheet.editable || keeper.sheetState === "submitted") return null;
		return button(t("expert.review_do"), () => {
			if (n === 0 && desk.invalid.size === 0) return act.review();
			open.hidden = false;
			open.open = true;
			api.say(t("expert.missing_say", { n }));
			const target = open.querySelector("ul button") ?? document.querySelector("[aria-invalid]");
			target?.focus();
			target?.scrollIntoView({ block: "center" });
			return null;
		}, n === 0 ? "button" : "button button-quiet", "review");
	}

	const api = {
		redraw,
		refresh,
		say(text) {
			live.textContent = text;
		},
		/* What became of the last change; spoken only when it turns bad, or good again. */
		saving() {
			const { name, why, problem } = keeper.state;
			const kept = keeper.drafts.kept;
			const saved = desk.sheet.saved_at && keeper.revision > 0;
			const first = keeper.sheetState === "submitted" ? t("expert.submitted") : t("expert.unsubmitted");
			const bad = name === "unsent" || name === "stopped";
			const key = bad ? stoppedKey(name, why) : name;
			const text = key === "saved" ? saved ? t("expert.save.saved", { time: times.time(desk.sheet.saved_at) })
				: t(desk.sheet.editable ? "expert.save.none" : "expert.save.shut") : t(`expert.save.${key}`, { detail: problem?.message ?? "" });
			status.replaceChildren(h("span", {}, first), " · ", h("span", { class: bad ? "is-bad" : null, id: "saved" },
				text, bad && ` ${t(kept ? "expert.save.kept" : "expert.save.unkept")}`));
			const mood = bad ? text : name === "saved" ? "good" : said;
			if (mood !== said && (bad || (said && said !== "good"))) api.say(bad ? text : t("expert.save.again"));
			said = mood;
			drawBar();
		},
		tick() {
			const end = desk.sheet.closes_at ? Date.parse(desk.sheet.closes_at) : null;
			if (end === null || !desk.sheet.editable) {
				left.replaceChildren();
				return;
			}
			const ms = end - clock.now();
			left.classList.toggle("is-soon", ms < SOON_MS);
			left.replaceChildren(t("expert.left"), " ",
				h("strong", {}, countdown(ms, (n) => t("home.days", { n }))), h("span", { class: "soft" },
					t("expert.until", { when: times.moment(end) })));
		},
		end: () => wide.removeEventListener("change", redraw),
	};
	wide.addEventListener("change", redraw);
	redraw();
	api.tick();
	api.saving();
	return api;
}

const STOPPED = ["closed", "paused", "not-open"];

function stoppedKey(name, why) {
	if (name === "unsent") return why; // offline, busy
	return STOPPED.includes(why) ? why : "refused";
}
