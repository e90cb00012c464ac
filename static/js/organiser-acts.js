/* What organisers do: the notice, phases, hours, disqualification. Apart from what is only looked at, and asked again
 * before it is done. */
import { h } from "./dom.js";
import { ask, field } from "./organiser-dialog.js";
import { actWords, refusalNodes } from "./organiser-words.js";
import { namesOf, oneLine, put, section, whenChanged } from "./organiser-parts.js";
import { isFinal } from "./tally.js";
import { fromField, toField } from "./zoned.js";

const NOTICE_MAX = 300;

/* Which acts a phase allows here; certifying and correcting need the result's key, so tallyctl does them. */
export const actsIn = (phase, hours) => ({
	announced: ["open", ...(hours ? ["extend"] : [])],
	open: ["pause", ...(hours ? ["extend"] : []), "close"],
	paused: ["resume", ...(hours ? ["extend"] : []), "close"],
	closed: ["publish"],
})[phase] ?? [];

/* Panels that weigh something and have no value for an entry that is not disqualified: sheets end with the close, so what
 * is missing then keeps the result from ever being certified. [{ panel, weight, rated: whether any sheet is in, entries }] */
export function unrated({ stage, panels = [] }, { experts, rulings = [] }) {
	const out = disqualified(rulings);
	return (stage?.parts ?? []).filter(({ source, weight }) => source === "panel" && weight > 0).flatMap((part) => {
		const of = experts?.panels?.find(({ id }) => id === part.panel);
		const entries = (of?.entries ?? []).filter(({ entry, n }) => n === 0 && !out.has(entry)).map(({ entry }) => entry);
		return entries.length === 0 ? [] : [{ panel: panels.find(({ id }) => id === part.panel) ?? part, weight: part.weight,
			rated: of.submitted > 0, entries }];
	});
}

const disqualified = (rulings = []) =>
	new Set(rulings.map(({ id = "" }) => /^disqualified\/(.*)/.exec(id)?.[1]).filter(Boolean));

const OPTIONAL_WHY = ["open", "publish"];
const DANGEROUS = ["close", "disqualify"];

export function actsSection({ page, contest, call, refresh }) {
	const { t, pick, number, times, clock } = page;
	const names = namesOf(page);
	const noun = pick(contest.entry_noun);
	const zone = contest.time_zone ?? "Asia/Seoul";
	const done = h("p", { class: "o-done", role: "status" });
	const phases = h("div", { class: "o-acts" });
	const phaseHint = h("p", { class: "soft" });
	const entriesHint = h("p", { class: "soft" });
	const entries = h("ul", { class: "o-entries" });
	let latest = null;

	async function perform(body) {
		const answer = await call("act", body);
		put(done, answer?.request ? t("organiser.acts.waits", { act: actWords(page, body) })
			: t("organiser.acts.done", { act: actWords(page, body) }));
		refresh();
	}

	const words = (error) => refusalNodes(page, error);

	function askFor(name, { fields = [], what = t(`organiser.what.${name}`), body = () => ({}), title = t(`organiser.do.${name}`) } = {}) {
		ask(page, { title, what, fields, why: !OPTIONAL_WHY.includes(name), danger: DANGEROUS.includes(name), button: title, words,
			act: ({ why, confirm }) => perform({ act: name, ...body(), ...(why && { why }), confirm }) });
	}

	function extend() {
		const before = Date.parse(latest.closes_at);
		const input = h("input", { id: "ask-until", type: "datetime-local", required: true,
			min: toField(Math.max(before, clock.now()), zone), value: toField(before + 3_600_000, zone) });
		const until = () => fromField(input.value, zone);
		askFor("extend", { fields: [{ label: t("organiser.ask.until", { zone, when: times.moment(latest.closes_at) }), input,
			check: () => until() !== null && until() > before ? null : t("organiser.ask.until_wrong") }],
		body: () => ({ closes_at: new Date(until()).toISOString().replace(".000Z", "Z") }) });
	}

	function disqualify(id) {
		const texts = ["ko", "en"].map((lang) => h("textarea", { id: `ask-${lang}`, rows: "2", maxlength: String(NOTICE_MAX), lang }));
		askFor("disqualify", { title: t("organiser.do.disqualify_entry", { entry: names.entry(id) }),
			fields: texts.map((input) => ({ input, label: t(`organiser.ask.reason.${input.lang}`),
				check: () => oneLine(input.value) ? null : t("organiser.ask.reason_missing") })),
			body: () => ({ entry: id, reason: { ko: oneLine(texts[0].value), en: oneLine(texts[1].value) } }) });
	}

	/* What the act makes final, before it is done. */
	function warned(name) {
		const missing = unrated(contest, latest);
		askFor(name, { what: [t(`organiser.what.${name}`), ...missing.map(({ panel, weight, rated, entries }) =>
			h("strong", {}, t(`organiser.unrated.${rated ? "some" : "none"}`, { panel: pick(panel.name), weight: number.count(weight),
				entries: entries.map(names.entry).join(", ") }))),
		...missing.length ? [h("strong", {}, t(`organiser.unrated.${name}`))] : []] });
	}

	const acts = { extend, close: () => warned("close"), publish: () => warned("publish") };
	const drawPhases = whenChanged(({ phase, closes_at: closes }) => [phase, closes], (progress) => {
		const list = actsIn(progress.phase, Boolean(progress.closes_at));
		phases.replaceChildren(...list.map((name) => h("button", { type: "button",
			class: `button ${DANGEROUS.includes(name) ? "button-outline-danger" : "button-quiet"}`,
			onclick: () => acts[name] ? acts[name]() : askFor(name) }, t(`organiser.do.${name}`))));
		put(phaseHint, t(`organiser.acts.hint.${list.length ? "some" : progress.phase === "provisional" ? "certify" : "none"}`));
	});

	/* ---- entries ---- */

	const drawEntries = whenChanged(({ rulings, phase }) => [rulings, phase], ({ rulings, phase }) => {
		const out = disqualified(rulings);
		const fixed = isFinal({ phase });
		put(entriesHint, t(fixed ? "organiser.acts.entries_certified" : "organiser.acts.entries_hint"));
		entries.replaceChildren(...contest.entries.map(({ id }) => h("li", {}, h("span", {}, names.entry(id),
			out.has(id) && h("span", { class: "o-flag" }, t("organiser.acts.disqualified"))),
		!fixed && h("button", { type: "button", class: `button button-small ${out.has(id) ? "button-quiet" : "button-outline-danger"}`,
			onclick: () => out.has(id) ? askFor("requalify", { title: t("organiser.do.requalify_entry", { entry: names.entry(id) }),
				body: () => ({ entry: id }) }) : disqualify(id) },
		t(out.has(id) ? "organiser.do.requalify" : "organiser.do.disqualify"),
		h("span", { class: "unseen" }, ` ${names.entry(id)}`)))));
	});

	/* ---- the notice ---- */

	const ko = h("textarea", { id: "notice-ko", rows: "3", maxlength: String(NOTICE_MAX), lang: "ko", oninput: preview });
	const en = h("textarea", { id: "notice-en", rows: "3", maxlength: String(NOTICE_MAX), lang: "en", oninput: preview });
	const banners = h("div", { class: "o-preview" });
	const noticeDone = h("div", { class: "o-done", role: "status" });
	const standing = h("p", { class: "soft" });
	const remove = h("button", { type: "button", class: "button button-quiet", hidden: true, onclick: () => post(null) },
		t("organiser.notice.remove"));
	const noticeForm = h("form", { class: "o-notice", novalidate: true, onsubmit: (event) => {
		event.preventDefault();
		const notice = { ko: oneLine(ko.value), en: oneLine(en.value) };
		if (notice.ko && notice.en) post(notice);
		else put(noticeDone, t("organiser.notice.both"));
	} }, h("h3", {}, t("organiser.notice.title")), standing,
	h("div", { class: "o-columns" }, field({ label: t("organiser.notice.ko"), input: ko }),
		field({ label: t("organiser.notice.en"), input: en })),
	h("p", { class: "soft" }, t("organiser.notice.preview")), banners,
	h("div", { class: "actions" }, h("button", { type: "submit", class: "button" }, t("organiser.notice.put")), remove),
	noticeDone);

	function preview() {
		banners.replaceChildren(...[ko, en].map((area) => h("div", { class: "notice notice-provisional", lang: area.lang },
			h("p", {}, oneLine(area.value) || "…"))));
	}

	async function post(notice) {
		try {
			await call("act", { act: "notice", notice });
			put(noticeDone, t(notice ? "organiser.notice.stands" : "organiser.notice.removed"));
			refresh();
		} catch (error) {
			noticeDone.replaceChildren(...words(error));
		}
	}

	const drawNotice = whenChanged(({ notice }) => notice, ({ notice }) => {
		remove.hidden = !notice;
		put(standing, t(notice ? "organiser.notice.now" : "organiser.notice.none"));
		if (noticeForm.contains(document.activeElement)) return; // somebody is writing
		ko.value = notice?.ko ?? "";
		en.value = notice?.en ?? "";
		preview();
	});

	const element = section("acts", t("organiser.section.acts"), done, noticeForm,
		h("div", { class: "o-danger" }, h("h3", {}, t("organiser.acts.phases")), phaseHint, phases,
			h("h3", {}, t("organiser.acts.entries", { noun })), entriesHint, entries));

	function draw(progress) {
		latest = progress;
		drawPhases(progress);
		drawEntries(progress);
		drawNotice(progress);
	}
	return { element, draw };
}
