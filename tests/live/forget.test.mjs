// What is kept of persons goes: on its day, or when organisers say so, once, by an act, and never before the close. The count
// goes on without it, and what is taken out past the act is named.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditOf, ctl, ctlDone, ctlRefused, invite } from './lib/acts.mjs';
import { eventually } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Visitor, startSigningIn } from './lib/provider.mjs';
import { Round, assertProblem, spentOf } from './lib/protocol.mjs';

const NAMES = ['kim', 'lee', 'park', 'choi', 'jung'];
const more = Object.fromEntries(NAMES.slice(2).map((name) => [name, { ci: `ci-of-${name}`, birthdate: '1970-01-01', nation: 'KR' }]));
const PAST = { opens_at: '2026-01-01T09:00:00+09:00', closes_at: '2026-01-07T18:00:00+09:00' };

async function start(deleteAt, changes = {}) {
	// A server that has lost its connection deletes again: here it does not, however slow the disk.
	const { instance, provider } = await startSigningIn({ more, settings: { redis: { deadline: '30s' } }, change: { ...changes, shards: 2, identity: { delete_at: deleteAt } } });
	return { instance, provider, round: new Round(instance), client: instance.redisClient() };
}

/** Those of the names log in, and vote. */
async function vote({ instance, round }, names) {
	for (const name of names) {
		const { admission } = await new Visitor().login(`${instance.url}/login?contest=citizens&provider=pass&lang=ko`, name);
		const request = await passRequest(round);
		const token = await request.finish(await request.ask(admission));
		round.recorded.add(spentOf(token).toString('hex')); // it was issued
		assert.equal((await round.cast(token, { choices: ['park'] })).status, 201);
	}
}
const recordsOf = (client) => client.keys('*:issued:*');
const issued = async (client) => {
	let sum = 0;
	for (const key of await client.keys('*/?}:issued')) sum += Number(await client.get(key));
	return sum;
};
const entriesOf = async (round) => (await auditOf(round)).filter(({ act }) => act === 'persons.forgotten');
const gone = (client) => eventually(async () => (await recordsOf(client)).length === 0, 'the identities are gone');

describe('forgetting', { concurrency: 2 }, () => {
	describe('when an organiser says so', { concurrency: false }, () => {
		let its;
		before(async () => {
			its = await start('2027-01-31T00:00:00+09:00');
			await vote(its, NAMES);
		});
		after(async () => {
			await its?.instance.stop();
			await its?.provider.stop();
		});

		test('not before the close, and not without a reason', async () => {
			const { instance, client, round } = its;
			assert.ok((await recordsOf(client)).length > 0);
			await ctlRefused(instance, 65, /Voting is not closed/, 'forget-identities', '--why', 'early');
			await ctlRefused(instance, 64, /--why/, 'forget-identities');
			assert.match((await ctlDone(instance, 'status', '--lang', 'en')).stdout, /identities kept until 2027-01-31T00:00:00\+09:00/);
			assert.deepEqual(await entriesOf(round), []);
			assert.ok((await recordsOf(client)).length > 0);
		});

		test('taken out without the act is named', async () => {
			const { instance, client } = its;
			await ctlDone(instance, 'close', '--why', 'all have voted');
			const [key] = await recordsOf(client), records = await client.getBuffer(key);
			await client.del(key);
			const { code, stderr } = await ctl(instance, 'recount');
			assert.equal(code, 65);
			assert.match(stderr, /tokens are said to be issued, and \d+ identities are recorded/);
			await client.set(key, records);
			await ctlDone(instance, 'recount');
		});

		test('once, with an entry of how many; the number of tokens stays', async () => {
			const { instance, client, round } = its;
			const organiser = await invite(instance, 'organiser', '이운영');
			const first = await ctlDone(instance, 'forget-identities', '--why', 'the result is beyond dispute', '--token', organiser.file);
			assert.match(first.stdout, /^citizens \(rehearsal\): identities deleted; 5 had a voting right\. Entry \d+ of the audit log\.\n$/);
			assert.deepEqual(await recordsOf(client), []);
			assert.equal(await issued(client), NAMES.length);
			const again = await ctlDone(instance, 'forget-identities', '--why', 'once more');
			assert.match(again.stdout, /deleted before, at 20/);
			const [entry, ...others] = await entriesOf(round);
			assert.deepEqual(others, []);
			assert.deepEqual({ ...entry, n: 0, at: 0, prev: 0 }, { n: 0, at: 0, prev: 0, act: 'persons.forgotten', who: organiser.who, why: 'the result is beyond dispute', persons: 5 });
			const status = (await ctlDone(instance, 'status', '--json')).json;
			assert.equal(status.identities_deleted_at, entry.at);
			assert.match((await ctlDone(instance, 'status')).stdout, /identities deleted 20/);
		});

		test('nobody is admitted anew', async () => {
			const { instance, round, client } = its;
			const { admission } = await new Visitor().login(`${instance.url}/login?contest=citizens&provider=pass&lang=ko`, 'kim');
			assertProblem(await (await passRequest(round)).ask(admission), 403, 'closed');
			assert.deepEqual(await recordsOf(client), []);
		});

		test('what comes back with a copy of the data is named, and deleted by the next server that starts', async () => {
			const { instance, client } = its;
			const record = Buffer.alloc(48, 1); // shard and bucket follow from it
			const buckets = Number(await client.hget('{citizens~rehearsal/0}:rules', 'buckets'));
			const shard = record.readUInt32BE(0) % 2, bucket = record.readUInt32BE(8) % buckets;
			await client.set(`{citizens~rehearsal/${shard}}:issued:${bucket}`, record);
			const { code, stderr } = await ctl(instance, 'recount');
			assert.equal(code, 65);
			assert.match(stderr, /1 identities are recorded, and entry \d+ of the audit log says that they are deleted/);
			instance.agent.destroy();
			await instance.end();
			await instance.start();
			its.client = instance.redisClient();
			await gone(its.client);
		});

		test('recount, certify, publish, verify', async () => {
			const { instance, round } = its;
			await ctlDone(instance, 'recount');
			await ctlDone(instance, 'publish');
			await ctlDone(instance, 'certify', '--why', 'a test');
			const dir = path.join(instance.dir, 'published');
			await ctlDone(instance, 'publish', dir, '--auditors');
			const [key] = /^\S+\/result\+\S+$/m.exec((await ctlDone(instance, 'log', 'key')).stdout);
			assert.match((await ctlDone(instance, 'verify', '--key', key, dir)).stdout, /VERIFIED/);
			assert.equal((await entriesOf(round)).length, 1);
		});

		test('a number of tokens that is not the entry\'s is named', async () => {
			const { instance, client } = its;
			const [key] = await client.keys('*/0}:issued');
			await client.incr(key);
			const { code, stderr } = await ctl(instance, 'recount');
			await client.decr(key);
			assert.equal(code, 65);
			assert.match(stderr, /6 tokens are said to be issued, and entry \d+ of the audit log says that 5 identities were deleted/);
		});
	});

	test('on its day the server does it by itself, once, however many workers look', async (t) => {
		const its = await start('2026-01-31T00:00:00+09:00', PAST), { instance, round, client } = its;
		t.after(() => instance.stop().finally(() => its.provider.stop()));
		await vote(its, NAMES.slice(0, 2));
		assert.ok((await recordsOf(client)).length > 0); // the day is over, and voting is not
		await ctlDone(instance, 'close', '--why', 'the end');
		await gone(client);
		await eventually(async () => (await entriesOf(round)).length > 0, 'the entry');
		const [entry, ...others] = await entriesOf(round);
		assert.deepEqual(others, []);
		assert.deepEqual([entry.who, entry.persons, entry.why], ['hours', 2, undefined]);
		assert.equal(await issued(client), 2);
		await eventually(() => /what was kept of persons is deleted: 2 had a token; entry \d+/.test(instance.stderr), 'the line in the log');
		await ctlDone(instance, 'recount');
	});
});
