/* Where a voter types the invitation code, or finds the one that the link brought. */
import { readCode } from "./code.js";
import { byId, h } from "./dom.js";
import { leaveEntry, takeEntry } from "./entry.js";
import { browserStorage } from "./records.js";

/* The code of a link that was opened in this tab, once; null: none. */
export function brought(session) {
	const text = takeEntry(session).get("code");
	return text && (readCode(text).code ?? text);
}

/* Puts it back, for the same page in the other language. */
export const keep = (session, code) => leaveEntry(session, { code });

/* { node, read, leadsAway }: read() gives the code, or null with the fault told and the field in focus. */
export function field({ t }, given) {
	const fault = h("p", { class: "field-fault", id: "code-fault", role: "alert", hidden: true });
	const input = h("input", { type: "text", id: "code", class: "code-input", value: given ?? "", maxlength: 60, lang: "en",
		autocomplete: "off", autocapitalize: "characters", autocorrect: "off", spellcheck: false,
		"aria-describedby": "code-hint code-fault" });

	function complain({ fault: kind, at }) {
		fault.textContent = t(`code.fault.${kind}`, { at: at ?? "" });
		fault.hidden = false;
		input.setAttribute("aria-invalid", "true");
		input.focus();
		if (at) {
			const places = [...input.value.matchAll(/[^-‐-―\s]/g)];
			const place = places[at - 1]?.index ?? 0;
			input.setSelectionRange(place, place + 1);
		}
	}

	function read() {
		const result = readCode(input.value);
		fault.hidden = true;
		input.removeAttribute("aria-invalid");
		if (!result.code) {
			complain(result);
			return null;
		}
		input.value = result.code;
		return result.code;
	}

	byId("language").addEventListener("click", () => input.isConnected && keep(browserStorage("sessionStorage"), input.value));
	const node = h("div", { class: "code-field" }, h("label", { for: "code" }, t("code.label")),
		h("p", { class: "soft", id: "code-hint" }, t("code.hint")), input, fault);
	return { node, read, leadsAway: false };
}
