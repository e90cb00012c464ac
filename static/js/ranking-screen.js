/* An order of the entries, made without dragging: pressing an entry gives it the next place; ranked ones move up and
 * down, or go back. Everything works by keyboard, and the focus stays with what was pressed. */
import { h } from "./dom.js";

/* The ranking with the entry at `from` moved to `to`; the same where that is no place. */
export function moved(ranking, from, to) {
	if (from < 0 || to < 0 || from >= ranking.length || to >= ranking.length) return ranking;
	const next = ranking.filter((_, i) => i !== from);
	next.splice(to, 0, ranking[from]);
	return next;
}

/* { fields, refresh, said } as ballot-screen.js wants them; draft.ranking holds the ids, the best first. */
export function rankingCards({ t, pick, contest }, { noun, order, draft }) {
	const { max } = contest.form;
	const byId = new Map(order.map((entry) => [entry.id, entry]));
	const ranked = h("ol", { class: "ranked" });
	const unranked = h("ul", { class: "cards unranked" });
	const none = h("p", { class: "soft" }, t("vote.ranked_none"));
	const rest = h("h2", { id: "unranked-title" }, t("vote.unranked", { noun }));
	const full = h("p", { class: "soft" });
	let said = null;

	const fields = h("div", { class: "ranking" },
		h("section", { "aria-labelledby": "ranked-title" }, h("h2", { id: "ranked-title", tabindex: "-1" }, t("vote.ranked")), none, ranked),
		h("section", { "aria-labelledby": "unranked-title" }, rest, full, unranked));
	const nameOf = (id) => pick(byId.get(id).name);

	/* `focus`: the button to go on from, by its id. */
	function change(ranking, words, focus) {
		draft.ranking = ranking;
		said = `${words}. ${t("vote.rank_count", { n: ranking.length, max })}`;
		fields.dispatchEvent(new Event("change", { bubbles: true }));
		(focus && fields.querySelector(`#${focus}`) || fields.querySelector("#ranked-title")).focus();
	}

	function add(id) {
		if (draft.ranking.length >= max) return;
		const left = order.filter((entry) => entry.id !== id && !draft.ranking.includes(entry.id));
		const at = order.findIndex((entry) => entry.id === id);
		const next = left.find((entry) => order.indexOf(entry) > at) ?? left[0];
		const place = draft.ranking.length + 1;
		change([...draft.ranking, id], t("vote.rank_of", { n: place, name: nameOf(id) }),
			place < max && next ? `rank-add-${next.id}` : null);
	}

	function move(id, by) {
		const from = draft.ranking.indexOf(id);
		const ranking = moved(draft.ranking, from, from + by);
		if (ranking === draft.ranking) return;
		change(ranking, t("vote.rank_of", { n: from + by + 1, name: nameOf(id) }), `rank-${by < 0 ? "up" : "down"}-${id}`);
	}

	const remove = (id) => change(draft.ranking.filter((other) => other !== id), t("vote.rank_removed", { name: nameOf(id) }),
		`rank-add-${id}`);

	/* Stays focusable where it does nothing, so that nobody loses the place. */
	const button = (id, kind, words, possible, onclick) => h("button", { type: "button", id: `rank-${kind}-${id}`,
		class: "button button-quiet rank-button", "aria-label": `${nameOf(id)}: ${t(words)}`,
		"aria-disabled": possible ? null : "true", onclick }, t(words));

	const rankedRow = (id, i, all) => h("li", { class: "card ranked-row" },
		h("span", { class: "ranked-place" }, t("vote.place", { n: i + 1 })), h("span", { class: "choice-name" }, nameOf(id)),
		h("span", { class: "ranked-buttons" }, button(id, "up", "vote.rank_up", i > 0, () => move(id, -1)),
			button(id, "down", "vote.rank_down", i < all.length - 1, () => move(id, 1)),
			button(id, "remove", "vote.rank_remove", true, () => remove(id))));

	const unrankedRow = (entry, place, possible) => h("li", {}, h("button", { type: "button", class: "card choice rank-add",
		id: `rank-add-${entry.id}`, "aria-disabled": possible ? null : "true", onclick: () => add(entry.id) },
	h("span", { class: "choice-text" }, h("span", { class: "choice-name" }, pick(entry.name)),
		h("span", { class: "choice-goal" }, pick(entry.goal))),
	possible && h("span", { class: "rank-next" }, t("vote.rank_add", { n: place }))));

	function refresh() {
		const { ranking } = draft;
		const left = order.filter(({ id }) => !ranking.includes(id));
		const possible = ranking.length < max;
		none.hidden = ranking.length > 0;
		full.hidden = possible && left.length > 0;
		full.textContent = left.length === 0 ? t("vote.unranked_none") : t("vote.rank_full", { max });
		ranked.replaceChildren(...ranking.map(rankedRow));
		unranked.replaceChildren(...left.map((entry) => unrankedRow(entry, ranking.length + 1, possible)));
	}

	return { fields, refresh, said: () => said };
}
