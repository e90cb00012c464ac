// Panels and the standing (FORMAT.md 5.6, 5.7), in whole numbers of 1/10000. `null` is "no value".
import { ONE, fromNumber, fromText, ratio, toNumber } from './decimal.mjs';
import { isObject } from './json.mjs';

const FEW = 5;

/** What a panel says of each entry, from its experts' rows in sheets.json. */
export function panelResults(rules, panel, experts) {
	const ours = experts.filter((expert) => expert.panel === panel.id);
	const weights = panel.criteria.map((id) => [id, BigInt(rules.criteria.find((one) => one.id === id).weight)]);
	return rules.entries.map(({ id }) => {
		const totals = [];
		let recused = 0;
		for (const { excluded, sheet } of ours) {
			const said = sheet === null ? null : JSON.parse(sheet);
			if (Object.hasOwn(excluded, id) || Object.hasOwn(said?.recused ?? {}, id)) {
				recused++;
				continue;
			}
			const scores = said?.scores?.[id];
			if (scores && weights.every(([criterion]) => Number.isInteger(scores[criterion])))
				totals.push(weights.reduce((sum, [criterion, weight]) => sum + BigInt(scores[criterion]) * weight, 0n));
		}
		return { entry: id, n: totals.length, of: ours.length, recused, ...aggregate(panel.aggregate, totals) };
	});
}

/** {value, left_out, spread} of whole totals. */
export function aggregate(kind, totals) {
	const sorted = [...totals].sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
	const n = BigInt(sorted.length);
	const sum = sorted.reduce((all, one) => all + one, 0n);
	const trims = kind === 'trimmed-mean' && n >= 3n;
	let value = null;
	if (n > 0n && kind === 'median')
		value = ratio(sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)], 2n);
	else if (n > 0n)
		value = trims ? ratio(sum - sorted[0] - sorted.at(-1), n - 2n) : ratio(sum, n);
	const q = n * sorted.reduce((all, one) => all + one * one, 0n) - sum * sum;
	const spread = n < 2n ? null : Math.round(Math.sqrt(Number(q) / Number(n * (n - 1n))) * 10_000) / 10_000;
	return { value, left_out: trims ? 2 : 0, spread };
}

/** A panel as results show it; `everything`: as the annex does. `heads`: {of, submitted} experts. */
export function shownPanel(rules, { rules: panel, name }, results, heads, everything) {
	const row = ({ value, ...rest }) => rest.n < FEW && !everything
		? { entry: rest.entry, n: rest.n, of: rest.of, recused: rest.recused, withheld: 'too-few' }
		: { ...rest, value: toNumber(value ?? null) };
	const max = panel.criteria.reduce((sum, id) => {
		const { max, weight } = rules.criteria.find((one) => one.id === id);
		return sum + max * weight;
	}, 0);
	return { id: panel.id, name, aggregate: panel.aggregate, max, ...heads, entries: results.map(row) };
}

export function headsOf(panel, experts) {
	const ours = experts.filter((expert) => expert.panel === panel.id);
	return { of: ours.length, submitted: ours.filter(({ sheet }) => sheet !== null).length };
}

const count = (value) => Number.isInteger(value) && value > 0 ? value : 0;

/** A panel's results as they are told: {heads, results, faults}. Of what is withheld `value` is undefined. */
export function toldPanel(rules, told) {
	const heads = { of: count(told?.of), submitted: count(told?.submitted) };
	const faults = [];
	const results = rules.entries.map(({ id }, e) => {
		const row = told?.entries?.[e] ?? {};
		const cell = { entry: id, n: count(row.n), of: count(row.of), recused: count(row.recused), left_out: count(row.left_out),
			spread: typeof row.spread === 'number' ? row.spread : null, value: typeof row.value === 'number' ? fixed(row.value) : row.value === undefined && count(row.n) > 0 ? undefined : null };
		if (cell.n + cell.recused > cell.of || cell.of > heads.of) faults.push(`${id}: more experts than there are`);
		return cell;
	});
	return { heads, results, faults };
}

/** Of each part, in the rules' order, its value for each entry; undefined for a part of which too little is known.
 *  `panels` has of a panel's id what it says of each entry, or undefined. */
export function partValues(rules, { citizens, panels, metrics }) {
	return rules.stage.parts.map((part) => {
		if (part.source === 'citizens')
			return citizens;
		if (part.source === 'panel')
			return panels(part.panel)?.map(({ n, value }) => n === 0 ? null : value);
		return metrics && rules.entries.map(({ id }) => {
			const row = metrics.find((one) => one.part === part.id && one.entry === id);
			return row ? fromText(row.value) : null;
		});
	});
}

/** The citizens' part from the count. */
export function citizenValues({ form }, { votes, steps, borda }) {
	if (form.name === 'choices')
		return votes.map((n) => n * ONE);
	if (form.name === 'ranking')
		return borda.map((n) => BigInt(n) * ONE);
	return votes.map((n, i) => n === 0n ? null : BigInt(form.min) * ONE + ratio(BigInt(form.step) * steps[i], n));
}

function pointsOf(part, values) {
	const known = values.filter((value) => value !== null);
	const greatest = known.reduce((a, b) => a > b ? a : b, known[0] ?? 0n);
	const least = known.reduce((a, b) => a < b ? a : b, known[0] ?? 0n);
	const lo = part.scale === 'min-max' ? least : 0n;
	const hi = part.scale === 'points' ? BigInt(part.out_of) * ONE : greatest;
	const weight = BigInt(part.weight);
	return values.map((value) => {
		if (value === null)
			return null;
		if (hi <= lo)
			return part.scale === 'min-max' ? weight * ONE : 0n;
		if (value <= lo)
			return 0n;
		return value >= hi ? weight * ONE : ratio(weight * (value - lo), hi - lo);
	});
}

/** Rows of all entries with nothing kept; numbers are whole, `disqualified` a set of ids. */
export function standing(rules, values, disqualified) {
	const { parts, advance } = rules.stage;
	const points = parts.map((part, p) => pointsOf(part, values[p]));
	const sum = (e, chosen) => parts.reduce((all, part, p) => {
		if (!chosen(part) || all === null)
			return all;
		if (points[p][e] === null)
			return part.weight ? null : all;
		return all + points[p][e];
	}, 0n);
	const subtotals = [...new Set(parts.map(({ subtotal }) => subtotal).filter(Boolean))];
	const rows = rules.entries.map(({ id }, e) => ({ entry: id, out: disqualified.has(id), total: sum(e, () => true),
		parts: parts.map((part, p) => ({ id: part.id, value: values[p][e], points: points[p][e] })),
		subtotals: subtotals.map((name) => [name, sum(e, (part) => part.subtotal === name)]) }));
	const places = rows.filter(({ total, out }) => total !== null && !(advance.refill && out));
	for (const row of rows) {
		const above = places.filter(({ total }) => total > row.total).length;
		const beside = places.filter(({ total }) => total === row.total).length;
		const ranked = !row.out && row.total !== null;
		row.rank = ranked ? above + 1 : null;
		row.tied = ranked && beside > 1;
		const reaches = advance.ties === 'excluded' ? above + beside : above + 1;
		row.advanced = advance.count ? ranked && reaches <= advance.count : null;
	}
	return { rows, complete: rows.every(({ out, total }) => out || total !== null) };
}

/** Which parts are kept of which entry for fear of telling single experts; `panels` as for partValues(). */
function keptParts(rules, panels) {
	return rules.stage.parts.map((part) => {
		const few = part.source === 'panel' ? panels(part.panel).map(({ n }) => n > 0 && n < FEW) : rules.entries.map(() => false);
		return part.scale === 'points' ? few : few.map(() => few.includes(true));
	});
}

const rowJson = (row, reason, kept) => {
	const hidden = row.parts.filter((_, p) => kept[p]);
	const gone = hidden.some(({ weight }) => weight !== 0);
	return {
		entry: row.entry, rank: row.rank, tied: row.tied, advanced: row.advanced,
		points: gone ? null : toNumber(row.total),
		parts: Object.fromEntries(row.parts.map((part, p) => [part.id,
			{ value: kept[p] ? null : toNumber(part.value), points: kept[p] ? null : toNumber(part.points) }])),
		subtotals: Object.fromEntries(row.subtotals.map(([name, value]) =>
			[name, hidden.some(({ subtotal, weight }) => weight !== 0 && subtotal === name) ? null : toNumber(value)])),
		...(reason !== undefined && { disqualified: reason }),
	};
};

const withWeights = (rules, row) => ({ ...row, parts: row.parts.map((part, p) => ({ ...rules.stage.parts[p], ...part })) });

/** Rows as the annex has them: everything. `reasons`: id -> reason in both languages. */
export const annexRows = (rules, { rows }, reasons) => rows.map((row) =>
	rowJson(withWeights(rules, row), reasons.get(row.entry)?.ko, row.parts.map(() => false)));

const withoutParts = (row) => Object.fromEntries(Object.entries(row).filter(([member]) => member !== 'parts' && member !== 'subtotals'));

/** {standing, mean?, advanced?} as everybody sees it. */
export function publicRows(rules, { rows }, reasons, panels, publish) {
	const kept = keptParts(rules, panels);
	const shown = rows.map((row, e) => rowJson(withWeights(rules, row), reasons.get(row.entry), kept.map((part) => part[e])));
	if (publish === 'full')
		return { standing: shown };
	if (publish === 'advancers')
		return { standing: shown.filter(({ advanced }) => advanced).map(({ entry }) => ({ entry, advanced: true })) };
	const best = Math.min(...shown.map(({ rank }) => rank ?? Infinity));
	const totals = rows.map(({ total }) => total).filter((total) => total !== null);
	const hidden = kept.some((part, p) => rules.stage.parts[p].weight !== 0 && part.includes(true));
	return {
		standing: shown.filter(({ rank }) => rank === best).map(withoutParts),
		mean: hidden || totals.length === 0 ? null : toNumber(ratio(totals.reduce((a, b) => a + b, 0n), BigInt(totals.length) * ONE)),
		advanced: rules.stage.advance.count ? rows.filter((row) => row.advanced).map(({ entry }) => entry) : null,
	};
}

const fixed = (value) => typeof value === 'number' && Math.abs(value) < 1e11 ? fromNumber(value) : 0n;

/** What one version shows of the standing, against itself: faults in words. */
export function shownFaults(rules, publish, { advanced, public: { standing: rows } }) {
	const found = [];
	const ids = rules.entries.map(({ id }) => id);
	const inOrder = (list) => list.every((id, i) => ids.includes(id) && (i === 0 || ids.indexOf(list[i - 1]) < ids.indexOf(id)));
	if (!inOrder(rows.map((row) => row?.entry)) || !inOrder(advanced))
		return ['the standing names entries that are none, twice, or in another order'];
	if (!rules.stage)
		return found;
	const { advance, parts } = rules.stage;
	const isOut = (row) => row.disqualified !== undefined;
	const weighs = (id) => parts.some((part) => part.id === id && part.weight !== 0);
	for (const row of rows) {
		if (isOut(row) && (row.rank !== null || row.tied === true || row.advanced === true))
			found.push(`${row.entry} is disqualified and has a place`);
		if ((row.advanced === true) !== advanced.includes(row.entry))
			found.push(`whether ${row.entry} advances`);
		const its = isObject(row.parts) ? Object.entries(row.parts) : null;
		const points = its?.map(([id, part]) => [id, part?.points]);
		if (typeof row.points === 'number' && points && !points.some(([id, one]) => weighs(id) && typeof one !== 'number')
			&& points.reduce((all, [, one]) => all + fixed(one), 0n) !== fixed(row.points))
			found.push(`the points of ${row.entry} are not the sum of its parts`);
	}
	if (publish === 'advancers' && rows.length !== advanced.length)
		found.push('rows are not those who advance');
	if (publish !== 'full')
		return found;
	if (rows.length !== ids.length)
		found.push('not every entry has a row');
	if (rows.every(({ points }) => typeof points === 'number'))
		for (const row of rows.filter(({ rank }) => Number.isInteger(rank))) {
			const places = rows.filter((other) => !(advance.refill && isOut(other)));
			const above = places.filter(({ points }) => fixed(points) > fixed(row.points)).length;
			const beside = places.filter(({ points }) => fixed(points) === fixed(row.points)).length;
			if (row.rank !== above + 1 || (row.tied === true) !== beside > 1)
				found.push(`the rank of ${row.entry} is not that of its points`);
		}
	return found;
}
