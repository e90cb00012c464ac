// Nothing is ever signed that contradicts what this host has signed before: not when its checkpoint is lost and Redis
// is an older one, not over ballots that Redis no longer holds. And what is right is not taken for wrong.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { contestDocument, eventually, makeDirectory, startInstance, startRedis } from './lib/instance.mjs';
import { Log, castMany, fillLog, killSealer, rootOf, sealerOf, startPair } from './lib/log.mjs';
import { openNote } from './lib/note.mjs';
import { Round, pack } from './lib/protocol.mjs';

const oneShard = { contest: { shards: 1, approvals: 1 } };
const haltOf = async (redis, round) => JSON.parse(await redis.hget(`{${round.name}}:record`, 'halt'));

async function ownRedis(t) {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'redis'));
	t.after(async () => {
		await redis.stop();
		await rm(dir, { recursive: true });
	});
	return redis;
}

const damage = async (file) => {
	const bytes = await readFile(file);
	bytes[bytes.length - 10] ^= 1;
	await writeFile(file, bytes);
};
const gone = (log, ...names) => Promise.all(names.map((name) =>
	rm(path.join(log.dir, name), { recursive: true })));

describe('a host whose checkpoint is lost', () => {
	const fewer = /^Redis has 5 ballots, fewer than the 8 that this host's files have, whose checkpoint is gone$/;
	const older = /^Redis has a checkpoint of \d entries, older than this host's issued note of 8$/;
	const other = /^the ballot at 5 in Redis is not the one that was sealed$/;
	// Each in a contest of its own, of which eight ballots are sealed and `yesterday` knows the first five.
	const harms = [
		['damaged; Redis has other ballots since', async ({ log, yesterday }) => {
			await damage(path.join(log.dir, 'checkpoint'));
			await yesterday(4);
		}, older],
		['gone, and the issued note; Redis has fewer ballots', async ({ log, yesterday }) => {
			await gone(log, 'checkpoint', 'issued');
			await yesterday(0);
		}, fewer],
		['gone, and the issued note; Redis has other ballots since', async ({ log, yesterday }) => {
			await gone(log, 'checkpoint', 'issued');
			await yesterday(4);
		}, other],
		['gone, and bundles; Redis has other ballots since', async ({ log, yesterday }) => {
			await gone(log, 'checkpoint', 'issued', 'tile/entries');
			await yesterday(4);
		}, other],
		['gone, and all tiles; Redis has other ballots since', async ({ log, yesterday }) => {
			await gone(log, 'checkpoint', 'tile');
			await yesterday(4);
		}, older],
		['an older one beside the newer note; Redis has other ballots since', async ({ log, yesterday, old }) => {
			await writeFile(path.join(log.dir, 'checkpoint'), old.text);
			await yesterday(4);
		}, older],
		['gone; Redis was emptied, and voting began again', async ({ log, empty, round }) => {
			await gone(log, 'checkpoint');
			await empty();
			await fillLog(round, 0, 20);
		}, older],
		['damaged; Redis is right', ({ log }) => damage(path.join(log.dir, 'checkpoint'))],
		['gone, and a bundle torn; Redis is right', async ({ log }) => {
			await gone(log, 'checkpoint');
			await truncate(path.join(log.dir, 'tile/entries/000.p/8'), 100);
		}],
		['gone, and in Redis, too; the ballots are right', async ({ log, redis, keys }) => {
			await redis.del(keys[1]);
			await gone(log, 'checkpoint', 'issued');
		}],
	];
	let dir, instance, cases, unstarted;
	before(async () => {
		dir = await makeDirectory();
		const contests = await Promise.all(harms.map(async (_, i) => {
			const file = path.join(dir, `${i}.yaml`);
			await writeFile(file, YAML.stringify(await contestDocument(undefined, { id: `lost-${i}`, ...oneShard.contest })));
			return file;
		}));
		instance = await startInstance({ contests, redis: await startRedis(path.join(dir, 'redis')) });
		let redis = instance.redisClient();
		cases = await Promise.all(harms.map(async ([, harm], i) => {
			const round = new Round(instance, `lost-${i}`), log = new Log(instance, round);
			const keys = ['log', 'seal'].map((name) => `{${round.name}/0}:${name}`);
			await fillLog(round, 0, 5);
			const old = await log.sealed(5), dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
			await fillLog(round, 0, 3);
			return { harm, round, log, keys, dumps, old, now: await log.sealed(8) };
		}));
		await instance.end();
		redis = instance.redisClient();
		for (const one of cases) {
			const { harm, round, keys, dumps } = one;
			await harm({ ...one, redis,
				empty: () => redis.del(...keys),
				yesterday: async (since) => {
					await Promise.all(keys.map((key, k) => redis.restore(key, 0, dumps[k], 'REPLACE')));
					await fillLog(round, 0, since);
				} });
			one.stood = await redis.hget(keys[1], 'checkpoint');
			one.kept = await one.log.read('checkpoint').catch(() => null);
		}
		unstarted = (await ctl(instance, 'log', 'status', '--contest', 'lost-6', '--json')).json;
		await instance.start();
	});
	after(async () => {
		await instance.stop();
		await rm(dir, { recursive: true });
	});

	const assertNothingSigned = async ({ keys, stood, kept, log }) => {
		assert.equal(await instance.redisClient().hget(keys[1], 'checkpoint'), stood);
		const here = await log.read('checkpoint').catch(() => null);
		assert.ok(here === null || (kept !== null && here.equals(kept)));
	};
	for (const [i, [what, , why]] of harms.entries())
		if (why)
			test(`${what}: halts, and signs nothing`, async () => {
				const halt = await eventually(() => haltOf(instance.redisClient(), cases[i].round), 'the halt');
				assert.match(halt.why, why);
				assert.equal((await castMany(cases[i].round, 10)).length, 10);
				await assertNothingSigned(cases[i]);
			});
		else
			test(`${what}: mended without a halt`, async () => {
				const { log, round, now } = cases[i];
				await eventually(async () => (await log.read('checkpoint')).toString() === now.text, 'the same checkpoint');
				await fillLog(round, 0, 3);
				const { entries } = await log.sealed(11);
				assert.deepEqual(entries.slice(0, 8), now.entries);
				await log.checkFiles();
				assert.equal(await haltOf(instance.redisClient(), round), null);
			});

	test('tallyctl log status tells of it before any server has started', () => {
		assert.equal(unstarted.state, 'behind');
		assert.equal(unstarted.shards[0].state, 'Redis is behind what was signed here');
		assert.equal(unstarted.shards[0].here, 8); // of the issued note and the tiles
		assert.equal(unstarted.shards[0].sealed, null);
	});

	test('another start changes nothing', async () => {
		await instance.end();
		await instance.start();
		for (const [i, [, , why]] of harms.entries())
			if (why) {
				await eventually(() => instance.stderr.includes(`${cases[i].round.name}/0: sealing has halted: `), 'the reason again');
				await assertNothingSigned(cases[i]);
			} else {
				await fillLog(cases[i].round, 0, 1);
				await cases[i].log.sealed(12);
			}
	});

	test('a new epoch states what the issued note and the tiles tell of the old one; without tiles it is refused', async () => {
		const { round, log, now } = cases[0], why = ['--why', 'restored'];
		assert.equal((await ctl(instance, 'log', 'status', '--contest', 'lost-0', '--json')).json.state, 'halted');
		const told = (await ctlDone(instance, 'log', 'new-epoch', '--contest', 'lost-0', '--json', '--changed-ballots-known', ...why)).json;
		assert.equal(told.shards[0].signed, 8);
		const next = new Log(instance, round, { epoch: 2 });
		const { size } = await next.sealed(9);
		assert.ok(size >= 9);
		const lines = openNote((await next.read('statement')).toString(), next.origin, next.key).split('\n');
		assert.deepEqual(lines.slice(2, 5), [log.origin, '8', now.root.toString('base64')]);
		await ctlRefused(instance, 65, /signed for 8 entries, .*neither their checkpoint nor their tiles are here/,
			'log', 'new-epoch', '--contest', 'lost-4', ...why);
	});
});

/** One ballot as the log has it, and nothing else of it. */
const ballotFor = (choice) => pack({ spent: crypto.randomBytes(16), tag: Buffer.alloc(4), ballot: `choices\n${choice}\n` });

/** A failover: in place of the last ballot, which was acknowledged, Redis has another one. */
const failOver = async (redis, key, size) => {
	await redis.multi().xdel(key, `${size}-0`).call('XSETID', key, `${size - 1}-0`)
		.xadd(key, `${size}-0`, 'b', ballotFor('nc-ai'))
		.call('ACL', 'SETUSER', 'default', '+hset')
		.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').exec();
	await redis.hset(key.replace(':log', ':seal'), 'until', '0'); // the lease is free
};

test('what was read and not stored is read again: a signature is over what Redis has', async (t) => {
	const instance = await startInstance({ ...oneShard, redis: await ownRedis(t) });
	t.after(() => instance.stop());
	const round = new Round(instance), log = new Log(instance, round), redis = instance.redisClient();
	const key = `{${round.name}/0}:log`;
	await castMany(round, 5);
	await log.sealed(5);
	await redis.call('ACL', 'SETUSER', 'default', '-hset'); // storing fails from here on
	await redis.xadd(key, '6-0', 'b', ballotFor('upstage'));
	await eventually(async () => (await log.names()).includes('tile/entries/000.p/6'), 'files of six');
	const stale = (await log.entries(6))[5];
	await failOver(redis, key, 6);
	await castMany(new Round(instance), 2);
	const { entries } = await log.sealed(8);
	assert.notDeepEqual(entries[5], stale);
	await log.checkFiles();
	await killSealer(instance); // its successor compares every ballot with what was signed
	await castMany(round, 1);
	await log.sealed(9);
	assert.equal(await haltOf(redis, round), null);
});

test('what was read and not stored is no reason to halt where another host has sealed', async (t) => {
	const pair = await startPair(oneShard, { lease: '30s' }); // not renewed from here on
	t.after(() => pair.stop());
	const round = new Round(pair[0]), logs = pair.map((instance) => new Log(instance, round));
	const redis = pair[0].redisClient(), key = `{${round.name}/0}:log`;
	await castMany(round, 5);
	await Promise.all(logs.map((log) => log.sealed(5)));
	await redis.call('ACL', 'SETUSER', 'default', '-hset');
	await redis.xadd(key, '6-0', 'b', ballotFor('upstage'));
	const reader = await eventually(async () => {
		for (const [i, log] of logs.entries())
			if ((await log.names()).includes('tile/entries/000.p/6'))
				return { i, pid: await sealerOf(pair[i]) };
		return false;
	}, 'files of six on either host');
	process.kill(reader.pid, 'SIGSTOP');
	t.after(() => {
		try {
			process.kill(reader.pid, 'SIGCONT');
		} catch { /* it has ended */ }
	});
	await failOver(redis, key, 6);
	await logs[1 - reader.i].sealed(6);
	process.kill(reader.pid, 'SIGCONT');
	const [one, two] = await Promise.all(logs.map((log) => log.sealed(6)));
	assert.deepEqual(one.entries, two.entries);
	await castMany(new Round(pair[0]), 3);
	await Promise.all(logs.map((log) => log.sealed(9)));
	assert.equal(await haltOf(redis, round), null);
	for (const instance of pair)
		assert.doesNotMatch(instance.stderr, /halts/);
});

test('a start compares every ballot with the log, not the last ones alone', async (t) => {
	const instance = await startInstance({ ...oneShard, redis: await ownRedis(t) });
	t.after(() => instance.stop());
	const round = new Round(instance), log = new Log(instance, round), redis = instance.redisClient();
	const key = `{${round.name}/0}:log`;
	await fillLog(round, 0, 1000);
	const { text, entries } = await log.sealed(1000);
	assert.deepEqual(rootOf(entries), log.open(text).root);
	const all = await redis.xrangeBuffer(key, '-', '+');
	all[0][1][1][16 + 1 + 4] ^= 1; // the entry that the first ballot has
	const batch = redis.multi().del(key);
	for (const [id, [, packed]] of all)
		batch.xadd(key, id.toString(), 'b', packed);
	await batch.exec();
	await killSealer(instance);
	assert.match((await eventually(() => haltOf(redis, round), 'the halt')).why,
		/^the ballot at 0 in Redis is not the one that was sealed$/);
});
