// Faults of the system under Redis, while voters vote: errors that strace puts into its writes and fsyncs, a full
// disk, memory at its end, and standing still.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, statfs, writeFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { isAlive, makeDirectory, withDeadline } from '../live/lib/instance.mjs';
import { randomOf } from '../live/lib/protocol.mjs';
import { audit } from './audit.mjs';
import { besideRedis, bringBack, delay, served, tailOf } from './host.mjs';
import { Writers } from './writers.mjs';

const run = promisify(execFile);

/** Votes, `count` times `harm(i, random, {redis, instance, writers})`, and the audit. */
async function under({ seed, count, writers: n = 16, progress, redisDir, args }, harm, note = () => '') {
	const random = randomOf(seed), { instance, redis, round } = await besideRedis({ redisDir, args });
	try {
		const writers = new Writers(round, seed, { writers: n });
		for (let done = 1; done <= count; done++) {
			await served(writers);
			await delay(random.below(30));
			await harm(done - 1, random, { redis, instance, writers });
			progress?.(done, count, writers);
		}
		await served(writers);
		await writers.stop();
		return { ...await audit(instance, round, writers), faults: count, unknown: writers.unknown, refused: writers.refused, note: note() };
	} finally {
		await instance.stop();
	}
}

// ---- strace

const INJECTED = ['write', 'fdatasync'].flatMap((call) => ['EIO', 'ENOSPC', 'EINTR'].map((error) => ({ call, error })));

// Where a process of several threads ends, strace may wait for ever for some of them; so long it is waited for.
const STUCK_MS = 2000;

/** strace on a process, failing what it does to `file`; resolves once it is attached. */
async function inject(pid, file, { call, error, when }) {
	const strace = spawn('strace', ['-f', '-o', '/dev/null', '-P', file, '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${when}`, '-p', String(pid)],
		{ stdio: ['ignore', 'ignore', 'pipe'] });
	const ended = once(strace, 'exit');
	let said = '';
	const attached = new Promise((resolve, reject) => {
		strace.stderr.on('data', (text) => {
			said += text;
			if (/attached/.test(said))
				resolve();
		});
		strace.once('exit', () => reject(new Error(`strace ended: ${said}`)));
		strace.once('error', reject);
	});
	await withDeadline(attached, 30_000, 'strace');
	return { async end() {
		strace.kill('SIGTERM');
		const stuck = setTimeout(() => strace.kill('SIGKILL'), STUCK_MS);
		await ended;
		clearTimeout(stuck);
	} };
}

/** Every error at write and at fsync, from a random call on; EINTR at every third, since it passes. */
export function injectedErrors(options) {
	const fate = {};
	return under(options, async (i, random, { redis, writers }) => {
		const { call, error } = INJECTED[i % INJECTED.length], { file } = await tailOf(redis.dir);
		const strace = await inject(redis.pid, file, { call, error, when: `${1 + random.below(20)}+${error === 'EINTR' ? 3 : 1}` });
		const reached = writers.acknowledged + 40;
		while (writers.acknowledged < reached && await isAlive(redis.pid))
			await delay(5);
		await strace.end();
		const what = `${call} ${error}`, died = !await isAlive(redis.pid);
		fate[what] = (fate[what] ?? 0) + (died ? 1 : 0);
		if (died)
			await bringBack(redis);
	}, () => `Redis ended at ${Object.entries(fate).map(([what, n]) => `${what} ${n}×`).join(', ')}`);
}

// ---- a full disk

/** A small file system of its own, for `work(dir)`. Null where this user may not mount one. */
export async function withSmallDisk(megabytes, work) {
	const dir = await makeDirectory();
	try {
		await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', dir]);
	} catch (error) {
		await rm(dir, { recursive: true });
		if (/must be superuser|permission denied/i.test(error.stderr))
			return null;
		throw error;
	}
	try {
		return await work(dir);
	} finally {
		await run('umount', ['-l', dir]);
		await rm(dir, { recursive: true });
	}
}

/** Fills a file system but for so many bytes, or wholly where others write meanwhile. Returns what empties it again. */
export async function fillDisk(dir, leave) {
	const { bsize, bavail } = await statfs(dir), file = path.join(dir, 'filler');
	await writeFile(file, Buffer.alloc(Math.max(0, bsize * bavail - leave))).catch((error) => {
		if (error.code !== 'ENOSPC')
			throw error;
	});
	return () => rm(file);
}

/** Redis ends when it cannot write: it acknowledges nothing then. There is room again, and it is started. */
export function fullDisk(options) {
	return withSmallDisk(64, async (disk) => {
		const redisDir = path.join(disk, 'redis');
		await mkdir(redisDir, { mode: 0o700 });
		return under({ ...options, redisDir }, async (i, random, { redis }) => {
			const empty = await fillDisk(disk, random.below(8) * 4096);
			await redis.ended();
			await empty();
			await bringBack(redis);
		});
	});
}

// ---- memory, and standing still

/** Redis refuses to write while its memory is at the limit. */
export const outOfMemory = (options) => under(options, async (i, random, { instance, writers }) => {
	const client = instance.redisClient(), before = writers.refused;
	await client.config('SET', 'maxmemory', '1');
	await withDeadline((async () => {
		while (writers.refused < before + 5)
			await delay(5);
	})(), 60_000, 'refusals');
	await client.config('SET', 'maxmemory', '0');
	client.disconnect();
});

/** SIGSTOP for `stillMs`. */
export const standingStill = (options) => under(options, async (i, random, { redis }) => {
	redis.signal('SIGSTOP');
	await delay(options.stillMs ?? 10_000);
	redis.signal('SIGCONT');
});
