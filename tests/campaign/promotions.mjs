// Masters of a Redis Cluster are lost under voters, half of them killed and half cut off from all other nodes, and replicas
// take their places. A master that was cut off still hears clients, and writes what nobody will ever see again: it must not
// be acknowledged (redis.replicas).
import path from 'node:path';
import { RedisCluster } from '../live/lib/cluster.mjs';
import { eventually, makeDirectory, startInstance } from '../live/lib/instance.mjs';
import { Round, randomOf } from '../live/lib/protocol.mjs';
import { audit } from './audit.mjs';
import { delay, served, settings } from './host.mjs';
import { Writers } from './writers.mjs';

const SHARDS = 12;

async function onCluster({ replicas = 1, tallyd } = {}) {
	const dir = await makeDirectory(), redis = await RedisCluster.start(path.join(dir, 'cluster'), { replicas: 1 });
	const instance = await startInstance({ dir, redis, tallyd, contest: { shards: SHARDS },
		settings: { ...settings, workers: 2, redis: { ...settings.redis, deadline: '3s', replicas } } });
	return { redis, instance, round: new Round(instance) };
}

const isMaster = (node) => eventually(async () => await node.role() === 'master', 'a replica in the master\'s place');

async function kill(cluster, master, replica) {
	await master.kill();
	await isMaster(replica);
	await master.start();
}

async function cut(cluster, master, replica, random) {
	cluster.cutOff(master);
	await isMaster(replica);
	await delay(random.below(200)); // two masters, as each of them sees it
	cluster.cutOff(master, false);
}

/** `forgetful`: the daemon is started again each time, and so does not know any more what it has acknowledged. */
export async function promotions({ seed, count, writers: n = 16, progress, replicas, forgetful = false, tallyd }) {
	const random = randomOf(seed), { redis: cluster, instance, round } = await onCluster({ replicas, tallyd });
	try {
		const writers = new Writers(round, seed, { writers: n });
		for (let done = 1; done <= count; done++) {
			await served(writers, 20);
			await delay(random.below(60));
			const master = await cluster.masterOf(`{${round.name}/${random.below(SHARDS)}}`), replica = await cluster.replicaOf(master);
			await (done % 2 === 0 ? cut : kill)(cluster, master, replica, random);
			await eventually(async () => await master.role() === 'slave', 'the old master as a replica');
			await cluster.healthy();
			if (forgetful) {
				await instance.end('SIGKILL').catch(() => {});
				await instance.start();
			}
			progress?.(done, count, writers);
		}
		await served(writers, 20);
		await writers.stop();
		return { ...await audit(instance, round, writers), faults: count, unknown: writers.unknown, refused: writers.refused,
			note: `${Math.ceil(count / 2)} killed, ${Math.floor(count / 2)} cut off` };
	} finally {
		await instance.stop();
	}
}
