/* How everything on the results page is computed, in words and, where the standing is public, in one entry's numbers. */
import { h } from "./dom.js";
import { byRank, citizensTitle, fullPoints, workingOf, workingText } from "./standing.js";

/* What the votes themselves say, whatever else there is. */
function citizens({ t, contest }, noun) {
	const { form } = contest;
	const values = { noun, n: contest.entries.length };
	return [h("p", {}, t(`results.formula.${form.name}`, values)),
		form.name === "choices" && form.max > 1 && h("p", {}, t("results.formula.many", values)),
		form.name === "ranking" && h("p", {}, t(`results.formula.${form.method}`, values))];
}

function experts({ t, pick, number, contest }, noun) {
	if (contest.panels.length === 0) return [];
	const criteria = new Map(contest.criteria.map((one) => [one.id, one]));
	const most = ({ criteria: ids }) => ids.map((id) => criteria.get(id)).filter(Boolean)
		.reduce((sum, { max, weight }) => sum + max * weight, 0);
	return [h("h3", {}, t("experts.title")), h("p", {}, t("formula.experts_sum")),
		h("ul", { class: "bullets" }, contest.panels.map((panel) => h("li", {}, h("strong", {}, pick(panel.name)), ": ",
			t("formula.panel", { max: number.count(most(panel)), aggregate: t(`aggregate.${panel.aggregate}`) }), " ",
			t(`formula.aggregate.${panel.aggregate}`)))),
		h("p", {}, t("formula.experts_n", { noun }), " ", t("formula.experts_spread"), " ", t("formula.experts_few", { noun }))];
}

function standing(page, snapshot, noun) {
	const { t, pick, number, contest } = page;
	const { parts, advance } = contest.stage;
	const rows = snapshot?.formula?.publish === "full" ? byRank(snapshot.standing) : [];
	const example = rows.find(({ points }) => typeof points === "number") ?? null;
	const name = example && pick(contest.entries.find(({ id }) => id === example.entry)?.name);
	const exact = (n) => number.column([n])(n);
	const source = ({ source: kind, panel: id }) => {
		const panel = contest.panels.find((one) => one.id === id);
		return kind === "panel" ? t("formula.source.panel", { name: pick(panel?.name), aggregate: t(`aggregate.${panel?.aggregate}`) })
			: kind === "metric" ? t("formula.source.metric") : t(`formula.votes.${contest.form.name}`);
	};
	const worked = (part) => {
		const working = workingOf(part, rows, example.entry);
		return working ? `${workingText(part, working, exact)} = ${exact(working.points)}` : t("standing.no_value");
	};
	const line = (part) => h("tr", {}, h("th", { scope: "row" }, pick(part.name)), h("td", {}, source(part)),
		h("td", {}, part.weight === 0 ? t("formula.reference")
			: t(`formula.scale.${part.scale}`, { out_of: number.count(part.out_of ?? 0), weight: number.count(part.weight) })),
		example && h("td", {}, part.weight === 0 ? "–" : worked(part)));
	return [h("h3", {}, t("standing.title")), h("p", {}, t("formula.sum", { n: number.count(fullPoints(parts)) })),
		h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("formula.table") },
			h("table", { class: "plain formula" }, h("caption", { class: "unseen" }, t("formula.table")),
				h("thead", {}, h("tr", {}, [t("formula.part"), t("formula.value"), t("formula.points"),
					example && t("formula.example", { name })].filter(Boolean).map((text) => h("th", { scope: "col" }, text)))),
				h("tbody", {}, parts.map(line),
					example && h("tr", {}, h("th", { scope: "row" }, t("standing.points")), h("td", {}), h("td", {}),
						h("td", {}, h("strong", {}, exact(example.points))))))),
		h("ul", { class: "bullets" }, [t("formula.rounding"), t("formula.limits", { noun }), t("formula.ties"),
			advance.count > 0 ? `${t("formula.cut", { n: number.count(advance.count) })} ${t(`formula.across.${advance.ties}`)}`
				: t("formula.no_cut"),
			t(`formula.refill.${Boolean(advance.refill)}`, { noun })].map((text) => h("li", {}, text)))];
}

/* All of it as nodes; `snapshot` may be null. */
export function formulaNodes(page, snapshot) {
	const noun = page.pick(page.contest.entry_noun);
	const stage = page.contest.stage ? standing(page, snapshot, noun) : [];
	const rest = [...experts(page, noun), ...stage];
	return [rest.length > 0 && h("h3", {}, citizensTitle(page)), ...citizens(page, noun), ...rest].filter(Boolean);
}
