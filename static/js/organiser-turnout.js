/* Participants by the minute and in all: the numbers as a table, and drawn where the chart's code is installed. */
import { h } from "./dom.js";
import { put, section, table, whenChanged, whenNear } from "./organiser-parts.js";
import { drawChart } from "./turnout-chart.js";
import { turnoutRows, turnoutSeries } from "./turnout.js";

const SHOWN = 30;
const MORE = 240;

export function turnoutSection({ page, call }) {
	const { t, number, times, clock } = page;
	const summary = h("p", { class: "lead" });
	const place = h("div", { class: "o-chart-place" });
	const list = h("div", {});
	const more = h("button", { type: "button", class: "button button-quiet button-small", hidden: true, onclick: () => {
		shown += MORE;
		drawTable();
	} }, t("organiser.turnout.more"));
	const element = section("turnout", t("organiser.section.turnout"), summary, place,
		h("details", { class: "fold", ontoggle: drawTable }, h("summary", {}, t("organiser.turnout.table")), h("div", {}, list, more)));

	let minutes = [];
	let rows = [];
	let shown = SHOWN;
	let minute = null;
	let chart = null;
	let latest = null;

	const words = (row) => t("organiser.turnout.row", { time: times.time(row.from),
		added: number.count(row.added), total: number.count(row.total) });

	async function fetchMinutes() {
		try {
			({ minutes } = await call("turnout"));
		} catch {
			minute = null; // asks again with the next progress
			return;
		}
		recompute();
		drawTable();
	}

	function recompute() {
		rows = turnoutRows(minutes, clock.now(), latest.tally.ballots);
		const last = rows.at(-1);
		put(summary, last ? words(last) : t("organiser.turnout.none"));
		chart?.set(turnoutSeries(rows));
	}

	/* Not with every ballot: nobody could read it. */
	function drawTable() {
		const newest = rows.slice(-shown).reverse();
		more.hidden = rows.length <= shown;
		list.replaceChildren(table(t("organiser.turnout.caption"),
			[{ text: t("organiser.turnout.minute") }, { text: t("organiser.turnout.added"), figure: true },
				{ text: t("organiser.turnout.total"), figure: true }],
			newest.map((row) => [span(row), number.count(row.added), number.count(row.total)])));
	}

	const span = ({ from, to, minutes }) => minutes > 1 ? `${times.short(from)} – ${times.short(to)}` : times.short(from);

	async function draw() {
		chart = await drawChart(page, place);
		chart?.set(turnoutSeries(rows));
	}

	const redraw = whenChanged(({ turnout, tally }) => [turnout?.minute, tally.ballots], (progress) => {
		if (progress.turnout?.minute !== minute) {
			minute = progress.turnout?.minute ?? null;
			fetchMinutes();
		} else if (rows.length) recompute();
	});
	return { element, draw: (progress) => {
		if (!latest) whenNear(element, draw); // before, all sections are short, and near
		latest = progress;
		redraw(progress);
	} };
}
