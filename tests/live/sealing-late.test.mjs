// Ballots that wait too long for a checkpoint: nobody waits for a lease that a clock gone wrong has left behind, and
// where one is really held by somebody who does not seal, every place says so until it goes on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ctl, ctlRefused, invite } from './lib/acts.mjs';
import { freePort, shardMetric } from './lib/admin.mjs';
import { eventually, startInstance } from './lib/instance.mjs';
import { Log, fillLog, killSealer } from './lib/log.mjs';
import { Round } from './lib/protocol.mjs';

let instance, round, log, redis, key, organiser, admin;
before(async () => {
	admin = await freePort();
	instance = await startInstance({
		contest: { shards: 2, approvals: 1, seal: { min_entries: 1000, max_wait: '100ms' } },
		settings: { admin_listen: `127.0.0.1:${admin}`, ballot_log: { lease: '500ms' } } });
	round = new Round(instance);
	log = new Log(instance, round, { shard: 1 });
	redis = instance.redisClient();
	key = `{${round.name}/1}:seal`;
	organiser = await invite(instance, 'organiser', 'Kim');
	await fillLog(round, 1, 3);
	await log.sealed(3);
});
after(() => instance.stop());

const metric = (name) => shardMetric(admin, name, 1);
const healthOf = async () => (await instance.get(`${round.path}/progress`,
	{ headers: { Authorization: `Bearer ${organiser.token}` } })).json.health.log.state;
const statusOf = async () => (await ctl(instance, 'log', 'status', '--json')).json;
const told = () => instance.stderr.match(/ballots have waited for a checkpoint/g)?.length ?? 0;

test('a lease that ends in a year is nobody\'s', async () => {
	await redis.hset(key, 'until', Date.now() + 365 * 86_400_000, 'holder', 'a host whose clock was ahead');
	await killSealer(instance);
	await fillLog(round, 1, 2);
	await log.sealed(5);
	assert.equal(told(), 0);
});

test('a lease that somebody holds and does not use: told in every place, and in the log once', async () => {
	assert.equal(await metric('tallyd_log_late'), 0);
	assert.equal(await healthOf(), 'ok');
	await redis.hset(key, 'until', Date.now() + 55_000, 'holder', 'a host that hangs');
	await fillLog(round, 1, 2);
	await eventually(async () => await metric('tallyd_log_late') === 1, 'the metric');
	assert.equal(await healthOf(), 'late');
	const status = await eventually(async () => {
		const now = await statusOf();
		return now.state === 'late' && now;
	}, 'tallyctl log status');
	assert.deepEqual(status.shards.map(({ state }) => state), ['ok', 'late']);
	assert.ok(Date.now() - Date.parse(status.shards[1].late_since) < 60_000);
	assert.equal(status.shards[0].late_since, null);
	assert.match((await ctlRefused(instance, 65, /^$/, 'log', 'status')).stdout, /the log is late[^]*\n +1 .* late: since /);
	await eventually(async () => await metric('tallyd_log_waiting_seconds') >= 1, 'its age');
	assert.equal((await instance.get(round.path)).json.log, 'ok'); // voters need not know
	assert.equal(told(), 1, instance.stderr);
	assert.match(instance.stderr, /2 ballots have waited for a checkpoint for \d+ s and more; another holds the lease/);

	await redis.hset(key, 'until', 0);
	await log.sealed(7);
	await eventually(() => instance.stderr.includes('what waited to be sealed is sealed'), 'the line that ends it');
	await eventually(async () => await healthOf() === 'ok', 'health');
	assert.equal(await metric('tallyd_log_late'), 0);
	assert.equal(await metric('tallyd_log_waiting_seconds'), 0);
	const well = await statusOf();
	assert.equal(well.state, 'ok');
	assert.equal(well.shards[1].late_since, null);
	assert.equal(told(), 1);
});
