// tallyctl log new-epoch looks at every ballot first: the new log would sign whatever Redis has.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditOf, ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { eventually, makeDirectory, startInstance, startRedis } from './lib/instance.mjs';
import { Log, fillLog, loseLastBallot } from './lib/log.mjs';
import { Round, unpack } from './lib/protocol.mjs';

const SIZE = 300;
const begin = ['log', 'new-epoch', '--why', 'test'];

describe('a new epoch and the ballots that it would sign', () => {
	let instance, round, redis, key, log, good, epoch = 1;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1, approvals: 1 }, redis: await startRedis(path.join(await makeDirectory(), 'redis')) });
		round = new Round(instance);
		redis = instance.redisClient();
		key = `{${round.name}/0}:log`;
		await fillLog(round, 0, SIZE);
		good = await redis.xrangeBuffer(key, '-', '+');
	});
	after(async () => {
		await instance.stop();
		await rm(path.dirname(path.dirname(instance.redis.socket)), { recursive: true });
	});

	const put = async (all) => {
		const batch = redis.multi().del(key);
		for (const [id, [name, packed]] of all)
			batch.xadd(key, id, name, packed);
		await batch.exec();
	};
	/** Every entry as it was, but that of this index, which `harm` is given with the ballot's place in it. */
	const harmed = (index, harm) => good.map(([id, [name, packed]]) => {
		const first = Number(id.toString().split('-')[0]) - 1, ballots = unpack(packed), bytes = Buffer.from(packed);
		if (index >= first && index < first + ballots.length) {
			let at = 0;
			for (let i = first; i < index; i++)
				at += 17 + bytes[at + 16];
			harm(bytes, at);
		}
		return [id, [name, bytes]];
	});
	/** Another ballot of the same length. */
	const forge = (bytes, at) => {
		bytes[at + 16 + 1 + 4] ^= 1;
	};
	const sealed = async () => {
		log = new Log(instance, round, { epoch });
		await log.sealed(SIZE);
	};
	const halted = async () => {
		await instance.end();
		await instance.start();
		redis = instance.redisClient();
		await eventually(() => redis.hget(`{${round.name}}:record`, 'halt'), 'the halt in the record');
	};
	const epochs = async () => (await auditOf(round)).filter(({ act }) => act === 'log.new-epoch');

	test('changed ones are named, and nothing is begun without --changed-ballots-known', async () => {
		await sealed();
		const all = harmed(70, forge);
		all[4] = harmed(299, forge)[4];
		await put(all);
		await halted();
		const refused = await ctlRefused(instance, 65,
			/shard 0: of the 300 ballots that were signed, not all .*: 2 of them, the first at index 70\. .*No epoch was begun/, ...begin);
		assert.match(refused.stderr, /--changed-ballots-known/);
		assert.deepEqual(await epochs(), []);
		assert.equal(await redis.hget(`{${round.name}}:record`, 'epoch'), null);

		const { stdout } = await ctlDone(instance, ...begin, '--changed-ballots-known');
		assert.match(stdout, /shard 0: 300 ballots were signed, 300 are in Redis; 2 of them are others now, the first at index 70$/m);
		const [act] = await epochs();
		assert.equal(act.changed, true);
		epoch++;
		good = all;
		await sealed();
		await ctlDone(instance, 'audit', '--verify');
	});

	test('one that cannot be read is named, and nothing is begun; once it is back, all are as they were', async () => {
		const broken = harmed(130, (bytes, at) => bytes.writeUInt16BE(60000, at + 16));
		await put(broken);
		await halted();
		for (const option of [[], ['--changed-ballots-known']])
			await ctlRefused(instance, 65, /shard 0: .*cannot be read from index 128 on: entry 129-0 .*no epoch was begun/, ...begin, ...option);
		assert.equal((await epochs()).length, 1);
		await put(good);
		const { json } = await ctlDone(instance, ...begin, '--json');
		assert.deepEqual([json.shards[0].missing, json.shards[0].changed, json.shards[0].first_changed], [0, 0, null]);
		assert.equal((await epochs())[1].changed, undefined);
		epoch++;
		await sealed();
	});

	test('lost ones are none that were changed', async () => {
		await fillLog(round, 0, 1);
		await log.sealed(SIZE + 1);
		await loseLastBallot(round);
		await eventually(() => redis.hget(`{${round.name}}:record`, 'halt'), 'the halt in the record');
		const { json } = await ctlDone(instance, ...begin, '--json');
		assert.deepEqual([json.shards[0].missing, json.shards[0].changed, json.shards[0].first_changed], [1, 0, null]);
		assert.equal((await epochs())[2].changed, undefined);
		epoch++;
		await sealed();
	});

	test('lost ones in whose place others were cast are told as what they are', async () => {
		await fillLog(round, 0, 3);
		await log.sealed(SIZE + 3);
		const last = (await redis.xrevrangeBuffer(key, '+', '-', 'COUNT', 1))[0];
		await redis.xdel(key, last[0].toString());
		await redis.call('XSETID', key, `${SIZE}-0`);
		await eventually(() => redis.hget(`{${round.name}}:record`, 'halt'), 'the halt in the record');
		await fillLog(round, 0, 10);
		await ctlRefused(instance, 65, /of the 303 ballots that were signed, .*: 3 of them, the first at index 300\. .*lost and others came/, ...begin);
		const { json } = await ctlDone(instance, ...begin, '--changed-ballots-known', '--json');
		assert.deepEqual([json.shards[0].missing, json.shards[0].changed, json.shards[0].first_changed], [0, 3, SIZE]);
		assert.equal((await ctl(instance, 'audit')).stdout.match(/changed yes/g).length, 2);
	});
});
