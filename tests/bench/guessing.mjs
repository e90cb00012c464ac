// Measures what voters notice of somebody who guesses invitation codes: GUESSES of them, well-formed, at RATE a second
// from ADDRESSES addresses, so that most are answered 429; meanwhile VOTERS a second vote from other addresses, as they
// do for ALONE seconds before. The guesses come from a process of their own. tests/bench/guessing.mjs
//   GUESSES=1000000 RATE=2500 ADDRESSES=200 VOTERS=20 ALONE=60
import { fork } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ctlDone } from '../live/lib/acts.mjs';
import { makeCodes } from '../live/lib/codes.mjs';
import { addressOf, guessFrom, keepAsking, whatWasSaid } from '../live/lib/guesses.mjs';
import { ROOT, startInstance } from '../live/lib/instance.mjs';
import { Round, TOKEN_REQUEST, base64url } from '../live/lib/protocol.mjs';

const GUESSES = Number(process.env.GUESSES ?? 1_000_000);
const RATE = Number(process.env.RATE ?? 2500);
const ADDRESSES = Number(process.env.ADDRESSES ?? 200);
const VOTERS = Number(process.env.VOTERS ?? 20);
const ALONE = Number(process.env.ALONE ?? 60);
const SOCKETS = 16;

/* ---- the other process: guesses at a steady rate, and tells what it was told ---- */

async function guessAll({ port, target, lastByte }) {
	const body = Buffer.concat([Buffer.from([0, 2, lastByte, 0]), crypto.randomBytes(255)]);
	const answers = {}, began = performance.now();
	let sent = 0;
	const next = async () => {
		if (sent === GUESSES) return null;
		const number = sent++, early = began + number / RATE * 1000 - performance.now();
		if (early > 0) await sleep(early);
		return guessFrom(addressOf(number % ADDRESSES), target, body);
	};
	await Promise.all(Array.from({ length: SOCKETS }, () => keepAsking(port, next, (text) => {
		const what = whatWasSaid(text);
		answers[what] = (answers[what] ?? 0) + 1;
	})));
	return { answers, seconds: (performance.now() - began) / 1000 };
}

/* ---- voters ---- */

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

async function measure() {
	const voters = Math.ceil(VOTERS * (ALONE + GUESSES / RATE)) + VOTERS;
	const instance = await startInstance({ contests: [path.join(ROOT, 'config/examples/codes.yaml')], settings: { trusted_proxies: ['127.0.0.1'] } });
	const round = new Round(instance);
	const { codes } = await makeCodes(instance, voters);
	const entry = (await instance.get(round.path)).json.entries[0].id;
	const tokens = Array.from({ length: voters }, () => round.mint());
	let voted = 0;

	async function vote(i) {
		const by = { 'X-Forwarded-For': `192.0.2.${i % 250}` }, began = performance.now();
		const issued = await instance.request('POST', `${round.path}/tokens`, { headers: { 'Content-Type': TOKEN_REQUEST, Authorization: `Bearer ${codes[i]}`, ...by },
			body: Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]) });
		const cast = await instance.request('POST', `${round.path}/ballots`, { headers: { 'Content-Type': 'application/json', ...by,
			Authorization: `PrivateToken token="${base64url(tokens[i])}"` }, body: JSON.stringify({ choices: [entry] }) });
		if (issued.status !== 200 || cast.status !== 201) throw new Error(`voter ${i}: ${issued.status} ${cast.status}`);
		return performance.now() - began;
	}

	/** Voters at a steady rate until `over`; the times of all, sorted. */
	async function voteUntil(over) {
		const votes = [], began = performance.now();
		while (!over() && voted < voters) {
			votes.push(vote(voted++));
			await sleep(Math.max(0, began + votes.length / VOTERS * 1000 - performance.now()));
		}
		return (await Promise.all(votes)).sort((a, b) => a - b);
	}

	const tell = (what, ms) => console.log(`${what.padEnd(22)} ${String(ms.length).padStart(6)} voters: p50 ${percentile(ms, 0.5).toFixed(1)} ms, p99 ${percentile(ms, 0.99).toFixed(1)} ms`);
	try {
		const other = fork(fileURLToPath(import.meta.url));
		await once(other, 'message'); // it has started, which costs as much as many votes
		const end = performance.now() + ALONE * 1000;
		const alone = await voteUntil(() => performance.now() > end);
		tell('alone', alone);
		let guessed = null;
		const done = once(other, 'message').then(([message]) => {
			guessed = message;
		});
		other.send({ port: instance.port, target: round.path, lastByte: round.keyId[31] });
		const meanwhile = await voteUntil(() => guessed);
		await done;
		tell('while somebody guesses', meanwhile);
		console.log(`p99, ratio              ${(percentile(meanwhile, 0.99) / percentile(alone, 0.99)).toFixed(2)}`);
		console.log(`${GUESSES} guesses from ${ADDRESSES} addresses in ${guessed.seconds.toFixed(0)} s: ${JSON.stringify(guessed.answers)}`);
		const batches = (await ctlDone(instance, 'codes', 'status', '--json')).json;
		console.log(`codes used ${batches.reduce((sum, { used }) => sum + used, 0)}, by ${voted} voters`);
	} finally {
		await instance.stop();
	}
}

if (process.send) {
	process.once('message', async (message) => process.send(await guessAll(message)));
	process.send('ready');
} else await measure();
