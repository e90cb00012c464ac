/* The results for a hall: one screen, dark, nothing to operate. The votes, until the stage's standing, or who advances,
 * is public; then that. */
import { byId, h } from "./dom.js";
import { liveTally } from "./live.js";
import { badge, haltBadge, kindBadge, openSite, showHalt, showNotice } from "./site.js";
import { advancing, byRank, citizensTitle, disqualifiedOf, fullPoints, isReference } from "./standing.js";
import { hasResult, isFinal, kindOf, rowsOf, totalWords, valueWords } from "./tally.js";

const ROWS_MAX = 8; // more go into two columns, by share alone

const page = await openSite("results");
const { t, pick, number, contest } = page;
if (contest) follow();

function follow() {
	const board = byId("board");
	const lines = new Map(contest.entries.map(({ id, name }) => [id, makeLine(pick(name))]));
	const mean = makeLine(t("standing.mean"));
	board.removeAttribute("aria-busy");

	function draw(snapshot) {
		const { title, note = "", kind, rows } = standingBoard(snapshot) ?? citizensBoard(snapshot);
		byId("board-title").textContent = title;
		byId("board-title").hidden = !title;
		byId("board-note").textContent = note;
		for (const row of rows ?? []) drawLine(row.id === null ? mean : lines.get(row.id), row);
		board.className = `p-board is-${kind}`;
		board.classList.toggle("is-dense", (rows?.length ?? 0) > ROWS_MAX);
		board.style.setProperty("--rows", String(Math.ceil((rows?.length ?? 0) / 2)));
		board.replaceChildren(...rows ? rows.map(({ id }) => (id === null ? mean : lines.get(id)).row) : []);
		board.hidden = !rows;
		byId("message").hidden = Boolean(rows);
		if (!rows) byId("message").textContent = t(`results.${snapshot.withheld}`);
		byId("total").textContent = totalWords(page, snapshot);
		byId("as-of").textContent = t("results.as_of", { time: page.times.time(snapshot.as_of) });
		byId("connection").hidden = isFinal(snapshot); // still followed: a correction may come
		byId("phase").replaceChildren(hasResult(snapshot) ? "" : badge(page, snapshot.phase),
			h("span", { class: `badge badge-${kindOf(snapshot)}` }, t(`results.kind.${kindOf(snapshot)}`)), kindBadge(page) ?? "",
			haltBadge(page, snapshot) ?? "");
		showNotice(page, snapshot.notice);
		showHalt(page, snapshot);
	}

	function drawState(state, stale) {
		byId("connection").className = `connection connection-${stale ? "stale" : state}`;
		byId("connection").textContent = t(`live.${state}`);
		document.body.classList.toggle("is-stale", stale);
		byId("late").hidden = !stale || !live.snapshot;
		if (!byId("late").hidden) {
			byId("late").textContent = t("live.stale", { time: page.times.time(live.snapshot.as_of) });
		}
	}

	const live = liveTally(page, { onSnapshot: draw, onState: drawState });
	setInterval(() => live.tick(), 1000);
	live.start();
}

function makeLine(name) {
	const line = { rank: h("span", { class: "p-rank" }), fate: h("span", { class: "p-fate" }),
		votes: h("span", { class: "p-votes" }), value: h("span", { class: "p-value" }) };
	line.row = h("li", {}, line.rank, h("span", { class: "p-name" }, name, line.fate,
		h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))), line.votes, line.value);
	return line;
}

function drawLine(line, { rank, tied, votes = "", value = "", fate = "", bar, kind = "" }) {
	line.rank.replaceChildren(tied ? h("span", { class: "p-tied" }, t("results.tied")) : "", String(rank));
	line.votes.textContent = votes;
	line.value.textContent = value;
	line.fate.textContent = fate;
	line.row.className = [kind, bar === undefined && "is-barless"].filter(Boolean).join(" ");
	line.row.style.setProperty("--bar", String(bar ?? 0));
}

/* Named as what they are: votes beside a standing are one part of it, or none. */
function citizensBoard(snapshot) {
	const name = contest.stage ? citizensTitle(page) : "";
	const rows = rowsOf(contest, snapshot, pick);
	return { kind: "votes", title: isReference(contest) ? t("results.for_reference", { title: name }) : name,
		rows: rows && rows.map((row) => ({ id: row.id, rank: row.rank ?? "–", tied: row.tied, bar: row.bar,
			votes: number.count(row.votes), value: valueWords[contest.form.name](row, number) })) };
}

/* The stage's standing, as far as it is public and decided; null before. */
function standingBoard(snapshot) {
	const { formula } = snapshot;
	if (!formula?.complete) return null;
	const ids = advancing(snapshot);
	if (formula.publish === "advancers" && ids === null) return null;
	const out = disqualifiedOf(snapshot).map(({ entry }) => pick(contest.entries.find(({ id }) => id === entry)?.name));
	const noun = pick(contest.entry_noun);
	const words = { note: formula.publish === "full" || out.length === 0 ? ""
		: `${t("standing.disqualified_title", { noun })}: ${out.join(", ")}` };
	if (formula.publish === "advancers") {
		return { ...words, kind: "names", title: ids.length > 0 ? t("standing.who", { noun }) : t("standing.nobody", { noun }),
			rows: ids.map((id) => ({ id, rank: "" })) };
	}
	return { ...words, kind: "standing", title: t("standing.title"), rows: formula.publish === "full" ? fullRows(snapshot)
		: topRows(snapshot, ids ?? []) };
}

const fateOf = ({ disqualified, advanced }) => disqualified ? t("standing.disqualified") : advanced === true ? t("standing.advanced") : "";

function fullRows({ standing, formula }) {
	const most = fullPoints(formula.parts);
	const points = number.column(standing.map((row) => row.points));
	return byRank(standing).map((row) => ({ id: row.entry, rank: row.rank ?? "–", tied: row.tied, fate: fateOf(row),
		value: row.points === null && row.rank ? t("standing.kept") : points(row.points),
		kind: row.disqualified ? "is-out" : row.points === null ? "is-kept" : "",
		bar: typeof row.points === "number" && most > 0 ? row.points / most : undefined }));
}

/* The best, the mean, and who else advances; the others' points are not public. */
function topRows({ standing, formula }, ids) {
	const points = number.column([...standing.map((row) => row.points), formula.mean]);
	const shown = (value) => value === null ? t("standing.kept") : points(value);
	return [
		...byRank(standing).map((row) => ({ id: row.entry, rank: row.rank ?? "–", tied: row.tied, fate: fateOf(row),
			value: shown(row.points), kind: row.points === null ? "is-kept" : "" })),
		...ids.filter((id) => !standing.some(({ entry }) => entry === id)).map((id) =>
			({ id, rank: "–", fate: t("standing.advanced") })),
		{ id: null, rank: "", value: shown(formula.mean), kind: formula.mean === null ? "is-mean is-kept" : "is-mean" },
	];
}
