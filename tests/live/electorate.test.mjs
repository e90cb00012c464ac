// A whole electorate, from the gateway's assertion to the receipt: a voting right each, whoever asks twice, and a ballot each.
// Somebody looks all the while: never more spent than issued, in what everybody can read, what organisers see, and Redis.
// TEST_PEOPLE=10000 for a town.
import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { finishToken, issuerOf, requestToken } from '../../static/js/privacypass.js';
import { ctlDone, invite } from './lib/acts.mjs';
import { startMembers } from './lib/gateway.mjs';
import { eventually } from './lib/instance.mjs';
import { Round, assertProblem, spentOf, unpack } from './lib/protocol.mjs';

const PEOPLE = Number(process.env.TEST_PEOPLE ?? 300), AT_ONCE = 48;
const CHOICES = ['solar', 'bakery'];

describe('an electorate', () => {
	const published = [];
	let members, instance, round, keys, organiser, watcher;
	before(async () => {
		members = await startMembers({ change: { expected_voters: Math.max(PEOPLE, 3000), seal: { min_entries: 1, max_wait: '1s' } }, settings: { redis: { deadline: '30s' } } });
		({ instance } = members);
		round = new Round(instance);
		keys = await issuerOf(instance.site.contests[0]);
		organiser = await invite(instance, 'organiser', 'Kim');
		await eventually(async () => (await instance.get(`/log/${round.id}/0/issued`)).status === 200, 'the first notes');
		watcher = watch(path.join(instance.dir, 'log', round.name, '0'), (_, name) => ['issued', 'checkpoint'].includes(name) && published.push(name));
	});
	after(async () => {
		watcher?.close();
		await instance?.stop();
	});

	const blinded = () => requestToken(keys);
	const ask = async (member, made) => instance.request('POST', `${round.path}/tokens`, { body: Buffer.from(made.request),
		headers: { 'Content-Type': 'application/private-token-request', 'Authorization': `Bearer ${await members.sign({ member })}` } });

	/** How people ask: each gives what was asked for, and the answer. */
	const habits = [
		async function once(member) {
			const made = await blinded();
			return [made, await ask(member, made)];
		},
		async function twice(member) {
			const made = await blinded(), reply = await ask(member, made);
			assert.deepEqual((await ask(member, made)).bytes, reply.bytes);
			return [made, reply];
		},
		async function twiceAtOnce(member) {
			const made = await blinded();
			const [one, other] = await Promise.all([ask(member, made), ask(member, made)]);
			assert.deepEqual(one.bytes, other.bytes);
			return [made, one];
		},
		async function andAnother(member) {
			const made = await blinded(), reply = await ask(member, made);
			assertProblem(await ask(member, await blinded()), 409, 'already-issued');
			return [made, reply];
		},
		async function andAnotherAtOnce(member) {
			const both = [await blinded(), await blinded()];
			const replies = await Promise.all(both.map((made) => ask(member, made)));
			const first = replies.findIndex(({ status }) => status === 200);
			assert.notEqual(first, -1, replies[0].text);
			assertProblem(replies[1 - first], 409, 'already-issued');
			return [both[first], replies[first]];
		},
	];

	const tokens = new Set(), receipts = new Set(), votes = { solar: 0, bakery: 0 };

	async function vote(n) {
		const [made, reply] = await habits[n % habits.length](members.somebody());
		assert.equal(reply.status, 200, reply.text);
		const token = Buffer.from(await finishToken(keys, made, new Uint8Array(reply.bytes)));
		round.recorded.add(spentOf(token).toString('hex')); // the issuer has recorded it
		tokens.add(spentOf(token).toString('hex'));
		await cast(token, n);
	}

	/** Some send it twice at once, and some try to send another one. */
	async function cast(token, n) {
		const choice = CHOICES[n % 3 ? 0 : 1], other = CHOICES[n % 3 ? 1 : 0];
		const replies = await Promise.all(Array.from({ length: n % 4 ? 1 : 2 }, () => round.cast(token, { choices: [choice] })));
		for (const reply of replies) assert.ok([200, 201].includes(reply.status), reply.text);
		assert.equal(replies.filter(({ status }) => status === 201).length, 1);
		for (const reply of replies) receipts.add(reply.json.index);
		votes[choice]++;
		if (n % 7 === 0) assertProblem(await round.cast(token, { choices: [other] }), 409, 'token-spent');
	}

	/** A number of a signed note of the log, by its line; before there is one, 0. */
	async function signed(note, line) {
		const { status, text } = await instance.get(`/log/${round.id}/0/${note}`);
		return status === 404 ? 0 : Number(text.split('\n')[line]);
	}

	/** Everybody's numbers; whoever reads the votes first must find as many voting rights. */
	async function lookAsAnybody() {
		const { ballots } = await instance.tally(round.id), had = tokens.size;
		assert.ok(ballots <= had, `${ballots} ballots, and ${had} voting rights were given out`);
		const sealed = await signed('checkpoint', 1);
		const note = (await instance.get(`/log/${round.id}/0/issued`)).text.split('\n');
		const [size, issued] = [note[2], note[3]].map((text) => Number(text ?? 0));
		assert.ok(sealed <= issued, `a log of ${sealed} ballots, and a note of ${issued} voting rights after it`);
		assert.ok(size <= issued, `a note of ${issued} voting rights at ${size} ballots`);
	}

	async function lookAsOrganiser() {
		const { tally, warnings } = (await instance.get(`${round.path}/progress`, { headers: { Authorization: `Bearer ${organiser.token}` } })).json;
		assert.ok(tally.ballots <= tally.issued, `${tally.ballots} ballots, ${tally.issued} voting rights`);
		assert.deepEqual(warnings.filter(({ kind }) => kind === 'spent-above-issued'), []);
	}

	/** At one moment: { spent, issued }. */
	async function lookIntoRedis(redis) {
		const log = `{${round.name}/0}:log`;
		const [[, [last]], [, issued]] = await redis.multi().xrevrangeBuffer(log, '+', '-', 'COUNT', 1).get(`{${round.name}/0}:issued`).exec();
		const spent = last ? Number(last[0].toString().split('-')[0]) - 1 + unpack(last[1][1]).length : 0;
		assert.ok(spent <= Number(issued), `${spent} spent, ${issued} issued`);
		return { spent, issued: Number(issued) };
	}

	/** Looks again and again until `isOver()`; gives the numbers of votes that were met. */
	async function lookUntil(isOver) {
		const redis = instance.redisClient(), met = new Set();
		let looks = 0;
		for (; !isOver(); looks++) {
			met.add((await lookIntoRedis(redis)).spent);
			await lookAsAnybody();
			await lookAsOrganiser();
		}
		return { looks, met };
	}

	/** vote(0) to vote(PEOPLE - 1), some at a time. */
	async function everybody() {
		let next = 0;
		await Promise.all(Array.from({ length: AT_ONCE }, async () => {
			while (next < PEOPLE) await vote(next++);
		}));
	}

	test(`${PEOPLE} people: as many voting rights, and never more votes than voting rights`, async (t) => {
		const began = performance.now();
		let over = false;
		const [{ looks, met }] = await Promise.all([lookUntil(() => over), everybody().finally(() => {
			over = true;
		})]);
		t.diagnostic(`${PEOPLE} people in ${((performance.now() - began) / 1000).toFixed(1)} s, looked at ${looks} times, at ${met.size} numbers of votes`);
		assert.ok(met.size > 3, 'it was looked at while they voted');
		assert.equal(tokens.size, PEOPLE);
		assert.equal(receipts.size, PEOPLE);
		assert.deepEqual(await lookIntoRedis(instance.redisClient()), { spent: PEOPLE, issued: PEOPLE });
	});

	test('each vote is counted once, and the whole agrees', async () => {
		const { citizen, ballots } = await instance.tallyOf(round.id, PEOPLE);
		assert.equal(ballots, PEOPLE);
		assert.deepEqual(Object.fromEntries(citizen.map((row) => [row.entry, row.votes])), votes);
		await eventually(async () => await signed('checkpoint', 1) === PEOPLE, 'a checkpoint of all', 60_000);
		assert.equal(await signed('issued', 3), PEOPLE);
		// Whoever looks between the two finds more voting rights than votes, not fewer.
		await eventually(() => published.at(-1) === 'checkpoint', 'a checkpoint after its note of voting rights');
		const { json } = await ctlDone(instance, 'recount', '--json');
		assert.deepEqual(json.findings, []);
		assert.equal(json.ballots, PEOPLE);
	});
});
