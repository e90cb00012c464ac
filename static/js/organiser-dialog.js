/* A dialog that asks before something is done: what will happen, the reason, and where it cannot be undone by a click the
 * contest's name, typed again. Does nothing itself. */
import { h } from "./dom.js";
import { oneLine } from "./organiser-parts.js";

const WHY_MAX = 400;

/* Whether what was typed is the contest's name, in either language. */
export const isName = (text, name) => [name.ko, name.en].some((one) => Boolean(one) && one === text.trim());

/* { title, what: what will happen, fields: [{ label, input }], why: true where a reason is required, confirm: true where
 * the name is typed again, button, act: async ({ why, confirm }) → sentence that it is done }. act may throw; then its
 * words(error), a text or nodes, stand in the dialog, and it can be tried again. */
export function ask(page, { title, what, fields = [], why = true, confirm = true, danger = false, button, words, act }) {
	const { t, pick, contest } = page;
	const reason = h("textarea", { id: "ask-why", rows: "2", maxlength: String(WHY_MAX), required: why });
	const name = h("input", { id: "ask-name", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
	const problem = h("div", { class: "summary summary-error", role: "alert", hidden: true });
	const submit = h("button", { type: "submit", class: `button${danger ? " button-strong-danger" : ""}` }, button);
	const cancel = h("button", { type: "button", class: "button button-quiet", onclick: () => dialog.close() },
		t("organiser.ask.cancel"));
	const form = h("form", { method: "dialog", novalidate: true, onsubmit: onSubmit },
		h("h2", { id: "ask-title" }, title), [what].flat().map((line) => h("p", {}, line)), fields.map(field),
		field({ label: t(why ? "organiser.ask.why" : "organiser.ask.why_optional"), input: reason }),
		confirm && field({ label: t("organiser.ask.name"), input: name, hint: h("span", { class: "o-retype" }, pick(contest.name)) }),
		problem, h("div", { class: "actions" }, submit, cancel));
	const dialog = h("dialog", { class: "o-dialog", "aria-labelledby": "ask-title", onclose: () => dialog.remove() }, form);

	function tell(text, place) {
		problem.replaceChildren(...[text].flat());
		problem.hidden = false;
		place?.focus();
	}

	async function onSubmit(event) {
		event.preventDefault();
		problem.hidden = true;
		const missing = fields.find(({ check }) => check?.());
		if (missing) return tell(missing.check(), missing.input);
		if (why && oneLine(reason.value) === "") return tell(t("organiser.ask.why_missing"), reason);
		if (confirm && !isName(name.value, contest.name)) return tell(t("organiser.ask.name_differs"), name);
		submit.disabled = true;
		try {
			await act({ why: oneLine(reason.value), confirm: name.value.trim() });
			dialog.close();
		} catch (error) {
			tell(words(error), submit);
		} finally {
			submit.disabled = false;
		}
		return undefined;
	}

	document.body.append(dialog);
	dialog.showModal();
	(fields[0]?.input ?? reason).focus();
	return dialog;
}

export function field({ label, input, hint }) {
	return h("div", { class: "o-field" }, h("label", { for: input.id }, label), hint, input);
}
