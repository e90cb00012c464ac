// What a verifier checks of experts, metrics and the standing (FORMAT.md 7, 6). Methods of a Verifier.
import { fromText, ONE } from './decimal.mjs';
import { hasExactly, isObject, same } from './json.mjs';
import { hex, sha256 } from './note.mjs';
import { sheetFault } from './sheet.mjs';
import { annexRows, citizenValues, headsOf, panelResults, partValues, publicRows, shownFaults, shownPanel, standing, toldPanel } from './stage.mjs';

const MEASURED = ['part', 'entry', 'value', 'as_of', 'method', 'source'];
const ANNEX = ['experts', 'metrics', 'rulings', 'salt', 'standing', 'version'];
const DISQUALIFIED = 'disqualified/';
const measured = ({ part, entry, value, as_of, method, source }) => JSON.stringify([part, entry, String(fromText(value)), as_of, method, source]);
const exactly = (row) => JSON.stringify(MEASURED.map((name) => row[name]));

export const stageChecks = {
	stage() {
		const { rules, newest } = this;
		const annex = this.annex = this.optional('annex.json');
		const sheets = this.sheets = this.optional('sheets.json');
		const metrics = this.metrics = this.optional('metrics.json');
		this.documents.forEach((document, i) => {
			for (const what of shownFaults(rules, this.contest?.stage?.publish, document)) this.wrong(`results/${i + 1}.json`, what);
		});
		if (annex)
			this.expect(hex(sha256(this.files.get('annex.json'))) === newest.annex_sha256 && annex.version === newest.version && hasExactly(annex, ANNEX)
				&& typeof annex.salt === 'string' && Array.isArray(annex.metrics), 'annex.json', 'is not the one that was signed');
		if (sheets) this.checkSheets(sheets);
		this.checkPanels(sheets);
		this.checkMetrics(metrics, annex?.metrics);
		if (!rules.stage) {
			this.expect(same(newest.public.standing, []) && newest.public.formula === null && same(newest.advanced, []), this.file, 'a standing without a stage');
			return;
		}
		const reasons = this.disqualified();
		if (annex) this.checkRulings(annex.rulings, reasons);
		const panels = (id) => {
			const results = this.panels.get(id);
			return results?.some(({ value }) => value === undefined) ? undefined : results;
		};
		const known = metrics ?? annex?.metrics ?? (rules.stage.parts.some(({ source }) => source === 'metric') ? undefined : []);
		const values = partValues(rules, { citizens: this.citizens(), panels, metrics: known });
		if (values.includes(undefined)) {
			this.done.push('the standing held against itself only: not all it is made of is published');
			return;
		}
		this.checkStanding(values, panels, reasons);
		this.done.push('the standing worked out anew');
	},

	/** Entry -> reason, as the newest result tells them. */
	disqualified() {
		const reasons = new Map();
		const { formula } = this.newest.public;
		for (const { entry, reason } of formula?.disqualified ?? []) {
			this.expect(this.rules.entries.some(({ id }) => id === entry) && !reasons.has(entry) && hasExactly(reason, ['en', 'ko'])
				&& typeof reason.ko === 'string' && typeof reason.en === 'string', this.file, `disqualifies ${entry}: no entry, twice, or without a reason`);
			reasons.set(entry, reason);
		}
		return reasons;
	},

	checkRulings(rulings, reasons) {
		const out = rulings.filter((ruling) => typeof ruling?.id === 'string' && ruling.id.startsWith(DISQUALIFIED));
		this.expect(out.length === reasons.size && out.every(({ id, why }) => same(why, reasons.get(id.slice(DISQUALIFIED.length)))),
			'annex.json', 'other entries are disqualified than the result says, or for another reason');
	},

	citizens() {
		if (this.count) return citizenValues(this.rules, this.count);
		const rows = this.newest.citizen;
		if (this.rules.form.name === 'choices') return rows.map(({ votes }) => BigInt(votes) * ONE);
		return this.rules.form.name === 'ranking' ? rows.map(({ borda }) => BigInt(borda) * ONE) : undefined;
	},

	checkSheets({ experts, version, pseudonyms, ...more }) {
		const { rules } = this;
		this.expect(version === this.newest.version && typeof pseudonyms === 'boolean' && hasExactly(more, []), 'sheets.json', 'is of another version, or has other members');
		const order = rules.panels.map(({ id }) => id);
		experts.forEach((expert, i) => {
			const where = `${expert.expert}`;
			const before = experts[i - 1];
			const fits = hasExactly(expert, ['commitment', 'excluded', 'expert', 'panel', 'salt', 'sheet', ...pseudonyms ? [] : ['affiliation', 'name']])
				&& order.includes(expert.panel) && typeof expert.expert === 'string' && isObject(expert.excluded);
			if (!this.expect(fits, 'sheets.json', `${where}: has other members than an expert`)) return;
			if (pseudonyms)
				this.expect(expert.expert === `expert-${i + 1}`, 'sheets.json', `${where}: a name in spite of pseudonyms`);
			else if (before)
				this.expect(order.indexOf(before.panel) < order.indexOf(expert.panel)
					|| (before.panel === expert.panel && Buffer.compare(Buffer.from(before.expert), Buffer.from(expert.expert)) < 0), 'sheets.json', `${where}: not in order, or twice`);
			this.checkSheet(expert, where);
		});
		this.done.push(`${experts.length} experts' sheets`);
	},

	checkSheet({ sheet, salt, commitment, excluded, panel, name = '', affiliation = null }, where) {
		const { rules } = this;
		this.expect(typeof name === 'string' && (affiliation === null || typeof affiliation === 'string'), 'sheets.json', `${where}: no such name or affiliation`);
		this.expect(Object.entries(excluded).every(([id, why]) => rules.entries.some((entry) => entry.id === id) && (why === 'conflict' || why === 'ruling')),
			'sheets.json', `${where}: is excluded from what is no entry, or for no reason that there is`);
		if (sheet === null && salt === null && commitment === null) return;
		if (!this.expect([sheet, salt, commitment].every((one) => typeof one === 'string'), 'sheets.json', `${where}: has half a sheet`)) return;
		const fault = sheetFault(sheet, rules, rules.panels.find(({ id }) => id === panel));
		this.expect(fault === null, 'sheets.json', `${where}: the sheet ${fault}`);
		this.expect(/^[0-9a-f]{64}$/.test(salt) && hex(sha256('tallyd sheet v1\n', Buffer.from(salt, 'hex'), sheet)) === commitment,
			'sheets.json', `${where}: the sheet is not the one committed to`);
	},

	/** Panels from the sheets; or as the annex, or else the result, tells them. */
	checkPanels(sheets) {
		const { rules, newest, annex } = this;
		const panels = this.contest?.panels ?? [];
		const told = (annex?.experts ?? newest.public.experts)?.panels;
		this.panels = new Map();
		const heads = new Map();
		panels.forEach(({ rules: panel }, p) => {
			const one = sheets ? { heads: headsOf(panel, sheets.experts), results: panelResults(rules, panel, sheets.experts), faults: [] } : toldPanel(rules, told?.[p]);
			for (const what of one.faults) this.wrong(this.file, `panel ${panel.id}, ${what}`);
			this.panels.set(panel.id, one.results);
			heads.set(panel.id, one.heads);
		});
		const each = (everything) => panels.map((panel) => shownPanel(rules, panel, this.panels.get(panel.rules.id), heads.get(panel.rules.id), everything));
		this.expect(same(newest.public.experts, panels.length ? { panels: each(false) } : {}), this.file, 'the experts\' values are not those of the sheets, or of the annex');
		if (annex) this.expect(same(annex.experts, { panels: each(true) }), 'annex.json', 'the experts\' values are not those of the sheets');
	},

	checkStanding(values, panels, reasons) {
		const { rules, newest, annex, contest } = this;
		const { formula } = newest.public;
		const worked = standing(rules, values, new Set(reasons.keys()));
		this.expect(worked.complete, this.file, 'the standing is not complete');
		const { publish, subtotals, parts: names } = contest.stage;
		const { standing: rows, ...more } = publicRows(rules, worked, reasons, panels, publish);
		this.expect(same(rows, newest.public.standing), this.file, `public.standing is not ${JSON.stringify(rows)}`);
		const parts = rules.stage.parts.map((part, p) => ({ ...part, name: names[p] }));
		const common = { advance: rules.stage.advance, complete: true, missing: [], parts, subtotals };
		const disqualified = rules.entries.filter(({ id }) => reasons.has(id)).map(({ id }) => ({ entry: id, reason: reasons.get(id) }));
		this.expect(same(formula, { ...common, disqualified, publish, ...more }), this.file, 'public.formula is not what follows from the rules');
		const advanced = worked.rows.filter((row) => row.advanced).map(({ entry }) => entry);
		this.expect(same(advanced, newest.advanced), this.file, `advanced is not ${advanced}`);
		if (annex)
			this.expect(same(annex.standing, { ...common, rows: annexRows(rules, worked, reasons) }), 'annex.json', 'the standing is not what follows');
	},

	/** Rows are measured values of the contest, once and in order; and the annex has the same. */
	checkMetrics(rows, annex) {
		const { rules } = this;
		const parts = (rules.stage?.parts ?? []).filter(({ source }) => source === 'metric');
		const order = parts.flatMap((part) => rules.entries.map(({ id }) => `${part.id}/${id}`));
		const fits = (row, names) => hasExactly(row, names) && MEASURED.every((name) => typeof row[name] === 'string')
			&& order.includes(`${row.part}/${row.entry}`) && fromText(row.value) !== null;
		if (annex)
			this.expect(annex.every((row) => fits(row, [...MEASURED, 'at', 'version', 'who'])), 'annex.json', 'has a metric that is none of the contest');
		if (!rows) return;
		const at = rows.map((row) => order.indexOf(`${row?.part}/${row?.entry}`));
		this.expect(rows.every((row) => fits(row, MEASURED)) && at.every((place, i) => i === 0 || at[i - 1] < place), 'metrics.json', 'has a row that is no metric, twice, or not in order');
		if (annex)
			this.expect(same(rows.map(exactly).sort(), annex.map(exactly).sort()), 'metrics.json', 'is not what the annex says');
	},

	/** `logged`: rows as the audit log has them, their values perhaps with needless zeros. */
	compareMetrics(logged) {
		this.expect(same(this.metrics.map(measured).sort(), logged.map(measured).sort()), 'metrics.json', 'is not what the audit log says');
	},
};
