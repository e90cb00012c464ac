// The other ballot forms, from config/examples, and replacing a ballot.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeKeys } from './lib/gateway.mjs';
import { ROOT, TALLYD, contestDocument, makeDirectory, runProgram, startInstance } from './lib/instance.mjs';
import { Round, assertProblem, randomFrom } from './lib/protocol.mjs';
import { rm, writeFile } from 'node:fs/promises';
import YAML from 'yaml';

const EXAMPLES = path.join(ROOT, 'config/examples');
const examples = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml')).map((name) => path.join(EXAMPLES, name));
const documents = await Promise.all(examples.map((file) => contestDocument(file)));
const exampleOf = (wanted) => {
	const i = documents.findIndex(wanted);
	assert.ok(i >= 0, 'an example of each form is in config/examples');
	return { file: examples[i], document: documents[i] };
};

test('every example is a valid contest, also as a real round', async (t) => {
	const dir = await makeDirectory();
	t.after(() => rm(dir, { recursive: true }));
	const config = path.join(dir, 'tallyd.yaml');
	const providers = [{ id: 'pass', issuer: 'https://id.example', client_id: 'tallyd', claims: ['ci', 'birthdate', 'nation'] }]; // where people log in
	const gateways = [{ id: 'cooperative', issuer: 'https://members.example', audience: 'https://vote.example', keys: 'members.jwks.json', claims: ['member', 'status'] }]; // or come from
	await writeFile(path.join(dir, 'members.jwks.json'), JSON.stringify((await makeKeys(['ES256'])).set));
	for (const rehearsal of [true, false]) {
		await writeFile(config, YAML.stringify({ contests: examples, rehearsal, keys: 'keys', public_url: 'https://vote.example', providers, gateways }));
		const { code, stderr } = await runProgram(TALLYD, ['-c', config, '--check-config']);
		assert.equal(code, 0, stderr);
	}
});

describe('scores', () => {
	let instance, round, contest, ids;
	before(async () => {
		instance = await startInstance({ contests: [exampleOf((document) => document.ballot.scores).file] });
		round = new Round(instance);
		contest = (await instance.get(round.path)).json;
		ids = contest.entries.map((entry) => entry.id);
	});
	after(() => instance.stop());

	const canonical = (scores) => ['scores', ...ids.filter((id) => id in scores)
		.map((id) => `${id}=${(scores[id] - contest.form.min) / contest.form.step}`), ''].join('\n');

	test('are counted, and the tally has their means', async (t) => {
		const random = randomFrom(t);
		const { min, max, step } = contest.form;
		assert.equal(contest.form.name, 'scores');
		const given = [];
		for (let voter = 0; voter < 40; voter++) {
			const token = round.mint();
			const scores = {};
			for (const id of [...ids].reverse()) // the order of the members means nothing
				scores[id] = min + step * random.below((max - min) / step + 1);
			const reply = await round.castUntilAnswered(token, { scores });
			assert.equal(reply.status, 201, reply.text);
			round.checkReceipt(reply.json, token, canonical(scores));
			given.push(scores);
		}
		const tally = await instance.tallyOf(round.id, given.length);
		const mean = (id) => given.reduce((sum, scores) => sum + scores[id], 0) / given.length;
		for (const row of tally.citizen) {
			assert.equal(row.votes, given.length);
			assert.ok(Math.abs(row.mean - mean(row.entry)) <= 0.005 + 1e-9, `${row.entry}: ${row.mean}, not ${mean(row.entry)}`);
			assert.equal(row.rank, 1 + ids.filter((id) => mean(id) > mean(row.entry) + 1e-9).length);
		}
	});

	test('that are not', async (t) => {
		const { min, max } = contest.form;
		const all = Object.fromEntries(ids.map((id) => [id, min]));
		const token = round.mint();
		for (const [what, scores, detail] of [
			['too high', { ...all, [ids[0]]: max + 1 }, new RegExp(String(max))],
			['too low', { ...all, [ids[0]]: min - 1 }, new RegExp(String(min))],
			['a fraction', `{"scores":${JSON.stringify(all).replace(`:${min}`, `:${min}.5`)}}`, /\S/],
			['a text', { ...all, [ids[0]]: String(min) }, /\S/],
			['true', { ...all, [ids[0]]: true }, /\S/],
			['null', { ...all, [ids[0]]: null }, /\S/],
			['an unknown entry', { ...all, nobody: min }, /nobody/],
			['none', {}, /\S/],
			['a list', ids, /scores/],
		])
			await t.test(what, async () => {
				assertProblem(await round.cast(token, typeof scores === 'string' ? scores : { scores }), 422, 'invalid-ballot', detail);
			});
		assert.equal((await round.cast(token, { scores: all })).status, 201);
	});
});

describe('several choices, replaceable', () => {
	let instance, round, contest, ids;
	before(async () => {
		instance = await startInstance({
			contests: [exampleOf((document) => document.ballot.choices && document.revote === 'replace').file] });
		round = new Round(instance);
		contest = (await instance.get(round.path)).json;
		ids = contest.entries.map((entry) => entry.id);
		assert.equal(contest.revote, 'replace');
		assert.ok(contest.form.max >= 2);
	});
	after(() => instance.stop());

	const canonical = (choices) => `choices\n${ids.filter((id) => choices.includes(id)).map((id) => `${id}\n`).join('')}`;
	const replace = (token, choices, index) => round.cast(token, { choices }, { headers: { 'If-Match': `"${index}"` } });
	const votes = (tally) => Object.fromEntries(tally.citizen.map((row) => [row.entry, row.votes]));

	test('the order of the choices means nothing', async () => {
		const token = round.mint();
		const chosen = [ids[1], ids[0]];
		const first = await round.cast(token, { choices: chosen });
		assert.equal(first.status, 201, first.text);
		round.checkReceipt(first.json, token, canonical(chosen));
		const again = await round.cast(token, { choices: [...chosen].reverse() });
		assert.equal(again.status, 200);
		assert.deepEqual(again.json, first.json);
		assertProblem(await round.cast(round.mint(), { choices: ids.slice(0, contest.form.max + 1) }), 422, 'invalid-ballot',
			new RegExp(String(contest.form.max)));
	});

	test('a ballot is replaced only by who knows which: a late retry of A never undoes B', async () => {
		const before = await round.tallyNow();
		const token = round.mint();
		const A = [ids[0]], B = [ids[1], ids[2]], C = [ids[2]];
		const a = await round.cast(token, { choices: A });
		assert.equal(a.status, 201);
		// Without saying what it replaces, another ballot is refused.
		assert.deepEqual(assertProblem(await round.cast(token, { choices: B }), 409, 'token-spent', /If-Match/).receipt, a.json);
		const b = await replace(token, B, a.json.index);
		assert.equal(b.status, 201, b.text);
		round.checkReceipt(b.json, token, canonical(B), 'replaced');
		assert.ok(b.json.index > a.json.index);
		assert.equal(b.headers.etag, `"${b.json.index}"`);

		// The same replacement again, as a retry sends it: the same receipt.
		const retried = await replace(token, B, a.json.index);
		assert.equal(retried.status, 200);
		assert.deepEqual(retried.json, b.json);
		// The late retry of A, which knew of nothing; and a replacement of what stands no more.
		assert.deepEqual(assertProblem(await round.cast(token, { choices: A }), 409, 'token-spent').receipt, b.json);
		assert.deepEqual(assertProblem(await replace(token, C, a.json.index), 409, 'token-spent').receipt, b.json);

		const tally = await round.tallyNow();
		assert.equal(tally.ballots, before.ballots + 1);
		for (const id of ids)
			assert.equal(votes(tally)[id] - votes(before)[id], B.includes(id) ? 1 : 0, id);
	});

	test('of many replacements of one ballot at once, one wins', async () => {
		const token = round.mint();
		const first = await round.cast(token, { choices: [ids[0]] });
		const replies = await Promise.all(Array.from({ length: 60 }, (_, i) => replace(token, [ids[1 + i % 3]], first.json.index)));
		const won = replies.filter((reply) => reply.status === 201);
		assert.equal(won.length, 1);
		for (const reply of replies)
			if (reply.status === 200)
				assert.deepEqual(reply.json, won[0].json);
			else if (reply.status !== 201)
				assert.deepEqual(assertProblem(reply, 409, 'token-spent').receipt, won[0].json);
	});

	test('ten replacements and no more', async () => {
		const token = round.mint();
		let stands = (await round.cast(token, { choices: [ids[0]] })).json;
		for (let i = 1; i <= 10; i++) {
			const reply = await replace(token, [ids[i % 2]], stands.index);
			assert.equal(reply.status, 201, `replacement ${i}: ${reply.text}`);
			stands = reply.json;
		}
		assert.deepEqual(assertProblem(await replace(token, [ids[1]], stands.index), 409, 'replaced-too-often').receipt, stands);
		// The one that stands is still answered.
		assert.equal((await round.cast(token, { choices: [ids[0]] })).status, 200);
	});

	test('nothing to replace, and an If-Match that is none', async () => {
		const token = round.mint();
		assertProblem(await replace(token, [ids[0]], 0), 412, 'nothing-to-replace');
		for (const value of ['*', '0', '"a"', 'W/"0"', '"0", "1"', '""', '"-1"', '"01"', '"99999999999999999999"'])
			assertProblem(await round.cast(token, { choices: [ids[0]] }, { headers: { 'If-Match': value } }), 400, 'invalid-if-match');
		assert.equal((await round.cast(token, { choices: [ids[0]] })).status, 201);
	});

	test('counters equal a model after random casts and replacements', async (t) => {
		const random = randomFrom(t);
		const before = await round.tallyNow();
		const model = new Map(); // token -> {choices, receipt}
		const tokens = Array.from({ length: 20 }, () => round.mint());
		for (let step = 0; step < 150; step++) {
			const token = tokens[random.below(tokens.length)];
			const choices = ids.filter(() => random.below(3) === 0).slice(0, contest.form.max);
			if (choices.length < contest.form.min)
				continue;
			const held = model.get(token);
			const headers = held && random.below(2) ? { 'If-Match': `"${held.receipt.index - random.below(2) * (held.receipt.index > 0)}"` } : {};
			const reply = await round.cast(token, { choices }, { headers });
			if (reply.status === 201)
				model.set(token, { choices, receipt: reply.json });
			else if (reply.status === 200)
				assert.deepEqual([reply.json, canonical(choices)], [held.receipt, canonical(held.choices)]);
			else
				assert.deepEqual(assertProblem(reply, 409, reply.json.type.split('#')[1]).receipt, held.receipt);
		}
		const tally = await round.tallyNow();
		assert.equal(tally.ballots, before.ballots + model.size);
		const expected = votes(before);
		for (const { choices } of model.values())
			for (const id of choices)
				expected[id]++;
		assert.deepEqual(votes(tally), expected);
	});
});
