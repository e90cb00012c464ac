// More clients than there is room for, and clients that hold on: the others are served, and the server stays quiet.
// Small here; at full size `tests/bench/run pressure`.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import net from 'node:net';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ROOT, TALLYD, childrenOf, eventually, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { StreamReader } from './lib/stream.mjs';

const run = promisify(execFile);
const FULL = /cannot accept connections for the moment/g;

const workersOf = async (instance) => (await childrenOf(instance.child.pid)).filter(({ name }) => name.startsWith('worker'));

/** Processor time of a process so far, in seconds. */
async function cpuOf(pid) {
	const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
	const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number);
	return (user + system) / 100;
}

/** What workers use and the log says while nothing can be done, for so many seconds. */
async function watchIdle(instance, seconds) {
	const workers = await workersOf(instance), sum = async () =>
		(await Promise.all(workers.map(({ pid }) => cpuOf(pid)))).reduce((a, b) => a + b);
	const before = await sum(), from = instance.stderr.length, began = Date.now();
	await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
	const passed = (Date.now() - began) / 1000; // of a machine that may be busy
	return { share: (await sum() - before) / passed / workers.length,
		lines: (instance.stderr.slice(from).match(FULL) ?? []).length / Math.ceil(passed + 1) };
}

test('descriptors are used up: hardly any work, one line a second; and it goes on when there are some', async (t) => {
	const instance = await startInstance({ settings: { workers: 2 } });
	t.after(() => instance.stop());
	const round = new Round(instance);
	for (const { pid } of await workersOf(instance))
		await run('prlimit', ['--pid', String(pid), '--nofile=64']);
	const crowd = Array.from({ length: 300 }, () => net.connect(instance.port, instance.host).on('error', () => {}));
	t.after(() => crowd.forEach((socket) => socket.destroy()));
	await eventually(() => /for the moment: Too many open files/.test(instance.stderr), 'the log');
	const { share, lines } = await watchIdle(instance, 4);
	assert.ok(share < 0.05, `${share} of a processor`);
	assert.ok(lines > 0 && lines <= 1, `${lines} lines a second`);
	const began = Date.now();
	crowd.forEach((socket) => socket.destroy());
	assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
	t.diagnostic(`served ${Date.now() - began} ms after descriptors were free`);
});

test('as many connections as the settings allow: whoever comes waits, unless one is idle', async (t) => {
	const instance = await startInstance({ settings: { limits: { connections: 20 } } });
	t.after(() => instance.stop());
	const round = new Round(instance), target = `${round.path}/tally/stream`;
	const readers = await Promise.all(Array.from({ length: 19 }, () => StreamReader.open(instance, target)));
	t.after(() => readers.forEach((reader) => reader.close()));
	// The twentieth is kept alive, and makes way.
	assert.equal((await instance.get('/healthz', { agent: instance.newAgent(1) })).status, 200);
	assert.equal((await instance.get('/healthz', { agent: instance.newAgent(1) })).status, 200);
	readers.push(await StreamReader.open(instance, target));
	const late = instance.get('/healthz', { agent: false });
	await eventually(() => /for the moment: as many are open as limits\.connections allows/.test(instance.stderr), 'the log');
	const { share, lines } = await watchIdle(instance, 2);
	assert.ok(share < 0.05, `${share} of a processor`);
	assert.ok(lines <= 1, `${lines} lines a second`);
	readers.pop().close();
	assert.equal((await late).status, 200);
});

test('streams that nobody reads, and requests a byte at a time: borne so long, while all votes are counted', async (t) => {
	const instance = await startInstance({ settings: { limits: { head_time: '2s', body_time: '3s' } },
		contest: { publish: { first_at: 1, step: 1, every: '0s' } } });
	t.after(() => instance.stop());
	const build = path.relative(ROOT, path.dirname(TALLYD));
	await run('make', ['-s', `BUILD=${build}`, `${build}/bench/pressure`], { cwd: ROOT });
	const { stdout } = await run(path.join(ROOT, build, 'bench/pressure'), ['-c', instance.config, '--port', String(instance.port),
		'--supervisor', String(instance.child.pid), '--stalled', '300', '--drips', '300', '--votes', '40', '--alone', '1'],
	{ timeout: 200_000 });
	const figure = (label) => Number(new RegExp(`^${label} +(\\S+)`, 'm').exec(stdout)[1]);
	t.diagnostic(stdout.replaceAll('\n', '; '));
	// Whoever is cut earlier than promised would be a slow reader, or a voter on a slow line.
	assert.ok(figure('stalled closed, least') >= 20);
	assert.ok(figure('drips closed, least') >= 0.9); // the first byte comes up to a second after the connection
	assert.ok(figure("stalled workers' RSS") < 100 && figure("drips workers' RSS") < 100);
	assert.ok(figure('stalled there') > 0 && figure('drips there') > 0);
});
