/* What the voter sees between 투표하기 and the end: what is being done, or why it waits. */
import { h, show } from "./dom.js";

const stages = ["issue", "cast", "check"];
const MINUTES_FROM_S = 90;
let ticking = null;

export function progressScreen(page, stage, state, hurry) {
	clearInterval(ticking);
	if (state.name === "working") return working(page, stage, state);
	if (state.name === "waiting") return waiting(page, stage, state, hurry);
	return undefined; // an end: the page shows it
}

/* The list stays in place from stage to stage; a screen reader hears the new one only. */
function working({ t }, stage, state) {
	if (!stage.querySelector(".stages")) {
		show(stage, h("h1", {}, t("vote.sending")), h("p", { class: "lead" }, t("vote.stay")),
			h("ol", { class: "stages" }, stages.map((name) => h("li", { id: `stage-${name}` }, t(`stage.${name}`)))),
			h("p", { class: "unseen", role: "status", id: "stage-now" }));
	}
	const now = stages.indexOf(state.stage);
	stages.forEach((name, i) => {
		stage.querySelector(`#stage-${name}`).className = i < now ? "is-over" : i === now ? "is-now" : "";
	});
	stage.querySelector("#stage-now").textContent = t(`stage.${state.stage}`);
}

/* The server was reached and names a time; sooner than that nobody is served, so no button offers it. */
const queueing = ["busy", "too-many-requests"];

function waiting({ t }, stage, { slug, counted, ms }, hurry) {
	const unknown = counted === "unknown", queued = queueing.includes(slug);
	let left = Math.ceil(ms / 1000);
	const inWords = () => left > MINUTES_FROM_S ? t("vote.again_in_minutes", { n: Math.ceil(left / 60) }) : t("vote.again_in", { n: left });
	const again = h("span", {}, inWords());
	show(stage, h("h1", {}, t(unknown ? "vote.unknown" : queued ? "vote.sending" : "vote.waiting")),
		h("div", { class: "summary summary-wait", role: "status" },
			queued && h("p", {}, h("strong", {}, t(`problem.${slug}`))),
			!(queued && counted === "no") && h("p", {}, h("strong", {}, unknown ? t("vote.unknown_text") : t(`counted.${counted}`))),
			h("p", {}, t(queued ? "vote.stay" : `problem.${slug}`))),
		h("p", { class: "soft", "aria-hidden": "true" }, again),
		!queued && h("div", { class: "actions" },
			h("button", { type: "button", class: "button", onclick: hurry }, t("vote.resend"))));
	ticking = setInterval(() => {
		left = Math.max(0, left - 1);
		again.textContent = inWords();
	}, 1000);
}
