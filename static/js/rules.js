/* How a contest is decided, told before it begins: the standing's parts with what each can give, who rates by which
 * criteria, the cut, and the hash that everything is frozen under. */
import { h } from "./dom.js";
import { address } from "./site.js";

/* [] where there is nothing but the votes to tell of. */
export function rulesNodes(page) {
	const { contest } = page;
	const shown = [contest.stage && parts(page), ...contest.panels.map((panel) => criteria(page, panel))].filter(Boolean);
	return shown.length === 0 ? [] : [frozen(page), ...shown, formula(page), hash(page)];
}

/* A rehearsal's rules say nothing of the real ones, which are open until those begin. */
const frozen = ({ t, contest }) => h("p", { class: "how-lead" },
	t(contest.phase === "announced" ? "home.ahead" : contest.rehearsal ? "home.frozen_rehearsal" : "home.frozen"));

const hash = ({ t, contest }) => h("p", { class: "soft" }, t("results.print_rules", { hash: "" }), h("code", {}, contest.rules_hash));

const formula = (page) => h("p", {}, h("a", { href: `${address(page, "/results/")}#formula` }, page.t("home.formula")));

function parts({ t, pick, number, contest }) {
	const { stage } = contest;
	const weight = (part) => part.weight === 0 ? t("home.reference") : t("home.weight_points", { n: number.count(part.weight) });
	return h("div", {}, h("table", { class: "plain how-parts" }, h("thead", {}, h("tr", {},
		h("th", { scope: "col" }, t("home.part")), h("th", { scope: "col", class: "figure" }, t("home.weight")))),
	h("tbody", {}, stage.parts.map((part) => h("tr", {}, h("th", { scope: "row" }, pick(part.name)),
		h("td", { class: "figure" }, weight(part)))))),
	stage.advance.count > 0 && h("p", {}, t("home.cut", { n: number.count(stage.advance.count) })));
}

/* A panel's criteria, folded: what a score means is there for who wants it. */
function criteria({ t, pick, number, contest }, panel) {
	const own = contest.criteria.filter(({ id }) => panel.criteria.includes(id));
	const most = own.reduce((sum, { max, weight }) => sum + max * weight, 0);
	const range = ({ min, max, weight }) => [t("home.range_points", { min, max }), weight !== 1 && t("home.times", { n: weight })]
		.filter(Boolean).join(" ");
	return h("details", { class: "fold how-criteria" },
		h("summary", {}, t("home.criteria", { name: pick(panel.name), n: own.length, max: number.count(most) })),
		h("div", {}, h("dl", {}, own.map((one) => h("div", {},
			h("dt", {}, pick(one.name), h("span", { class: "soft" }, range(one))), h("dd", {}, pick(one.rubric)))))));
}
