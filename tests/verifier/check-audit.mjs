// What a verifier checks of the audit log (FORMAT.md 5.8; 7, 6). Methods of a Verifier.
import { parseCanonical, same } from './json.mjs';
import { hex, sha256 } from './note.mjs';

export const auditChecks = {
	audit() {
		if (!this.files.has('audit.jsonl')) return;
		const lines = this.files.get('audit.jsonl').toString('utf8').split('\n');
		if (!this.expect(lines.pop() === '', 'audit.jsonl', 'ends within a line')) return;
		const { documents, newest } = this;
		const state = { sheets: new Map(), metrics: new Map(), out: new Map(), rulings: new Set() };
		const heads = [''];
		let prev = hex(sha256('tallyd audit v1\n', this.round));
		const recorded = new Set();
		for (const [i, line] of lines.entries()) {
			let entry;
			try {
				entry = parseCanonical(line);
			} catch {
				return this.wrong('audit.jsonl', `line ${i + 1} is no entry`);
			}
			if (!this.expect(entry?.n === i + 1 && entry.prev === prev, 'audit.jsonl', `line ${i + 1} does not follow from the one before`)) return undefined;
			prev = hex(sha256('tallyd audit v1\n', line));
			heads.push(prev);
			if (entry.act === 'certify' || entry.act === 'correct') this.recorded(entry, recorded);
			if (i < newest.audit.n) replay(state, entry);
		}
		for (const { version, audit } of documents)
			this.expect(audit.n >= 1 && heads[audit.n] === audit.head && recorded.has(version), 'audit.jsonl', `version ${version} of the result is not recorded, or rests on another log`);
		this.auditedState(state);
		this.done.push(`${lines.length} entries of the audit log`);
		return undefined;
	},

	/** An entry that records a version of the result: the next one behind those that it rests on. */
	recorded({ n, act, version, sha256: hash }, recorded) {
		const document = this.documents[version - 1];
		const file = this.files.get(`results/${version}.json`);
		this.expect(document && act === (version === 1 ? 'certify' : 'correct') && hash === hex(sha256(file)) && n === document.audit.n + 1,
			'audit.jsonl', `entry ${n} records version ${version}, which is another`);
		recorded.add(version);
	},

	auditedState({ sheets, metrics, out, rulings }) {
		const { newest } = this;
		const reasons = (newest.public.formula?.disqualified ?? []).map(({ entry, reason }) => [entry, reason]);
		if (this.rules.stage)
			this.expect(same(Object.fromEntries(reasons), Object.fromEntries(out)), 'audit.jsonl', 'other entries are disqualified than the result says');
		for (const { expert, commitment, excluded, sheet } of this.sheets && !this.sheets.pseudonyms ? this.sheets.experts : []) {
			const last = sheets.get(expert);
			this.expect(sheet === null ? last?.act !== 'sheet.submitted' : last?.act === 'sheet.submitted' && last.sheet === commitment,
				'sheets.json', `${expert}: not the sheet that the audit log has`);
			for (const [entry, why] of Object.entries(excluded))
				this.expect(why === 'conflict' || rulings.has(`${expert}/${entry}`), 'sheets.json', `${expert}: no ruling on ${entry}`);
			for (const ruling of rulings)
				if (this.rules.entries.some(({ id }) => ruling === `${expert}/${id}`)) this.expect(Object.hasOwn(excluded, ruling.slice(expert.length + 1)), 'sheets.json', `${expert}: the ruling ${ruling} is left out`);
		}
		if (this.metrics) this.compareMetrics([...metrics.values()]);
	},
};

const word = (value) => typeof value === 'string' ? value : '';

function replay({ sheets, metrics, out, rulings }, entry) {
	const [act, person, of] = [entry.act, entry.person, entry.entry].map(word);
	if (/^sheet\.(saved|submitted|withdrawn)$/.test(act)) sheets.set(person, { act, sheet: entry.sheet });
	if (act === 'metrics' && Array.isArray(entry.metrics))
		for (const row of entry.metrics) metrics.set(`${word(row?.part)}/${word(row?.entry)}`, row ?? {});
	if (act === 'disqualify') out.set(of, entry.reason);
	if (act === 'requalify') out.delete(of);
	if (act === 'ruling.recusal' || (act === 'ruling.challenge' && entry.decision === 'upheld')) rulings.add(`${person}/${of}`);
	if (act === 'ruling.lifted') rulings.delete(`${person}/${of}`);
}
