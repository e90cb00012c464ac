// What somebody may do to the daemon from outside or by mistake, and how it must take it.
import assert from 'node:assert/strict';
import { copyFile, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { TALLYD, makeDirectory, runProgram, startInstance, startRedis } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';

const ballot = { choices: ['upstage'] };

describe('a start that cannot go well ends', () => {
	test('the private token key belongs to another round', async (t) => {
		const instance = await startInstance();
		t.after(() => instance.stop());
		await instance.end();
		const [real, rehearsal] = ['kai-stage1', 'kai-stage1~rehearsal']
			.map((round) => path.join(instance.dir, 'keys', round, 'token.private.pem'));
		await copyFile(real, rehearsal);
		const { code, stderr, stdout } = await runProgram(TALLYD, ['-c', instance.config]);
		assert.equal(code, 78, stderr);
		assert.match(stderr, /token\.private\.pem does not belong to token\.public\.pem/);
		assert.doesNotMatch(stdout, /ready/);
	});

	test('Redis holds the function library of another program', async (t) => {
		const dir = await makeDirectory();
		const redis = await startRedis(path.join(dir, 'redis'));
		t.after(async () => {
			await redis.stop();
			await rm(dir, { recursive: true, force: true });
		});
		const instance = await startInstance({ redis });
		const client = instance.redisClient();
		await instance.end();
		const other = instance.redisClient();
		await other.call('FUNCTION', 'FLUSH');
		await other.call('FUNCTION', 'LOAD',
			'#!lua name=tallyd_5\nredis.register_function("cast_5", function() return {} end)');
		other.disconnect();
		client.disconnect();
		const { code, stderr } = await runProgram(TALLYD, ['-c', instance.config]);
		assert.equal(code, 78, stderr);
		assert.match(stderr, /function library tallyd_5 in Redis has other code/);
		await rm(instance.dir, { recursive: true, force: true });
	});
});

describe('the access log', () => {
	test('has no query, no long path, and of a ballot only the minute', async (t) => {
		const instance = await startInstance();
		t.after(() => instance.stop());
		const round = new Round(instance);
		await instance.get(`/healthz?${'q'.repeat(5000)}`);
		await instance.get(`/${'p'.repeat(5000)}`);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		await instance.end();
		const lines = (await readFile(path.join(instance.dir, 'access.log'), 'utf8')).trim().split('\n');
		assert.ok(lines.length >= 3);
		for (const line of lines) {
			assert.ok(line.length < 250, line);
			assert.doesNotMatch(line, /qqq/);
		}
		const [cast] = lines.filter((line) => line.includes('/ballots'));
		assert.match(cast, /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z POST \S+ 201 .* -$/);
	});

	test('on a standard output that nobody reads does not stop the voting', async (t) => {
		const instance = await startInstance({ settings: { access_log: '-' } });
		t.after(() => instance.stop());
		const round = new Round(instance);
		instance.child.stdout.pause();
		const target = `/${'p'.repeat(100)}`;
		for (let i = 0; i < 50; i++) // 8,000 lines of 200 bytes: far more than any pipe holds
			await Promise.all(Array.from({ length: 160 }, () => instance.request('HEAD', target)));
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		instance.child.stdout.resume();
	});
});
