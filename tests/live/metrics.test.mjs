// Metrics: a CSV file is taken whole or not at all, with every broken row told; versions, conflicts of
// interest of sources, and what needs a second organiser.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { Hand, actsOf, assertRefused, ctl, ctlDone, ctlRefused, invite, stage } from './lib/acts.mjs';

const header = 'part,entry,value,source,as_of,method';
const row = (entry, value, { part = 'bench', source = 'TTA', as_of = '2026-11-20', method = 'mean of five' } = {}) =>
	[part, entry, value, source, as_of, method].join(',');
const five = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

async function start(t, changes = {}) {
	const instance = await startInstance({ contest: { ...stage, ...changes } });
	t.after(() => instance.stop());
	let files = 0;
	return { instance, round: new Round(instance), csv: async (...lines) => {
		const file = path.join(instance.dir, `metrics-${files++}.csv`);
		await writeFile(file, lines.join('\n') + '\n');
		return file;
	} };
}
const stored = async ({ instance, round }) => {
	const redis = instance.redisClient();
	const all = await redis.hgetall(`{${round.name}}:metrics`);
	redis.disconnect();
	return all;
};

describe('metrics', { concurrency: 2 }, () => {
	test('imported, listed, replaced, with every version in the audit log', async (t) => {
		const here = await start(t);
		const { instance, round, csv } = here;
		const first = await csv('\ufeff' + header, ...five.map((entry, i) => row(entry, `${80 + i}.50`)));
		const done = (await ctlDone(instance, 'metrics', 'import', first, '--why', 'measured', '--by', 'kim', '--json')).json;
		assert.equal(done.imported, 5);
		assert.equal(done.replaced, 0);
		// Columns in any order; the same value again is no replacement.
		const second = await csv('entry,method,part,source,as_of,value', 'upstage,again,bench,TTA,2026-11-21,90.25',
			'nc-ai,mean of five,bench,TTA,2026-11-20,83.5000');
		const again = (await ctlDone(instance, 'metrics', 'import', second, '--why', 'a fault', '--json')).json;
		assert.deepEqual([again.imported, again.replaced], [0, 1]);
		const idle = (await ctlDone(instance, 'metrics', 'import', second, '--why', 'once more', '--json')).json;
		assert.deepEqual([idle.imported, idle.replaced], [0, 0]);

		const list = (await ctlDone(instance, 'metrics', 'list', '--json')).json;
		assert.deepEqual(list.map(({ entry, value, version }) => [entry, value, version]), [['naver-cloud', '80.5', 1],
			['upstage', '90.25', 2], ['sk-telecom', '82.5', 1], ['nc-ai', '83.5', 1], ['lg-ai-research', '84.5', 1]]);
		assert.match((await ctlDone(instance, 'metrics', 'list')).stdout, /upstage +90\.25 +TTA, 2026-11-21, again \(version 2\)/);
		const entries = await actsOf(round, 'metrics');
		assert.deepEqual(entries.map(({ who, why, file, metrics }) => [who, why, file, metrics.length]),
			[['operator:kim', 'measured', path.basename(first), 5], [entries[1].who, 'a fault', path.basename(second), 2]]);
		assert.equal(entries[0].metrics[1].value, '81.50');
	});

	test('every broken row is told, and nothing is imported', async (t) => {
		const here = await start(t);
		const file = await here.csv(header,
			row('upstage', '1'),                                     // 2
			row('kakao', '1'),                                       // 3: no such entry
			row('nc-ai', '1', { part: 'nowhere' }),                  // 4: no such part
			row('nc-ai', '1', { part: 'citizens' }),                 // 5: not made of metrics
			row('nc-ai', 'many'),                                    // 6
			row('nc-ai', '1.23456'),                                 // 7: five decimals
			row('nc-ai', '1e3'),                                     // 8
			row('nc-ai', '1000000000.0001'),                         // 9
			row('sk-telecom', '1', { source: 'SKT' }),               // 10: its own source
			row('nc-ai', '1', { as_of: '2026-02-30' }),              // 11
			row('nc-ai', '1', { as_of: '20.12.2026' }),              // 12
			row('upstage', '2'),                                     // 13: twice
			row('nc-ai', '1') + ',more',                             // 14: a field too many
			row('nc-ai', ''),                                        // 15: empty
			row('lg-ai-research', '100'),                            // 16: good
			row('nc-ai', '100.0001'),                                // 17: more than the part is out of
			row('nc-ai', '-1'),                                      // 18: less than none
			row('kakao', '1e3', { part: 'nowhere', as_of: 'today' })); // 19: wrong in four ways
		const done = await ctl(here.instance, 'metrics', 'import', file, '--why', 'x');
		assert.equal(done.code, 65, done.stderr);
		const told = done.stderr.split('\n').map((line) => /metrics-0\.csv:(\d+):/.exec(line)?.[1]).filter(Boolean).map(Number);
		assert.deepEqual([...new Set(told)].sort((a, b) => a - b), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19]);
		assert.equal(told.filter((line) => line === 19).length, 4, 'every fault of a row');
		for (const sentence of [/:3:.*"kakao"/, /:4:.*"nowhere"/, /:5:.*citizens' votes/, /:6:.*"many"/, /:9:.*range/,
			/:10:.*conflict/, /:11:.*no date/, /:13:.*line 2/, /:17:.*100\.0001 is above 100/, /:18:.*-1 is below 0/, /nothing was imported/])
			assert.match(done.stderr, sentence);
		assert.deepEqual(await stored(here), {});
		assert.deepEqual(await actsOf(here.round, 'metrics'), []);
		await ctlRefused(here.instance, 66, /no\.csv/, 'metrics', 'import', path.join(here.instance.dir, 'no.csv'), '--why', 'x');
		await ctlRefused(here.instance, 64, /import FILE/, 'metrics', 'export');
	});

	test('a wrong header is told, and nothing is said of the rows', async (t) => {
		const here = await start(t);
		for (const wrong of ['항목,팀,점수', header.replaceAll(',', ';')]) {
			const file = await here.csv(wrong, row('upstage', '1'), row('kakao', '1'));
			const done = await ctlRefused(here.instance, 65, /:1: the column "part" is missing\./, 'metrics', 'import', file, '--why', 'x');
			assert.doesNotMatch(done.stderr, /:[23]:/);
		}
		const file = await here.csv(header, row('kakao', '1'));
		await ctlRefused(here.instance, 65, /nothing was imported: 1 fault is to be put right\.$/m, 'metrics', 'import', file, '--why', 'x');
	});

	test('nobody has measured what lies in the future, and unknown sources are warned of', async (t) => {
		const here = await start(t);
		const file = await here.csv(header, row('upstage', '1', { source: 'KAIST' }), row('nc-ai', '1', { as_of: '2126-12-20' }));
		await ctlRefused(here.instance, 65, /:3:.*2126-12-20 lies in the future/, 'metrics', 'import', file, '--why', 'x');
		const name = (await here.instance.get(here.round.path)).json.name.ko;
		const lee = new Hand(here.round, await invite(here.instance, 'organiser', 'Lee'), name);
		const metric = { part: 'bench', entry: 'lg-ai-research', value: '70', source: 'KAIST', as_of: '2126-12-20', method: 'm' };
		assertRefused(await lee.act({ act: 'metrics', metrics: [metric] }), 422, 'invalid-act', /Metric 1: .*future/);
		assert.ok(!('warnings' in await lee.done({ act: 'metrics', metrics: [{ ...metric, as_of: '2026-11-20' }] })));

		const unknown = await here.csv(header, row('upstage', '1', { source: 'TTA' }), row('nc-ai', '1', { source: 'TTA' }),
			row('lg-ai-research', '1', { source: 'KAIST' }));
		const done = await ctlDone(here.instance, 'metrics', 'import', unknown, '--why', 'x', '--json');
		assert.equal(done.json.warnings.length, 1);
		assert.match(done.json.warnings[0], /"TTA"/);
		assert.match(done.stderr, /warning: .*"TTA"/);
	});

	test('a source in conflict is known by any of its names, and only to its own entry', async (t) => {
		const here = await start(t);
		for (const source of ['SK텔레콤', 'sk telecom', '한국과학기술원', 'KAIST']) {
			const file = await here.csv(header, row('sk-telecom', '1', { source }));
			await ctlRefused(here.instance, 65, /conflict with sk-telecom/, 'metrics', 'import', file, '--why', 'x');
		}
		await ctlDone(here.instance, 'metrics', 'import', await here.csv(header, row('lg-ai-research', '1', { source: 'KAIST' })),
			'--why', 'x');
	});

	test('a replacement takes two organisers where the contest says so; a first import one', async (t) => {
		const here = await start(t, { approvals: 2, rehearsal: { ...{ admission: 'open' }, approvals: 2 } });
		const { instance, round, csv } = here;
		const name = (await instance.get(round.path)).json.name.ko;
		const lee = new Hand(round, await invite(instance, 'organiser', 'Lee'), name);
		const import_ = async (value) => (await ctlDone(instance, 'metrics', 'import',
			await csv(header, row('upstage', value)), '--why', 'x', '--json')).json;
		assert.equal((await import_('81')).imported, 1);
		const { request, warnings } = await import_('82');
		assert.match(warnings[0], /"TTA"/);
		// Of its rows, lists say how many there are; they are in the record and in the audit log.
		const [listed] = (await ctlDone(instance, 'requests', '--json')).json;
		assert.deepEqual(listed.act, { act: 'metrics', values: 1, file: listed.act.file });
		const progress = await lee.round.instance.request('GET', `${round.path}/progress`, { headers: { Authorization: `Bearer ${lee.token}` } });
		assert.deepEqual(progress.json.requests.map(({ act }) => act), [listed.act]);
		assert.match(request, /^r-/);
		assert.equal(JSON.parse((await stored(here))['bench/upstage']).value, '81');
		const reply = await lee.decide(request, 'approve');
		assert.equal(reply.status, 200, reply.text);
		assert.equal(reply.json.replaced, 1);
		assert.deepEqual([JSON.parse((await stored(here))['bench/upstage']).value, JSON.parse((await stored(here))['bench/upstage']).version], ['82', 2]);
		// The API takes rows too, by the same rules.
		const metric = { part: 'bench', entry: 'nc-ai', value: '70', source: 'TTA', as_of: '2026-11-20', method: 'm' };
		assert.equal((await lee.done({ act: 'metrics', metrics: [metric] })).imported, 1);
		for (const [metrics, detail] of [[[], /1 to 1024/], [[{ ...metric, value: 70 }], /Metric 1: .*texts/],
			[[metric, metric], /Metric 2: .*twice/], [[{ ...metric, source: 'NC AI' }], /conflict/]])
			assertRefused(await lee.act({ act: 'metrics', metrics }), 422, 'invalid-act', detail);
		await ctlDone(instance, 'recount'); // versions and all
	});
});
