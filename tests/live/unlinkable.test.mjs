// Nobody can say which ballot is whose: a script that has everything of both servers tries, and is no better than chance.
// It does find it out where blinding is switched off, and, as the README says, where people vote in the order in which
// they came and the append-only files still have it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';
import { finishToken, issuerOf, requestToken } from '../../static/js/privacypass.js';
import { ctl } from './lib/acts.mjs';
import { startApart } from './lib/apart.mjs';
import { makeCodes } from './lib/codes.mjs';
import { ROOT, eventually } from './lib/instance.mjs';
import { gather, link } from './lib/link.mjs';
import { Round, randomFrom } from './lib/protocol.mjs';

const EXAMPLE = path.join(ROOT, 'config/examples/codes.yaml');
const PEOPLE = Number(process.env.TALLYD_TEST_PEOPLE ?? 60), FEW = 16;

// Whoever guesses is right about one person, however many there are: as many as the fixed points of a random
// permutation (near Poisson, mean 1). More than 11 happens to one guess in 10^9, to one of 50 in 10^7.
const CHANCE = 11;

describe('unlinkable', () => {
	let apart, round, random, address = 0;
	before(async (t) => {
		apart = await startApart({ contests: [EXAMPLE], settings: { redis: { deadline: '30s' }, token_rate: { per_minute: 0, burst: 1 }, guess_rate: { per_minute: 60000, burst: 1000 } } });
		round = new Round(apart.ballots);
		random = randomFrom(t?.diagnostic ? t : { diagnostic: () => {} });
	});
	after(() => apart.stop());

	function shuffled(list) {
		const rest = [...list], out = [];
		while (rest.length > 0)
			out.push(...rest.splice(random.below(rest.length), 1));
		return out;
	}

	// Every voter has an address of their own.
	/** People come in this order and vote in that one, as the pages do it (`r`: the blinding factor); what the script is given, and the truth. */
	async function vote(n, { inOrder = false, r } = {}) {
		const { codes } = await makeCodes(apart.issuer, n);
		const persons = codes.map((code) => ({ code, address: `127.0.${1 + (address >> 7)}.${1 + (address++ & 127)}` }));
		const keys = await issuerOf(apart.ballots.site.contests[0]);
		const sent = [], tokens = new Map(), votes = [];
		for (const person of shuffled(persons)) {
			const made = await requestToken(keys, undefined, undefined, r);
			const reply = await apart.issuer.request('POST', `${round.path}/tokens`, { body: Buffer.from(made.request), localAddress: person.address, agent: false,
				headers: { 'Content-Type': 'application/private-token-request', 'Authorization': `Bearer ${person.code}` } });
			assert.equal(reply.status, 200, reply.text);
			sent.push({ bearer: person.code, request: Buffer.from(made.request), answer: reply.bytes });
			tokens.set(person, Buffer.from(await finishToken(keys, made, new Uint8Array(reply.bytes))));
		}
		const came = [...tokens.keys()];
		for (const person of inOrder ? came : shuffled(came)) {
			const reply = await round.cast(tokens.get(person), { choices: [['hana', 'duri', 'sena'][random.below(3)]] }, { localAddress: person.address, agent: false });
			assert.equal(reply.status, 201, reply.text);
			votes.push({ person: persons.indexOf(person), token: tokens.get(person), receipt: reply.json });
		}
		const cast = shuffled(votes); // in no order that would tell
		const truth = new Map(cast.map(({ person }, i) => [person, i]));
		const judge = async () => {
			const outcome = link({ round: round.name, spki: Buffer.from(keys.spki), issuer: await gather(apart.issuer), ballots: await gather(apart.ballots), persons,
				sent: shuffled(sent), cast: cast.map(({ token, receipt }) => ({ token, receipt })) });
			const right = Object.entries(outcome.methods).map(([method, guess]) => [method, [...guess].filter(([person, i]) => truth.get(person) === i).length]);
			return { ...outcome, right: Object.fromEntries(right) };
		};
		return { persons, judge };
	}

	test(`${PEOPLE} people, in an order of their own: no better than chance, by anything that both have`, async (t) => {
		const { judge } = await vote(PEOPLE);
		const { right, methods, found } = await judge();
		assert.ok(Object.keys(methods).length > 40);
		assert.ok(Object.values(methods).filter((guess) => guess.size === PEOPLE).length > 30, 'orders that name everybody');
		t.diagnostic(`right at most: ${Math.max(...Object.values(right))} of ${PEOPLE}`);
		for (const [method, n] of Object.entries(right))
			assert.ok(n <= CHANCE, `${method}: ${n} of ${PEOPLE}`);
		assert.equal(methods['equal bytes'].size, 0);
		assert.equal(methods.addresses.size, 0);
		assert.deepEqual(found, { 'of ballots at the issuer': 0, 'of persons at the ballots': 0, 'addresses in logs of votes': 0 });
	});

	test('without blinding the same script names every ballot', async () => {
		const { judge } = await vote(FEW, { r: 1n });
		const { right, found } = await judge();
		assert.equal(right['equal bytes'], FEW);
		assert.ok(found['of ballots at the issuer'] > 0);
	});

	test('who came in the order of their votes is found by the append-only files, until these are written anew', async () => {
		const { judge } = await vote(FEW, { inOrder: true });
		const written = 'order as it was written, order of the log';
		assert.equal((await judge()).right[written], FEW);
		for (const instance of [apart.issuer, apart.ballots]) {
			const redis = instance.redisClient();
			await redis.bgrewriteaof();
			await eventually(async () => /aof_rewrite_in_progress:0[\s\S]*aof_rewrite_scheduled:0/.test(await redis.info('persistence')), 'a rewritten append-only file');
		}
		const { right } = await judge();
		for (const [method, n] of Object.entries(right))
			assert.ok(n <= CHANCE, `${method}: ${n} of ${FEW}`);
	});

	test('neither tells of a person in what it says, nor of an order among those it has', async () => {
		const issuer = await gather(apart.issuer);
		for (const { name, fields: [records] } of issuer.keys.filter((key) => /:issued:\d+$/.test(key.name))) {
			const all = Array.from({ length: records.length / 48 }, (_, n) => records.subarray(48 * n, 48 * n + 48));
			assert.deepEqual(all, [...all].sort(Buffer.compare), name);
		}
		assert.equal((await ctl(apart.ballots, 'recount', '--json')).json.ballots, PEOPLE + 2 * FEW);
	});
});
