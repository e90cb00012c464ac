/* What the panels say of each entry: value, spread, and of how many experts; in the contest's order, so that panels
 * read side by side. Why a score is kept back stands in its place. */
import { h, whenChanged } from "./dom.js";
import { denominators } from "./standing.js";

/* { element, draw(snapshot) } */
export function expertsTables(page) {
	const { t, contest } = page;
	const element = h("div", {});
	const draw = whenChanged(({ experts }) => experts, ({ experts }) => element.replaceChildren(
		...experts.panels ? experts.panels.map((panel) => panelTable(page, panel, experts.panels.length > 1))
			: [h("p", { class: "message" }, t(`board.withheld.${contest.visibility.experts}`))]));
	return { element, draw };
}

/* "9명 중 7명, 회피 2명": nobody is left out silently. */
export function denominatorWords({ t, number }, row) {
	const { n, of, recused, absent } = denominators(row);
	return [t("experts.n", { n: number.count(n), of: number.count(of) }),
		recused > 0 && t("experts.recused", { n: number.count(recused) }),
		absent > 0 && t("experts.absent", { n: number.count(absent) })].filter(Boolean).join(", ");
}

function panelTable(page, panel, named) {
	const { t, pick, number, contest } = page;
	const name = pick(panel.name);
	const names = new Map(contest.entries.map((entry) => [entry.id, pick(entry.name)]));
	const line = (row) => {
		const shown = typeof row.value === "number";
		const tr = h("tr", { class: shown ? null : "is-hidden" },
			h("th", { scope: "row" }, h("span", { class: "board-name" }, names.get(row.entry) ?? row.entry),
				h("span", { class: "under" }, denominatorWords(page, row)),
				shown ? h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))
					: h("span", { class: "under under-why" }, t("experts.too_few"))),
			h("td", { class: "figure figure-strong" }, shown ? number.mean(row.value) : "–"),
			h("td", { class: "figure" }, typeof row.spread === "number" ? number.mean(row.spread) : "–"));
		if (shown) tr.style.setProperty("--bar", String(Math.max(0, row.value) / panel.max));
		return tr;
	};
	return h("div", { class: "panel" }, named && h("h3", {}, name), h("table", { class: "tally tally-small" },
		h("caption", {}, h("span", { class: named ? "unseen" : null }, `${name}: `), t("experts.caption", { aggregate: t(`aggregate.${panel.aggregate}`),
			max: number.count(panel.max), of: number.count(panel.of), submitted: number.count(panel.submitted) })),
		h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("results.entry", { noun: pick(contest.entry_noun) })),
			h("th", { scope: "col", class: "figure" }, t("experts.value")),
			h("th", { scope: "col", class: "figure" }, t("experts.spread")))),
		h("tbody", {}, panel.entries.map(line))));
}
