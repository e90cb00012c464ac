// What a verifier checks of published.json: all of it follows from the contest's file and the newest result (FORMAT.md
// 5.9). Methods of a Verifier.
import { fromPairs } from './count.mjs';
import { hasExactly, same } from './json.mjs';
import { hex, sha256 } from './note.mjs';

const FILE = 'published.json';
const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** The first place where two values differ: {where, is, should}; or null. */
function difference(is, should, where) {
	if (same(is, should)) return null;
	const isObject = (value) => value !== null && typeof value === 'object';
	if (!isObject(is) || !isObject(should) || Array.isArray(is) !== Array.isArray(should)) return { where, is, should };
	for (const name of new Set([...Object.keys(should), ...Object.keys(is)])) {
		const own = (value) => Object.hasOwn(value, name) ? value[name] : undefined;
		const found = difference(own(is), own(should), `${where}.${name}`);
		if (found) return found;
	}
	return { where, is, should };
}

const words = (both) => both === undefined ? null : { ko: both.ko, en: both.en };
const number = (text, otherwise) => text === undefined ? otherwise : Number(text);
const yes = (text, otherwise) => text === undefined ? otherwise : text === 'true';

function milliseconds(text) {
	const [, amount, unit] = /^(\d+)([a-z]+)$/.exec(text);
	return Number(amount) * UNITS[unit];
}

/** Entries with the names of the organisations that stand behind them. */
function entriesOf({ entries, organisations }) {
	const name = (id) => words(organisations.find((one) => one.id === id).name);
	return entries.map((entry) => ({ id: entry.id, name: words(entry.name), reading: entry.reading, lead: name(entry.lead), head: words(entry.head),
		model: words(entry.model), goal: words(entry.goal), showcase: words(entry.showcase),
		participants: (entry.participants ?? []).map((id) => ({ id, name: name(id) })),
		links: (entry.links ?? []).map(({ label, url }) => ({ label: words(label), url })) }));
}

/** The definition without what the result says. `contest` as readContest() gives it. */
export function definitionOf({ file, panels, stage, rules }) {
	const { rehearsal } = rules, other = rehearsal ? file.rehearsal || {} : {};
	const of = (name, otherwise) => other[name] ?? file[name] ?? otherwise;
	const within = (block) => ({ ...file[block] || {}, ...other[block] || {} });
	const visibility = within('visibility'), publish = within('publish'), seal = within('seal');
	const { programme } = file;
	const places = (rehearsal ? other : file).published_at;
	return {
		...places?.length && { published_at: places },
		...rules.identity && { identity: { ...rules.identity, delete_at: new Date(file.identity.delete_at).toISOString(),
			providers: file.identity.providers.map(({ id, name }) => ({ id, name: words(name) })) } },
		id: file.id, rehearsal, demonstration: yes(file.demonstration, false), name: words(file.name), about: words(within('about')), entry_noun: words(file.entry_noun),
		organiser: words(file.organiser), contact: file.contact, time_zone: file.time_zone ?? 'Asia/Seoul', admission: of('admission', 'codes'), revote: rules.revote, form: rules.form,
		visibility: { citizen: visibility.citizen ?? 'live', experts: visibility.experts ?? 'on-publish', standing: visibility.standing ?? 'on-publish' },
		publish: { first_at: number(publish.first_at, 100), step: number(publish.step, 10), every_ms: milliseconds(publish.every ?? '5s') },
		seal: { min_entries: number(seal.min_entries, 256), max_wait_ms: milliseconds(seal.max_wait ?? '1m') },
		openings: of('openings', 'auditors'), sheet_openings: of('sheet_openings', 'auditors'), pseudonyms: yes(of('pseudonyms'), false),
		entries: entriesOf(file),
		criteria: rules.criteria.map((criterion, i) => ({ ...criterion, name: words(file.criteria[i].name), rubric: words(file.criteria[i].rubric) })),
		panels: panels.map((panel, i) => ({ ...panel.rules, name: words(panel.name), min_experts: number(file.panels?.[i].min_experts, 3) })),
		conflict_scope: rules.conflict_scope,
		stage: stage ? { parts: rules.stage.parts.map((part, i) => ({ ...part, name: words(stage.parts[i]) })), advance: rules.stage.advance, publish: stage.publish,
			subtotals: stage.subtotals.map(({ id, name }) => ({ id, name: words(name) })) } : null,
		programme: programme ? { id: programme.id, name: words(programme.name), round: Number(programme.round), rounds: Number(programme.rounds), previous: programme.previous ?? null } : null,
	};
}

export const publishedChecks = {
	published() {
		const copy = this.json(FILE);
		if (!copy) return;
		this.expect(hasExactly(copy, ['definition', 'results', 'tally']), FILE, 'has other members than it should');
		if (this.contest) this.equals('definition', copy.definition, this.definition(copy.definition));
		if (this.contest) this.equals('tally', copy.tally, this.tally(copy.tally));
		this.equals('results', copy.results, this.documents.map(({ at, kind, version }) =>
			({ at, kind, version, sha256: hex(sha256(this.files.get(`results/${version}.json`))) })));
	},

	equals(name, is, should) {
		const found = difference(is, should, name);
		const shown = (value) => `${JSON.stringify(value) ?? 'missing'}`.slice(0, 160);
		if (found) this.wrong(FILE, `${found.where} is ${shown(found.is)}, should be ${shown(found.should)}`);
	},

	definition(is) {
		const { contest, newest, epoch } = this;
		const hour = (name) => is?.[name] === null || this.contest.rules.rehearsal ? null : new Date(this.contest.rules[name.replace('at', 'ms')]).toISOString();
		return { ...definitionOf(contest), rules_hash: this.rulesHash, opens_at: hour('opens_at'), closes_at: hour('closes_at'), notice: null,
			epoch, log: 'ok', phase: newest.kind, now: newest.at };
	},

	tally(is) {
		const { newest, epoch } = this, { experts, formula, standing } = newest.public;
		const should = { contest: newest.contest, rehearsal: newest.rehearsal, demonstration: yes(this.contest.file.demonstration, false), phase: newest.kind, as_of: newest.at,
			sequence: newest.log_size, ballots: newest.ballots, citizen: newest.citizen, experts, formula, standing, notice: null, epoch, log: 'ok',
			result: { kind: newest.kind, version: newest.version } };
		if (this.rules.form.name === 'ranking') should.pairwise = this.count ? this.count.pairwise : this.pairs(is?.pairwise);
		return should;
	},

	/** Without openings: what was certified of each entry must follow from the pairs. */
	pairs(pairwise) {
		const { rules, newest } = this, { ballots, citizen } = newest, n = rules.entries.length;
		const isSquare = Array.isArray(pairwise) && pairwise.length === n && pairwise.every((row, a) => Array.isArray(row) && row.length === n
			&& row.every((value, b) => Number.isInteger(value) && value >= 0 && (a !== b || value === 0)));
		if (this.expect(isSquare && pairwise.every((row, a) => row.every((value, b) => value + pairwise[b][a] <= ballots)), FILE, 'tally.pairwise is not one number for each two entries'))
			this.expect(same(fromPairs(pairwise, rules).map((row, i) => ({ ...row, votes: citizen[i].votes })), citizen), FILE, 'the rows of the result do not follow from tally.pairwise');
		return pairwise;
	},
};
