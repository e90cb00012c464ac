// How long votes stand still when Redis ends with many votes in it: it is killed, and the time runs until a
// vote is counted again. Once with all of them in the append-only file, once after that was rewritten.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { BUILD, eventually } from '../live/lib/instance.mjs';
import { served, tailOf, withPrivateRedis } from './host.mjs';
import { Writers } from './writers.mjs';

const run = promisify(execFile);

/** `count`: votes. */
export async function restarts({ seed, count, progress }) {
	const { instance, round } = await withPrivateRedis({ contest: { expected_voters: count, shards: 1 } });
	const tell = (step) => progress?.(step, 3, { acknowledged: count, unknown: 0, strange: [] });
	try {
		const client = instance.redisClient();
		await client.config('SET', 'appendfsync', 'no'); // for the filling alone
		await run(path.join(BUILD, 'bench/fill'), ['-c', instance.config, '--count', String(count)]);
		await client.config('SET', 'appendfsync', 'always');
		const memory = Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
		tell(1);
		const plain = await takenByRestart(instance, round, seed);
		await rewritten(instance);
		tell(2);
		const rewrote = await takenByRestart(instance, round, seed + 1);
		const acknowledged = count + plain.votes + rewrote.votes;
		const { ballots, sequence } = await instance.tallyOf(round.id, acknowledged);
		return { acknowledged, unresolved: 0, log: sequence, tally: ballots, lost: Math.max(0, acknowledged - sequence), doubled: Math.max(0, sequence - acknowledged), foreign: 0,
			wrong: [...plain.strange, ...rewrote.strange], faults: 2, unknown: plain.unknown + rewrote.unknown, refused: plain.refused + rewrote.refused,
			note: `${Math.round(memory / 1e6)} MB in Redis; from the kill to the next vote ${plain.seconds.toFixed(1)} s with ${plain.megabytes} MB of commands, ${rewrote.seconds.toFixed(1)} s once they were rewritten` };
	} finally {
		await instance.stop();
	}
}

async function takenByRestart(instance, round, seed) {
	const { size } = await tailOf(path.join(instance.dir, 'redis'));
	const writers = new Writers(round, seed, { writers: 1 });
	await served(writers);
	process.kill(await instance.redisPid(), 'SIGKILL');
	const began = performance.now();
	await served(writers, 2); // the first may have been on its way
	const seconds = (performance.now() - began) / 1000;
	await writers.stop();
	const { acknowledged: votes, unknown, refused, strange } = writers;
	return { seconds, megabytes: Math.round(size / 1e6), votes, unknown, refused, strange };
}

async function rewritten(instance) {
	const client = instance.redisClient();
	await client.call('BGREWRITEAOF');
	await eventually(async () => {
		const info = await client.info('persistence');
		return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info) && /aof_last_bgrewrite_status:ok/.test(info);
	}, 'the rewrite', 120_000);
	client.disconnect();
}
