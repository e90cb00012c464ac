/* The end of voting: that one voted. For whom, and the receipt's numbers, open on request only. */
import { drawCard } from "./card.js";
import { copy, download, h, show } from "./dom.js";
import { address } from "./site.js";
import { wipeBar } from "./wipe.js";

export function doneScreen(page, stage, { record, again, already, shared, kept, final, wipe, change, another, forget, ballotWords }) {
	const { t } = page;
	const { receipt } = record;
	const title = final && already ? "done.here" : already ? "done.already" : again ? "done.here" : "done.title";
	const text = final ? "problem.replaced-too-often" : already ? "done.already_text" : receipt.status === "replaced" ? "done.replaced" : "done.text";
	const button = (words, onclick, kind = "button button-quiet") =>
		h("button", { type: "button", class: kind, onclick }, words);
	show(stage,
		h("p", { class: "kicker" }, page.pick(page.contest.name)),
		h("div", { class: "done" }, checkMark(), h("h1", {}, t(title)), h("p", { class: "lead" }, t(text))),
		shared && wipeBar(page, wipe),
		h("div", { class: "actions" }, h("a", { class: "button", href: address(page, "/results/") }, t("done.results")),
			change && button(t("done.change"), change)),
		change && h("p", { class: "soft" }, t("done.change_text")),
		shareCard(page, button),
		details(page, { record, ballotWords, button }),
		!shared && nextVoter(t, button, { kept, another, forget }));
}

/* The receipt stays for its owner unless told otherwise, whoever votes here next. */
function nextVoter(t, button, { kept, another, forget }) {
	let sure = false;
	const askForget = ({ currentTarget }) => {
		if (sure) return forget();
		sure = true;
		currentTarget.textContent = t("done.forget_sure");
		return undefined;
	};
	return h("section", { class: "next-voter", "aria-labelledby": "next-title" },
		h("h2", { id: "next-title" }, t("done.next")), kept && h("p", { class: "soft" }, t("done.stays")),
		h("div", { class: "actions" }, button(t("done.another"), another),
			button(t("done.forget"), askForget, "button button-text button-danger")));
}

function checkMark() {
	const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
	const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
	svg.setAttribute("viewBox", "0 0 48 48");
	svg.setAttribute("class", "done-mark");
	svg.setAttribute("aria-hidden", "true");
	path.setAttribute("d", "M11 25.5l9 9L37.5 15");
	svg.append(path);
	return svg;
}

function shareCard(page, button) {
	const { t, pick, contest } = page;
	const canvas = h("canvas", { class: "share-card", role: "img",
		"aria-label": t("done.card_alt", { name: pick(contest.name) }) });
	drawCard(canvas, { name: pick(contest.name), voted: t("card.voted"),
		badge: contest.rehearsal ? t("badge.rehearsal") : contest.demonstration ? t("badge.demonstration") : "",
		day: page.times.day(page.clock.now()) });
	const image = () => new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
	const share = async () => {
		const file = new File([await image()], "voted.png", { type: "image/png" });
		try {
			await navigator.share(navigator.canShare?.({ files: [file] }) ? { files: [file] }
				: { title: pick(contest.name), url: location.origin });
		} catch {
			// the voter thought better of it
		}
	};
	return h("section", { class: "share", "aria-labelledby": "share-title" },
		h("h2", { id: "share-title" }, t("done.card")), h("p", { class: "soft" }, t("done.card_text")), canvas,
		h("div", { class: "actions" }, button(t("done.save_card"), async () => download("voted.png", await image())),
			navigator.share && button(t("done.share"), share)));
}

function details(page, { record, ballotWords, button }) {
	const { t } = page;
	const { receipt, ballot } = record;
	const row = (key, value) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value));
	const text = JSON.stringify(receipt, null, 2);
	const fill = () => [h("p", { class: "soft" }, t("done.details_text")), h("dl", { class: "receipt" },
		row("done.choice", ballot ? ballotWords(ballot) : t("done.choice_unknown")),
		row("done.index", String(receipt.index)), row("done.shard", String(receipt.shard)),
		row("done.entry", h("code", {}, receipt.entry)), row("done.spent", h("code", {}, receipt.spent)),
		row("done.salt", h("code", {}, receipt.salt))),
	h("div", { class: "actions" },
		button(t("copy"), (event) => copy(text, event.currentTarget, t("copied"))),
		button(t("done.save_receipt"), () =>
			download("receipt.json", new Blob([text, "\n"], { type: "application/json" }))))];
	const place = h("div", {});
	return h("details", { class: "fold", ontoggle: (event) =>
		place.replaceChildren(...event.currentTarget.open ? fill() : []) },
	h("summary", {}, t("done.details")), place);
}
