// A Redis Cluster behind the daemon: shards on several masters, slots that move while people vote, a replica that was promoted
// too early. Masters that die are a campaign's (campaign.test.mjs).
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { audit, isSound } from '../campaign/audit.mjs';
import { served } from '../campaign/host.mjs';
import { Writers } from '../campaign/writers.mjs';
import { RedisCluster } from './lib/cluster.mjs';
import { TALLYCTL, childrenOf, eventually, makeDirectory, realRound, runProgram, startInstance } from './lib/instance.mjs';
import { shippedUser, userSettings } from './lib/redisuser.mjs';
import { Round, assertProblem, randomFrom, spentOf } from './lib/protocol.mjs';

const SHARDS = 12;

/** `asked`: how many of the replicas must have a vote. `asUser`: with no more rights than tallyd needs; a node that is started again has no users. */
async function start(t, { replicas, asked = replicas, workers = 2, asUser = false, round = { contest: { shards: SHARDS } } }) {
	const dir = await makeDirectory();
	const cluster = await RedisCluster.start(path.join(dir, 'cluster'), { replicas });
	t.after(() => cluster.stop());
	const user = asUser ? await userSettings(dir) : {};
	if (asUser)
		await Promise.all(cluster.nodes.map(async (node) => node.call('ACL', 'SETUSER', ...await shippedUser())));
	const instance = await startInstance({ dir, redis: cluster, ...round,
		settings: { workers, redis: { deadline: '3s', replicas: asked, ...user },
			voter_rate: { per_minute: 100_000, burst: 100_000 } } });
	t.after(() => instance.stop());
	return { cluster, instance, round: new Round(instance) };
}

test('slots move from master to master while people vote', async (t) => {
	const { cluster, instance, round } = await start(t, { replicas: 0, asUser: true });
	const random = randomFrom(t);
	const masters = new Set();
	for (let shard = 0; shard < SHARDS; shard++)
		masters.add(await cluster.masterOf(`{${round.name}/${shard}}`));
	assert.ok(masters.size > 1, 'the shards lie on several masters');

	const writers = new Writers(round, 1, { pauseMs: 0 });
	await served(writers, 100);
	for (let move = 0; move < 12; move++) {
		await cluster.moveSlot(`{${round.name}/${random.below(SHARDS)}}`, cluster.nodes[random.below(3)]);
		await served(writers, 20);
	}
	await writers.stop();
	const result = await audit(instance, round, writers);
	assert.ok(isSound(result), JSON.stringify(result));
	t.diagnostic(`${result.acknowledged} counted; refused ${writers.refused} times, no answer ${writers.unknown} times`);

	const check = await runProgram(TALLYCTL, ['-c', instance.config, 'check', '--json']);
	assert.deepEqual(JSON.parse(check.stdout).findings.filter(({ grade, of }) => grade !== 'advice' || of === 'rights'), [], check.stdout);

	for (const { token } of writers.votes.values())
		await round.issue(spentOf(token));
	const recount = await runProgram(TALLYCTL, ['-c', instance.config, 'recount']);
	assert.equal(recount.code, 0, `${recount.stdout}${recount.stderr}`);
	// The whole protocol, from the voting right on, by clients that know nothing of all this.
	const voters = await runProgram(TALLYCTL, ['-c', instance.config, 'voters', '--url', instance.url, '--count', '60', '--rate', '200']);
	assert.equal(voters.code, 0, voters.stderr);
	assert.match(voters.stdout, /60 counted, 0 failed/);
});

test('a replica that lacks acknowledged votes and is promoted all the same takes none', async (t) => {
	const { cluster, instance, round } = await start(t, { replicas: 1, asked: 0 });
	const shard = 0, key = `{${round.name}/${shard}}`;
	const mint = () => round.mintFor(shard);
	const cast = (token) => round.cast(token, { choices: ['upstage'] });
	assert.equal((await cast(mint())).status, 201);
	const dead = await cluster.masterOf(key);
	const replica = await cluster.replicaOf(dead);
	await cluster.healthy();
	await replica.kill();
	const lost = [mint(), mint(), mint()];
	for (const token of lost) // its disk is enough, says the configuration
		assert.equal((await cast(token)).status, 201);
	await dead.kill();
	await replica.start();
	await eventually(async () => await cluster.masterOf(key) === replica, 'the replica in its place');
	await eventually(() => instance.stderr.includes('lacks ballots that were acknowledged'), 'a line that says so');
	for (const token of [...lost, ...Array.from({ length: 10 }, mint)]) // whichever worker is asked
		assertProblem(await round.cast(token, { choices: ['upstage'] }, { agent: false }), 503, 'unavailable', /Nothing was counted/);
	assert.equal(await replica.call('XLEN', `${key}:log`), 1);

	// As the runbook has it ("Redis is behind"): the one that has them comes back in its place, and nothing was lost.
	await replica.kill();
	await dead.start(); // a replica by now, that has nobody to copy from
	await eventually(async () => await dead.role() === 'slave', 'the dead one knows that it was replaced');
	await dead.call('CLUSTER', 'FAILOVER', 'TAKEOVER');
	await eventually(async () => (await cast(lost[0])).status === 200, 'the receipt of a vote that was away');
	for (const token of lost)
		assert.equal((await cast(token)).status, 200);
	assert.equal((await cast(mint())).status, 201);
});

test('while a master is away, whoever takes another one\'s place is looked at, and a worker that comes serves the others\' shards', async (t) => {
	const { cluster, instance, round } = await start(t, { replicas: 1, asked: 0, workers: 1,
		round: realRound(Date.now() - 60_000, Date.now() + 3_600_000, { shards: SHARDS }) });
	await Promise.all(cluster.nodes.map((node) => node.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')));
	const key = `{${round.name}/0}`, ballot = { choices: ['upstage'] };
	const cast = (shard = 0) => round.cast(round.mintFor(shard), ballot, { agent: false });
	const until = (shard) => round.castUntilAnswered(round.mintFor(shard), ballot, { agent: false });
	const master = await cluster.masterOf(key), replica = await cluster.replicaOf(master), desk = await cluster.masterOf(`{${round.name}}`);
	let away = 0, dead = master;
	while (dead === master || dead === desk)
		dead = await cluster.masterOf(`{${round.name}/${++away}}`);
	const replicaOfDead = await cluster.replicaOf(dead);
	await replicaOfDead.kill();
	await dead.kill();
	assert.equal((await until(0)).status, 201);
	process.kill((await childrenOf(instance.child.pid)).find(({ name }) => name.startsWith('worker')).pid, 'SIGKILL');
	assert.equal((await until(0)).status, 201);
	assert.equal((await cast(away)).status, 503);

	await replica.call('CONFIG', 'SET', 'appendfsync', 'no');
	await replica.call('CLUSTER', 'FAILOVER');
	await eventually(async () => await cluster.masterOf(key) === replica, 'the replica in its place');
	const from = await replica.call('XLEN', `${key}:log`);
	do assert.equal((await cast()).status, 503);
	while (!/not taking votes: redis-unsafe: appendfsync is "no"/.test(instance.stderr));
	for (let i = 0; i < 10; i++) assert.equal((await cast()).status, 503);
	assert.equal(await replica.call('XLEN', `${key}:log`), from);
	assert.ok(instance.stderr.includes(`redis ${replica.host}:`), 'the log says which server');
	await replica.call('CONFIG', 'SET', 'appendfsync', 'always');
	assert.equal((await until(0)).status, 201);
	await dead.start();
	assert.equal((await until(away)).status, 201);
});
