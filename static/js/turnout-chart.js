/* Draws participants over time with uPlot, which is installed beside the pages or not; without it there is no chart,
 * and nothing else is missing, because the same numbers stand in the table. */
import { h } from "./dom.js";

const VENDOR = "/vendor/";
const HEIGHT = 300;

/* A promise of { set(series) } with series as turnoutSeries() makes them, or null. */
export async function drawChart(page, place) {
	let Plot;
	try {
		({ default: Plot } = await import(`${VENDOR}uplot.js`));
	} catch {
		return null;
	}
	await styled();
	return new Chart(Plot, page, place);
}

function styled() {
	const link = h("link", { rel: "stylesheet", href: `${VENDOR}uplot.css` });
	const done = new Promise((resolve) => {
		link.addEventListener("load", resolve);
		link.addEventListener("error", resolve);
	});
	document.head.append(link);
	return done;
}

class Chart {
	#plot = null;
	#series = [[], [], []];
	#shape = "";

	constructor(Plot, page, place) {
		Object.assign(this, { Plot, page });
		const { t } = page;
		this.canvas = h("div", { class: "o-chart", role: "img", "aria-label": t("organiser.turnout.chart") });
		this.reading = h("p", { class: "o-chart-reading soft", "aria-hidden": "true" });
		place.append(h("div", { class: "o-chart-keys", "aria-hidden": "true" },
			h("span", { class: "o-key o-key-bar" }, t("organiser.turnout.added")),
			h("span", { class: "o-key o-key-line" }, t("organiser.turnout.total"))), this.canvas, this.reading);
		new ResizeObserver(() => this.#draw()).observe(this.canvas);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(true));
	}

	set(series) {
		this.#series = series;
		this.#draw();
	}

	/* Anew where size or colours are others; else the data alone. */
	#draw(anew = false) {
		const width = Math.floor(this.canvas.clientWidth);
		const enough = this.#series[0].length > 1 && width > 0;
		this.canvas.parentElement.hidden = this.#series[0].length < 2;
		if (!enough) return;
		const style = getComputedStyle(document.documentElement);
		const shape = `${width} ${style.fontSize}`;
		if (this.#plot && !anew && shape === this.#shape) {
			this.#plot.setData(this.#series);
			return;
		}
		this.#shape = shape;
		this.#plot?.destroy();
		this.#plot = new this.Plot(this.#options(width, style), this.#series, this.canvas);
	}

	#options(width, style) {
		const { Plot, page: { t, number, times, contest } } = this;
		const colour = (name) => style.getPropertyValue(`--${name}`).trim();
		const size = Math.max(15, 0.83 * parseFloat(style.fontSize));
		const axis = { stroke: colour("soft"), font: `${size}px sans-serif`, labelFont: `600 ${size}px sans-serif`,
			grid: { stroke: colour("hair"), width: 1 }, ticks: { stroke: colour("hair"), width: 1 } };
		const count = (_, splits) => splits.map((n) => Number.isInteger(n) ? number.count(n) : "");
		const letter = parseFloat(style.fontSize);
		const zone = contest.time_zone ?? "Asia/Seoul";
		return {
			width, height: HEIGHT, legend: { show: false },
			tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1000), zone),
			scales: { minute: { range: (_, min, max) => [0, Math.max(1, max * 1.1)] },
				total: { range: (_, min, max) => [0, Math.max(1, max * 1.1)] } },
			axes: [
				{ ...axis, space: 5 * letter, values: (_, splits) => splits.map((at) => times.time(at * 1000).slice(0, 5)) },
				{ ...axis, scale: "minute", label: t("organiser.turnout.added"), labelSize: 1.5 * letter, size: 3.2 * letter, values: count },
				{ ...axis, scale: "total", label: t("organiser.turnout.total"), labelSize: 1.5 * letter, side: 1, size: 3.6 * letter, grid: { show: false }, values: count },
			],
			series: [
				{},
				{ scale: "minute", fill: colour("track"), stroke: colour("line"), width: 1,
					paths: Plot.paths.bars({ size: [1, 64], align: 1 }), points: { show: false } },
				{ scale: "total", stroke: colour("accent"), width: 3, spanGaps: true, points: { show: false } },
			],
			cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
			hooks: { setCursor: [({ cursor: { idx } }) => {
				const [at, added, total] = this.#series.map((values) => values[idx]);
				this.reading.textContent = idx === null || idx === undefined || added === null || total === null ? "" : t("organiser.turnout.row", {
					time: times.time(at * 1000), added: number.count(Math.round(added)), total: number.count(total) });
			}] },
		};
	}
}
