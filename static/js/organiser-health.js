/* Rejections by reason, and how Redis and the workers are. */
import { h } from "./dom.js";
import { put, section, table, whenChanged } from "./organiser-parts.js";

const REASONS = ["token-spent", "not-open", "closed", "paused", "invalid-ballot", "invalid-token", "unknown-code", "rate-limited", "rate-limited-identity", "guessing", "overload",
	"already-issued", "not-eligible", "code-revoked", "busy",
	"nothing-to-replace", "replaced-too-often", "rules-differ", "fault", "outcome-unknown"];

/* Rejections, most frequent first; those that did not happen are left out. */
export const rejectionRows = (rejections) => Object.entries(rejections).filter(([, n]) => n > 0)
	.sort(([a, n], [b, m]) => m - n || a.localeCompare(b));

const sum = (list, key) => list.reduce((total, one) => total + one[key], 0);
const STATES = ["off", "starting", "signing", "following", "halted"];
const OPEN_MAX = 8; // shards; more fold away

/* How far the public log is, by shard, and why it stands still where it does. */
export function logNodes({ t, number, times }, log) {
	const { halt = null, shards = [] } = log ?? {};
	const why = halt ? [h("p", { class: "o-flag" }, t("organiser.sealing.halted", { shard: halt.shard, why: halt.why, when: times.moment(halt.at) })),
		h("p", {}, t("organiser.sealing.remedy"))] : [];
	if (shards.length === 0) return [...why, h("p", { class: "soft" }, t("organiser.sealing.off"))];
	const rows = table(t("organiser.sealing.title"), [{ text: t("organiser.sealing.shard") },
		...["sealed", "at"].map((key) => ({ text: t(`organiser.sealing.${key}`), figure: true })), { text: t("organiser.sealing.state") }],
	shards.map((one) => [number.count(one.shard),
		t("organiser.sealing.of", { sealed: number.count(one.sealed), size: number.count(one.size) }),
		one.sealed_at === null ? "–" : times.time(one.sealed_at),
		t(`organiser.sealing.state.${STATES.includes(one.state) ? one.state : "off"}`)]), { class: "plain o-narrow" });
	const epoch = Math.max(...shards.map((one) => one.epoch));
	return [...why, h("p", { class: "soft" }, t("organiser.sealing.sum",
		{ sealed: number.count(sum(shards, "sealed")), size: number.count(sum(shards, "size")) }),
	epoch > 1 && ` ${t("organiser.sealing.epoch", { n: number.count(epoch) })}`),
	shards.length <= OPEN_MAX ? rows : h("details", { class: "fold" },
		h("summary", {}, t("organiser.sealing.all", { n: number.count(shards.length) })), rows)];
}

export function healthSection({ page }) {
	const { t, number } = page;
	const rejected = h("div", {});
	const redis = h("p", {});
	const log = h("div", {});
	const workers = h("div", {});
	const element = section("health", t("organiser.section.health"),
		h("div", { class: "o-columns" },
			h("div", {}, h("h3", {}, t("organiser.rejections.title")), rejected),
			h("div", {}, h("h3", {}, t("organiser.health.title")), redis, workers, h("h3", {}, t("organiser.sealing.title")), log)));

	const reason = (slug) => REASONS.includes(slug) ? t(`organiser.rejection.${slug}`)
		: t("organiser.rejection.unnamed", { slug });

	const drawRejections = whenChanged(({ rejections }) => rejections, ({ rejections = {} }) => {
		const rows = rejectionRows(rejections);
		rejected.replaceChildren(rows.length === 0 ? h("p", { class: "soft" }, t("organiser.rejections.none"))
			: table(t("organiser.rejections.title"), [{ text: t("organiser.rejections.reason") },
				{ text: t("organiser.rejections.count"), figure: true }],
			rows.map(([slug, n]) => [reason(slug), number.count(n)]), { class: "plain o-narrow" }));
	});

	/* Whole seconds, so that a healthy row stands still. */
	const looked = ({ health }) => (health?.workers ?? []).map((worker) =>
		({ ...worker, beat_age_ms: worker.beat_age_ms === null ? null : Math.round(worker.beat_age_ms / 1000) }));
	const drawWorkers = whenChanged(looked, (progress) =>
		workers.replaceChildren(table(t("organiser.health.workers"), [{ text: t("organiser.health.worker") },
			...["beat", "requests", "subscribers"].map((key) => ({ text: t(`organiser.health.${key}`), figure: true }))],
		looked(progress).map(({ slot, beat_age_ms: seconds, requests, subscribers }) => [
			t("organiser.health.slot", { slot: slot + 1 }), seconds === null ? "–" : t("organiser.health.ago", { n: number.count(seconds) }),
			number.count(requests), number.count(subscribers)]), { class: "plain o-narrow" })));

	const drawLog = whenChanged(({ health }) => health?.log, ({ health }) => log.replaceChildren(...logNodes(page, health?.log)));

	function draw(progress) {
		drawRejections(progress);
		drawLog(progress);
		drawWorkers(progress);
		const { connected, answer_ms: ms, memory_bytes: bytes } = progress.health?.redis ?? {};
		put(redis, connected === false ? t("organiser.health.redis_away") : [
			t("organiser.health.redis", { ms: typeof ms === "number" ? ms.toFixed(1) : "–" }),
			typeof bytes === "number" && t("organiser.health.memory", { mib: number.count(Math.round(bytes / 1_048_576)) }),
		].filter(Boolean).join(" · "));
		redis.className = connected === false ? "o-flag" : "soft";
	}
	return { element, draw };
}
