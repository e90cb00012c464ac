/* The sheet one entry a page, for narrow and upright screens and fingers: each criterion with its rubric beside the
 * stepper, then comment and recusal. */
import { h } from "./dom.js";
import { cellId, commentId, exclusionWords, extras, scoreField } from "./sheet-field.js";
import { exclusion } from "./sheet-model.js";

/* As gridView(), and { place: { n, of, entry }, turn(by) }; `at` is the entry's id to begin with, `onTurn` follows
 * every turn. */
export function pagesView(desk, at, onTurn) {
	const { frame } = desk;
	const element = h("div", { class: "sheet-page" });
	let n = Math.max(0, frame.entries.findIndex(({ id }) => id === at));
	let parts = [];

	function draw() {
		const drawn = entryPage(desk, frame.entries[n], n);
		parts = drawn.parts;
		element.replaceChildren(drawn.element);
	}
	const view = {
		element,
		refresh: () => parts.forEach((part) => part.refresh()),
		get place() {
			return { n, of: frame.entries.length, entry: frame.entries[n].id };
		},
		turn(by) {
			n = Math.min(Math.max(n + by, 0), frame.entries.length - 1);
			draw();
			onTurn();
			const heading = element.querySelector("h2");
			heading.focus({ preventScroll: true });
			heading.scrollIntoView();
		},
		go(entry, criterion) {
			const to = frame.entries.findIndex(({ id }) => id === entry);
			if (to !== n) view.turn(to - n);
			const target = document.getElementById(criterion ? cellId(entry, criterion) : commentId(entry));
			target?.focus();
			target?.scrollIntoView({ block: "center" });
		},
	};
	draw();
	return view;
}

function entryPage(desk, entry, n) {
	const { page: { t, pick }, frame, draft, noun } = desk;
	const heading = h("h2", { tabindex: "-1", id: "page-title" },
		h("span", { class: "page-count" }, t("expert.page", { n: n + 1, of: frame.entries.length, noun })), " ",
		h("span", { id: `entry-${entry.id}` }, pick(entry.name)));
	const why = exclusion(frame, draft, entry.id);
	const more = extras(desk, entry.id);
	if (why) {
		return { parts: [], element: h("section", { "aria-labelledby": heading.id }, heading,
			h("div", { class: "page-excluded" }, h("p", {}, h("strong", {}, t(`expert.excluded.${why}`))),
				why !== "recused" && h("p", {}, exclusionWords(desk, entry.id))), more?.element) };
	}
	const weights = frame.criteria.some(({ weight }) => weight !== 1);
	const fields = frame.criteria.map((criterion) => scoreField(desk, entry.id, criterion,
		{ labelledby: `entry-${entry.id} criterion-${criterion.id}`, tabStops: true }));
	fields.forEach(({ input }, i) => input.addEventListener("keydown", (event) => {
		if (event.isComposing) return;
		if (event.key === "ArrowUp" || event.key === "ArrowDown") {
			event.preventDefault();
			if (!desk.editable) return;
			desk.step(entry.id, frame.criteria[i], event.key === "ArrowUp" ? 1 : -1);
			fields[i].refresh();
		} else if (event.key === "Enter") {
			event.preventDefault();
			const next = fields[i + 1]?.input ?? document.getElementById(commentId(entry.id));
			next?.focus();
		}
	}));
	return { parts: more ? [...fields, more] : fields, element: h("section", { "aria-labelledby": heading.id }, heading,
		fields.map(({ element }, i) => criterionBlock(desk, frame.criteria[i], element, weights)), more?.element) };
}

function criterionBlock({ page: { t, pick } }, criterion, field, weights) {
	return h("div", { class: "page-criterion" },
		h("div", {}, h("h3", { id: `criterion-${criterion.id}` }, pick(criterion.name)),
			h("p", { class: "range", id: `range-${criterion.id}` }, t("expert.range", criterion),
				weights && ` · ${t("expert.weight", { n: criterion.weight })}`),
			h("p", { class: "rubric" }, pick(criterion.rubric))), field);
}
