// The published bundle: what is in it and what is not, by what the contest publishes; that it is the same each
// time, there as a whole or not at all; and what it refuses. What is right about its contents is the
// verifiers' business; both are asked, and the openings are counted by hand.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { ROOT, TALLYCTL, eventually, realRound, runProgram, startInstance } from './lib/instance.mjs';
import { Round, pack, spentOf, unpack } from './lib/protocol.mjs';
import { auditOf, ctl, ctlDone, ctlRefused, stage } from './lib/acts.mjs';
import { signNote } from './lib/bundle.mjs';
import { Log } from './lib/log.mjs';
import { PAGES, Published, certify, measure, publish, published, sha256 } from './lib/published.mjs';
import { complete, inviteExpert } from './lib/sheets.mjs';
import { readDirectory, verifyBundle } from '../verifier/verify.mjs';

const five = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
const points = { 'naver-cloud': 90, upstage: 80, 'sk-telecom': 70, 'nc-ai': 60, 'lg-ai-research': 50.5 };
const text = (en) => ({ ko: en, en });

async function start(t, contest = {}) {
	const instance = await startInstance({ contest });
	t.after(() => instance.stop());
	return { instance, round: new Round(instance), dir: path.join(instance.dir, 'bundle') };
}

async function cast(round, ...ballots) {
	for (const ballot of ballots)
		assert.equal((await round.cast(round.mint(), ballot)).status, 201);
}

/** Both verifiers; what tallyctl's says. */
async function verify(bundle) {
	const { key } = bundle.said.json;
	assert.deepEqual(verifyBundle(readDirectory(bundle.dir), key).findings, []);
	const done = await runProgram(TALLYCTL, ['verify', '--key', key, '--json', bundle.dir]);
	assert.equal(done.code, 0, `${done.stdout}${done.stderr}`);
	return JSON.parse(done.stdout);
}

const here = (list, ...names) => names.filter((name) => list.some((one) => one === name || one.startsWith(`${name}/`)));
const optional = ['openings', 'metrics.json', 'sheets.json', 'annex.json', 'audit.jsonl'];

/** In which files these bytes or texts occur. */
async function holding(bundle, needles) {
	const found = [];
	for (const [name, bytes] of await bundle.all())
		for (const needle of needles)
			if (bytes.includes(needle))
				found.push(`${name}: ${Buffer.isBuffer(needle) ? needle.toString('hex') : needle}`);
	return found;
}

/** The first one's words name the second. */
const worded = (sheet, i) => i > 0 ? sheet :
	{ ...sheet, comments: { ...sheet.comments, upstage: '이둘 위원과 같은 생각입니다' } };

/** A contest with a panel of experts, numbered where it publishes their sheets. */
const experts = {
	...stage,
	stage: { ...stage.stage, parts: [...stage.stage.parts,
		{ id: 'experts', name: text('experts'), source: 'panel', panel: 'experts', weight: 10, scale: 'points' }] },
	pledge: undefined,
};

describe('publishing', { concurrency: 3 }, () => {
	test('everything that a contest publishes, over two shards, replaced ballots among them; twice the same; corrected', async (t) => {
		const { instance, round, dir } = await start(t, { ...experts, shards: 2, revote: 'replace', openings: 'public',
			sheet_openings: 'public', pseudonyms: true });
		const people = [];
		for (const [i, name] of ['김하나', '이둘', '박세나', '최네모', '정다섯', '강여섯'].entries()) {
			const expert = await inviteExpert(round, { name, affiliation: i === 5 ? '네이버' : '한국대학교' });
			people.push(expert);
			const frame = await expert.sheet();
			if (i !== 4) // who hands in nothing
				await expert.saved(worded(complete(frame, five), i), 0);
		}
		await ctlDone(instance, 'recuse', people[1].id, 'upstage', '--why', '친족');
		const tokens = Array.from({ length: 40 }, () => round.mint());
		for (const [i, token] of tokens.entries())
			assert.equal((await round.cast(token, { choices: [five[i % 3]] })).status, 201);
		for (const token of tokens.slice(0, 7)) {
			const index = (await round.cast(token, { choices: ['nc-ai'] })).json.receipt.index;
			assert.equal((await round.cast(token, { choices: ['nc-ai'] }, { headers: { 'If-Match': `"${index}"` } })).status, 201);
		}
		await measure(instance, 'bench', points);
		await ctlDone(instance, 'disqualify', 'upstage', '--ko', '독자성', '--en', 'independence', '--by', 'kim');
		for (const request of (await ctlDone(instance, 'requests', '--json')).json)
			await ctlDone(instance, 'approve', request.id, '--by', 'lee');
		await certify(instance);

		const bundle = await published(round, dir, 1, '--json');
		assert.deepEqual(here(bundle.listed, ...optional), ['openings', 'metrics.json', 'sheets.json']);
		const { checked, unchecked } = await verify(bundle);
		assert.deepEqual([checked.entries, checked.opened, checked.ballots, checked.superseded, checked.sheets, checked.pinned],
			[47, 47, 40, 7, 6, true], JSON.stringify({ checked, unchecked }));
		assert.equal((await bundle.read('FORMAT.md')).compare(await readFile(path.join(ROOT, 'daemon/FORMAT.md'))), 0);
		assert.equal((await bundle.read('contest.yaml')).compare(await readFile(path.join(instance.dir, 'contest.yaml'))), 0);

		// The openings are the ballots that were cast, in the log's order, and nobody else's count is needed.
		const last = new Map();
		for (const shard of [0, 1]) {
			const log = await new Log(instance, round, { shard }).sealed(1);
			for (const [i, { spent, salt, ballot }] of (await bundle.openings(shard)).entries()) {
				const index = Buffer.alloc(8);
				index.writeBigUInt64BE(BigInt(i));
				assert.deepEqual(sha256('tallyd ballot v1\n', round.origin(shard), '\n', index, spent, salt, ballot), log.entries[i]);
				last.set(spent.toString('hex'), ballot);
			}
		}
		assert.deepEqual(new Set(last.keys()), new Set(tokens.map((token) => spentOf(token).toString('hex'))));
		const result = await bundle.json('results/1.json');
		assert.deepEqual(result.citizen.map(({ entry, votes }) => [entry, votes]), five.map((entry) =>
			[entry, [...last.values()].filter((ballot) => ballot === `choices\n${entry}\n`).length]));

		// Nobody is named, neither here nor by what the numbers stand for.
		const names = people.flatMap((one) => [one.person.name, one.id]);
		assert.deepEqual(await holding(bundle, names.filter((name) => name !== '이둘')), []);
		assert.deepEqual(await holding(bundle, ['이둘']), ['sheets.json: 이둘']); // in another's words, which are told of:
		assert.match(bundle.said.stderr, /warning: The sheet of expert-\d in sheets.json names an expert in its words/);
		const sheets = await bundle.json('sheets.json');
		assert.deepEqual(sheets.experts.map(({ expert }) => expert), [1, 2, 3, 4, 5, 6].map((n) => `expert-${n}`));
		assert.deepEqual(sheets.experts.map(({ name, affiliation }) => [name, affiliation]), Array(6).fill([undefined, undefined]));
		assert.deepEqual(sheets.experts.map(({ excluded }) => JSON.stringify(excluded)).sort(),
			['{"naver-cloud":"conflict"}', '{"upstage":"ruling"}', '{}', '{}', '{}', '{}']);
		assert.equal(sheets.experts.filter(({ sheet }) => sheet === null).length, 1);
		for (const { sheet, salt, commitment } of sheets.experts.filter((one) => one.sheet))
			assert.equal(sha256('tallyd sheet v1\n', Buffer.from(salt, 'hex'), sheet).toString('hex'), commitment);

		// What pages read is what the API answers, but for the clock and what acts alone say: how many there were.
		const shown = await bundle.json('published.json');
		const { now, ...definition } = (await instance.get(round.path)).json;
		const { as_of, ...tally } = await instance.tally(round.id);
		assert.deepEqual(shown, { definition: { ...definition, now: result.at }, tally: { ...tally, as_of: result.at, sequence: result.log_size },
			results: (await instance.get(`${round.path}/results`)).json }, `${now} ${as_of}`);
		assert.deepEqual([(await bundle.json('site.json')).published, (await bundle.json('site.json')).api], [true, '']);
		assert.deepEqual(here(bundle.listed, 'vote', 'expert', 'organiser', 'projector', 'en/vote', 'en/expert', 'en/organiser',
			'en/projector'), []);
		assert.equal(here(bundle.listed, 'index.html', 'results/index.html', 'verify/index.html', 'en/index.html', '404.html').length, 5);

		// The same again is the same, in place of what was there.
		const before = await bundle.all();
		const again = await published(round, dir);
		assert.deepEqual(await again.all(), before);
		assert.deepEqual((await readdir(instance.dir)).filter((name) => name.includes('unfinished')), []);

		// A correction is another version of it.
		await ctlDone(instance, 'requalify', 'upstage', '--why', 'objection', '--for-correction', '--by', 'kim');
		for (const request of (await ctlDone(instance, 'requests', '--json')).json)
			await ctlDone(instance, 'approve', request.id, '--by', 'lee');
		assert.deepEqual(await (await published(round, dir)).json('sheets.json'), sheets); // as long as it is not signed
		await ctlDone(instance, 'correct', '--why', 'objection');
		const second = await published(round, dir, 2, '--json');
		assert.deepEqual(here(second.listed, 'results/1.json', 'results/1.note', 'results/2.json', 'results/2.note').length, 4);
		await verify(second);
	});

	test('what a contest keeps from the public is not in it, and is in the one for auditors', async (t) => {
		const { instance, round, dir } = await start(t, { ...experts, stage: { ...experts.stage, publish: 'top-and-mean' },
			openings: 'auditors', pseudonyms: true, published_at: ['https://real.example/'], rehearsal: { published_at: ['https://try.example/'] } });
		const expert = await inviteExpert(round, { name: '김하나', affiliation: '한국대학교' });
		await expert.saved(complete(await expert.sheet(), five), 0);
		await cast(round, ...five.map((entry) => ({ choices: [entry] })), { choices: ['upstage'] });
		await measure(instance, 'bench', { ...points, 'sk-telecom': '71.7319' });
		await certify(instance);

		const bundle = await published(round, dir, 1, '--json');
		assert.deepEqual(here(bundle.listed, ...optional), []);
		assert.equal((await stat(dir)).mode & 0o777, 0o755);
		// Where it will stand is told by the server, and by the bundle, of this round alone.
		for (const definition of [(await instance.get(round.path)).json, (await bundle.json('published.json')).definition])
			assert.deepEqual(definition.published_at, ['https://try.example/']);
		await verify(bundle);
		const all = await published(round, `${dir}-auditors`, 1, '--auditors', '--json');
		assert.deepEqual(here(all.listed, ...optional), optional);
		assert.equal((await stat(all.dir)).mode & 0o777, 0o700);
		assert.match(all.said.stderr, /warning: this bundle is for auditors: it opens every ballot and names experts/);
		await verify(all);
		// A host may serve the one: the other does not take its place.
		await ctlRefused(instance, 73, /is a bundle for everybody.*Give another DIR/s, 'publish', '--auditors', dir);
		await ctlRefused(instance, 73, /is a bundle for auditors.*Give another DIR/s, 'publish', all.dir);
		assert.equal((await stat(dir)).mode & 0o777, 0o755);
		const audit = await auditOf(round);
		assert.deepEqual((await all.read('audit.jsonl')).toString().trimEnd().split('\n').map((line) => JSON.parse(line)), audit);

		// Secrets: keys in any of them, and of what auditors get, what only they get.
		const keys = path.join(instance.dir, 'keys', round.name);
		const secrets = [await readFile(path.join(keys, 'salt.key')), 'PRIVATE KEY', expert.token];
		for (const name of (await readdir(keys)).filter((one) => one.endsWith('private.pem')))
			secrets.push(...(await readFile(path.join(keys, name), 'utf8')).split('\n').filter((line) => line.length === 64 && !line.startsWith('-')));
		assert.deepEqual(await holding(all, secrets), []);
		const kept = (await all.openings(0)).flatMap(({ salt, spent }) => [salt, spent,
			...['hex', 'base64'].flatMap((form) => [salt.toString(form), spent.toString(form)])]);
		const sheets = await all.json('sheets.json');
		kept.push('김하나', expert.id, '71.7319', ...sheets.experts.map(({ salt }) => salt));
		assert.deepEqual(sheets.experts.map(({ expert: id, name, affiliation }) => [id, name, affiliation]),
			[[expert.id, '김하나', '한국대학교']]);
		assert.ok((await holding(all, kept)).length >= kept.length / 2); // the needles are of the right kind
		assert.deepEqual(await holding(bundle, kept), []);
	});

	test('named experts, published with the annex', async (t) => {
		const { instance, round, dir } = await start(t, { ...experts, sheet_openings: 'public', pseudonyms: false,
			openings: 'auditors' });
		const expert = await inviteExpert(round, { name: '김하나', affiliation: '한국대학교' });
		await expert.saved(complete(await expert.sheet(), five), 0);
		await measure(instance, 'bench', points);
		await certify(instance);
		const bundle = await published(round, dir, 1, '--json');
		assert.deepEqual(here(bundle.listed, ...optional), ['metrics.json', 'sheets.json', 'annex.json']);
		const [one] = (await bundle.json('sheets.json')).experts;
		assert.deepEqual([one.expert, one.name, one.affiliation], [expert.id, '김하나', '한국대학교']);
		assert.equal(bundle.said.stderr, '');
		const { checked } = await verify(bundle);
		assert.equal(checked.entries, 0); // nobody voted, and the empty log was certified

		// Sheets that are not what the audit log committed to, and an audit log that is not what the record says.
		const redis = instance.redisClient();
		for (const [stream, at, sentence] of [['revisions', 5, /not what the audit log committed to/], ['audit', 1, /audit log behind entry \d+ cannot be taken: it is damaged/]]) {
			const key = `{${round.name}}:${stream}`, stored = await redis.xrangeBuffer(key, '-', '+');
			const put = async (entries) => {
				const multi = redis.multi().del(key);
				for (const [id, fields] of entries)
					multi.xadd(key, id, ...fields);
				await multi.exec();
			};
			const changed = [...stored[0][1]];
			changed[at] = Buffer.from(changed[at]);
			changed[at][20] ^= 1;
			await put([[stored[0][0], changed], ...stored.slice(1)]);
			await ctlRefused(instance, 65, sentence, 'publish', dir, ...PAGES);
			await put(stored);
		}
		await published(round, dir);
	});

	for (const [form, ballot, ballots, votes] of [
		['scores', { scores: { min: 0, max: 10, step: 2 } },
			[{ scores: { upstage: 8, 'nc-ai': 2 } }, { scores: { upstage: 4 } }], { mean: [null, 6, null, 2, null] }],
		['ranking', { ranking: { max: 3, method: 'schulze' } },
			[{ ranking: ['upstage', 'nc-ai'] }, { ranking: ['nc-ai', 'upstage', 'sk-telecom'] }, { ranking: ['upstage'] }],
			{ borda: [0, 11, 2, 7, 0] }],
	])
		test(`${form}, with openings`, async (t) => {
			const { instance, round, dir } = await start(t, { ballot: { choices: undefined, ...ballot }, openings: 'public', stage: undefined });
			await cast(round, ...ballots);
			await certify(instance);
			const bundle = await published(round, dir, 1, '--json');
			const { checked } = await verify(bundle);
			assert.equal(checked.opened, ballots.length);
			const { citizen } = await bundle.json('results/1.json'), [[member, values]] = Object.entries(votes);
			assert.deepEqual(citizen.map((row) => row[member]), values);
			const { tally } = await bundle.json('published.json');
			assert.equal(Boolean(tally.pairwise), form === 'ranking');
		});

	test('what follows from no file of it is not shown: amended hours, a notice', async (t) => {
		const opens = new Date(Date.now() - 3600_000).toISOString(), closes = Date.now() + 3600_000;
		const instance = await startInstance(realRound(Date.parse(opens), closes, { stage: undefined, approvals: 1, openings: 'public' }));
		t.after(() => instance.stop());
		const round = new Round(instance), dir = path.join(instance.dir, 'bundle');
		await cast(round, { choices: ['upstage'] });
		await ctlDone(instance, 'notice', '--ko', '알림', '--en', 'A notice');
		await ctlDone(instance, 'extend', '--until', new Date(closes + 7200_000).toISOString(), '--why', 'the pause');
		await certify(instance);
		const bundle = await published(round, dir, 1, '--json');
		const { definition, tally } = await bundle.json('published.json');
		assert.deepEqual([definition.opens_at, definition.closes_at, definition.notice, tally.notice], [opens, null, null, null]);
		await verify(bundle);
	});

	test('what it refuses, and that nothing is there then', async (t) => {
		const { instance, round, dir } = await start(t, { stage: undefined, openings: 'public', shards: 2 });
		const refused = (code, sentence, ...args) => ctlRefused(instance, code, sentence, 'publish', ...args, ...PAGES);
		await cast(round, ...Array.from({ length: 20 }, (_, i) => ({ choices: [five[i % 5]] })));
		await ctlRefused(instance, 64, /are for a bundle: say into which DIR/, 'publish', '--auditors');
		await ctlRefused(instance, 64, /are for the act/, 'publish', dir, '--why', 'because');
		await refused(65, /Nothing has been certified yet/, dir);
		await certify(instance);

		// Where it may go.
		const others = path.join(instance.dir, 'others');
		await mkdir(others);
		await writeFile(path.join(others, 'index.html'), 'mine');
		await refused(73, /neither empty nor an earlier bundle/, others);
		await refused(73, /neither empty nor an earlier bundle/, path.join(others, 'index.html'));
		await refused(73, /No such file/, path.join(instance.dir, 'no/such/bundle'));
		assert.deepEqual(await readdir(others), ['index.html']);
		await ctlRefused(instance, 66, /no-pages: No such file/, 'publish', dir, '--from', path.join(instance.dir, 'no-pages'));
		await published(round, dir);
		await writeFile(path.join(dir, 'CNAME'), 'vote.example'); // somebody's own beside it
		await refused(73, /with nothing else in it/, dir);
		await rm(path.join(dir, 'CNAME'));
		const note = await readFile(path.join(dir, 'SHA256SUMS.note'), 'utf8');
		await writeFile(path.join(dir, 'SHA256SUMS.note'), note.replace('\n1\n', '\n2\n'));
		await refused(73, /neither empty nor an earlier bundle/, dir);
		await writeFile(path.join(dir, 'SHA256SUMS.note'), note);
		await symlink('bundle', path.join(instance.dir, 'link'));
		await published(round, path.join(instance.dir, 'link')); // what the link leads to
		assert.deepEqual(await new Published(dir, round).check(1), await new Published(path.join(instance.dir, 'link'), round).check(1));
		await mkdir(path.join(instance.dir, 'empty'));
		await published(round, path.join(instance.dir, 'empty'));

		// This host's log, in every way that it can be wrong. The bundle that is there stays as it is.
		const before = await new Published(dir, round).all();
		const host = path.join(instance.dir, 'log', round.name), safe = path.join(instance.dir, 'safe');
		await cp(host, safe, { recursive: true });
		const log = new Log(instance, round, { shard: 1 }), { size } = await log.checkpoint();
		const change = async (name, how) => {
			const bytes = await readFile(path.join(host, '1', name));
			await how(path.join(host, '1', name), bytes);
		};
		const flip = (at) => async (file, bytes) => {
			const changed = Buffer.from(bytes);
			changed[at] ^= 1;
			await writeFile(file, changed);
		};
		const older = async (file) => cp(path.join(host, '0/checkpoint'), file);
		for (const [sentence, name, how, code = 65] of [
			[/checkpoint: this host's copy cannot be taken: it is damaged/, 'checkpoint', flip(60)],
			[/checkpoint: this host's copy cannot be taken/, 'checkpoint', older],
			[/checkpoint: this host's copy cannot be taken: No such file/, 'checkpoint', (file) => rm(file)],
			[/issued: this host's copy cannot be taken/, 'issued', flip(30)],
			[/tile\/0\/000\.p\/\d+: this host's copy is damaged/, `tile/0/000.p/${size}`, flip(40)],
			[/tile\/0\/000\.p\/\d+: this host's copy cannot be taken/, `tile/0/000.p/${size}`, (file) => rm(file)],
			[/damaged|another root/, `tile/entries/000.p/${size}`, flip(5)],
			[/cannot be taken/, `tile/entries/000.p/${size}`, flip(0)],
		]) {
			await change(name, how);
			await refused(code, sentence, dir);
			await cp(path.join(safe, '1'), path.join(host, '1'), { recursive: true, force: true });
		}
		// A note of before the last token was given out, signed as it was then.
		const pem = crypto.createPrivateKey(await readFile(path.join(instance.dir, 'keys', round.name, 'log.private.pem')));
		const raw = crypto.createPublicKey(pem).export({ type: 'spki', format: 'der' }).subarray(-32);
		const { issued } = await log.issued();
		await writeFile(path.join(host, '1/issued'),
			signNote(`tallyd issued v1\n${log.origin}\n${size}\n${issued - 1}\n`, log.origin, { key: pem, raw }));
		await refused(75, /tell of 19 tokens given out, and 20 were certified/, dir);
		await rm(path.join(host, '1'), { recursive: true });
		await refused(65, /does not have the log of shard 1/, dir);
		await cp(safe, host, { recursive: true, force: true });

		// A ballot in Redis that is not the one that was sealed.
		const redis = instance.redisClient(), key = `{${round.name}/1}:log`;
		const stored = await redis.xrangeBuffer(key, '-', '+');
		const put = async (entries) => {
			const multi = redis.multi().del(key); // at once: the sealer must not see what is between
			for (const [id, [field, bytes]] of entries)
				multi.xadd(key, id, field, bytes);
			await multi.exec();
		};
		const target = stored[3], [first] = unpack(target[1][1]);
		const index = Number(target[0].toString().split('-')[0]) - 1;
		const other = first.ballot === 'choices\nupstage\n' ? 'choices\nnc-ai\n' : 'choices\nupstage\n';
		const changed = Buffer.concat([pack({ ...first, ballot: other }), target[1][1].subarray(pack(first).length)]);
		await put(stored.map((entry, i) => i === 3 ? [entry[0], [entry[1][0], changed]] : entry));
		await refused(65, new RegExp(`Shard 1, index ${index}: the ballot in Redis is not the one that was sealed`), dir);
		await put(stored);
		await redis.hset(`{${round.name}}:record`, 'halt', JSON.stringify({ shard: 1, why: 'ballots are missing', at: 1 }));
		await refused(65, /The public log has halted: ballots are missing/, dir);
		await redis.hdel(`{${round.name}}:record`, 'halt');
		await published(round, dir);
		assert.deepEqual(await new Published(dir, round).all(), before);

		// One that is gone; the sealer may be the first to notice, and then the log has halted for good.
		await put(stored.slice(0, -1));
		await refused(65, /Shard 1: Redis has \d+ ballots, and \d+ were sealed|cannot be read|The public log has halted/, dir);
		assert.deepEqual(await new Published(dir, round).all(), before);
		assert.deepEqual((await readdir(instance.dir)).filter((name) => name.includes('unfinished')), []);
	});

	test('a log of two epochs: both are there, with the statement between them', async (t) => {
		const { instance, round, dir } = await start(t, { stage: undefined, openings: 'public' });
		const redis = instance.redisClient(), log = new Log(instance, round);
		await cast(round, ...Array.from({ length: 5 }, (_, i) => ({ choices: [five[i]] })));
		await log.sealed(5);
		// Redis comes back from a backup of before the last two ballots.
		const keys = (await redis.keys(`{${round.name}/0}:*`)).filter((key) => /:(log|count|spent:\d+)$/.test(key));
		const backup = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
		await cast(round, { choices: ['upstage'] }, { choices: ['upstage'] });
		await log.sealed(7);
		const later = (await redis.keys(`{${round.name}/0}:spent:*`)).filter((key) => !keys.includes(key));
		await redis.multi().del(...later, ...keys).exec();
		for (const [i, key] of keys.entries())
			await redis.restore(key, 0, backup[i]);
		await eventually(async () => (await instance.get(round.path)).json.log === 'halted', 'the halt');
		await ctlDone(instance, 'log', 'new-epoch', '--why', 'restored from a backup');
		assert.equal((await round.castUntilAnswered(round.mint(), { choices: ['nc-ai'] })).status, 201);
		await eventually(() => new Log(instance, round, { epoch: 2 }).sealed(6, 1000), 'the new log');
		await certify(instance);

		const bundle = await published(round, dir, 1, '--json');
		assert.deepEqual(bundle.listed.filter((name) => name.startsWith('log/')).map((name) => name.slice(`log/${round.id}/0/`.length)),
			['checkpoint', 'epoch-2/checkpoint', 'epoch-2/issued', 'epoch-2/statement', 'epoch-2/tile/0/000.p/6',
				'epoch-2/tile/entries/000.p/6', 'issued', 'tile/0/000.p/7', 'tile/entries/000.p/7']);
		const { checked } = await verify(bundle);
		assert.deepEqual([checked.epochs, checked.ballots], [2, 6]);
		await rm(path.join(log.dir, 'tile/entries/000.p/7'));
		await ctlRefused(instance, 65, /log\/kai-stage1\/0\/tile\/entries\/000\.p\/7: this host's copy cannot be taken/, 'publish', dir, ...PAGES);
	});

	test('counters that are not what was certified, where ballots are not opened', async (t) => {
		const { instance, round, dir } = await start(t, { stage: undefined, openings: 'auditors' });
		await cast(round, { choices: ['upstage'] }, { choices: ['nc-ai'] });
		await certify(instance);
		const redis = instance.redisClient();
		await redis.hincrby(`{${round.name}/0}:count`, 'votes:upstage', 1);
		await ctlRefused(instance, 65, /"citizen" differs from version 1 of the result/, 'publish', dir, ...PAGES);
		await redis.hincrby(`{${round.name}/0}:count`, 'votes:upstage', -1);
		await ctlDone(instance, 'publish', dir, ...PAGES);
	});

	test('killed, or the disk full: nothing is there, and the next run leaves nothing of it behind', async (t) => {
		const { instance, round, dir } = await start(t, { stage: undefined, openings: 'public' });
		await cast(round, { choices: ['upstage'] });
		await certify(instance);
		const command = ['-c', instance.config, 'publish', dir, ...PAGES];
		const stage = path.join(instance.dir, '.bundle.unfinished');
		const isThere = (file) => stat(file).then(() => true, () => false);

		// No file may grow beyond 8 KiB: writing fails as on a full disk.
		const full = await runProgram('/bin/sh', ['-c', 'trap "" XFSZ; ulimit -f 16; exec "$@"', 'sh', TALLYCTL, ...command]);
		assert.equal(full.code, 73, full.stderr);
		assert.match(full.stderr, /File too large/);
		assert.equal(await isThere(dir) || await isThere(stage), false);

		// Killed while it writes, again and again a little later.
		let killed = 0;
		for (let ms = 5; ms < 400; ms = Math.ceil(ms * 1.6)) {
			const child = spawn(TALLYCTL, command, { stdio: 'ignore' });
			const timer = setTimeout(() => child.kill('SIGKILL'), ms);
			const [code, signal] = await once(child, 'exit');
			clearTimeout(timer);
			killed += signal === 'SIGKILL' ? 1 : 0;
			if (await isThere(dir)) { // then all of it is
				await new Published(dir, round).check(1);
				await rm(dir, { recursive: true });
			} else {
				assert.equal(code, null);
			}
		}
		assert.ok(killed > 0);

		// What is left of them is no bundle, and goes with the next run. Two at once do not mix.
		await mkdir(stage, { recursive: true });
		await writeFile(path.join(stage, 'rest'), 'of a run that ended');
		const [one, two] = await Promise.all([publish(instance, dir), publish(instance, dir)]);
		assert.ok(one.code === 0 || two.code === 0);
		for (const { code, stderr } of [one, two])
			assert.ok(code === 0 || (code === 75 && /another tallyctl publish writes it now/.test(stderr)), stderr);
		await new Published(dir, round).check(1);
		assert.equal(await isThere(stage), false);

		// Where the directory may not be written.
		if (process.getuid() !== 0) {
			const closed = path.join(instance.dir, 'closed');
			await mkdir(closed, { mode: 0o500 });
			await ctlRefused(instance, 73, /cannot be made: Permission denied/, 'publish', path.join(closed, 'bundle'), ...PAGES);
			await chmod(closed, 0o700);
		}
		assert.equal((await ctl(instance, 'publish', '--help')).code, 0);
	});
});
