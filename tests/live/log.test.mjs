// The public log as strangers read it: its files below /log, proofs for receipts, and what everybody and the
// organisers are told when it stands still, up to the new epoch. Proofs are checked here from FORMAT.md alone.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { actsOf, assertRefused, ctl, ctlDone, ctlRefused, invite } from './lib/acts.mjs';
import { freePort, metricsOf } from './lib/admin.mjs';
import { eventually, makeDirectory, realRound, startInstance, startRedis } from './lib/instance.mjs';
import { Log, fillLog, leafOf, loseLastBallot } from './lib/log.mjs';
import { openNote } from './lib/note.mjs';
import { Round, assertProblem, pack } from './lib/protocol.mjs';
import { StreamReader } from './lib/stream.mjs';

const ballot = { choices: ['upstage'] };
const sha256 = (...parts) => crypto.createHash('sha256').update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();

async function castMany(round, n) {
	const receipts = [];
	for (let at = 0; at < n; at += 50)
		receipts.push(...await Promise.all(Array.from({ length: Math.min(50, n - at) }, async () => {
			const reply = await round.castUntilAnswered(round.mint(), ballot);
			assert.equal(reply.status, 201, reply.text);
			return reply.json;
		})));
	return receipts;
}

/** RFC 9162 section 2.1.3.2, step by step: the root that a path leads to. */
function rootOfPath(index, size, leaf, steps) {
	assert.ok(index < size);
	let [fn, sn, hash] = [index, size - 1, leaf];
	for (const step of steps) {
		assert.ok(sn > 0, 'too many hashes');
		if (fn % 2 === 1 || fn === sn) {
			hash = sha256([1], step, hash);
			while (fn % 2 === 0 && fn !== 0)
				[fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
		} else {
			hash = sha256([1], hash, step);
		}
		[fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
	}
	assert.equal(sn, 0, 'too few hashes');
	return hash;
}

/** A proof as the server gives it, held against the log's key: {index, size}. */
function checkProof(text, log, entry) {
	const [head, checkpoint] = [text.slice(0, text.indexOf('\n\n')), text.slice(text.indexOf('\n\n') + 2)];
	const [title, index, ...hashes] = head.split('\n');
	assert.equal(title, 'c2sp.org/tlog-proof@v1');
	assert.match(index, /^index (0|[1-9]\d*)$/); // and no `extra`
	for (const hash of hashes)
		assert.match(hash, /^[A-Za-z0-9+/]{43}=$/);
	const { size, root } = log.open(checkpoint);
	const at = Number(index.slice(6));
	assert.deepEqual(rootOfPath(at, size, leafOf(Buffer.from(entry, 'base64')), hashes.map((hash) => Buffer.from(hash, 'base64'))), root);
	return { index: at, size };
}

const proofOf = (round, { shard, index }) => round.instance.get(`${round.path}/receipts/${shard}/${index}`);

/** Without what is just being written: the issued note comes a moment after the checkpoint. */
const namesOf = async (log) => (await log.names()).filter((name) => !path.basename(name).startsWith('.'));

const FULL = /^tile\/(\d|entries)\/(x\d{3}\/)*\d{3}$/;

describe('files and proofs', () => {
	let instance, round, log, receipts;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1 } });
		round = new Round(instance);
		log = new Log(instance, round);
		receipts = await castMany(round, 300);
		await log.sealed(300);
	});
	after(() => instance.stop());
	const get = (name, options) => instance.get(`/log/${round.id}/0/${name}`, options);

	test('every file is served as it lies on the disk, to any origin; a rehearsal\'s is asked for again each time', async () => {
		const names = await namesOf(log);
		assert.ok(names.includes('tile/0/000') && names.includes('tile/0/001.p/44') && names.includes('tile/1/000.p/1'), String(names));
		for (const name of names) {
			const reply = await get(name, { headers: { Origin: 'https://elsewhere.example' } });
			assert.equal(reply.status, 200, name);
			assert.ok(reply.bytes.equals(await log.read(name)), name);
			assert.equal(reply.headers['access-control-allow-origin'], '*');
			assert.equal(reply.headers['cache-control'], 'no-cache', name);
			const { etag } = reply.headers;
			assert.equal(etag, `"${sha256(reply.bytes).toString('hex').slice(0, 24)}"`);
			const again = await get(name, { headers: { 'If-None-Match': etag } });
			assert.deepEqual([again.status, again.bytes.length, again.headers.etag], [304, 0, etag], name);
			assert.equal(reply.headers['content-type'], name.startsWith('tile/') ? 'application/octet-stream' : 'text/plain; charset=utf-8');
			assert.equal(reply.headers['content-encoding'], undefined);
			assert.equal(reply.headers['x-content-type-options'], 'nosniff');
		}
		const head = await instance.request('HEAD', `/log/${round.id}/0/tile/0/000`);
		assert.deepEqual([head.status, head.headers['content-length'], head.bytes.length], [200, '8192', 0]);
		assert.equal((await instance.request('POST', `/log/${round.id}/0/checkpoint`, { body: '' })).status, 405);
		assert.equal((await get('checkpoint?x=1')).status, 200);
	});

	test('nothing else is served, however it is asked for', async () => {
		const secret = 'a secret of the host';
		for (const name of ['secret', '.checkpoint.new', 'checkpoint.tmp'])
			await writeFile(path.join(log.dir, name), secret);
		await symlink('/etc/passwd', path.join(log.dir, 'statement'));
		await symlink(path.join(log.dir, 'secret'), path.join(log.dir, 'tile/0/777'));
		await symlink('/etc', path.join(log.dir, 'epoch-7'));
		const names = ['secret', '.checkpoint.new', 'checkpoint.tmp', 'statement', 'tile/0/777', 'epoch-7/passwd', 'checkpoint/', 'checkpoint//',
			'/checkpoint', './checkpoint', '../0/checkpoint', '..', '.', '../../../keys/salt.key', '..%2f..%2f..%2ftallyd.yaml',
			'%2e%2e/0/checkpoint', '%63heckpoint', '..\\..\\tallyd.yaml', 'tile', 'tile/', 'tile/0', 'tile/0/', 'tile/0/000/', 'tile/0/00',
			'tile/0/0000', 'tile/00/000', 'tile/0/0', 'tile/0/-01', 'tile/0/x000/000', 'tile/0/x001', 'tile/0/000.p', 'tile/0/000.p/',
			'tile/0/001.p/0', 'tile/0/001.p/044', 'tile/0/001.p/256', 'tile/0/001.p/45', 'tile/0/001.p/999999999999999999999', 'tile/8/000',
			'tile/9/000', 'tile/256/000', 'tile/entries/../../checkpoint', 'tile/entries/000%00', 'tile/Entries/000', 'tile/entries/x999/999',
			'epoch-0/checkpoint', 'epoch-1/checkpoint', 'epoch-01/checkpoint', 'epoch-2/checkpoint', 'epoch-2/../checkpoint',
			'epoch-18446744073709551616/checkpoint', 'epoch-2/epoch-2/checkpoint', 'CHECKPOINT', 'checkpoint ', 'checkpoint%0a',
			`tile/0/${'x000/'.repeat(30)}000`, 'x'.repeat(2000)];
		for (const name of names) {
			const reply = await get(encodeURI(name).replaceAll('%25', '%').replaceAll('%5C', '\\'));
			assert.ok([400, 404].includes(reply.status), `${name}: ${reply.status}`);
			assert.match(reply.headers['content-type'], /^application\/problem\+json/, name);
			assert.ok(!reply.text.includes(secret) && !reply.text.includes('root:'), name);
		}
		for (const shard of ['1', '00', '-0', '+0', '0x0', '', ' 0', '4294967296', '18446744073709551616', '٠'])
			assertRefused(await instance.get(`/log/${round.id}/${encodeURIComponent(shard)}/checkpoint`), 404,
				shard === '' ? 'not-found' : 'no-such-file');
		assertRefused(await instance.get('/log/nobody/0/checkpoint'), 404, 'no-such-contest');
		assertRefused(await instance.get(`/log/${round.name}/0/checkpoint`), 404, 'no-such-contest');
		assertRefused(await instance.get(`/log/${round.id}/0`), 404, 'not-found');
	});

	test('a proof for each receipt leads to the signed root, and says nothing of who asked', async () => {
		const some = receipts.filter(({ index }) => index % 11 === 0 || index < 3 || (index > 253 && index < 259) || index > 297);
		assert.ok(some.length > 30);
		for (const receipt of some) {
			const reply = await proofOf(round, receipt);
			assert.equal(reply.status, 200, reply.text);
			const { index, size } = checkProof(reply.text, log, receipt.entry);
			assert.deepEqual([index, size], [receipt.index, 300]);
		}
		const reply = await proofOf(round, receipts[0]);
		assert.equal(reply.headers['content-type'], 'text/plain; charset=utf-8');
		assert.equal(reply.headers['cache-control'], 'no-store');
		assert.throws(() => checkProof(reply.text, log, receipts[1].entry));
		const lines = (await eventually(() => {
			const text = readFileSync(path.join(instance.dir, 'access.log'), 'utf8');
			return text.includes('/receipts/0/299') && text;
		}, 'the access log')).split('\n').filter((line) => /\/receipts\/0\/\d|\/log\/[^/]+\/0\/\w/.test(line));
		assert.ok(lines.length > some.length);
		for (const line of lines)
			assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z .* -$/);
	});

	test('with a newer checkpoint the same ballot has a newer proof', async () => {
		const [later] = await castMany(round, 1);
		await log.sealed(301);
		for (const receipt of [receipts[7], later]) {
			const { size } = checkProof((await proofOf(round, receipt)).text, log, receipt.entry);
			assert.equal(size, 301);
		}
	});

	test('what names no place has no proof', async () => {
		for (const index of ['01', '-1', '+1', '1e1', '0x1', '1.0', ' 1', '٣', '1'.repeat(16), '9'.repeat(30), 'x', '%31'])
			assertRefused(await proofOf(round, { shard: 0, index: encodeURI(index).replaceAll('%25', '%') }), 404, 'no-such-index');
		for (const shard of ['1', '00', '-1', 'x', '99999999999999999999'])
			assertRefused(await proofOf(round, { shard, index: 0 }), 404, 'no-such-shard');
		assertRefused(await instance.get('/v1/contests/nobody/receipts/0/0'), 404, 'no-such-contest');
		const early = await proofOf(round, { shard: 0, index: 301 });
		assertRefused(early, 404, 'not-sealed');
		assert.equal(early.headers['retry-after'], '1');
		assertRefused(await proofOf(round, { shard: 0, index: 999_999_999_999_999 }), 404, 'not-sealed');
	});
});

test('the full tiles of a contest\'s own log never change, and may be kept', async (t) => {
	const instance = await startInstance(realRound(Date.now() - 5000, Date.now() + 3600_000, { shards: 1, approvals: 1,
		seal: { min_entries: 1, max_wait: '1s' } }));
	t.after(() => instance.stop());
	const round = new Round(instance), log = new Log(instance, round);
	await castMany(round, 257);
	await log.sealed(257);
	const names = await namesOf(log);
	assert.ok(names.includes('tile/0/000') && names.includes('tile/entries/000') && names.includes('tile/0/001.p/1'), String(names));
	for (const name of names) {
		const reply = await instance.get(`/log/${round.id}/0/${name}`);
		assert.equal(reply.headers['cache-control'], FULL.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache', name);
	}
});

test('a full tile of what nobody has signed yet is not to be kept: it may still become another one', async (t) => {
	const dir = await makeDirectory(), server = await startRedis(path.join(dir, 'redis'));
	const instance = await startInstance({ ...realRound(Date.now() - 5000, Date.now() + 3600_000, { shards: 1, approvals: 1,
		seal: { min_entries: 1, max_wait: '1s' } }), redis: server });
	t.after(async () => {
		await instance.stop();
		await rm(dir, { recursive: true, force: true });
	});
	const round = new Round(instance), log = new Log(instance, round), redis = instance.redisClient(), key = `{${round.name}/0}:log`;
	const names = ['tile/0/000', 'tile/entries/000', 'tile/1/000.p/1'];
	const all = () => Promise.all(names.map((name) => instance.get(`/log/${round.id}/0/${name}`)));
	const kept = (replies) => replies.map(({ headers }) => headers['cache-control'] !== 'no-cache');
	const put = (choice) => {
		const spent = crypto.randomBytes(16), text = `choices\n${choice}\n`;
		return [key, '256-0', 'b', pack({ spent, tag: round.tagOf(spent, text), ballot: text })];
	};
	await castMany(round, 1);
	await fillLog(round, 0, 254, 1);
	await log.sealed(255);
	await redis.call('ACL', 'SETUSER', 'default', '-hset'); // nothing can be signed
	await redis.xadd(...put('upstage'));
	const ahead = await eventually(async () => {
		const replies = await all();
		return replies.every(({ status }) => status === 200) && replies;
	}, 'files ahead of their checkpoint');
	assert.equal((await log.checkpoint()).size, 255);
	assert.deepEqual(kept(ahead), [false, false, false]);
	// Redis fails over, and another ballot takes the place.
	await redis.multi().xdel(key, '256-0').call('XSETID', key, '255-0').xadd(...put('nc-ai'))
		.call('ACL', 'SETUSER', 'default', '+hset').call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').exec();
	await log.sealed(256);
	const after = await all();
	assert.deepEqual(kept(after), [true, true, false]);
	assert.ok(!after[1].bytes.equals(ahead[1].bytes));
});

test('until a step is full nothing is proved, and it is said when to ask again', async (t) => {
	const instance = await startInstance({ contest: { shards: 1, rehearsal: { seal: { min_entries: 1000, max_wait: '20m' } } } });
	t.after(() => instance.stop());
	const round = new Round(instance), log = new Log(instance, round);
	await eventually(() => log.checkpoint(), 'the first checkpoint');
	const [receipt] = await castMany(round, 1);
	const reply = await proofOf(round, receipt);
	assertRefused(reply, 404, 'not-sealed', /ask again/);
	assert.equal(reply.headers['retry-after'], '1200');
	assert.equal((await log.checkpoint()).size, 0);
});

describe('a log that has halted', () => {
	let instance, round, receipts, kim, lee, admin, backup;
	before(async () => {
		admin = await freePort();
		instance = await startInstance({ contest: { shards: 2, rehearsal: { admission: 'open', approvals: 2 } },
			settings: { admin_listen: `127.0.0.1:${admin}` } });
		round = new Round(instance);
		[kim, lee] = [await invite(instance, 'organiser', 'Kim'), await invite(instance, 'organiser', 'Lee')];
	});
	after(() => instance.stop());

	/** All of Redis but the function libraries: key -> bytes. */
	async function dump() {
		const redis = instance.redisClient(), all = new Map();
		for (const key of await redis.keys('*'))
			all.set(key, await redis.dumpBuffer(key));
		redis.disconnect();
		return all;
	}

	async function restore(all) {
		const redis = instance.redisClient(), multi = redis.multi();
		for (const key of await redis.keys('*'))
			if (!all.has(key))
				multi.del(key);
		for (const [key, bytes] of all)
			multi.restore(key, 0, bytes, 'REPLACE');
		for (const [error] of await multi.exec())
			assert.equal(error, null);
		redis.disconnect();
	}

	const status = async () => (await ctl(instance, 'log', 'status', '--json')).json;
	const progress = async () => (await instance.get(`${round.path}/progress`, { headers: { Authorization: `Bearer ${kim.token}` } })).json;
	async function metrics() {
		const text = await metricsOf(admin);
		return (name) => [...text.matchAll(new RegExp(`^${name}\\{([^}]*)\\} (\\d+)$`, 'gm'))].map(([, labels, value]) => ({ labels, value: Number(value) }));
	}

	test('keys as verifiers take them', async () => {
		const keyOf = (name, file) => {
			const key = crypto.createPublicKey(readFileSync(path.join(instance.dir, 'keys', round.name, file)));
			const raw = key.export({ type: 'spki', format: 'der' }).subarray(-32);
			const id = sha256(`${name}\n\x01`, raw).subarray(0, 4).toString('hex');
			return `${name}+${id}+${Buffer.concat([Buffer.from([1]), raw]).toString('base64')}`;
		};
		const expected = { result: keyOf(`${round.logName}/${round.name}/result`, 'result.public.pem'),
			logs: [0, 1].map((shard) => keyOf(round.origin(shard), 'log.public.pem')) };
		assert.deepEqual((await ctlDone(instance, 'log', 'key', '--json')).json, expected);
		const { stdout } = await ctlDone(instance, 'log', 'key');
		assert.deepEqual(stdout.split('\n').filter((line) => line && !line.startsWith('#')), [expected.result, ...expected.logs]);
		await ctlRefused(instance, 64, /status, new-epoch or key/, 'log', 'halt');
		await ctlRefused(instance, 64, /log takes/, 'log');
	});

	test('before: everybody is told that it goes on, shard by shard', async () => {
		while (!receipts || new Set(receipts.map(({ shard }) => shard)).size < 2)
			receipts = [...receipts ?? [], ...await castMany(round, 1)];
		// One ballot an entry of Redis' log, so that the last one can be lost alone.
		receipts.push(...await castMany(round, 1), ...await castMany(round, 1));
		const sizes = [0, 1].map((shard) => receipts.filter((one) => one.shard === shard).length);
		for (const shard of [0, 1])
			await new Log(instance, round, { shard }).sealed(sizes[shard]);
		for (const of of [(await instance.get(round.path)).json, await instance.tally(round.id)])
			assert.deepEqual([of.epoch, of.log], [1, 'ok']);
		await ctlRefused(instance, 65, /has not halted/, 'log', 'new-epoch', '--why', 'x', '--token', kim.file, '--second-token', lee.file);
		const shards = await eventually(async () => {
			const { health } = await progress();
			assert.deepEqual([health.log.state, health.log.halt], ['ok', null]);
			return health.log.shards.every(({ sealed, size }, i) => sealed === sizes[i] && size === sizes[i]) && health.log.shards;
		}, 'progress of all shards');
		for (const [i, { sealed_at: at, ...one }] of shards.entries()) {
			assert.deepEqual(one, { shard: i, epoch: 1, size: sizes[i], sealed: sizes[i], state: 'signing' });
			assert.ok(Math.abs(Date.parse(at) - Date.now()) < 600_000, at);
		}
		const told = await status();
		assert.deepEqual([told.state, told.epoch, told.halt], ['ok', 1, null]);
		for (const [i, shard] of told.shards.entries()) {
			assert.deepEqual([shard.shard, shard.ballots, shard.sealed, shard.here, shard.halt], [i, sizes[i], sizes[i], sizes[i], null]);
			assert.equal(shard.origin, round.origin(i));
			assert.ok(shard.holder && shard.here_age_ms < 600_000);
		}
		assert.match((await ctlDone(instance, 'log', 'status')).stdout, /the log is ok, epoch 1/);
		const value = await metrics();
		assert.deepEqual(value('tallyd_log_sealed').map((one) => one.value), sizes);
		assert.deepEqual(value('tallyd_log_size').map((one) => one.value), sizes);
		assert.deepEqual(value('tallyd_log_epoch').map((one) => one.value), [1, 1]);
		assert.deepEqual(value('tallyd_log_halted').map((one) => one.value), [0, 0]);
		assert.equal(value('tallyd_log_failures_total').length, 2);
		assert.deepEqual(value('tallyd_log_state').filter((one) => one.value).map((one) => one.labels),
			[0, 1].map((shard) => `contest="${round.id}",shard="${shard}",state="signing"`));
	});

	test('lost and brought back: it goes on as if nothing had been', async () => {
		const whole = await dump();
		await loseLastBallot(round, receipts.at(-1).shard);
		await eventually(async () => (await instance.tally(round.id)).log === 'halted', 'the halt');
		await restore(whole);
		await eventually(async () => {
			const [tally, { health }] = await Promise.all([instance.tally(round.id), progress()]);
			return tally.log === 'ok' && health.log.halt === null && health.log.shards.every(({ state }) => state === 'signing');
		}, 'sealing goes on');
		assert.deepEqual(await actsOf(round, 'log.halted'), []);
		receipts.push(...await castMany(round, 1));
		const { shard, entry } = receipts.at(-1);
		const { entries } = await new Log(instance, round, { shard }).sealed(receipts.filter((one) => one.shard === shard).length);
		assert.equal(entries.at(-1).toString('base64'), entry);
	});

	test('ballots lost: it halts, everybody is told why, and the shard takes no vote that could stand where the lost one was', async () => {
		const reader = await StreamReader.open(instance, `${round.path}/tally/stream`);
		const first = (await reader.tally()).snapshot;
		assert.equal(first.log, 'ok');
		const { shard, index } = receipts.at(-1);
		assert.equal(await loseLastBallot(round, shard), index);

		let snapshot = first;
		while (snapshot.log !== 'halted')
			snapshot = (await reader.tally()).snapshot;
		reader.close();
		assert.deepEqual([snapshot.epoch, snapshot.log], [1, 'halted']);
		assert.equal((await instance.get(round.path)).json.log, 'halted');
		assert.equal((await instance.get('/v1/contests')).json.contests[0].log, 'halted');
		const { health, warnings } = await progress();
		assert.deepEqual(warnings, [{ kind: 'redis-behind' }]);
		assert.equal(health.log.state, 'halted');
		assert.equal(health.log.halt.shard, shard);
		const [act] = await actsOf(round, 'log.halted');
		assert.deepEqual([act.who, act.epoch, act.shard], ['sealer', 1, shard]);
		assert.match(act.why, /\S/);
		assert.equal(act.why, health.log.halt.why);
		assert.ok(Math.abs(Date.parse(act.at) - Date.now()) < 600_000);
		const told = await eventually(async () => {
			const now = await status();
			return now.shards[shard].state === 'halted' && now;
		}, 'the shard says so');
		assert.deepEqual([told.state, told.halt.shard, told.halt.why], ['halted', shard, act.why]);
		assert.equal(told.shards[shard].ballots, index);
		assert.equal(told.shards[shard].sealed, index + 1);
		assert.match((await ctlRefused(instance, 65, /^$/, 'log', 'status')).stdout, /Halted at .* in shard [01]: .*\n.*\n.*runbook.*\n(.*\n)?.*log new-epoch/);
		const value = await metrics();
		assert.equal(value('tallyd_log_halted')[shard].value, 1);

		assertProblem(await round.cast(round.mintFor(shard), { choices: ['upstage'] }), 503, 'unavailable', /Nothing was counted/);
		const { status: done, json: later } = await round.cast(round.mintFor(1 - shard), { choices: ['upstage'] });
		assert.deepEqual([done, later.shard], [201, 1 - shard]);
		assertRefused(await proofOf(round, { shard, index: index + 1 }), 404, 'not-sealed', /stands still/);
		checkProof((await proofOf(round, receipts.at(-1))).text, new Log(instance, round, { shard }), receipts.at(-1).entry);
		receipts.push(later);
	});

	test('a new epoch: two organisers, a statement of what was lost, and everything from the first ballot on', async () => {
		const lost = receipts.at(-2), { shard } = lost;
		const old = new Log(instance, round, { shard });
		const before = await old.checkpoint();
		const args = ['log', 'new-epoch', '--why', 'restored from the backup of the night'];
		await ctlRefused(instance, 64, /reason/, 'log', 'new-epoch', '--token', kim.file, '--second-token', lee.file);
		await ctlRefused(instance, 77, /two organisers/, ...args, '--token', kim.file);
		await ctlRefused(instance, 77, /both tokens/, ...args, '--token', kim.file, '--second-token', kim.file);
		assert.equal((await status()).state, 'halted');
		backup = await dump();
		const done = (await ctlDone(instance, ...args, '--token', kim.file, '--second-token', lee.file, '--json')).json;
		assert.equal(done.epoch, 2);
		const { now } = done.shards[shard];
		assert.deepEqual([done.shards[shard].signed, done.shards[shard].missing], [before.size, before.size - now]);
		assert.equal(done.shards[shard].root, before.root.toString('base64'));

		const [act] = await actsOf(round, 'log.new-epoch');
		assert.deepEqual([act.epoch, act.who, act.why], [2, `${kim.who},${lee.who}`, args[3]]);
		assert.deepEqual(act.old[shard], { now, root: before.root.toString('base64'), size: before.size });

		const log = new Log(instance, round, { shard, epoch: 2 });
		const { entries } = await eventually(() => log.sealed(now, 1000), 'the new log', 60_000);
		assert.deepEqual(entries.slice(0, lost.index), (await old.entries(before.size)).slice(0, lost.index));
		const statement = await instance.get(`/log/${round.id}/${shard}/epoch-2/statement`);
		assert.equal(statement.headers['content-type'], 'text/plain; charset=utf-8');
		assert.equal(openNote(statement.text, log.origin, log.key), ['tallyd epoch v1', log.origin, old.origin, String(before.size),
			before.root.toString('base64'), String(now), ''].join('\n'));
		assert.ok((await instance.get(`/log/${round.id}/${shard}/checkpoint`)).text === before.text, 'the old log stays');

		for (const receipt of receipts.filter((one) => one.shard === shard && one !== lost)) {
			const text = await eventually(async () => {
				const reply = await proofOf(round, receipt);
				return reply.status === 200 && reply.text.includes('/epoch-2\n') && reply.text;
			}, 'a proof of the new epoch');
			checkProof(text, log, receipt.entry);
		}
		await eventually(async () => {
			const [definition, tally, { health }] = await Promise.all([instance.get(round.path).then(({ json }) => json), instance.tally(round.id), progress()]);
			assert.deepEqual([definition.epoch, definition.log, tally.epoch, tally.log, health.log.halt], [2, 'ok', 2, 'ok', null]);
			return health.log.shards.every(({ epoch }) => epoch === 2);
		}, 'all of it in epoch 2');
		await ctlRefused(instance, 65, /has not halted/, ...args, '--token', kim.file, '--second-token', lee.file);
		assert.equal((await ctl(instance, 'log', 'status')).stdout.includes('epoch 2'), true);
	});

	test('an epoch is never begun twice, even where the record itself was lost', async () => {
		const { shard } = receipts[0];
		const before = await new Log(instance, round, { shard, epoch: 2 }).checkpoint();
		const say = (text) => ctlDone(instance, 'notice', '--ko', text, '--en', text);
		await say('before');
		await eventually(async () => (await instance.tally(round.id)).notice?.en === 'before', 'the notice');
		await restore(backup); // of before the act
		const told = await eventually(async () => {
			const now = await status();
			return now.epoch === 1 && now;
		}, 'the record of epoch 1');
		assert.deepEqual([told.state, told.epoch_here], ['halted', 2]);
		assert.equal(told.shards[shard].here, before.size);
		assert.match((await ctl(instance, 'log', 'status')).stdout, /the log of epoch 2, and the record is in epoch 1/);
		const done = (await ctlDone(instance, 'log', 'new-epoch', '--why', 'an older backup', '--token', kim.file,
			'--second-token', lee.file, '--json')).json;
		await say('afterwards'); // as many acts again: the same version of another record
		await eventually(async () => (await instance.tally(round.id)).notice?.en === 'afterwards', 'the other notice');
		assert.equal(done.epoch, 3);
		assert.equal(done.shards[shard].root, before.root.toString('base64'));
		const log = new Log(instance, round, { shard, epoch: 3 });
		await eventually(() => log.sealed(1, 1000), 'the newest log', 60_000);
		const statement = await instance.get(`/log/${round.id}/${shard}/epoch-3/statement`);
		assert.equal(openNote(statement.text, log.origin, log.key).split('\n')[2], `${round.origin(shard)}/epoch-2`);
		await eventually(async () => (await instance.tally(round.id)).epoch === 3, 'epoch 3');
	});
});
