// What a voter takes of Redis' memory, by its own figures, under ops/redis.conf: tests/bench/run memory tells more of it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startInstance } from './lib/instance.mjs';
import { Round, spentKey } from './lib/protocol.mjs';

const VOTERS = 12_000, AT_MOST = 50;

describe('bytes a voter', () => {
	let instance, redis, name, hash, buckets; // a shard for each way of voting
	before(async () => {
		instance = await startInstance({ contest: { shards: 2, expected_voters: 2 * VOTERS }, settings: { ballot_log: { dir: '' } } });
		redis = instance.redisClient();
		({ name } = new Round(instance));
		await redis.config('SET', 'appendfsync', 'no'); // for speed: nothing that is measured here depends on it
		hash = await redis.hgetBuffer(`{${name}/0}:rules`, 'hash');
		buckets = Number(await redis.hget(`{${name}/0}:rules`, 'buckets'));
		assert.equal(buckets, VOTERS / 80);
	});
	after(() => instance.stop());

	/** Of the data: without what connections have in buffers, which come and go. */
	async function used() {
		const all = Number(/\nused_memory:(\d+)/.exec(await redis.info('memory'))[1]);
		return [...(await redis.client('LIST')).matchAll(/ tot-mem=(\d+)/g)].reduce((rest, [, bytes]) => rest - bytes, all);
	}

	/** As store/ledger_cast.c calls it: tokens and tags at random, for any of five entries. */
	function call(n, batch) {
		const shard = `{${name}/${n}}`, keys = ['rules', 'log', 'count'].map((name) => `${shard}:${name}`), args = [hash, '0'];
		for (let i = 0; i < batch; i++) {
			const spent = Buffer.concat([Buffer.from([0, 0, 0, n]), crypto.randomBytes(12)]), entry = crypto.randomInt(5), key = spentKey(shard, spent, buckets);
			const at = keys.indexOf(key) + 1 || keys.push(key);
			args.push(spent, at, Buffer.from([...crypto.randomBytes(4), entry]), '', 1, `votes:${entry}`, 1);
		}
		return ['cast_5', keys.length, ...keys, ...args];
	}

	async function cast(n, voters, batch) {
		for (let left = voters; left > 0;) {
			const pipeline = redis.pipeline();
			for (let i = 0; i < 50 && left > 0; i++, left -= batch)
				pipeline.fcall(...call(n, Math.min(batch, left)));
			for (const [error, reply] of await pipeline.exec())
				assert.ok(!error && reply.slice(1).every(Number.isInteger), String(error ?? reply));
		}
	}

	for (const [n, batch] of [32, 1].entries())
		test(`at most ${AT_MOST} where ${batch} of them vote in a call`, async (t) => {
			await cast(n, batch, batch); // what the first ballots bring along is no voter's
			const before = await used();
			await cast(n, VOTERS, batch);
			const bytes = (await used() - before) / VOTERS;
			t.diagnostic(`${bytes.toFixed(1)} bytes a voter`);
			assert.equal(Number(await redis.hget(`{${name}/${n}}:count`, 'ballots')), VOTERS + batch);
			assert.ok(bytes > 20 && bytes <= AT_MOST, `${bytes}`);
		});
});
