// The log of ballots while voting runs: every ballot's entry under a signed checkpoint soon, in steps, the
// same files on every host, and the close. What goes wrong is in sealing-faults.test.mjs.
import assert from 'node:assert/strict';
import { readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ctlDone } from './lib/acts.mjs';
import { eventually, makeDirectory, realRound, startInstance } from './lib/instance.mjs';
import { Log, castMany, fillLog, filesOf, killSealer, leafOf, pathOf, rootFromPath, rootOf, sealerOf, startPair } from './lib/log.mjs';
import { Round } from './lib/protocol.mjs';

describe('a rehearsal', () => {
	let instance, round, log;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1 } });
		round = new Round(instance);
		log = new Log(instance, round);
	});
	after(() => instance.stop());

	test('an empty log is signed as such', async () => {
		assert.equal((await log.sealed(0)).size, 0);
		assert.deepEqual(await log.issued(), { size: 0, issued: 0 });
		assert.deepEqual(await log.names(), ['checkpoint', 'issued']);
	});

	test('a ballot is under a checkpoint soon, and its path leads to the signed root', async () => {
		const [receipt] = await castMany(round, 1);
		const first = await log.sealed(1);
		assert.equal(first.entries[receipt.index].toString('base64'), receipt.entry);
		const receipts = await castMany(round, 20);
		const { entries, root, size } = await log.sealed(21);
		assert.deepEqual(rootOf(entries, 1), first.root);
		const leaves = entries.map(leafOf);
		for (const { index, entry } of [receipt, ...receipts])
			assert.deepEqual(rootFromPath(leafOf(Buffer.from(entry, 'base64')), index, size, pathOf(leaves, index)), root);
		assert.deepEqual(await log.issued(), { size: 21, issued: 21 });
	});

	test('hundreds: full tiles, levels, partial files, nothing else', async () => {
		const receipts = await castMany(round, 600);
		const { entries } = await log.sealed(621);
		for (const receipt of receipts)
			assert.equal(entries[receipt.index].toString('base64'), receipt.entry);
		const { size } = await log.checkFiles();
		assert.equal(size, 621);
		const names = await log.names(), expected = filesOf(entries);
		for (const name of names)
			assert.ok(['checkpoint', 'issued'].includes(name) || expected.has(name) || /\.p\/\d+$/.test(name), name);
		assert.ok(names.includes('tile/1/000.p/2'));
	});
});

describe('steps', () => {
	let instance, round, log;
	before(async () => {
		instance = await startInstance(realRound(Date.now() - 60_000, Date.now() + 3600_000,
			{ shards: 1, approvals: 1, seal: { min_entries: 5, max_wait: '1h' } }));
		round = new Round(instance);
		log = new Log(instance, round);
	});
	after(() => instance.stop());

	test('fewer than a step wait, and nothing on the disk tells of them', async () => {
		await log.sealed(0);
		await castMany(round, 4);
		const before = await log.names();
		const redis = instance.redisClient();
		const looks = async () => Number(/cmdstat_fcall:calls=(\d+)/.exec(await redis.info('commandstats'))[1]);
		const start = await looks();
		await eventually(async () => await looks() > start + 5, 'some looks at the shard');
		assert.deepEqual(await log.names(), before);
		assert.equal((await log.checkpoint()).size, 0);
		await castMany(round, 1);
		assert.equal((await log.sealed(5)).size, 5);
	});

	test('a clean end seals what is left', async () => {
		await castMany(round, 2);
		assert.equal((await log.checkpoint()).size, 5);
		await instance.end();
		assert.equal((await log.sealed(7)).size, 7);
		await instance.start();
		round = new Round(instance); // its connection to Redis ended with that one
	});

	test('the close seals what is left at once', async () => {
		await castMany(round, 2);
		const redis = instance.redisClient();
		await redis.incr(`{${round.name}/0}:issued`); // a token that will never vote
		assert.equal((await log.checkpoint()).size, 7);
		await ctlDone(instance, 'close', '--why', 'test');
		const { size } = await log.sealed(9);
		assert.equal(size, 9);
		assert.equal(await redis.hget(`{${round.name}/0}:rules`, 'size'), '9');
		await eventually(async () => (await log.issued()).issued === 10, 'the final note');
		assert.deepEqual(await log.issued(), { size: 9, issued: 10 });
		await log.checkFiles();
	});
});

const BULK = Number(process.env.TEST_SEAL_BULK ?? 36_000); // more than one step of sealing takes
test(`${BULK} ballots at once`, async (t) => {
	const instance = await startInstance({ contest: { shards: 1 } });
	t.after(() => instance.stop());
	const round = new Round(instance), log = new Log(instance, round);
	await log.sealed(0);
	const pid = await sealerOf(instance);
	const cpuMs = async () => {
		const [user, system] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ').slice(11, 13);
		return { user: 10 * user, system: 10 * system }; // ticks of 1/100 s
	};
	for (const batch of process.env.TEST_SEAL_BULK ? [64, 1] : [64]) {
		const before = await cpuMs(), { size } = await log.checkpoint();
		process.kill(pid, 'SIGSTOP'); // or it would seal while the log is being filled
		await fillLog(round, 0, BULK, batch);
		process.kill(pid, 'SIGCONT');
		const start = Date.now();
		await eventually(async () => (await log.checkpoint()).size === size + BULK, 'all sealed', 60_000);
		const after = await cpuMs();
		t.diagnostic(`${batch} in an entry: ${Date.now() - start} ms, sealer's CPU in us an entry: ` +
			`${(1000 * (after.user - before.user) / BULK).toFixed(2)} user, ` +
			`${(1000 * (after.system - before.system) / BULK).toFixed(2)} system`);
	}
	await log.checkFiles();
});

describe('max_wait', () => {
	test('a single ballot is sealed after it; the close brings the final number of tokens', async (t) => {
		const instance = await startInstance(realRound(Date.now() - 60_000, Date.now() + 3600_000,
			{ shards: 1, approvals: 1, seal: { min_entries: 1000, max_wait: '1s' } }));
		t.after(() => instance.stop());
		const round = new Round(instance), log = new Log(instance, round);
		await castMany(round, 1);
		const { text } = await log.sealed(1);
		await instance.redisClient().incr(`{${round.name}/0}:issued`); // a token that will never vote
		await ctlDone(instance, 'close', '--why', 'test');
		await eventually(async () => (await log.issued()).issued === 2, 'the final note');
		assert.equal((await log.checkpoint()).text, text);
	});
});

describe('two hosts', () => {
	let pair, round, logs;
	before(async () => {
		pair = await startPair({ contest: { shards: 2 } }, { lease: '300ms' });
		round = new Round(pair[0]);
		logs = pair.map((instance) => [0, 1].map((shard) => new Log(instance, round, { shard })));
	});
	after(() => pair.stop());

	const sameFiles = async () => {
		for (const shard of [0, 1]) {
			const size = await round.instance.redisClient().hget(`{${round.name}/${shard}}:seal`, 'size');
			const both = await Promise.all(logs.map(async (host) => {
				await host[shard].sealed(Number(size));
				return host[shard].checkFiles();
			}));
			assert.equal(both[0].size, both[1].size);
			for (const name of ['checkpoint', 'issued'])
				await eventually(async () => (await logs[0][shard].read(name)).equals(await logs[1][shard].read(name)), name);
		}
	};

	test('write the same files, byte for byte', async () => {
		for (let i = 0; i < 4; i++) {
			await castMany(round, 80);
			await castMany(new Round(pair[1]), 80);
		}
		await eventually(async () => (await logs[0][0].checkpoint()).size + (await logs[0][1].checkpoint()).size === 640,
			'all sealed');
		await sameFiles();
	});

	test('one goes on where the other was killed', async () => {
		for (let i = 0; i < 4; i++) {
			const pid = await killSealer(pair[i % 2]);
			await castMany(round, 10);
			const other = logs[(i + 1) % 2];
			const total = 640 + 10 * (i + 1);
			await eventually(async () => (await other[0].checkpoint()).size + (await other[1].checkpoint()).size === total,
				`${total} sealed by the other host`);
			await eventually(() => pair[i % 2].stderr.includes('sealer was killed by signal 9'), `the end of ${pid}`);
		}
		await sameFiles();
	});
});

describe('a host without the private key', () => {
	test('follows, checks and has the same files', async (t) => {
		const pair = await startPair({ contest: { shards: 1 } }, {}, async (dir) => {
			const keys = path.join(dir, 'keys');
			await rm(path.join(keys, (await readdir(keys)).find((name) => name.includes('~')), 'log.private.pem'));
			return { sign: false };
		});
		t.after(() => pair.stop());
		const round = new Round(pair[0]);
		const [north, south] = pair.map((instance) => new Log(instance, round));
		await castMany(round, 300);
		await north.sealed(300);
		await south.sealed(300);
		await south.checkFiles();
		for (const name of ['checkpoint', 'issued'])
			await eventually(async () => (await north.read(name)).equals(await south.read(name)), name);
		assert.doesNotMatch(pair[1].stderr, /error/);
	});

	test('that is to sign does not start, and says what to do', async (t) => {
		const dir = await makeDirectory();
		t.after(() => rm(dir, { recursive: true }));
		const instance = await startInstance({ dir });
		await instance.end();
		const name = new Round(instance).name;
		const key = path.join(dir, 'keys', name, 'log.private.pem');
		await rm(key);
		await instance.start(false);
		assert.deepEqual(await instance.exit, { code: 66, signal: null });
		assert.match(instance.stderr, /log\.private\.pem.*ballot_log\.sign: false/);
	});
});
