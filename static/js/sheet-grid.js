/* The whole sheet as a table, entries × criteria, operated as a spreadsheet is: arrows move between cells, digits type,
 * + and − step, Enter goes on to the next field, Escape takes back. One stop of the Tab key (a roving tabindex; ARIA
 * Authoring Practices, grid pattern), but out of a wrong cell Tab goes to the next; below it comments and recusals. */
import { h } from "./dom.js";
import { cellId, exclusionWords, extras, scoreField } from "./sheet-field.js";
import { entryTotal, exclusion } from "./sheet-model.js";

/* { element, refresh(), go(entry, criterion or null): focus it }. */
export function gridView(desk) {
	const { page: { t, pick }, frame, noun } = desk;
	const rows = frame.entries.map((entry) => gridRow(desk, entry));
	const cells = rows.map((row) => row.cells);
	const more = rows.map(({ entry }) => ({ entry, part: extras(desk, entry.id) })).filter(({ part }) => part);
	const weights = frame.criteria.some(({ weight }) => weight !== 1);
	const table = h("table", { class: "sheet", role: "grid", "aria-labelledby": "grid-title",
		"aria-describedby": "grid-keys", "aria-readonly": desk.editable ? null : "true" },
	h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "sheet-name" }, noun),
		frame.criteria.map((one) => h("th", { scope: "col", id: `criterion-${one.id}` },
			h("span", { class: "criterion" }, pick(one.name)),
			h("span", { class: "range", id: `range-${one.id}` }, t("expert.range", one),
				weights && ` · ${t("expert.weight", { n: one.weight })}`),
			h("span", { class: "rubric" }, pick(one.rubric)))),
		h("th", { scope: "col", class: "sheet-total" }, t("expert.total")))),
	h("tbody", {}, rows.map(({ element }) => element)));
	rove(table, cells);

	return {
		element: h("div", {},
			h("h2", { id: "grid-title" }, t("expert.grid")),
			h("p", { class: "soft keys", id: "grid-keys" }, desk.editable ? t("expert.keys") : t("expert.keys_fixed")),
			h("div", { class: "sheet-scroll" }, table),
			more.length > 0 && h("h2", { class: "part" }, t("expert.comments")),
			more.map(({ entry, part }) => h("section", { class: "entry-extras", "aria-labelledby": `extras-${entry.id}` },
				h("h3", { id: `extras-${entry.id}` }, pick(entry.name)), part.element))),
		refresh: () => rows.forEach((row) => row.refresh()),
		go: (entry, criterion) => {
			const target = document.getElementById(criterion ? cellId(entry, criterion) : `comment-${entry}`);
			target?.focus();
			target?.scrollIntoView({ block: "center", inline: "nearest" });
		},
	};
}

function gridRow(desk, entry) {
	const { page: { t, pick }, frame, draft } = desk;
	const total = h("td", { class: "sheet-total", tabindex: "-1" });
	const name = h("th", { scope: "row", id: `entry-${entry.id}`, class: "sheet-name" }, pick(entry.name));
	const why = exclusion(frame, draft, entry.id);
	if (why) {
		const reason = h("td", { class: "sheet-excluded", colspan: String(frame.criteria.length), tabindex: "-1",
			"aria-readonly": "true" }, h("span", {}, exclusionWords(desk, entry.id)));
		total.append(t(`expert.excluded.${why}`));
		return { entry, element: h("tr", { class: "is-excluded" }, name, reason, total), refresh() {},
			cells: [...frame.criteria.map(() => reason), total] };
	}
	const fields = frame.criteria.map((criterion) => scoreField(desk, entry.id, criterion,
		{ labelledby: `entry-${entry.id} criterion-${criterion.id}`, tabStops: false }));
	const refresh = () => {
		fields.forEach((field) => field.refresh());
		total.replaceChildren(...totalWords(desk, entry.id));
	};
	refresh();
	return { entry, refresh, cells: [...fields.map(({ input }) => input), total],
		element: h("tr", {}, name, fields.map(({ element }) => h("td", {}, element)), total) };
}

/* '72/100' and '2개 남음'. */
export function totalWords({ page: { t }, frame, draft }, entry) {
	const { points, max, missing } = entryTotal(frame, draft, entry);
	return [h("strong", { class: "points" }, t("expert.points", { points, max })),
		h("span", { class: missing ? "open" : "open is-full" },
			missing ? t("expert.open", { n: missing }) : t("expert.full"))];
}

/* Keeps one of `cells` (rows of elements; one element may fill several columns) in the Tab order. */
function rove(table, cells) {
	let current = null;
	const stop = (cell) => {
		current?.setAttribute("tabindex", "-1");
		current = cell;
		cell?.setAttribute("tabindex", "0");
	};
	for (const cell of new Set(cells.flat())) cell.setAttribute("tabindex", "-1");
	stop(cells.flat().find((cell) => cell.localName === "input") ?? cells[0]?.[0]);
	let column = 0; // kept while a row of one wide cell is crossed

	const place = (cell) => {
		const row = cells.findIndex((line) => line.includes(cell));
		return { row, column: row < 0 ? -1 : cells[row][column] === cell ? column : cells[row].indexOf(cell) };
	};
	const move = (row, to) => {
		const line = cells[Math.min(Math.max(row, 0), cells.length - 1)];
		column = Math.min(Math.max(to, 0), line.length - 1);
		line[column].focus();
		line[column].scrollIntoView({ block: "nearest", inline: "nearest" });
	};
	const sideways = (at, by) => {
		const line = cells[at.row];
		let to = at.column;
		while (line[to] === line[at.column] && to + by >= 0 && to + by < line.length) to += by;
		move(at.row, to);
	};
	const onward = (cell, by) => {
		const fields = cells.flat().filter((one) => one.localName === "input");
		const next = fields[fields.indexOf(cell) + by];
		if (next) move(...Object.values(place(next)));
	};

	/* Out of a cell that is wrong, Tab leads to the next one rather than out of the table: the error stays in sight. */
	const stay = (event) => {
		const by = event.shiftKey ? -1 : 1;
		const fields = cells.flat().filter((one) => one.localName === "input");
		const i = fields.indexOf(event.target);
		const next = fields[i + by] ?? fields[i - by];
		if (!next) return;
		event.preventDefault();
		move(...Object.values(place(next)));
	};

	table.addEventListener("focusin", ({ target }) => {
		const cell = target.closest("input, td");
		const at = place(cell);
		if (at.row < 0) return;
		stop(cell);
		column = at.column;
	});
	table.addEventListener("keydown", (event) => {
		const at = place(event.target.closest("input, td"));
		if (at.row < 0 || event.isComposing || event.altKey || event.metaKey) return;
		if (event.key === "Tab" && event.target.getAttribute("aria-invalid") === "true" && !event.ctrlKey) {
			stay(event);
			return;
		}
		const far = event.ctrlKey;
		const moves = {
			ArrowUp: () => move(far ? 0 : at.row - 1, at.column),
			ArrowDown: () => move(far ? cells.length - 1 : at.row + 1, at.column),
			ArrowLeft: () => far ? move(at.row, 0) : sideways(at, -1),
			ArrowRight: () => far ? move(at.row, Infinity) : sideways(at, 1),
			Home: () => move(far ? 0 : at.row, 0),
			End: () => move(far ? cells.length - 1 : at.row, Infinity),
			Enter: () => onward(event.target, event.shiftKey ? -1 : 1),
		};
		if (!Object.hasOwn(moves, event.key)) return;
		event.preventDefault();
		moves[event.key]();
	});
}
