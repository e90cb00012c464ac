/* The top of the organiser's page: phase, clocks and connection, what is wrong right now, three figures. */
import { countdown } from "./clock.js";
import { h } from "./dom.js";
import { historyHint } from "./named.js";
import { namesOf, put, whenChanged } from "./organiser-parts.js";
import { badge, haltBadge, kindBadge } from "./site.js";

const BEAT_LATE_MS = 5000;
const REDIS_SLOW_MS = 250;
const GRAVE = ["spent-above-issued", "redis-behind", "issued-behind"]; // of the server's warnings

const sum = (list) => list.reduce((total, n) => total + n, 0);

/* [{ kind, values, link }]: what an organiser should look after now, worst first. */
export function troublesOf(progress, names, now = 0) {
	const { health = {}, warnings = [], requests = [], experts } = progress;
	const troubles = [];
	if (health.redis?.connected === false) troubles.push({ kind: "redis-away", grave: true });
	else if (health.redis?.answer_ms > REDIS_SLOW_MS) {
		troubles.push({ kind: "redis-slow", values: { ms: Math.round(health.redis.answer_ms) } });
	}
	for (const { slot, beat_age_ms: age } of health.workers ?? []) {
		if (age > BEAT_LATE_MS) troubles.push({ kind: "worker-silent", grave: true,
			values: { slot: slot + 1, seconds: Math.round(age / 1000) } });
	}
	const halt = health.log?.halt;
	if (halt) troubles.push({ kind: "log-halted", grave: true, values: { shard: halt.shard, why: halt.why }, link: "#health" });
	if (health.log?.state === "late") troubles.push({ kind: "log-late", grave: true, link: "#health" });
	const closes = Date.parse(progress.closes_at ?? "");
	if (["open", "paused"].includes(progress.phase) && closes <= now - BEAT_LATE_MS) {
		troubles.push({ kind: "overdue", grave: true });
	}
	troubles.push(...panelsWithTooFew(warnings, experts?.panels ?? [], names));
	for (const { kind, ballots } of warnings.filter(({ kind }) => kind !== "too-few-experts")) {
		troubles.push({ kind, ...GRAVE.includes(kind) && { grave: true }, ...ballots && { values: { ballots } } });
	}
	if (requests.length) troubles.push({ kind: "requests", values: { n: requests.length }, link: "#requests" });
	return troubles;
}

/* One line a panel, however many entries it is about. */
function panelsWithTooFew(warnings, panels, names) {
	const entries = new Map();
	for (const { kind, panel, entry } of warnings) {
		if (kind === "too-few-experts") entries.set(panel, [...entries.get(panel) ?? [], names.entry(entry)]);
	}
	return [...entries].map(([panel, list]) => ({ kind: "too-few-experts", link: "#experts", values: { entries: list.join(", "),
		panel: names.text(panels.find(({ id }) => id === panel)?.name) || panel } }));
}

const KNOWN = ["redis-away", "redis-slow", "redis-behind", "issued-behind", "worker-silent", "log-halted", "log-late", "overdue", "spent-above-issued", "too-few-experts", "requests"];

export function headSection({ page, me, signOut }) {
	const { t, pick, number, clock, times, contest } = page;
	const names = { ...namesOf(page), text: pick };

	const badges = h("p", { class: "strip-badges" });
	const time = h("span", { class: "o-clock" });
	const left = h("span", { class: "o-left" });
	const leftLabel = h("span", { class: "soft" });
	const state = h("span", { class: "connection connection-connecting" }, t("live.connecting"));
	const late = h("p", { class: "summary summary-wait", hidden: true });
	const troubles = h("ul", { class: "o-troubles" });
	const calm = h("p", { class: "o-calm" }, t("organiser.trouble.none"));
	const figure = (key) => {
		const value = h("dd", { class: "o-figure-value" }, "–");
		const note = h("dd", { class: "soft" });
		return { value, note, element: h("div", { class: "o-figure" }, h("dt", {}, t(`organiser.figure.${key}`)), value, note) };
	};
	const accepted = figure("accepted"), rejected = figure("rejected"), experts = figure("experts");

	const anchors = ["tally", "turnout", "experts", "standing", "health", "requests", "acts", "audit", "exports"]
		.filter((id) => id !== "acts" || me.role === "organiser");
	const element = h("div", { class: "o-head" },
		h("h1", {}, t("organiser.title")),
		h("p", { class: "o-who" }, h("strong", {}, me.name), " ", me.affiliation ? `${me.affiliation} · ` : "",
			t(`organiser.role.${me.role}`), " · ", t("organiser.until", { when: times.moment(me.expires_at) }), " ",
			h("button", { type: "button", class: "button button-text button-small", onclick: signOut }, t("named.sign_out"))),
		historyHint(page),
		h("div", { class: "strip" }, badges,
			h("p", { class: "o-time" }, h("span", { class: "soft" }, t("organiser.clock")), " ", time),
			h("p", { class: "o-time" }, leftLabel, " ", left),
			h("p", { class: "strip-time" }, state)),
		late,
		h("section", { class: "o-now", "aria-labelledby": "now-title" },
			h("h2", { id: "now-title" }, t("organiser.trouble.title")), calm, troubles),
		h("dl", { class: "o-figures" }, accepted.element, rejected.element, experts.element),
		h("nav", { class: "o-jump", "aria-label": t("organiser.jump") }, h("ul", {}, anchors.map((id) =>
			h("li", {}, h("a", { href: `#${id}` }, t(`organiser.section.${id}`)))))));

	function tick(progress) {
		const now = clock.now();
		put(time, times.time(now));
		if (!progress) return;
		const before = progress.phase === "announced";
		const until = Date.parse((before ? progress.opens_at : progress.closes_at) ?? "");
		put(leftLabel, t(before ? "home.until_open" : "home.left"));
		put(left, leftWords(progress.phase, until - now));
		drawTroubles(troublesOf(progress, names, now));
	}

	function leftWords(phase, ms) {
		if (!["announced", "open", "paused"].includes(phase)) return t("home.over");
		if (Number.isNaN(ms)) return t("home.no_limit");
		return countdown(ms, (n) => t("home.days", { n }));
	}

	const drawTroubles = whenChanged((list) => list, (list) => {
		calm.hidden = list.length > 0;
		troubles.replaceChildren(...list.map(({ kind, grave, values, link }) => h("li", { class: grave ? "is-grave" : null },
			KNOWN.includes(kind) ? t(`organiser.trouble.${kind}`, values) : t("organiser.trouble.other", { kind }), " ",
			link && h("a", { href: link }, t("organiser.trouble.look")))));
	});

	const drawBadges = whenChanged(({ phase, health }) => [phase, health?.log?.state], ({ phase, health }) =>
		badges.replaceChildren(badge(page, phase), kindBadge(page) ?? "", haltBadge(page, { log: health?.log?.state }) ?? ""));

	function draw(progress) {
		drawBadges(progress);
		const { tally, rejections = {} } = progress;
		put(accepted.value, number.count(tally.ballots));
		put(accepted.note, typeof tally.issued === "number" ? t("organiser.figure.issued", { n: number.count(tally.issued) }) : "");
		put(rejected.value, number.count(sum(Object.values(rejections))));
		put(rejected.note, t("organiser.figure.since"));
		const panels = progress.experts?.panels ?? [];
		put(experts.value, panels.length === 0 ? "–" : t("organiser.figure.of",
			{ m: number.count(sum(panels.map(({ submitted }) => submitted))), n: number.count(sum(panels.map(({ of }) => of))) }));
		put(experts.note, panels.length > 1
			? panels.map((panel) => `${pick(panel.name)} ${panel.submitted}/${panel.of}`).join(" · ")
			: t("organiser.figure.submitted"));
		tick(progress);
	}

	function connection(name, stale, progress) {
		state.className = `connection connection-${stale ? "stale" : name}`;
		put(state, t(`live.${name === "ended" ? "offline" : name}`));
		late.hidden = !stale || !progress;
		element.parentElement?.classList.toggle("is-stale", !late.hidden);
		if (!late.hidden) put(late, t("live.stale", { time: times.time(progress.now) }));
	}

	document.title = `${t("organiser.title")} · ${pick(contest.name)}`;
	return { element, draw, tick, connection };
}
