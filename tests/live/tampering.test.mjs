// What somebody with a hand in Redis, or with a named token and too much zeal, cannot do: have a changed sheet
// counted and signed, end a worker with a broken sample, or take every stream from the others.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { assertRefused, ctlDone, ctlRefused, invite } from './lib/acts.mjs';
import { complete, inviteExpert } from './lib/sheets.mjs';
import { StreamReader } from './lib/stream.mjs';

const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

describe('tampering', () => {
	let instance, round, kim, eye, redis;
	before(async () => {
		instance = await startInstance({ settings: { workers: 1 } });
		round = new Round(instance);
		kim = await invite(instance, 'organiser', 'Kim');
		eye = await invite(instance, 'observer', 'Eye');
		redis = instance.redisClient();
	});
	after(() => instance.stop());

	const get = (person, what) =>
		instance.get(`${round.path}/${what}`, { headers: { Authorization: `Bearer ${person.token}` } });
	const stream = (person) => StreamReader.open(instance, `${round.path}/progress/stream`,
		{ Authorization: `Bearer ${person.token}` });

	test('one person has four streams of a worker, and leaves the others theirs', async () => {
		const mine = await Promise.all(Array.from({ length: 4 }, () => stream(eye)));
		assertRefused(await get(eye, 'progress/stream'), 503, 'busy');
		const other = await stream(kim);
		await other.next((block) => block.event === 'progress');
		[...mine, other].forEach((reader) => reader.close());
	});

	test('a broken sample of the turnout is told, and the worker lives', async () => {
		const key = `{${round.name}}:turnout`;
		await redis.hset(key, '999999999999999', '{"ballots":1,"votes":{}}');
		assertRefused(await get(kim, 'turnout'), 503, 'unavailable');
		await redis.hdel(key, '999999999999999');
		assert.equal((await get(kim, 'turnout')).status, 200);
	});

	test('a sheet changed in Redis counts for nothing, is named, and keeps the result from being signed', async () => {
		const expert = await inviteExpert(round, { name: '김전문' });
		await expert.saved(complete(await expert.sheet(), ENTRIES), 0);
		const key = `{${round.name}}:sheets`;
		const whole = await redis.hget(key, expert.id);
		const changed = JSON.parse(whole);
		changed.sheet.scores.upstage.ethics = changed.sheet.scores.upstage.ethics === 0 ? 1 : 0;
		await redis.hset(key, expert.id, JSON.stringify(changed));
		await ctlDone(instance, 'close', '--why', 'done');
		await ctlDone(instance, 'publish');
		const { warnings, experts } = await eventually(async () => {
			const body = (await get(kim, 'progress')).json;
			return body.phase === 'provisional' && body;
		}, 'the provisional phase');
		assert.ok(warnings.some(({ kind, person }) => kind === 'damaged-sheet' && person === expert.id), JSON.stringify(warnings));
		assert.deepEqual(experts.panels[0].entries.map(({ n }) => n), [0, 0, 0, 0, 0]);
		assert.equal((await instance.tally(round.id)).phase, 'provisional');
		await ctlRefused(instance, 65, new RegExp(`sheet of ${expert.id}`), 'certify', '--why', 'done');

		// Put back, it counts again, and what is missing now is something else.
		await redis.hset(key, expert.id, whole);
		await ctlRefused(instance, 65, /missing/, 'certify', '--why', 'done');
	});
});
