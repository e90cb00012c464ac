// Hosts whose clocks are wrong, around opening and closing. Redis' clock is right, and decides.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { startMembers } from './lib/gateway.mjs';
import { Instance, TALLYD, eventually, makeDirectory, realRound, startInstance, startRedis } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Round, TOKEN_REQUEST, assertProblem } from './lib/protocol.mjs';

const HOUR = 3600, DAY = 24 * HOUR;
const PERIOD_MS = 250; // so old a phase may be that is told (daemon/api/live.h)
const WAY_MS = 2000; // how far the daemon's notion of Redis' clock may be off here; what is tried is an hour at least
const ballot = { choices: ['upstage'] };
const much = { per_minute: 600_000, burst: 10_000 }; // all come from one address
const settings = { token_rate: { ...much }, ballot_rate: { ...much }, read_rate: { ...much },
	pages: '' }; // which take seconds to pack at each start

/**
 * A tallyd whose wall clock is off by so many seconds; its steady clock is not. `set` where it can jump: then the library reads
 * a file at each look at the clock, which the signer, being shut in, dies of.
 */
async function faked(dir, offset_s, jumps = false) {
	const program = path.join(dir, 'tallyd-off'), file = path.join(dir, 'off');
	const set = (s) => writeFile(file, `${s < 0 ? '' : '+'}${s}\n`);
	await set(offset_s);
	const how = jumps ? `FAKETIME_TIMESTAMP_FILE=${file} FAKETIME_NO_CACHE=1` : `FAKETIME=${(await readFile(file, 'utf8')).trim()}`;
	// A sanitizer wants to be loaded first, and need not.
	await writeFile(program, `#!/bin/sh\nlib=$(ls /usr/lib/*/faketime/libfaketime.so.1) || exit\n` +
		`exec env ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" LD_PRELOAD="$lib" FAKETIME_DONT_FAKE_MONOTONIC=1 ${how} ${TALLYD} "$@"\n`);
	await chmod(program, 0o755);
	return { program, set };
}

/** Votes, asks for voting rights and reads, over and over, and holds each answer against the true time from question to answer. */
class Witness {
	constructor(instance, { opens, closes, asks }) {
		Object.assign(this, { instance, opens, closes, asks, round: new Round(instance), seen: {}, counted: 0, going: true });
		this.done = this.go();
		this.done.catch(() => {}); // told by end()
	}

	async go() {
		while (this.going) {
			await this.look('ballot', () => this.round.cast(this.round.mint(), ballot), this.verdictOf);
			if (this.asks)
				await this.look('right', () => this.instance.request('POST', `${this.round.path}/tokens`, { headers: { 'Content-Type': TOKEN_REQUEST },
					body: Buffer.concat([Buffer.from([0, 2, this.round.keyId[31], 0]), crypto.randomBytes(255)]) }), this.verdictOf);
			await this.look('phase', () => this.instance.get(this.round.path), ({ json }) => json.phase, PERIOD_MS);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	}

	verdictOf(reply) {
		if (reply.status === 201 || reply.status === 200)
			return 'open';
		const word = { 'not-open': 'announced', closed: 'closed' }[reply.json.type.split('#')[1]];
		assert.ok(reply.status === 403 && word, reply.text);
		return word;
	}

	async look(what, ask, verdictOf, late = 0) {
		const from = Date.now() - late, reply = await ask(), to = Date.now(), verdict = verdictOf(reply);
		const about = `${what}: ${verdict} between ${new Date(from).toISOString()} and ${new Date(to).toISOString()}`;
		const hours = { announced: [0, this.opens], open: [this.opens, this.closes], closed: [this.closes, Infinity] }[verdict];
		assert.ok(hours && to >= hours[0] && from < hours[1], about);
		const now = /json/.test(reply.headers['content-type']) && reply.json.now;
		if (now)
			assert.ok(Date.parse(now) > from - WAY_MS && Date.parse(now) < to + WAY_MS, `${about}: now is ${now}`);
		const seen = this.seen[what] ??= {};
		seen[verdict] = (seen[verdict] ?? 0) + 1;
		this.counted += what === 'ballot' && verdict === 'open';
	}

	async end() {
		this.going = false;
		await this.done;
	}
}

const until = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - Date.now())));

/** Another host of the same contest: a copy of what the first one was given. */
async function startBeside(first, redis, offset_s, jumps) {
	const dir = await makeDirectory(), { program, set } = await faked(dir, offset_s, jumps);
	for (const part of ['keys', 'contest.yaml'])
		await cp(path.join(first.dir, part), path.join(dir, part), { recursive: true });
	const config = path.join(dir, 'tallyd.yaml');
	await writeFile(config, (await readFile(first.config, 'utf8')).replaceAll(first.dir, dir));
	const instance = new Instance(dir, config, redis, program);
	instance.site = first.site;
	await instance.start();
	return { instance, offset_s, set, jumps };
}

/** Hosts of one contest on one Redis, so far apart from its clock, started before it opens; the last one's jumps. */
async function startHosts(t, offsets) {
	for (let lead = 5000; ; lead *= 2) {
		const opens = Math.ceil((Date.now() + lead) / 1000) * 1000, closes = opens + 3000, hosts = [];
		const redis = await startRedis(path.join(await makeDirectory(), 'redis')), shared = { ...redis, stop: async () => {} };
		const stop = async () => {
			await Promise.all(hosts.map(({ instance }) => instance.stop()));
			await redis.stop();
			await rm(path.dirname(redis.dir), { recursive: true });
		};
		try {
			const dir = await makeDirectory(), { program, set } = await faked(dir, offsets[0]);
			const first = await startInstance({ ...realRound(opens, closes), dir, redis: shared, tallyd: program, settings });
			hosts.push({ instance: first, offset_s: offsets[0], set });
			hosts.push(...await Promise.all(offsets.slice(1).map((offset_s, i) => startBeside(first, shared, offset_s, i === offsets.length - 2))));
		} catch (error) {
			await stop();
			throw error;
		}
		if (Date.now() < opens - 1000) {
			t.after(stop);
			return { hosts, opens, closes };
		}
		await stop();
		assert.ok(lead < 80_000, 'the machine is too slow to start five hosts in a minute');
	}
}

const told = ({ stderr }) => stderr.match(/clocks differ/g)?.length ?? 0;

test('hosts an hour and a day off, and one whose clock jumps: open is what Redis\' clock says, everywhere', async (t) => {
	const { hosts, opens, closes } = await startHosts(t, [HOUR, -HOUR, DAY, -DAY, 2 * HOUR]);
	const jumping = hosts.find(({ jumps }) => jumps);
	const witnesses = hosts.map(({ instance, jumps }) => new Witness(instance, { opens, closes, asks: !jumps }));
	for (const { instance, offset_s } of hosts)
		await eventually(() => new RegExp(`clocks differ: that of Redis at \\S+ is \\d+ s ${offset_s > 0 ? 'behind' : 'ahead of'} this host's`).test(instance.stderr),
			'a line in the log that clocks differ');
	await until(opens);
	await jumping.set(-DAY);
	await until((opens + closes) / 2);
	await jumping.set(0);
	await eventually(() => /Redis' clock and this host's agree again/.test(jumping.instance.stderr), 'and one that they agree again');
	await jumping.set(HOUR);
	await eventually(() => told(jumping.instance) === 2, 'and again that they differ');
	await Promise.race([eventually(() => witnesses.every(({ seen, asks }) => seen.phase?.closed && seen.ballot?.closed && (!asks || seen.right?.closed)), 'the close', closes - Date.now() + 30_000),
		...witnesses.map(({ done }) => done)]);
	for (const witness of witnesses)
		await witness.end();

	for (const { seen, asks } of witnesses)
		for (const what of asks ? ['ballot', 'right', 'phase'] : ['ballot', 'phase'])
			assert.deepEqual(Object.keys(seen[what]), ['announced', 'open', 'closed'], JSON.stringify(seen));
	const total = witnesses.reduce((sum, { counted }) => sum + counted, 0);
	for (const { instance } of hosts) {
		const tally = await instance.tallyOf(witnesses[0].round.id, total);
		assert.deepEqual([tally.ballots, tally.phase], [total, 'closed']);
		assert.ok(Math.abs(Date.parse(tally.as_of) - Date.now()) < HOUR * 500, tally.as_of);
		assert.equal(told(instance), instance === jumping.instance ? 2 : 1, 'it is told once');
	}
	t.diagnostic(`${total} counted; ${JSON.stringify(witnesses.map(({ seen }) => seen))}`);
});

for (const offset_s of [DAY, -DAY])
	test(`what admits for minutes does so on a host ${offset_s} s off`, async (t) => {
		const redis = await startRedis(path.join(await makeDirectory(), 'redis'));
		const members = await startMembers({ options: async (dir) => ({ redis, tallyd: (await faked(dir, offset_s)).program }) });
		t.after(() => members.instance.stop());
		const round = new Round(members.instance), request = await passRequest(round);
		assert.equal((await request.ask(await members.sign({}))).status, 200);
		assertProblem(await (await passRequest(round)).ask(await members.sign({ iat: Math.floor(Date.now() / 1000) - 300, exp: Math.floor(Date.now() / 1000) - 61 })), 401, 'admission-expired');
	});
