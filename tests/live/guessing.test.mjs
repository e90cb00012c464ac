// Somebody has many addresses and guesses invitation codes, well-formed ones, as fast as they go: none admits, and voters are
// served meanwhile. TEST_GUESSES=1000000 for a campaign.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import { test } from 'node:test';
import { ctlDone, invite } from './lib/acts.mjs';
import { ALPHABET, makeCodes, wellFormedCode } from './lib/codes.mjs';
import { addressOf, guessFrom, keepAsking, whatWasSaid } from './lib/guesses.mjs';
import { ROOT, startInstance } from './lib/instance.mjs';
import { Round, TOKEN_REQUEST, base64url } from './lib/protocol.mjs';

const GUESSES = Number(process.env.TEST_GUESSES ?? 5000);
const VOTERS = Math.min(1000, Math.max(50, Math.floor(GUESSES / 500)));
const EACH = 10; // guesses an address: fewer than one has for mistakes
const SOCKETS = 16;

test(`${GUESSES} codes guessed from many addresses admit nobody; voters are served`, async (t) => {
	const instance = await startInstance({ contests: [path.join(ROOT, 'config/examples/codes.yaml')], settings: { trusted_proxies: ['127.0.0.1'] } });
	t.after(() => instance.stop());
	const round = new Round(instance);
	const { codes } = await makeCodes(instance, VOTERS + 1);
	for (const code of codes) // what is guessed is well-formed
		assert.equal(wellFormedCode([...code.replaceAll('-', '').slice(0, 16)].map((sign) => ALPHABET.indexOf(sign))), code.replaceAll('-', ''));
	const entry = (await instance.get(round.path)).json.entries[0].id;
	const blinded = () => Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]);
	const ms = [];

	async function vote(i) {
		const by = { 'X-Forwarded-For': `192.0.2.${i % 250}` }, token = round.mint(), began = performance.now();
		const issued = await instance.request('POST', `${round.path}/tokens`,
			{ headers: { 'Content-Type': TOKEN_REQUEST, Authorization: `Bearer ${codes[i]}`, ...by }, body: blinded() });
		assert.equal(issued.status, 200, issued.text);
		const cast = await instance.request('POST', `${round.path}/ballots`, { headers: { 'Content-Type': 'application/json', ...by,
			Authorization: `PrivateToken token="${base64url(token)}"` }, body: JSON.stringify({ choices: [entry] }) });
		assert.equal(cast.status, 201, cast.text);
		ms.push(performance.now() - began);
	}

	const body = blinded(), addresses = Math.ceil(GUESSES / EACH), answers = {}, votes = [];
	let sent = 0, answered = 0;
	const guess = () => sent < GUESSES ? guessFrom(addressOf(sent++ % addresses), round.path, body) : null;
	const judge = (text) => {
		const what = whatWasSaid(text);
		answers[what] = (answers[what] ?? 0) + 1;
		while (votes.length < VOTERS && votes.length <= answered * VOTERS / GUESSES) votes.push(vote(votes.length));
		answered++;
	};
	const began = performance.now();
	await Promise.all(Array.from({ length: SOCKETS }, () => keepAsking(instance.port, guess, judge)));
	const seconds = (performance.now() - began) / 1000;
	await Promise.all(votes);

	assert.deepEqual(answers, { '403 unknown-code': GUESSES });
	assert.equal(votes.length, VOTERS);
	const [batch] = (await ctlDone(instance, 'codes', 'status', '--json')).json;
	assert.deepEqual([batch.made, batch.used], [VOTERS + 1, VOTERS]);
	const { token } = await invite(instance, 'organiser', 'Kim');
	const { rejections } = (await instance.get(`${round.path}/progress`, { headers: { Authorization: `Bearer ${token}` } })).json;
	assert.deepEqual([rejections['unknown-code'], rejections.guessing], [GUESSES, 0]);
	ms.sort((a, b) => a - b);
	const percentile = (p) => ms[Math.floor(ms.length * p)].toFixed(0);
	t.diagnostic(`${GUESSES} guesses from ${addresses} addresses in ${seconds.toFixed(1)} s; ${VOTERS} voters, token and ballot: p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`);
});
