/* What one entry is given: a score's field (− value +), the comment, the recusal. All go through the desk:
 *   { page, frame, draft, invalid, editable, name(entry), type(entry, criterion, text), step(entry, criterion, by),
 *     comment(entry, text), recuse(entry, reason or null) } */
import { h } from "./dom.js";
import { COMMENT_MAX, REASON_MAX, exclusion } from "./sheet-model.js";

const HELD_MS = 450; // a button held longer than this repeats
const REPEAT_MS = 90;

export const cellId = (entry, criterion) => `score-${entry}-${criterion}`;
export const commentId = (entry) => `comment-${entry}`;

/* { element, input, refresh() }. Keys that step work wherever the field stands; `tabStops`: the buttons are ones. */
export function scoreField(desk, entry, criterion, { labelledby, tabStops }) {
	const { page: { t, pick } } = desk;
	const id = cellId(entry, criterion.id);
	const values = { min: criterion.min, max: criterion.max, step: criterion.step };
	const error = h("p", { class: "cell-error", id: `${id}-error`, hidden: true });
	const input = h("input", { type: "text", inputmode: criterion.min < 0 ? "text" : "numeric", id, class: "cell-value",
		autocomplete: "off", "aria-labelledby": labelledby, "aria-describedby": `range-${criterion.id} ${id}-error`,
		readonly: !desk.editable });
	let before = "";

	function refresh() {
		const wrong = desk.invalid.get(id);
		const value = desk.draft.scores[entry]?.[criterion.id];
		if (document.activeElement !== input || wrong === undefined) {
			const text = wrong?.text ?? (value === undefined ? "" : String(value));
			if (document.activeElement !== input || input.value.normalize("NFKC").trim() !== text) input.value = text;
		}
		if (wrong) input.setAttribute("aria-invalid", "true");
		else input.removeAttribute("aria-invalid");
		error.hidden = !wrong;
		error.textContent = wrong ? t(`expert.wrong.${wrong.error}`, values) : "";
	}
	const step = (by) => {
		desk.step(entry, criterion, by);
		refresh();
	};
	const button = (sign, key, by) => {
		const one = h("button", { type: "button", class: "cell-step", tabindex: tabStops ? null : "-1",
			"aria-label": t(key, { name: desk.name(entry), criterion: pick(criterion.name) }) }, sign);
		repeats(one, () => step(by));
		return one;
	};

	input.addEventListener("focus", () => {
		before = input.value;
		input.select();
	});
	input.addEventListener("input", () => {
		desk.type(entry, criterion, input.value);
		refresh();
	});
	input.addEventListener("blur", refresh);
	input.addEventListener("keydown", (event) => {
		const by = stepOf(event, criterion);
		if (event.key === "Escape") {
			desk.type(entry, criterion, before);
			input.value = before;
			refresh();
			input.select();
		} else if (by !== 0 && desk.editable && !event.isComposing) {
			event.preventDefault();
			step(by);
			input.select();
		}
	});
	refresh();
	const element = h("div", { class: desk.editable ? "cell-field" : "cell-field is-fixed" },
		desk.editable && button("−", "expert.less", -1), input, desk.editable && button("+", "expert.more", 1), error);
	return { element, input, refresh };
}

function stepOf({ key, ctrlKey, metaKey, altKey }, { min }) {
	if (ctrlKey || metaKey || altKey) return 0;
	if (key === "+" || key === "=") return 1;
	if ((key === "-" || key === "_") && min >= 0) return -1; // below zero it is a sign
	return key === "PageUp" ? 5 : key === "PageDown" ? -5 : 0;
}

/* A press acts once; held, it goes on. */
function repeats(button, act) {
	let timer = null;
	let held = false;
	const stop = () => {
		clearTimeout(timer);
		timer = null;
	};
	button.addEventListener("pointerdown", (event) => {
		if (event.button !== 0) return;
		held = false;
		const go = () => {
			held = true;
			act();
			timer = setTimeout(go, REPEAT_MS);
		};
		timer = setTimeout(go, HELD_MS);
	});
	for (const type of ["pointerup", "pointercancel", "pointerleave", "blur"]) button.addEventListener(type, stop);
	button.addEventListener("contextmenu", (event) => event.preventDefault());
	button.addEventListener("click", (event) => {
		if (held && event.detail > 0) held = false; // the hold has acted
		else act();
	});
}

/* Why an entry is not scored, in words; null where it is. */
export function exclusionWords(desk, entry) {
	const { page: { t, pick }, frame, draft, sheet, noun } = desk;
	const why = exclusion(frame, draft, entry);
	if (why === "conflict") {
		const organisation = pick(sheet.organisations?.[frame.conflicts[entry]]) || frame.conflicts[entry];
		const { lead } = frame.entries.find(({ id }) => id === entry);
		return t(pick(lead) === organisation ? "expert.conflict.lead" : "expert.conflict.participant",
			{ organisation, noun });
	}
	if (why === "ruling") {
		const { kind, why: reason } = frame.rulings[entry];
		return t(kind === "challenge" ? "expert.ruling.challenge" : "expert.ruling.recusal", { reason });
	}
	return why ? t("expert.recused", { reason: draft.recused[entry] }) : null;
}

/* The comment and the recusal of an entry; null where the rules exclude it. { element, refresh() }. */
export function extras(desk, entry) {
	const { page: { t, number }, frame, noun } = desk;
	const why = exclusion(frame, desk.draft, entry);
	if (why === "conflict" || why === "ruling") return null;
	if (why === "recused") return { element: undo(desk, entry), refresh() {} };
	const required = frame.commentsRequired;
	const counter = h("p", { class: "counter", id: `${commentId(entry)}-count` });
	const area = h("textarea", { id: commentId(entry), class: "comment", rows: "4", maxlength: String(COMMENT_MAX),
		readonly: !desk.editable, "aria-describedby": counter.id, "aria-required": required ? "true" : null });
	area.value = desk.draft.comments[entry] ?? "";
	const refresh = () => {
		counter.textContent = t("expert.counter",
			{ n: number.count([...area.value].length), max: number.count(COMMENT_MAX) });
	};
	area.addEventListener("input", () => {
		desk.comment(entry, area.value);
		refresh();
	});
	refresh();
	return { refresh, element: h("div", { class: "extras" },
		h("label", { for: area.id }, t(required ? "expert.comment_required" : "expert.comment", { noun })),
		area, counter, desk.editable && recusal(desk, entry)) };
}

function recusal(desk, entry) {
	const { page: { t }, noun } = desk;
	const id = `recuse-${entry}`;
	const reason = h("textarea", { id, class: "comment", rows: "2", maxlength: String(REASON_MAX),
		"aria-describedby": `${id}-error` });
	const error = h("p", { class: "cell-error", id: `${id}-error`, role: "alert", hidden: true }, t("expert.reason_missing"));
	return h("details", { class: "fold" }, h("summary", { id: `${id}-fold` }, t("expert.recuse", { name: desk.name(entry) })),
		h("div", {}, h("p", { class: "soft" }, t("expert.recuse_text", { noun })),
			h("label", { for: id }, t("expert.reason")), reason, error,
			h("div", { class: "actions" }, h("button", { type: "button", class: "button button-quiet", onclick: () => {
				error.hidden = reason.value.trim() !== "";
				if (error.hidden) desk.recuse(entry, reason.value.trim());
				else reason.focus();
			} }, t("expert.recuse_do")))));
}

function undo(desk, entry) {
	const { page: { t } } = desk;
	return h("div", { class: "extras" }, h("p", {}, exclusionWords(desk, entry)),
		desk.editable && h("div", { class: "actions" }, h("button", { type: "button", id: `recused-${entry}`,
			class: "button button-quiet", onclick: () => desk.recuse(entry, null) }, t("expert.recuse_undo",
			{ name: desk.name(entry) }))));
}
