// Who is asking, and how often: addresses behind proxies, and the limits of each kind of request.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { invite } from './lib/acts.mjs';
import { eventually, makeDirectory, realRound, startInstance, startRedis } from './lib/instance.mjs';
import { bytesFor, mix } from './lib/meet.mjs';
import { Round, TOKEN_REQUEST, assertProblem, base64url } from './lib/protocol.mjs';

/** A token request like no other. */
const fresh = (round) => Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]);

const ask = (instance, round, headers = {}, body = fresh(round)) => instance.request('POST', `${round.path}/tokens`,
	{ headers: { 'Content-Type': TOKEN_REQUEST, ...headers }, body });

const openNow = () => realRound(Date.now() - 3600_000, Date.now() + 3600_000);

/** The real round, open now: no machine is exempt in it. */
async function start(t, settings) {
	const instance = await startInstance({ ...openNow(), settings });
	t.after(() => instance.stop());
	return { instance, round: new Round(instance) };
}

describe('addresses behind proxies', { concurrency: 2 }, () => {
	const token_rate = { per_minute: 1, burst: 2 };
	const statuses = async (instance, round, list) => {
		const all = [];
		for (const headers of list)
			all.push((await ask(instance, round, headers)).status);
		return all;
	};
	const from = (...addresses) => addresses.map((address) => ({ 'X-Forwarded-For': address }));

	test('a trusted proxy is believed, and counted by IPv4 address and IPv6 /64', async (t) => {
		const { instance, round } = await start(t, { token_rate, trusted_proxies: ['127.0.0.0/8', '10.0.0.0/8'] });
		assert.deepEqual(await statuses(instance, round, from('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2')),
			[200, 200, 429, 200]);
		assert.deepEqual(await statuses(instance, round,
			from('2001:db8:1:2::1', '2001:db8:1:2:3::9', '2001:db8:1:2:ffff::', '2001:db8:1:3::1', '::ffff:192.0.2.1')),
		[200, 200, 429, 200, 429]);
		// What stands before the rightmost one that is no proxy, its owner wrote.
		assert.deepEqual(await statuses(instance, round,
			from('203.0.113.1, 192.0.2.5', '203.0.113.2, 192.0.2.5, 10.0.0.9', '203.0.113.3, 192.0.2.5')), [200, 200, 429]);
		// No addresses: the last one known, which is the proxy's own, shared by all who write such.
		assert.deepEqual(await statuses(instance, round,
			from('unknown', '300.1.1.1', '203.0.113.4, x')), [200, 200, 429]);
		// The field that the proxy does not write is its client's word.
		assert.deepEqual(await statuses(instance, round, [{ 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=203.0.113.5' }]), [429]);
	});

	test('nobody else is believed', async (t) => {
		const { instance, round } = await start(t, { token_rate, trusted_proxies: ['10.0.0.0/8', '::1'] });
		assert.deepEqual(await statuses(instance, round, from('192.0.2.1', '192.0.2.2', '192.0.2.3', '10.0.0.1')),
			[200, 200, 429, 429]);
		assert.deepEqual(await statuses(instance, round, [{ Forwarded: 'for=192.0.2.4' }]), [429]);
		// Whoever runs a proxy and has not named it is told, once.
		const told = await eventually(() => /a request from 127\.0\.0\.1 names whom it is from, and is not believed/g.exec(instance.stderr), 'the warning');
		assert.equal(instance.stderr.indexOf('is not believed', told.index + told[0].length), -1);
	});

	test('a trusted proxy that writes the other field: the log says which', async (t) => {
		const { instance, round } = await start(t, { token_rate, trusted_proxies: ['127.0.0.1'] });
		assert.deepEqual(await statuses(instance, round, [...from('192.0.2.1'), {}]), [200, 200]);
		assert.doesNotMatch(instance.stderr, /proxy/);
		assert.deepEqual(await statuses(instance, round, [{ Forwarded: 'for=192.0.2.4' }]), [200]);
		await eventually(() => /the trusted proxy 127\.0\.0\.1 writes no X-Forwarded-For/.test(instance.stderr), 'the warning');
	});

	test('a proxy that writes RFC 7239', async (t) => {
		const { instance, round } = await start(t,
			{ token_rate, trusted_proxies: ['127.0.0.1'], proxy_header: 'forwarded' });
		const node = (value) => ({ Forwarded: `for=${value};proto=https` });
		assert.deepEqual(await statuses(instance, round, [node('192.0.2.1'), node('"192.0.2.1:4711"'), node('192.0.2.1'),
			{ ...node('192.0.2.1'), 'X-Forwarded-For': '203.0.113.1' }, node('"[2001:db8::1]:4711"')]),
		[200, 200, 429, 429, 200]);
	});
});

test('429 says when to come again', async (t) => {
	const { instance, round } = await start(t, { token_rate: { per_minute: 1, burst: 1 } });
	assert.equal((await ask(instance, round)).status, 200);
	const reply = await ask(instance, round);
	assertProblem(reply, 429, 'too-many-requests');
	const seconds = Number(reply.headers['retry-after']);
	assert.ok(seconds >= 1 && seconds <= 60, reply.headers['retry-after']);
});

describe('every kind of request has its limit', () => {
	const one = () => ({ per_minute: 1, burst: 1 });
	const two = () => ({ per_minute: 1, burst: 2 });
	const many = { per_minute: 600, burst: 300 };
	const by = (address) => ({ 'X-Forwarded-For': address });
	let instance, round, kim, limited;
	before(async () => {
		instance = await startInstance({ ...openNow(), settings: { trusted_proxies: ['127.0.0.1'],
			token_rate: many, ballot_rate: two(), read_rate: one(), stream_rate: one(), named_rate: two(), voter_rate: two(),
			 person_rate: { per_minute: 1, burst: 4 } } });
		round = new Round(instance);
		kim = await invite(instance, 'organiser', 'Kim');
		limited = (reply) => {
			assertProblem(reply, 429, 'too-many-requests');
			assert.ok(Number(reply.headers['retry-after']) >= 1);
		};
	});
	after(() => instance.stop());

	const cast = (token, address) => instance.request('POST', `${round.path}/ballots`, {
		headers: { 'Content-Type': 'application/json', Authorization: `PrivateToken token="${base64url(token)}"`, ...by(address) },
		body: JSON.stringify({ choices: ['upstage'] }) });

	test('ballots, by address', async () => {
		assert.equal((await cast(round.mint(), '192.0.2.1')).status, 201);
		assert.equal((await cast(round.mint(), '192.0.2.1')).status, 201);
		limited(await cast(round.mint(), '192.0.2.1'));
		assert.equal((await cast(round.mint(), '192.0.2.2')).status, 201);
	});
	test('ballots, by voting right, whatever the address', async () => {
		const token = round.mint();
		assert.equal((await cast(token, '192.0.2.3')).status, 201);
		assert.equal((await cast(token, '192.0.2.4')).status, 200);
		limited(await cast(token, '192.0.2.5'));
	});
	test('token requests, by identity, whatever the address', async () => {
		const body = fresh(round);
		const again = (address) => ask(instance, round, by(address), body);
		assert.equal((await again('192.0.2.1')).status, 200);
		assert.equal((await again('192.0.2.2')).status, 200);
		limited(await again('192.0.2.3'));
	});
	test('readings, and streams', async () => {
		for (const target of ['/tally', '/receipts/0/0', ''])
			assert.notEqual((await instance.get(round.path + target, { headers: by(`198.51.100.${target.length}`) })).status, 429);
		limited(await instance.get(`${round.path}/tally`, { headers: by('198.51.100.6') }));
		limited(await instance.get(`/log/${round.id}/0/checkpoint`, { headers: by('198.51.100.6') }));
		const open = await stream(by('198.51.100.9'));
		assert.equal(open, 200);
		assert.equal(await stream(by('198.51.100.9')), 429);
		assert.equal(await stream(by('198.51.100.10')), 200);
		// Pages are served to all.
		for (let i = 0; i < 5; i++)
			assert.equal((await instance.get('/', { headers: by('198.51.100.6') })).status, 200);
	});
	const stream = (headers) => new Promise((resolve, reject) => {
		const req = http.get({ host: '127.0.0.1', port: instance.port, path: `${round.path}/tally/stream`, headers, agent: false }, (res) => {
			resolve(res.statusCode);
			req.destroy();
		});
		req.once('error', reject);
	});
	test('named people, by address and by name; the refusals are counted', async () => {
		const get = (address, token = kim.token) => instance.get(`${round.path}/progress`,
			{ headers: { Authorization: `Bearer ${token}`, ...by(address) } });
		assert.equal((await get('203.0.113.1')).status, 200);
		assert.equal((await get('203.0.113.1', 'x')).status, 401);
		limited(await get('203.0.113.1'));
		assert.equal((await get('203.0.113.2')).status, 200);
		assert.equal((await get('203.0.113.3')).status, 200);
		const { rejections } = (await get('203.0.113.4')).json;
		limited(await get('203.0.113.5'));
		// By address: a ballot, two readings, a stream, a named one. By identity: a ballot, a token.
		assert.equal(rejections['rate-limited'], 5);
		assert.equal(rejections['rate-limited-identity'], 2);
		assert.equal(rejections.overload, 0);
	});
});

test('above what is under way, votes are told to wait before anything is done for them; pages are served', async (t) => {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'redis'));
	const instance = await startInstance({ dir, redis, settings: { limits: { under_way: 2 }, redis: { deadline: '50s' } } });
	t.after(() => instance.stop());
	const round = new Round(instance);
	const ballot = { choices: ['upstage'] };
	redis.signal('SIGSTOP');
	// Two wait for Redis; the third is answered at once, whichever it is.
	const votes = Array.from({ length: 3 }, () => round.mint()).map((token) => ({ token, reply: round.cast(token, ballot) }));
	const late = await Promise.race(votes.map(async (vote) => {
		vote.status = (await vote.reply).status;
		return vote;
	}));
	const reply = await late.reply;
	assertProblem(reply, 503, 'busy');
	assert.ok(Number(reply.headers['retry-after']) >= 1);
	assertProblem(await ask(instance, round), 503, 'busy');
	assert.equal((await instance.get('/')).status, 200);
	redis.signal('SIGCONT');
	for (const vote of votes)
		assert.equal((await (vote === late ? round.cast(vote.token, ballot) : vote.reply)).status, 201);
	assert.equal((await instance.tallyOf(round.id, 3)).ballots, 3);
});

test('who was turned away comes at their turn, before those who come for the first time', async (t) => {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'redis'));
	const instance = await startInstance({ dir, redis, settings: { workers: 1, limits: { under_way: 8 }, redis: { deadline: '50s' } } });
	t.after(() => instance.stop());
	const round = new Round(instance);
	const come = (body, turn) => ask(instance, round, turn && { 'Tallyd-Turn': turn }, body);
	const anybody = () => fresh(round);

	/** Of n who ask at once while Redis holds all up: those who are told so, in this order. */
	const askAtOnce = async (n, away) => {
		const asked = Array.from({ length: n }, anybody).map((body) => ({ body, answer: come(body) }));
		const told = [];
		for (let waiting = asked; told.length < away; waiting = waiting.filter((one) => one !== told.at(-1)))
			told.push(await Promise.race(waiting.map(async (one) => Object.assign(one, { reply: await one.answer }))));
		for (const { reply } of told) assertProblem(reply, 503, 'busy');
		return { told, held: asked.filter((one) => !told.includes(one)) };
	};
	const wordOf = ({ reply }) => reply.headers['tallyd-turn'], dueOf = (one) => Number(wordOf(one).split('.')[0]);

	// Six of eight places are for voting rights.
	redis.signal('SIGSTOP');
	const { told, held } = await askAtOnce(8, 2);
	const [mine, behind] = told.sort((a, b) => dueOf(a) - dueOf(b));
	assert.ok(dueOf(mine) > Date.now() && dueOf(mine) <= Date.now() + 2000);
	assert.ok(dueOf(behind) > dueOf(mine), 'one after the other');
	assert.equal(wordOf({ reply: await come(mine.body, wordOf(mine)) }), wordOf(mine), 'who comes early keeps it');
	redis.signal('SIGCONT');
	for (const { answer } of held) assert.equal((await answer).status, 200);

	// Now there is room. While somebody's turn is to come, a newcomer in hand is enough.
	redis.signal('SIGSTOP');
	const { held: newcomers } = await askAtOnce(4, 3);
	await eventually(() => Date.now() > dueOf(mine), 'the turn');
	const answer = come(mine.body, wordOf(mine));
	assertProblem(await come(anybody(), wordOf(mine)), 503, 'busy'); // somebody else's word
	redis.signal('SIGCONT');
	assert.equal((await answer).status, 200);
	assert.equal((await newcomers[0].answer).status, 200);
	// Those who never come to their turn keep nobody out.
	assert.equal((await come(anybody())).status, 200);
});

test('turns have an allowance by address; who has one does not pay again, and gets no further with it', async (t) => {
	const dir = await makeDirectory();
	const redis = await startRedis(path.join(dir, 'redis'));
	const instance = await startInstance({ ...openNow(), dir, redis, settings: { workers: 1, limits: { under_way: 8 },
		trusted_proxies: ['127.0.0.1'], token_rate: { per_minute: 1, burst: 2 }, redis: { deadline: '50s' } } });
	t.after(() => instance.stop());
	const round = new Round(instance);
	const from = (address, body, turn) => ask(instance, round, { 'X-Forwarded-For': address, ...turn && { 'Tallyd-Turn': turn } }, body);
	const anybody = () => fresh(round);
	redis.signal('SIGSTOP');
	// Six of eight places are for voting rights; one of the seven is told so.
	const first = Array.from({ length: 7 }, (_, i) => from(`192.0.2.${i}`, anybody()));
	await Promise.race(first);
	const mine = anybody(), away = await from('198.51.100.1', mine);
	assertProblem(away, 503, 'busy');
	assertProblem(await from('198.51.100.1', anybody()), 503, 'busy');
	assertProblem(await from('198.51.100.1', anybody()), 429, 'too-many-requests');
	const again = await from('198.51.100.1', mine, away.headers['tallyd-turn']);
	assertProblem(again, 503, 'busy');
	const word = away.headers['tallyd-turn'], due = Number(word.split('.')[0]);
	assert.equal(again.headers['tallyd-turn'], word);
	// Who comes at their turn in vain has the next one from the same allowance; and the word is no way past the other.
	await eventually(() => Date.now() > due, 'the turn');
	assertProblem(await from('198.51.100.1', mine, word), 429, 'too-many-requests');
	redis.signal('SIGCONT');
	await Promise.all(first);
	const others = Array.from({ length: 4 }, () => Buffer.concat([mine.subarray(0, 64), crypto.randomBytes(mine.length - 64)]));
	const statuses = [];
	for (const body of others) statuses.push((await from('198.51.100.1', body, word)).status);
	assert.deepEqual(statuses, [200, 200, 429, 429]);
});

test('no voting right can be made up that uses up the allowance of somebody else\'s address', async (t) => {
	const { instance, round } = await start(t, { trusted_proxies: ['127.0.0.1'] });
	const READS = 3n, TOKEN = 66n; // what keeps kinds apart, where keys are a hash that anybody can compute
	const address = BigInt(Buffer.from([192, 0, 2, 77]).readUInt32LE());
	const valid = round.mint(), after = valid.subarray(34, 98);
	for (const theirs of [address, address << 32n]) {
		const nonce = bytesFor(theirs ^ mix(READS + 1n) ^ mix(TOKEN + 1n), [0, 2], after, crypto.randomBytes);
		const token = Buffer.concat([valid.subarray(0, 2), nonce, after, Buffer.alloc(256)]);
		for (let i = 0; i < 30; i++)
			assertProblem(await instance.request('POST', `${round.path}/ballots`, { headers: { 'Content-Type': 'application/json',
				Authorization: `PrivateToken token="${base64url(token)}"`, 'X-Forwarded-For': '198.51.100.1' },
			body: '{"choices":["upstage"]}' }), 401, 'invalid-token');
	}
	assert.equal((await instance.get(`${round.path}/challenge`, { headers: { 'X-Forwarded-For': '192.0.2.77' } })).status, 200);
});
