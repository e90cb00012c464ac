// Under embargo no public byte tells how entries fare: everything that a stranger can ask for is crawled,
// by eye (numbers, ranks, orders) and by comparing two daemons whose entries have each other's votes and
// scores. The same crawl finds them all where the contest shows them, so it can fail.
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { freePort, metricsOf } from './lib/admin.mjs';
import { contestDocument, eventually, makeDirectory, realRound, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { ctlDone } from './lib/acts.mjs';
import { inviteTable } from './lib/sheets.mjs';
import { Watcher, crawl, isReordered, leaksIn, timeless } from './lib/crawl.mjs';

const day = 86400_000;
const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
// Numbers that stand nowhere in the contest, its pages, or its keys; one order an instance.
const COUNTS = [11, 31, 17, 23, 19];
const TOTALS = [83, 67, 91, 71, 59]; // of an expert's sheet
const METRICS = [61.37, 77.91, 43.13, 58.59, 69.71];
const ORDERS = [[0, 1, 2, 3, 4], [3, 0, 4, 1, 2]]; // no entry has the same in both
const BALLOTS = COUNTS.reduce((a, b) => a + b);
// Five experts differ a little; without the highest and the lowest they are a third above the total.
const OFFSETS = [-3, -1, 0, 2, 3];
const thirds = TOTALS.map((total) => total + 1 / 3);

const everything = (visibility) => ({ citizen: visibility, experts: visibility, standing: visibility, sheets: 'after-close' });

/** The round as an instance serves it: closed hours are the same in both, and so are the keys. */
const optionsOf = (visibility, opens) => realRound(opens, opens + 7 * day, {
	visibility, approvals: 1, pledge: { required: false }, seal: { min_entries: 1, max_wait: '1s' } });

/** A score sheet whose total of an entry is totals[entry]: spread over criteria that are filled in turn. */
function fill(frame, totals) {
	const scores = {};
	ENTRIES.forEach((entry, e) => {
		let left = totals[e];
		scores[entry] = {};
		for (const { id, max, step } of frame.criteria) {
			const here = Math.min(left - left % step, max);
			scores[entry][id] = here;
			left -= here;
		}
		assert.equal(left, 0);
	});
	return scores;
}

class Stage {
	constructor(instance, order) {
		this.instance = instance;
		this.order = order;
		this.round = new Round(instance);
		this.counts = order.map((i) => COUNTS[i]);
		this.truth = { entries: ENTRIES, counts: COUNTS, values: [...thirds, ...TOTALS, ...METRICS] };
		this.ballots = 0;
		this.people = 0;
		// Votes come in an order that is the same by place, so that nothing but the counts differs.
		this.queue = Array.from({ length: Math.max(...COUNTS) }, (_, n) => ENTRIES.filter((_, e) => this.counts[e] > n)).flat();
	}

	async cast(until) {
		const batch = this.queue.slice(this.ballots, until);
		this.ballots += batch.length;
		for (let at = 0; at < batch.length; at += 8)
			for (const reply of await Promise.all(batch.slice(at, at + 8)
				.map((entry) => this.round.cast(this.round.mint(), { choices: [entry] }))))
				assert.equal(reply.status, 201, reply.text);
	}

	async rate(panel, n, offsets = Array(n).fill(0), step = 1) {
		const people = await inviteTable(this.round, offsets.map(() => ({ name: `${panel} ${++this.people}`, panel })));
		for (const [i, expert] of people.entries()) {
			const totals = this.order.map((t) => TOTALS[t] + offsets[i]).map((total) => total - total % step);
			const scores = fill(await expert.sheet(), totals);
			const comments = Object.fromEntries(ENTRIES.map((entry) => [entry, '좋습니다']));
			await expert.saved({ scores, recused: {}, comments, state: 'submitted' }, 0);
		}
		return people;
	}

	async measure() {
		const file = path.join(this.instance.dir, 'metrics.csv');
		const parts = ['bench-domestic', 'bench-global', 'bench-own', 'derived-models'];
		await writeFile(file, ['part,entry,value,source,as_of,method', ...parts.flatMap((part) =>
			ENTRIES.map((entry, e) => `${part},${entry},${METRICS[this.order[e]]},TTA,2026-11-20,mean`))].join('\n'));
		await ctlDone(this.instance, 'metrics', 'import', file, '--why', 'measured');
	}

	tally() {
		return this.instance.tally(this.round.id);
	}
}

/** Two daemons with the same contest, keys and ballots, but for who got them. */
async function startPair(t, visibility) {
	const opens = Math.floor(Date.now() / 1000) * 1000 - day;
	const dirs = [await makeDirectory(), await makeDirectory()];
	const instances = [];
	for (const [i, dir] of dirs.entries()) {
		if (i > 0)
			await cp(path.join(dirs[0], 'keys'), path.join(dir, 'keys'), { recursive: true });
		else
			await mkdir(dir, { recursive: true });
		const admin = await freePort();
		const instance = await startInstance({ dir, ...optionsOf(visibility, opens),
			settings: { admin_listen: `127.0.0.1:${admin}` } });
		t.after(() => instance.stop());
		instance.admin = admin;
		instances.push(instance);
	}
	const pair = instances.map((instance, i) => new Stage(instance, ORDERS[i]));
	await Promise.all(pair.map(async (stage) => {
		await stage.rate('experts', 5, OFFSETS);
		await stage.rate('users', 4, undefined, 5);
		await stage.measure();
	}));
	return pair;
}

/** How many ballots the public log has, by its newest checkpoint and its newest count of tokens. */
async function sealedOf({ instance, round }) {
	const [checkpoint, issued] = await Promise.all(['checkpoint', 'issued'].map((name) => instance.get(`/log/${round.id}/0/${name}`)));
	return [checkpoint.text.split('\n')[1], issued.text.split('\n')[2]];
}

/** Waits until both say that so many ballots are in and sealed, and the hours are in the record. */
async function settled(pair, ballots) {
	await eventually(async () => {
		const [a, b] = await Promise.all(pair.map((stage) => stage.tally()));
		const sealed = (await Promise.all(pair.map(sealedOf))).flat();
		return a.ballots === ballots && b.ballots === ballots && a.sequence === b.sequence && a.sequence > ballots &&
			sealed.every((size) => size === String(ballots));
	}, `${ballots} ballots in both`);
}

/** What differs between two crawls, by address. */
function differences(a, b) {
	assert.deepEqual(a.map(({ target }) => target), b.map(({ target }) => target));
	return a.filter(({ timeless }, i) => timeless !== b[i].timeless).map(({ target }) => target);
}

/** Frames of both streams that stand for the same moment of both. */
function frameDifferences(a, b) {
	const other = new Map(b.map((frame) => [frame.id, frame]));
	const shared = a.filter(({ id }) => other.has(id));
	assert.ok(shared.length >= 1, 'the last frames at least');
	return shared.filter((frame) => frame.timeless !== other.get(frame.id).timeless).map(({ id }) => `stream at ${id}`);
}

async function look(pair, watchers, ballots) {
	await Promise.all(pair.map((stage) => stage.cast(ballots)));
	const frames = await Promise.all(watchers.map((watcher) => watcher.until(ballots)));
	await settled(pair, ballots);
	const pages = await Promise.all(pair.map((stage) => crawl(stage.instance, stage.round)));
	const leaks = new Set(pair.flatMap((stage, i) => [...pages[i], ...frames[i]]
		.flatMap(({ target, text }) => leaksIn(text, stage.truth).map((leak) => `${leak} in ${target}`))));
	return { leaks: [...leaks], differences: [...differences(...pages), ...frameDifferences(...frames)], pages };
}

describe('embargo', () => {
	for (const visibility of ['organisers', 'on-publish'])
		test(`${visibility}: nothing in any public byte, through all phases`, async (t) => {
			const pair = await startPair(t, everything(visibility));
			const watchers = await Promise.all(pair.map(({ instance, round }) => Watcher.open(instance, round)));
			for (const ballots of [40, BALLOTS]) {
				const seen = await look(pair, watchers, ballots);
				assert.deepEqual(seen.leaks, []);
				assert.deepEqual(seen.differences, []);
			}
			watchers.forEach((watcher) => watcher.close());

			// Nor for whoever reads metrics and log.
			const [a, b] = await Promise.all(pair.map(({ instance }) => metricsOf(instance.admin)));
			for (const text of [a, b])
				assert.ok(!ENTRIES.some((entry) => text.includes(entry)));
			const counters = (text) => text.split('\n').filter((line) => /^tallyd_(ballots|tokens)/.test(line));
			assert.deepEqual(counters(a), counters(b));
			assert.ok(counters(a).some((line) => line.endsWith(` ${BALLOTS}`)));
			for (const { instance } of pair)
				assert.ok(!ENTRIES.some((entry) => instance.stderr.includes(entry)), 'an entry in the log');
			const lines = await Promise.all(pair.map(async ({ instance }) => new Set(
				(await readFile(path.join(instance.dir, 'access.log'), 'utf8')).split('\n').filter((line) => / (GET|POST) /.test(line) && !/\/(sheet|tally|log\/)/.test(line))
					.map((line) => timeless(line).replace(/ \d+ \S+$/, '')))));
			assert.deepEqual([...lines[0]].sort(), [...lines[1]].sort());

			// Closed: what organisers see is then everybody's, but for the experts who are too few, and so
			// for the standing that they are a part of; what waits for publishing waits.
			await Promise.all(pair.map(({ instance }) => ctlDone(instance, 'close', '--why', 'the end')));
			await eventually(async () => (await Promise.all(pair.map((stage) => stage.tally()))).every(({ phase }) => phase === 'closed'), 'closed');
			if (visibility === 'on-publish') {
				const pages = await Promise.all(pair.map((stage) => crawl(stage.instance, stage.round)));
				assert.deepEqual(pages.flatMap((list, i) => list.flatMap(({ text }) => leaksIn(text, pair[i].truth))), []);
				assert.deepEqual(differences(...pages), []);
			} else {
				await checkShown(pair[0], 'closed');
				assert.deepEqual((await pair[0].tally()).standing, []);
			}
			await Promise.all(pair.map(({ instance }) => ctlDone(instance, 'publish')));
			await eventually(async () => (await Promise.all(pair.map((stage) => stage.tally()))).every(({ phase }) => phase === 'provisional'), 'provisional');
			for (const stage of pair)
				await checkShown(stage, 'provisional');
		});

	/** Counts and the five experts are shown, the four are not, nor what they could be taken out of. */
	async function checkShown(stage, phase) {
		const tally = await stage.tally();
		assert.equal(tally.phase, phase);
		assert.deepEqual(tally.citizen.map(({ votes }) => votes), stage.counts);
		assert.equal(tally.withheld, undefined);
		const [experts, users] = tally.experts.panels;
		assert.deepEqual([experts.id, experts.of, experts.submitted], ['experts', 5, 5]);
		experts.entries.forEach((row, e) => {
			assert.deepEqual([row.entry, row.n, row.of, row.recused, row.left_out], [ENTRIES[e], 5, 5, 0, 2]);
			assert.ok(Math.abs(row.value - thirds[stage.order[e]]) < 1e-3, JSON.stringify(row));
		});
		assert.ok(users.entries.every((row) => row.n === 4 && row.withheld === 'too-few' && !('value' in row) && !('spread' in row)));
		if (phase === 'closed')
			return;
		// The decision is public, the sums are not: they would tell what the four said.
		const { standing, formula } = tally;
		assert.equal(formula.mean, null);
		assert.equal(formula.complete, true);
		assert.equal(formula.advanced.length, 4);
		assert.deepEqual(standing.map(({ rank, points, advanced }) => [rank, points, advanced]), [[1, null, true]]);
		assert.equal(standing[0].parts, undefined);
	}

	test('live: the same crawl finds counts, shares, ranks, values and the standing', async (t) => {
		const pair = await startPair(t, everything('live'));
		const watchers = await Promise.all(pair.map(({ instance, round }) => Watcher.open(instance, round)));
		const { leaks, differences, pages } = await look(pair, watchers, BALLOTS);
		watchers.forEach((watcher) => watcher.close());
		const tally = `/v1/contests/${pair[0].round.id}/tally`;
		for (const leak of ['count', 'share', 'rank', 'votes', 'value', 'spread'])
			for (const place of [tally, 'stream'])
				assert.ok(leaks.includes(`${leak} in ${place}`), `${leak} in ${place}: ${leaks}`);
		assert.ok(differences.includes(tally), `${differences}`);
		assert.ok(differences.some((place) => place.startsWith('stream at')), `${differences}`);
		// And nothing else tells, here neither. (Whether a step of sealing ended at just 40 ballots is the clock's.)
		assert.deepEqual(differences.filter((place) => place !== tally && !place.startsWith('stream') && !place.includes('.p/')), []);
		// The standing waits for the panel that is too small.
		assert.deepEqual(pages[0].find(({ target }) => target === tally).reply.json.standing, []);

		// An order, too: by votes, as somebody might sort them.
		const rows = (await pair[0].tally()).citizen;
		assert.deepEqual(leaksIn(JSON.stringify(rows.map(({ entry }) => ({ entry }))), pair[0].truth), []);
		const sorted = [...rows].sort((x, y) => y.votes - x.votes).map(({ entry }) => ({ entry }));
		assert.deepEqual(leaksIn(JSON.stringify({ citizen: sorted }), pair[0].truth), ['order']);
		assert.ok(isReordered(['upstage', 'naver-cloud'], ENTRIES));
		assert.deepEqual(leaksIn('upstage;31 votes', pair[0].truth), ['count']);
	});
});

describe('what is shown while it moves', { concurrency: 2 }, () => {
	test('steps never show a single vote, on any worker', async (t) => {
		const instance = await startInstance({ ...realRound(Date.now() - day, Date.now() + day,
			{ approvals: 1, publish: { first_at: 10, step: 4, every: '0s' } }), settings: { workers: 2 } });
		t.after(() => instance.stop());
		const round = new Round(instance);
		const { reader } = await Watcher.open(instance, round);
		const seen = new Set();
		for (let n = 1; n <= 26; n++) {
			assert.equal((await round.cast(round.mint(), { choices: [ENTRIES[n % 5]] })).status, 201);
			// Connections of their own, so that both workers answer.
			const agent = instance.newAgent(1);
			const tally = (await instance.get(`${round.path}/tally`, { agent })).json;
			agent.destroy();
			seen.add(tally.ballots);
			const sum = tally.citizen.reduce((total, { votes = 0 }) => total + votes, 0);
			assert.equal(sum, tally.ballots ?? 0);
			assert.equal(tally.withheld, tally.ballots === null ? 'too-few' : undefined);
			assert.ok(tally.ballots === null || tally.ballots >= 10);
			// A sequence that counted ballots would tell each of them.
			assert.ok(tally.sequence <= (tally.ballots ?? 0) + 2, `${tally.sequence} at ${tally.ballots}`);
		}
		await eventually(async () => (await instance.tally(round.id)).ballots >= 23, 'the last step');
		let last;
		do {
			({ snapshot: last } = await reader.tally());
			seen.add(last.ballots);
		} while ((last.ballots ?? 0) < 23);
		reader.close();
		const steps = [...seen].filter((n) => n !== null).sort((x, y) => x - y);
		steps.forEach((n, i) => assert.ok(i === 0 ? n >= 10 : n - steps[i - 1] >= 4, `${steps}`));
		// An act shows at once, and moves no number.
		const before = await instance.tally(round.id);
		await ctlDone(instance, 'notice', '--ko', '점검', '--en', 'maintenance');
		const after = await eventually(async () => {
			const tally = await instance.tally(round.id);
			return tally.notice && tally;
		}, 'the notice');
		assert.deepEqual([after.ballots, after.citizen], [before.ballots, before.citizen]);
		assert.ok(after.sequence > before.sequence);
		// Closed: exactly what was cast.
		await ctlDone(instance, 'close', '--why', 'done');
		await instance.tallyOf(round.id, 26);
	});

	test('experts: fewer than five are withheld, five are shown; the standing with them', async (t) => {
		const instance = await startInstance(realRound(Date.now() - day, Date.now() + day, {
			visibility: { citizen: 'live', experts: 'live', standing: 'live', sheets: 'after-close' },
			approvals: 1, pledge: { required: false }, panels: (await contestDocument()).panels.slice(0, 1),
			criteria: (await contestDocument()).criteria.slice(0, 4),
			stage: { publish: 'full', subtotals: [], advance: { count: 2, refill: false, ties: 'included' }, parts: [
				{ id: 'citizens', name: { ko: '국민', en: 'c' }, source: 'citizens', weight: 30, scale: 'share-of-maximum' },
				{ id: 'experts', name: { ko: '전문가', en: 'e' }, source: 'panel', panel: 'experts', weight: 70, scale: 'points' }] } }));
		t.after(() => instance.stop());
		const stage = new Stage(instance, ORDERS[0]);
		await stage.cast(20);
		await stage.rate('experts', 4);
		const few = await eventually(async () => {
			const tally = await stage.tally();
			return tally.experts.panels[0].submitted === 4 && tally;
		}, 'four sheets');
		assert.ok(few.experts.panels[0].entries.every((row) => row.n === 4 && row.withheld === 'too-few' && !('value' in row)), JSON.stringify(few.experts));
		assert.deepEqual([few.standing, few.formula], [[], undefined]);

		// Who is invited, and who is not any more, moves the denominator that everybody sees.
		const ofNow = (n) => eventually(async () => (await stage.tally()).experts.panels[0].of === n, `${n} experts`);
		const [late] = await inviteTable(stage.round, [{ name: '늦은 이', panel: 'experts' }]);
		await ofNow(5);
		await ctlDone(instance, 'revoke', late.id, '--why', 'too late');
		await ofNow(4);

		const [fifth] = await stage.rate('experts', 1);
		const enough = await eventually(async () => {
			const tally = await stage.tally();
			return tally.experts.panels[0].submitted === 5 && tally;
		}, 'five sheets');
		enough.experts.panels[0].entries.forEach((row, e) =>
			assert.deepEqual([row.entry, row.n, row.value, row.spread, row.withheld], [ENTRIES[e], 5, TOTALS[e], 0, undefined]));
		assert.deepEqual(enough.standing.map(({ parts }) => parts.experts.value), TOTALS);
		assert.ok(enough.standing.every(({ points, rank }) => points > 0 && rank > 0));

		// One of the five is recused from one entry: four are left there, and the sum must not tell them.
		const { revision, scores, comments } = await fifth.sheet();
		delete scores['nc-ai'];
		delete comments['nc-ai'];
		await fifth.saved({ scores, comments, recused: { 'nc-ai': '자문한 적이 있음' }, state: 'submitted' }, revision);
		await eventually(async () => (await stage.tally()).standing.length === 0, 'no standing');
		assert.equal((await stage.tally()).experts.panels[0].entries[3].withheld, 'too-few');

		// A sixth sheet moves the denominator alone, until ten are there: a difference would tell its score.
		const [sixth] = await stage.rate('experts', 1, [-5]);
		const six = await eventually(async () => {
			const tally = await stage.tally();
			return tally.experts.panels[0].submitted === 6 && tally;
		}, 'six sheets');
		assert.deepEqual([six.experts.panels[0].entries[0], six.experts.panels[0].entries[0].value],
			[{ entry: ENTRIES[0], n: 6, of: 6, recused: 0, value: TOTALS[0], left_out: 2, spread: 0, counted: 5 }, TOTALS[0]]);
		await ctlDone(instance, 'revoke', sixth.id, '--why', 'not one of ours');
		await ofNow(5);
		await ctlDone(instance, 'close', '--why', 'done');
		await ctlDone(instance, 'publish');
		// Whoever is revoked after the close has said what was said.
		await ctlDone(instance, 'revoke', fifth.id, '--why', 'it is over');
		const isKept = (standing) => {
			for (const row of standing) {
				const isFew = row.entry === 'nc-ai';
				assert.equal(row.points === null, isFew, JSON.stringify(row));
				assert.equal(row.parts.experts.value, isFew ? null : TOTALS[ENTRIES.indexOf(row.entry)]);
				assert.equal(row.parts.experts.points === null, isFew);
				assert.ok(row.parts.citizens.value >= 0 && row.rank >= 1);
			}
			return standing.length === 5;
		};
		await eventually(async () => isKept((await stage.tally()).standing), 'the provisional standing');
		// Nor does what is signed; organisers have it all in the annex.
		const { document } = (await ctlDone(instance, 'certify', '--why', 'final', '--json')).json;
		assert.ok(isKept(JSON.parse(document).public.standing));
		const { annex } = (await ctlDone(instance, 'result', '--annex', '--json')).json;
		assert.equal(JSON.parse(annex).standing.rows[3].parts.experts.value, TOTALS[3]);
	});
});
