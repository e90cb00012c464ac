// Redis has lost ballots, and was told so: what the public sees begins anew with what there is.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ctlDone } from './lib/acts.mjs';
import { eventually, makeDirectory, realRound, startInstance, startRedis } from './lib/instance.mjs';
import { Log, castMany } from './lib/log.mjs';
import { Round } from './lib/protocol.mjs';
import { StreamReader } from './lib/stream.mjs';

const HOUR = 3600_000;
const hours = () => [Date.now() - HOUR, Date.now() + HOUR];

/** The shard's keys, those of its seal aside: its master has lost something, others have not. */
const keysOf = async (redis, round) => (await redis.keys(`{${round.name}/0}:*`)).filter((key) => !key.endsWith(':seal'));

describe('numbers that move in steps', () => {
	let instance, round, redis;
	before(async () => {
		instance = await startInstance({ ...realRound(...hours(), { shards: 1, publish: { first_at: 4, step: 3, every: '0s' } }),
			settings: { workers: 2, ballot_log: { dir: '' } }, redis: await startRedis(path.join(await makeDirectory(), 'redis')) });
		round = new Round(instance);
		redis = instance.redisClient();
	});
	after(async () => {
		await instance.stop();
		await rm(path.dirname(path.dirname(instance.redis.socket)), { recursive: true });
	});
	const vote = async () => assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
	/** What workers show, each by a connection of its own, until `n` in a row show this. */
	const shown = (ballots, n = 12) => eventually(async () => {
		for (let i = 0; i < n; i++) {
			const agent = instance.newAgent(1), { json } = await instance.get(`${round.path}/tally`, { agent });
			agent.destroy();
			if (json.ballots !== ballots || json.citizen.find(({ entry }) => entry === 'upstage').votes !== (ballots ?? undefined))
				return false;
		}
		return true;
	}, `${ballots} are shown`);

	test('what was published with ballots that are lost gives way to what there is', async () => {
		for (let i = 0; i < 5; i++)
			await vote();
		const early = new Map();
		for (const key of await keysOf(redis, round))
			early.set(key, await redis.dumpBuffer(key));
		for (let i = 0; i < 5; i++)
			await vote();
		await shown(10);

		// All of tallyd ends with the master, and with it what it knew to have been acknowledged.
		await instance.end();
		redis = instance.redisClient();
		await redis.del(await keysOf(redis, round));
		for (const [key, bytes] of early)
			await redis.restore(key, 0, bytes);
		await instance.start();
		await shown(5);
		await vote();
		await vote();
		await shown(5);
		await vote();
		await shown(8);
	});
});

describe('under embargo', () => {
	let instance, round, redis;
	before(async () => {
		const hidden = { citizen: 'organisers', experts: 'organisers', standing: 'organisers', sheets: 'after-close' };
		instance = await startInstance(realRound(...hours(), { shards: 1, approvals: 1, visibility: hidden,
			seal: { min_entries: 1, max_wait: '1s' } }));
		round = new Round(instance);
		redis = instance.redisClient();
	});
	after(() => instance.stop());

	test('a new epoch of an empty log shows that nobody has voted, before anybody does', async () => {
		await castMany(round, 3);
		await new Log(instance, round).sealed(3);
		const reader = await StreamReader.open(instance, `${round.path}/tally/stream`);
		const until = async (wanted) => {
			for (;;) {
				const { snapshot } = await reader.tally();
				if (wanted(snapshot))
					return snapshot;
			}
		};
		await until(({ ballots }) => ballots === 3);
		await redis.del((await keysOf(redis, round)).filter((key) => !key.endsWith(':rules')));
		await until(({ log }) => log === 'halted');
		await ctlDone(instance, 'log', 'new-epoch', '--why', 'the master and its replica are gone');
		assert.equal((await until(({ epoch, ballots }) => epoch === 2 && ballots !== 3)).ballots, 0);
		reader.close();
		assert.equal((await instance.tally(round.id)).ballots, 0);
	});
});
