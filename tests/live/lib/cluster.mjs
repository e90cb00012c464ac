// A Redis Cluster of the test's own on loopback: masters, replicas, moving slots, failing over. Ends its
// servers by their pids. Knows nothing of ballots.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { ROOT, eventually } from './instance.mjs';

const CLIENTS = '127.0.0.1'; // where those come from who are no nodes
const SLOTS = 16384;
export const NODE_TIMEOUT_MS = 1000;

/** So many ports of this address that were free a moment ago. */
async function freePorts(host, n) {
	const servers = await Promise.all(Array.from({ length: n }, async () => {
		const server = net.createServer().listen(0, host);
		await once(server, 'listening');
		return server;
	}));
	const ports = servers.map((server) => server.address().port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

/**
 * What nodes and clients reach a node by: two ports that lead on to its own, so that its links to other nodes can be cut while
 * clients reach it as before. Each node has an address of its own, by which its connections are told from others'.
 */
class Links {
	constructor(node) {
		this.node = node;
		this.cut = false;
		this.pairs = new Set();
	}

	async open(ports, announced) {
		this.servers = await Promise.all(ports.map(async (port, i) => {
			const server = net.createServer((near) => this.lead(near, port)).listen(announced[i], this.node.host);
			await once(server, 'listening');
			return server;
		}));
	}

	lead(near, port) {
		const from = near.remoteAddress, far = net.connect({ host: this.node.host, port });
		const pair = { from, near, far }, end = () => {
			this.pairs.delete(pair);
			near.destroy();
			far.destroy();
		};
		this.pairs.add(pair);
		for (const socket of [near, far])
			socket.setNoDelay(true).on('error', end).on('close', end);
		if (this.node.cluster.isCut(from, this.node))
			end();
		else
			near.pipe(far).pipe(near);
	}

	/** Ends what may not be any more. */
	enforce() {
		for (const { from, near } of [...this.pairs])
			if (this.node.cluster.isCut(from, this.node))
				near.destroy();
	}

	close() {
		for (const { near } of [...this.pairs])
			near.destroy();
		this.servers?.forEach((server) => server.close());
	}
}

class Node {
	constructor(cluster, dir, i) {
		Object.assign(this, { cluster, dir, host: `127.0.0.${11 + i}`, links: new Links(this) });
	}

	get address() {
		return `tcp:${this.host}:${this.announced[0]}`;
	}

	get runs() {
		return this.child?.exitCode === null && this.child.signalCode === null;
	}

	async open() {
		const [port, busPort, ...announced] = await freePorts(this.host, 4);
		Object.assign(this, { port, busPort, announced });
		await this.links.open([port, busPort], announced);
	}

	async start() {
		await mkdir(this.dir, { recursive: true, mode: 0o700 });
		this.child = spawn('redis-server', [path.join(ROOT, 'ops/redis.conf'), '--port', String(this.port),
			'--bind', this.host, '--bind-source-addr', this.host, '--dir', this.dir, '--cluster-enabled', 'yes',
			'--cluster-port', String(this.busPort), '--cluster-announce-ip', this.host,
			'--cluster-announce-port', String(this.announced[0]), '--cluster-announce-bus-port', String(this.announced[1]),
			'--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--cluster-replica-validity-factor', '0',
			'--repl-diskless-sync-delay', '0', '--logfile', path.join(this.dir, 'redis.log')],
		{ stdio: 'ignore' });
		this.client?.disconnect();
		this.client = new Redis({ host: this.host, port: this.port, retryStrategy: () => 50, maxRetriesPerRequest: null });
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
		if (!this.runs)
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
		const n = masters * (1 + replicas), cluster = new RedisCluster();
		cluster.nodes = Array.from({ length: n }, (_, i) => new Node(cluster, path.join(dir, `node-${i}`), i));
		try {
			await Promise.all(cluster.nodes.map(async (node) => {
				await node.open();
				await node.start();
			}));
			await cluster.form(masters);
		} catch (error) {
			await cluster.stop();
			throw error;
		}
		return cluster;
	}

	/** Whether what comes from this address may not reach that node. */
	isCut(from, to) {
		return from !== CLIENTS && (to.links.cut || this.nodes.some((node) => node.host === from && node.links.cut));
	}

	/** Cuts a node off from all others, or links it to them again; clients reach it all the while. */
	cutOff(node, cut = true) {
		node.links.cut = cut;
		this.nodes.forEach(({ links }) => links.enforce());
	}

	/** What tallyd.yaml says of it. */
	get settings() {
		return { cluster: this.nodes.map((node) => node.address) };
	}

	async form(masters) {
		const [first, ...others] = this.nodes;
		for (const node of others)
			await first.call('CLUSTER', 'MEET', node.host, ...node.announced);
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
			const running = this.nodes.filter((node) => node.runs);
			const states = await Promise.all(running.map(async (node) =>
				`${await node.call('CLUSTER', 'INFO')}${await node.call('INFO', 'replication')}`));
			return states.every((text) => /cluster_state:ok/.test(text) &&
				!/role:slave[^]*master_link_status:down/.test(text));
		}, 'a healthy cluster');
	}

	/** The running master that has this key. */
	async masterOf(key) {
		const slot = await this.nodes.find((node) => node.runs)
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
			await from.call('MIGRATE', to.host, to.announced[0], '', 0, 5000, 'KEYS', ...keys);
		}
		await to.call('CLUSTER', 'SETSLOT', slot, 'NODE', await to.id());
		await from.call('CLUSTER', 'SETSLOT', slot, 'NODE', await to.id());
	}

	/** A client that follows keys, as Instance.redisClient() wants one. */
	newClient() {
		const client = new Cluster(this.nodes.map(({ host, announced }) => ({ host, port: announced[0] })),
			{ clusterRetryStrategy: () => 100, slotsRefreshTimeout: 2000, redisOptions: { maxRetriesPerRequest: 1 } });
		client.on('error', () => {});
		return client;
	}

	async stop() {
		await Promise.all(this.nodes.map(async (node) => {
			node.client?.disconnect();
			await node.kill();
			node.links.close();
		}));
	}
}
