// The end of a shard's log is deleted in Redis: every ballot is refused, and whoever looks is told so, and why.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ctl, ctlDone } from './lib/acts.mjs';
import { eventually, startInstance } from './lib/instance.mjs';
import { Log, castMany } from './lib/log.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

describe('the last ballot of a shard is deleted in Redis', () => {
	let instance, round, redis, key;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1, approvals: 1 } });
		round = new Round(instance);
		redis = instance.redisClient();
		key = `{${round.name}/0}:log`;
		for (let i = 0; i < 3; i++)
			await castMany(round, 1);
		await new Log(instance, round).sealed(3);
	});
	after(() => instance.stop());
	const vote = () => round.cast(round.mint(), { choices: ['upstage'] });
	const status = (...args) => ctl(instance, 'log', 'status', ...args);

	test('before, nothing refuses', async () => {
		const { json } = await status('--json');
		assert.deepEqual(json.shards.map(({ refuses }) => refuses), [false]);
	});

	test('votes are refused with what is true, and nobody says that they are taken', async () => {
		await redis.xdel(key, '3-0');
		await eventually(() => redis.hget(`{${round.name}}:record`, 'halt'), 'the halt');
		assertProblem(await vote(), 503, 'unavailable', /of this token, or the ballot log .*, is damaged/);
		await eventually(() => /lacks ballots that were acknowledged \(BEHIND 2 3\), and nothing is counted there.*"Redis is behind" in ops\/runbook\.md/.test(instance.stderr), 'the remedy');
		assert.doesNotMatch(instance.stderr, /[Vv]otes are (still )?taken/);
		const { stdout, code } = await status();
		assert.equal(code, 65);
		assert.match(stdout, /the log is halted/);
		assert.match(stdout, /Shard 0 refuses every ballot: .*\n.*"A shard refuses every ballot"/);
		assert.doesNotMatch(stdout, /[Bb]allots are taken/);
		assert.equal((await status('--json')).json.shards[0].refuses, true);
	});

	test('tallyctl status tells of the halt', async () => {
		assert.match((await ctlDone(instance, 'status')).stdout, /^THE PUBLIC LOG HAS HALTED at .* in shard 0: \S/m);
		const { halt } = (await ctlDone(instance, 'status', '--json')).json;
		assert.equal(halt.shard, 0);
		assert.match(halt.why, /\S/);
	});

	test('as the runbook says: the last ID set to the last entry, and a new epoch', async () => {
		const [[id]] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
		await redis.call('XSETID', key, id);
		assert.equal((await status('--json')).json.shards[0].refuses, false);
		assert.match((await status()).stdout, /Servers that know of the lost ballots take none/);
		const { json } = await ctlDone(instance, 'log', 'new-epoch', '--why', 'the last ballot was deleted', '--json');
		assert.deepEqual([json.shards[0].missing, json.shards[0].changed], [1, 0]);
		await castMany(round, 1); // once servers have seen that the organisers gave it up
		await new Log(instance, round, { epoch: 2 }).sealed(3);
		assert.match((await ctlDone(instance, 'audit')).stdout, /log\.new-epoch epoch 2, old \((now|size|root) /);
		assert.match((await ctlDone(instance, 'log', 'status')).stdout, /the log is ok, epoch 2/);
		const shown = (await ctlDone(instance, 'status')).stdout;
		assert.doesNotMatch(shown, /HALTED/);
		assert.match(shown, /^no hours: open until somebody closes it$/m);
		await ctlDone(instance, 'close', '--why', 'the end');
		assert.match((await ctlDone(instance, 'status')).stdout, /^no hours: somebody closed it$/m);
	});

	test('every command\'s help says what it ends with', async () => {
		for (const command of ['log', 'status', 'watch', 'audit', 'recount', 'metrics', 'close', 'invite', 'export'])
			assert.match((await ctlDone(instance, 'help', command)).stdout, /Ends with/, command);
	});
});

describe('the last ballot of a shard is overwritten in Redis, and its tally cannot be read', () => {
	let instance, round, redis, key;
	before(async () => {
		instance = await startInstance({ contest: { shards: 2 } });
		round = new Round(instance);
		redis = instance.redisClient();
		for (let i = 0; i < 4; i++)
			await castMany(round, 1);
		key = `{${round.name}/${await redis.exists(`{${round.name}/0}:log`) ? 0 : 1}}:log`;
		await eventually(async () => (await tally()).json.ballots === 4, 'the count');
	});
	after(() => instance.stop());
	const tally = () => instance.get(`${round.path}/tally`);
	const definition = async () => (await instance.get(round.path)).json;
	const damage = async () => {
		const [[id]] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
		const before = Number(id.split('-')[0]) - 1;
		await redis.multi().xdel(key, id).call('XSETID', key, `${before}-0`).xadd(key, id, 'b', 'rubbish').exec();
	};

	test('the last count stands, and everybody is told that the log has halted', async () => {
		const was = (await tally()).json;
		assert.equal(was.log, 'ok');
		await damage();
		await eventually(async () => (await definition()).log === 'halted', 'the halt in the definition');
		const { status, json } = await tally();
		assert.equal(status, 200);
		assert.deepEqual(json, { ...was, log: 'halted', sequence: json.sequence });
		assert.ok(json.sequence >= was.sequence);
	});

	test('what the record says is still shown: a notice, the phase', async () => {
		const before = (await tally()).json;
		await ctlDone(instance, 'notice', '--ko', '기록을 살피고 있습니다.', '--en', 'We are looking at the log.');
		await ctlDone(instance, 'pause', '--why', 'the log has halted');
		const after = await eventually(async () => {
			const { json } = await tally();
			return json.phase === 'paused' && json;
		}, 'the pause');
		assert.deepEqual([after.notice.en, after.ballots, after.as_of], ['We are looking at the log.', 4, before.as_of]);
		assert.ok(after.sequence > before.sequence);
		assert.deepEqual([(await definition()).phase, (await definition()).notice.en], ['paused', 'We are looking at the log.']);
	});

	test('a worker that has never read the count has none, and says why; readiness is about this server alone', async () => {
		await instance.end();
		await instance.start();
		const { log, phase } = await definition();
		assert.deepEqual([log, phase], ['halted', 'paused']);
		assertProblem(await tally(), 503, 'unavailable', /log has halted, and what is stored of the votes cannot be read/);
		assert.equal((await instance.get('/readyz')).status, 200);
	});
});
