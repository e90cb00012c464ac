// Outside its hours a contest takes no ballot and says when it does; what was counted stays so.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { childrenOf, eventually, makeDirectory, realRound, startInstance } from './lib/instance.mjs';
import { ctlRefused } from './lib/acts.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const ballot = { choices: ['upstage'] };

const day = 86400_000;
const wholeSecond = (ms) => Math.ceil(ms / 1000) * 1000;

/** A contest that opens soon and closes soon after; later, where the machine is slow to start it. */
async function startBeforeOpening() {
	for (let lead = 4000; ; lead *= 2) {
		const opens = wholeSecond(Date.now() + lead), closes = opens + lead;
		const instance = await startInstance(realRound(opens, closes));
		if (Date.now() < opens - lead / 4)
			return { instance, opens, closes };
		await instance.stop();
		assert.ok(lead < 60_000, 'the machine is too slow to start a contest in a minute');
	}
}

describe('hours', { concurrency: 2 }, () => {
	test('before, during and after, on the clock of the server', async (t) => {
		const { instance, opens, closes } = await startBeforeOpening();
		t.after(() => instance.stop());
		const round = new Round(instance);
		const phase = async () => (await instance.get(round.path)).json.phase;
		const ask = () => instance.request('POST', `${round.path}/tokens`, {
			headers: { 'Content-Type': 'application/private-token-request' },
			body: Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]) });

		const contest = (await instance.get(round.path)).json;
		assert.equal(contest.phase, 'announced');
		assert.equal(Date.parse(contest.opens_at), opens);
		assert.equal(Date.parse(contest.closes_at), closes);
		assert.ok(Math.abs(Date.parse(contest.now) - Date.now()) < 2000);
		const token = round.mint();
		const early = assertProblem(await round.cast(token, ballot), 403, 'not-open', /\d\d:\d\d/);
		assert.equal(Date.parse(early.opens_at), opens);
		assert.ok(Math.abs(Date.parse(early.now) - Date.now()) < 2000);
		assertProblem(await ask(), 403, 'not-open');

		await eventually(async () => await phase() === 'open', 'open', opens - Date.now() + 20_000);
		const counted = await round.cast(token, ballot);
		assert.equal(counted.status, 201, counted.text);
		assert.equal((await ask()).status, 200);
		assert.equal((await instance.tallyOf(round.id, 1)).phase, 'open');

		await eventually(async () => await phase() === 'closed', 'closed', closes - Date.now() + 20_000);
		const late = assertProblem(await round.cast(round.mint(), ballot), 403, 'closed', /\d\d:\d\d/);
		assert.equal(Date.parse(late.closes_at), closes);
		assertProblem(await ask(), 403, 'closed');
		// What was counted is answered as before, also now: first the token, then the hours.
		const again = await round.cast(token, ballot);
		assert.equal(again.status, 200, again.text);
		assert.deepEqual(again.json, counted.json);
		assert.deepEqual(assertProblem(await round.cast(token, { choices: ['nc-ai'] }), 409, 'token-spent').receipt, counted.json);
		const tally = await eventually(async () => {
			const now = await instance.tally(round.id);
			return now.phase === 'closed' && now;
		}, 'a tally that is closed');
		assert.equal(tally.ballots, 1);
	});

	test('a rehearsal is open whatever the hours', async (t) => {
		const instance = await startInstance({ ...realRound(Date.now() - 2 * day, Date.now() - day), rehearsal: true });
		t.after(() => instance.stop());
		const round = new Round(instance);
		const contest = (await instance.get(round.path)).json;
		assert.equal(contest.phase, 'open');
		assert.equal(contest.rehearsal, true);
		assert.equal(contest.opens_at, null);
		assert.equal(contest.closes_at, null);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	});

	test('open admission gives no token outside a rehearsal or demonstration', async (t) => {
		const instance = await startInstance(realRound(Date.now() - day, Date.now() + day, { demonstration: false }))
			.catch((error) => error);
		if (instance instanceof Error) // to refuse the file is as good
			return assert.match(instance.message, /admission/);
		t.after(() => instance.stop());
		const round = new Round(instance);
		assertProblem(await instance.request('POST', `${round.path}/tokens`, {
			headers: { 'Content-Type': 'application/private-token-request' },
			body: Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]) }), 403, 'admission-closed');
	});

	test('hours that differ from the frozen rules: the daemon does not start', async (t) => {
		const first = await startInstance(realRound(Date.now() - day, Date.now() + day));
		t.after(() => first.stop());
		assert.equal((await new Round(first).cast(new Round(first).mint(), ballot)).status, 201);
		await first.end();
		await assert.rejects(startInstance({ dir: first.dir, ...realRound(Date.now() - day, Date.now() + 2 * day) })
			.then((second) => second.stop()), /ended \(78\)[^]*rules-differ/);
	});

	test('two hosts with other rules before the opening: those of the one that started last stand, and the other says so', async (t) => {
		const options = realRound(Date.now() + day, Date.now() + 2 * day, { shards: 4 });
		const first = await startInstance(options);
		t.after(() => first.stop());
		const dir = await makeDirectory();
		await cp(path.join(first.dir, 'keys'), path.join(dir, 'keys'), { recursive: true });
		const theirs = { address: `unix:${path.join(first.dir, 'redis/redis.sock')}`, stop: async () => {} };
		const redis = first.redisClient(), name = new Round(first).name;
		const hashes = async () => new Set((await Promise.all([0, 1, 2, 3].map((shard) =>
			redis.hgetBuffer(`{${name}/${shard}}:rules`, 'hash')))).map((hash) => hash.toString('hex')));
		const before = await hashes();
		const second = await startInstance({ ...options, contest: { ...options.contest, closes_at: new Date(Date.now() + 3 * day).toISOString() }, dir, redis: theirs });
		t.after(() => second.stop());
		const after = await hashes();
		assert.equal(after.size, 1);
		assert.notDeepEqual(after, before);
		assert.match(second.stderr, new RegExp(`the rules ${[...before]} that stood in Redis are replaced by this host's, ${[...after]}: nobody has voted yet`));
		const refused = new RegExp(`rules-differ: Redis holds ${[...after]}, this process has ${[...before]}\\. Nobody has voted yet, so .* the host that was started last`);
		await eventually(async () => {
			await first.request('GET', `${new Round(first).path}/tally`);
			return refused.test((await first.get('/readyz')).text);
		}, 'the first one knows');
		await eventually(() => refused.test(first.stderr), 'the line in its log');
		await ctlRefused(first, 78, refused, 'status'); // and tallyctl replaces nothing
		const workers = async () => (await childrenOf(first.child.pid)).filter((child) => child.name.startsWith('worker')).map(({ pid }) => pid);
		const [old] = await workers();
		process.kill(old, 'SIGKILL');
		await eventually(async () => (await workers()).some((pid) => pid !== old), 'another worker');
		await eventually(async () => refused.test((await first.get('/readyz')).text), 'which replaces nothing either');
		assert.deepEqual(await hashes(), after);
		assert.equal((await second.get('/readyz')).status, 200);
	});

	test('a rehearsal that somebody has voted in, in one shard of four: another host with other rules takes no shard', async (t) => {
		const first = await startInstance({ contest: { shards: 4 } });
		t.after(() => first.stop());
		const round = new Round(first);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		const dir = await makeDirectory();
		await cp(path.join(first.dir, 'keys'), path.join(dir, 'keys'), { recursive: true });
		const theirs = { address: `unix:${path.join(first.dir, 'redis/redis.sock')}`, stop: async () => {} };
		await assert.rejects(startInstance({ contest: { shards: 4, expected_voters: 4321 }, dir, redis: theirs })
			.then((second) => second.stop()), /ended \(78\)[^]*rules-differ/);
		for (let i = 0; i < 12; i++)
			assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	});

	test('a second host with another log_name takes no vote: its receipts would fit no log', async (t) => {
		const options = realRound(Date.now() - day, Date.now() + day, { shards: 2 });
		const first = await startInstance(options);
		t.after(() => first.stop());
		const round = new Round(first);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		const dir = await makeDirectory();
		await cp(path.join(first.dir, 'keys'), path.join(dir, 'keys'), { recursive: true });
		const theirs = { address: `unix:${path.join(first.dir, 'redis/redis.sock')}`, stop: async () => {} }; // the first one's, which ends it
		await assert.rejects(startInstance({ ...options, dir, redis: theirs, settings: { log_name: 'vote-b.example' } })
			.then((second) => second.stop()), ({ message }) => {
			assert.match(message, /ended \(78\)/);
			assert.match(message, /rules-differ: this host's log_name is "vote-b\.example", the contest began with "vote\.example": set log_name in this host's tallyd\.yaml to "vote\.example"/);
			return true;
		});
		assert.equal((await round.cast(round.mint(), ballot)).status, 201); // and the first one goes on
	});
});
