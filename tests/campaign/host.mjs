// The servers that campaigns are waged against, and how they are broken: a Redis that is killed and started
// again as an operator would, a tallyd with a private one that loses its power.
import assert from 'node:assert/strict';
import { readFile, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TALLYCTL, childrenOf, eventually, isAlive, makeDirectory, runProgram, startInstance, startRedis } from '../live/lib/instance.mjs';
import { Round } from '../live/lib/protocol.mjs';

/** What campaigns serve: no pages, which take seconds to pack at each start; and no log, whose sealer has tests of its own. */
export const settings = { pages: '', ballot_log: { dir: '' }, access_log: '', redis: { backoff_max: '100ms' },
	voter_rate: { per_minute: 100_000, burst: 100_000 } }; // these voters ask again at once

/** A daemon on a Redis of its own beside it: { instance, redis, round }. */
export async function besideRedis({ workers = 2, args = [], redisDir, tallyd } = {}) {
	const dir = await makeDirectory();
	const redis = await startRedis(redisDir ?? path.join(dir, 'own-redis'), args);
	const instance = await startInstance({ dir, redis, tallyd, settings: { ...settings, workers } });
	return { instance, redis, round: new Round(instance) };
}

/** A daemon with a private Redis: { instance, round }. `conf`: lines for the end of ops/redis.conf. */
export async function withPrivateRedis({ redisConf, tallyd, contest } = {}) {
	const instance = await startInstance({ tallyd, contest, settings: { ...settings, ...(redisConf && { redis: { ...settings.redis, server: { config: redisConf } } }) } });
	return { instance, round: new Round(instance) };
}

/** Repairs the files of a Redis that has ended, and starts it again. */
export async function bringBack(redis) {
	await redis.ended();
	const repaired = await runProgram(TALLYCTL, ['repair', redis.dir]);
	assert.equal(repaired.code, 0, repaired.stderr);
	await redis.restart();
	return /^cut /.test(repaired.stdout);
}

/** Everything of a tallyd ends at once, as when the power fails. */
export async function losePower(instance) {
	const children = await childrenOf(instance.child.pid);
	process.kill(instance.child.pid, 'SIGKILL');
	for (const { pid } of children) {
		try {
			process.kill(pid, 'SIGKILL');
		} catch (error) {
			if (error.code !== 'ESRCH')
				throw error;
		}
	}
	await instance.exit;
	await eventually(async () => !(await Promise.all(children.map(({ pid }) => isAlive(pid)))).includes(true), 'the end of all processes');
}

/** The file that Redis appends to: { file, size }. */
export async function tailOf(redisDir) {
	const dir = path.join(redisDir, 'appendonlydir');
	const lines = (await readFile(path.join(dir, 'appendonly.aof.manifest'), 'utf8')).split('\n');
	const last = lines.filter((line) => / type i$/.test(line)).at(-1).split(' ')[1];
	const file = path.join(dir, last);
	return { file, size: (await stat(file)).size };
}

export const cutAt = truncate;

/** Waits until so many more votes are acknowledged: it serves. */
export async function served(writers, more = 1, ms = 120_000) {
	const reached = writers.acknowledged + more;
	await eventually(() => writers.acknowledged >= reached, `${more} more votes`, ms);
}

export { delay };
