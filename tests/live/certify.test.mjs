// Certifying: what must be there first, what is signed, that anybody can verify it without this program, and
// that a correction leaves both versions and changes what the public sees.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { eventually, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { Hand, actsOf, assertRefused, ctl, ctlDone, ctlRefused, invite, stage } from './lib/acts.mjs';
import { complete, inviteExpert } from './lib/sheets.mjs';

const five = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const reason = ['--ko', '독자성 기준 미달', '--en', 'Not independent'];

async function start(t, changes = {}) {
	const instance = await startInstance({ contest: { ...stage, ...changes } });
	t.after(() => instance.stop());
	const round = new Round(instance);
	for (const entry of ['upstage', 'upstage', 'nc-ai'])
		assert.equal((await round.cast(round.mint(), { choices: [entry] })).status, 201);
	return { instance, round };
}

async function importMetrics(instance, values, ...options) {
	const file = path.join(instance.dir, 'metrics.csv');
	await writeFile(file, ['part,entry,value,source,as_of,method',
		...Object.entries(values).map(([entry, value]) => `bench,${entry},${value},TTA,2026-11-20,mean`)].join('\n'));
	return ctlDone(instance, 'metrics', 'import', file, '--why', 'measured', ...options);
}

const all = { 'naver-cloud': 90, upstage: 80, 'sk-telecom': 70, 'nc-ai': 60, 'lg-ai-research': 50 };

async function toProvisional(instance) {
	await ctlDone(instance, 'close', '--why', 'done');
	await ctlDone(instance, 'publish');
}

/** The C2SP signed-note format from its document: opens a note, or throws. */
function openNote(note, name, publicKey) {
	const end = note.lastIndexOf('\n\n');
	const text = note.slice(0, end + 1);
	const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
	const id = sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([1]), raw])).subarray(0, 4);
	for (const line of note.slice(end + 2).split('\n')) {
		const [dash, who, sig] = line.split(' ');
		const bytes = Buffer.from(sig ?? '', 'base64');
		if (dash === '—' && who === name && bytes.subarray(0, 4).equals(id) && bytes.length === 68 &&
		    crypto.verify(null, Buffer.from(text), publicKey, bytes.subarray(4)))
			return text;
	}
	throw new Error('no signature of this key verifies');
}

/** Everything that anybody can check of a signed result, with the round's public key alone. */
function verifyResult(round, { document, note }) {
	const key = crypto.createPublicKey(readFileSync(path.join(round.instance.dir, 'keys', round.name, 'result.public.pem')));
	const parsed = JSON.parse(document);
	const text = openNote(note, `${round.logName}/${round.name}/result`, key);
	assert.equal(text, `tallyd result v1\n${round.name}\n${parsed.version}\n${sha256(document).toString('hex')}\n`);
	return parsed;
}

const resultsOf = async ({ instance, round }) => (await instance.get(`${round.path}/results`)).json;
const resultOf = async ({ instance, round }, version) => {
	const reply = await instance.get(`${round.path}/results/${version}`);
	assert.equal(reply.status, 200, reply.text);
	return reply.json;
};
const publicStanding = async ({ instance, round }) => (await instance.tally(round.id)).standing;
const rowOf = (rows, entry) => rows.find((one) => one.entry === entry);

describe('certifying', { concurrency: 2 }, () => {
	test('only when provisional, complete, and nothing waits', async (t) => {
		const here = await start(t, { approvals: 2, rehearsal: { admission: 'open', approvals: 2 } });
		const { instance, round } = here;
		const [kim, lee] = [await invite(instance, 'organiser', 'Kim'), await invite(instance, 'organiser', 'Lee')];
		const both = ['--why', 'final', '--token', kim.file, '--second-token', lee.file];
		const observer = await invite(instance, 'observer', 'Watcher');
		const hand = new Hand(round, lee, (await instance.get(round.path)).json.name.ko);

		await ctlRefused(instance, 65, /open; a result is certified once, when it is provisional/, 'certify', ...both);
		const { request } = (await ctlDone(instance, 'close', '--why', 'done', '--token', kim.file, '--json')).json;
		assert.equal((await hand.decide(request, 'approve')).status, 200);
		await hand.done({ act: 'publish' });
		await ctlRefused(instance, 65, /bench of naver-cloud.* of lg-ai-research/, 'certify', ...both);
		await importMetrics(instance, all);
		const waiting = (await ctlDone(instance, 'disqualify', 'upstage', ...reason, '--json')).json.request;
		await ctlRefused(instance, 65, /1 requests? wait/, 'certify', ...both);
		await ctlDone(instance, 'reject', waiting, '--why', 'no');

		// Two different organisers, by their own tokens.
		for (const [code, sentence, ...args] of [[77, /two organisers/], [77, /two organisers/, '--token', kim.file],
			[77, /two organisers/, '--second-token', lee.file],
			[77, /both tokens/, '--token', kim.file, '--second-token', kim.file],
			[77, /not an organiser/, '--token', kim.file, '--second-token', observer.file],
			[66, /missing/, '--token', kim.file, '--second-token', path.join(instance.dir, 'missing')]])
			await ctlRefused(instance, code, sentence, 'certify', '--why', 'final', ...args);
		await ctlRefused(instance, 64, /reason/, 'certify', '--token', kim.file, '--second-token', lee.file);
		await ctlRefused(instance, 65, /only a certified/, 'correct', ...both);
		assert.deepEqual(await resultsOf(here), []);
		assertRefused(await instance.get(`${round.path}/results/1`), 404, 'no-such-result');
		await ctlRefused(instance, 65, /nothing has been certified/, 'result');

		// A key that is not this round's: nobody could verify what it signs.
		const key = (name) => path.join(instance.dir, 'keys', round.name, `${name}.private.pem`), own = readFileSync(key('result'));
		writeFileSync(key('result'), readFileSync(key('log')));
		await ctlRefused(instance, 78, /result\.private\.pem: is not the private half of the public key beside it/, 'certify', ...both);
		writeFileSync(key('result'), own);
		assert.deepEqual(await resultsOf(here), []);

		const signed = (await ctlDone(instance, 'certify', ...both, '--json')).json;
		assert.equal(signed.version, 1);
		assert.equal(verifyResult(round, await resultOf(here, 1)).who, `${kim.who},${lee.who}`);
		const revoked = await ctl(instance, 'revoke', lee.id, '--why', 'left');
		assert.equal(revoked.code, 0, revoked.stderr);
		await ctlRefused(instance, 77, /revoked/, 'correct', ...both);
	});

	test('signed, verifiable by anybody, frozen, and corrected with both versions kept', async (t) => {
		const here = await start(t);
		const { instance, round } = here;
		const hand = new Hand(round, await invite(instance, 'organiser', 'Kim'), (await instance.get(round.path)).json.name.ko);
		await importMetrics(instance, all);
		await toProvisional(instance);
		const certified = (await ctlDone(instance, 'certify', '--why', 'the ten days are over', '--by', 'kim', '--json')).json;
		// citizens: 40 * votes / 2; bench: 60 * value / 100
		const points = { 'naver-cloud': 54, upstage: 88, 'sk-telecom': 42, 'nc-ai': 56, 'lg-ai-research': 30 };
		assert.deepEqual(certified.advanced, ['upstage', 'nc-ai']);

		const first = await resultOf(here, 1);
		const document = verifyResult(round, first);
		assert.equal(first.document, certified.document);
		assert.deepEqual([document.version, document.kind, document.contest, document.rehearsal, document.why, document.who],
			[1, 'certified', round.id, true, 'the ten days are over', 'operator:kim']);
		assert.deepEqual([document.ballots, document.log_size], [3, 3]);
		assert.deepEqual(document.citizen.map(({ votes }) => votes), [0, 2, 0, 1, 0]);
		assert.deepEqual(document.advanced, certified.advanced);
		for (const entry of five)
			assert.equal(rowOf(document.public.standing, entry).points, points[entry]);
		assert.equal(document.rules_hash, (await instance.get(round.path)).json.rules_hash);
		// The log that it rests on: what stood before the entry of certifying.
		const [entry] = await actsOf(round, 'certify');
		assert.deepEqual([document.audit.n, document.audit.head], [entry.n - 1, entry.prev]);
		assert.equal(entry.sha256, sha256(first.document).toString('hex'));
		// Canonical: compact, keys sorted.
		const sorted = (value) => Array.isArray(value) ? value.map(sorted) : value && typeof value === 'object' ?
			Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value;
		assert.deepEqual(JSON.stringify(sorted(document)).length, JSON.stringify(document).length);
		assert.deepEqual(Object.keys(document), Object.keys(document).toSorted?.() ?? [...Object.keys(document)].sort());
		// The check can fail.
		assert.throws(() => verifyResult(round, { ...first, document: first.document.replace('"ballots":3', '"ballots":4') }));
		assert.throws(() => verifyResult(round, { ...first, note: first.note.replace(/\n1\n/, '\n2\n') }));
		await ctlDone(instance, 'result', '--verify');
		const [listed] = await resultsOf(here);
		assert.deepEqual([listed.version, listed.kind, listed.sha256], [1, 'certified', entry.sha256]);
		await eventually(async () => (await instance.get(round.path)).json.phase === 'certified', 'certified');

		// Frozen, for the API whatever it says, for tallyctl but with --for-correction.
		assertRefused(await hand.act({ act: 'disqualify', entry: 'upstage', reason: { ko: '가', en: 'a' } }), 403, 'certified', /correct/);
		await ctlRefused(instance, 77, /certified/, 'disqualify', 'upstage', ...reason);
		await ctlRefused(instance, 65, /provisional/, 'certify', '--why', 'again');
		await ctlDone(instance, 'disqualify', 'upstage', ...reason, '--for-correction');
		await importMetrics(instance, { 'nc-ai': 65 }, '--for-correction');
		const before = (await eventually(async () => {
			const standing = await publicStanding(here);
			return standing.length && standing;
		}, 'the standing'));
		assert.equal(rowOf(before, 'upstage').rank, 1);
		assert.equal(rowOf(before, 'nc-ai').points, 56);

		// Corrected: nobody moves up, the metric counts anew.
		const corrected = (await ctlDone(instance, 'correct', '--why', 'an objection was upheld', '--json')).json;
		assert.equal(corrected.version, 2);
		assert.deepEqual(corrected.advanced, ['nc-ai']);
		const second = verifyResult(round, await resultOf(here, 2));
		assert.deepEqual([second.version, second.kind], [2, 'corrected']);
		assert.doesNotMatch(corrected.document, /\d\.\d{16}/, 'numbers as people write them');
		await ctlRefused(instance, 65, /would say what version 2 says/, 'correct', '--why', 'once more');
		assert.equal(rowOf(second.public.standing, 'nc-ai').points, 59);
		assert.deepEqual(await resultOf(here, 1), first);
		assert.deepEqual((await resultsOf(here)).map(({ version, kind }) => [version, kind]), [[1, 'certified'], [2, 'corrected']]);
		await eventually(async () => rowOf(await publicStanding(here), 'nc-ai').points === 59, 'the corrected standing');
		assert.equal((await instance.tally(round.id)).phase, 'corrected');
		// And once more.
		await ctlDone(instance, 'requalify', 'upstage', '--why', 'the court', '--for-correction');
		assert.deepEqual((await ctlDone(instance, 'correct', '--why', 'the court', '--json')).json.advanced, ['upstage', 'nc-ai']);
		for (const version of ['1', '2', '3'])
			await ctlDone(instance, 'result', '--version', version, '--verify');
		assert.equal(JSON.parse((await ctlDone(instance, 'result', '--document')).stdout).version, 3);
		assert.match((await ctlDone(instance, 'result')).stdout,
			/version 3 of the result\n +kind +corrected\n +at +\S+\n +who +\S+\n +why +the court\n +advanced +upstage, nc-ai\n +disqualified +–\n +sha256 +[0-9a-f]{64}\n/);
		await ctlRefused(instance, 65, /no version 4/, 'result', '--version', '4');

		// Tampering in the record is found.
		const redis = instance.redisClient();
		const stored = JSON.parse(await redis.hget(`{${round.name}}:results`, '3'));
		for (const change of [{ document: stored.document.replace('"ballots":3', '"ballots":4') },
			{ annex: stored.annex.replace('"65"', '"66"') }, { note: first.note }]) {
			await redis.hset(`{${round.name}}:results`, '3', JSON.stringify({ ...stored, ...change }));
			await ctlRefused(instance, 65, /verify|annex/, 'result', '--verify');
		}
	});

	test('an entry\'s report is that of the result, whoever is invited and whatever is ruled later', async (t) => {
		const [citizens] = stage.stage.parts;
		const { instance, round } = await start(t, { stage: { ...stage.stage, parts: [citizens,
			{ id: 'experts', name: { ko: '전문가', en: 'Experts' }, source: 'panel', panel: 'experts', weight: 60, scale: 'points' }] } });
		const expert = await inviteExpert(round, { name: '김전문' });
		await expert.saved(complete(await expert.sheet(), five), 0);
		await toProvisional(instance);
		await ctlDone(instance, 'certify', '--why', 'final');
		const report = async () => {
			const { stdout } = await ctlDone(instance, 'report', 'upstage', '--lang', 'en');
			return stdout.replace(/As of: .*/, '');
		};
		const certified = await report();
		assert.match(certified, /1 of 1 experts, 0 recused/);
		await inviteExpert(round, { name: '박늦음' });
		await ctlDone(instance, 'disqualify', 'upstage', ...reason, '--for-correction');
		assert.equal(await report(), certified);
		assert.equal((await ctlDone(instance, 'report', 'upstage', '--json')).json.row.disqualified, undefined);
		await ctlDone(instance, 'correct', '--why', 'an objection was upheld');
		assert.match(await report(), /version 2 of the result[^]*Disqualified: 독자성 기준 미달/);
	});

	test('what a contest keeps from the public is in the annex alone', async (t) => {
		const here = await start(t, { stage: { ...stage.stage, publish: 'advancers' } });
		const { instance, round } = here;
		await importMetrics(instance, { ...all, upstage: '87.6543' });
		await toProvisional(instance);
		await ctlDone(instance, 'certify', '--why', 'final');
		const result = await resultOf(here, 1);
		const document = verifyResult(round, result);
		assert.deepEqual(document.advanced, ['upstage', 'nc-ai']);
		assert.ok(!('annex' in result));
		for (const hidden of ['87.6543', 'bench/', 'TTA'])
			assert.ok(!JSON.stringify(result).includes(hidden), hidden);
		const shown = (await ctlDone(instance, 'result', '--annex', '--json')).json;
		assert.equal(sha256(shown.annex).toString('hex'), document.annex_sha256);
		const annex = JSON.parse(shown.annex);
		assert.equal(rowOf(annex.standing.rows, 'upstage').parts.bench.value, 87.6543);
		assert.match(annex.salt, /^[0-9a-f]{64}$/);
		await ctlDone(instance, 'result', '--verify');
	});
});
