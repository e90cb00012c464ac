/* The end of voting: that one voted. For whom, and the receipt's numbers, open on request only. What the log says of it
 * comes later (receipt-panel.js), into the places that this returns. */
import { drawCard } from "./card.js";
import { copy, download, h, put, show } from "./dom.js";
import { address } from "./site.js";
import { wipeBarAfter } from "./wipe.js";
import { loadWords } from "./words.js";

/* A shared device waits so long for the log: what an entry may wait, and a little; never an hour for nobody. */
const SEAL_MS = 60_000;
const SEAL_MAX_MS = 240_000;
const GRACE_MS = 60_000;

export function doneScreen(page, stage, { record, proven, again, already, shared, kept, final, wipe, change, another, forget, ballotWords }) {
	const { t } = page;
	const { receipt } = record;
	const title = final && already ? "done.here" : already ? "done.already" : again ? "done.here" : "done.title";
	const text = final ? "problem.replaced-too-often" : already ? "done.already_text" : receipt.status === "replaced" ? "done.replaced" : "done.text";
	const button = (words, onclick, kind = "button button-quiet") =>
		h("button", { type: "button", class: kind, onclick }, words);
	const head = doneHead(t(title), t(text));
	const places = logPlaces(t("log.checking"));
	const wait = page.contest.log === "off" ? 0 : Math.min(page.contest.seal?.max_wait_ms ?? SEAL_MS, SEAL_MAX_MS) + GRACE_MS;
	const clear = shared ? wipeBarAfter(page, wipe, wait) : null;
	show(stage,
		h("p", { class: "kicker" }, page.pick(page.contest.name)),
		head.element, places.box,
		clear?.bar,
		h("div", { class: "actions" }, h("a", { class: "button", href: address(page, "/results/") }, t("done.results")),
			change && button(t("done.change"), change)),
		change && h("p", { class: "soft" }, t("done.change_text")),
		places.keep,
		shareCard(page, button),
		details(page, { record, proven, ballotWords, button }),
		!shared && nextVoter(t, button, { kept, another, forget }));
	return { head, ...places, beginWipe: () => clear?.begin() };
}

/* Two ways on where this browser has somebody's vote already, perhaps another's than the reader's. Fails where its words
 * cannot be fetched. */
async function twoWays({ lang, pick, contest }, stage, words, [first, onFirst], [second, onSecond]) {
	const t = await loadWords(lang, ["receipt"]);
	const button = (key, onclick, kind) => h("button", { type: "button", class: kind, onclick }, t(key));
	const { title, lead, why, text } = words;
	show(stage, h("p", { class: "kicker" }, pick(contest.name)), h("h1", {}, t(title)),
		h("p", { class: "lead" }, t(lead)), why && h("p", { class: "summary summary-error" }, t(why)), h("p", {}, t(text)),
		h("div", { class: "actions" }, button(first, onFirst, "button"), button(second, onSecond, "button button-quiet")));
}

/* Whose code the link brought is for the reader to say. */
export const whoseScreen = (page, stage, { mine, another }) =>
	twoWays(page, stage, { title: "whose.title", lead: "whose.lead", text: "whose.text" }, ["check.open", mine], ["whose.vote", another]);

/* The same, where the vote before was refused; `why`: the key of the reason. */
export const unfinishedScreen = (page, stage, { why, goOn, anew }) =>
	twoWays(page, stage, { title: "whose.title", lead: "whose.unfinished", why, text: "whose.unfinished_text" }, ["whose.vote", anew], ["whose.go_on", goOn]);

/* Another tab's vote stands where this one would be kept. */
export const occupiedScreen = (page, stage, { goOn, mine }) =>
	twoWays(page, stage, { title: "occupied.title", lead: "occupied.lead", text: "occupied.text" }, ["whose.go_on", goOn], ["occupied.mine", mine]);

/* The good news; less() says no more than the server did, doubt() takes it back, restore() brings it again. */
function doneHead(title, text) {
	const heading = h("h1", {}, title);
	const lead = h("p", { class: "lead" }, text);
	const element = h("div", { class: "done" }, checkMark(), heading, lead);
	const say = (kind, words, more) => {
		element.className = kind;
		put(heading, words);
		put(lead, more);
	};
	return { element, restore: () => say("done", title, text), less: (more) => say("done", title, more),
		doubt: (words, more) => say("done done-doubt", words, more) };
}

/* One polite message, what can be done about it, and further below the receipt to keep. Both have their room from the
 * start: what comes later moves nothing that a finger is on its way to. */
function logPlaces(words) {
	const line = h("span", {}, words);
	const text = h("span");
	const more = h("div");
	const rooms = [h("p", { class: "in-log-line roomy" }, line), h("p", { class: "in-log-text roomy" }, text)];
	return { box: h("div", { class: "in-log in-log-checking" }, h("div", { role: "status" }, rooms), more),
		line, text, rooms, more, keep: h("div") };
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

/* Once the log's proof is here, the file to keep is that (receipt-keep.js), and there is no other beside it. */
function details(page, { record, proven, ballotWords, button }) {
	const { t } = page;
	const { receipt, ballot } = record;
	const row = (key, value) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value));
	const text = JSON.stringify(receipt, null, 2);
	const fill = () => [h("p", { class: "soft" }, t("done.details_text")), h("dl", { class: "receipt" },
		row("done.choice", ballot ? ballotWords(ballot) : t("done.choice_unknown")),
		row("done.index", String(receipt.index)), row("done.shard", String(receipt.shard)),
		row("done.entry", h("code", {}, receipt.entry)), row("done.spent", h("code", {}, receipt.spent)),
		row("done.salt", h("code", {}, receipt.salt))),
	!proven() && h("div", { class: "actions" },
		button(t("copy"), (event) => copy(text, event.currentTarget, t("copied"))),
		button(t("done.save_receipt"), () =>
			download("receipt.json", new Blob([text, "\n"], { type: "application/json" }))))];
	const place = h("div", {});
	return h("details", { class: "fold", ontoggle: (event) =>
		place.replaceChildren(...event.currentTarget.open ? fill().filter(Boolean) : []) },
	h("summary", {}, t("done.details")), place);
}
