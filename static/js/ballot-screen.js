/* The ballot: cards to choose from, a score for each entry, or an order. Hands on a complete ballot only. */
import { toInteger } from "./blind.js";
import { random } from "./bytes.js";
import { h, show } from "./dom.js";
import { countOf, isComplete } from "./forms.js";

const RADIO_ROW_MAX = 11; // more scores than this become a stepper

/* Entries in an order of this voter's own, the same until the window closes. */
export function shuffled(entries, session) {
	const kept = session && readOrder(session);
	if (kept && kept.length === entries.length && entries.every(({ id }) => kept.includes(id))) {
		return kept.map((id) => entries.find((entry) => entry.id === id));
	}
	const order = [...entries];
	for (let last = order.length - 1; last > 0; last--) {
		const other = Number(toInteger(random(8)) % BigInt(last + 1)); // bias below 2^-57
		[order[last], order[other]] = [order[other], order[last]];
	}
	try {
		session?.setItem("tallyd.order", JSON.stringify(order.map(({ id }) => id)));
	} catch {
		// storage is full or blocked: the order holds for this page
	}
	return order;
}

function readOrder(session) {
	try {
		return JSON.parse(session.getItem("tallyd.order"));
	} catch {
		return null;
	}
}

let rankingCards = null;

/* Fetches what only some forms need; to be awaited before the first ballotScreen(). */
export async function prepareBallot({ name }) {
	if (name === "ranking") ({ rankingCards } = await import("./ranking-screen.js"));
}

/* How each form is drawn, what it is called, and what it says to begin with. */
const looks = {
	choices: { draw: choiceCards, title: ({ max }) => max === 1 ? "vote.choose.one" : "vote.choose.some" },
	scores: { draw: scoreCards, title: () => "vote.choose.scores", hint: () => "vote.scores_hint" },
	ranking: { draw: (...given) => rankingCards(...given), title: () => "vote.choose.ranking",
		hint: ({ min, max }) => min === max ? "vote.ranking_hint.all" : "vote.ranking_hint.some" },
};

export function ballotScreen(page, stage, { noun, order, ballot, onDone }) {
	const { t, contest } = page;
	const { form } = contest;
	const draft = structuredClone(ballot);
	const values = { noun, min: form.min, max: form.max };
	const { draw, title, hint } = looks[form.name];
	const summary = h("div", { class: "summary summary-error", role: "alert", tabindex: "-1", hidden: true });
	const status = h("p", { class: "picked", "aria-live": "polite" });
	const { fields, refresh, said } = draw(page, { noun, order, draft });

	function complain(key) {
		const first = fields.querySelector("input, .rank-add");
		summary.replaceChildren(h("h2", {}, t("vote.errors")),
			h("p", {}, h("a", { href: `#${first.id}`, onclick: (event) => {
				event.preventDefault();
				first.focus();
			} }, t(key, values))));
		summary.hidden = false;
		summary.focus();
	}

	function submit(event) {
		event.preventDefault();
		if (isComplete(contest, draft)) return onDone(draft);
		const tooMany = form.name === "choices" && draft.choices.length > form.max;
		return complain(tooMany ? "vote.too_many" : `vote.missing.${form.name}`);
	}

	fields.addEventListener("change", () => {
		refresh();
		status.textContent = said?.() ?? (form.name === "choices" && form.max === 1 ? chosenName()
			: t("vote.count", { n: countOf(draft) }));
		if (isComplete(contest, draft)) summary.hidden = true;
	});
	const chosenName = () => {
		const entry = contest.entries.find(({ id }) => id === draft.choices[0]);
		return entry ? t("vote.chosen_name", { name: page.pick(entry.name) }) : "";
	};
	refresh();
	show(stage, h("h1", {}, t(title(form), values)), h("p", { class: "soft" }, t("vote.order", values),
		hint && ` ${t(hint(form), values)}`), summary,
	h("form", { novalidate: true, onsubmit: submit }, fields,
		h("div", { class: "actions actions-sticky" }, status,
			h("button", { type: "submit", class: "button" }, t("vote.next")))));
}

function choiceCards({ t, pick, contest }, { noun, order, draft }) {
	const one = contest.form.max === 1;
	const cards = order.map((entry) => {
		const input = h("input", { type: one ? "radio" : "checkbox", name: "choice", id: `choice-${entry.id}`,
			value: entry.id });
		input.checked = draft.choices.includes(entry.id);
		input.addEventListener("change", () => {
			const others = one ? [] : draft.choices.filter((id) => id !== entry.id);
			draft.choices = input.checked ? [...others, entry.id] : others;
		});
		return { input, card: h("label", { class: "card choice", for: input.id }, input,
			h("span", { class: "choice-text" }, h("span", { class: "choice-name" }, pick(entry.name)),
				h("span", { class: "choice-goal" }, pick(entry.goal))),
			h("span", { class: "choice-mark", "aria-hidden": "true" }, t("vote.chosen"))) };
	});
	return {
		fields: h("fieldset", { class: "cards" },
			h("legend", { class: "unseen" }, t("vote.legend", { noun })), cards.map(({ card }) => card)),
		refresh: () => cards.forEach(({ input, card }) => card.classList.toggle("is-chosen", input.checked)),
	};
}

function scoreCards(page, { order, draft }) {
	const { form } = page.contest;
	const steps = Math.floor((form.max - form.min) / form.step) + 1;
	const field = steps <= RADIO_ROW_MAX ? scoreRow : scoreStepper;
	return {
		fields: h("div", { class: "cards" }, order.map((entry) => field(page, entry, draft, steps))),
		refresh: () => {},
	};
}

const scoreLegend = ({ pick }, entry) => h("legend", {}, h("span", { class: "choice-name" }, pick(entry.name)),
	h("span", { class: "choice-goal" }, pick(entry.goal)));

function scoreRow(page, entry, draft, steps) {
	const { t, contest: { form } } = page;
	const scores = Array.from({ length: steps }, (_, i) => form.min + i * form.step);
	const radio = (score) => {
		const input = h("input", { type: "radio", name: `score-${entry.id}`, id: `score-${entry.id}-${score}`,
			value: score, onchange: () => {
				draft.scores[entry.id] = score;
			} });
		input.checked = draft.scores[entry.id] === score;
		return h("label", { class: "score", for: input.id }, input, h("span", {}, String(score)));
	};
	const fieldset = h("fieldset", { class: "card score-card" }, scoreLegend(page, entry),
		h("div", { class: "score-row" }, scores.map(radio)));
	fieldset.append(h("button", { type: "button", class: "button button-text", onclick: () => {
		delete draft.scores[entry.id];
		for (const input of fieldset.querySelectorAll("input")) input.checked = false;
		fieldset.dispatchEvent(new Event("change", { bubbles: true }));
	} }, t("vote.clear")));
	return fieldset;
}

function scoreStepper(page, entry, draft) {
	const { t, contest: { form } } = page;
	const input = h("input", { type: "text", inputmode: "numeric", id: `score-${entry.id}`, class: "stepper-value",
		autocomplete: "off", "aria-label": page.pick(entry.name), placeholder: "–" });
	const put = (score) => {
		if (score === null) delete draft.scores[entry.id];
		else draft.scores[entry.id] = score;
		input.value = score ?? "";
	};
	const nearest = (number) => {
		const step = Math.round((number - form.min) / form.step);
		const last = Math.floor((form.max - form.min) / form.step);
		return form.min + form.step * Math.min(Math.max(step, 0), last);
	};
	input.addEventListener("change", () => {
		const number = Number(input.value);
		put(input.value.trim() === "" || Number.isNaN(number) ? null : nearest(number));
	});
	const move = (by) => {
		put(nearest((draft.scores[entry.id] ?? form.min - Math.min(by, 0)) + by));
		input.dispatchEvent(new Event("change", { bubbles: true }));
	};
	put(draft.scores[entry.id] ?? null);
	const button = (text, label, by) => h("button", { type: "button", class: "button button-quiet stepper-button",
		"aria-label": `${page.pick(entry.name)}: ${t(label)}`, onclick: () => move(by) }, text);
	return h("fieldset", { class: "card score-card" }, scoreLegend(page, entry),
		h("div", { class: "stepper" }, button("−", "vote.less", -form.step), input,
			button("+", "vote.more", form.step)));
}
