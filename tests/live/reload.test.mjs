// A new configuration (SIGHUP), a new program (SIGUSR2) and the end (SIGTERM), while citizens vote and watch: nobody
// notices. What cannot be right changes nothing.
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import YAML from 'yaml';
import { freePort, metricsOf } from './lib/admin.mjs';
import { TALLYD, childrenOf, eventually, isAlive, makeDirectory, merge, startInstance } from './lib/instance.mjs';
import { Load } from './lib/load.mjs';
import { Round } from './lib/protocol.mjs';

const TIMES = Number(process.env.TEST_UPGRADES ?? 2);
const ballot = { choices: ['upstage'] };
/** A disk that others use, too, is no reason to refuse a vote here. */
const patient = { workers: 2, redis: { deadline: '50s' }, limits: { drain_time: '50s' } };

/** Sorted pids of everything but Redis. */
const family = async (instance) => (await childrenOf(instance.child.pid))
	.filter(({ name }) => !name.startsWith('redis')).map(({ pid }) => pid).sort((a, b) => a - b);
const logged = (instance, pattern, from = 0) => pattern.test(instance.stderr.slice(from));

/** Sends the signal, and waits until those of before are gone, and only those. */
async function replaced(instance, signal) {
	const from = instance.stderr.length, before = await family(instance);
	instance.child.kill(signal);
	await eventually(() => logged(instance, /serves with the configuration read anew/, from), 'the new processes');
	await eventually(async () => {
		const now = await family(instance);
		return now.length === before.length && !now.some((pid) => before.includes(pid));
	}, 'the end of the old processes');
}

/** Sends the signal, and waits until it is refused for that reason; everything of before serves. */
async function refused(instance, signal, ...reasons) {
	const from = instance.stderr.length, before = await family(instance);
	instance.child.kill(signal);
	await eventually(() => logged(instance, /everything goes on as before/, from), 'a refusal');
	for (const reason of reasons) assert.match(instance.stderr.slice(from), reason);
	await eventually(async () => (await family(instance)).length === before.length, 'the end of what was tried');
	return before;
}

async function change(file, changes) {
	await writeFile(file, YAML.stringify(merge(YAML.parse(await readFile(file, 'utf8')), changes)));
}

/** Every counter by its name and labels. */
async function counters(instance) {
	const text = await metricsOf(instance.admin);
	const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
	const values = new Map([...text.matchAll(/^(\w+)(\{.*\})? (\d+)$/gm)]
		.filter(([, name]) => types.get(name) === 'counter' && !name.startsWith('tallyd_log_'))
		.map(([, name, labels, value]) => [name + (labels ?? ''), Number(value)]));
	assert.ok(values.size > 50);
	return values;
}

function assertNoneFell(before, after) {
	for (const [name, value] of before) assert.ok(after.get(name) >= value, `${name}: ${value}, then ${after.get(name)}`);
}

const sumOf = (values, name, label = '') => [...values].filter(([key]) => key.startsWith(`${name}{`) && key.includes(label))
	.reduce((sum, [, n]) => sum + n, 0);

/** A directory with a program of its own, which tests may replace. */
async function ownProgram() {
	const dir = await makeDirectory(), program = path.join(dir, 'bin/tallyd');
	await mkdir(path.join(dir, 'bin'));
	await copyFile(TALLYD, program);
	return { dir, program };
}

/** As a package manager does: the old one stays what it is for those who run it. */
async function install(program, content) {
	if (content === undefined) await copyFile(TALLYD, `${program}.new`);
	else await writeFile(`${program}.new`, content);
	await chmod(`${program}.new`, 0o755);
	await rename(`${program}.new`, program);
}

async function votes(round) {
	const reply = await round.cast(round.mint(), ballot);
	assert.equal(reply.status, 201, reply.text);
	return reply.json;
}

const sealed = (round, { shard, index }) => eventually(async () =>
	(await round.instance.get(`${round.path}/receipts/${shard}/${index}`)).status === 200, 'a proof');

describe('SIGHUP', () => {
	test('under load: what changed is there, no request fails, streams end cleanly, counters go on', async (t) => {
		const admin = await freePort(), instance = await startInstance({ settings: { ...patient, admin_listen: `127.0.0.1:${admin}` } });
		instance.admin = admin;
		t.after(() => instance.stop());
		const round = new Round(instance), redis = await instance.redisPid();
		const load = new Load(round);
		await eventually(() => load.counted >= 10, 'ten votes');
		let before = await counters(instance);
		for (let i = 0; i < TIMES; i++) {
			await writeFile(path.join(instance.dir, 'site/new.html'), `<p>${i}`);
			await change(instance.config, { limits: { head: `${9 + i}KiB` } });
			await replaced(instance, 'SIGHUP');
			assert.equal((await instance.get('/new.html', { agent: false })).text, `<p>${i}`);
			const after = await counters(instance);
			assertNoneFell(before, after);
			before = after;
		}
		assert.deepEqual(await load.stop(), []);
		assert.ok(load.farewells >= 1 && load.frames > load.farewells);
		assert.equal(await instance.redisPid(), redis);
		assert.equal((await instance.tallyOf(round.id, load.counted)).ballots, load.counted);
		const after = await counters(instance);
		assert.equal(sumOf(after, 'tallyd_ballots_total', 'verdict="counted"'), load.counted);
		assert.equal(sumOf(after, 'tallyd_tokens_issued_total'), load.issued);
		await sealed(round, await votes(round));
	});

	test('with errors: all of them in the log with their places, and everything goes on as before', async (t) => {
		const instance = await startInstance({ settings: { pages: '' } });
		t.after(() => instance.stop());
		const round = new Round(instance), contest = path.join(instance.dir, 'contest.yaml');
		await votes(round);
		const good = await readFile(instance.config, 'utf8'), goodContest = await readFile(contest, 'utf8');
		await writeFile(instance.config, `colour: blue\n${good.replace('workers: 1', 'workers: many')}`);
		assert.deepEqual(await refused(instance, 'SIGHUP', /error tallyd .*tallyd\.yaml:1:1: .*colour/,
			/error tallyd .*tallyd\.yaml:\d+:\d+: .*workers/), await family(instance));
		await writeFile(instance.config, good);
		await writeFile(contest, goodContest.replace('closes_at:', 'closes:'));
		assert.deepEqual(await refused(instance, 'SIGHUP', /contest\.yaml:\d+:\d+: /), await family(instance));
		// What only the new processes find out: the rules that votes are counted by.
		await writeFile(contest, YAML.stringify(merge(YAML.parse(goodContest), { ballot: { choices: { min: 1, max: 2 } } })));
		await refused(instance, 'SIGHUP', /rules-differ/);
		// And what the sealer alone reads.
		await writeFile(contest, goodContest);
		const key = path.join(instance.dir, 'keys', round.name, 'log.private.pem');
		await rename(key, `${key}.away`);
		await refused(instance, 'SIGHUP', /log\.private\.pem/);
		await rename(`${key}.away`, key);
		// Nobody reads that one here, and it is refused all the same.
		const results = path.join(path.dirname(key), 'result.private.pem');
		await chmod(results, 0o644);
		assert.deepEqual(await refused(instance, 'SIGHUP', /result\.private\.pem: its mode lets others read/), await family(instance));
		await sealed(round, await votes(round));
		// All is well again.
		await chmod(results, 0o600);
		await replaced(instance, 'SIGHUP');
		await sealed(round, await votes(round));
	});

	test('what cannot change is told by name, and the rest does', async (t) => {
		const instance = await startInstance();
		t.after(() => instance.stop());
		await change(instance.config, { listen: '127.0.0.1:1', workers: 2, redis: { server: { binary: 'redis' } }, api_origin: '' });
		await writeFile(path.join(instance.dir, 'site/new.html'), 'new');
		await replaced(instance, 'SIGHUP');
		for (const name of ['listen', 'workers', 'redis.server.binary'])
			assert.match(instance.stderr, new RegExp(`warn tallyd ${name} stays as it was: restart to change it`));
		assert.equal(instance.stderr.match(/stays as it was/g).length, 3);
		assert.equal((await instance.get('/new.html')).text, 'new');
	});
});

describe('SIGUSR2', () => {
	test('under load: the program at its place goes on, in the same process, with the same Redis', async (t) => {
		const { dir, program } = await ownProgram();
		const admin = await freePort();
		const instance = await startInstance({ dir, tallyd: program, settings: { ...patient, pages: '', admin_listen: `127.0.0.1:${admin}` } });
		instance.admin = admin;
		t.after(() => instance.stop());
		const round = new Round(instance), redis = await instance.redisPid();
		const load = new Load(round);
		await eventually(() => load.counted >= 10, 'ten votes');
		let before = await counters(instance);
		for (let i = 0; i < TIMES; i++) {
			await install(program);
			await replaced(instance, 'SIGUSR2');
			assert.equal(await readlink(`/proc/${instance.child.pid}/exe`), program);
			const after = await counters(instance);
			assertNoneFell(before, after);
			before = after;
		}
		assert.deepEqual(await load.stop(), []);
		assert.ok(load.farewells >= 1);
		assert.equal(await instance.redisPid(), redis);
		assert.equal((await instance.tallyOf(round.id, load.counted)).ballots, load.counted);
		await sealed(round, await votes(round));
		// What dies is started again by the new program, and a new configuration is read.
		const client = instance.redisClient();
		process.kill(redis, 'SIGKILL');
		client.disconnect();
		for (const pid of await family(instance)) process.kill(pid, 'SIGKILL');
		assert.ok([200, 201].includes((await round.castUntilAnswered(round.mint(), ballot)).status));
		await replaced(instance, 'SIGHUP');
	});

	test('a program that would not take over changes nothing', async (t) => {
		const { dir, program } = await ownProgram();
		const instance = await startInstance({ dir, tallyd: program, settings: { pages: '' } });
		t.after(() => instance.stop());
		const round = new Round(instance);
		await votes(round);
		for (const [content, reason] of [
			['no program', /would not take over/],
			['#!/bin/sh\nexit 0\n', /would not take over/],
			['#!/bin/sh\necho "unrecognized option" >&2\nexit 64\n', /unrecognized option/],
		]) {
			await install(program, content);
			assert.deepEqual(await refused(instance, 'SIGUSR2', reason), await family(instance));
		}
		await rm(program);
		assert.deepEqual(await refused(instance, 'SIGUSR2', /No such file/), await family(instance));
		await install(program);
		await change(instance.config, { colour: 'blue' });
		assert.deepEqual(await refused(instance, 'SIGUSR2', /tallyd\.yaml:\d+:\d+: .*colour/), await family(instance));
		await votes(round);
		await change(instance.config, { colour: undefined });
		await replaced(instance, 'SIGUSR2');
		await votes(round);
	});

	test('a program whose processes refuse to serve: those of the program before go on', async (t) => {
		const { dir, program } = await ownProgram();
		const instance = await startInstance({ dir, tallyd: program, settings: { pages: '' } });
		t.after(() => instance.stop());
		const round = new Round(instance), contest = path.join(instance.dir, 'contest.yaml');
		await votes(round);
		const good = await readFile(contest, 'utf8'), before = await family(instance);
		await change(contest, { ballot: { choices: { min: 1, max: 2 } } });
		await refused(instance, 'SIGUSR2', /rules-differ/);
		assert.deepEqual(await family(instance), before);
		await sealed(round, await votes(round));
		// Nobody can start them again; once the reason is mended, others come by themselves.
		for (const pid of before) process.kill(pid, 'SIGKILL');
		await eventually(() => logged(instance, /worker 1 of the program before has ended/), 'the log');
		await writeFile(contest, good);
		assert.ok([200, 201].includes((await round.castUntilAnswered(round.mint(), ballot)).status));
		await sealed(round, await votes(round));
	});

	test('nothing outlives a supervisor that is killed after it', async (t) => {
		const { dir, program } = await ownProgram();
		const instance = await startInstance({ dir, tallyd: program, settings: { pages: '' } });
		t.after(() => instance.stop());
		await replaced(instance, 'SIGUSR2');
		const all = (await childrenOf(instance.child.pid)).map(({ pid }) => pid);
		assert.equal(all.length, 4);
		instance.child.kill('SIGKILL');
		await instance.exit;
		for (const pid of all) await eventually(async () => !await isAlive(pid), `the end of ${pid}`);
	});
});

test('SIGTERM under load: who has been let in is served, streams end cleanly', async (t) => {
	const instance = await startInstance({ settings: { ...patient, pages: '' } }), round = new Round(instance);
	t.after(() => instance.stop());
	let counted = 0;
	for (let i = 0; i < TIMES; i++) {
		const load = new Load(round, { ending: true });
		await eventually(() => load.counted >= 10 && load.frames >= 10, 'ten votes');
		await instance.end('SIGTERM');
		assert.deepEqual(await load.stop(), []);
		assert.ok(load.farewells >= 1);
		counted += load.counted;
		await instance.start();
	}
	assert.equal((await instance.tallyOf(round.id, counted)).ballots, counted);
});

/** What was acknowledged is known to all workers, also to those that come later. */
describe('a Redis that has lost an acknowledged vote', () => {
	test('is refused by every worker, and by those that a reload, another program or a crash brings; not by whoever starts anew', async (t) => {
		const { dir, program } = await ownProgram();
		const instance = await startInstance({ dir, tallyd: program, contest: { shards: 1 },
			settings: { ...patient, workers: 3, pages: '', ballot_log: { dir: '' } } });
		t.after(() => instance.stop());
		const round = new Round(instance), client = instance.redisClient(), key = `{${round.name}/0}:log`;
		for (let i = 0; i < 3; i++) await votes(round);
		await replaced(instance, 'SIGHUP');
		await install(program);
		await replaced(instance, 'SIGUSR2'); // none of these has acknowledged anything
		const before = await family(instance);
		const { pid: worker } = (await childrenOf(instance.child.pid)).find(({ name }) => name.startsWith('worker'));
		process.kill(worker, 'SIGKILL');
		await eventually(async () => (await family(instance)).length === before.length && !await isAlive(worker), 'another worker');
		await client.multi().xdel(key, '3-0').call('XSETID', key, '2-0').exec();
		for (let i = 0; i < 30; i++) // each over a connection of its own: whichever worker takes it
			assert.equal((await round.cast(round.mint(), ballot, { agent: false })).status, 503);
		assert.equal(await client.xlen(key), 2);
		client.disconnect();
		await instance.end();
		await instance.start();
		await votes(round);
	});
});
