// A Redis Cluster of the test's own on loopback: masters, replicas, moving slots, failing over. Ends its
// servers by their pids. Knows nothing of ballots.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { ROOT, eventually } from './instance.mjs';

const HOST = '127.0.0.1';
const SLOTS = 16384;
export const NODE_TIMEOUT_MS = 1000;

/** So many ports that were free a moment ago. */
async function freePorts(n) {
	const servers = await Promise.all(Array.from({ length: n }, async () => {
		const server = net.createServer().listen(0, HOST);
		await once(server, 'listening');
		return server;
	}));
	const ports = servers.map((server) => server.address().port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

class Node {
	constructor(dir, port, busPort) {
		Object.assign(this, { dir, port, busPort, address: `tcp:${HOST}:${port}` });
	}

	async start() {
		await mkdir(this.dir, { recursive: true, mode: 0o700 });
		this.child = spawn('redis-server', [path.join(ROOT, 'ops/redis.conf'), '--port', String(this.port),
			'--bind', HOST, '--dir', this.dir, '--cluster-enabled', 'yes', '--cluster-port', String(this.busPort),
			'--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--cluster-replica-validity-factor', '0',
			'--repl-diskless-sync-delay', '0', '--logfile', path.join(this.dir, 'redis.log')],
		{ stdio: 'ignore' });
		this.client?.disconnect();
		this.client = new Redis({ host: HOST, port: this.port, retryStrategy: () => 50, maxRetriesPerRequest: null });
		this.client.on('error', () => {}); // commands report it
		await this.client.ping();
	}

	call(...args) {
		return this.client.call(...args);
	}

	async id() {
		this.name ??= await this.call('CLUSTER', 'MYID');
		return this.name;
	}

	async kill(signal = 'SIGKILL') {
		if (this.child.exitCode !== null || this.child.signalCode !== null)
			return;
		const ended = once(this.child, 'exit');
		this.child.kill('SIGCONT');
		this.child.kill(signal);
		await ended;
	}

	/** "master" or "slave", or null while it does not answer. */
	async role() {
		const info = await Promise.race([this.call('INFO', 'replication').catch(() => ''),
			new Promise((resolve) => setTimeout(resolve, 500, ''))]);
		return /role:(\w+)/.exec(info)?.[1] ?? null;
	}
}

export class RedisCluster {
	/** `masters` masters with the slots evenly among them, each with `replicas` replicas. */
	static async start(dir, { masters = 3, replicas = 0 } = {}) {
		const n = masters * (1 + replicas);
		const ports = await freePorts(2 * n);
		const cluster = new RedisCluster();
		cluster.nodes = ports.slice(0, n).map((port, i) => new Node(path.join(dir, `node-${i}`), port, ports[n + i]));
		try {
			await Promise.all(cluster.nodes.map((node) => node.start()));
			await cluster.form(masters);
		} catch (error) {
			await cluster.stop();
			throw error;
		}
		return cluster;
	}

	/** What tallyd.yaml says of it. */
	get settings() {
		return { cluster: this.nodes.map((node) => node.address) };
	}

	async form(masters) {
		const [first, ...others] = this.nodes;
		for (const node of others)
			await first.call('CLUSTER', 'MEET', HOST, node.port, node.busPort);
		await Promise.all(this.nodes.slice(0, masters).map((node, i) => node.call('CLUSTER', 'ADDSLOTSRANGE',
			Math.floor(SLOTS * i / masters), Math.floor(SLOTS * (i + 1) / masters) - 1)));
		await eventually(async () => {
			const known = await Promise.all(this.nodes.map((node) => node.call('CLUSTER', 'NODES')));
			return known.every((text) => text.trim().split('\n').filter((line) => / connected/.test(line)).length === this.nodes.length);
		}, 'nodes that know each other');
		await Promise.all(this.nodes.slice(masters).map(async (node, i) =>
			node.call('CLUSTER', 'REPLICATE', await this.nodes[i % masters].id())));
		await this.healthy();
	}

	/** Until every slot is served and every running replica follows. */
	async healthy() {
		await eventually(async () => {
			const running = this.nodes.filter((node) => node.child.exitCode === null && node.child.signalCode === null);
			const states = await Promise.all(running.map(async (node) =>
				`${await node.call('CLUSTER', 'INFO')}${await node.call('INFO', 'replication')}`));
			return states.every((text) => /cluster_state:ok/.test(text) &&
				!/role:slave[^]*master_link_status:down/.test(text));
		}, 'a healthy cluster');
	}

	/** The running master that has this key. */
	async masterOf(key) {
		const slot = await this.nodes.find((node) => node.child.exitCode === null && node.child.signalCode === null)
			.call('CLUSTER', 'KEYSLOT', key);
		return eventually(async () => {
			for (const node of this.nodes) {
				if (await node.role() !== 'master')
					continue;
				const own = (await node.call('CLUSTER', 'NODES')).split('\n').find((line) => line.includes('myself'));
				const ranges = own.split(' ').slice(8).map((range) => range.split('-').map(Number));
				if (ranges.some(([from, to = from]) => slot >= from && slot <= to))
					return node;
			}
			return null;
		}, `a master of ${key}`);
	}

	/** A running replica of this master. */
	async replicaOf(master) {
		for (const node of this.nodes)
			if (await node.role() === 'slave' && (await node.call('CLUSTER', 'NODES')).split('\n').find((line) => line.includes('myself')).includes(await master.id()))
				return node;
		throw new Error('it has no replica');
	}

	/** Moves a key's slot with everything in it, as redis-cli --cluster reshard does. */
	async moveSlot(key, to) {
		const slot = await to.call('CLUSTER', 'KEYSLOT', key);
		const from = await this.masterOf(key);
		if (from === to)
			return;
		await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await from.id());
		await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await to.id());
		for (;;) {
			const keys = await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 10);
			if (keys.length === 0)
				break;
			await from.call('MIGRATE', HOST, to.port, '', 0, 5000, 'KEYS', ...keys);
		}
		await to.call('CLUSTER', 'SETSLOT', slot, 'NODE', await to.id());
		await from.call('CLUSTER', 'SETSLOT', slot, 'NODE', await to.id());
	}

	/** A client that follows keys, as Instance.redisClient() wants one. */
	newClient() {
		const client = new Cluster(this.nodes.map(({ port }) => ({ host: HOST, port })),
			{ clusterRetryStrategy: () => 100, slotsRefreshTimeout: 2000, redisOptions: { maxRetriesPerRequest: 1 } });
		client.on('error', () => {});
		return client;
	}

	async stop() {
		await Promise.all(this.nodes.map(async (node) => {
			node.client?.disconnect();
			if (node.child)
				await node.kill();
		}));
	}
}
