/* The organiser's page, also for observers, who see the same without the controls: who is in, the stream of progress,
 * and the sections that draw it. */
import { byId, h, show } from "./dom.js";
import { Following } from "./fetch-stream.js";
import { enterNamed, refusalOf, turnedAway } from "./named.js";
import { actsSection } from "./organiser-acts.js";
import { auditSection } from "./organiser-audit.js";
import { expertsSection } from "./organiser-experts.js";
import { exportsSection } from "./organiser-exports.js";
import { headSection } from "./organiser-head.js";
import { healthSection } from "./organiser-health.js";
import { requestsSection } from "./organiser-requests.js";
import { standingSection } from "./organiser-standing.js";
import { tallySection } from "./organiser-tally.js";
import { turnoutSection } from "./organiser-turnout.js";
import { openSite, showHalt } from "./site.js";

const named = enterNamed("organiser");
const page = await openSite("named", "organiser");
const { t } = page;
named.again = enter;
if (!page.contest) trouble(t(`trouble.${page.trouble}`));
else if (!named.token) turnedAway(page, named);
else await enter();

function trouble(text) {
	show(byId("stage"), h("h1", {}, t("organiser.title")), h("p", { class: "message" }, text),
		h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: () => location.reload() },
			t("organiser.again"))));
}

async function enter() {
	try {
		const me = await page.api.me(page.pinned.id, named.authorization);
		if (me.role === "organiser" || me.role === "observer") watch(me);
		else turnedAway(page, named, "role");
	} catch (error) {
		const why = refusalOf(error, named, page.clock);
		if (why) turnedAway(page, named, why);
		else trouble(error.status ? t("organiser.refused", { detail: error.message }) : t("trouble.unreachable"));
	}
}

function watch(me) {
	const { api, contest, clock } = page;
	const id = contest.id;
	/* What sections have in common. `call` is an API call by name, with contest and authorization put in. */
	const desk = { page, me, contest, controls: me.role === "organiser",
		call: async (name, ...rest) => {
			try {
				return await api[name](id, named.authorization, ...rest);
			} catch (error) {
				const why = refusalOf(error, named, clock);
				if (why) leave(why);
				throw error;
			}
		},
		refresh: () => following.refresh(),
		signOut: () => {
			named.signOut();
			leave(null);
		} };
	const head = headSection(desk);
	const sections = [head, tallySection(desk), turnoutSection(desk), expertsSection(desk), standingSection(desk),
		healthSection(desk), requestsSection(desk), ...(desk.controls ? [actsSection(desk)] : []), auditSection(desk),
		exportsSection(desk)];

	let asked = null;
	const following = new Following({
		open: (signal) => api.progressStream(id, named.authorization, signal),
		ask: () => api.progress(id, named.authorization),
		refusal: (error) => refusalOf(error, named, clock),
		event: "progress", now: () => performance.now(),
		onNews: (progress) => {
			clock.observe(progress.now);
			contest.phase = progress.phase; // public pages ask for it; here it comes by itself
			showHalt(page, { phase: progress.phase, log: progress.health.log.state });
			if (asked) return;
			asked = requestAnimationFrame(() => { // several in one frame: the last one counts
				asked = null;
				for (const one of sections) one.draw(following.news);
				byId("stage").removeAttribute("aria-busy");
			});
		},
		onState: (state, stale) => head.connection(state, stale, following.news),
		onEnd: leave,
	});
	const timer = setInterval(() => {
		following.tick();
		head.tick(following.news);
	}, 1000);

	function leave(why) {
		clearInterval(timer);
		following.stop();
		document.removeEventListener("visibilitychange", onVisible);
		turnedAway(page, named, why);
	}
	// A page that nobody sees holds no connection.
	function onVisible() {
		if (document.hidden) following.stop();
		else following.start();
	}
	document.addEventListener("visibilitychange", onVisible);

	show(byId("stage"), ...sections.map(({ element }) => element));
	byId("stage").setAttribute("aria-busy", "true");
	following.start();
}
