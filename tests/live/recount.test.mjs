// The recount: that an honest round agrees with itself in every form, also while ballots come in; and that
// whoever has a hand in Redis can change nothing that it does not name, after which nothing is signed.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { ROOT, contestDocument, eventually, makeDirectory, startInstance, startRedis } from './lib/instance.mjs';
import { Round, pack, randomFrom, spentField, spentKey, spentOf, unpack } from './lib/protocol.mjs';
import { ctl, ctlDone, ctlRefused, invite, stage } from './lib/acts.mjs';
import { Log, castMany, sealerOf } from './lib/log.mjs';
import { complete, inviteExpert } from './lib/sheets.mjs';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), crypto.createHash('sha256')).digest();

describe('an honest round', { concurrency: false }, () => {
	const forms = { choices: 'choices-many', scores: 'scores', ranking: 'ranking' };
	let instance;
	const rounds = {};
	before(async () => {
		const dir = await makeDirectory();
		const contests = [];
		for (const [form, name] of Object.entries(forms)) {
			const document = await contestDocument(path.join(ROOT, `config/examples/${name}.yaml`), { revote: 'replace', shards: 2 });
			contests.push(path.join(dir, `${form}.yaml`));
			await writeFile(contests.at(-1), YAML.stringify(document));
			rounds[form] = document.id;
		}
		instance = await startInstance({ dir, contests });
	});
	after(() => instance.stop());

	/** What a ballot says, in the request's shape. */
	function ballotOf(form, { form: { min, max, step }, entries }, random) {
		const ids = entries.map(({ id }) => id);
		const drawn = ids.toSorted(() => random.below(3) - 1);
		if (form === 'scores')
			return { scores: Object.fromEntries(drawn.slice(0, 1 + random.below(ids.length))
				.map((id) => [id, min + step * random.below((max - min) / step + 1)])) };
		return { [form]: drawn.slice(0, min + random.below(max - min + 1)) };
	}

	/** The same count without a line of the daemon's. */
	function naive(form, ids, ballots) {
		return ids.map((entry) => {
			const naming = ballots.filter((ballot) => form === 'scores' ? entry in ballot.scores : ballot[form].includes(entry));
			const row = { entry, votes: naming.length };
			if (form === 'choices')
				row.share = Math.round(10000 * naming.length / ballots.length) / 10000;
			if (form === 'ranking')
				row.borda = naming.reduce((sum, { ranking }) => sum + ids.length - 1 - ranking.indexOf(entry), 0);
			return row;
		});
	}

	for (const form of Object.keys(forms))
		test(`${form}: every count agrees, replaced ballots do not count`, async (t) => {
			const random = randomFrom(t);
			const round = new Round(instance, rounds[form]);
			const contest = (await instance.get(round.path)).json;
			const ballots = [];
			let replaced = 0;
			for (let voter = 0; voter < 12; voter++) {
				const token = round.mint();
				let ballot = ballotOf(form, contest, random);
				let reply = await round.castUntilAnswered(token, ballot);
				assert.equal(reply.status, 201, reply.text);
				for (let times = random.below(3); times > 0; times--) {
					ballot = ballotOf(form, contest, random);
					reply = await round.castUntilAnswered(token, ballot, { headers: { 'If-Match': `"${reply.json.index}"` } });
					assert.ok([200, 201].includes(reply.status), reply.text);
					replaced += reply.status === 201;
				}
				ballots.push(ballot);
			}
			const { json } = await ctlDone(instance, 'recount', '--contest', round.id, '--json');
			assert.deepEqual([json.agrees, json.disagreements, json.findings, json.final], [true, 0, [], false]);
			assert.deepEqual([json.ballots, json.superseded, json.log_size, json.issued], [12, replaced, 12 + replaced, 12]);
			assert.equal(json.shards.reduce((sum, { size }) => sum + size, 0), json.log_size);
			const tally = await round.tallyNow();
			assert.deepEqual(json.citizen, tally.citizen);
			for (const [i, row] of naive(form, contest.entries.map(({ id }) => id), ballots).entries())
				assert.deepEqual({ ...json.citizen[i], ...row }, json.citizen[i]);
			const { stdout } = await ctlDone(instance, 'recount', '--contest', round.id);
			assert.match(stdout, /12 ballots count[^]*All of it agrees\.\n$/);
		});

	test('while ballots come in, it counts one moment, and agrees', async () => {
		const round = new Round(instance, rounds.choices);
		const { entries: [{ id }, { id: other }] } = (await instance.get(round.path)).json;
		let going = true;
		const voters = Array.from({ length: 3 }, async () => {
			while (going) {
				const token = round.mint();
				const { json } = await round.castUntilAnswered(token, { choices: [id] });
				await round.castUntilAnswered(token, { choices: [other] }, { headers: { 'If-Match': `"${json.index}"` } });
			}
		});
		try {
			for (let i = 0; i < 4; i++) {
				const { json } = await ctlDone(instance, 'recount', '--contest', round.id, '--json');
				assert.equal(json.final, false);
			}
		} finally {
			going = false;
			await Promise.all(voters);
		}
	});
});

test('what is changed before it is sealed, together with its counters, is named', async (t) => {
	const instance = await startInstance({ contest: { revote: 'replace', shards: 1 } });
	t.after(() => instance.stop());
	const round = new Round(instance), log = new Log(instance, round), redis = instance.redisClient();
	const key = `{${round.name}/0}:log`, count = `{${round.name}/0}:count`;
	await castMany(round, 1);
	await log.sealed(1);
	const sealer = await sealerOf(instance);
	process.kill(sealer, 'SIGSTOP'); // as between two steps
	const [changed, swapped] = [round.mint(), round.mint()];
	for (const [token, choice, headers] of [[changed, 'upstage'], [swapped, 'upstage'], [swapped, 'lg-ai-research', { 'If-Match': '"2"' }], [round.mint(), 'nc-ai']])
		assert.equal((await round.cast(token, { choices: [choice] }, { headers })).status, 201);

	const [first, one, old, last, honest] = (await redis.xrangeBuffer(key, '-', '+')).flatMap(([, [, packed]]) => unpack(packed));
	const multi = redis.multi().del(key);
	[first, { ...one, ballot: 'choices\nnc-ai\n' }, last, old, honest].forEach((ballot, i) => multi.xadd(key, `${i + 1}-0`, 'b', pack(ballot)));
	await multi.hincrby(count, 'votes:lg-ai-research', -1).hincrby(count, 'votes:nc-ai', 1).exec();
	process.kill(sealer, 'SIGCONT');
	await log.sealed(5);

	const { code, stdout, stderr } = await ctl(instance, 'recount');
	assert.equal(code, 65, stdout + stderr);
	const told = (stdout + stderr).match(/index \d+: [^\n]*/g);
	assert.deepEqual(told, [1, 2, 3].map((index) => `index ${index}: this ballot was not cast so: its tag is another's`));
});

describe('with a hand in Redis', () => {
	const five = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
	const votes = ['upstage', 'upstage', 'nc-ai', 'upstage', 'nc-ai', 'lg-ai-research'];
	let instance, server, round, redis, expert, key, shard, log;
	const tokens = [];

	before(async () => {
		const dir = await makeDirectory();
		server = await startRedis(path.join(dir, 'redis'));
		instance = await startInstance({ dir, redis: server, contest: { ...stage, revote: 'replace', shards: 1 } });
		round = new Round(instance);
		expert = await inviteExpert(round, { name: '김전문' });
		await expert.saved(complete(await expert.sheet(), five, { state: 'draft' }), 0);
		await expert.saved(complete(await expert.sheet(), five), 1);
		const gone = await invite(instance, 'observer', 'Gone');
		await ctlDone(instance, 'revoke', gone.id, '--why', 'left');
		for (const entry of votes) {
			tokens.push(round.mint());
			assert.equal((await round.cast(tokens.at(-1), { choices: [entry] })).status, 201);
		}
		assert.equal((await round.cast(tokens[0], { choices: ['nc-ai'] }, { headers: { 'If-Match': '"0"' } })).status, 201);
		const file = path.join(dir, 'metrics.csv');
		await writeFile(file, ['part,entry,value,source,as_of,method',
			...five.map((entry, i) => `bench,${entry},${90 - i}.50,TTA,2026-11-20,mean`)].join('\n'));
		await ctlDone(instance, 'metrics', 'import', file, '--why', 'measured');
		await ctlDone(instance, 'recuse', expert.id, 'nc-ai', '--why', 'a cousin');
		await ctlDone(instance, 'disqualify', 'sk-telecom', '--ko', '기준 미달', '--en', 'Not independent');
		await ctlDone(instance, 'close', '--why', 'done');
		await ctlDone(instance, 'publish');
		redis = instance.redisClient();
		[key, shard, log] = [`{${round.name}}`, `{${round.name}/0}`, `{${round.name}/0}:log`];
		await eventually(async () => Number(await redis.hget(`${shard}:seal`, 'size')) === votes.length + 1, 'all ballots sealed');
		await ctlDone(instance, 'recount');
		// From here on nobody but the tests writes.
		await instance.end();
		redis = instance.redisClient();
	});
	after(async () => {
		await instance.stop();
	});

	const bucketOf = async (spent) => spentKey(shard, spent, Number(await redis.hget(`${shard}:rules`, 'buckets')));
	/** The token's bucket and field. */
	const placeOf = async (spent) => [await bucketOf(spent), spentField(spent)];

	const assertNow = (at) => assert.ok(Math.abs(Date.parse(at) - Date.now()) < 10 * 60 * 1000, at);

	/** The stream's entries, each value as bytes. */
	const entriesOf = (stream) => redis.xrangeBuffer(stream, '-', '+');
	async function rebuild(stream, change) {
		const entries = (await entriesOf(stream)).map(([id, fields]) => [id.toString(), fields]);
		const multi = redis.multi().del(stream); // at once: the sealer must not see what is between
		for (const [i, [id, fields]] of entries.entries())
			if (change(fields, i, entries.length) !== false)
				multi.xadd(stream, id, ...fields);
		await multi.exec();
	}
	const changeJson = async (hash, field, change) => {
		const value = JSON.parse(await redis.hget(hash, field));
		await redis.hset(hash, field, JSON.stringify(change(value) ?? value));
	};

	/** What is done in Redis, and the sentences that a recount has for it. */
	const cases = {
		'a ballot at the end of the log': [() => redis.xadd(log, `${votes.length + 2}-0`, 'b', pack({ spent: crypto.randomBytes(16), tag: Buffer.alloc(4), ballot: 'choices\nupstage\n' })),
			/shard 0: was closed with 7 ballots, and its log has 8/, /shard 0, index 7: a ballot that no token was spent for/,
			/counter votes:upstage is 2, the log says 3/],
		'a ballot altered in a rebuilt log': [() => rebuild(log, (fields, i) => {
			if (i === 1)
				fields[1] = pack({ ...unpack(fields[1])[0], ballot: 'choices\nnc-ai\n' });
		}), /shard 0, index 1: the ballot in Redis is not the one that was sealed/, /the first 7 ballots in Redis are not those of the checkpoint in Redis/,
		/not those of the checkpoint on this host's disk/, /counter votes:nc-ai is 3, the log says 4/],
		'the last ballot lost': [() => rebuild(log, (fields, i, n) => i < n - 1),
			/was closed with 7 ballots, and its log has 6/, /the checkpoint in Redis is one of 7 ballots, and Redis has 6 only/,
			/checkpoint on this host's disk is one of 7/],
		'a ballot missing in the middle': [() => rebuild(log, (fields, i) => i !== 2), /the log cannot be read from index 2 on/],
		'no ballot at all': [() => rebuild(log, (fields, i) => {
			if (i === 3)
				fields[1] = pack({ ...unpack(fields[1])[0], ballot: 'choices\nnobody\n' });
		}), /index 3: it is no ballot of the form choices/],
		'a counter': [() => redis.hincrby(`${shard}:count`, 'votes:upstage', 1), /shard 0: counter votes:upstage is 3, the log says 2/],
		'a counter that nobody knows': [() => redis.hset(`${shard}:count`, 'votes:nobody', 5), /counter votes:nobody is 5, the log says 0/],
		'a counter that is no number': [() => redis.hset(`${shard}:count`, 'votes:upstage', 'many'), /its counters are damaged/],
		'a spent token removed': [async () => redis.hdel(...await placeOf(spentOf(tokens[2]))),
			/shard 0, index 2: a ballot that no token was spent for/],
		'a spent token pointed elsewhere': [async () => redis.hset(...await placeOf(spentOf(tokens[0])), '0'),
			() => new RegExp(`the token ${RegExp.escape?.(spentOf(tokens[0]).toString('base64')) ?? '.*'} points to index 0, but the log's last ballot of it is at 6`)],
		'a spent token with other replacements': [async () => redis.hset(...await placeOf(spentOf(tokens[0])), '6 3'),
			/tells of 3 replacements, the log of 1/],
		'a spent token added': [async () => {
			await redis.hset(...await placeOf(crypto.randomBytes(16)), '3');
		}, /points to index 3, but the log has no ballot of it/],
		'a spent token beyond the log': [async () => redis.hset(...await placeOf(spentOf(tokens[3])), '70'),
			/points to index 70, but the log has no ballot of it there/],
		'tokens issued': [() => redis.decr(`${shard}:issued`), /shard 0: 5 tokens are said to be issued, and 6 identities are recorded/,
			/6 tokens are spent, and 5 were issued/, /note of issued tokens does not tell of 5/],
		'an identity forgotten': [async () => {
			const [bucket] = await redis.keys(`${shard}:issued:*`);
			await redis.set(bucket, (await redis.getBuffer(bucket)).subarray(48));
		}, /6 tokens are said to be issued, and 5 identities/],
		'the checkpoint': [async () => redis.hset(`${shard}:seal`, 'checkpoint',
			(await redis.hget(`${shard}:seal`, 'checkpoint')).replace('\n7\n', '\n6\n')), /the checkpoint in Redis is not one of .*, or not signed by the log's key/],
		'the halt of the sealer': [() => redis.hset(`${shard}:seal`, 'halt', 'it went wrong'), /sealing has halted: it went wrong/],
		'a sheet': [() => changeJson(`${key}:sheets`, expert.id, (record) => {
			record.sheet.comments.upstage = 'changed';
		}), () => new RegExp(`the sheet of ${expert.id} that stands is not the one that was saved last`)],
		'a sheet with its hash': [() => changeJson(`${key}:sheets`, expert.id, (record) => {
			const bytes = JSON.stringify(record.sheet).replace('좋습니다', '싫습니다');
			record.sheet = JSON.parse(bytes);
			record.sha256 = sha256(bytes).toString('hex');
		}), /that stands is not the one that was saved last/],
		'when a sheet was saved': [() => changeJson(`${key}:sheets`, expert.id, (record) => {
			record.saved--;
		}), /sheets, .*, saved: is \d+, the audit log says \d+/],
		'a revision': [() => rebuild(`${key}:revisions`, (fields, i) => {
			if (i === 0)
				fields[3] = Buffer.from(fields[3].toString().replace('좋습니다', '싫습니다'));
		}), /sheets, revision \d+: is not what the audit log's entry of that number has committed to/],
		'a revision removed': [() => rebuild(`${key}:revisions`, (fields, i) => i > 0), /revision \d+ of .*: is missing/],
		'a metric': [() => changeJson(`${key}:metrics`, 'bench/upstage', (metric) => {
			metric.value = '99';
		}), /metrics, bench\/upstage, value: is "99", the audit log says "89.5"/],
		'a metric removed': [() => redis.hdel(`${key}:metrics`, 'bench/upstage'), /metrics, bench\/upstage: is missing/],
		'a ruling removed': [() => redis.hdel(`${key}:rulings`, 'disqualified/sk-telecom'), /rulings, disqualified\/sk-telecom: is missing/],
		'a ruling made up': [() => redis.hset(`${key}:rulings`, `recusal/${expert.id}/upstage`,
			JSON.stringify({ kind: 'recusal', why: 'x', who: 'operator:x', at: 1 })), /rulings, recusal\/.*\/upstage: no entry of the audit log tells of it/],
		'a person brought back': [async () => {
			const people = await redis.hgetall(`${key}:people`);
			const [id] = Object.entries(people).find(([, value]) => JSON.parse(value).revoked);
			await changeJson(`${key}:people`, id, (person) => {
				delete person.revoked;
			});
		}, /people, .*, revoked: is nothing, the audit log says \d+/],
		'a person made up': [async () => redis.hset(`${key}:people`, 'expert-aaaaaaaa', await redis.hget(`${key}:people`, expert.id)),
			/people, expert-aaaaaaaa: no entry of the audit log tells of it/],
		'a person’s panel': [() => changeJson(`${key}:people`, expert.id, (person) => {
			person.affiliation = 'elsewhere';
		}), /people, .*, affiliation: is "elsewhere", the audit log says nothing/],
		'the record of acts': [() => redis.hset(`${key}:record`, 'closed', '1'), /record, closed: is 1, the audit log says \d+/],
		'an entry of the audit log': [() => rebuild(`${key}:audit`, (fields, i) => {
			fields[1] = Buffer.from(fields[1].toString().replace('a cousin', 'a friend'));
			return i >= 0;
		}), /audit log, entry \d+: does not follow from the one before/, /rulings, recusal\/.*, why: is "a cousin", the audit log says "a friend"/],
		'the last entry of the audit log': [() => rebuild(`${key}:audit`, (fields, i, n) => {
			if (i === n - 1)
				fields[1] = Buffer.from(fields[1].toString().replace('operator:', 'operator:x'));
		}), /audit log, entry \d+: is not the one that the record names as the last/],
		'the end of the audit log': [() => rebuild(`${key}:audit`, (fields, i, n) => i < n - 1), /audit log: ends with entry \d+; the record names \d+ of them/,
			/record, phase: is "provisional", the audit log says "closed"/],
		'a result made up': [() => redis.hset(`${key}:results`, '1', '{"document":"{}","annex":"{}","note":""}'), /results, 1: no entry of the audit log tells of it/],
	};

	/** Whatever was done to the keys of this round is undone. */
	async function untouched(t) {
		const before = new Map();
		for (const name of await redis.keys('*'))
			before.set(name, await redis.dumpBuffer(name));
		t.after(async () => {
			for (const name of await redis.keys('*'))
				if (!before.has(name))
					await redis.del(name);
			for (const [name, value] of before)
				await redis.restore(name, 0, value, 'REPLACE');
		});
	}

	for (const [what, [tamper, ...sentences]] of Object.entries(cases))
		test(`${what} is named, and nothing is signed`, async (t) => {
			await untouched(t);
			await tamper();
			const { code, stdout, stderr } = await ctl(instance, 'recount', '--json');
			assert.equal(code, 65, stderr);
			const { findings, agrees, disagreements } = JSON.parse(stdout);
			assert.deepEqual([agrees, disagreements], [false, findings.length]);
			for (const sentence of sentences) {
				const pattern = typeof sentence === 'function' ? sentence() : sentence;
				assert.ok(findings.some((finding) => pattern.test(finding.what)), `${pattern}\n${stderr}`);
				assert.match(stderr, pattern);
			}
			if (what.length % 3 === 0) // one of three, for time: it is the same recount
				await ctlRefused(instance, 65, /nothing was signed: in a recount \d+ things? do(es)? not agree/, 'certify', '--why', 'final');
			if (what !== 'a result made up')
				assert.equal(await redis.exists(`${key}:results`), 0);
		});

	test('a damaged ballot is one finding, with no count beside it', async (t) => {
		await untouched(t);
		await rebuild(log, (fields, i) => {
			if (i === 2)
				fields[1] = Buffer.from('rubbish');
		});
		const { code, stdout, stderr } = await ctl(instance, 'recount');
		assert.equal(code, 65, stderr);
		assert.match(stderr, /^shard 0: the log cannot be read from index 2 on; so these were not compared: counters, tokens, sizes of checkpoints\n.*1 thing does not agree/);
		assert.match(stdout, /There is no count/);
		assert.doesNotMatch(stdout, /upstage|nc-ai|ballots count/);
		const { json } = await ctl(instance, 'recount', '--json').then((said) => ({ json: JSON.parse(said.stdout) }));
		assert.deepEqual([json.disagreements, json.ballots, json.superseded, json.citizen, json.shards[0].ballots], [1, null, null, null, null]);
		await ctlRefused(instance, 65, /nothing was signed: in a recount 1 thing does not agree/, 'certify', '--why', 'final');

		// What is not of the log's end is still named.
		await redis.decr(`${shard}:issued`);
		const more = JSON.parse((await ctl(instance, 'recount', '--json')).stdout);
		assert.ok(more.findings.some(({ what }) => /5 tokens are said to be issued, and 6 identities/.test(what)), JSON.stringify(more.findings));
		assert.ok(!more.findings.some(({ check }) => check === 'tokens' || check === 'counters'));
	});

	test('where the last entry is damaged there is no count, and what is told beside it is true', async (t) => {
		await untouched(t);
		const size = votes.length + 1;
		await redis.multi().xdel(log, `${size}-0`).call('XSETID', log, `${size - 1}-0`).xadd(log, `${size}-0`, 'b', 'rubbish').exec();
		const { code, stdout, stderr } = await ctl(instance, 'recount');
		assert.equal(code, 65, stderr);
		assert.match(stdout, /· provisional · recounted as of (?!1970)/);
		assert.match(stdout, /There is no count: a log cannot be read to its end/);
		assert.match(stdout, /^ +0 +6 +\? +\? +6 +\?/m);
		assert.doesNotMatch(stdout, /upstage|nc-ai|ballots count|can still come in/);
		assert.match(stderr, /^shard 0: its log, .* is damaged, so its checkpoint was not compared\nshard 0: the log cannot be read from index 6 on; [^\n]*\n.*2 things do not agree/);
		const json = JSON.parse((await ctl(instance, 'recount', '--json')).stdout);
		assert.deepEqual([json.phase, json.ballots, json.superseded, json.citizen, json.shards[0].ballots, json.shards[0].size, json.shards[0].sealed],
			['provisional', null, null, null, null, 6, null]);
		assertNow(json.at);
	});

	test('where nothing says how long the log is, it is counted to its end', async (t) => {
		await untouched(t);
		await redis.set(`${shard}:issued`, 'many');
		const { code, stdout } = await ctl(instance, 'recount', '--json');
		assert.equal(code, 65);
		const { findings, ballots, superseded, phase, at } = JSON.parse(stdout);
		assert.deepEqual([ballots, superseded, phase], [votes.length, 1, 'provisional']);
		assertNow(at);
		assert.deepEqual(findings.map(({ what }) => what.replace(/[,:] .*/, '')), ['shard 0', 'shard 0']);
		assert.match(findings[1].what, /nothing says how many ballots its log is to have, so its counters were not compared/);
	});

	test('untouched, it is signed, and the result names its log', async () => {
		const { json: recount } = await ctlDone(instance, 'recount', '--json');
		assert.deepEqual([recount.agrees, recount.final], [true, true]);
		const { json } = await ctlDone(instance, 'certify', '--why', 'final', '--json');
		const document = JSON.parse(json.document);
		const checkpoint = (await redis.hget(`${shard}:seal`, 'checkpoint')).split('\n');
		assert.deepEqual(document.log, [{ origin: checkpoint[0], root: checkpoint[2], shard: 0, size: Number(checkpoint[1]) }]);
		assert.deepEqual([document.ballots, document.issued, document.log_size], [6, 6, 7]);
		assert.deepEqual(document.citizen, recount.citizen);
		await ctlDone(instance, 'recount');
	});

	test('a signed result that was changed is named, and no correction is signed', async (t) => {
		await untouched(t);
		for (const [change, sentence] of [
			[(stored) => ({ ...stored, document: stored.document.replace('"ballots":6', '"ballots":7') }), /version 1: the document is not the one that the audit log tells of/],
			[(stored) => ({ ...stored, annex: `${stored.annex} ` }), /version 1: the annex is not the one that was signed/],
			[(stored) => ({ ...stored, note: stored.note.replace('\n1\n', '\n2\n') }), /version 1: its note is not signed by the result key/]]) {
			const stands = await redis.hget(`${key}:results`, '1');
			await changeJson(`${key}:results`, '1', change);
			await ctlRefused(instance, 65, sentence, 'recount');
			await ctlRefused(instance, 65, sentence, 'correct', '--why', 'none');
			await redis.hset(`${key}:results`, '1', stands);
		}
	});

	test('without Redis: 69', async () => {
		await server.stop();
		await ctlRefused(instance, 69, /Redis/, 'recount');
	});
});
