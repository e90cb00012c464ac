// The public log as somebody else's program reads it: Go's own transparency log library (tests/reference/tlog.go),
// from which C2SP's formats come. It opens the checkpoint, authenticates every tile, and proves every entry.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ctlDone } from './lib/acts.mjs';
import { ROOT, makeDirectory, startInstance } from './lib/instance.mjs';
import { Log } from './lib/log.mjs';
import { Round } from './lib/protocol.mjs';

const run = promisify(execFile);

let dir, program;
before(async () => {
	dir = await makeDirectory();
	program = path.join(dir, 'tlog');
	// Debian's packages alone: nothing is fetched, nothing is left in a home directory
	await run('go', ['build', '-o', program, path.join(ROOT, 'tests/reference/tlog.go')], {
		env: { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOPROXY: 'off', GOFLAGS: '',
			GOCACHE: path.join(dir, 'cache') },
	});
});
after(() => rm(dir, { recursive: true, force: true }));

/** Runs the program, where it reads something with `input`: {code, stdout, stderr}. */
async function go(args, input) {
	const child = spawn(program, args, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
	let stdout = '', stderr = '';
	child.stdout.on('data', (text) => (stdout += text));
	child.stderr.on('data', (text) => (stderr += text));
	child.stdin?.end(input);
	const [code] = await once(child, 'close');
	return { code, stdout, stderr };
}

async function goDone(args, input) {
	const { code, stdout, stderr } = await go(args, input);
	assert.equal(code, 0, stderr);
	return stdout;
}

test('the vectors that the unit tests read are what Go makes', async () => {
	assert.equal(await goDone(['vectors']),
		await readFile(path.join(ROOT, 'tests/unit/vectors/tlog.json'), 'utf8'));
});

describe('a log', () => {
	const receipts = [];
	let instance, round, log, key;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1 } });
		round = new Round(instance);
		log = new Log(instance, round);
		const keys = await ctlDone(instance, 'log', 'key');
		key = keys.stdout.split('\n').find((line) => line.startsWith(`${log.origin}+`));
		assert.ok(key, keys.stdout);
	});
	after(() => instance.stop());

	async function castUntil(size) {
		while (receipts.length < size)
			receipts.push(...await Promise.all(Array.from({ length: Math.min(50, size - receipts.length) }, async () => {
				const reply = await round.castUntilAnswered(round.mint(), { choices: ['upstage'] });
				assert.equal(reply.status, 201, reply.text);
				return reply.json;
			})));
		await log.sealed(size);
	}

	for (const size of [1, 2, 255, 256, 300, 513])
		test(`of ${size} ballots: every entry and every earlier tree`, async () => {
			await castUntil(size);
			const { root } = await log.checkpoint();
			const checked = JSON.parse(await goDone(['check', log.dir, key]));
			assert.equal(checked.size, size);
			assert.equal(checked.root, root.toString('base64'));
		});

	test('a voter\'s proof from the API', async () => {
		for (const { shard, index, entry } of receipts.filter((_, i) => i % 40 === 0)) {
			const proof = await instance.get(`/v1/contests/${round.id}/receipts/${shard}/${index}`);
			assert.equal(proof.status, 200, proof.text);
			const hex = Buffer.from(entry, 'base64').toString('hex');
			const checked = JSON.parse(await goDone(['proof', key, hex], proof.text));
			assert.equal(checked.index, index);
			assert.equal(checked.size, 513);
			const other = await go(['proof', key, hex.replace(/^./, (c) => (c === '0' ? '1' : '0'))], proof.text);
			assert.notEqual(other.code, 0, 'another entry is proved as well');
		}
	});

	test('a changed byte is found', async () => {
		for (const name of ['tile/0/000', 'tile/0/002.p/1', 'tile/1/000.p/2', 'tile/entries/001', 'checkpoint']) {
			const copy = path.join(dir, 'copy');
			await cp(log.dir, copy, { recursive: true });
			const bytes = await readFile(path.join(copy, name));
			bytes[30] ^= 1;
			await writeFile(path.join(copy, name), bytes);
			assert.notEqual((await go(['check', copy, key])).code, 0, name);
			await rm(copy, { recursive: true });
		}
	});

	test('another key opens nothing', async () => {
		const [name, id, bytes] = key.split('+');
		const { code, stderr } = await go(['check', log.dir,
			`${name}+${id}+${Buffer.from(bytes, 'base64').map((b, i) => (i === 5 ? b ^ 1 : b)).toString('base64')}`]);
		assert.notEqual(code, 0);
		assert.match(stderr, /malformed verifier id|note has no verifiable signatures|invalid/);
	});
});
