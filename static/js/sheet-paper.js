/* The score sheet on paper, with a signature block. Printed is what the page shows, and it says whether that is what the
 * server has. */
import { h } from "./dom.js";
import { commentList, scoreTable } from "./sheet-screens.js";

/* `unsaved`: something of it has not reached the server. */
export function drawPaper(desk, place, unsaved) {
	const { page, sheet } = desk;
	const { t, pick, contest, pinned, times, clock } = page;
	const kind = pinned.rehearsal ? t("badge.rehearsal") : pinned.demonstration ? t("badge.demonstration") : null;
	const fact = (name, value) => value && h("div", {}, h("dt", {}, t(`expert.paper.${name}`)), h("dd", {}, value));
	place.replaceChildren(
		h("p", { class: "paper-contest" }, kind && `[${kind}] `, pick(contest.name)),
		h("h2", { class: "paper-title" }, t("expert.title")),
		h("dl", { class: "paper-facts" },
			fact("name", sheet.expert.name), fact("affiliation", sheet.expert.affiliation),
			fact("panel", pick(sheet.expert.panel?.name)),
			fact("state", t(`expert.paper.is-${sheet.state}`) + (unsaved ? ` · ${t("expert.paper.unsaved")}` : "")),
			fact("revision", sheet.saved_at && t("expert.paper.revision_at",
				{ n: sheet.revision, at: times.moment(sheet.saved_at) })),
			fact("printed", times.moment(clock.now()))),
		scoreTable(desk),
		...[commentList(desk) || []].flat(),
		h("div", { class: "signature" },
			h("p", {}, t("expert.paper.vow")),
			h("p", { class: "signature-date" }, t("expert.paper.date")),
			h("p", {}, t("expert.paper.affiliation"), h("span", { class: "signature-line" }, sheet.expert.affiliation ?? "")),
			h("p", {}, t("expert.paper.name"), h("span", { class: "signature-line" }, sheet.expert.name),
				h("span", {}, t("expert.paper.seal")))),
		h("p", { class: "paper-foot" }, t("results.print_rules", { hash: contest.rules_hash }), h("br"),
			location.origin + location.pathname));
}
