// kill -9, again and again, while voters vote: of Redis, and of workers.
import { childrenOf, eventually } from '../live/lib/instance.mjs';
import { randomOf } from '../live/lib/protocol.mjs';
import { audit } from './audit.mjs';
import { besideRedis, bringBack, delay, served } from './host.mjs';
import { Writers } from './writers.mjs';

/** Redis is killed `count` times at a random moment of serving, repaired as an operator would, and started again. */
export async function redisKills({ seed, count, writers: n = 16, progress, tallyd, pauseMs }) {
	const random = randomOf(seed), { instance, redis, round } = await besideRedis({ tallyd });
	let cut = 0;
	try {
		const writers = new Writers(round, seed, { writers: n, pauseMs });
		for (let done = 1; done <= count; done++) {
			await served(writers);
			await delay(random.below(60));
			redis.signal('SIGKILL');
			cut += await bringBack(redis) ? 1 : 0;
			progress?.(done, count, writers);
		}
		await served(writers);
		await writers.stop();
		return { ...await audit(instance, round, writers), faults: count, unknown: writers.unknown, refused: writers.refused,
			note: `${cut} torn tails cut` };
	} finally {
		await instance.stop();
	}
}

/** Workers are killed one by one. The supervisor starts each again, after up to 5 s where it died young: so there are many. */
export async function workerKills({ seed, count, writers: n = 16, workers = 12, progress }) {
	const random = randomOf(seed), { instance, round } = await besideRedis({ workers });
	const alive = async () => (await childrenOf(instance.child.pid)).filter(({ name }) => name.startsWith('worker'));
	try {
		const writers = new Writers(round, seed, { writers: n });
		for (let done = 1; done <= count; done++) {
			await served(writers);
			await delay(random.below(60));
			const some = await eventually(async () => {
				const list = await alive();
				return list.length > 0 && list;
			}, 'a worker');
			process.kill(some[random.below(some.length)].pid, 'SIGKILL');
			progress?.(done, count, writers);
		}
		await writers.stop();
		return { ...await audit(instance, round, writers), faults: count, unknown: writers.unknown, refused: writers.refused, note: `${workers} workers` };
	} finally {
		await instance.stop();
	}
}
