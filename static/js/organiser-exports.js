/* Files to take away. They are fetched with the invitation and handed to the browser as files. */
import { download, h } from "./dom.js";
import { refusalNodes } from "./organiser-words.js";
import { put, section, whenChanged } from "./organiser-parts.js";

const FILES = ["tally", "turnout", "experts", "sheets", "comments", "standing", "audit"];
const LATER = ["sheets", "comments", "standing"]; // refused while organisers may not see them

export function exportsSection({ page, contest, call }) {
	const { t } = page;
	const mark = h("input", { type: "checkbox", id: "exports-mark", checked: true });
	const said = h("div", { class: "o-done", role: "status" });
	const rows = new Map();

	async function take(what, kind, button) {
		button.disabled = true;
		put(said, t("organiser.exports.wait"));
		try {
			const blob = await call("exported", `${what}.${kind}`, kind === "csv" && mark.checked);
			download(`${contest.id}${contest.rehearsal ? "-rehearsal" : ""}-${what}.${kind === "json" && what === "audit" ? "ndjson" : kind}`, blob);
			put(said, t("organiser.exports.done", { what: t(`organiser.exports.${what}`) }));
		} catch (error) {
			if (error.slug === "not-yet") put(said, t("organiser.exports.not_yet"));
			else said.replaceChildren(...refusalNodes(page, error));
		} finally {
			button.disabled = false;
		}
	}

	const list = h("ul", { class: "o-exports" }, FILES.map((what) => {
		const later = h("span", { class: "soft", hidden: true }, t("organiser.exports.later"));
		const buttons = ["csv", "json"].map((kind) => h("button", { type: "button", class: "button button-quiet button-small",
			onclick: ({ currentTarget }) => take(what, kind, currentTarget) },
		h("span", { class: "unseen" }, `${t(`organiser.exports.${what}`)} `), kind.toUpperCase()));
		rows.set(what, { later, buttons });
		return h("li", {}, h("span", {}, t(`organiser.exports.${what}`), " ", later), h("span", { class: "o-kinds" }, buttons));
	}));
	const element = section("exports", t("organiser.section.exports"),
		h("p", { class: "soft" }, t("organiser.exports.about")), list,
		h("p", { class: "o-check" }, mark, h("label", { for: "exports-mark" }, t("organiser.exports.mark"))), said);

	const draw = whenChanged(({ experts }) => experts?.visible, ({ experts }) => {
		for (const what of LATER) {
			const { later, buttons } = rows.get(what);
			later.hidden = Boolean(experts?.visible);
			for (const button of buttons) button.disabled = !experts?.visible;
		}
	});
	return { element, draw };
}
