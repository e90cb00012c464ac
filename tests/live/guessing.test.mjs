// Somebody has many addresses and guesses invitation codes, well-formed ones, as fast as they go: none admits, and voters are
// served meanwhile. TEST_GUESSES=1000000 for a campaign.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { ctlDone, invite } from './lib/acts.mjs';
import { ALPHABET, makeCodes, wellFormedCode } from './lib/codes.mjs';
import { ROOT, startInstance } from './lib/instance.mjs';
import { Round, base64url } from './lib/protocol.mjs';

const GUESSES = Number(process.env.TEST_GUESSES ?? 5000);
const VOTERS = Math.min(1000, Math.max(50, Math.floor(GUESSES / 500)));
const EACH = 10; // guesses an address: fewer than one has for mistakes
const SOCKETS = 16;
const TOKEN_REQUEST = 'application/private-token-request';

/** The nth address: one half IPv4, the other half IPv6 networks. */
function addressOf(n) {
	const [high, low] = [n >> 9 & 0xffff, n >> 1 & 255];
	return n % 2 === 0 ? `10.${high >> 8}.${high & 255}.${low}` : `2001:db8:${high.toString(16)}:${low.toString(16)}::${crypto.randomInt(1, 65536).toString(16)}`;
}

/** One connection that sends one request after the other until next() has none; onAnswer(text) has each answer, whole. */
async function keepAsking(port, next, onAnswer) {
	const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
	let text = '';
	const send = () => {
		const request = next();
		if (request) socket.write(request);
		else socket.end();
	};
	socket.on('data', (bytes) => {
		text += bytes.toString('latin1');
		const head = text.indexOf('\r\n\r\n');
		if (head < 0 || text.length < head + 4 + Number(/^content-length: (\d+)/im.exec(text)[1])) return;
		onAnswer(text);
		text = '';
		send();
	});
	await once(socket, 'connect');
	send();
	await once(socket, 'close');
	assert.equal(text, '');
}

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
	const guess = () => {
		if (sent === GUESSES) return null;
		const code = wellFormedCode([...crypto.randomBytes(16)].map((byte) => byte & 31));
		return Buffer.concat([Buffer.from(`POST ${round.path}/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${TOKEN_REQUEST}\r\nAuthorization: Bearer ${code}\r\n` +
			`X-Forwarded-For: ${addressOf(sent++ % addresses)}\r\nContent-Length: ${body.length}\r\n\r\n`), body]);
	};
	const judge = (text) => {
		const what = `${text.slice(9, 12)} ${/problems#([\w-]+)/.exec(text)?.[1]}`;
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
