// The programs from the outside: arguments, exit codes, keys on disk, start, end, and starting again.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { chmod, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { CONTEST_FILE, ROOT, TALLYCTL, TALLYD, childrenOf, contestDocument, eventually, isAlive, makeDirectory, realRound,
	runProgram, startInstance } from './lib/instance.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const ballot = { choices: ['upstage'] };

describe('arguments', () => {
	for (const program of [TALLYD, TALLYCTL]) {
		const name = path.basename(program);
		test(`${name} --help and --version`, async () => {
			const help = await runProgram(program, ['--help']);
			assert.equal(help.code, 0);
			assert.match(help.stdout, new RegExp(`${name}.*-c`, 's'));
			const version = await runProgram(program, ['--version']);
			assert.equal(version.code, 0);
			assert.match(version.stdout, /\d+\.\d+\.\d+/);
		});
		test(`${name} with nonsense: 64, and what would be right`, async () => {
			for (const args of [['--nonsense'], ['-c']]) {
				const { code, stderr } = await runProgram(program, args);
				assert.equal(code, 64, args.join(' '));
				assert.match(stderr, /\S/);
			}
		});
	}
	test('tallyd without the file: not found', async () => {
		const { code, stderr } = await runProgram(TALLYD, ['-c', '/nonexistent/tallyd.yaml', '--check-config']);
		assert.equal(code, 66);
		assert.match(stderr, /\/nonexistent\/tallyd.yaml/);
	});
});

describe('--check-config', () => {
	let dir;
	before(async () => {
		dir = await makeDirectory();
	});
	after(() => rm(dir, { recursive: true }));
	const check = async (settings, contest) => {
		const config = path.join(dir, 'tallyd.yaml'), file = path.join(dir, 'contest.yaml');
		await writeFile(file, contest ?? await readFile(CONTEST_FILE, 'utf8'));
		await writeFile(config, settings ?? `contests: [contest.yaml]\nkeys: keys\n`);
		return runProgram(TALLYD, ['-c', config, '--check-config']);
	};

	test('the shipped files are right', async () => {
		const { code, stderr } = await check();
		assert.equal(code, 0, stderr);
		const shipped = await runProgram(TALLYD, ['-c', path.join(ROOT, 'config/tallyd.yaml'), '--check-config']);
		assert.equal(shipped.code, 0, shipped.stderr);
	});
	test('all errors of a file in one run, each with its place', async () => {
		const { code, stderr } = await check('listen: nowhere\nworkers: -1\ncolour: blue\nkeys: keys\nkeys: again\n' +
			'limits:\n  head: big\ncontests: [contest.yaml]\n');
		assert.equal(code, 78);
		for (const [line, word] of [[1, /listen|address/], [2, /workers/], [3, /colour/], [5, /keys/], [7, /head|KiB/]])
			assert.match(stderr, new RegExp(`tallyd\\.yaml:${line}:\\d+: .*(${word.source})`), stderr);
	});
	for (const [what, change, words] of [
		['an unknown key', (d) => { d.colour = 'blue'; }, /colour/],
		['an id in another alphabet', (d) => { d.id = '콘테스트'; }, /id/],
		['entries of one id', (d) => { d.entries[1].id = d.entries[0].id; }, /naver-cloud/],
		['an organisation that is not there', (d) => { d.entries[0].participants.push('nobody'); }, /nobody/],
		['the close before the opening', (d) => { [d.opens_at, d.closes_at] = [d.closes_at, d.opens_at]; }, /closes_at|opens_at/],
		['a name in one language', (d) => { delete d.name.en; }, /en/],
		['two ballot forms', (d) => { d.ballot = { choices: { min: 1, max: 1 }, scores: { min: 0, max: 10, step: 1 } }; }, /ballot|form/],
		['more choices than entries', (d) => { d.ballot = { choices: { min: 1, max: 9 } }; }, /max|entries/],
		['a showcase of 301 characters', (d) => { d.entries[0].showcase.ko = '가'.repeat(301); }, /300/],
		['a link that is not https', (d) => { d.entries[0].links = [{ label: { ko: '가', en: 'a' }, url: 'javascript:alert(1)' }]; }, /https/],
		['a time without offset', (d) => { d.opens_at = '2026-12-21 09:00'; }, /opens_at|time/],
	])
		test(`a contest with ${what}`, async () => {
			const document = await contestDocument();
			change(document);
			const { code, stderr } = await check(undefined, YAML.stringify(document));
			assert.equal(code, 78, stderr);
			assert.match(stderr, /contest\.yaml:\d+:\d+: /);
			assert.match(stderr, words);
		});
});

describe('keys', () => {
	let instance, round, keys;
	before(async () => {
		instance = await startInstance();
		round = new Round(instance);
		keys = path.join(instance.dir, 'keys', round.name);
	});
	after(() => instance.stop());
	const config = () => ['-c', instance.config];

	test('lie in files of their own with tight permissions', async () => {
		const modes = {};
		for (const name of await readdir(keys))
			modes[name] = ((await stat(path.join(keys, name))).mode & 0o777).toString(8);
		const pair = (name) => [[`${name}.private.pem`, '600'], [`${name}.public.pem`, '644']];
		assert.deepEqual(modes, Object.fromEntries([...pair('bearer'), ...pair('log'), ...pair('result'),
			['identity.key', '600'], ['salt.key', '600'], ...pair('token')]));
		assert.equal((await stat(keys)).mode & 0o777, 0o700);
		assert.match(await readFile(path.join(keys, 'token.private.pem'), 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
		assert.equal(crypto.createPrivateKey(await readFile(path.join(keys, 'log.private.pem'))).asymmetricKeyType, 'ed25519');
	});
	test('are not made again', async () => {
		const before = await readFile(path.join(keys, 'token.private.pem'));
		assert.equal((await runProgram(TALLYCTL, [...config(), 'keygen'])).code, 0);
		assert.deepEqual(await readFile(path.join(keys, 'token.private.pem')), before);
	});
	test('the site names the keys of tokens, log and results', async () => {
		const [site] = instance.site.contests;
		const { x } = crypto.createPublicKey(await readFile(path.join(keys, 'log.public.pem'))).export({ format: 'jwk' });
		assert.equal(site.log_key, Buffer.from(x, 'base64url').toString('base64'));
		assert.equal(site.token_key_id, round.keyId.toString('hex'));
		const result = crypto.createPublicKey(await readFile(path.join(keys, 'result.public.pem'))).export({ format: 'jwk' });
		assert.equal(site.result_key, Buffer.from(result.x, 'base64url').toString('base64'));
	});
	test('that others can read are refused', async () => {
		await instance.end();
		const file = path.join(keys, 'token.private.pem');
		await chmod(file, 0o640);
		try {
			const { code, stderr } = await runProgram(TALLYD, config());
			assert.notEqual(code, 0);
			assert.match(stderr, /token\.private\.pem/);
		} finally {
			await chmod(file, 0o600);
		}
	});
});

describe('start and end', () => {
	test('a second run finds the votes of the first, and its receipts', async (t) => {
		const first = await startInstance();
		t.after(() => first.stop());
		const round = new Round(first);
		const votes = await Promise.all(Array.from({ length: 50 }, async () => {
			const token = round.mint();
			return { token, receipt: (await round.castUntilAnswered(token, ballot)).json };
		}));
		await first.end();
		const second = await startInstance({ dir: first.dir });
		t.after(() => second.stop());
		assert.equal((await second.tallyOf(round.id, 50)).ballots, 50);
		const again = new Round(second);
		assert.deepEqual(again.keyId, round.keyId);
		for (const { token, receipt } of votes) {
			const reply = await again.cast(token, ballot);
			assert.equal(reply.status, 200, reply.text);
			assert.deepEqual(reply.json, receipt);
		}
	});

	for (const signal of ['SIGINT', 'SIGTERM'])
		test(`${signal} ends everything cleanly, amid voting`, async (t) => {
			const instance = await startInstance({ settings: { workers: 2 } });
			t.after(() => instance.stop());
			const round = new Round(instance);
			const family = await childrenOf(instance.child.pid);
			assert.ok(family.length >= 3, JSON.stringify(family));
			const acknowledged = [];
			let ended = false;
			const voters = Promise.all(Array.from({ length: 8 }, async () => {
				while (!ended) {
					const token = round.mint();
					const reply = await round.cast(token, ballot).catch(() => null);
					if (reply?.status === 201)
						acknowledged.push(token);
				}
			}));
			await eventually(() => acknowledged.length > 50, 'fifty votes');
			await instance.end(signal);
			ended = true;
			await voters;
			for (const { pid, name } of family)
				assert.equal(await isAlive(pid), false, `${name} outlived the daemon`);
			const second = await startInstance({ dir: instance.dir });
			t.after(() => second.stop());
			const again = new Round(second);
			for (const token of acknowledged)
				assert.equal((await again.cast(token, ballot)).status, 200);
		});

	test('a worker is killed: another takes its place', async (t) => {
		const instance = await startInstance({ settings: { workers: 2 } });
		t.after(() => instance.stop());
		const round = new Round(instance);
		const redis = await instance.redisPid();
		for (const { pid } of (await childrenOf(instance.child.pid)).filter((child) => child.pid !== redis))
			process.kill(pid, 'SIGKILL'); // all of them, the signer too
		await eventually(async () => {
			const family = (await childrenOf(instance.child.pid));
			return family.length >= 4 && (await instance.get('/readyz', { agent: instance.newAgent(1), ms: 2000 })).status === 200;
		}, 'new workers', 30_000);
		const reply = await round.castUntilAnswered(round.mint(), ballot);
		assert.ok([200, 201].includes(reply.status));
	});

	test('the port is taken: 69 or 74 and the address, nothing left behind', async (t) => {
		const first = await startInstance();
		t.after(() => first.stop());
		const dir = await makeDirectory();
		await assert.rejects(startInstance({ dir, settings: { listen: `127.0.0.1:${first.port}` } })
			.then((instance) => instance.stop()), new RegExp(`127.0.0.1:${first.port}`));
		await rm(dir, { recursive: true, force: true });
	});

	test('the access log has no address on lines of ballots and tokens', async (t) => {
		const instance = await startInstance();
		t.after(() => instance.stop());
		const round = new Round(instance);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		await instance.request('POST', '/v1/tokens', { body: 'x' });
		await instance.get('/v1/contests');
		await instance.end();
		const lines = (await readFile(path.join(instance.dir, 'access.log'), 'utf8')).trim().split('\n');
		const about = (word) => lines.filter((line) => line.includes(word));
		assert.ok(about('/ballots').length >= 1 && about('/v1/tokens').length >= 1);
		for (const line of [...about('/ballots'), ...about('/v1/tokens')])
			assert.doesNotMatch(line, /127\.0\.0\.1/);
		assert.match(about('GET /v1/contests ')[0], /127\.0\.0\.1/);
		assert.doesNotMatch(instance.stderr, /PrivateToken|token="/);
	});
});

describe('token rate', () => {
	const ask = (instance, round) => instance.request('POST', `${round.path}/tokens`, {
		headers: { 'Content-Type': 'application/private-token-request' },
		body: Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]) });
	const settings = { token_rate: { per_minute: 6, burst: 5 } };

	test('429 with Retry-After above it', async (t) => {
		const now = Date.now();
		const instance = await startInstance({ ...realRound(now - 3600_000, now + 3600_000), settings });
		t.after(() => instance.stop());
		const round = new Round(instance);
		const replies = [];
		for (let i = 0; i < 8; i++)
			replies.push(await ask(instance, round));
		assert.deepEqual(replies.map((reply) => reply.status), [200, 200, 200, 200, 200, 429, 429, 429]);
		const problem = assertProblem(replies[5], 429, 'too-many-requests');
		assert.ok(problem && Number(replies[5].headers['retry-after']) <= 10);
		// Casting is not limited by it.
		for (let i = 0; i < 8; i++)
			assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	});
	test('a rehearsal does not hold its own machine to it', async (t) => {
		const instance = await startInstance({ settings });
		t.after(() => instance.stop());
		const round = new Round(instance);
		for (let i = 0; i < 8; i++)
			assert.equal((await ask(instance, round)).status, 200);
	});
});
