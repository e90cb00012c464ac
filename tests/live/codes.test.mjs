// Invitation codes: made, used once each, revoked, counted by batch; guessed in vain; and nothing that is kept of
// them says which ballot a code led to.
import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditOf, ctl, ctlDone, ctlRefused, invite } from './lib/acts.mjs';
import { makeCodes } from './lib/codes.mjs';
import { startInstance, ROOT } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Round, assertProblem, randomFrom, spentOf, unpack } from './lib/protocol.mjs';

const EXAMPLE = path.join(ROOT, 'config/examples/codes.yaml');
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const batchesOf = async (instance) => (await ctlDone(instance, 'codes', 'status', '--json')).json;

describe('codes', () => {
	let instance, round, made;
	before(async () => {
		instance = await startInstance({ contests: [EXAMPLE], settings: { public_url: 'https://vote.example', guess_rate: { per_minute: 60000, burst: 1000 } } });
		round = new Round(instance);
		made = await makeCodes(instance, 60, '--label', '서울 "북부"', '--why', 'letters of November');
	});
	after(() => instance.stop());

	const use = async (code, options) => (await passRequest(round)).ask(code, options);

	test('a file for mail merge, for its owner alone', async () => {
		assert.equal((await stat(made.file)).mode & 0o777, 0o600);
		assert.equal(made.rows.length, 60);
		assert.equal(new Set(made.codes).size, 60);
		for (const [i, [number, batch, label, code, link]] of made.rows.entries()) {
			assert.deepEqual([number, batch, label], [String(i + 1), String(made.batch), '서울 "북부"']);
			assert.match(code, /^[0-9A-HJKMNP-TV-Z]{6}(-[0-9A-HJKMNP-TV-Z]{6}){2}$/);
			assert.equal(link, `https://vote.example/vote/#code=${code}`);
		}
		await ctlRefused(instance, 73, /is there already/, 'codes', 'make', '1', '--out', made.file);
	});

	test('pictures of the links, if wanted', async () => {
		const dir = path.join(instance.dir, 'pictures');
		const { rows } = await makeCodes(instance, 3, '--qr', dir);
		assert.deepEqual((await readdir(dir)).sort(), ['0000001.svg', '0000002.svg', '0000003.svg']);
		for (const [number, , , , , picture] of rows) {
			assert.equal(picture, path.join(dir, `${number.padStart(7, '0')}.svg`));
			assert.equal((await stat(picture)).mode & 0o777, 0o600);
			assert.match(await readFile(picture, 'utf8'), /^<svg [^>]*viewBox="0 0 \d+ \d+"/);
		}
	});

	test('a code admits once, a lost answer is given again, another browser is told so', async () => {
		const request = await passRequest(round), [code] = made.codes;
		const issued = await request.ask(code);
		const again = await request.ask(code.toLowerCase().replaceAll('-', ' '));
		assert.deepEqual(again.bytes, issued.bytes);
		const token = await request.finish(issued);
		assertProblem(await use(code), 409, 'already-issued');
		round.recorded.add(spentOf(token).toString('hex')); // it was issued
		const cast = await round.cast(token, { choices: ['hana'] });
		assert.equal(cast.status, 201, cast.text);
	});

	test('500 at once with one code: one token', async () => {
		const requests = await Promise.all(Array.from({ length: 25 }, () => passRequest(round)));
		const replies = await Promise.all(Array.from({ length: 500 }, async (_, i) => {
			const reply = await requests[i % 25].ask(made.codes[1]);
			return { request: i % 25, reply };
		}));
		const good = replies.filter(({ reply }) => reply.status === 200);
		assert.ok(good.length > 0);
		assert.equal(new Set(good.map(({ request }) => request)).size, 1);
		assert.equal(new Set(good.map(({ reply }) => reply.bytes.toString('hex'))).size, 1);
		for (const { reply } of replies)
			assert.ok([200, 409, 503].includes(reply.status), reply.text);
	});

	test('without a code, with a mistyped one, with one of somebody else', async () => {
		assertProblem(await use(), 401, 'not-admitted', /invitation code/);
		const code = made.codes[2];
		const wrong = ALPHABET[(ALPHABET.indexOf(code[7]) + 1) % 32];
		const cases = [
			[`${code.slice(0, 7)}${wrong}${code.slice(8)}`, /probably at character 7/],
			[code.slice(0, -1), /18 letters and digits/],
			[`${code}0`, /18 letters and digits/],
			[code.replace(/^./, 'U'), /Character 1 is in no invitation code/],
		];
		for (const [text, why] of cases)
			assertProblem(await use(text), 422, 'mistyped-code', why);
		assertProblem(await use('000000-000000-000000'), 403, 'unknown-code');
		const { json } = await instance.get(round.path);
		assert.equal(json.admission, 'codes');
	});

	test('a batch that there is not, or not yet, cannot be revoked; one that cannot be written is not noted', async () => {
		const n = (await auditOf(round)).length;
		for (const batch of [n + 1, n + 2, 99999999])
			await ctlRefused(instance, 65, /no batch of that number/, 'codes', 'revoke', '--batch', String(batch), '--why', 'x');
		await ctlRefused(instance, 73, /No such file/, 'codes', 'make', '3', '--out', path.join(instance.dir, 'nowhere/x.csv'));
		await ctlRefused(instance, 73, /is there already/, 'codes', 'make', '3', '--out', path.join(instance.dir, 'y.csv'), '--qr', instance.dir);
		await assert.rejects(stat(path.join(instance.dir, 'y.csv')));
		assert.equal((await auditOf(round)).length, n);
	});

	test('revoked: one, a batch, and not one that was used', async () => {
		const batch = await makeCodes(instance, 4, '--label', 'Busan');
		const used = await passRequest(round);
		await used.finish(await used.ask(batch.codes[0]));
		await ctlRefused(instance, 65, /character 18/, 'codes', 'revoke', batch.codes[1].replace(/.$/, (c) => (c === '0' ? '1' : '0')), '--why', 'x');
		const done = await ctl(instance, 'codes', 'revoke', batch.codes[1], batch.codes[0], '--why', 'sent to a wrong address');
		assert.equal(done.code, 65);
		assert.match(done.stdout, new RegExp(`${batch.codes[1]} revoked\n${batch.codes[0]} was used`));
		assertProblem(await use(batch.codes[1]), 403, 'code-revoked');
		const row = async () => (await batchesOf(instance)).find(({ batch: number }) => number === batch.batch);
		assert.deepEqual(await row(), { batch: batch.batch, label: 'Busan', wanted: 4, made: 4, used: 1, revoked: 1, off: false });
		assert.equal((await ctlDone(instance, 'codes', 'revoke', '--batch', String(batch.batch), '--why', 'a bag of letters was lost')).stdout,
			`batch ${batch.batch} revoked\n`);
		assertProblem(await use(batch.codes[2]), 403, 'code-revoked');
		assert.equal((await used.ask(batch.codes[0])).status, 200); // what was issued stays good
		assert.deepEqual(await row(), { batch: batch.batch, label: 'Busan', wanted: 4, made: 4, used: 1, revoked: 3, off: true });
		const { stdout } = await ctlDone(instance, 'codes', 'status');
		assert.match(stdout, /^ +\d+ +4 +1 +25\.0% +3 +Busan \(revoked as a whole\)$/m);
	});

	test('the audit log says what was made and revoked, and has no code', async () => {
		const entries = (await auditOf(round)).filter(({ act }) => act.startsWith('codes.'));
		assert.deepEqual(entries.slice(0, 2).map(({ act, label, count, why }) => ({ act, label, count, why })), [
			{ act: 'codes.made', label: '서울 "북부"', count: 60, why: 'letters of November' },
			{ act: 'codes.made', label: '-', count: 3, why: undefined }]);
		assert.equal(entries[0].n, made.batch);
		for (const entry of entries)
			assert.doesNotMatch(JSON.stringify(entry), /[0-9A-Z]{6}-[0-9A-Z]{6}/);
	});

	test('who was given a token without a code, or is out of place, is named by a recount, and nobody has two', async () => {
		const redis = instance.redisClient(), keys = await redis.keys('*:issued:*');
		const recount = async () => (await ctl(instance, 'recount', '--json')).json.findings.map(({ what }) => what).join('\n');
		const sound = await recount();
		assert.doesNotMatch(sound, /identities is damaged|no invitation code/);
		const [key] = keys, shard = key.split(':issued')[0];
		const stood = await redis.getBuffer(key), name = key.split(':').at(-1);
		const [code] = await redis.hkeysBuffer(`${shard}:codes:${name}`);
		const batch = await redis.hget(`${shard}:codes:${name}`, stood.subarray(0, 16));
		await redis.hdel(`${shard}:codes:${name}`, stood.subarray(0, 16));
		assert.match(await recount(), /1 of \d+ tokens were issued for what is no invitation code/);
		await redis.hset(`${shard}:codes:${name}`, stood.subarray(0, 16), batch);
		const second = Buffer.from(stood.subarray(0, 48));
		second[0] ^= 255; // another identity of this bucket, before or behind: one of both orders is wrong
		const both = [Buffer.concat([second, stood]), Buffer.concat([stood, second])];
		await redis.set(key, both.find((bytes) => Buffer.compare(bytes.subarray(0, 16), bytes.subarray(-48, -32)) >= 0) ?? both[1]);
		assert.match(await recount(), /a bucket of tokens or of identities is damaged/);
		assert.ok(code);
		for (const used of made.codes.slice(0, 2))
			assert.ok([409, 503].includes((await use(used)).status));
		await redis.set(key, stood);
	});

	test('Redis holds hashes only, and nothing that is in both issuing and casting', async () => {
		const redis = instance.redisClient(), keys = await redis.keys('*');
		const codes = new Set(made.codes.flatMap((code) => [code, code.replaceAll('-', '')]));
		const identities = new Set(), spent = new Set(), ends = new Set();
		for (const key of keys) {
			const dump = (await redis.dumpBuffer(key)).toString('latin1');
			for (const code of codes)
				assert.ok(!dump.includes(code), key);
			if (/:codes:\d+$/.test(key))
				for (const identity of await redis.hkeysBuffer(key))
					identities.add(identity.toString('hex'));
			if (/:spent:\d+$/.test(key))
				for (const field of await redis.hkeysBuffer(key))
					ends.add(field.toString('hex'));
			if (/:log$/.test(key))
				for (const [, [, packed]] of await redis.xrangeBuffer(key, '-', '+'))
					for (const one of unpack(packed))
						spent.add(one.spent.toString('hex'));
		}
		assert.ok(identities.size >= 60 && spent.size > 0 && ends.size > 0);
		for (const token of spent)
			assert.ok(!identities.has(token) && ends.has(token.slice(24)));
		for (const identity of identities)
			assert.ok(!ends.has(identity.slice(24)));
	});
});

test('codes by batch: records, counters and acts are held against each other, and what differs is not certified', async (t) => {
	const instance = await startInstance({ contests: [EXAMPLE] });
	t.after(() => instance.stop());
	const round = new Round(instance), redis = instance.redisClient();
	const [seoul, busan, lost] = [await makeCodes(instance, 8), await makeCodes(instance, 5), await makeCodes(instance, 3)];
	for (const code of [seoul.codes[0], seoul.codes[1], busan.codes[0]]) {
		const request = await passRequest(round);
		await request.finish(await request.ask(code));
	}
	await ctlDone(instance, 'codes', 'revoke', seoul.codes[2], '--why', 'sent twice');
	await ctlDone(instance, 'codes', 'revoke', '--batch', String(busan.batch), '--why', 'a bag of letters was lost');

	const shard = `{${round.name}/0}`, batches = `${shard}:batches`;
	const findings = async () => (await ctl(instance, 'recount', '--json')).json.findings.filter(({ check }) => check !== 'log').map(({ what }) => what);
	/** Buckets with codes of a batch that nobody used: [key, identity, value]. */
	const codesOf = async (value) => {
		for (const key of await redis.keys(`${shard}:codes:*`))
			for (const [identity, is] of Object.entries(await redis.hgetall(key)))
				if (is === String(value) && !(await redis.getBuffer(key.replace(':codes:', ':issued:')))) {
					const fields = await redis.hkeysBuffer(key);
					return [key, fields[(await redis.hkeys(key)).indexOf(identity)]];
				}
		throw new Error(`no code of ${value}`);
	};
	const [key, unused] = await codesOf(seoul.batch), [revokedKey, revoked] = await codesOf(-seoul.batch);
	const made = `${seoul.batch} made`, stranger = Buffer.alloc(16, 7);
	const cases = [
		[() => redis.hincrby(batches, made, 1), () => redis.hincrby(batches, made, -1), /batch \d+: its counter says that 9 invitation codes were made, and 8 of them are recorded/],
		[() => redis.hincrby(batches, `${seoul.batch} issued`, -1), () => redis.hincrby(batches, `${seoul.batch} issued`, 1), /says that 1 invitation codes were used, and 2 of them are recorded/],
		[() => redis.hset(revokedKey, revoked, seoul.batch), () => redis.hset(revokedKey, revoked, -seoul.batch), /says that 1 invitation codes were revoked, and 0 of them are recorded/],
		[() => redis.hset(batches, made, 'x'), () => redis.hset(batches, made, 8), /the counters of its invitation codes are damaged/],
		[() => redis.hset(key, unused, 'x'), () => redis.hset(key, unused, seoul.batch), /a bucket of tokens or of identities is damaged/],
		[async () => { await redis.hset(key, stranger, seoul.batch); await redis.hincrby(batches, made, 1); },
			async () => { await redis.hdel(key, stranger); await redis.hincrby(batches, made, -1); }, /9 invitation codes are recorded, and its entry in the audit log says 8$/],
		[async () => { await redis.hset(key, stranger, 99); await redis.hset(batches, '99 made', 1); },
			async () => { await redis.hdel(key, stranger); await redis.hdel(batches, '99 made'); }, /^batch 99: 1 invitation codes are recorded, and no entry of the audit log made them/],
		[() => redis.hset(batches, `${seoul.batch} off`, 1), () => redis.hdel(batches, `${seoul.batch} off`), /is revoked, and no entry of the audit log says so/],
		[() => redis.hdel(batches, `${busan.batch} off`), () => redis.hset(batches, `${busan.batch} off`, 1),
			/^shard 0, batch \d+: an entry of the audit log says that it is revoked, and it is not, so its codes admit; .*codes revoke --batch \d+\)$/],
		[async () => { await redis.hset(key, unused, -seoul.batch); await redis.hincrby(batches, `${seoul.batch} revoked`, 1); },
			async () => { await redis.hset(key, unused, seoul.batch); await redis.hincrby(batches, `${seoul.batch} revoked`, -1); },
			/^2 invitation codes are revoked one by one, and the audit log's entries name 1 at most$/],
	];
	assert.deepEqual(await findings(), []);
	for (const [change, undo, told] of cases) {
		await change();
		const found = await findings();
		await undo();
		assert.ok(found.some((what) => told.test(what)), `${told}: ${found}`);
	}

	// One that was interrupted: named once nothing can come any more, and until it is taken back.
	const [lostKey, unmade] = await codesOf(lost.batch);
	await redis.hdel(lostKey, unmade);
	await redis.hincrby(batches, `${lost.batch} made`, -1);
	assert.deepEqual(await findings(), []);
	await ctlDone(instance, 'close', '--why', 'done');
	await ctlDone(instance, 'publish');
	await ctlRefused(instance, 65, new RegExp(`batch ${lost.batch}: 2 invitation codes are recorded, and its entry in the audit log says 3; .*codes revoke --batch ${lost.batch}`), 'certify', '--why', 'final');
	await ctlDone(instance, 'codes', 'revoke', '--batch', String(lost.batch), '--why', 'was interrupted');
	await cases[0][0]();
	await ctlRefused(instance, 65, cases[0][2], 'certify', '--why', 'final');
	await cases[0][1]();

	// Revoking that was interrupted behind its entry: what is left of it is named, and doing it again settles it.
	await redis.hdel(batches, `${busan.batch} off`);
	await ctlRefused(instance, 65, new RegExp(`batch ${busan.batch}: an entry .* says that it is revoked, and it is not`), 'certify', '--why', 'final');
	const again = async () => (await ctlDone(instance, 'codes', 'revoke', '--batch', String(busan.batch), '--why', 'interrupted')).stdout;
	assert.match(await again(), /^batch \d+ revoked: by the audit log it was before, and in Redis it was not everywhere/);
	assert.equal(await again(), `batch ${busan.batch} was revoked before\n`);
	await ctlDone(instance, 'certify', '--why', 'final');
});

test('a batch that one shard of two has not revoked: that one is named', async (t) => {
	const instance = await startInstance({ contest: { shards: 2, rehearsal: { admission: 'codes' } } });
	t.after(() => instance.stop());
	const round = new Round(instance), redis = instance.redisClient(), { batch } = await makeCodes(instance, 6);
	await ctlDone(instance, 'codes', 'revoke', '--batch', String(batch), '--why', 'a bag of letters was lost');
	await redis.hdel(`{${round.name}/1}:batches`, `${batch} off`);
	const found = async () => (await ctl(instance, 'recount', '--json')).json.findings.filter(({ check }) => check === 'codes').map(({ what }) => what);
	assert.match((await found()).join('\n'), /^shard 1, batch \d+: an entry .* do it again .*$/);
	await ctlDone(instance, 'codes', 'revoke', '--batch', String(batch), '--why', 'the rest of it');
	assert.deepEqual(await found(), []);
});

test('Redis has fewer voting rights on record than were given out: none are, ballots count, and the line and organisers say so', async (t) => {
	const instance = await startInstance({ contests: [EXAMPLE], settings: { ballot_log: { dir: '' } } });
	t.after(() => instance.stop());
	const round = new Round(instance), redis = instance.redisClient(), { codes } = await makeCodes(instance, 3);
	const kim = await invite(instance, 'organiser', 'Kim'), tokens = [];
	const progress = async () => (await instance.get(`${round.path}/progress`, { headers: { Authorization: `Bearer ${kim.token}` } })).json;
	const ask = async (code) => {
		const request = await passRequest(round), reply = await request.ask(code);
		return reply.status === 200 ? tokens.push(await request.finish(reply)) : reply;
	};
	await ask(codes[0]);
	await ask(codes[1]);
	assert.deepEqual((await progress()).warnings, []);
	await redis.set(`{${round.name}/0}:issued`, '1');
	assertProblem(await ask(codes[2]), 503, 'unavailable');
	assert.match(instance.stderr, /lacks voting rights that were given out \(BEHIND 1 2 issued\), and none is given out there\. See "Redis is behind"/);
	assert.doesNotMatch(instance.stderr, /nothing is counted/);
	round.recorded.add(spentOf(tokens[0]).toString('hex')); // it was issued
	assert.equal((await round.cast(tokens[0], { choices: ['hana'] })).status, 201);
	const { warnings, tally } = await progress();
	assert.deepEqual([warnings, tally.ballots], [[{ kind: 'issued-behind' }], 1]);
	await redis.set(`{${round.name}/0}:issued`, '2');
	assert.equal(await ask(codes[2]), 3);
	assert.deepEqual((await progress()).warnings, []);
});

test('a contest that admits otherwise has no codes; a rehearsal of it may', async (t) => {
	const instance = await startInstance({});
	t.after(() => instance.stop());
	await ctlRefused(instance, 65, /admits with admission: open/, 'codes', 'make', '5', '--out', path.join(instance.dir, 'x.csv'));
	await assert.rejects(stat(path.join(instance.dir, 'x.csv')));
});

test('what a wrong command line is told', async (t) => {
	const instance = await startInstance({ contests: [EXAMPLE] });
	t.after(() => instance.stop());
	await ctlRefused(instance, 78, /synthetic citizens have not/, 'voters', '--count', '1');
	for (const [why, ...args] of [
		[/number of codes from 1 to 1000000/, 'make', '0', '--out', 'x'],
		[/number of codes from 1 to 1000000/, 'make', '1000001', '--out', 'x'],
		[/wants --out CSV/, 'make', '5'],
		[/a label is plain text/, 'make', '5', '--out', 'x', '--label', 'a\tb'],
		...['=1+1', '+82', '-1', '@SUM(A1)', ' =1', '＝1', '－1', '--'].map((label) =>
			[/a label does not begin with = \+ - or @: a spreadsheet/, 'make', '5', '--out', 'x', '--label', label]),
		[/say \.\/@pictures\./, 'make', '5', '--out', 'x', '--qr', '@pictures'],
		[/takes codes, or --batch N/, 'revoke', '--why', 'x'],
		[/is no batch's number/, 'revoke', '--batch', 'x', '--why', 'x'],
		[/takes make N, status, or revoke/, 'list'],
	])
		await ctlRefused(instance, 64, why, 'codes', ...args);
});

test('guessing is slowed down by address, other addresses are not', async (t) => {
	const instance = await startInstance({ contests: [EXAMPLE], settings: { listen: '127.0.0.1:0', guess_rate: { per_minute: 60, burst: 20 } } });
	t.after(() => instance.stop());
	const round = new Round(instance), random = randomFrom(t);
	const { codes } = await makeCodes(instance, 3);
	const request = await passRequest(round);
	const guess = () => wellFormed(Array.from({ length: 16 }, () => random.below(32)));
	const replies = [];
	for (let i = 0; i < 30; i++)
		replies.push(await request.ask(guess()));
	assert.ok(replies.slice(0, 20).every(({ status }) => status === 403));
	assert.equal(replies.at(-1).status, 429);
	assert.match(replies.at(-1).headers['retry-after'], /^[1-9]\d*$/);
	// Behind the same address a good code waits as well; from another one it does not.
	assert.equal((await request.ask(codes[0])).status, 429);
	assert.equal((await request.ask(codes[0], { localAddress: '127.0.0.2' })).status, 200);
});

test('those who guess at once do not try more codes than one after another; codes that exist are not counted', async (t) => {
	const instance = await startInstance({ contests: [EXAMPLE], settings: { listen: '127.0.0.1:0', guess_rate: { per_minute: 1, burst: 20 }, token_rate: { per_minute: 0, burst: 1 } } });
	t.after(() => instance.stop());
	const round = new Round(instance), random = randomFrom(t);
	const { codes } = await makeCodes(instance, 1);
	const request = await passRequest(round), began = performance.now();
	const guesses = Array.from({ length: 150 }, () => wellFormed(Array.from({ length: 16 }, () => random.below(32))));
	const statuses = (await Promise.all(guesses.map((code) => request.ask(code)))).map(({ status }) => status);
	const tried = statuses.filter((status) => status === 403).length, minutes = (performance.now() - began) / 60_000;
	assert.ok(tried >= 20 && tried <= 21 + minutes, `${tried} were tried`);
	assert.equal(statuses.filter((status) => status === 429).length, guesses.length - tried);
	for (let i = 0; i < 25; i++)
		assert.equal((await request.ask(codes[0], { localAddress: '127.0.0.2' })).status, 200);
});

/** A code with check characters that fit: all of both are tried. */
function wellFormed(data) {
	const times = (a, b) => {
		let product = 0;
		for (; b > 0; b >>= 1, a = (a << 1) & 32 ? (a << 1) ^ 0x25 : a << 1)
			if (b & 1)
				product ^= a;
		return product;
	};
	for (let check = 0; check < 1024; check++) {
		const symbols = [...data, check >> 5, check & 31];
		let plain = 0, weighted = 0, weight = 1;
		for (const symbol of symbols) {
			plain ^= symbol;
			weighted ^= times(weight, symbol);
			weight = times(weight, 2);
		}
		if (plain === 0 && weighted === 0)
			return symbols.map((symbol) => ALPHABET[symbol]).join('');
	}
	throw new Error('unreachable');
}
