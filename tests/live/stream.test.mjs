// The live tally: a snapshot on connecting, one event whenever something changed, nothing otherwise.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EventSource } from 'eventsource';
import { eventually, startInstance, withDeadline } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { StreamReader } from './lib/stream.mjs';

const ballot = { choices: ['upstage'] };

describe('the stream', { concurrency: true }, () => {
	let instance, round, target;
	before(async () => {
		instance = await startInstance();
		round = new Round(instance);
		target = `${round.path}/tally/stream`;
	});
	after(() => instance.stop());

	test('an EventSource sees a vote within a second', async () => {
		const source = new EventSource(instance.url + target);
		try {
			const seen = [];
			let wake = () => {};
			source.addEventListener('tally', (event) => {
				seen.push({ id: event.lastEventId, ...JSON.parse(event.data) });
				wake();
			});
			const until = (what, check) => withDeadline((async () => {
				while (!seen.some(check))
					await new Promise((resolve) => {
						wake = resolve;
					});
			})(), 10_000, what);
			await until('the first snapshot', () => true);
			assert.equal(seen[0].contest, round.id);
			assert.equal(seen[0].rehearsal, true);
			assert.equal(seen[0].phase, 'open');
			assert.equal(seen[0].id, String(seen[0].sequence));
			const reply = await round.cast(round.mint(), ballot);
			assert.equal(reply.status, 201);
			const counted = Date.now();
			await until('the vote', (tally) => tally.ballots > reply.json.index);
			assert.ok(Date.now() - counted < 1000, `${Date.now() - counted} ms`);
		} finally {
			source.close();
		}
	});

	test('head, retry, and the same bytes as the tally', async () => {
		const reader = await StreamReader.open(instance, target);
		assert.match(reader.response.headers['content-type'], /^text\/event-stream/);
		assert.match(reader.response.headers['cache-control'], /no-store|no-cache/);
		assert.equal(reader.response.headers['x-accel-buffering'], 'no');
		assert.equal(reader.response.headers['access-control-allow-origin'], '*');
		assert.equal(reader.response.headers['content-length'], undefined);
		const first = await reader.next();
		assert.equal(first.retry, '2000');
		const { snapshot } = first.event === 'tally' ? { snapshot: JSON.parse(first.data) } : await reader.tally();
		const tally = await instance.tally(round.id);
		assert.ok(tally.sequence >= snapshot.sequence);
		assert.deepEqual(Object.keys(snapshot), Object.keys(tally));
		reader.close();
	});

	test('Last-Event-ID is harmless, whatever it says', async () => {
		for (const value of ['0', '999999999999999999999999', 'x', '-1', '{}']) {
			const reader = await StreamReader.open(instance, target, { 'Last-Event-ID': value });
			const { snapshot } = await reader.tally();
			assert.equal(snapshot.contest, round.id);
			reader.close();
		}
	});

	test('a burst is coalesced: at most 4 events a second, and the last one is the state', async () => {
		const reader = await StreamReader.open(instance, target);
		const began = (await reader.tally()).at;
		const replies = [];
		const end = Date.now() + 2500;
		await Promise.all(Array.from({ length: 8 }, async () => {
			while (Date.now() < end)
				replies.push(await round.castUntilAnswered(round.mint(), ballot));
		}));
		const last = 1 + Math.max(...replies.map((reply) => reply.json.index));
		const events = [];
		do
			events.push(await reader.tally());
		while (events.at(-1).snapshot.ballots < last);
		const seconds = (events.at(-1).at - began) / 1000;
		assert.ok(events.length >= 4, `${events.length} events in ${seconds} s`);
		assert.ok(events.length <= 4 * seconds + 1.5, `${events.length} events in ${seconds} s`);
		for (let i = 1; i < events.length; i++)
			assert.ok(events[i].snapshot.sequence > events[i - 1].snapshot.sequence);
		reader.close();
	});

	test('many subscribers get the same frame', async () => {
		const readers = await Promise.all(Array.from({ length: 200 }, () => StreamReader.open(instance, target)));
		await Promise.all(readers.map((reader) => reader.tally()));
		const reply = await round.castUntilAnswered(round.mint(), ballot);
		const frames = await Promise.all(readers.map(async (reader) => {
			for (;;) {
				const event = await reader.tally();
				if (event.snapshot.ballots > reply.json.index)
					return event;
			}
		}));
		// Votes of the other tests may fall between; one sequence never has two frames.
		const bySequence = new Map();
		for (const { id, data } of frames) {
			assert.equal(bySequence.get(id) ?? data, data);
			bySequence.set(id, data);
		}
		readers.forEach((reader) => reader.close());
	});
});

test('nothing is sent while nothing changes; a comment keeps the line alive', async (t) => {
	const instance = await startInstance();
	t.after(() => instance.stop());
	const round = new Round(instance);
	const reader = await StreamReader.open(instance, `${round.path}/tally/stream`);
	const first = await reader.tally();
	const heartbeat = await reader.next((block) => 'comment' in block, 25_000);
	assert.deepEqual(reader.skipped, []);
	assert.ok(heartbeat.at - first.at >= 10_000, 'a comment every 15 s, not more often');
	// And the stream is not merely dead.
	const reply = await round.cast(round.mint(), ballot);
	const second = await reader.tally();
	assert.equal(second.snapshot.ballots, reply.json.index + 1);
	reader.close();
});

test('Redis stands still: the stream stays open and goes on afterwards', async (t) => {
	const instance = await startInstance();
	t.after(() => instance.stop());
	const round = new Round(instance);
	const reader = await StreamReader.open(instance, `${round.path}/tally/stream`);
	await reader.tally();
	const pid = await instance.redisPid();
	process.kill(pid, 'SIGSTOP');
	try {
		assert.equal((await round.cast(round.mint(), ballot)).status, 503);
	} finally {
		process.kill(pid, 'SIGCONT');
	}
	const reply = await round.castUntilAnswered(round.mint(), ballot);
	for (let event; (event = await reader.tally(30_000)).snapshot.ballots <= reply.json.index;)
		assert.ok(event);
	reader.close();
});

test('the daemon ends: streams end cleanly', async (t) => {
	const instance = await startInstance();
	t.after(() => instance.stop());
	const readers = await Promise.all(Array.from({ length: 20 }, () =>
		StreamReader.open(instance, `/v1/contests/${instance.site.contests[0].id}/tally/stream`)));
	await Promise.all(readers.map((reader) => reader.tally()));
	await instance.end('SIGTERM');
	await eventually(() => readers.every((reader) => reader.closed), 'the end of the streams');
	assert.ok(readers.every((reader) => reader.response.complete || !reader.response.errored));
});
