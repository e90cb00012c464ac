// What goes wrong while the log is sealed: sealers and Redis killed at any moment, damaged files, a full disk.
// What a Redis that has lost ballots does to it is in sealing-halts.test.mjs.
// TEST_KILLS=200 for a longer campaign, TALLYD_TEST_SEED for the same one.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort, shardMetric } from './lib/admin.mjs';
import { eventually, makeDirectory, startInstance } from './lib/instance.mjs';
import { Log, castMany, fillLog, filesOf, killSealer, rootOf, rootsOf, startPair } from './lib/log.mjs';
import { Round, randomFrom } from './lib/protocol.mjs';

const KILLS = Number(process.env.TEST_KILLS ?? 12);
const oneShard = { contest: { shards: 1, approvals: 1 } };
const flip = (at) => async (file) => {
	const bytes = await readFile(file);
	bytes[at] ^= 1;
	await writeFile(file, bytes);
};

/** Polls a log's checkpoint: every distinct one that was ever to be seen, each well signed and none smaller. */
class Watch {
	constructor(log, t) {
		this.log = log;
		this.seen = [];
		this.running = this.run();
		t.after(() => {
			this.ended = true;
		});
	}

	async run() {
		while (!this.ended) {
			const text = (await this.log.read('checkpoint').catch(() => '')).toString();
			if (text && text !== this.seen.at(-1)?.text)
				this.seen.push(this.log.open(text));
			await new Promise((resolve) => setTimeout(resolve, 3));
		}
	}

	async end() {
		this.ended = true;
		await this.running;
		for (let i = 1; i < this.seen.length; i++)
			assert.ok(this.seen[i].size > this.seen[i - 1].size, 'a checkpoint that does not grow');
		return this.seen;
	}
}

test(`two hosts' sealers and Redis killed ${KILLS} times under load`, async (t) => {
	const random = randomFrom(t);
	const pair = await startPair(oneShard, { lease: '200ms' });
	t.after(() => pair.stop());
	const rounds = pair.map((instance) => new Round(instance));
	const logs = pair.map((instance) => new Log(instance, rounds[0]));
	await Promise.all(logs.map((log) => log.sealed(0)));
	const watches = logs.map((log) => new Watch(log, t));
	const receipts = [];
	let over = false;
	t.after(() => {
		over = true;
	});
	const load = rounds.map(async (round) => {
		while (!over) {
			receipts.push(...await castMany(round, 1 + random.below(12)));
			await new Promise((resolve) => setTimeout(resolve, random.below(20)));
		}
	});

	const killed = [0, 0];
	for (let i = 0; i < KILLS; i++) {
		await new Promise((resolve) => setTimeout(resolve, random.below(150)));
		if (i % 8 === 7) {
			pair[0].redis.signal('SIGKILL');
			await pair[0].redis.restart();
			continue;
		}
		const host = random.below(2);
		await killSealer(pair[host]);
		if (++killed[host] % 4 === 0) { // another start would wait for seconds
			pair[host].child.kill('SIGKILL');
			await pair[host].exit;
			await eventually(() => pair[host].start().then(() => true), 'a new daemon');
		}
	}
	over = true;
	await Promise.all(load);

	const final = await Promise.all(logs.map(async (log) => {
		await log.sealed(receipts.length);
		return log.checkFiles();
	}));
	assert.deepEqual(final[0].entries, final[1].entries);
	assert.equal(final[0].size, receipts.length);
	assert.equal(new Set(receipts.map(({ index }) => index)).size, receipts.length);
	for (const { index, entry } of receipts)
		assert.equal(final[0].entries[index].toString('base64'), entry);
	const rootAt = rootsOf(final[0].entries);
	let seen = 0;
	for (const watch of watches)
		for (const { size, root } of await watch.end()) {
			assert.deepEqual(rootAt(size), root, `the checkpoint of ${size}`);
			seen++;
		}
	t.diagnostic(`${receipts.length} ballots, ${seen} checkpoints seen`);
	for (const instance of pair)
		assert.doesNotMatch(instance.stderr, /halts|damaged/);
});

describe('files that a start finds damaged', () => {
	const harms = [ // each in a shard of its own
		['a bit in a full bundle', 'tile/entries/000', flip(3000)],
		['the length of an entry', 'tile/entries/001', flip(1)],
		['a bit in a full tile', 'tile/0/001', flip(8191)],
		['a bit in the level above', 'tile/1/000.p/2', flip(33)],
		['a torn full tile', 'tile/0/000', (file) => truncate(file, 4097)],
		['an emptied bundle', 'tile/entries/002.p/88', (file) => truncate(file, 0)],
		['a missing full bundle', 'tile/entries/000', unlink],
		['a missing partial tile', 'tile/0/002.p/88', unlink],
		['no tiles at all', 'tile', (file) => rm(file, { recursive: true })],
		['a checkpoint that is none', 'checkpoint', (file) => truncate(file, 100)],
		['a checkpoint by another key', 'checkpoint', async (file) => {
			const text = (await readFile(file)).toString();
			await writeFile(file, text.replace(/ ([A-Za-z0-9+/]{20})([A-Za-z0-9+/]{4})/, ' $1AAAA'));
		}],
		['a checkpoint like a mountain', 'checkpoint', (file) => truncate(file, 1 << 20)],
		['no checkpoint', 'checkpoint', unlink],
		['another log\'s files', 'tile', async (file) => {
			await rm(file, { recursive: true });
			await cp(path.join(logs.at(-2).dir, 'tile'), file, { recursive: true });
		}],
	];
	let instance, round, logs, whole;
	before(async () => {
		instance = await startInstance({ contest: { shards: harms.length } });
		round = new Round(instance);
		logs = harms.map((_, shard) => new Log(instance, round, { shard }));
		await Promise.all(logs.map((_, shard) => fillLog(round, shard, 600)));
		whole = await Promise.all(logs.map(async (log) => {
			const { entries, text } = await log.sealed(600);
			return { files: filesOf(entries), text };
		}));
		await instance.end();
		for (const [shard, [, name, harm]] of harms.entries())
			await harm(path.join(logs[shard].dir, name));
		await instance.start();
	});
	after(() => instance.stop());

	for (const [shard, [what, name]] of harms.entries())
		test(`${what}: mended, byte for byte`, async () => {
			const log = logs[shard], { files, text } = whole[shard];
			await eventually(async () => (await log.read('checkpoint')).toString() === text, 'the same checkpoint');
			for (const [file, bytes] of files)
				await eventually(async () => (await log.read(file)).equals(bytes), file);
			if (what !== 'no checkpoint')
				await eventually(() => instance.stderr.includes(name === 'checkpoint' ?
					`${log.dir}/checkpoint is not signed by this log's key: kept as` :
					`${log.dir} is mended up to 600 entries`), 'the line that tells of it');
			const aside = (await readdir(log.dir)).filter((file) => file.includes('.damaged-'));
			assert.equal(aside.length, ['no tiles at all', 'no checkpoint'].includes(what) ? 0 : 1);
			await fillLog(round, shard, 10);
			await log.sealed(610);
			await log.checkFiles();
		});
});

test('files that are damaged while it runs say nothing against Redis, and are mended once it connects anew', async (t) => {
	const harms = [['entries/000', flip(3000)], ['entries/001', flip(1)], ['entries/001', (file) => truncate(file, 100)], ['entries/000', unlink]];
	const instance = await startInstance({ contest: { shards: harms.length } });
	t.after(() => instance.stop());
	const round = new Round(instance), redis = instance.redisClient();
	const logs = harms.map((_, shard) => new Log(instance, round, { shard }));
	await Promise.all(logs.map((_, shard) => fillLog(round, shard, 600)));
	await Promise.all(logs.map((log) => log.sealed(600)));
	for (const [shard, [name, harm]] of harms.entries())
		await harm(path.join(logs[shard].dir, 'tile', name));
	await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
	await Promise.all(logs.map((log) => eventually(() => instance.stderr.includes(`${log.dir} is mended up to 600 entries`), `${log.dir} mended`)));
	for (const [shard, log] of logs.entries()) {
		await fillLog(round, shard, 10);
		await log.sealed(610);
		await log.checkFiles();
	}
	assert.equal(await redis.hget(`{${round.name}}:record`, 'halt'), null);
	assert.doesNotMatch(instance.stderr, /halts/);
});

describe('the disk', () => {
	test('full: votes are taken, nothing half is published, and sealing goes on with room again', async (t) => {
		const dir = await makeDirectory(), disk = path.join(dir, 'log');
		await mkdir(disk);
		try {
			execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', disk], { stdio: 'pipe' });
		} catch (error) {
			await rm(dir, { recursive: true });
			t.skip(`no file system of its own can be mounted here: ${error.stderr}`);
			return;
		}
		const admin = await freePort();
		const instance = await startInstance({ ...oneShard, dir, settings: { admin_listen: `127.0.0.1:${admin}` } });
		t.after(async () => {
			await instance.end().finally(() => execFileSync('umount', [disk]));
			await rm(dir, { recursive: true });
		});
		const round = new Round(instance), log = new Log(instance, round), watch = new Watch(log, t);
		let n = 0;
		while (!instance.stderr.includes('No space left')) {
			n += (await castMany(round, 25)).length;
			assert.ok(n < 20_000);
		}
		n += (await castMany(round, 50)).length;
		const attempts = () => shardMetric(admin, 'tallyd_log_failures_total', 0); // it tries again
		const tried = await attempts();
		await eventually(async () => await attempts() > tried + 2, 'further attempts');
		const { size, root } = await log.checkpoint();
		assert.ok(size < n);
		assert.deepEqual(rootOf(await log.entries(size)), root);
		execFileSync('mount', ['-o', 'remount,size=16m', disk]);
		const { entries } = await log.sealed(n);
		await log.checkFiles();
		for (const seen of await watch.end())
			assert.deepEqual(rootOf(entries, seen.size), seen.root);
		assert.equal(instance.stderr.match(/No space left/g).length, 1, instance.stderr);
		assert.match(instance.stderr, /sealing goes on/);
	});

	test('that cannot be written at all, and one that another daemon writes', async (t) => {
		const pair = await startPair(oneShard, { lease: '300ms' }, async (dir) => {
			await writeFile(path.join(dir, 'log'), 'a file where a directory is to be');
			return {};
		});
		t.after(() => pair.stop());
		const round = new Round(pair[0]), [north, south] = pair.map((instance) => new Log(instance, round));
		await castMany(new Round(pair[1]), 5);
		await north.sealed(5);
		await eventually(() => /cannot be opened: Not a directory/.test(pair[1].stderr), 'what is wrong');
		await rm(path.join(pair[1].dir, 'log'));
		await south.sealed(5);
		assert.match(pair[1].stderr, /sealing goes on/);

		await pair[1].end();
		await writeFile(pair[1].config, (await readFile(pair[1].config)).toString()
			.replace(path.join(pair[1].dir, 'log'), path.join(pair[0].dir, 'log')));
		await pair[1].start();
		await eventually(() => /cannot be opened: another process has it/.test(pair[1].stderr), 'what is wrong');
		await castMany(new Round(pair[1]), 5);
		await north.sealed(10);
		await pair[0].end();
		await castMany(new Round(pair[1]), 5);
		await north.sealed(15);
		await north.checkFiles();
	});
});
