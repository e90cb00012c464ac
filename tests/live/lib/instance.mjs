// Starts real daemons for tests: a directory, keys, pages, a Redis and a tallyd of its own on a free
// port. Ends them by the pid it started and judges how they ended. Knows nothing of ballots.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import YAML from 'yaml';

const run = promisify(execFile);

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const BUILD = path.resolve(ROOT, process.env.TALLYD_BUILD ?? 'build');
export const TALLYD = path.join(BUILD, 'tallyd');
export const TALLYCTL = path.join(BUILD, 'tallyctl');
export const CONTEST_FILE = path.join(ROOT, 'config/contests/kai-stage1.yaml');

// A sanitizer build is several times slower; deadlines are for hangs, not for measuring.
const START_MS = 60_000;
const KEYGEN_MS = 600_000; // twenty RSA keys, on a machine that does something else as well
const STOP_MS = 30_000;
const SANITIZER = /ERROR: \w*Sanitizer|runtime error:/;

export function withDeadline(promise, ms, what) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks again and again until `probe` gives something true; for states that nothing announces. */
export async function eventually(probe, what, ms = 60_000) {
	const end = Date.now() + ms;
	let last;
	for (;;) {
		try {
			const value = await probe();
			if (value)
				return value;
			last = undefined;
		} catch (error) {
			last = error;
		}
		if (Date.now() > end)
			throw new Error(`${what}: not within ${ms} ms`, { cause: last });
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** The pids of a process's children that run, by name of the program; one that ended and was not reaped does not. */
export async function childrenOf(pid) {
	const list = [];
	for (const name of await readdir('/proc')) {
		if (!/^\d+$/.test(name))
			continue;
		const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => null);
		if (!stat)
			continue;
		// The program's name stands in parentheses and may itself hold any character.
		const close = stat.lastIndexOf(')');
		const [state, parent] = stat.slice(close + 2).split(' ');
		if (Number(parent) === pid && state !== 'Z')
			list.push({ pid: Number(name), name: stat.slice(stat.indexOf('(') + 1, close) });
	}
	return list;
}

/** True while a process runs; a zombie does not. */
export async function isAlive(pid) {
	const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
	return stat !== null && !/\) [ZX] /.test(stat);
}

/** Runs one of the programs to its end, whatever its exit code. */
export async function runProgram(program, args, options = {}) {
	try {
		const { stdout, stderr } = await run(program, args, { timeout: START_MS, ...options });
		return { code: 0, stdout, stderr };
	} catch (error) {
		if (typeof error.code !== 'number')
			throw error;
		return { code: error.code, stdout: error.stdout, stderr: error.stderr };
	}
}

export async function makeDirectory() {
	return mkdtemp(path.join(os.tmpdir(), 'tallyd-test-'));
}

export function merge(target, changes) {
	for (const [key, value] of Object.entries(changes)) {
		if (value !== null && typeof value === 'object' && !Array.isArray(value) &&
		    target[key] !== null && typeof target[key] === 'object' && !Array.isArray(target[key]))
			merge(target[key], value);
		else if (value === undefined)
			delete target[key];
		else
			target[key] = value;
	}
	return target;
}

/** The contest of a file as a document, with changes merged into it (undefined removes a member). */
export async function contestDocument(file = CONTEST_FILE, changes = {}) {
	return merge(YAML.parse(await readFile(file, 'utf8')), changes);
}

/** A Redis of the test's own, with the settings that operators are given; `args` change some of them. */
export async function startRedis(dir, args = []) {
	await mkdir(dir, { recursive: true, mode: 0o700 });
	const socket = path.join(dir, 'redis.sock');
	const start = async () => {
		const child = spawn('redis-server', [path.join(ROOT, 'ops/redis.conf'), '--port', '0',
			'--unixsocket', socket, '--dir', dir, '--daemonize', 'no', '--logfile', '',
			'--pidfile', '', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
		let said = '';
		const ready = new Promise((resolve, reject) => {
			const listen = (text) => {
				said += text;
				if (/Ready to accept connections|ready to accept connections/.test(said))
					resolve();
			};
			child.stdout.on('data', listen);
			child.stderr.on('data', listen);
			child.once('error', reject);
			child.once('exit', () => reject(new Error(`redis-server ended: ${said}`)));
		});
		await withDeadline(ready, START_MS, 'redis-server');
		return child;
	};
	const redis = {
		dir,
		socket,
		address: `unix:${socket}`,
		child: await start(),
		get pid() {
			return redis.child.pid;
		},
		signal(name) {
			process.kill(redis.child.pid, name);
		},
		/** Waits for the end of the process that was told to end, or that ended by itself. */
		async ended() {
			if (redis.child.exitCode === null && redis.child.signalCode === null)
				await withDeadline(once(redis.child, 'exit'), STOP_MS, 'end of redis-server');
		},
		async restart() {
			await redis.ended();
			redis.child = await start();
		},
		async stop() {
			if (redis.child.exitCode === null && redis.child.signalCode === null) {
				redis.child.kill('SIGCONT');
				redis.child.kill('SIGKILL');
				await redis.ended();
			}
		},
	};
	return redis;
}

/**
 * Starts a daemon and waits until it serves.
 *   dir          its state; a new directory by default. Given again, it goes on with what is there
 *   rehearsal    serve the contests as rehearsals (true)
 *   contest      changes merged into the December contest's document
 *   contests     paths of contest files instead of that
 *   settings     changes merged into tallyd.yaml
 *   redis        a server from startRedis(), or a cluster (cluster.mjs), instead of the daemon's own; ends with the instance, and where
 *                none comes to be: a process that is left over would keep the test from ending
 *   issuer       the file that an issuer's server exported, whose public keys this one takes
 *   tallyd       another program than the one that was built
 *   ready        wait for the line that says so (true)
 */
export async function startInstance(options = {}) {
	const dir = options.dir ?? await makeDirectory();
	return startIn(dir, options).catch(async (error) => {
		await options.redis?.stop();
		if (!options.dir)
			await rm(dir, { recursive: true, force: true });
		throw error;
	});
}

async function startIn(dir, options) {
	const { rehearsal = true, settings = {}, redis = null } = options;
	const files = await writeContests(dir, options);
	const config = path.join(dir, 'tallyd.yaml');
	await chmod(dir, 0o700);
	await writeFile(config, YAML.stringify(merge({
		listen: '127.0.0.1:0',
		workers: 1,
		contests: files,
		rehearsal,
		keys: path.join(dir, 'keys'),
		pages: path.join(dir, 'site'),
		redis: redis ? redis.settings ?? { address: redis.address } : {
			address: `unix:${path.join(dir, 'redis/redis.sock')}`,
			server: {
				enabled: true,
				config: path.join(ROOT, 'ops/redis.conf'),
				dir: path.join(dir, 'redis'),
			},
		},
		ballot_log: { dir: path.join(dir, 'log') },
		access_log: path.join(dir, 'access.log'),
	}, settings)));
	if (options.issuer)
		await tallyctl(config, 'keygen', '--issuer', options.issuer);
	else
		await fillKeys(path.join(dir, 'keys'), config, files);
	await tallyctl(config, 'site', '--from', path.join(ROOT, 'static'),
		'--vendor', path.join(ROOT, 'ops/pages/vendor'), path.join(dir, 'site'));
	const instance = new Instance(dir, config, redis, options.tallyd);
	instance.site = JSON.parse(await readFile(path.join(dir, 'site/site.json'), 'utf8'));
	await instance.start(options.ready ?? true);
	return instance;
}

async function tallyctl(config, ...args) {
	const done = await runProgram(TALLYCTL, ['-c', config, ...args], { timeout: KEYGEN_MS });
	assert.equal(done.code, 0, `tallyctl ${args.join(' ')}: ${done.stdout}${done.stderr}`);
	assert.doesNotMatch(done.stderr, SANITIZER);
}

/**
 * Making RSA keys is most of what a start costs, so every list of contests has its keys made once, by `keygen`
 * as an operator would, and each test gets a copy. A directory that is there already is only filled up.
 */
async function fillKeys(keys, config, files) {
	if ((await readdir(keys).catch(() => [])).length > 0)
		return tallyctl(config, 'keygen');
	const ids = await Promise.all(files.map(async (file) => YAML.parse(await readFile(file, 'utf8')).id));
	const store = path.join(BUILD, 'test-keys');
	const made = path.join(store, ids.join('+'));
	await mkdir(store, { recursive: true, mode: 0o700 });
	if ((await readdir(made).catch(() => [])).length === 0) {
		await tallyctl(config, 'keygen');
		const own = await mkdtemp(path.join(store, '.new-'));
		await cp(keys, own, { recursive: true });
		// Whoever comes second keeps what he has made: nobody else knows of it.
		return rename(own, made).catch(() => rm(own, { recursive: true }));
	}
	return cp(made, keys, { recursive: true });
}

/** Options for the real round, open to all as a demonstration, with its numbers moving freely. */
export const realRound = (opensMs, closesMs, changes = {}) => ({
	rehearsal: false,
	contest: {
		demonstration: true,
		admission: 'open',
		opens_at: new Date(opensMs).toISOString(),
		closes_at: new Date(closesMs).toISOString(),
		publish: { first_at: 1, step: 1, every: '0s' },
		...changes,
	},
});

async function writeContests(dir, { contests, contest = {} }) {
	if (contests)
		return contests;
	const file = path.join(dir, 'contest.yaml');
	await writeFile(file, YAML.stringify(await contestDocument(undefined, contest)));
	return [file];
}

/** Directory -> the instance that was started in it last, and removes it. */
const tenants = new Map();

export class Instance {
	constructor(dir, config, redis, program = TALLYD) {
		tenants.set(dir, this);
		this.program = program;
		this.dir = dir;
		this.config = config;
		this.redis = redis;
		this.agents = new Set();
		this.clients = new Set();
	}

	async start(waitUntilReady = true) {
		this.stdout = '';
		this.stderr = '';
		this.child = spawn(this.program, ['-c', this.config], { stdio: ['ignore', 'pipe', 'pipe'] });
		this.exit = new Promise((resolve) => {
			this.child.once('close', (code, signal) => resolve({ code, signal }));
		});
		this.child.stderr.on('data', (text) => {
			this.stderr += text;
			if (process.env.TALLYD_TEST_LOG)
				process.stderr.write(text);
		});
		const ready = new Promise((resolve, reject) => {
			this.child.stdout.on('data', (text) => {
				this.stdout += text;
				const line = /^ready (http:\/\/\S+)$/m.exec(this.stdout);
				if (line)
					resolve(line[1]);
			});
			this.exit.then(({ code, signal }) =>
				reject(new Error(`tallyd ended (${signal ?? code}) before it was ready:\n${this.stderr}`)));
		});
		ready.catch(() => {}); // told below, or through `exit` where nobody waits for it
		if (!waitUntilReady)
			return;
		try {
			this.url = new URL(await withDeadline(ready, START_MS, 'the ready line')).origin;
		} catch (error) {
			this.child.kill('SIGKILL');
			throw new Error(`${error.message}\n${this.stderr}`, { cause: error });
		}
		this.host = new URL(this.url).hostname;
		this.port = Number(new URL(this.url).port);
		this.agent = this.newAgent(64);
	}

	newAgent(maxSockets) {
		const agent = new http.Agent({ keepAlive: true, maxSockets });
		this.agents.add(agent);
		return agent;
	}

	/** One HTTP exchange: {status, headers, bytes, text, json}. */
	request(method, target, { headers = {}, body, agent = this.agent, localAddress, ms = START_MS } = {}) {
		const answer = new Promise((resolve, reject) => {
			const req = http.request({ host: this.host, port: this.port, method, path: target, agent, localAddress,
				headers: body === undefined ? headers :
					{ 'Content-Length': Buffer.byteLength(body), ...headers } });
			req.once('error', reject);
			req.once('response', (res) => {
				const parts = [];
				res.on('data', (part) => parts.push(part));
				res.once('error', reject);
				res.once('end', () => {
					const bytes = Buffer.concat(parts);
					resolve({
						status: res.statusCode,
						headers: res.headers,
						rawHeaders: res.rawHeaders,
						bytes,
						get text() {
							return bytes.toString('utf8');
						},
						get json() {
							return JSON.parse(bytes.toString('utf8'));
						},
					});
				});
			});
			req.end(body);
		});
		return withDeadline(answer, ms, `${method} ${target}`);
	}

	get(target, options) {
		return this.request('GET', target, options);
	}

	async tally(contest) {
		const reply = await this.get(`/v1/contests/${contest}/tally`);
		assert.equal(reply.status, 200, reply.text);
		return reply.json;
	}

	/** The tally once it counts so many ballots; the daemon reads its counters a few times a second. */
	async tallyOf(contest, ballots) {
		return eventually(async () => {
			const tally = await this.tally(contest);
			return tally.ballots >= ballots && tally;
		}, `a tally of ${ballots} ballots`);
	}

	/** A Redis client on the same server as the daemon. */
	redisClient() {
		const client = this.redis?.newClient?.() ?? new Redis({
			path: this.redis?.socket ?? path.join(this.dir, 'redis/redis.sock'),
			maxRetriesPerRequest: 1,
			retryStrategy: () => null,
		});
		client.on('error', () => {}); // commands report it
		this.clients.add(client);
		return client;
	}

	/** pid of the Redis behind the daemon. */
	async redisPid() {
		const client = this.redisClient();
		const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))[1]);
		client.disconnect();
		return pid;
	}

	/** Ends the daemon as a terminal would, and asserts that it ended well. */
	async end(signal = 'SIGINT') {
		const redis = this.redis ? null : await this.redisPid().catch(() => null);
		for (const client of this.clients)
			client.disconnect();
		this.clients.clear();
		for (const agent of this.agents)
			agent.destroy();
		this.agents.clear();
		this.child.kill(signal);
		let end;
		try {
			end = await withDeadline(this.exit, STOP_MS, 'the end of tallyd');
		} catch (error) {
			this.child.kill('SIGKILL');
			throw new Error(`${error.message}\n${this.stderr}`, { cause: error });
		}
		assert.doesNotMatch(this.stderr, SANITIZER);
		assert.deepEqual(end, { code: 0, signal: null }, this.stderr);
		if (redis !== null)
			assert.equal(await isAlive(redis), false, 'the private Redis outlived the daemon');
	}

	/** end(), and the directory is removed. For t.after(). */
	async stop() {
		try {
			if (this.child.exitCode === null && this.child.signalCode === null)
				await this.end();
			else
				assert.doesNotMatch(this.stderr, SANITIZER);
		} finally {
			await this.redis?.stop();
			if (tenants.get(this.dir) === this)
				await rm(this.dir, { recursive: true, force: true });
		}
	}
}
