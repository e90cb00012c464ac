// A Redis that has lost ballots, or has others than those that were signed: sealing halts on all hosts, pages
// learn of it, hosts that know of more take no votes, and a new epoch begins with a statement of what was there.
import assert from 'node:assert/strict';
import { cp, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditOf, ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { eventually, makeDirectory, startInstance, startRedis } from './lib/instance.mjs';
import { Log, castMany, fillLog, loseLastBallot, rootFromPath, leafOf, startPair } from './lib/log.mjs';
import { openNote } from './lib/note.mjs';
import { Round, assertProblem, pack, unpack } from './lib/protocol.mjs';

const ballot = { choices: ['upstage'] };
const oneShard = { contest: { shards: 1, approvals: 1 } };

const unpackAll = (entries) => entries.reduce((sum, [, [, packed]]) => sum + unpack(packed).length, 0);

async function replaceLog(redis, key, all) {
	const batch = redis.multi().del(key);
	for (const entry of all)
		batch.xadd(key, entry[0].toString(), 'b', entry[1][1]);
	await batch.exec();
}

const haltOf = async (round) => JSON.parse(await round.instance.redisClient().hget(`{${round.name}}:record`, 'halt'));

/** Sealing has halted. */
async function halted(round, why) {
	const halt = await eventually(() => haltOf(round), 'the halt in the record');
	assert.match(halt.why, why);
	assert.equal((await auditOf(round)).at(-1).act, 'log.halted');
}

/** Sealing has halted; voting has not. */
async function haltedVoting(round, why) {
	await halted(round, why);
	assert.equal((await castMany(round, 3)).length, 3);
}

describe('yesterday\'s Redis', () => {
	let pair, round, logs, redis, kept;
	before(async () => {
		pair = await startPair(oneShard, { lease: '300ms' });
		round = new Round(pair[0]);
		pair[0].round = round;
		pair[1].round = new Round(pair[1]);
		logs = pair.map((instance) => new Log(instance, round));
		redis = pair[0].redis;
	});
	after(() => pair.stop());

	const data = () => path.join(path.dirname(redis.socket), 'appendonlydir');
	const keep = async (name) => {
		redis.signal('SIGTERM');
		await redis.ended();
		await cp(data(), `${data()}.${name}`, { recursive: true });
		await redis.restart();
	};
	const bringBack = async (name) => {
		redis.signal('SIGKILL');
		await redis.ended();
		await rm(data(), { recursive: true });
		await cp(`${data()}.${name}`, data(), { recursive: true });
		for (const instance of pair)
			instance.stderr = '';
		await redis.restart();
	};
	const restart = async (instance) => {
		await instance.end();
		await instance.start();
	};
	let receipts;

	test('halts both hosts; what was published stays, and neither takes votes', async () => {
		receipts = await castMany(round, 300);
		await Promise.all(logs.map((log) => log.sealed(300)));
		await keep('yesterday');
		await castMany(round, 39);
		await castMany(pair[1].round, 1); // a host holds against Redis what it has acknowledged itself
		await Promise.all(logs.map((log) => log.sealed(340)));
		await keep('today');
		kept = await logs[0].read('checkpoint');

		await bringBack('yesterday');
		await halted(round, /^Redis has 300 ballots, fewer than the 340 that were sealed$/);
		for (const [i, log] of logs.entries()) {
			assertProblem(await pair[i].round.cast(round.mint(), ballot), 503, 'unavailable', /Nothing was counted/);
			assert.deepEqual(await log.read('checkpoint'), kept);
			await eventually(() => /sealing (halts|has halted): Redis has 300 ballots/.test(pair[i].stderr), 'the reason');
		}
		assert.match(pair[0].stderr + pair[1].stderr, /sealing halts: .*ops\/runbook\.md/);
	});

	test('a restart: the host knows what it finds, and takes votes; nothing is sealed', async () => {
		await restart(pair[1]);
		await castMany(pair[1].round, 30);
		await eventually(() => /sealing has halted: Redis has 300/.test(pair[1].stderr), 'the reason again');
		assert.deepEqual(await logs[1].read('checkpoint'), kept);
		assertProblem(await round.cast(round.mint(), ballot), 503, 'unavailable', /Nothing was counted/);
	});

	test('the right one again: sealing goes on by itself', async () => {
		await bringBack('today');
		await castMany(round, 5);
		await Promise.all(logs.map((log) => log.sealed(345)));
		assert.equal(await haltOf(round), null);
		kept = await logs[0].read('checkpoint');
		await bringBack('yesterday');
		await halted(round, /^Redis has 300 ballots, fewer than the 345 that were sealed$/);
		for (const instance of pair)
			await restart(instance);
		receipts.push(...await castMany(round, 63)); // beyond the old size again: still not the log that was signed
	});

	test('a new epoch, with its statement; entries that were not lost are the same', async () => {
		const old = logs[0].open(kept.toString());
		// 300 to 344 are other ballots now: those that were cast since.
		const args = ['log', 'new-epoch', '--why', 'the disk of redis was restored from a backup'];
		await ctlRefused(pair[0], 65, /of the 345 ballots that were signed, .*: 45 of them, the first at index 300/, ...args);
		await ctlDone(pair[0], ...args, '--changed-ballots-known');
		await castMany(round, 5);
		const next = pair.map((instance) => new Log(instance, round, { epoch: 2 }));
		const size = unpackAll(await pair[0].redisClient().xrangeBuffer(`{${round.name}/0}:log`, '-', '+'));
		const both = await Promise.all(next.map((log) => log.sealed(size)));
		assert.deepEqual(both[0].entries, both[1].entries);
		await Promise.all(next.map((log) => log.checkFiles()));
		const before = await logs[0].entries(345);
		assert.deepEqual(both[0].entries.slice(0, 300), before.slice(0, 300));
		assert.notDeepEqual(both[0].entries[300], before[300]);
		for (const { index, entry } of receipts)
			assert.equal(both[0].entries[index].toString('base64'), entry);
		const statement = await next[0].read('statement');
		assert.deepEqual(await next[1].read('statement'), statement);
		const lines = openNote(statement.toString(), next[0].origin, next[0].key).split('\n');
		assert.deepEqual(lines.slice(0, 5), ['tallyd epoch v1', next[0].origin, logs[0].origin, '345', old.root.toString('base64')]);
		assert.ok(Number(lines[5]) >= 363 && Number(lines[5]) <= size);
		assert.deepEqual(await logs[0].read('checkpoint'), kept);
		assert.equal(await haltOf(round), null);
	});
});

test('a Redis that has forgotten issued tokens: no note tells of fewer in this epoch, also after a restart', async (t) => {
	const server = await startRedis(path.join(await makeDirectory(), 'redis'));
	const instance = await startInstance({ ...oneShard, redis: server });
	t.after(async () => {
		await instance.stop();
		await rm(path.dirname(path.dirname(server.socket)), { recursive: true });
	});
	const round = new Round(instance), log = new Log(instance, round), next = new Log(instance, round, { epoch: 2 });
	const redis = instance.redisClient(), key = (name) => `{${round.name}/0}:${name}`;
	await castMany(round, 5);
	await eventually(async () => (await log.issued()).issued === 5, 'the first note');
	await redis.decr(key('issued'));
	await haltedVoting(round, /^Redis has 4 issued tokens, fewer than the 5 that were signed$/);
	assert.deepEqual(await log.issued(), { size: 5, issued: 5 });

	await redis.decrby(key('issued'), 4); // with the three that voted since: 3 of at least 5
	assert.equal((await ctlDone(instance, 'log', 'new-epoch', '--why', 'tokens were lost', '--json')).json.shards[0].forgotten, 2);
	await redis.incrby(key('issued'), 4);
	await ctlDone(instance, 'close', '--why', 'test');
	await eventually(async () => (await next.issued()).issued === 7, 'the new epoch, of what is there now');
	const older = await redis.hget(key('seal'), 'issued');
	await redis.incr(key('issued'));
	await eventually(async () => (await next.issued()).issued === 8, 'a later note of the same size');
	await instance.end();
	const client = instance.redisClient();
	await client.multi().set(key('issued'), 7).hset(key('seal'), 'issued', older).exec();
	await instance.start();
	const halt = await eventually(() => haltOf(round), 'the halt in the record');
	assert.match(halt.why, /^Redis has 7 issued tokens, fewer than the 8 that were signed$/);
	assert.deepEqual(await next.issued(), { size: 8, issued: 8 });
});

describe('an old ballot in Redis is another one, unnoticed while its host runs', () => {
	for (const [what, harm, why] of [
		['a directory that is empty is not filled with it', (dir) => rm(dir, { recursive: true }), /come to another root than the signed one of 600 entries/],
		['files that are damaged are not mended with it', (dir) => truncate(path.join(dir, 'tile/0/001'), 5000), /damaged files cannot be mended/],
	])
		test(what, async (t) => {
			const instance = await startInstance(oneShard);
			t.after(() => instance.stop());
			const round = new Round(instance), log = new Log(instance, round);
			await fillLog(round, 0, 600);
			const { text } = await log.sealed(600);
			const redis = instance.redisClient(), key = `{${round.name}/0}:log`;
			const all = await redis.xrangeBuffer(key, '-', '+');
			all[0][1][1][25] ^= 1; // in its text
			await replaceLog(redis, key, all);
			await instance.end();
			await harm(log.dir);
			const before = await log.names().catch(() => []);
			await instance.start();
			await haltedVoting(round, why);
			if (before.length === 0) {
				assert.ok(!(await log.names()).includes('checkpoint'));
				return;
			}
			assert.equal((await log.read('checkpoint')).toString(), text);
			assert.equal((await log.read('tile/0/001')).length, 5000);
			const after = await log.names();
			assert.ok(before.every((name) => after.includes(name)));
		});
});

/**
 * Two hosts. Both have epoch 1 sealed up to `signed`; the second is ended then. With `forgets` the first one and Redis
 * come back from when 3 were signed. halt() loses a ballot, go() begins the next
 * epoch without the second host, goOn() with it.
 */
async function oneAway(t, { signed, forgets }) {
	const pair = await startPair(oneShard, { lease: '300ms' });
	t.after(() => pair.stop());
	const round = new Round(pair[0]), key = (name) => `{${round.name}/0}:${name}`;
	const logs = pair.map((instance) => new Log(instance, round));
	await fillLog(round, 0, 3, 1);
	await Promise.all(logs.map((log) => log.sealed(3)));
	await eventually(async () => (await logs[0].issued()).size === 3, 'the issued note');
	await cp(logs[0].dir, `${logs[0].dir}.old`, { recursive: true });
	const seal = await pair[0].redisClient().hgetall(key('seal'));
	await fillLog(round, 0, signed - 3, 1);
	await Promise.all(logs.map((log) => log.sealed(signed)));

	await pair[1].end();
	let size = signed, epoch = 1;
	if (forgets) {
		await pair[0].end();
		await rm(logs[0].dir, { recursive: true });
		await cp(`${logs[0].dir}.old`, logs[0].dir, { recursive: true });
		for (; size > 3; size--)
			assert.equal(await loseLastBallot(round), size - 1);
		await pair[0].redisClient().hset(key('seal'), seal);
		await pair[0].start();
	}
	const halt = async () => {
		assert.equal(await loseLastBallot(round), --size);
		await eventually(() => haltOf(round), 'the halt');
	};
	const go = async () => {
		await ctlDone(pair[0], 'log', 'new-epoch', '--why', 'test');
		await new Log(pair[0], round, { epoch: ++epoch }).sealed(size);
		assert.equal(await haltOf(round), null);
	};
	const goOn = async () => {
		await ctlDone(pair[0], 'log', 'new-epoch', '--why', 'test');
		await castMany(round, 1);
		epoch++;
		for (const instance of pair)
			await new Log(instance, round, { epoch }).sealed(size + 1);
		assert.equal(await haltOf(round), null);
	};
	return { pair, round, logs, halt, go, goOn };
}

describe('a host that was away while epochs began', () => {
	test('one: objects where it has seen more of the old epoch than its statement says, once', async (t) => {
		const { pair, round, logs, halt, go, goOn } = await oneAway(t, { signed: 5, forgets: true });
		await halt();
		await go();
		await pair[1].start();
		const objection = await eventually(() => haltOf(round), 'its objection');
		assert.match(objection.why, /^the statement of epoch 2 says that 3 entries were signed in the epoch before, and this host has a signed checkpoint of 5$/);
		// The organisers know now. Once is enough, and nothing of what it has seen is gone.
		await goOn();
		assert.equal((await logs[1].checkpoint()).size, 5);
	});

	test('two, and it was back only while the first stood still: objects likewise', async (t) => {
		const { pair, round, halt, go, goOn } = await oneAway(t, { signed: 5, forgets: true });
		await halt();
		await go();
		await halt();
		await pair[1].start();
		await eventually(() => /sealing has halted: Redis has 1 ballots/.test(pair[1].stderr), 'the halt there');
		await pair[1].end();
		await go();
		await pair[1].start();
		assert.match((await eventually(() => haltOf(round), 'its objection')).why, /^the audit log's act of epoch 2 says that 3 entries were signed in the epoch before, and this host has a signed checkpoint of 5$/);
		await goOn();
	});

	test('two honest ones: follows on', async (t) => {
		const { pair, round, logs, halt, go } = await oneAway(t, { signed: 4 });
		for (let i = 0; i < 2; i++) {
			await halt();
			await go();
		}
		await pair[1].start();
		await castMany(round, 1);
		for (const instance of pair)
			await new Log(instance, round, { epoch: 3 }).sealed(3);
		assert.equal(await haltOf(round), null);
		assert.equal((await logs[1].checkpoint()).size, 4);
	});
});

describe('a Redis that tells something else than what was signed', () => {
	let instance, round, redis, epoch = 1;
	before(async () => {
		instance = await startInstance({ ...oneShard, redis: await startRedis(path.join(await makeDirectory(), 'redis')) });
		round = new Round(instance);
		redis = instance.redisClient();
		await castMany(round, 300);
	});
	after(async () => {
		await instance.stop();
		await rm(path.dirname(path.dirname(instance.redis.socket)), { recursive: true });
	});

	const key = (name) => `{${round.name}/0}:${name}`;
	const lastEntry = async () => (await redis.xrevrangeBuffer(key('log'), '+', '-', 'COUNT', 1))[0];
	const reconnect = () => redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

	for (const [what, why, harm, undo] of [
		['a checkpoint by another key', /checkpoint in Redis is not signed by this log's key/,
			async () => redis.hset(key('seal'), 'checkpoint', 'nobody\n')],
		['an issued note by another key', /issued note in Redis is not signed by this log's key/,
			async () => redis.hset(key('seal'), 'issued', 'nobody\n')],
		['another size than the checkpoint says', /is of \d+ entries, not \d+ as noted/,
			async () => { // with the ballot that it speaks of: without that one it would be the log that is short
				const last = await lastEntry(), [ballot] = unpack(last[1][1]);
				const index = Number(last[0].toString().split('-')[0]) - 1 + unpack(last[1][1]).length;
				await redis.multi().xadd(key('log'), `${index + 1}-0`, 'b', pack({ ...ballot, spent: Buffer.alloc(16, epoch) }))
					.hincrby(key('seal'), 'size', 1).exec();
			}],
		['an older checkpoint', /older than the published one/,
			async () => {
				const old = await redis.hmget(key('seal'), 'size', 'checkpoint');
				const size = Number(old[0]);
				await castMany(round, 3);
				await new Log(instance, round, { epoch }).sealed(size + 3);
				await redis.hset(key('seal'), 'size', old[0], 'checkpoint', old[1]);
			}],
		['no checkpoint any more', /older than the published one/, async () => redis.del(key('seal')),
			async () => {}],
		['the last ballot gone', /fewer than the \d+ that were sealed/, async () => {
			const entry = await lastEntry();
			await redis.xdel(key('log'), entry[0].toString());
			return entry;
		}, 'last'],
		['the log gone', /fewer than the \d+ that were sealed/, async () => {
			const all = await redis.xrangeBuffer(key('log'), '-', '+');
			await redis.del(key('log'));
			return all;
		}, 'all'],
		['a ballot of the last ones changed', /the ballot at \d+ in Redis is not the one that was sealed/, async () => {
			const all = await redis.xrangeBuffer(key('log'), '-', '+');
			const packed = all.at(-1)[1][1];
			packed[packed.length - 1] ^= 1;
			await replaceLog(redis, key('log'), all);
			await reconnect();
			packed[packed.length - 1] ^= 1;
			return all;
		}, 'all'],
		['an epoch that nobody has begun', /in epoch \d+, which by the contest's record has not begun/,
			async () => redis.multi().hset(key('seal'), 'epoch', epoch + 1, 'size', 0).hdel(key('seal'), 'checkpoint', 'issued', 'statement').exec()],
		['one far ahead, with a statement by another key', /in epoch \d+, which by the contest's record has not begun/,
			async () => redis.hset(key('seal'), 'epoch', epoch + 5, 'statement', 'nobody\n')],
		['what is no ballot', /what Redis holds of this shard is damaged/,
			async () => redis.hset(key('seal'), 'size', 'many'), async () => redis.hset(key('seal'), 'size', '0')],
	])
		test(`${what}: halts, and a new epoch mends it`, async () => {
			const log = new Log(instance, round, { epoch });
			const size = unpackAll(await redis.xrangeBuffer(key('log'), '-', '+'));
			await log.sealed(size);
			const { entries } = await log.sealed(size);
			const kept = await harm();
			const halt = await eventually(() => haltOf(round), 'the halt in the record');
			assert.match(halt.why, why);
			assert.match((await log.checkpoint()).text, /\n/);
			if (undo === 'last')
				await replaceLog(redis, key('log'), [...await redis.xrangeBuffer(key('log'), '-', '+'), kept]);
			else if (undo === 'all')
				await replaceLog(redis, key('log'), kept);
			else
				await undo?.(kept);
			assert.equal((await castMany(round, 3)).length, 3);
			await ctlDone(instance, 'log', 'new-epoch', '--why', 'test');
			epoch++;
			const now = unpackAll(await redis.xrangeBuffer(key('log'), '-', '+'));
			const next = await new Log(instance, round, { epoch }).sealed(now);
			assert.deepEqual(next.entries.slice(0, size), entries.slice(0, size));
			assert.equal(await haltOf(round), null);
		});
});

describe('a contest of three shards, one of which has lost a ballot', () => {
	let instance, round, redis, shards, receipts;
	before(async () => {
		instance = await startInstance({ contest: { shards: 3, approvals: 1 } });
		round = new Round(instance);
		redis = instance.redisClient();
		receipts = await castMany(round, 12);
		for (const shard of [0, 1, 2])
			await fillLog(round, shard, 2, 1);
		shards = await Promise.all([0, 1, 2].map(async (shard) => {
			const size = receipts.filter((receipt) => receipt.shard === shard).length + 2;
			const log = new Log(instance, round, { shard });
			return { log, size, ...await log.sealed(size) };
		}));
	});
	after(() => instance.stop());

	test('halts in all: nothing more is signed in the others either', async () => {
		await loseLastBallot(round, 1);
		assert.equal((await eventually(() => haltOf(round), 'the halt')).shard, 1);
		await eventually(async () => (await redis.hget(`{${round.name}/1}:seal`, 'halt')) !== null, 'its own halt');
		await eventually(async () => {
			const states = (await ctl(instance, 'log', 'status', '--json')).json;
			return states.state === 'halted' && states.shards[1].state === 'halted';
		}, 'tallyctl log status');
	});

	test('a new epoch is one of all: each goes on with a statement of its own', async () => {
		const told = JSON.parse((await ctlDone(instance, 'log', 'new-epoch', '--why', 'a replica was behind', '--json')).stdout);
		assert.equal(told.epoch, 2);
		assert.deepEqual(told.shards.map(({ missing }) => missing), [0, 1, 0]);
		for (const shard of [0, 1, 2])
			await fillLog(round, shard, 5);
		for (const [shard, { log, size, entries, root }] of shards.entries()) {
			const next = new Log(instance, round, { shard, epoch: 2 });
			const left = shard === 1 ? size - 1 : size;
			const now = await next.sealed(left + 5);
			await next.checkFiles();
			assert.deepEqual(now.entries.slice(0, left), entries.slice(0, left));
			const lines = openNote((await next.read('statement')).toString(), next.origin, next.key).split('\n');
			assert.deepEqual(lines, ['tallyd epoch v1', next.origin, log.origin, String(size), root.toString('base64'), String(left), '']);
		}
		assert.equal(await haltOf(round), null);
		assert.equal(JSON.parse(await redis.hget(`{${round.name}}:record`, 'epoch')).epoch, 2);
		const status = JSON.parse((await ctlDone(instance, 'log', 'status', '--json')).stdout);
		assert.equal(status.state, 'ok');
		assert.equal(status.epoch, 2);
		assert.deepEqual(status.shards.map(({ state, halt }) => [state, halt]), Array(3).fill(['ok', null]));
	});

	test('receipts of the first epoch are found in the second, and the first is served as it was', async () => {
		for (const { shard, index, entry } of receipts) {
			const proof = await eventually(async () => {
				const reply = await instance.get(`${round.path}/receipts/${shard}/${index}`);
				return reply.status === 200 && reply.text;
			}, 'a proof');
			const [head, note] = [proof.slice(0, proof.indexOf('\n\n')).split('\n'), proof.slice(proof.indexOf('\n\n') + 2)];
			assert.equal(head[1], `index ${index}`);
			const { size, root } = new Log(instance, round, { shard, epoch: 2 }).open(note);
			assert.deepEqual(rootFromPath(leafOf(Buffer.from(entry, 'base64')), index, size,
				head.slice(2).map((hash) => Buffer.from(hash, 'base64'))), root);
		}
		for (const [shard, { log, text, size }] of shards.entries()) {
			const reply = await instance.get(`/log/${round.id}/${shard}/checkpoint`);
			assert.equal(reply.text, text);
			const bundle = await instance.get(`/log/${round.id}/${shard}/tile/entries/000.p/${size}`);
			assert.ok(bundle.bytes.equals(await log.read(`tile/entries/000.p/${size}`)));
		}
	});

	test('and so does every daemon that starts later', async () => {
		await instance.end();
		await instance.start();
		for (const shard of [0, 1, 2]) {
			await fillLog(round, shard, 1);
			await new Log(instance, round, { shard, epoch: 2 }).sealed(shards[shard].size + (shard === 1 ? 5 : 6));
		}
		assert.doesNotMatch(instance.stderr, /halts|has halted/);
	});
});

describe('an epoch that nobody began', () => {
	let instance, round, redis, log;
	before(async () => {
		instance = await startInstance(oneShard);
		round = new Round(instance);
		redis = instance.redisClient();
		log = new Log(instance, round);
		await castMany(round, 5);
		await log.sealed(5);
	});
	after(() => instance.stop());

	const key = (name) => `{${round.name}/0}:${name}`;
	const told = (what) => eventually(() => what.test(instance.stderr), `${what} in the server's log`);

	test('rules that are not this host\'s: it lets the shard alone, and goes on once they are', async () => {
		const hash = await redis.hgetBuffer(key('rules'), 'hash');
		await redis.hset(key('rules'), 'hash', Buffer.alloc(32));
		await fillLog(round, 0, 1);
		await told(/under other rules or keys than this host's: it is not sealed here/);
		assert.equal((await log.checkpoint()).size, 5);
		assert.equal(await haltOf(round), null);
		await redis.hset(key('rules'), 'hash', hash);
		await log.sealed(6);
	});

	test('an end of the old one that is not what was published: nothing is signed of it', async () => {
		const old = [{ size: 4, root: Buffer.alloc(32).toString('base64'), now: 4 }];
		await redis.hset(`{${round.name}}:record`, 'epoch', JSON.stringify({ epoch: 2, at: 1, old }));
		await told(/tells of another end of the epoch before than what was published here, and nothing is signed of it/);
		assert.equal(await redis.hget(key('seal'), 'statement'), null);
		await redis.hdel(`{${round.name}}:record`, 'epoch');
		await castMany(round, 1);
		await log.sealed(7);
	});

	test('begun in Redis, with a sealed ballot taken out: halts, and a recount names it', async () => {
		const [[id]] = await redis.xrevrange(key('log'), '+', '-', 'COUNT', 1);
		await redis.multi().xdel(key('log'), id).call('XSETID', key('log'), `${Number(id.split('-')[0]) - 1}-0`)
			.hset(key('seal'), 'epoch', 2, 'size', 0).hdel(key('seal'), 'checkpoint', 'issued', 'statement').exec();
		await eventually(() => haltOf(round), 'the halt in the record');
		assert.match((await haltOf(round)).why, /Redis has this shard in epoch 2, which by the contest's record has not begun: it is in epoch 1/);
		assert.equal(await redis.hget(key('seal'), 'checkpoint'), null);
		const { code, stdout, stderr } = await ctl(instance, 'recount');
		assert.equal(code, 65);
		assert.match(stdout + stderr, /shard 0: its seal is of epoch 2, and the contest's record is in epoch 1/);
		assert.match(stdout + stderr, /shard 0: epoch 2 has no statement of how the one before ended/);
	});
});
