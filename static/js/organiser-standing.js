/* The stage's standing as organisers see it: parts, subtotals, total, the formula, the cut line; and the metrics. */
import { h } from "./dom.js";
import { exact, namesOf, section, table, whenChanged } from "./organiser-parts.js";
import { isPublic } from "./organiser-tally.js";

/* Rows by rank, those without one last; equal ranks in the contest's order. */
export const byRank = (rows) => [...rows].sort((a, b) => (a.rank ?? rows.length + 1) - (b.rank ?? rows.length + 1));

/* How many of the rows, sorted by rank, stand above the cut line; 0 while that is open. */
export const aboveCut = (rows) => rows.map(({ advanced }) => advanced === true).lastIndexOf(true) + 1;

export function standingSection({ page, contest }) {
	const { t, pick, number, lang } = page;
	const names = namesOf(page);
	const noun = pick(contest.entry_noun);
	const value = exact(lang);
	const place = h("div", {});
	const metricsPlace = h("div", {});
	const element = section("standing", t("organiser.section.standing"), place,
		h("h3", {}, t("organiser.metrics.title")), metricsPlace);

	const weightOf = ({ weight }) => weight === 0 ? t("organiser.standing.reference")
		: t("organiser.standing.points_max", { n: number.count(weight) });

	function cellsOf(row, { parts, subtotals = [] }) {
		const part = ({ id }) => {
			const one = row.parts?.[id];
			return one?.value === null || one?.value === undefined ? h("span", { class: "o-flag" }, t("organiser.standing.missing"))
				: [value(one.points), h("span", { class: "o-under" }, t("organiser.standing.value", { value: value(one.value) }))];
		};
		const why = typeof row.disqualified === "string" ? row.disqualified : pick(row.disqualified);
		const fate = row.disqualified ? t("organiser.standing.disqualified", { why })
			: row.advanced === true ? t("organiser.standing.advanced")
				: row.advanced === false ? t("organiser.standing.not_advanced") : "–";
		return [[row.tied && h("span", { class: "tied" }, t("results.tied")), String(row.rank ?? "–")], names.entry(row.entry), ...parts.map(part),
			...subtotals.map(({ id }) => value(row.subtotals?.[id])), h("strong", {}, value(row.points)), fate];
	}

	function drawStanding(standing, phase) {
		const { parts = [], subtotals = [], rows = [], missing = [], advance } = standing;
		const sorted = byRank(rows);
		const cut = aboveCut(sorted);
		const partName = (id) => pick(parts.find((part) => part.id === id)?.name) || id;
		const lines = sorted.map((row, i) => Object.assign(cellsOf(row, standing),
			{ kind: [i === cut && cut > 0 && "is-below-cut", row.disqualified && "is-out"].filter(Boolean).join(" ") || null }));
		const frame = table(t("organiser.standing.caption"), [{ text: t("results.rank") },
			{ text: t("results.entry", { noun }), row: true },
			...parts.map((part) => ({ text: `${pick(part.name)} ${weightOf(part)}`, figure: true })),
			...subtotals.map(({ name }) => ({ text: t("organiser.standing.subtotal", { name: pick(name) }), figure: true })),
			{ text: t("organiser.standing.total"), figure: true }, { text: t("organiser.standing.fate") }], lines,
		{ class: "plain o-standing" });
		place.replaceChildren(
			isPublic(contest.visibility.standing, phase) ? "" : h("p", { class: "o-embargo" }, t("organiser.embargo")),
			h("p", { class: standing.complete ? "soft" : "summary summary-wait" },
				t(standing.complete ? "organiser.standing.complete" : "organiser.standing.incomplete")),
			missing.length ? h("ul", { class: "o-lines" }, missing.map(({ part, entry }) =>
				h("li", {}, t("organiser.standing.lacks", { part: partName(part), entry: names.entry(entry) })))) : "",
			frame,
			advance?.count ? h("p", { class: "soft" }, t("organiser.standing.cut", { n: number.count(advance.count) }), " ",
				t(`organiser.standing.refill.${Boolean(advance.refill)}`), " ",
				t(`organiser.standing.ties.${advance.ties ?? "included"}`)) : "",
			h("details", { class: "fold" }, h("summary", {}, t("organiser.formula.title")), h("div", {}, formula(parts))));
	}

	const formula = (parts) => [h("p", {}, t("organiser.formula.sum")), h("ul", { class: "o-lines" }, parts.map((part) =>
		h("li", {}, t(`organiser.formula.${part.scale}`, { part: pick(part.name), weight: number.count(part.weight),
			out_of: number.count(part.out_of ?? 0) }), part.weight === 0 && ` ${t("organiser.formula.zero")}`))),
	h("p", {}, t("organiser.formula.rounding"))];

	const draw = whenChanged(({ standing, metrics, phase }) => [standing, metrics, phase], ({ standing, metrics = [], phase }) => {
		if (standing) drawStanding(standing, phase);
		else {
			place.replaceChildren(h("p", { class: "message" },
				t(contest.stage === null ? "organiser.standing.none" : "organiser.standing.unseen")));
		}
		const partName = (id) => pick((contest.stage?.parts ?? standing?.parts ?? []).find((part) => part.id === id)?.name) || id;
		metricsPlace.replaceChildren(metrics.length === 0 ? h("p", { class: "soft" }, t("organiser.metrics.none"))
			: table(t("organiser.metrics.title"), ["part", "entry", "value", "source", "as_of", "method", "version"].map((key) =>
				({ text: t(`organiser.metrics.${key}`), figure: key === "value" || key === "version" })),
			metrics.map((one) => [partName(one.part), names.entry(one.entry), String(one.value), one.source, one.as_of,
				one.method, String(one.version ?? 1)]), { class: "plain o-metrics" }));
	});
	return { element, draw };
}
