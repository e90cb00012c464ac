// Starts what the benchmark compares, each with a private Redis that has the durable settings, and ends it by the pid it
// started. Knows nothing of what is measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { childrenOf, eventually, makeDirectory, realRound, startInstance, startRedis } from '../../live/lib/instance.mjs';

const HOUR_MS = 3_600_000;
const UNLIMITED = { per_minute: 0 }; // all come from one address
const HERE = path.dirname(fileURLToPath(import.meta.url));

async function freePort() {
	const server = net.createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

const answers = (port) => new Promise((resolve) => {
	const socket = net.connect(port, '127.0.0.1');
	socket.once('connect', () => resolve(socket.end() && true));
	socket.once('error', () => resolve(false));
});

async function end(child) {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit');
	child.kill('SIGTERM');
	const late = setTimeout(() => child.kill('SIGKILL'), 5000);
	await ended;
	clearTimeout(late);
}

/**
 * One place: a directory, Redis, and a tallyd that has laid down the rules under which peers' ballots are cast as well.
 * `start()` gives {port, pid, peer}. `every`: so much time at least between two of tallyd's frames.
 */
export async function openPlace(every = '0s') {
	const dir = await makeDirectory(), children = [];
	const redisPort = await freePort();
	const redis = await startRedis(path.join(dir, 'redis'), ['--port', String(redisPort), '--bind', '127.0.0.1']);
	const tallyd = await startInstance({ redis, ...realRound(Date.now() - HOUR_MS, Date.now() + HOUR_MS, { expected_voters: 100_000, publish: { first_at: 1, step: 1, every } }),
		settings: { ballot_rate: { ...UNLIMITED }, read_rate: { ...UNLIMITED }, stream_rate: { ...UNLIMITED }, ballot_log: { dir: '' }, access_log: '', limits: { connections: 19_800, subscribers: 19_700 } } });

	async function spawned(program, args, port) {
		const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
		children.push(child);
		await eventually(() => answers(port), `${program} at ${port}`);
		return { port, pid: child.pid, peer: true };
	}

	const servers = {
		tallyd: async () => ({ port: tallyd.port, pid: tallyd.child.pid }),
		redis: async () => ({ port: redisPort, pid: redis.pid }),
		async webdis() {
			const port = await freePort(), file = path.join(dir, 'webdis.json');
			await writeFile(file, JSON.stringify({ redis_host: '127.0.0.1', redis_port: redisPort, http_host: '127.0.0.1', http_port: port,
				threads: 1, pool_size: 4, daemonize: false, database: 0, acl: [], verbosity: 0, logfile: path.join(dir, 'webdis.log') }));
			return spawned('webdis', [file], port);
		},
		async node() {
			const child = spawn(process.execPath, [path.join(HERE, 'relay.mjs'), redis.socket], { stdio: ['ignore', 'pipe', 'inherit'] });
			children.push(child);
			let said = '';
			child.stdout.on('data', (text) => { said += text; });
			const port = await eventually(() => /^ready (\d+)$/m.exec(said)?.[1], 'the relay');
			return { port: Number(port), pid: child.pid, peer: true };
		},
		/** Streams by nchan; votes go through the same worker, on to webdis. */
		async nchan() {
			const votes = await servers.webdis(), port = await freePort();
			const at = path.join(dir, 'nginx');
			await mkdir(at);
			await writeFile(path.join(at, 'nginx.conf'), (await readFile(path.join(HERE, 'nchan.conf'), 'utf8'))
				.replaceAll('DIR', at).replaceAll('LISTEN', `127.0.0.1:${port}`).replaceAll('WEBDIS', `127.0.0.1:${votes.port}`));
			return spawned('/usr/sbin/nginx', ['-e', path.join(at, 'error.log'), '-p', at, '-c', path.join(at, 'nginx.conf')], port);
		},
	};
	return {
		config: tallyd.config,
		redisPid: redis.pid,
		programs: new Set(), // that measure just now
		start: (name) => servers[name](),
		childrenOf,
		async close() {
			for (const child of children.reverse())
				await end(child);
			await tallyd.stop().catch(() => {});
			await redis.stop();
			await rm(dir, { recursive: true, force: true });
		},
	};
}
