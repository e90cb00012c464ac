/* Who of the experts is how far, by name, and how many stand behind each entry. Scores come with progress only when
 * organisers may see them. */
import { h } from "./dom.js";
import { exact, namesOf, section, table, whenChanged } from "./organiser-parts.js";
import { isPublic } from "./organiser-tally.js";

/* { submitted, draft, none } of a panel's people. */
export function statesOf(people) {
	const states = { submitted: 0, draft: 0, none: 0 };
	for (const { state } of people) states[state]++;
	return states;
}

/* [[id, when]] of those whose invitation no longer lets them in, by the clock alone. */
export const expiredOf = (people = [], now = 0) => people.filter(({ expires }) => expires <= now)
	.map(({ id, expires }) => [id, expires]);

export function expertsSection({ page, contest }) {
	const { t, pick, number, times, lang, clock } = page;
	const noun = pick(contest.entry_noun);
	const names = namesOf(page);
	const value = exact(lang);
	const place = h("div", {});
	const element = section("experts", t("organiser.section.experts"), place);

	/* "서울대학교와 이해관계: NC AI" and the like, one line each. */
	function exceptions({ conflicts = {}, recused = {}, ruled = [] }) {
		const lines = [
			...Object.entries(conflicts).map(([entry, organisation]) => t("organiser.experts.conflict",
				{ entry: names.entry(entry), organisation: names.organisation(organisation) })),
			...Object.entries(recused).map(([entry, why]) => t("organiser.experts.recused", { entry: names.entry(entry), why })),
			...ruled.map((entry) => t("organiser.experts.ruled", { entry: names.entry(entry) })),
		];
		return lines.length ? h("ul", { class: "o-lines" }, lines.map((line) => h("li", {}, line))) : "–";
	}

	const filled = ({ filled, wanted }) => [
		h("span", { class: "o-share" }, t("organiser.experts.filled", { k: number.count(filled), w: number.count(wanted) })),
		meter(wanted ? filled / wanted : 0)];

	function meter(share) {
		const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
		bar.style.setProperty("--bar", String(Math.min(1, share)));
		return bar;
	}

	const person = (expired) => (one) => [[one.name, one.affiliation && h("span", { class: "o-under" }, one.affiliation),
		expired.has(one.id) && h("span", { class: "o-flag" }, t("organiser.experts.expired", { when: times.short(expired.get(one.id)) }))],
		h("span", { class: `o-state o-state-${one.state}` }, t(`organiser.experts.state.${one.state}`)), filled(one),
		one.saved_at ? [times.short(one.saved_at), h("span", { class: "o-under" },
			t("organiser.experts.revision", { n: number.count(one.revision) }))] : "–",
		exceptions(one)];

	function behind(entry, seen) {
		const left = entry.of - entry.recused;
		const cells = [names.entry(entry.entry),
			[t(entry.recused ? "organiser.experts.of_recused" : "organiser.experts.of",
				{ of: number.count(entry.of), n: number.count(entry.n), recused: number.count(entry.recused) }),
			entry.too_few && [" ", h("span", { class: "o-flag" }, t("organiser.experts.too_few", { n: number.count(left) }))]]];
		if (seen) cells.push(value(entry.value), value(entry.spread));
		return cells;
	}

	function panel({ id, name, submitted, of, people, entries }, seen, expired) {
		const states = statesOf(people);
		const title = pick(name) || id;
		return h("div", { class: "o-panel" },
			h("h3", {}, title, " ", h("span", { class: "o-count" },
				t("organiser.experts.count", { m: number.count(submitted), n: number.count(of) }))),
			h("p", { class: "soft" }, t("organiser.experts.states", Object.fromEntries(
				Object.entries(states).map(([state, n]) => [state, number.count(n)])))),
			table(t("organiser.experts.behind", { panel: title, noun }),
				[{ text: t("results.entry", { noun }) }, { text: t("organiser.experts.behind_head") },
					...(seen ? [{ text: t("organiser.experts.value"), figure: true },
						{ text: t("organiser.experts.spread"), figure: true }] : [])],
				entries.map((entry) => behind(entry, seen)), { class: "plain o-narrow" }),
			people.length ? table(t("organiser.experts.people", { panel: title }),
				["name", "state", "filled", "saved", "exceptions"].map((key) => ({ text: t(`organiser.experts.head.${key}`) })),
				people.map(person(expired)), { class: "plain o-people" }) : h("p", { class: "message" }, t("organiser.experts.nobody")));
	}

	const draw = whenChanged((progress) => [progress.experts, progress.phase, expiredOf(progress.people, clock.now())], (progress) => {
		const { experts, phase } = progress;
		const expired = new Map(expiredOf(progress.people, clock.now()));
		const panels = experts?.panels ?? [];
		const seen = Boolean(experts?.visible);
		place.replaceChildren(...(panels.length === 0 ? [h("p", { class: "message" }, t("organiser.experts.none"))]
			: [seen && !isPublic(contest.visibility.experts, phase) && h("p", { class: "o-embargo" }, t("organiser.embargo")),
				h("p", { class: "soft" }, t(seen ? "organiser.experts.seen" : "organiser.experts.unseen")),
				...panels.map((one) => panel(one, seen, expired))].filter(Boolean)));
	});
	return { element, draw };
}
