// What happens to votes when the Redis behind them is damaged, stands still, dies or refuses.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fillDisk, withSmallDisk } from '../campaign/faults.mjs';
import { childrenOf, eventually, makeDirectory, startInstance, startRedis } from './lib/instance.mjs';
import { Round, assertProblem, spentOf } from './lib/protocol.mjs';

const ballot = { choices: ['upstage'] };

async function withOwnRedis(t, { args, ...options } = {}) {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'own-redis'), args);
	t.after(() => redis.stop());
	const instance = await startInstance({ dir, redis, ...options });
	t.after(() => instance.stop());
	return { instance, redis, round: new Round(instance), client: instance.redisClient() };
}

test('a poisoned bucket amid a batch: that ballot 503, its neighbours counted, the shard alive', async (t) => {
	const { instance, round, client } = await withOwnRedis(t, { contest: { expected_voters: 80_000 },
		settings: { redis: { deadline: '20s' } } }); // what stands still here is the worker, not Redis
	const shard = `{${round.name}/0}`;
	const buckets = Number(await client.hget(`${shard}:rules`, 'buckets'));
	assert.ok(buckets >= 100);
	const bucketOf = (token) => spentOf(token).readUInt32BE(8) % buckets;
	const tokens = Array.from({ length: 20 }, () => round.mint());
	const poisoned = tokens[10];
	const neighbours = tokens.filter((token) => bucketOf(token) !== bucketOf(poisoned));
	await client.set(`${shard}:spent:${bucketOf(poisoned)}`, 'not a hash');

	// The worker stands still while all ballots arrive, so that one turn of its loop takes them all.
	const agent = instance.newAgent(tokens.length);
	await Promise.all(tokens.map(() => instance.get('/healthz', { agent })));
	const pids = (await childrenOf(instance.child.pid)).map((child) => child.pid);
	pids.forEach((pid) => process.kill(pid, 'SIGSTOP'));
	const casts = tokens.map((token) => round.cast(token, ballot, { agent }));
	await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
	pids.forEach((pid) => process.kill(pid, 'SIGCONT'));
	const replies = await Promise.all(casts);

	let counted = 0;
	replies.forEach((reply, i) => {
		if (!neighbours.includes(tokens[i])) {
			assertProblem(reply, 503, 'unavailable', /not|nothing/i);
			return;
		}
		assert.equal(reply.status, 201, reply.text);
		round.checkReceipt(reply.json, tokens[i], 'choices\nupstage\n');
		counted++;
	});
	assert.equal(counted, neighbours.length);
	const entries = await client.xlen(`${shard}:log`);
	assert.ok(entries < counted, `${counted} ballots went in ${entries} calls: there was no batch`);
	assert.equal((await instance.tallyOf(round.id, counted)).ballots, counted);

	// The shard lives on; and so does the ballot, once its bucket is repaired.
	assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	assertProblem(await round.cast(poisoned, ballot), 503, 'unavailable');
	await client.del(`${shard}:spent:${bucketOf(poisoned)}`);
	assert.equal((await round.cast(poisoned, ballot)).status, 201);
	assert.equal((await instance.tallyOf(round.id, counted + 2)).ballots, counted + 2);
});

test('a poisoned counter: nothing of the batch is counted in part', async (t) => {
	const { instance, round, client } = await withOwnRedis(t);
	const shard = `{${round.name}/0}`;
	assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	const names = (await client.hkeys(`${shard}:count`)).filter((name) => name.includes('upstage'));
	assert.equal(names.length, 1);
	const before = await client.hget(`${shard}:count`, names[0]);
	await client.hset(`${shard}:count`, names[0], 'many');
	const token = round.mint();
	assertProblem(await round.cast(token, ballot), 503, 'unavailable');
	assert.equal(await client.hget(`${shard}:count`, 'ballots'), '1');
	// Who chose another team is not touched by it.
	assert.equal((await round.cast(round.mint(), { choices: ['nc-ai'] })).status, 201);
	await client.hset(`${shard}:count`, names[0], before);
	assert.equal((await round.cast(token, ballot)).status, 201);
	assert.equal((await instance.tallyOf(round.id, 3)).ballots, 3);
});

test('Redis stands still: 503 with Retry-After soon, and nothing counted twice afterwards', async (t) => {
	const { instance, redis, round } = await withOwnRedis(t);
	assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	const tokens = Array.from({ length: 30 }, () => round.mint());
	redis.signal('SIGSTOP');
	const began = Date.now();
	const replies = await Promise.all(tokens.map((token) => round.cast(token, ballot)));
	const took = Date.now() - began;
	for (const reply of replies) {
		assert.equal(reply.status, 503, reply.text);
		assertProblem(reply, 503, reply.json.type.split('#')[1]);
		assert.match(reply.json.type, /#(outcome-unknown|unavailable|busy)$/);
	}
	t.diagnostic(`${took} ms`); // the deadline is 1.5 s; a busy machine may stand still as well
	assert.ok(took < 30_000);
	// Those that were on their way must not be told that they are not counted.
	assert.ok(replies.some((reply) => reply.json.type.endsWith('#outcome-unknown')));
	// The page and the health of the process do not hang on Redis; readiness does.
	assert.equal((await instance.get('/healthz')).status, 200);
	await eventually(async () => {
		const reply = await instance.get('/readyz');
		return reply.status === 503 && assertProblem(reply, 503, 'not-ready');
	}, 'not ready while Redis stands still');
	const late = await round.cast(round.mint(), ballot);
	assert.equal(late.status, 503, late.text);

	redis.signal('SIGCONT');
	const receipts = await Promise.all(tokens.map((token) => round.castUntilAnswered(token, ballot)));
	receipts.forEach((reply, i) => {
		assert.ok([200, 201].includes(reply.status), reply.text);
		round.checkReceipt(reply.json, tokens[i], 'choices\nupstage\n');
	});
	assert.equal(new Set(receipts.map((reply) => reply.json.index)).size, tokens.length);
	const tally = await instance.tallyOf(round.id, tokens.length + 1);
	assert.equal(tally.ballots, tokens.length + 1);
	assert.equal((await eventually(async () => {
		const reply = await instance.get('/readyz');
		return reply.status === 200 && reply;
	}, 'ready again')).json.status, 'ready');
});

/** Votes until told to stop, each voter asking again until answered; gives what was acknowledged. */
function keepVoting(round, voters) {
	const acknowledged = [];
	let stopped = false;
	const voter = async () => {
		while (!stopped) {
			const token = round.mint();
			const reply = await round.castUntilAnswered(token, ballot);
			assert.ok([200, 201].includes(reply.status), reply.text);
			acknowledged.push({ token, receipt: reply.json });
		}
	};
	const done = Promise.all(Array.from({ length: voters }, voter));
	done.catch(() => {});
	return {
		acknowledged,
		async stop() {
			stopped = true;
			await done;
			return acknowledged;
		},
	};
}

async function assertNothingLost(instance, round, acknowledged) {
	for (const { token, receipt } of acknowledged) {
		const reply = await round.cast(token, ballot);
		assert.equal(reply.status, 200, reply.text);
		assert.deepEqual(reply.json, receipt);
	}
	assert.equal((await instance.tallyOf(round.id, acknowledged.length)).ballots, acknowledged.length);
}

test('the private Redis is killed, twice: it returns by itself and no acknowledged vote is lost', async (t) => {
	const instance = await startInstance();
	t.after(() => instance.stop());
	const round = new Round(instance);
	const voting = keepVoting(round, 8);
	for (let kill = 1; kill <= 2; kill++) {
		const reached = voting.acknowledged.length + 100;
		await eventually(() => voting.acknowledged.length >= reached, 'a hundred votes');
		const pid = await instance.redisPid();
		process.kill(pid, 'SIGKILL');
		const beforeReturn = voting.acknowledged.length;
		await eventually(() => voting.acknowledged.length >= beforeReturn + 100, 'votes after the kill', 60_000);
		assert.notEqual(await instance.redisPid(), pid);
	}
	await assertNothingLost(instance, round, await voting.stop());
});

test('a Redis beside is killed and started again: the daemon serves again by itself', async (t) => {
	const { instance, redis, round, client } = await withOwnRedis(t);
	client.disconnect();
	const voting = keepVoting(round, 4);
	await eventually(() => voting.acknowledged.length >= 50, 'fifty votes');
	redis.signal('SIGKILL');
	await redis.ended();
	const absent = await round.cast(round.mint(), ballot);
	assert.equal(absent.status, 503, absent.text);
	const tally = await instance.get(`${round.path}/tally`);
	assert.ok([200, 503].includes(tally.status));
	await redis.restart();
	const before = voting.acknowledged.length;
	await eventually(() => voting.acknowledged.length >= before + 50, 'votes after the restart', 60_000);
	await assertNothingLost(instance, round, await voting.stop());
});

// Each state is brought about in a real Redis; `word` is what that says to a write.
const STATES = [
	{ word: 'OOM', refuse: ({ client }) => client.config('SET', 'maxmemory', '1'), allow: ({ client }) => client.config('SET', 'maxmemory', '0') },
	{ word: 'READONLY', refuse: ({ client }) => client.replicaof('127.0.0.1', '1'), allow: ({ client }) => client.replicaof('NO', 'ONE') },
	{ word: 'NOREPLICAS', refuse: ({ client }) => client.config('SET', 'min-replicas-to-write', '1'), allow: ({ client }) => client.config('SET', 'min-replicas-to-write', '0') },
	{ word: 'BUSY', refuse: spin, allow: ({ client }) => client.call('FUNCTION', 'KILL') },
	{ word: 'LOADING', args: ['--enable-debug-command', 'local'], refuse: loadAgain, allow: ({ client }) => client.config('SET', 'key-load-delay', '0') },
];

/** A function that runs until it is killed. */
async function spin({ client, another }) {
	await client.config('SET', 'busy-reply-threshold', '20');
	await client.call('FUNCTION', 'LOAD', '#!lua name=spinning\nredis.register_function { function_name = "spin", callback = function() while true do end end, flags = { "no-writes" } }');
	another().call('FCALL', 'spin', '0').catch(() => {}); // ends by an error
}

/** Redis reads its append-only file again, slowly, and answers meanwhile. */
async function loadAgain({ client, another }) {
	const filling = client.pipeline();
	for (let i = 0; i < 6000; i++)
		filling.set(`filler:${i}`, 'x');
	await filling.exec();
	await client.config('SET', 'key-load-delay', '200');
	another().call('DEBUG', 'LOADAOF').catch(() => {});
}

describe('Redis refuses to write', () => {
	for (const { word, args, refuse, allow } of STATES)
		test(word, async (t) => {
			const { instance, round, client } = await withOwnRedis(t, { args });
			assert.equal((await round.cast(round.mint(), ballot)).status, 201);
			await refuse({ client, another: () => instance.redisClient() });
			await says(client, word);
			const token = round.mint(), began = Date.now();
			round.recorded.add(spentOf(token).toString('hex')); // Redis would not take that either
			const reply = await round.cast(token, ballot);
			assertProblem(reply, 503, 'unavailable', /nothing was counted/i);
			await says(client, word);
			t.diagnostic(`${Date.now() - began} ms`);
			await allow({ client });
			await eventually(async () => await client.hget(`{${round.name}/0}:count`, 'ballots') === '1', 'what was counted before');
			assert.equal((await round.castUntilAnswered(token, ballot)).status, 201);
			assert.equal((await instance.tallyOf(round.id, 2)).ballots, 2);
		});

	test('MISCONF: a full disk, where the disk is not waited for', async (t) => {
		const done = await withSmallDisk(16, async (disk) => {
			const redis = await startRedis(path.join(disk, 'redis'), ['--appendfsync', 'everysec']); // else it ends itself
			t.after(() => redis.stop());
			const instance = await startInstance({ redis });
			try {
				const round = new Round(instance), client = instance.redisClient();
				assert.equal((await round.cast(round.mint(), ballot)).status, 201);
				const empty = await fillDisk(disk, 0);
				await client.set('filler', 'x'.repeat(8192));
				await says(client, 'MISCONF');
				const token = round.mint();
				round.recorded.add(spentOf(token).toString('hex'));
				assertProblem(await round.cast(token, ballot), 503, 'unavailable', /nothing was counted/i);
				assert.equal(await client.hget(`{${round.name}/0}:count`, 'ballots'), '1');
				await empty();
				assert.equal((await round.castUntilAnswered(token, ballot)).status, 201);
				assert.equal((await instance.tallyOf(round.id, 2)).ballots, 2);
			} finally {
				await instance.stop();
			}
			return true;
		});
		if (!done)
			t.skip('only root may mount a file system');
	});
});

/** Waits until a write is answered with an error of this word. */
const says = (client, word) => eventually(async () => {
	const answer = await client.set('probe', 'x').catch((error) => error.message);
	return String(answer).startsWith(word);
}, word);

test('Redis is absent at the start: the daemon waits for it and then serves', async (t) => {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'own-redis'));
	t.after(() => redis.stop());
	redis.signal('SIGKILL');
	await redis.ended();
	const instance = await startInstance({ dir, redis, ready: false });
	t.after(() => instance.stop());
	await redis.restart();
	await eventually(() => /^ready (http\S+)/m.exec(instance.stdout), 'the ready line', 30_000);
	instance.url = new URL(/^ready (\S+)/m.exec(instance.stdout)[1]).origin;
	instance.port = Number(new URL(instance.url).port);
	instance.agent = instance.newAgent(8);
	const round = new Round(instance);
	assert.ok([200, 201].includes((await round.castUntilAnswered(round.mint(), ballot)).status));
});

test('another rules record stands in Redis: not ready, and nothing is counted under other rules', async (t) => {
	const { instance, redis, round } = await withOwnRedis(t);
	assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	const client = instance.redisClient();
	const before = await client.hget(`{${round.name}/0}:count`, 'ballots');
	await client.hset(`{${round.name}/0}:rules`, 'hash', crypto.randomBytes(32));
	assertProblem(await round.cast(round.mint(), ballot), 503, 'rules-differ');
	assert.equal(await client.hget(`{${round.name}/0}:count`, 'ballots'), before);
	await eventually(async () => {
		const reply = await instance.get('/readyz');
		return reply.status === 503 && /rules-differ/.test(reply.json.detail);
	}, 'not ready');
	assert.ok(redis.pid);
});
