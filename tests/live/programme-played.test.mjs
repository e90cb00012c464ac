// A whole programme, played: five teams, of whom the clock, citizens, experts, metrics, a disqualification and
// objections leave two; each round's file drawn from the signed result before; and a second contest beside
// the first round in the same daemon. All points are computed by hand below.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import YAML from 'yaml';
import { ROOT, contestDocument, eventually, makeDirectory, startInstance } from './lib/instance.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';
import { actsOf, auditOf, ctlDone } from './lib/acts.mjs';
import { inviteTable } from './lib/sheets.mjs';
import { openResult } from './lib/note.mjs';

const name = (en) => ({ ko: en, en });
const iso = (ms) => new Date(ms).toISOString().replace('.000', '');
const OPEN = 6000; // ms; extended where a machine is slower

/** Hours that begin when everything is ready: as long as that took the last time, and a half. */
const pace = {
	lead: 3000,
	soon() {
		pace.since = Date.now();
		const opens = Math.ceil((Date.now() + pace.lead) / 1000) * 1000;
		return { opens_at: iso(opens), closes_at: iso(opens + OPEN) };
	},
	ready() {
		pace.lead = Math.max(pace.lead, 1.5 * (Date.now() - pace.since));
	},
};

/** How every round is put together here: 20 for citizens, 40 for experts, 40 for a benchmark. */
const rules = {
	demonstration: true, admission: 'open', approvals: 1, pledge: undefined, seal: { min_entries: 1, max_wait: '1s' },
	publish: { first_at: 1, step: 1, every: '0s' },
	stage: { publish: 'full', subtotals: [], advance: { count: 4, refill: false, ties: 'included' }, parts: [
		{ id: 'citizens', name: name('citizens'), source: 'citizens', weight: 20, scale: 'share-of-maximum' },
		{ id: 'experts', name: name('experts'), source: 'panel', panel: 'experts', weight: 40, scale: 'points', out_of: 100 },
		{ id: 'bench', name: name('bench'), source: 'metric', weight: 40, scale: 'points', out_of: 100 }] },
};

const MOTIF = {
	organisations: [{ id: 'motif', name: { ko: '모티프테크놀로지스', en: 'Motif Technologies' } }],
	entries: [{ id: 'motif', name: { ko: '모티프', en: 'Motif' }, reading: '모티프', lead: 'motif', head: { ko: '홍', en: 'Hong' },
		goal: { ko: '목표', en: 'goal' }, showcase: { ko: '소개', en: 'about' }, participants: [] }],
};

const phaseOf = async (round) => (await round.instance.get(round.path)).json.phase;

/** One round as its daemon serves it. */
class Played {
	constructor(instance, id) {
		this.instance = instance;
		this.round = new Round(instance, id);
	}

	ctl(...args) {
		return ctlDone(this.instance, ...args, '--contest', this.round.id);
	}

	async definition() {
		return (await this.instance.get(this.round.path)).json;
	}

	async metrics(values, ...options) {
		const file = path.join(this.instance.dir, 'metrics.csv');
		await writeFile(file, ['part,entry,value,source,as_of,method',
			...Object.entries(values).map(([entry, value]) => `bench,${entry},${value},TTA,2026-11-20,mean`)].join('\n'));
		return this.ctl('metrics', 'import', file, '--why', 'measured', ...options);
	}

	/** Three experts; their criteria are filled in turn up to the total. */
	async experts() {
		this.people = await inviteTable(this.round, ['가', '나', '다'].map((n) => ({ name: n })));
	}

	async rate(totals) {
		for (const [i, expert] of this.people.entries()) {
			const { criteria } = await expert.sheet();
			const scores = Object.fromEntries(Object.entries(totals).map(([entry, total]) => {
				let left = [total].flat()[i] ?? total;
				return [entry, Object.fromEntries(criteria.map(({ id, max }) => {
					const score = Math.min(left, max);
					left -= score;
					return [id, score];
				}))];
			}));
			await expert.saved({ scores, recused: {}, state: 'submitted',
				comments: Object.fromEntries(Object.keys(totals).map((entry) => [entry, '의견'])) }, 0);
		}
	}

	async vote(votes) {
		await Promise.all(Object.entries(votes).flatMap(([entry, n]) => Array.from({ length: n }, async () => {
			const reply = await this.round.castUntilAnswered(this.round.mint(), { choices: [entry] });
			assert.equal(reply.status, 201, reply.text);
		})));
	}

	/** Waits for the clock to open; makes sure that there is time left. */
	async opened() {
		pace.ready();
		const { opens_at: opens, closes_at: closes } = await this.definition();
		if (Date.now() < Date.parse(opens) - 500)
			assert.equal(await phaseOf(this.round), 'announced');
		await eventually(async () => await phaseOf(this.round) === 'open', 'open by the clock', pace.lead + 20_000);
		if (Date.parse(closes) - Date.now() < OPEN / 2) {
			await this.ctl('extend', '--until', iso(Math.ceil(Date.now() / 1000) * 1000 + 3 * OPEN), '--why', 'a slow machine');
		}
	}

	async closed() {
		await eventually(async () => await phaseOf(this.round) === 'closed', 'closed by the clock', 4 * OPEN + 20_000);
		const acts = await eventually(async () => {
			const acts = (await auditOf(this.round)).filter(({ who }) => who === 'hours').map(({ act }) => act);
			return acts.length === 2 && acts;
		}, 'the hours in the audit log');
		assert.equal(new Set(acts).size, 2);
		assert.equal((await actsOf(this.round, 'open', 'close')).filter(({ who }) => who !== 'hours').length, 0);
	}

	/** Certifies or corrects; what is signed is checked without the daemon's help. */
	async signed(verb, version) {
		const told = (await this.ctl(verb, '--why', 'final', '--json')).json;
		const reply = await this.instance.get(`${this.round.path}/results/${version}`);
		assert.equal(reply.status, 200, reply.text);
		const document = openResult(this.round, reply.json);
		assert.equal(reply.json.document, told.document);
		assert.deepEqual([document.version, document.contest, document.rehearsal], [version, this.round.id, false]);
		assert.equal(document.rules_hash, (await this.definition()).rules_hash);
		const file = path.join(this.instance.dir, `${this.round.id}-${version}.json`);
		await writeFile(file, (await this.ctl('result', '--version', String(version), '--json')).stdout);
		return { document, file };
	}
}

const pointsOf = ({ public: { standing } }) => Object.fromEntries(standing.map(({ entry, points }) => [entry, points]));
const ranksOf = ({ public: { standing } }) => Object.fromEntries(standing.map(({ entry, rank }) => [entry, rank]));

test('5 → 3 → 3 + 1 → 3 → 2', async (t) => {
	const dir = await makeDirectory();
	{ // How long a daemon takes here.
		pace.soon();
		await (await startInstance()).stop();
		pace.ready();
	}
	const at = (file) => path.join(dir, file);
	const put = (file, document) => writeFile(at(file), YAML.stringify(document));
	const programme = YAML.parse(await readFile(path.join(ROOT, 'config/programmes/kai.yaml'), 'utf8'));
	const file = at('programme.yaml');
	for (const round of programme.rounds)
		round.file = `${round.id}.yaml`;

	let instance;
	t.after(() => instance.stop());
	const serve = async (...ids) => {
		await instance?.end();
		instance = await startInstance({ dir, rehearsal: false, contests: ids.map((id) => at(`${id}.yaml`)) });
	};
	/** The next round's file, its hours known by now, drawn from the result before. */
	const draw = async (n, result, ...options) => {
		Object.assign(programme.rounds[n], pace.soon());
		await put('programme.yaml', programme);
		const { id } = programme.rounds[n];
		await ctlDone(instance, 'programme', 'draw', file, id, '--result', result, ...options, '--out', at(`${id}.yaml`));
		await ctlDone(instance, 'programme', 'check', file);
		return YAML.parse(await readFile(at(`${id}.yaml`), 'utf8'));
	};

	// ---- the first round, and the specialised models beside it ----
	const hours = pace.soon();
	Object.assign(programme.rounds[0], hours);
	await put('programme.yaml', programme);
	const first = await contestDocument(undefined, { ...rules, ...hours });
	first.panels = [{ ...first.panels[0], aggregate: 'mean', min_experts: 2, comments: 'optional' }];
	await put('kai-stage1.yaml', first);
	const { seal, publish, ...beside } = rules;
	await put('specialised.yaml', await contestDocument(path.join(ROOT, 'config/examples/specialised.yaml'),
		{ ...beside, stage: undefined, ...hours, seal, publish, visibility: { citizen: 'live' } }));
	await serve('kai-stage1', 'specialised');
	const one = new Played(instance, 'kai-stage1'), other = new Played(instance, 'specialised');
	await one.experts();
	await one.metrics({ 'naver-cloud': 70, upstage: 85, 'sk-telecom': 75, 'nc-ai': 50, 'lg-ai-research': 66 });
	await Promise.all([one.opened(), other.opened()]);
	await Promise.all([
		one.vote({ 'naver-cloud': 10, upstage: 8, 'sk-telecom': 5, 'nc-ai': 2, 'lg-ai-research': 4 }),
		other.vote({ medicine: 3, manufacturing: 1 }),
		one.rate({ 'naver-cloud': 80, upstage: 90, 'sk-telecom': 70, 'nc-ai': 60, 'lg-ai-research': [85, 85, 40] })]);
	// Tokens of one contest are nothing in the other.
	assertProblem(await other.round.cast(one.round.mint(), { choices: ['medicine'] }), 401, 'invalid-token');
	assert.deepEqual((await other.round.tallyNow()).citizen.map(({ votes }) => votes), [3, 1]);
	assert.deepEqual((await one.round.tallyNow()).citizen.map(({ votes }) => votes), [10, 8, 5, 2, 4]);
	await Promise.all([one.closed(), other.closed()]);
	await other.ctl('publish');
	assert.equal((await other.signed('certify', 1)).document.ballots, 4);
	assert.equal(await phaseOf(one.round), 'closed');

	await one.ctl('disqualify', 'naver-cloud', '--ko', '독자성 기준 미달', '--en', 'Not independent');
	await one.ctl('publish');
	// citizens + experts + bench; the third expert alone gave lg-ai-research 40: (85 + 85 + 40) / 3 = 70
	const before = { 'naver-cloud': 20 + 32 + 28, upstage: 16 + 36 + 34, 'sk-telecom': 10 + 28 + 30, 'nc-ai': 4 + 24 + 20, 'lg-ai-research': 8 + 28 + 26.4 };
	const provisional = await eventually(async () => {
		const { standing } = await instance.tally('kai-stage1');
		return standing.length && standing;
	}, 'the provisional standing');
	// Of three experts, whose numbers the public does not see, nor sums with them; organisers do.
	assert.ok(provisional.every(({ points, parts }) => points === null && parts.experts.value === null));
	const status = (await one.ctl('status', '--json')).json.standing.rows;
	assert.deepEqual(Object.fromEntries(status.map(({ entry, points }) => [entry, points])), before);
	assert.deepEqual(provisional.map(({ rank }) => rank), [null, 1, 3, 5, 4]);
	// An objection (이의제기): the challenge of that expert is upheld, and lg-ai-research passes sk-telecom.
	await one.ctl('challenge', one.people[2].id, 'lg-ai-research', '--uphold', '--why', 'a contract with a rival');
	const stage1 = await one.signed('certify', 1);
	assert.deepEqual(ranksOf(stage1.document), { 'naver-cloud': null, upstage: 1, 'sk-telecom': 4, 'nc-ai': 5, 'lg-ai-research': 3 });
	assert.deepEqual(JSON.parse((await one.ctl('export', 'standing', '--json')).stdout).map(({ points }) => points),
		[80, 86, 68, 48, 8 + 34 + 26.4]);
	// Four were planned, one of them fell, nobody moves up.
	assert.deepEqual(stage1.document.advanced, ['upstage', 'sk-telecom', 'lg-ai-research']);

	// ---- the second: three, and one by the additional call ----
	await put('motif.yaml', MOTIF);
	const drawn = await draw(1, stage1.file, '--add', at('motif.yaml'));
	assert.deepEqual(drawn.entries.map(({ id }) => id).sort(), ['lg-ai-research', 'motif', 'sk-telecom', 'upstage']);
	assert.deepEqual([drawn.programme.round, drawn.programme.previous, drawn.stage.advance.count], [2, 'kai-stage1', 3]);
	await serve('kai-stage2', 'kai-stage1');
	const two = new Played(instance, 'kai-stage2');
	assert.equal(await phaseOf(new Round(instance, 'kai-stage1')), 'certified');
	assert.deepEqual((await two.definition()).entries.map(({ id }) => id), drawn.entries.map(({ id }) => id));
	await two.experts();
	await two.metrics({ upstage: 70, 'sk-telecom': 60, 'lg-ai-research': 80, motif: 50 });
	await two.opened();
	await Promise.all([two.vote({ upstage: 5, 'sk-telecom': 10, 'lg-ai-research': 2, motif: 8 }),
		two.rate({ upstage: 80, 'sk-telecom': 70, 'lg-ai-research': 60, motif: 75 })]);
	await two.closed();
	await two.ctl('publish');
	const stage2 = await two.signed('certify', 1);
	const totals = async (played) => Object.fromEntries((await played.ctl('status', '--json')).json.standing.rows.map(({ entry, points }) => [entry, points]));
	assert.deepEqual(await totals(two), { upstage: 10 + 32 + 28, 'sk-telecom': 20 + 28 + 24, 'lg-ai-research': 4 + 24 + 32, motif: 16 + 30 + 20 });
	const inOrder = (...ids) => drawn.entries.map(({ id }) => id).filter((id) => ids.includes(id));
	assert.deepEqual(stage2.document.advanced, inOrder('sk-telecom', 'upstage', 'motif'));
	// An objection after certifying: the benchmark had mixed up two teams. Corrected, both versions kept.
	await two.metrics({ 'lg-ai-research': 95, motif: 30 }, '--for-correction');
	const corrected = await two.signed('correct', 2);
	assert.deepEqual([corrected.document.kind, corrected.document.advanced], ['corrected', inOrder('sk-telecom', 'upstage', 'lg-ai-research')]);
	assert.deepEqual(await totals(two), { upstage: 70, 'sk-telecom': 72, 'lg-ai-research': 4 + 24 + 38, motif: 16 + 30 + 12 });
	assert.deepEqual((await instance.get(`${two.round.path}/results`)).json.map(({ kind }) => kind), ['certified', 'corrected']);

	// ---- the third: two are left ----
	const last = await draw(2, corrected.file);
	assert.deepEqual(last.entries.map(({ id }) => id), inOrder('sk-telecom', 'upstage', 'lg-ai-research'));
	await serve('kai-stage3');
	const three = new Played(instance, 'kai-stage3');
	await three.experts();
	await three.metrics({ upstage: 80, 'sk-telecom': 90, 'lg-ai-research': 60 });
	await three.opened();
	await Promise.all([three.vote({ upstage: 1, 'sk-telecom': 2, 'lg-ai-research': 3 }),
		three.rate({ upstage: 90, 'sk-telecom': 50, 'lg-ai-research': 70 })]);
	await three.closed();
	await three.ctl('publish');
	const stage3 = await three.signed('certify', 1);
	assert.deepEqual(await totals(three), { upstage: 74.6667, 'sk-telecom': 69.3333, 'lg-ai-research': 72 });
	assert.deepEqual(stage3.document.advanced, inOrder('upstage', 'lg-ai-research'));
	assert.ok(Object.values(pointsOf(stage3.document)).every((points) => points === null));
	// The check of signatures can fail.
	const reply = (await instance.get(`${three.round.path}/results/1`)).json;
	assert.throws(() => openResult(three.round, { ...reply, document: reply.document.replace('"ballots":6', '"ballots":7') }));
});
