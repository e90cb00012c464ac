// Power cuts that tear the append-only file. What a power cut can lose is what was written and not yet fsynced.
// With `appendfsync always` that is never anything acknowledged, since Redis answers after fsync. So, each time:
// votes are acknowledged, and the file is as long as it is then (the durable length); further votes are sent,
// whose answers the cut swallows: nobody has seen them. Then everything dies, and the file ends at a random
// offset between the durable length and its end. tallyd starts (repairs the tail), some of the swallowed votes are
// sent again; it dies and starts once more, since an unmended tail does its harm at the second start; and the rest
// are sent again. Every ballot must have been counted once.
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT, makeDirectory } from '../live/lib/instance.mjs';
import { randomOf } from '../live/lib/protocol.mjs';
import { audit, isSound } from './audit.mjs';
import { cutAt, losePower, tailOf, withPrivateRedis } from './host.mjs';
import { Writers } from './writers.mjs';

const ACKNOWLEDGED = 4, SWALLOWED = 8;
const AUDIT_EVERY = 100;

/** ops/redis.conf with other lines at its end, which prevail, for `work(file)`. */
async function withConf(lines, work) {
	const dir = await makeDirectory(), file = path.join(dir, 'redis.conf');
	await writeFile(file, `${await readFile(path.join(ROOT, 'ops/redis.conf'), 'utf8')}\n${lines}\n`);
	return work(file).finally(() => rm(dir, { recursive: true }));
}

/** `conf`, `tallyd`: for negative controls. Without fsync nothing since the start of Redis is durable. */
export const tornTails = ({ conf = '', ...options }) => withConf(conf, (redisConf) => tear({ ...options, conf, redisConf }));

async function tear({ seed, count, progress, conf, redisConf, tallyd }) {
	const random = randomOf(seed), fsync = conf !== 'appendfsync no', control = conf !== '';
	const { instance, round } = await withPrivateRedis({ tallyd, redisConf });
	const writers = new Writers(round, seed, { writers: 0, ...(control && { giveUpMs: 2000 }) }), redisDir = path.join(instance.dir, 'redis');
	const cast = (n) => Promise.all(Array.from({ length: n }, () => writers.vote(writers.draw(random), random)));
	const again = (votes) => Promise.all(votes.map((vote) => writers.vote(vote, random)));
	let cut = 0, began = (await tailOf(redisDir)).size;
	try {
		for (let done = 1; done <= count; done++) {
			await cast(ACKNOWLEDGED);
			const answered = (await tailOf(redisDir)).size, durable = fsync ? answered : began;
			const swallowed = Array.from({ length: SWALLOWED }, () => writers.draw(random));
			await Promise.all(swallowed.map((vote) => writers.post(vote)));
			await losePower(instance);
			const { file, size } = await tailOf(redisDir);
			assert.ok(size > durable);
			const end = fsync ? size : answered; // where nothing is durable, the cut comes right after the answers
			await cutAt(file, durable + random.below(end - durable + 1));
			await instance.start();
			cut += /cut \d+ bytes off/.test(instance.stderr) ? 1 : 0;
			await again(swallowed.filter(() => random.below(2) === 0));
			await losePower(instance);
			await instance.start();
			assert.ok(control || !/cut \d+ bytes off/.test(instance.stderr), 'the second start found a tail to cut');
			await again(swallowed);
			began = (await tailOf(redisDir)).size;
			writers.unknown += SWALLOWED;
			progress?.(done, count, writers);
			if (done % AUDIT_EVERY === 0 && !control)
				assert.ok(isSound(await audit(instance, round, writers)), `unsound after ${done} cuts`);
		}
		return { ...await audit(instance, round, writers), faults: count, unknown: writers.unknown, refused: writers.refused,
			note: `${cut} within a transaction, ${2 * count} starts` };
	} finally {
		await instance.stop();
	}
}
