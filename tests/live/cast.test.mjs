// Casting: counted once whatever is sent how often, and receipts that anyone can recompute.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startInstance } from './lib/instance.mjs';
import { Round, assertProblem, randomFrom, spentOf, unpack } from './lib/protocol.mjs';

describe('casting', () => {
	let instance, round, entries;
	before(async () => {
		instance = await startInstance({ settings: { workers: 2 } });
		round = new Round(instance);
		entries = (await instance.get(round.path)).json.entries.map((entry) => entry.id);
	});
	after(() => instance.stop());

	const votes = (tally) => Object.fromEntries(tally.citizen.map((row) => [row.entry, row.votes]));

	test('1,000 casts of one token at once: exactly one 201, all others 200 with its receipt', async () => {
		const { ballots } = await round.tallyNow();
		const token = round.mint();
		const agent = instance.newAgent(1000);
		const replies = await Promise.all(Array.from({ length: 1000 }, () =>
			round.castUntilAnswered(token, { choices: [entries[0]] }, { agent })));
		const by = (status) => replies.filter((reply) => reply.status === status);
		assert.equal(by(201).length, 1);
		assert.equal(by(200).length, 999);
		assert.equal(new Set(replies.map((reply) => reply.text)).size, 1);
		agent.destroy();
		assert.equal((await instance.tallyOf(round.id, ballots + 1)).ballots, ballots + 1);
	});

	test('1,000 casts of one token for all entries at once: one is counted, the others are told which', async () => {
		const token = round.mint();
		const agent = instance.newAgent(1000);
		const before = await round.tallyNow();
		const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) =>
			round.castUntilAnswered(token, { choices: [entries[i % entries.length]] }, { agent })
				.then((reply) => ({ reply, entry: entries[i % entries.length] }))));
		agent.destroy();
		const counted = replies.filter(({ reply }) => reply.status === 201);
		assert.equal(counted.length, 1);
		const receipt = counted[0].reply.json;
		for (const { reply, entry } of replies)
			if (entry === counted[0].entry)
				assert.deepEqual(reply.json, receipt);
			else
				assert.deepEqual(assertProblem(reply, 409, 'token-spent').receipt, receipt);
		const now = votes(await instance.tallyOf(round.id, before.ballots + 1));
		assert.equal(now[counted[0].entry], votes(before)[counted[0].entry] + 1);
		assert.equal(Object.values(now).reduce((a, b) => a + b), before.ballots + 1);
	});

	test('the same ballot again: 200 and the same bytes; another: 409 with the earlier receipt', async () => {
		const token = round.mint();
		const first = await round.cast(token, { choices: ['upstage'] });
		assert.equal(first.status, 201, first.text);
		assert.equal(first.headers.etag, `"${first.json.index}"`);
		round.checkReceipt(first.json, token, 'choices\nupstage\n');
		const again = await round.cast(token, '\n { "choices" : [ "\\u0075pstage" ] } ');
		assert.equal(again.status, 200);
		assert.equal(again.text, first.text);
		assert.equal(again.headers.etag, first.headers.etag);
		const other = await round.cast(token, { choices: ['nc-ai'] });
		assert.deepEqual(assertProblem(other, 409, 'token-spent').receipt, first.json);
	});

	test('another authenticator over the same input is the same token', async () => {
		const token = round.mint();
		const twin = round.mint({ nonce: token.subarray(2, 34) });
		assert.notDeepEqual(twin, token); // the salt of the signature differs
		const first = await round.cast(token, { choices: ['nc-ai'] });
		assert.equal(first.status, 201);
		const again = await round.cast(twin, { choices: ['nc-ai'] });
		assert.equal(again.status, 200);
		assert.deepEqual(again.json, first.json);
	});

	test('If-Match is refused where ballots are final', async () => {
		const reply = await round.cast(round.mint(), { choices: ['nc-ai'] }, { headers: { 'If-Match': '"0"' } });
		assertProblem(reply, 409, 'replacing-not-allowed');
	});

	test('many voters: every receipt opens its entry, indexes have no gap, the tally is the sum', async (t) => {
		const random = randomFrom(t);
		const before = await round.tallyNow();
		const voters = Array.from({ length: 300 }, () => ({ token: round.mint(), entry: entries[random.below(entries.length)] }));
		const replies = await Promise.all(voters.map(({ token, entry }) => round.castUntilAnswered(token, { choices: [entry] })));
		const indexes = new Set();
		replies.forEach((reply, i) => {
			assert.equal(reply.status, 201, reply.text);
			round.checkReceipt(reply.json, voters[i].token, `choices\n${voters[i].entry}\n`);
			indexes.add(reply.json.index);
		});
		assert.equal(indexes.size, voters.length);
		const total = before.ballots + voters.length;
		assert.deepEqual([...indexes].sort((a, b) => a - b), Array.from(voters, (_, i) => before.ballots + i));

		const tally = await instance.tallyOf(round.id, total);
		const expected = votes(before);
		for (const { entry } of voters)
			expected[entry]++;
		assert.deepEqual(votes(tally), expected);
		assert.deepEqual(tally.citizen.map((row) => row.entry), entries);
		for (const row of tally.citizen) {
			assert.ok(Math.abs(row.share - row.votes / total) <= 0.00005 + 1e-12, JSON.stringify(row));
			assert.equal(row.rank, 1 + tally.citizen.filter((other) => other.votes > row.votes).length);
		}
	});

	test('the log holds every ballot once, in the order of the indexes', async () => {
		const redis = instance.redisClient();
		const log = await redis.xrangeBuffer(`{${round.name}/0}:log`, '-', '+');
		const seen = new Set();
		let index = 0;
		for (const [id, [field, packed]] of log) {
			assert.equal(id.toString(), `${index + 1}-0`);
			assert.equal(field.toString(), 'b');
			for (const { spent, ballot } of unpack(packed)) {
				assert.match(ballot, /^choices\n[a-z-]+\n$/);
				seen.add(spent.toString('hex'));
				index++;
			}
		}
		assert.equal(seen.size, index);
		assert.equal(Number(await redis.hget(`{${round.name}/0}:count`, 'ballots')), index);
		const token = round.mint();
		const reply = await round.cast(token, { choices: [entries[1]] });
		assert.equal(reply.json.index, index);
		assert.ok(!seen.has(spentOf(token).toString('hex')));
	});

	test('the tally carries an ETag and answers 304', async () => {
		const first = await instance.get(`${round.path}/tally`);
		assert.equal(first.status, 200);
		assert.match(first.headers.etag, /^"[^"]+"$/);
		assert.match(first.headers['cache-control'], /max-age=\d+/);
		for (const value of [first.headers.etag, `"other", ${first.headers.etag}`, `W/${first.headers.etag}`, '*']) {
			const same = await instance.get(`${round.path}/tally`, { headers: { 'If-None-Match': value } });
			assert.equal(same.status, 304, value);
			assert.equal(same.bytes.length, 0);
			assert.equal(same.headers.etag, first.headers.etag);
		}
		const other = await instance.get(`${round.path}/tally`, { headers: { 'If-None-Match': '"other"' } });
		assert.equal(other.status, 200);
	});
});

describe('several shards', () => {
	test('each ballot lies where its spent token says, and the tally is the sum', async (t) => {
		const instance = await startInstance({ contest: { shards: 3 } });
		t.after(() => instance.stop());
		const round = new Round(instance);
		const tokens = Array.from({ length: 60 }, () => round.mint());
		const replies = await Promise.all(tokens.map((token) => round.castUntilAnswered(token, { choices: ['upstage'] })));
		const sizes = [0, 0, 0];
		replies.forEach((reply, i) => {
			assert.equal(reply.status, 201, reply.text);
			assert.equal(reply.json.shard, spentOf(tokens[i]).readUInt32BE(0) % 3);
			round.checkReceipt(reply.json, tokens[i], 'choices\nupstage\n');
			sizes[reply.json.shard]++;
		});
		assert.equal((await instance.tallyOf(round.id, 60)).ballots, 60);
		const redis = instance.redisClient();
		for (const [shard, size] of sizes.entries())
			assert.equal(Number(await redis.hget(`{${round.name}/${shard}}:count`, 'ballots')), size);
	});
});
