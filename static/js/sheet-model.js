/* A score sheet's arithmetic: totals, what is missing, what differs between two versions. Pure; draws and sends
 * nothing.
 *
 *   frame  { entries (in the order shown), criteria, conflicts, rulings, commentsRequired }: what the server fixes
 *   draft  { scores: { entry: { criterion: n } }, recused: { entry: reason }, comments: { entry: text } } */

export const COMMENT_MAX = 4000;
export const REASON_MAX = 400;

export const frameOf = (sheet, entries) => ({ entries, criteria: sheet.criteria, conflicts: sheet.conflicts ?? {},
	rulings: sheet.rulings ?? {}, commentsRequired: Boolean(sheet.expert.panel?.comments_required) });

export const draftOf = ({ scores, recused, comments }) =>
	structuredClone({ scores: scores ?? {}, recused: recused ?? {}, comments: comments ?? {} });

/* Why an entry is not scored: "conflict" and "ruling" are the rules', "recused" the expert's own; or null. */
export function exclusion(frame, draft, entry) {
	if (Object.hasOwn(frame.conflicts, entry)) return "conflict";
	if (Object.hasOwn(frame.rulings, entry)) return "ruling";
	return Object.hasOwn(draft.recused, entry) ? "recused" : null;
}

/* The body of a PUT, always in the same order: nothing of entries excluded by rule, no scores beside a recusal. */
export function sheetBody(frame, draft, state) {
	const scores = {}, recused = {}, comments = {};
	for (const { id } of frame.entries) {
		const why = exclusion(frame, draft, id);
		if (why === "conflict" || why === "ruling") continue;
		const given = why ? [] : frame.criteria.filter((one) => draft.scores[id]?.[one.id] !== undefined);
		if (given.length) scores[id] = Object.fromEntries(given.map((one) => [one.id, draft.scores[id][one.id]]));
		if (why) recused[id] = draft.recused[id];
		if (draft.comments[id]?.trim()) comments[id] = draft.comments[id];
	}
	return { scores, recused, comments, state };
}

/* What was typed: { value } where it is a score of this criterion, { empty } or { error: "number", "range", "step" }. */
export function readScore({ min, max, step }, text) {
	const plain = text.normalize("NFKC").trim(); // full-width digits of a Korean keyboard
	if (plain === "") return { empty: true };
	if (!/^[-+]?\d{1,9}$/.test(plain)) return { error: "number" };
	const value = Number(plain);
	if (value < min || value > max) return { error: "range" };
	return (value - min) % step === 0 ? { value } : { error: "step" };
}

/* The next score up or down; from none, the lowest. */
export function stepped({ min, max, step }, value, by) {
	if (value === undefined) return min;
	const last = Math.floor((max - min) / step);
	return min + step * Math.min(Math.max((value - min) / step + by, 0), last);
}

/* { points, max, missing, wanted } of an entry; `missing` counts a required comment, `wanted` scores only. */
export function entryTotal(frame, draft, entry) {
	const scores = draft.scores[entry] ?? {};
	let points = 0, max = 0;
	for (const { id, max: top, weight } of frame.criteria) {
		points += (scores[id] ?? 0) * weight;
		max += top * weight;
	}
	const open = exclusion(frame, draft, entry) ? [] : missingOf(frame, draft, entry);
	return { points, max, missing: open.length };
}

function missingOf(frame, draft, entry) {
	const open = frame.criteria.filter(({ id }) => draft.scores[entry]?.[id] === undefined)
		.map(({ id }) => ({ entry, criterion: id }));
	if (frame.commentsRequired && !draft.comments[entry]?.trim()) open.push({ entry, criterion: null });
	return open;
}

/* All that stands between a draft and its submission: [{ entry, criterion or null for the comment }]. */
export const missing = (frame, draft) => frame.entries.flatMap(({ id }) =>
	exclusion(frame, draft, id) ? [] : missingOf(frame, draft, id));

/* { given, wanted }: scores that are there, of those that a full sheet has. */
export function progress(frame, draft) {
	const scored = frame.entries.filter(({ id }) => !exclusion(frame, draft, id));
	const given = scored.reduce((sum, { id }) =>
		sum + frame.criteria.filter((one) => draft.scores[id]?.[one.id] !== undefined).length, 0);
	return { given, wanted: scored.length * frame.criteria.length };
}

/* What differs, cell by cell: [{ entry, kind, criterion?, mine, theirs }]; a recusal against scores differs as a whole
 * ("entry": the values are { recused } or { scores }). Other kinds: "score", "reason", "comment"; undefined: nothing. */
export function differences(frame, mine, theirs) {
	const list = [];
	const note = (entry, kind, a, b, criterion) => {
		if (a !== b) list.push({ entry, kind, criterion, mine: a, theirs: b });
	};
	for (const { id } of frame.entries) {
		const why = exclusion(frame, mine, id);
		if (why === "conflict" || why === "ruling") continue;
		const [a, b] = [mine.recused[id], theirs.recused[id]];
		if ((a === undefined) !== (b === undefined)) {
			const whole = (draft) => draft.recused[id] === undefined ? { scores: draft.scores[id] ?? {} }
				: { recused: draft.recused[id] };
			list.push({ entry: id, kind: "entry", mine: whole(mine), theirs: whole(theirs) });
		} else if (a !== undefined) {
			note(id, "reason", a, b);
		} else {
			for (const { id: criterion } of frame.criteria) {
				note(id, "score", mine.scores[id]?.[criterion], theirs.scores[id]?.[criterion], criterion);
			}
		}
		note(id, "comment", mine.comments[id]?.trim() ? mine.comments[id] : undefined,
			theirs.comments[id]?.trim() ? theirs.comments[id] : undefined);
	}
	return list;
}

/* Mine, with theirs in the differences whose place in the list `takeTheirs` says so. */
export function merged(mine, list, takeTheirs) {
	const draft = draftOf(mine);
	const put = (place, key, value) => {
		if (value === undefined) delete place[key];
		else place[key] = value;
	};
	list.forEach(({ entry, kind, criterion, theirs }, i) => {
		if (!takeTheirs(i)) return;
		if (kind === "comment") put(draft.comments, entry, theirs);
		else if (kind === "reason") put(draft.recused, entry, theirs);
		else if (kind === "score") put(draft.scores[entry] ??= {}, criterion, theirs);
		else {
			put(draft.recused, entry, theirs.recused);
			if (theirs.scores) draft.scores[entry] = structuredClone(theirs.scores);
		}
	});
	return draft;
}
