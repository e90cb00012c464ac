// Measures tallyd beside its peers, all in one run on one machine, and writes tests/bench/RESULTS.md: `make bench-peers`.
//   RUNS=5 VOTES=10000 READERS="1000 10000 19000" SECONDS_EACH=5 PARTS="casting streaming voting"
import { execFile, execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BUILD, ROOT } from '../live/lib/instance.mjs';
import { openPlace } from './peers/serve.mjs';
import { writeResults } from './peers/results.mjs';

const run = promisify(execFile);
const RUNS = Number(process.env.RUNS ?? 5);
const VOTES = Number(process.env.VOTES ?? 10_000);
const READERS = (process.env.READERS ?? '1000 10000 19000').split(' ').map(Number);
const SECONDS = Number(process.env.SECONDS_EACH ?? 5);
const PARTS = (process.env.PARTS ?? 'casting streaming voting').split(' ');
const FRAMES_A_SECOND = 4; // as tallyd's tally moves while votes come in,
const FRAMES_MEANWHILE = 2; // and where somebody votes meanwhile
const FRAME = 528; // bytes, nearly what tallyd sends of this contest
const VOTES_MEANWHILE = 50; // a second, on connections of their own

const STREAMERS = ['tallyd', 'nchan', 'node'];
const DIALECTS = { tallyd: 1, webdis: 2, node: 3, redis: 4, 'redis, pipelined': 5 };

/* ---- one measurement ---- */

/** A program's lines: a label of 22 characters, a number of 10, and the rest. */
const figuresOf = (text) => Object.fromEntries([...text.matchAll(/^(.{22})([ \d.-]{10})/gm)].map(([, label, number]) => [label.trim(), Number(number)]));

/** `begun` is called with the program's first line. */
async function measure(program, place, server, options, begun = () => {}) {
	const args = Object.entries({ port: server.port, supervisor: server.pid, ...options }).flatMap(([name, value]) => [`--${name}`, String(value)]);
	const running = run(path.join(BUILD, 'bench', program), ['-c', place.config, ...args], { timeout: 180_000 });
	running.child.stdout.once('data', begun);
	place.programs.add(running.child);
	try {
		return figuresOf((await running).stdout);
	} finally {
		place.programs.delete(running.child);
	}
}

async function verifyFloor() {
	const processors = os.cpus().length;
	const { stdout } = await run('openssl', ['speed', '-seconds', '1', '-multi', String(processors), 'rsa2048']);
	return processors * 1e6 / Number(/^rsa 2048 bits.* ([\d.]+)$/m.exec(stdout)[1]);
}

async function inPlace(what, every) {
	const place = await openPlace(every);
	try {
		return await what(place);
	} finally {
		for (const program of place.programs) // of two, where the other has failed
			program.kill();
		await place.close();
	}
}

/* ---- many ---- */

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

/** label -> {median, least, most, values} of several runs' figures. */
function summary(runs) {
	return Object.fromEntries(Object.keys(runs[0] ?? {}).map((label) => {
		const values = runs.map((figures) => figures[label]);
		return [label, { median: median(values), least: Math.min(...values), most: Math.max(...values), values, runs: runs.length }];
	}));
}

/** Contenders take turns, so that what else the machine does meets all of them. A run that fails is told of, and missing. */
async function takeTurns(contenders, once, took) {
	const all = Object.fromEntries(contenders.map((name) => [name, []]));
	for (let i = 0; i < RUNS; i++) {
		for (const name of contenders)
			try {
				all[name].push(await once(name));
				process.stderr.write('.');
			} catch (error) {
				process.stderr.write(`\n${name}: ${error.stderr || error.message}\n`);
			}
		await took(Object.fromEntries(Object.entries(all).map(([name, runs]) => [name, summary(runs)])));
	}
}

const casting = (took) => takeTurns([...Object.keys(DIALECTS), 'RSA-2048 verify'], async (name) => {
	if (name === 'RSA-2048 verify') return { us: await verifyFloor() };
	return inPlace(async (place) => measure('relay', place, await place.start(name.split(',')[0]),
		{ dialect: DIALECTS[name], redis: place.redisPid, count: VOTES }));
}, took);

const read = (place, server, readers, frames, begun) => measure('fanout', place, server,
	{ subscribers: readers, seconds: SECONDS, ...server.peer ? { votes: frames, peer: FRAME } : { votes: 20 } }, begun);

const streaming = (readers, took) => takeTurns(STREAMERS, (name) => inPlace(async (place) => read(place, await place.start(name), readers, FRAMES_A_SECOND)), took);

/** Readers, and somebody who votes meanwhile through the same server. */
const voting = (readers, took) => takeTurns(STREAMERS, (name) => inPlace(async (place) => {
	const server = await place.start(name);
	const vote = () => measure('relay', place, server, { dialect: { tallyd: 1, nchan: 2, node: 3 }[name], redis: place.redisPid,
		count: VOTES_MEANWHILE * SECONDS, rate: VOTES_MEANWHILE, connections: 16 });
	let voted;
	const figures = await read(place, server, readers, FRAMES_MEANWHILE, () => { voted = vote(); });
	return { 'frames a second': figures['frames a second'], ...await voted };
}, `${1000 / FRAMES_MEANWHILE}ms`), took);

/* ---- the machine ---- */

const version = (program, ...args) => /\d+\.\d+[.\w]*/.exec(execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString())?.[0];

async function machine() {
	const packages = execFileSync('dpkg-query', ['-W', 'webdis', 'libnginx-mod-nchan', 'nginx', 'redis-server']).toString().trim().replaceAll('\t', ' ').split('\n');
	return {
		'processor': `${os.cpus()[0].model}, ${os.cpus().length} cores`,
		'kernel': os.release(),
		'memory': `${Math.round(os.totalmem() / 2 ** 30)} GB`,
		'versions': [...packages, `node ${process.versions.node}`, `openssl ${version('openssl', 'version')}`].join(', '),
		'load before': (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3).join(' '),
	};
}

const results = { date: new Date().toISOString().slice(0, 16).replace('T', ' '), votes: VOTES, seconds: SECONDS, machine: await machine() };

/** After each round, so that a run that is broken off leaves what it has measured. */
const save = async () => {
	results.machine['load after'] = (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3).join(' ');
	await writeFile(process.env.RESULTS ?? path.join(ROOT, 'tests/bench/RESULTS.md'), writeResults(results));
};

if (PARTS.includes('casting'))
	await casting((figures) => {
		results.casting = figures;
		return save();
	});
for (const readers of PARTS.includes('streaming') ? READERS : [])
	await streaming(readers, (figures) => {
		results.streaming = { ...results.streaming, [readers]: figures };
		return save();
	});
if (PARTS.includes('voting'))
	await voting(10_000, (figures) => {
		results.voting = figures;
		return save();
	});
console.log(`\n${writeResults(results)}`);
