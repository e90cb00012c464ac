// A Redis Cluster behind the daemon: shards on several masters, slots that move and masters that die while people
// vote. What was acknowledged is counted once; whoever is refused meanwhile is refused with 503.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { RedisCluster } from './lib/cluster.mjs';
import { TALLYCTL, eventually, makeDirectory, runProgram, startInstance } from './lib/instance.mjs';
import { Round, assertProblem, randomFrom, spentOf } from './lib/protocol.mjs';

const SHARDS = 12;
const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

/** `asked`: how many of the replicas must have a vote. */
async function start(t, { replicas, asked = replicas, workers = 2 }) {
	const dir = await makeDirectory();
	const cluster = await RedisCluster.start(path.join(dir, 'cluster'), { replicas });
	t.after(() => cluster.stop());
	const instance = await startInstance({ dir, redis: cluster, contest: { shards: SHARDS },
		settings: { workers, redis: { deadline: '3s', replicas: asked } } });
	t.after(() => instance.stop());
	return { cluster, instance, round: new Round(instance) };
}

/** People who vote until told to end, each asking again until there is an answer. */
class Crowd {
	constructor(round, random, writers = 16) {
		this.round = round;
		this.random = random;
		this.counted = [];
		this.refusals = new Map();
		this.voting = true;
		this.done = Promise.all(Array.from({ length: writers }, () => this.vote()));
		this.done.catch(() => {}); // told by end()
	}

	async vote() {
		while (this.voting) {
			const token = this.round.mint();
			this.round.recorded.add(spentOf(token).toString('hex')); // by checkCount(), when Redis is well again
			const choice = ENTRIES[this.random.below(ENTRIES.length)];
			this.counted.push({ token, choice, receipt: await this.castOnce(token, choice) });
		}
	}

	async castOnce(token, choice) {
		const end = Date.now() + 60_000;
		for (;;) {
			const reply = await this.round.cast(token, { choices: [choice] });
			if (reply.status === 201 || reply.status === 200) {
				this.round.checkReceipt(reply.json, token, `choices\n${choice}\n`);
				return reply.json;
			}
			assert.equal(reply.status, 503, reply.text);
			const slug = reply.json.type.split('#')[1];
			this.refusals.set(slug, (this.refusals.get(slug) ?? 0) + 1);
			assert.ok(Date.now() < end, `still refused after a minute: ${reply.text}`);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	}

	/** Until so many more votes are counted. */
	async more(n) {
		const from = this.counted.length;
		await eventually(() => this.counted.length >= from + n, `${n} more votes`);
	}

	async end() {
		this.voting = false;
		await this.done;
	}
}

/** Nothing lost, nothing twice: by the receipts, by asking again, by the tally, and by a count from the logs. */
async function checkCount(t, instance, round, crowd) {
	const n = crowd.counted.length;
	const places = new Set(crowd.counted.map(({ receipt }) => `${receipt.shard}/${receipt.index}`));
	assert.equal(places.size, n);
	for (const { token, choice, receipt } of crowd.counted.slice(0, 200)) {
		const again = await round.cast(token, { choices: [choice] });
		assert.equal(again.status, 200, again.text);
		assert.deepEqual([again.json.shard, again.json.index], [receipt.shard, receipt.index]);
	}
	const tally = await instance.tallyOf(round.id, n);
	assert.equal(tally.ballots, n);
	for (const entry of ENTRIES)
		assert.equal(tally.citizen.find((row) => row.entry === entry).votes,
			crowd.counted.filter(({ choice }) => choice === entry).length);
	for (const { token } of crowd.counted)
		await round.issue(spentOf(token));
	const { code, stdout, stderr } = await runProgram(TALLYCTL, ['-c', instance.config, 'recount']);
	assert.equal(code, 0, `${stdout}${stderr}`);
	t.diagnostic(`${n} counted; meanwhile refused: ${JSON.stringify(Object.fromEntries(crowd.refusals))}`);
}

test('slots move from master to master while people vote', async (t) => {
	const { cluster, instance, round } = await start(t, { replicas: 0 });
	const random = randomFrom(t);
	const masters = new Set();
	for (let shard = 0; shard < SHARDS; shard++)
		masters.add(await cluster.masterOf(`{${round.name}/${shard}}`));
	assert.ok(masters.size > 1, 'the shards lie on several masters');

	const crowd = new Crowd(round, random);
	await crowd.more(100);
	for (let move = 0; move < 12; move++) {
		await cluster.moveSlot(`{${round.name}/${random.below(SHARDS)}}`, cluster.nodes[random.below(3)]);
		await crowd.more(20);
	}
	await crowd.end();
	await checkCount(t, instance, round, crowd);
	// The whole protocol, from the voting right on, by clients that know nothing of all this.
	const voters = await runProgram(TALLYCTL, ['-c', instance.config, 'voters', '--url', instance.url, '--count', '60', '--rate', '200']);
	assert.equal(voters.code, 0, voters.stderr);
	assert.match(voters.stdout, /60 counted, 0 failed/);
});

test('a replica that lacks acknowledged votes and is promoted all the same takes none', async (t) => {
	const { cluster, instance, round } = await start(t, { replicas: 1, asked: 0, workers: 1 });
	const shard = 0, key = `{${round.name}/${shard}}`;
	const mint = () => {
		for (;;) {
			const token = round.mint();
			if (spentOf(token).readUInt32BE(0) % SHARDS === shard)
				return token;
		}
	};
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
	await eventually(() => instance.stderr.includes('lacks what was acknowledged'), 'a line that says so');
	for (const token of [...lost, mint()])
		assertProblem(await cast(token), 503, 'unavailable', /Nothing was counted/);
	assert.equal(await replica.call('XLEN', `${key}:log`), 1);
});

test('masters die and are replaced by replicas while people vote', async (t) => {
	const { cluster, instance, round } = await start(t, { replicas: 1 });
	const random = randomFrom(t);
	const crowd = new Crowd(round, random);
	await crowd.more(100);
	for (let death = 0; death < 3; death++) {
		const shard = `{${round.name}/${random.below(SHARDS)}}`;
		const dead = await cluster.masterOf(shard);
		await dead.kill();
		await eventually(async () => await cluster.masterOf(shard) !== dead, 'a replica in its place');
		await dead.start(); // as a replica of its successor: before, nothing counts there
		await crowd.more(100);
		await cluster.healthy();
	}
	await crowd.end();
	await checkCount(t, instance, round, crowd);
});
