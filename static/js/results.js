/* The results page: a strip that says how fresh the numbers are, over what citizens, experts and the stage's standing
 * say, side by side. */
import { citizensTable } from "./citizens-table.js";
import { byId, copy, download, h, put, whenChanged } from "./dom.js";
import { expertsTables } from "./experts-table.js";
import { formulaNodes } from "./formula.js";
import { liveTally } from "./live.js";
import { outcome } from "./outcome.js";
import { address, badge, haltBadge, kindBadge, openSite, phaseOf, showHalt, showNotice } from "./site.js";
import { citizensTitle, expertsCsv, isReference, standingCsv } from "./standing.js";
import { standingTables } from "./standing-table.js";
import { csvOf, hasResult, isFinal, kindOf, totalWords } from "./tally.js";

const ANNOUNCE_MS = 15_000;

if (new URLSearchParams(location.search).get("view") === "projector") {
	location.replace(location.href.replace("/results/", "/projector/").replace(/[?&]view=projector/, ""));
}

const page = await openSite("results");
const { t, pick, number, contest } = page;
if (contest) follow();
else byId("results").replaceChildren(h("p", {}, t(`trouble.${page.trouble}`)));

function follow() {
	const noun = pick(contest.entry_noun);
	const citizens = citizensTable(page);
	const experts = contest.panels.length > 0 ? expertsTables(page) : null;
	const standing = contest.stage ? standingTables(page) : null;
	const result = outcome(page, byId("outcome"));
	let announcedAt = 0;

	const several = Boolean(experts || standing);
	const boards = [
		board("citizens", citizensTitle(page), citizens),
		experts && board("experts", t("experts.title"), experts),
		standing && board("standing", t("standing.title"), standing),
	].filter(Boolean);
	byId("results").replaceChildren(...boards, standing?.parts ?? "");
	byId("results").classList.toggle("boards", several);
	byId("results").removeAttribute("aria-busy");

	function board(id, title, { element }) {
		return h("section", { class: `board board-${id}`, id, "aria-labelledby": `${id}-title` },
			h("h2", { id: `${id}-title`, class: several ? null : "unseen" }, title),
			id === "citizens" && isReference(contest) && h("p", { class: "soft reference" }, t("results.reference")), element);
	}

	/* What shows no numbers yet takes less room than what does. */
	function arrange(snapshot) {
		const shown = { citizens: true, experts: Boolean(snapshot.experts?.panels), standing: Boolean(snapshot.formula) };
		byId("results").dataset.shown = String(boards.filter(({ id }) => shown[id]).length);
		for (const one of boards) one.classList.toggle("is-withheld", !shown[one.id]);
		byId("csv-experts").hidden = !shown.experts;
		byId("csv-standing").hidden = !shown.standing;
	}

	const drawFormula = whenChanged(({ standing, formula }) => [standing, formula],
		(snapshot) => byId("formula").replaceChildren(...formulaNodes(page, snapshot)));

	/* A copy is certified when its signatures are checked, not before. */
	const asProven = (told) => told && { ...told, phase: phaseOf(page, told) };

	function draw(told) {
		const snapshot = asProven(told);
		arrange(snapshot);
		citizens.draw(snapshot);
		experts?.draw(snapshot);
		standing?.draw(snapshot);
		result.draw(snapshot);
		drawStrip(snapshot);
		drawFormula(snapshot);
		newest = told;
		drawHow(told);
		showNotice(page, snapshot.notice);
		showHalt(page, snapshot);
		announce(snapshot);
	}

	const drawBadges = whenChanged(({ phase, log }) => [phase, log], (snapshot) => byId("phase").replaceChildren(
		hasResult(snapshot) ? "" : badge(page, snapshot.phase),
		h("span", { class: `badge badge-${kindOf(snapshot)}` }, t(`results.kind.${kindOf(snapshot)}`)), kindBadge(page) ?? "",
		haltBadge(page, snapshot) ?? ""));

	function drawStrip(snapshot) {
		drawBadges(snapshot);
		// A final count is still followed, as a correction may come; a copy says that it is one.
		byId("connection").hidden = isFinal(snapshot) && !page.published;
		byId("pause").hidden = isFinal(snapshot) || page.published;
		put(byId("total"), totalWords(page, snapshot));
		// What stands still is read on other days, too.
		const { moment, time } = page.times;
		put(byId("as-of"), t("results.as_of", { time: (isFinal(snapshot) || page.published ? moment : time)(snapshot.as_of) }));
		put(byId("print-head"), t("results.print_kind",
			{ kind: t(`results.kind.${kindOf(snapshot)}`), when: page.times.moment(snapshot.as_of) }));
	}

	/* Once the result is certified it can be verified; until then it is announced how. Fetched when somebody opens it. */
	let newest = null;
	const howTo = h("details", { class: "fold", id: "how-to-verify", ontoggle: () => drawHow(newest) }, h("summary", {}, t("results.verify")));
	byId("formula").closest("details").after(howTo);
	const drawHow = whenChanged((snapshot) => howTo.open && snapshot && [isFinal(snapshot)], async (snapshot) => {
		if (!howTo.open || !snapshot) return;
		try {
			const { howToVerify } = await import("./check-yourself.js");
			const told = await howToVerify(page, snapshot.phase);
			howTo.replaceChildren(howTo.firstChild, told);
		} catch {
			howTo.remove(); // no words, or no means to hash: the page does without
		}
	});

	const state = byId("connection");
	const late = byId("late");
	function drawState(name, stale) {
		state.className = `connection connection-${stale ? "stale" : name}`;
		put(state, t(`live.${name}`));
		late.hidden = !stale || !live.snapshot;
		if (!late.hidden) {
			late.textContent = t("live.stale", { time: page.times.time(live.snapshot.as_of) });
		}
	}

	/* For screen readers: politely, and not more than one message in fifteen seconds. */
	function announce(snapshot) {
		if (Date.now() - announcedAt < ANNOUNCE_MS) return undefined;
		announcedAt = Date.now();
		if (snapshot.ballots === null) return put(byId("announcer"), t(`results.${snapshot.withheld}`));
		const values = { time: page.times.time(snapshot.as_of), n: number.count(snapshot.ballots) };
		const first = (citizens.rows() ?? []).filter(({ rank }) => rank === 1);
		if (first.length === 0) return put(byId("announcer"), t("results.announce_total", values));
		return put(byId("announcer"), t(first.length > 1 ? "results.announce_tied" : "results.announce",
			{ ...values, first: first.map(({ name }) => name).join(", "), value: citizens.valueOf(first[0]) }));
	}

	const live = liveTally(page, { onSnapshot: draw, onState: drawState });
	const timer = setInterval(() => live.tick(), 1000);
	window.addEventListener("pagehide", () => clearInterval(timer));
	live.start();

	let pausedByReader = false;
	byId("pause").addEventListener("click", ({ currentTarget }) => {
		pausedByReader = !pausedByReader;
		if (pausedByReader) live.stop();
		else live.start();
		currentTarget.textContent = t(pausedByReader ? "results.go_on" : "results.pause");
	});
	byId("pause").hidden = page.published;
	// A page that nobody sees holds no connection.
	document.addEventListener("visibilitychange", () => {
		if (pausedByReader) return;
		if (document.hidden) live.stop();
		else live.start();
	});
	window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

	byId("formula").replaceChildren(...formulaNodes(page, null));
	if (location.hash === "#formula") {
		byId("formula").closest("details").open = true;
		byId("formula").scrollIntoView();
	}
	const permalink = new URL(address(page, "/results/", { contest: contest.id }), location.href).href;
	byId("permalink").addEventListener("click", ({ currentTarget }) => copy(permalink, currentTarget, t("copied")));
	byId("projector").href = address(page, "/projector/");
	byId("print-foot").replaceChildren(h("p", {}, permalink),
		h("p", {}, t("results.print_rules", { hash: contest.rules_hash })));
	offerFiles(() => asProven(live.snapshot), citizens, noun);
	if (page.published) prove();

	async function prove() {
		const { showProof } = await import("./published-view.js");
		const proof = await page.proof;
		if (proof.good) showProof(page, byId("proof"), proof);
		if (live.snapshot) draw(live.snapshot);
	}
}

/* What is shown, as files: a table each, and the whole snapshot. */
function offerFiles(shown, citizens, noun) {
	const { entries } = contest;
	const entry = t("results.entry", { noun });
	const heads = { rank: t("results.rank"), entry, points: t("standing.points"), fate: t("standing.fate"),
		reason: t("standing.reason"), panel: t("experts.panel"), value: t("experts.value"), spread: t("experts.spread") };
	const offer = (button, name, type, text) => byId(button).addEventListener("click", () =>
		shown() && download(name, new Blob([text(shown())], { type })));
	offer("csv", `${contest.id}.csv`, "text/csv;charset=utf-8",
		(snapshot) => csvOf(contest, snapshot, citizens.rows() ?? [], citizens.heads));
	offer("csv-experts", `${contest.id}-experts.csv`, "text/csv;charset=utf-8",
		(snapshot) => expertsCsv(snapshot, { pick, heads, entries }));
	offer("csv-standing", `${contest.id}-standing.csv`, "text/csv;charset=utf-8",
		(snapshot) => standingCsv(snapshot, { pick, heads, entries }));
	offer("json", `${contest.id}.json`, "application/json", (snapshot) => `${JSON.stringify(snapshot, null, 2)}\n`);
}
