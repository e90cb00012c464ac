/* Acts, people and refusals in words. */
import { Unreachable } from "./api.js";
import { h } from "./dom.js";
import { namesOf } from "./organiser-parts.js";

const ACTS = ["open", "pause", "resume", "close", "publish", "extend", "notice", "disqualify", "requalify", "metrics",
	"certify", "correct"];

/* An act as the API takes it: "투표 조기 마감". */
export function actWords(page, act) {
	const { t, times } = page;
	if (!ACTS.includes(act?.act)) return String(act?.act ?? "–");
	return t(`organiser.act.${act.act}`, { entry: namesOf(page).entry(act.entry),
		when: act.closes_at ? times.moment(act.closes_at) : "" });
}

/* "organiser:organiser-k3m9x2ab" and the like, or two with a comma between them; `people` names those that are known. */
export function whoWords(page, who, people = new Map()) {
	const both = /^(organiser:[^,]+),(organiser:[^,]+)$/.exec(who);
	if (both) return both.slice(1).map((one) => whoWords(page, one, people)).join(", ");
	const { t } = page;
	const [kind, id = ""] = String(who ?? "").split(/:(.*)/);
	if (["hours", "sealer"].includes(who)) return t(`organiser.who.${who}`);
	if (!["organiser", "observer", "expert", "operator"].includes(kind)) return String(who);
	return t(`organiser.who.${kind}`, { name: people.get(id) ?? id });
}

const REFUSALS = ["not-possible", "would-shorten", "would-overreach", "already-requested", "name-differs", "same-organiser",
	"no-such-request", "requester-revoked", "too-many-requests-open", "invalid-act", "forbidden", "outcome-unknown", "unavailable",
	"busy", "certified"];

export function refusalWords({ t }, error) {
	if (error instanceof Unreachable) return t("organiser.problem.unreachable");
	return t(REFUSALS.includes(error.slug) ? `organiser.problem.${error.slug}` : "organiser.refused");
}

/* The words, and folded below them what the server says, which is English and more exact. */
export function refusalNodes(page, error) {
	const detail = error instanceof Unreachable ? "" : error.message;
	return [h("p", {}, refusalWords(page, error)), detail && h("details", { class: "fold o-detail" },
		h("summary", {}, page.t("organiser.problem.detail")), h("p", { lang: "en" }, detail))].filter(Boolean);
}
