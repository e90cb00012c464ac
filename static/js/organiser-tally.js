/* Citizens' count as organisers see it: live, also while the public sees none. */
import { h } from "./dom.js";
import { put, section, whenChanged } from "./organiser-parts.js";
import { rowsOf, valueWords } from "./tally.js";

const heads = {
	choices: { votes: "results.votes", value: "results.share" },
	scores: { votes: "results.scored", value: "results.mean" },
	ranking: { votes: "results.ranked", value: "results.borda" },
};

/* Whether the public is shown this count in this phase. */
export function isPublic(visibility, phase) {
	if (visibility === "live") return true;
	const after = visibility === "organisers" ? ["closed", "provisional", "certified", "corrected"]
		: ["provisional", "certified", "corrected"];
	return after.includes(phase);
}

export function tallySection({ page, contest }) {
	const { t, pick, number } = page;
	const noun = pick(contest.entry_noun);
	const head = heads[contest.form.name];
	const embargo = h("p", { class: "o-embargo", hidden: true });
	const caption = h("caption");
	const body = h("tbody");
	const bar = (under) => h("span", { class: `bar${under ? " bar-under" : ""}`, "aria-hidden": "true" }, h("span", {}));
	const lines = new Map(contest.entries.map(({ id, name }) => {
		const line = { rank: h("td", { class: "rank" }), votes: h("td", { class: "figure" }),
			value: h("td", { class: "figure figure-strong" }) };
		line.row = h("tr", {}, line.rank, h("th", { scope: "row" }, pick(name), bar(true)), line.votes, line.value,
			h("td", { class: "bar-cell" }, bar(false)));
		return [id, line];
	}));
	const element = section("tally", t("organiser.section.tally"), embargo,
		h("div", { class: "board o-board" }, h("table", { class: "tally" }, caption, h("thead", {}, h("tr", {},
			h("th", { scope: "col", class: "rank" }, t("results.rank")),
			h("th", { scope: "col" }, t("results.entry", { noun })),
			h("th", { scope: "col", class: "figure" }, t(head.votes)),
			h("th", { scope: "col", class: "figure" }, t(head.value)),
			h("th", { scope: "col", class: "bar-cell" }, h("span", { class: "unseen" }, t("results.bar"))))), body)),
		h("p", { class: "soft" }, t("organiser.tally.exact")));

	const draw = whenChanged(({ tally, phase }) => [tally, phase], ({ tally, phase }) => {
		const open = isPublic(contest.visibility.citizen, phase);
		embargo.hidden = open;
		put(embargo, t("organiser.embargo"));
		element.classList.toggle("is-embargoed", !open);
		const kind = phase === "certified" || phase === "corrected" ? "certified" : "provisional";
		put(caption, t("results.caption", { noun, what: t(head.value),
			kind: t(`results.kind.${kind}`) }));
		const rows = rowsOf(contest, { citizen: tally.citizen, ballots: tally.ballots }, pick);
		for (const row of rows) {
			const line = lines.get(row.id);
			if (!line) continue;
			line.rank.replaceChildren(row.tied ? h("span", { class: "tied" }, t("results.tied")) : "", String(row.rank ?? "–"));
			put(line.votes, number.count(row.votes));
			put(line.value, valueWords[contest.form.name](row, number));
			line.row.style.setProperty("--bar", String(row.bar));
		}
		const order = rows.map(({ id }) => lines.get(id)?.row).filter(Boolean);
		if (order.some((row, i) => body.children[i] !== row)) body.replaceChildren(...order);
	});
	return { element, draw };
}
