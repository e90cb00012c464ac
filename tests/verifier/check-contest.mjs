// What a verifier checks of the contest's file: rules.json follows from it (FORMAT.md 5.3). Methods of a Verifier.
import { same } from './json.mjs';
import { readYaml } from './yaml.mjs';

const VOTERS_A_BUCKET = 80;
const RANKING_MAX = 16;
const FINGERPRINTS = ['bearer_key', 'log_key', 'result_key', 'salt_key', 'token_key'];

const number = (text, otherwise) => text === undefined ? otherwise : Number(text);
const yes = (text, otherwise) => text === undefined ? otherwise : text === 'true';
const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
const text = ({ ko, en }) => ({ ko, en });

function formOf({ ballot, entries }) {
	const [[name, block]] = Object.entries(ballot);
	const all = block || {}; // a block without a line is an empty text
	if (name === 'choices') return { name, min: number(all.min, 1), max: number(all.max, 1) };
	if (name === 'scores') return { name, min: number(all.min, 0), max: number(all.max, 10), step: number(all.step, 1) };
	return { name, min: number(all.min, 1), max: number(all.max, Math.min(entries.length, RANKING_MAX)), method: all.method ?? 'schulze' };
}

function criteriaOf(file) {
	return (file.criteria ?? []).map(({ id, min, max, step, weight }) =>
		({ id, min: number(min, 0), max: number(max), step: number(step, 1), weight: number(weight, 1) }));
}

/** Panels with their names; criteria alone are one panel's. */
function panelsOf(file) {
	const all = (file.criteria ?? []).map(({ id }) => id);
	const implied = all.length ? [{ id: 'experts', name: { ko: '전문가', en: 'Experts' } }] : [];
	return (file.panels ?? implied).map(({ id, name, criteria, aggregate, comments }) => ({ name: text(name),
		rules: { id, aggregate: aggregate ?? 'trimmed-mean', comments_required: comments === 'required',
			criteria: all.filter((one) => !criteria?.length || criteria.includes(one)) } }));
}

function partOf({ id, source, panel, subtotal, weight, scale, out_of: outOf }, panels, criteria) {
	const most = () => panels.find(({ rules }) => rules.id === panel)?.rules.criteria
		.map((one) => criteria.find((criterion) => criterion.id === one)).reduce((sum, one) => sum + one.max * one.weight, 0);
	return given({ id, source, panel, subtotal, weight: Number(weight), scale,
		out_of: scale === 'points' ? number(outOf, most()) : undefined });
}

const knowsPersons = (admission) => admission === 'oidc' || admission === 'assertion';

/** Who is admitted where citizens identify themselves. */
const identityOf = ({ identity: { person_claim: claim, providers, acr, claims } }) => ({ person_claim: claim, providers: providers.map(({ id }) => id),
	acr: acr ?? [], claims: (claims ?? []).map((rule) => given({ claim: rule.claim, at_least: rule.at_least, at_most: rule.at_most,
		one_of: rule.one_of?.length ? rule.one_of : undefined })) });

/** {rules, openings, panels, stage}: what rules.json must say but for fingerprints, and names that only people read. */
export function readContest(bytes, rehearsal) {
	const file = readYaml(bytes);
	const other = rehearsal ? file.rehearsal || {} : {};
	const panels = panelsOf(file), criteria = criteriaOf(file);
	const { stage } = file;
	const advance = stage?.advance || {};
	const admission = other.admission ?? file.admission ?? 'codes';
	const pledge = file.pledge?.text ? yes((other.pledge || {}).required, yes(file.pledge.required, true)) : false;
	return {
		file,
		openings: other.openings ?? file.openings ?? 'auditors',
		panels,
		stage: stage && { publish: stage.publish ?? 'full', parts: stage.parts.map(({ name }) => text(name)),
			subtotals: (stage.subtotals ?? []).map(({ id, name }) => ({ id, name: text(name) })) },
		rules: {
			version: 3, contest: file.id, rehearsal, opens_ms: rehearsal ? 0 : Date.parse(file.opens_at), closes_ms: rehearsal ? 0 : Date.parse(file.closes_at),
			form: formOf(file), admission, ...knowsPersons(admission) && { identity: identityOf(file) }, revote: other.revote ?? file.revote ?? 'refuse', shards: number(file.shards, 1),
			buckets: Math.max(1, Math.floor(number(file.expected_voters, 100_000) / VOTERS_A_BUCKET)),
			entries: file.entries.map(({ id, lead, participants }) => ({ id, lead, participants: participants ?? [] })),
			organisations: file.organisations.map(({ id, name, aliases, group, unit_of: whole }) =>
				given({ id, name: text(name), aliases: aliases ?? [], group, unit_of: whole })),
			criteria, panels: panels.map(({ rules }) => rules), conflict_scope: file.conflict_scope ?? 'organisation',
			stage: stage ? { parts: stage.parts.map((part) => partOf(part, panels, criteria)),
				advance: { count: number(advance.count, 0), refill: yes(advance.refill, false), ties: advance.ties ?? 'included' } } : null,
			approvals: number(other.approvals, number(file.approvals, 2)), pledge_required: pledge,
		},
	};
}

export const contestChecks = {
	contestFile() {
		const { rules } = this;
		const bytes = this.take('contest.yaml');
		if (!bytes) return;
		try {
			this.contest = readContest(bytes, this.round.endsWith('~rehearsal'));
		} catch (error) {
			this.wrong('contest.yaml', `is no contest: ${error.message.split('\n')[0]}`);
			return;
		}
		for (const [name, value] of Object.entries(this.contest.rules))
			this.expect(same(rules[name], value), 'rules.json', `${name} is not what contest.yaml says: ${JSON.stringify(value)}`);
		this.expect(rules.log_name === this.logName, 'rules.json', 'log_name is not that of the pinned key');
		const persons = this.contest.rules.identity ? ['identity_key'] : [];
		const names = [...Object.keys(this.contest.rules), ...FINGERPRINTS, ...persons, 'log_name'].sort();
		this.expect(same(Object.keys(rules).sort(), names), 'rules.json', 'has other members than it should');
		for (const name of ['salt_key', ...persons])
			this.expect(/^[0-9a-f]{64}$/.test(rules[name]), 'rules.json', `${name} is no fingerprint`);
	},
};
