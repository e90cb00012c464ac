/* The screens around the sheet: the pledge before it, the review before it is submitted, and the choice between two
 * versions. Each draws itself in place of the stage and hands on what the expert decided. */
import { h, show } from "./dom.js";
import { exclusionWords } from "./sheet-field.js";
import { differences, draftOf, entryTotal, exclusion, merged } from "./sheet-model.js";

const button = (text, onclick, kind = "button") => h("button", { type: "button", class: kind, onclick }, text);
const kicker = ({ pick, contest }) => h("p", { class: "kicker" }, pick(contest.name));

/* Who may read the sheet later; an expert knows before the first score. */
export function publishedWords({ t, contest }, noun) {
	const how = contest.sheet_openings !== "public" ? "auditors" : contest.pseudonyms ? "numbered" : "named";
	return h("p", { class: "published" }, t(`expert.published.${how}`, { noun }));
}

/* `agree()` resolves when the server has it; rejects with what to say. */
export function pledgeScreen(page, stage, { text, expert, noun, agree }) {
	const { t } = page;
	const error = h("p", { class: "cell-error", id: "pledge-error", role: "alert" });
	const box = h("input", { type: "checkbox", id: "pledge", "aria-describedby": error.id });
	const send = button(t("expert.pledge_do"), async () => {
		error.textContent = "";
		if (!box.checked) {
			error.textContent = t("expert.pledge_missing");
			box.focus();
			return;
		}
		send.disabled = true;
		try {
			await agree();
		} catch (problem) {
			error.textContent = problem.message;
			send.disabled = false;
		}
	});
	show(stage, kicker(page), h("h1", {}, t("expert.pledge")),
		h("p", { class: "lead" }, [expert.name, expert.affiliation].filter(Boolean).join(" · ")),
		h("div", { class: "pledge" }, text.split(/\n+/).map((line) => h("p", {}, line))),
		publishedWords(page, noun),
		h("label", { class: "option", for: box.id }, box, h("strong", {}, t("expert.pledge_agree"))),
		error, h("div", { class: "actions" }, send));
}

/* → progress(text or null, busy): what is happening to the submission. */
export function reviewScreen(desk, stage, { submit, back }) {
	const { page } = desk;
	const { t } = page;
	const status = h("p", { role: "status", class: "review-status" });
	const send = button(t("expert.submit_do"), submit);
	const rest = button(t("expert.review_back"), back, "button button-quiet");
	show(stage, kicker(page), h("h1", {}, t("expert.review")), h("p", { class: "lead" }, t("expert.review_text")),
		h("div", { class: "sheet-scroll", role: "region", tabindex: "0", "aria-label": t("expert.grid") },
			scoreTable(desk)),
		commentList(desk),
		status, h("div", { class: "actions actions-sticky" }, send, rest));
	return (text, busy) => {
		status.textContent = text ?? "";
		send.disabled = busy;
		rest.disabled = busy;
	};
}

/* The sheet as text. */
export function scoreTable(desk) {
	const { page: { t, pick }, frame, noun } = desk;
	return h("table", { class: "review-table" },
		h("thead", {}, h("tr", {}, h("th", { scope: "col" }, noun),
			frame.criteria.map((one) => h("th", { scope: "col" }, pick(one.name),
				h("span", { class: "range" }, t("expert.range", one)))), h("th", { scope: "col" }, t("expert.total")))),
		h("tbody", {}, frame.entries.map(({ id, name }) => h("tr", {}, h("th", { scope: "row" }, pick(name)),
			scoreCells(desk, id)))));
}

function scoreCells(desk, id) {
	const { page: { t }, frame, draft } = desk;
	if (exclusion(frame, draft, id)) {
		return [h("td", { colspan: String(frame.criteria.length + 1), class: "sheet-excluded" },
			h("span", {}, exclusionWords(desk, id)))];
	}
	const { points, max, missing } = entryTotal(frame, draft, id);
	return [...frame.criteria.map((one) => h("td", {}, String(draft.scores[id]?.[one.id] ?? "–"))),
		h("td", {}, h("strong", {}, t("expert.points", { points, max })),
			missing > 0 && h("span", { class: "open" }, ` ${t("expert.open", { n: missing })}`))];
}

export function commentList({ page: { t, pick }, frame, draft }) {
	const given = frame.entries.filter(({ id }) => draft.comments[id]?.trim()
		&& !["conflict", "ruling"].includes(exclusion(frame, draft, id)));
	return given.length > 0 && [h("h2", { class: "part" }, t("expert.comments")),
		h("dl", { class: "comment-list" }, given.map(({ id, name }) => [h("dt", {}, pick(name)),
			h("dd", {}, draft.comments[id])]))];
}

/* Two versions of one sheet: `mine`, and what stands. `decide(draft, or null for what stands as it is)`. */
export function conflictScreen(desk, stage, { mine, theirs, mineWhere, decide }) {
	const { page, frame } = desk;
	const { t, times } = page;
	const list = differences(frame, draftOf(mine), draftOf(theirs.sheet));
	const submitted = theirs.sheet.state === "submitted";
	const choice = list.map(() => null);
	const error = h("p", { class: "cell-error", id: "conflict-error", role: "alert" });
	const all = (value) => list.forEach((_, i) => {
		stage.querySelector(`#difference-${i}-${value}`).checked = true;
		choice[i] = value;
	});
	const done = () => {
		const open = choice.indexOf(null);
		if (open >= 0) {
			error.textContent = t("expert.conflict_open");
			stage.querySelector(`#difference-${open}-mine`).focus();
		} else if (choice.every((one) => one === "theirs")) {
			decide(null);
		} else {
			decide(merged(draftOf(mine), list, (i) => choice[i] === "theirs"));
		}
	};
	const option = (i, value, words) => h("label", { class: "version", for: `difference-${i}-${value}` },
		h("input", { type: "radio", name: `difference-${i}`, id: `difference-${i}-${value}`, onchange: () => {
			choice[i] = value;
			error.textContent = "";
		} }), h("span", {}, h("span", { class: "version-whose" }, t(`expert.version.${value}`)), words));
	const at = theirs.sheet.saved_at ? times.time(theirs.sheet.saved_at) : "";
	show(stage, kicker(page), h("h1", {}, t("expert.conflict_title")),
		h("p", { class: "lead" }, t(`expert.conflict_text.${mineWhere}`), at && ` ${t("expert.conflict_at", { at })}`),
		submitted && h("div", { class: "summary summary-wait" }, h("p", {}, t("expert.conflict_submitted"))),
		h("div", { class: "actions" },
			button(t("expert.all_mine"), () => all("mine"), "button button-quiet"),
			button(t("expert.all_theirs"), () => all("theirs"), "button button-quiet")),
		list.map((one, i) => h("fieldset", { class: "difference" },
			h("legend", {}, whatDiffers(desk, one)),
			option(i, "mine", versionWords(desk, one, one.mine)), option(i, "theirs", versionWords(desk, one, one.theirs)))),
		error, h("div", { class: "actions actions-sticky" }, button(t("expert.conflict_do"), done)));
}

function whatDiffers({ page: { t, pick }, frame, name }, { entry, kind, criterion }) {
	const what = kind === "score" ? pick(frame.criteria.find(({ id }) => id === criterion).name)
		: t(`expert.differs.${kind}`);
	return `${name(entry)} – ${what}`;
}

function versionWords({ page: { t, pick }, frame }, { kind }, value) {
	if (kind !== "entry") return value === undefined ? t("expert.nothing") : String(value);
	if (value.recused !== undefined) return t("expert.recused", { reason: value.recused });
	if (!Object.keys(value.scores).length) return t("expert.nothing");
	return frame.criteria.map(({ id, name }) => `${pick(name)} ${value.scores[id] ?? "–"}`).join(", ");
}
