// A shard's log as its files tell, from FORMAT.md and RFC 6962 alone: Merkle roots by the recursive
// definition, entries out of their bundles, notes by Node's crypto. And what tests of sealing need of hosts.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { childrenOf, eventually, makeDirectory, startInstance, startRedis } from './instance.mjs';
import { openNote } from './note.mjs';
import { pack, unpack } from './protocol.mjs';

const WIDTH = 256;
const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest();
};

export const leafOf = (entry) => sha256(Buffer.of(0), entry);
const nodeOf = (left, right) => sha256(Buffer.of(1), left, right);

/** RFC 6962 section 2.1, as it is written there. */
function rootOfLeaves(leaves, from, to) {
	if (to === from)
		return sha256();
	if (to === from + 1)
		return leaves[from];
	let k = 1;
	while (2 * k < to - from)
		k *= 2;
	return nodeOf(rootOfLeaves(leaves, from, from + k), rootOfLeaves(leaves, from + k, to));
}

export const rootOf = (entries, size = entries.length) => {
	assert.ok(entries.length >= size);
	return rootOfLeaves(entries.map(leafOf), 0, size);
};

/** The roots of many trees of the same entries: (size) -> root. A subtree is hashed once. */
export function rootsOf(entries) {
	const leaves = entries.map(leafOf), known = new Map();
	const root = (from, to) => {
		if (to - from < 2)
			return rootOfLeaves(leaves, from, to);
		const name = `${from}-${to}`;
		let k = 1;
		while (2 * k < to - from)
			k *= 2;
		if (!known.has(name))
			known.set(name, nodeOf(root(from, from + k), root(from + k, to)));
		return known.get(name);
	};
	return (size) => {
		assert.ok(entries.length >= size);
		return root(0, size);
	};
}

/** RFC 6962 section 2.1.1: the path of a leaf, from below, and the root that it leads to. */
export function pathOf(leaves, index, from = 0, to = leaves.length) {
	if (to === from + 1)
		return [];
	let k = 1;
	while (2 * k < to - from)
		k *= 2;
	return index < k ?
		[...pathOf(leaves, index, from, from + k), rootOfLeaves(leaves, from + k, to)] :
		[...pathOf(leaves, index - k, from + k, to), rootOfLeaves(leaves, from, from + k)];
}

/** RFC 9162 section 2.1.3.2, written another way: the root that a path leads to. */
export function rootFromPath(leaf, index, size, steps) {
	if (size === 1) {
		assert.equal(steps.length, 0);
		return leaf;
	}
	let k = 1;
	while (2 * k < size)
		k *= 2;
	const rest = steps.slice(0, -1), last = steps.at(-1);
	return index < k ? nodeOf(rootFromPath(leaf, index, k, rest), last) :
		nodeOf(last, rootFromPath(leaf, index - k, size - k, rest));
}

const grouped = (n) => {
	const groups = [];
	for (; n >= 1000; n = Math.floor(n / 1000))
		groups.unshift(String(n % 1000).padStart(3, '0'));
	groups.unshift(String(n).padStart(3, '0'));
	return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
};

const filePath = (kind, n, width) => `tile/${kind}/${grouped(n)}${width < WIDTH ? `.p/${width}` : ''}`;

/** Every file that a log of these entries has (FORMAT.md section 3.2): path -> bytes. */
export function filesOf(entries) {
	const files = new Map();
	const put = (kind, items, item) => {
		for (let at = 0; at < items.length; at += WIDTH) {
			const some = items.slice(at, at + WIDTH);
			files.set(filePath(kind, at / WIDTH, some.length), Buffer.concat(some.map(item)));
		}
	};
	put('entries', entries, (entry) => Buffer.concat([Buffer.of(0, 32), entry]));
	let level = entries.map(leafOf);
	for (let i = 0; level.length > 0; i++) {
		put(i, level, (hash) => hash);
		const above = [];
		for (let at = 0; at + WIDTH <= level.length; at += WIDTH)
			above.push(rootOfLeaves(level, at, at + WIDTH));
		level = above;
	}
	return files;
}

export class Log {
	/** The log of one shard as the host of `instance` has it. */
	constructor(instance, round, { shard = 0, epoch = 1 } = {}) {
		const identity = round.origin(shard);
		this.origin = epoch === 1 ? identity : `${identity}/epoch-${epoch}`;
		this.dir = path.join(instance.dir, 'log', round.name, String(shard),
			...(epoch === 1 ? [] : [`epoch-${epoch}`]));
		this.key = crypto.createPublicKey(
			readFileSync(path.join(round.instance.dir, 'keys', round.name, 'log.public.pem')));
	}

	async read(name) {
		return readFile(path.join(this.dir, name));
	}

	/** Parses and checks a checkpoint: {text, origin, size, root}. */
	open(text) {
		const [origin, size, root, ...rest] = openNote(text, this.origin, this.key).split('\n');
		assert.deepEqual(rest, ['']);
		assert.equal(origin, this.origin);
		assert.match(size, /^(0|[1-9]\d*)$/);
		return { text, size: Number(size), root: Buffer.from(root, 'base64') };
	}

	async checkpoint() {
		return this.open((await this.read('checkpoint')).toString());
	}

	/** The issued note: {size, issued}. */
	async issued() {
		const [title, origin, size, issued] = openNote((await this.read('issued')).toString(),
			this.origin, this.key).split('\n');
		assert.equal(title, 'tallyd issued v1');
		assert.equal(origin, this.origin);
		return { size: Number(size), issued: Number(issued) };
	}

	/** The first `size` entries; from the full bundle where the partial one has gone. */
	async entries(size) {
		const entries = [];
		for (let n = 0; n * WIDTH < size; n++) {
			const width = Math.min(WIDTH, size - n * WIDTH);
			const bytes = await this.read(filePath('entries', n, width)).catch(() =>
				this.read(filePath('entries', n, WIDTH)));
			for (let i = 0; i < width; i++) {
				assert.equal(bytes.readUInt16BE(34 * i), 32);
				entries.push(bytes.subarray(34 * i + 2, 34 * i + 34));
			}
		}
		return entries;
	}

	/** The checkpoint, once it covers so many entries, and they make its root. */
	async sealed(size, ms) {
		const checkpoint = await eventually(async () => {
			const now = await this.checkpoint();
			return now.size >= size && now;
		}, `a checkpoint of ${size} entries in ${this.dir}`, ms);
		const entries = await this.entries(checkpoint.size);
		assert.deepEqual(rootOf(entries), checkpoint.root);
		return { ...checkpoint, entries };
	}

	/** Every file of the newest checkpoint is there with the right bytes. */
	async checkFiles() {
		const { size, root } = await this.checkpoint();
		const entries = await this.entries(size);
		assert.deepEqual(rootOf(entries), root);
		for (const [name, bytes] of filesOf(entries))
			assert.ok((await this.read(name)).equals(bytes), `${this.dir}/${name}`);
		return { size, entries };
	}

	/** All names below the directory. */
	async names() {
		const list = await readdir(this.dir, { recursive: true, withFileTypes: true });
		return list.filter((item) => item.isFile())
			.map((item) => path.relative(this.dir, path.join(item.parentPath ?? item.path, item.name)))
			.sort();
	}
}

/** Casts `n` valid ballots, some at a time: their receipts. */
export async function castMany(round, n) {
	const receipts = [];
	for (let at = 0; at < n; at += 50)
		receipts.push(...await Promise.all(Array.from({ length: Math.min(50, n - at) }, async () => {
			const reply = await round.castUntilAnswered(round.mint(), { choices: ['upstage'] });
			assert.ok([200, 201].includes(reply.status), reply.text); // 200: counted before, and not answered
			return reply.json;
		})));
	return receipts;
}

/**
 * Puts `n` ballots straight into a shard's log behind those that are there, `batch` in an entry, as casting would
 * but without voters. Nothing else that is kept of a ballot is written.
 */
export async function fillLog(round, shard, n, batch = 64) {
	const redis = round.instance.redisClient(), key = `{${round.name}/${shard}}:log`;
	const [last] = await redis.xrevrangeBuffer(key, '+', '-', 'COUNT', 1);
	let index = last ? Number(last[0].toString().split('-')[0]) - 1 + unpack(last[1][1]).length : 0;
	let pipeline = redis.pipeline();
	for (const end = index + n; index < end;) {
		const ballots = Array.from({ length: Math.min(batch, end - index) }, () => {
			const spent = crypto.randomBytes(16), ballot = 'choices\nupstage\n';
			return pack({ spent, tag: round.tagOf(spent, ballot, { shard }), ballot });
		});
		pipeline.xadd(key, `${index + 1}-0`, 'b', Buffer.concat(ballots));
		index += ballots.length;
		if (pipeline.length >= 1000) {
			await pipeline.exec();
			pipeline = redis.pipeline();
		}
	}
	await pipeline.exec();
	redis.disconnect();
}

/** pid of the sealer of an instance, once it runs. */
export const sealerOf = (instance) => eventually(async () =>
	(await childrenOf(instance.child.pid)).find(({ name }) => name === 'sealer')?.pid, 'a sealer');

/** kill -9, as a crash would. */
export async function killSealer(instance) {
	const pid = await sealerOf(instance);
	process.kill(pid, 'SIGKILL');
	return pid;
}

/**
 * Two hosts on one Redis, each with a log directory and a copy of the keys of its own. `ballotLog` are settings
 * of both; `second` is given the second's directory before it starts, and answers with settings of its ballot_log.
 * stop() ends both.
 */
export async function startPair(options, ballotLog = {}, second = async () => ({})) {
	const first = await startInstance({ ...options, redis: await startRedisIn(), settings: { ballot_log: ballotLog } });
	const dir = await makeDirectory();
	await cp(path.join(first.dir, 'keys'), path.join(dir, 'keys'), { recursive: true });
	const other = await startInstance({ ...options, dir, redis: first.redis,
		settings: { ballot_log: { ...ballotLog, ...await second(dir) } } });
	const pair = [first, other];
	pair.stop = async () => {
		for (const instance of pair)
			if (instance.child.exitCode === null && instance.child.signalCode === null)
				await instance.end();
		await first.stop();
		await other.stop();
		await rm(first.redis.dir, { recursive: true, force: true });
	};
	return pair;
}

async function startRedisIn() {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'redis'));
	redis.dir = dir;
	return redis;
}

/** The last ballot of a shard is gone from Redis, as after an older backup was restored: its index. */
export async function loseLastBallot(round, shard = 0) {
	const redis = round.instance.redisClient(), key = `{${round.name}/${shard}}:log`;
	const [[id]] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
	const index = Number(id.split('-')[0]) - 1; // it must be the only one of its entry
	await redis.xdel(key, id);
	await redis.call('XSETID', key, `${index}-0`);
	redis.disconnect();
	return index;
}
