// tallyctl check, what servers do about a Redis that loses or doubles votes, and tallyctl repair.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import YAML from 'yaml';
import { ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { TALLYCTL, TALLYD, eventually, makeDirectory, realRound, runProgram, startInstance, startRedis } from './lib/instance.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';
import { shippedUser, userSettings } from './lib/redisuser.mjs';

const ballot = { choices: ['upstage'] };
const REAL = realRound(Date.now() - 3_600_000, Date.now() + 86_400_000);

async function own(t, args = [], options = {}) {
	const dir = await makeDirectory(), redis = await startRedis(path.join(dir, 'own-redis'), args);
	t.after(() => redis.stop());
	const instance = await startInstance({ dir, redis, ...options });
	t.after(() => instance.stop());
	return { dir, redis, instance };
}

async function freePort() {
	const server = net.createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	return port;
}

const clientOf = (redis) => new Redis({ path: redis.socket, retryStrategy: () => null }).on('error', () => {}); // commands report it

const found = (json) => Object.fromEntries(json.findings.map(({ setting, grade }) => [setting, grade]));

describe('check', () => {
	let instance, redis;
	before(async () => {
		const dir = await makeDirectory();
		redis = await startRedis(path.join(dir, 'own-redis'));
		instance = await startInstance({ dir, redis });
	});
	after(() => instance.stop());

	test('the settings that are shipped: nothing but advice', async () => {
		const { json } = await ctlDone(instance, 'check', '--json');
		assert.equal(json.good, true);
		assert.match(json.server, /^Redis \d+\.\d+\.\d+$/);
		assert.deepEqual(json.findings.filter(({ of, setting }) => of !== 'host' && setting !== 'maxmemory'), []);
		const { stdout } = await ctlDone(instance, 'check');
		assert.match(stdout, /^Redis 7\.\S+ at unix:.*\n\nadvice\n {2}/);
		assert.match(stdout, /\n0 to be mended, \d to be thought about\.\n$/);
	});

	for (const [name, bad, was, grade] of [['appendfsync', 'everysec', 'always', 'loses votes'], ['aof-load-truncated', 'yes', 'no', 'may double votes'],
		['maxmemory-policy', 'allkeys-lru', 'noeviction', 'may double votes'], ['no-appendfsync-on-rewrite', 'yes', 'no', 'loses votes']])
		test(`${name} ${bad}: ${grade}`, async () => {
			const client = instance.redisClient();
			await client.config('SET', name, bad);
			const { code, json } = await ctl(instance, 'check', '--json');
			const told = await ctl(instance, 'check');
			await client.config('SET', name, was);
			assert.equal(code, 65);
			assert.equal(json.good, false);
			assert.equal(found(json)[name], grade);
			assert.equal(told.code, 65);
			assert.match(told.stdout, new RegExp(`\n${grade}\n {2}redis ${name} = "${bad}"\n {6}\\S.*\\.\n {6}write: ${name} ${was}\n`));
		});

	test('a replica, and memory at its end', async () => {
		const client = instance.redisClient();
		await client.replicaof('127.0.0.1', '1');
		const replica = await ctl(instance, 'check', '--json');
		await client.replicaof('NO', 'ONE');
		assert.equal(replica.code, 65);
		assert.equal(found(replica.json).role, 'takes no votes');
		await client.config('SET', 'maxmemory', '100000');
		const full = await ctl(instance, 'check', '--json');
		await client.config('SET', 'maxmemory', '0');
		assert.equal(found(full.json).maxmemory, 'takes no votes');
	});

	for (const name of ['salt', 'identity'])
		test(`${name}.key that others can read: 66 by tallyd`, async () => {
			const file = path.join(instance.dir, 'keys', new Round(instance).name, `${name}.key`);
			await chmod(file, 0o640);
			const started = await runProgram(TALLYD, ['-c', instance.config]), checked = await runProgram(TALLYD, ['-c', instance.config, '--check-config']);
			await chmod(file, 0o600);
			for (const { code, stderr } of [started, checked]) {
				assert.equal(code, 66);
				assert.match(stderr, new RegExp(`${name}\\.key: its mode lets others read this secret`));
			}
		});

	for (const [name, grade, may] of [['token', 'may double votes', 'makes voting rights'], ['log', 'takes no votes', 'sign another log'],
		['bearer', 'takes no votes', 'sign results or invitations'], ['result', 'takes no votes', 'sign results or invitations']])
		test(`${name}.private.pem that others can read: neither check nor tallyd takes it`, async () => {
			const file = path.join(instance.dir, 'keys', new Round(instance).name, `${name}.private.pem`);
			await chmod(file, 0o644);
			const { code, stdout } = await ctl(instance, 'check');
			const started = await runProgram(TALLYD, ['-c', instance.config]);
			await chmod(file, 0o600);
			assert.equal(code, 65);
			assert.match(stdout, new RegExp(`\n${grade}\n {2}keys ${name}\\.private\\.pem = .*\n {6}.*whoever reads it .*${may}.*\n {6}write: chmod 600 /`));
			assert.equal(started.code, 66);
			assert.match(started.stderr, new RegExp(`${name}\\.private\\.pem: its mode lets others read this secret`));
		});

	test('a private key that is away: neither check nor tallyd goes on without it', async () => {
		const file = path.join(instance.dir, 'keys', new Round(instance).name, 'token.private.pem');
		await rename(file, `${file}.away`);
		const { code, json } = await ctl(instance, 'check', '--json');
		await rename(`${file}.away`, file);
		assert.equal(code, 65);
		assert.deepEqual(found(json)['token.private.pem'], 'takes no votes');
	});

	/** The same on another Redis. */
	async function checkOn(t, settings, ...args) {
		const config = path.join(instance.dir, 'elsewhere.yaml');
		await writeFile(config, YAML.stringify({ ...YAML.parse(await readFile(instance.config, 'utf8')), redis: settings }));
		t.after(() => rm(config, { force: true }));
		const result = await runProgram(TALLYCTL, ['-c', config, 'check', ...args]);
		return { ...result, json: args.includes('--json') && JSON.parse(result.stdout) };
	}

	test('a socket that everybody may open, where they come as far', async () => {
		const socket = async () => (await ctlDone(instance, 'check', '--json')).json.findings.find(({ setting }) => setting === 'unixsocketperm');
		await chmod(redis.socket, 0o777);
		assert.equal(await socket(), undefined); // the directories around it are closed
		await Promise.all([redis.dir, instance.dir].map((dir) => chmod(dir, 0o755)));
		const { value, may_happen: may, write } = await socket();
		await chmod(redis.socket, 0o770);
		assert.equal(await socket(), undefined);
		await chmod(redis.socket, 0o700);
		await Promise.all([redis.dir, instance.dir].map((dir) => chmod(dir, 0o700)));
		assert.equal(value, '777');
		assert.match(may, /everybody on this machine/);
		assert.match(write, /^unixsocketperm 700/);
	});

	test('too little memory for those who are expected: how much they need', async () => {
		const client = instance.redisClient(), used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
		await client.config('SET', 'maxmemory', String(used * 2));
		const { stdout } = await ctlDone(instance, 'check');
		await client.config('SET', 'maxmemory', '0');
		const [, megabytes] = /redis maxmemory = "\d+"\n {6}less is free than the expected voters need, .*\n {6}write: maxmemory (\d+)mb/.exec(stdout);
		assert.ok(Number(megabytes) * 2 ** 20 > used + 100_000 * 150, megabytes); // as many are expected where nobody says
	});

	test('a replica is asked for its own settings', async (t) => {
		const port = await freePort(), master = await startRedis(path.join(instance.dir, 'master'), ['--port', port, '--bind', '127.0.0.1']);
		t.after(() => master.stop());
		const replica = await startRedis(path.join(instance.dir, 'replica'), ['--port', await freePort(), '--bind', '127.0.0.1',
			'--replicaof', '127.0.0.1', port, '--appendfsync', 'everysec', '--min-replicas-to-write', '1']);
		t.after(() => replica.stop());
		const client = clientOf(master);
		t.after(() => client.disconnect());
		await eventually(async () => /slave0:.*state=online/.test(await client.info('replication')), 'a replica that follows');
		const { code, json } = await checkOn(t, { address: master.address, replicas: 1 }, '--json');
		assert.equal(code, 65);
		const [finding, ...more] = json.findings.filter(({ grade }) => grade !== 'advice');
		assert.deepEqual(more, []);
		assert.match(finding.of, /^replica 127\.0\.0\.1:\d+$/);
		assert.deepEqual([finding.setting, finding.value, finding.grade], ['appendfsync', 'everysec', 'loses votes']);

		const own = clientOf(replica);
		t.after(() => own.disconnect());
		await own.config('SET', 'appendfsync', 'always');
		assert.equal((await checkOn(t, { address: master.address, replicas: 1 }, '--json')).code, 0);
		await own.config('SET', 'requirepass', 'another');
		const away = await checkOn(t, { address: master.address, replicas: 1 }, '--json');
		assert.equal(away.code, 0);
		assert.match(away.json.findings.find(({ of }) => of.startsWith('replica ')).may_happen, /cannot be asked/);
	});

	test('wrong arguments, no Redis, a password that is none', async (t) => {
		await ctlRefused(instance, 64, /takes no "--all"/, 'check', '--all');
		const { code, stderr } = await checkOn(t, { address: `unix:${instance.dir}/none.sock` });
		assert.equal(code, 69);
		assert.match(stderr, /^tallyctl: Redis at unix:\S+ is not to be had: cannot connect: /);
		const refused = await checkOn(t, { address: redis.address, ...await userSettings(instance.dir) });
		assert.equal(refused.code, 69);
		assert.match(refused.stderr, /WRONGPASS [^.]+\.\n$/);
	});
});

describe('a user of tallyd’s own', () => {
	test('may do all that is needed with the rights that are shipped, and check tells what is missing', async (t) => {
		const dir = await makeDirectory(), redis = await startRedis(path.join(dir, 'own-redis'));
		t.after(() => redis.stop());
		const client = clientOf(redis);
		t.after(() => client.disconnect());
		await client.call('ACL', 'SETUSER', ...await shippedUser());
		const instance = await startInstance({ dir, redis, settings: { redis: await userSettings(dir) } });
		t.after(() => instance.stop());
		const round = new Round(instance);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		assert.equal((await instance.tallyOf(round.id, 1)).ballots, 1);
		await ctlDone(instance, 'invite', 'organiser', '--name', '김');
		await ctlDone(instance, 'pause', '--why', 'x');
		assert.equal((await ctlDone(instance, 'check', '--json')).json.findings.filter(({ of }) => of === 'rights').length, 0);

		await client.call('ACL', 'SETUSER', 'tallyd', '-xadd', '-fcall');
		const { code, json } = await ctl(instance, 'check', '--json');
		assert.equal(code, 65);
		const rights = json.findings.filter(({ of }) => of === 'rights');
		assert.deepEqual(rights.map(({ grade, setting }) => [grade, setting]), [['takes no votes', 'tallyd'], ['takes no votes', 'tallyd']]);
		assert.deepEqual(rights.map(({ value }) => /'(\w+)'/.exec(value)[1]).sort(), ['fcall', 'xadd']);
		await client.call('ACL', 'SETUSER', 'tallyd', '+xadd', '+fcall', '-config|get', '-acl|whoami');
		const blind = (await ctlDone(instance, 'check', '--json')).json;
		assert.equal(found(blind)['CONFIG GET'], 'advice');
		assert.equal(found(blind).ACL, 'advice');
		await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
		await eventually(() => /warn worker 1 redis: CONFIG GET is "refused"/.test(instance.stderr), 'a warning that nobody can tell');
		await eventually(async () => (await instance.get('/readyz')).status === 200, 'ready all the same');
	});
});

describe('servers on a Redis that loses votes', () => {
	const bad = ['--appendfsync', 'everysec'];

	test('a rehearsal warns, once, and goes on', async (t) => {
		const { instance } = await own(t, bad, { settings: { workers: 2 } });
		const round = new Round(instance);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
		assert.equal(instance.stderr.match(/appendfsync is "everysec" \(loses votes\)/g).length, 1, instance.stderr);
		assert.match(instance.stderr, /a real contest would be refused/);
	});

	test('a real contest takes no votes until it is mended', async (t) => {
		const port = await freePort();
		const { instance, redis } = await own(t, bad, { ...REAL, ready: false, settings: { workers: 2, listen: `127.0.0.1:${port}` } });
		Object.assign(instance, { host: '127.0.0.1', port, agent: instance.newAgent(8) });
		const refused = await eventually(async () => {
			const reply = await instance.get('/readyz');
			return reply.status === 503 && /redis-unsafe/.test(reply.text) && reply;
		}, 'a refusal');
		assertProblem(refused, 503, 'not-ready', /^redis-unsafe: appendfsync is "everysec" \(loses votes\): .*write: appendfsync always \(tallyctl check\)$/);
		const round = new Round(instance), token = round.mint();
		assertProblem(await round.cast(token, ballot), 503, 'unavailable', /nothing was counted/i);
		assert.equal(instance.stderr.match(/warn worker \d redis: appendfsync/g).length, 1, instance.stderr);
		assert.doesNotMatch(instance.stdout, /^ready/m);
		const client = instance.redisClient();
		assert.equal(await client.exists(`{${round.name}/0}:rules`), 0); // nothing was laid down either
		const becomesReady = () => eventually(async () => (await instance.get('/readyz')).status === 200, 'ready');
		await client.config('SET', 'appendfsync', 'always');
		await becomesReady();
		assert.equal((await round.castUntilAnswered(token, ballot)).status, 201);

		// Every connection is looked at: it comes back with another setting.
		await client.config('SET', 'appendfsync', 'everysec');
		await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
		await eventually(async () => /redis-unsafe/.test((await instance.get('/readyz')).text), 'a refusal');
		await client.config('SET', 'appendfsync', 'always');
		await becomesReady();
		assert.ok(redis.pid);
	});

	test('redis.unsafe: true: a warning', async (t) => {
		const { instance } = await own(t, bad, { ...REAL, settings: { redis: { unsafe: true } } });
		assert.match(instance.stderr, /warn worker 1 redis: appendfsync is "everysec"/);
		const round = new Round(instance);
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
	});
});

test('check: a name in the address: advice to write what it stands for', async (t) => {
	const dir = await makeDirectory(), port = await freePort();
	const redis = await startRedis(path.join(dir, 'own-redis'), ['--port', String(port), '--bind', '127.0.0.1']);
	const at = (host) => ({ socket: redis.socket, settings: { address: `tcp:${host}:${port}` }, stop: () => redis.stop() });
	const instance = await startInstance({ dir, redis: at('localhost') });
	t.after(() => instance.stop());
	const { json } = await ctlDone(instance, 'check', '--json');
	const [{ grade, value, write }] = json.findings.filter(({ of, setting }) => of === 'redis' && setting === 'address');
	assert.deepEqual([grade, value, write], ['advice', 'localhost', `tcp:127.0.0.1:${port}`]);
	const text = await readFile(instance.config, 'utf8');
	await writeFile(instance.config, text.replace(`tcp:localhost:${port}`, write));
	assert.equal((await ctlDone(instance, 'check', '--json')).json.findings.filter(({ setting }) => setting === 'address').length, 0);
});

const repair = (...args) => runProgram(TALLYCTL, ['repair', ...args]);

test('repair: a torn tail is cut, other damage is told', async (t) => {
	const dir = await makeDirectory(), redis = await startRedis(path.join(dir, 'redis'));
	t.after(() => redis.stop());
	t.after(() => rm(dir, { recursive: true }));
	const client = clientOf(redis);
	await client.set('a', 'b');
	client.disconnect();
	redis.signal('SIGKILL');
	await redis.ended();
	const file = path.join(redis.dir, 'appendonlydir/appendonly.aof.1.incr.aof'), whole = await readFile(file);
	await appendFile(file, '*3\r\n$3\r\nSET\r\n$1\r\n');
	const cut = await repair(redis.dir);
	assert.equal(cut.code, 0, cut.stderr);
	assert.match(cut.stdout, new RegExp(`^cut 17 bytes off \\S+incr\\.aof at offset ${whole.length}: .*; kept in \\S+\\.cut-\\d+\n$`));
	assert.deepEqual(await readFile(file), whole);
	assert.match((await repair(redis.dir)).stdout, /whole, \d+ commands; nothing to repair\n$/);
	await redis.restart();
	redis.signal('SIGKILL');
	await redis.ended();
	await appendFile(file, 'garbage');
	const damaged = await repair(redis.dir);
	assert.equal(damaged.code, 65);
	assert.match(damaged.stderr, /incr\.aof, offset \d+: no command begins here\. Nothing was changed; see "Damaged append-only file"/);
	assert.equal((await repair(path.join(dir, 'none'))).code, 66);
	await mkdir(path.join(dir, 'empty'));
	assert.match((await repair(path.join(dir, 'empty'))).stderr, /holds no appendonlydir/);
	assert.equal((await repair()).code, 64);
});

test('repair: what may not be entered is not said to be missing', async (t) => {
	const dir = await makeDirectory();
	t.after(() => rm(dir, { recursive: true }));
	await mkdir(path.join(dir, 'appendonlydir'));
	// Root may everywhere, unless it has laid that down.
	const [program, ...args] = [...process.getuid() === 0 ? ['setpriv', '--bounding-set=-all'] : [], TALLYCTL, 'repair', dir];
	for (const [locked, file] of [[dir, ''], [path.join(dir, 'appendonlydir'), '/appendonly\\.aof\\.manifest, offset 0: cannot be \\w+']]) {
		await chmod(locked, 0);
		const { code, stderr } = await runProgram(program, args);
		await chmod(locked, 0o700);
		assert.equal(code, 66);
		assert.match(stderr, new RegExp(`appendonlydir${file}.*Permission denied`));
	}
});

// Read in the midst of a write, a file of a Redis that runs looks torn, and was cut under its feet.
test('repair: refused while Redis writes, and every acknowledged value is there afterwards', async (t) => {
	const WRITERS = 16, REPAIRS = 12;
	const dir = await makeDirectory(), redis = await startRedis(path.join(dir, 'redis'));
	t.after(() => rm(dir, { recursive: true }));
	t.after(() => redis.stop());
	const filling = 'x'.repeat(60_000), acknowledged = new Map();
	let done = false;
	const write = async (key) => {
		const client = clientOf(redis);
		for (let n = 1; !done; n++) {
			await client.set(key, `${n} ${filling}`);
			acknowledged.set(key, n);
		}
		client.disconnect();
	};
	const writers = Array.from({ length: WRITERS }, (_, i) => write(`key ${i}`));
	await eventually(() => acknowledged.size === WRITERS, 'a value of each writer');
	for (let i = 0; i < REPAIRS; i++) {
		const { code, stderr } = await repair(redis.dir);
		assert.equal(code, 75, stderr);
		assert.match(stderr, new RegExp(`incr\\.aof is in use by process ${redis.pid} \\(redis-server\\).*Nothing was changed\\. End that first`));
	}
	done = true;
	await Promise.all(writers);
	redis.signal('SIGKILL');
	await redis.ended();
	assert.match((await repair(redis.dir)).stdout, /: whole, \d+ commands; nothing to repair\n$/);
	await redis.restart();
	const client = clientOf(redis);
	for (const [key, n] of acknowledged)
		assert.equal((await client.get(key))?.split(' ')[0], `${n}`, key);
	client.disconnect();
});

test('repair: refused where a tallyd keeps its private Redis', async (t) => {
	const instance = await startInstance({ settings: { pages: '' } });
	t.after(() => instance.stop());
	const { code, stderr } = await repair(path.join(instance.dir, 'redis'));
	assert.equal(code, 75);
	assert.match(stderr, new RegExp(`^tallyctl: a tallyd \\(process ${instance.child.pid}\\) keeps its private Redis in \\S+/redis, .*Nothing was changed\\.\n$`));
});
