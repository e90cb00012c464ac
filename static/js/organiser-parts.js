/* Pieces that the organiser page's sections share. */
import { h, put } from "./dom.js";

export { put };

/* As the API takes sentences: breaks, tabs and runs of spaces are one space. */
export const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/* Draws only when what it looks at has changed: progress comes up to four times a second. */
export function whenChanged(look, draw) {
	let before = null;
	return (progress) => {
		const text = JSON.stringify(look(progress));
		if (text === before) return;
		before = text;
		draw(progress);
	};
}

/* Acts once, when the reader comes near. */
export function whenNear(element, act) {
	const observer = new IntersectionObserver((seen) => {
		if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
		observer.disconnect();
		act();
	}, { rootMargin: "300px" });
	observer.observe(element);
}

export function section(id, title, ...children) {
	return h("section", { id, class: "o-section", "aria-labelledby": `${id}-title` },
		h("h2", { id: `${id}-title`, tabindex: "-1" }, title), ...children);
}

/* A table in a frame that scrolls sideways where it must, by keyboard too. heads: [{ text, figure, row }], `row` for the
 * column that heads each row, else the first; rows: arrays of cells, each a text or nodes, with `kind` as their class. */
export function table(caption, heads, rows, properties = {}) {
	const figure = (i) => heads[i].figure ? "figure" : null;
	const head = Math.max(0, heads.findIndex(({ row }) => row));
	return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
		h("table", { class: "plain", ...properties }, h("caption", { class: "unseen" }, caption),
			h("thead", {}, h("tr", {}, heads.map(({ text }, i) => h("th", { scope: "col", class: figure(i) }, text)))),
			h("tbody", {}, rows.map((cells) => h("tr", { class: cells.kind },
				cells.map((cell, i) => i === head ? h("th", { scope: "row" }, cell) : h("td", { class: figure(i) }, cell)))))));
}

/* Names of what progress tells by id. */
export function namesOf({ contest, pick }) {
	const entries = new Map(contest.entries.map((entry) => [entry.id, pick(entry.name)]));
	const organisations = new Map(contest.entries.flatMap(({ lead, participants }) => [lead, ...participants])
		.filter((one) => one?.id).map(({ id, name }) => [id, pick(name)]));
	return { entry: (id) => entries.get(id) ?? id, organisation: (id) => organisations.get(id) ?? id };
}

/* A number in at most four decimals, as standings have it. */
export const exact = (lang) => {
	const format = new Intl.NumberFormat(lang, { maximumFractionDigits: 4 });
	return (value) => typeof value === "number" ? format.format(value) : "–";
};
