// A Redis with a replica, watched by Sentinel, behind HAProxy, both with the lines of ops/cluster.md: the master dies while
// people vote.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { audit, isSound } from '../campaign/audit.mjs';
import { served, settings } from '../campaign/host.mjs';
import { Writers } from '../campaign/writers.mjs';
import { freePort } from './lib/admin.mjs';
import { ROOT, eventually, makeDirectory, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';

const HOST = '127.0.0.1', PASSWORD = 'f00d';

/** What the guide shows in a language of this name: the one block that has `about` in it. */
async function shown(language, about) {
	const guide = await readFile(path.join(ROOT, 'ops/cluster.md'), 'utf8');
	const blocks = [...guide.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, name, text]) => name === language && text.includes(about));
	assert.equal(blocks.length, 1, `${language} with ${about}`);
	return blocks[0][2];
}

function fill(text, changes) {
	for (const [from, to] of changes) {
		assert.ok(text.includes(from), `not in the guide: ${from}`);
		text = text.replaceAll(from, to);
	}
	return text;
}

async function run(ends, program, args) {
	const child = spawn(program, args, { stdio: 'ignore' });
	const kill = async () => {
		if (child.exitCode === null && child.signalCode === null) {
			child.kill('SIGKILL');
			await once(child, 'exit');
		}
	};
	ends.push(kill);
	await once(child, 'spawn');
	return kill;
}

async function connect(ends, port, password) {
	const client = new Redis({ host: HOST, port, password, retryStrategy: () => 50, maxRetriesPerRequest: null });
	client.on('error', () => {}); // commands report it
	ends.push(() => client.disconnect());
	await client.ping();
	return client;
}

/** A server with the guide's lines for replicas, of a master where one is named. */
async function startServer(ends, dir, port, masterPort = null) {
	await mkdir(dir, { recursive: true });
	const file = path.join(dir, 'redis.conf');
	await writeFile(file, `${fill(await shown('conf', 'Not on one that is alone'), [['/usr/local/share/tallyd/redis.conf', path.join(ROOT, 'ops/redis.conf')],
		['port 6379', `port ${port}`], ['bind 10.0.0.21', `bind ${HOST}`], ['/var/lib/redis', dir], [' PASSWORD', ` ${PASSWORD}`]])}logfile redis.log\n`);
	const kill = await run(ends, 'redis-server', [file, ...masterPort ? ['--replicaof', `${HOST} ${masterPort}`] : []]);
	return { port, dir, kill, client: await connect(ends, port, PASSWORD) };
}

const follows = async (server) => /role:slave[^]*master_link_status:up/.test(await server.client.info('replication'));

test('the master dies while people vote: Sentinel promotes the replica, HAProxy leads there, nothing is lost', async (t) => {
	const dir = await makeDirectory(), ends = [() => rm(dir, { recursive: true })];
	t.after(async () => {
		for (const end of ends.reverse())
			await end();
	});
	const [first, second, watch, front] = [await freePort(), await freePort(), await freePort(), await freePort()];
	const master = await startServer(ends, path.join(dir, 'redis-1'), first), replica = await startServer(ends, path.join(dir, 'redis-2'), second, first);
	await eventually(() => follows(replica), 'a replica that follows');

	const sentinel = path.join(dir, 'sentinel.conf'), haproxy = path.join(dir, 'haproxy.cfg');
	await writeFile(sentinel, `${fill(await shown('sentinel', 'monitor'), [['port 26379', `port ${watch}`], ['bind 10.0.0.21', `bind ${HOST}`], ['10.0.0.21 6379 2', `${HOST} ${first} 1`],
		['tallyd 5000', 'tallyd 500'], ['tallyd 30000', 'tallyd 3000'], ['PASSWORD', PASSWORD]])}dir ${dir}\nlogfile sentinel.log\n`);
	await writeFile(haproxy, fill(await shown('haproxy', 'tcp-check'), [['127.0.0.1:6380', `${HOST}:${front}`],
		['10.0.0.21:6379', `${HOST}:${first}`], ['10.0.0.22:6379', `${HOST}:${second}`], ['PASSWORD', PASSWORD]]));
	await run(ends, 'redis-sentinel', [sentinel]);
	await run(ends, '/usr/sbin/haproxy', ['-db', '-f', haproxy]);
	const watcher = await connect(ends, watch);
	await eventually(async () => (await watcher.call('SENTINEL', 'REPLICAS', 'tallyd')).some((fields) => fields.includes(`${HOST}:${second}`) && fields.includes('slave')), 'a Sentinel that knows the replica');

	const newClient = () => new Redis({ host: HOST, port: front, password: PASSWORD, maxRetriesPerRequest: null, retryStrategy: () => 50 });
	const secret = path.join(dir, 'redis.password');
	await writeFile(secret, PASSWORD, { mode: 0o600 });
	const instance = await startInstance({ redis: { address: `tcp:${HOST}:${front}`, newClient, stop: async () => {} },
		settings: { ...settings, redis: { ...settings.redis, address: `tcp:${HOST}:${front}`, password_file: secret, replicas: 1 } } });
	ends.push(() => instance.stop());
	const round = new Round(instance), writers = new Writers(round, 1);
	await served(writers, 50);
	await master.kill();
	await eventually(async () => /role:master/.test(await replica.client.info('replication')), 'the replica in its place');
	const before = await replica.client.xlen(`{${round.name}/0}:log`);
	const back = await startServer(ends, master.dir, first, second); // as the guide says; until then nobody else has a vote
	await eventually(() => follows(back), 'the dead one, as a replica');
	await served(writers, 50);
	await writers.stop();
	const result = await audit(instance, round, writers);
	assert.ok(isSound(result), JSON.stringify(result));
	assert.ok(await replica.client.xlen(`{${round.name}/0}:log`) > before);
	t.diagnostic(`${result.acknowledged} counted; refused ${writers.refused} times, no answer ${writers.unknown} times`);
});
