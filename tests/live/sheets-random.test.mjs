// 200 experts rate 5 teams by 8 criteria at random, many at once and the same one from several windows: with
// conflicts of interest, stale revisions, faulty and incomplete sheets, and a Redis that is killed in between.
// Afterwards the log tells exactly what was acknowledged, and every sheet is the last of its revisions.
//
// TEST_SHEETS_SECONDS says how long (20).
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { eventually, makeDirectory, startInstance, startRedis } from './lib/instance.mjs';
import { Round, randomFrom } from './lib/protocol.mjs';
import { actsOf, ctlDone } from './lib/acts.mjs';
import { inviteTable, revisionsOf, sent } from './lib/sheets.mjs';

const SECONDS = Number(process.env.TEST_SHEETS_SECONDS ?? 20);
const SAVES_MAX = 20_000, EXPERTS = 200, WINDOWS = 24;

const TEAMS = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
const CRITERIA = Array.from({ length: 8 }, (_, i) => ({
	id: `criterion-${i}`, name: { ko: `기준 ${i}`, en: `Criterion ${i}` }, rubric: { ko: '낮음, 높음', en: 'Low, high' },
	min: i % 3, max: i % 3 + 5 * (i + 1), step: i % 2 ? 1 : 5, weight: i + 1,
}));
// By the contest's file, read by eye.
const AFFILIATIONS = [['무소속', []], ['없는 대학교', []], ['KAIST', ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai']],
	['서울대학교 산학협력단', ['naver-cloud', 'sk-telecom', 'nc-ai']], ['업스테이지', ['upstage']], ['LG CNS', ['lg-ai-research']]];

function randomSheet(random, conflicts, serial) {
	const chance = (percent) => random.below(100) < percent;
	const whole = chance(30), careless = chance(10), sheet = { scores: {}, recused: {}, comments: {}, state: chance(whole ? 70 : 5) ? 'submitted' : 'draft' };
	let offends = false, missing = false, marked = false;
	for (const team of TEAMS) {
		const conflicted = conflicts.includes(team);
		if (conflicted && !(careless && chance(50)))
			continue;
		if (!conflicted && chance(10)) {
			sheet.recused[team] = `회피 ${serial}`;
			marked = true;
			continue;
		}
		const rated = CRITERIA.filter(() => whole || chance(60));
		if (rated.length)
			sheet.scores[team] = Object.fromEntries(rated.map(({ id, min, max, step }) =>
				[id, min + step * random.below((max - min) / step + 1)]));
		if (!marked || chance(20)) { // no two sheets are equal
			sheet.comments[team] = `의견 ${serial}`;
			marked = true;
		}
		offends ||= conflicted && (rated.length > 0 || team in sheet.comments);
		missing ||= !conflicted && rated.length < CRITERIA.length;
	}
	return { sheet, offends, incomplete: sheet.state === 'submitted' && missing };
}

/** One thing wrong that no sheet may have. */
function spoil(random, sheet) {
	const [team] = Object.keys(sheet.scores), { id, max, step } = CRITERIA[random.below(CRITERIA.length)];
	const spoilt = structuredClone(sheet);
	(spoilt.scores[team ?? TEAMS[0]] ??= {})[id] = [max + step, -1, 0.5, '3', null][random.below(5)];
	return spoilt;
}

/** Saves, asking again until there is an answer, as a page does. `unsure`: an earlier attempt may have arrived. */
async function save(expert, sheet, revision) {
	const end = Date.now() + 60_000;
	for (let unsure = false; ; ) {
		const reply = await expert.put(sheet, revision).catch((error) => ({ status: 0, text: error.message }));
		if (![0, 503, 429].includes(reply.status))
			return { reply, unsure };
		unsure ||= reply.status === 0 || (reply.status === 503 && reply.json.type.endsWith('#outcome-unknown'));
		assert.ok(Date.now() < end, `no answer within a minute: ${reply.text}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

function judge({ sheet, revision, kind, offends, incomplete, reply, expert }) {
	const slug = reply.status === 200 ? 'saved' : reply.json.type.split('#')[1];
	if (kind === 'spoilt') {
		assert.equal(slug, 'invalid-sheet', reply.text);
		return;
	}
	switch (slug) {
	case 'saved':
		assert.ok(!offends && !incomplete, reply.text);
		assert.equal(reply.json.revision, revision + 1);
		assert.deepEqual(sent(reply.json), sheet);
		break;
	case 'stale-sheet':
		assert.notEqual(reply.json.revision, revision);
		break;
	case 'conflict-of-interest':
		assert.ok(offends, reply.text);
		for (const team of Object.keys(reply.json.conflicts))
			assert.ok(expert.conflicts.includes(team));
		break;
	case 'invalid-sheet':
		assert.ok(incomplete && !offends, reply.text);
		break;
	default:
		assert.fail(reply.text);
	}
}

test('200 experts save at random: the log tells what was acknowledged, and the last revision stands', async (t) => {
	const random = randomFrom(t);
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'own-redis'));
	const instance = await startInstance({ dir, redis, settings: { workers: 2 }, contest: {
		criteria: CRITERIA, stage: undefined,
		panels: [{ id: 'experts', name: { ko: '전문가', en: 'Experts' }, aggregate: 'mean', comments: 'optional', min_experts: 3 }],
	} });
	t.after(() => instance.stop());
	const round = new Round(instance);
	const experts = await inviteTable(round, Array.from({ length: EXPERTS }, (_, i) => ({
		name: `전문가 ${i}`, affiliation: AFFILIATIONS[i % AFFILIATIONS.length][0], email: `expert${i}@vote.example` })));
	for (const [i, expert] of experts.entries()) {
		expert.conflicts = AFFILIATIONS[i % AFFILIATIONS.length][1];
		expert.seen = 0; // the newest revision that any window of this expert has seen
	}

	const saves = [];
	const began = Date.now();
	const goesOn = () => Date.now() - began < SECONDS * 1000 && saves.length < SAVES_MAX;
	const rate = async () => {
		while (goesOn()) {
			// Every other time one of a few, so that windows of one person meet.
			const expert = experts[random.below(random.below(2) ? 8 : EXPERTS)];
			const serial = saves.length;
			const one = { expert, serial, ...randomSheet(random, expert.conflicts, serial) };
			one.revision = random.below(10) ? expert.seen : Math.max(0, expert.seen - 1 + 2 * random.below(2));
			if (random.below(20) === 0) {
				one.kind = 'spoilt';
				one.sheet = spoil(random, one.sheet);
			}
			saves.push(one);
			Object.assign(one, await save(expert, one.sheet, one.revision));
			judge(one);
			one.status = one.reply.status;
			expert.seen = Math.max(expert.seen, one.reply.json.revision ?? 0);
			delete one.reply;
		}
	};
	const rating = Promise.all(Array.from({ length: WINDOWS }, rate));
	rating.catch(() => {});
	// In the midst of it, and again when they have recovered.
	for (let kill = 1; kill <= 2; kill++) {
		await eventually(() => Date.now() - began > SECONDS * 1000 * kill / 3 || !goesOn(), 'a third of the time', SECONDS * 2000);
		redis.signal('SIGKILL');
		await redis.ended();
		await redis.restart();
	}
	await rating;

	const count = (test) => saves.filter(test).length;
	t.diagnostic(`${saves.length} saves: ${count(({ status }) => status === 200)} acknowledged, ` +
		`${count(({ status }) => status === 412)} stale, ${count(({ status }) => status === 403)} in conflict, ` +
		`${count(({ status }) => status === 422)} faulty or incomplete, ${count(({ unsure }) => unsure)} asked again`);
	for (const status of [200, 412, 403, 422])
		assert.ok(count((one) => one.status === status) > 0, `no ${status}`);

	// Each revision in the log is one save that saw the revision before it; each acknowledged save is there once.
	const waiting = new Map(saves.filter(({ status, unsure }) => status === 200 || unsure)
		.map((one) => [`${one.expert.id} ${one.revision + 1} ${JSON.stringify(sent(one.sheet))}`, one]));
	const order = (sheet) => JSON.stringify(sent(sheet)); // the stored bytes stand in the contest's order, and so do ours
	const last = new Map();
	for (const { person, revision, sheet, act } of await revisionsOf(round)) {
		const key = `${person} ${revision} ${order(sheet)}`;
		assert.ok(waiting.delete(key), `nobody saved ${key}`);
		const before = last.get(person);
		assert.equal(act, sheet.state === 'submitted' ? 'sheet.submitted' :
			before?.sheet.state === 'submitted' ? 'sheet.withdrawn' : 'sheet.saved');
		last.set(person, { revision, sheet });
	}
	for (const [key, { status }] of waiting)
		assert.notEqual(status, 200, `acknowledged, and not in the log: ${key}`);

	for (const expert of experts) {
		const standing = await expert.sheet(), { revision, sheet } = last.get(expert.id) ?? { revision: 0 };
		assert.equal(standing.revision, revision);
		if (revision)
			assert.deepEqual(sent(standing), sheet);
		assert.deepEqual(Object.keys(standing.conflicts).sort(), [...expert.conflicts].sort());
		for (const team of expert.conflicts)
			assert.ok(!(team in standing.scores) && !(team in standing.comments));
	}
	for (const { person, entries } of await actsOf(round, 'sheet.refused'))
		assert.ok(entries.every((team) => experts.find(({ id }) => id === person).conflicts.includes(team)));
	await ctlDone(instance, 'recount');
});
