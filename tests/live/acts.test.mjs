// What organisers do to a contest: every act from the terminal and from the API, what is refused, what takes
// two of them, what the hours do by themselves, and that an interrupted act is finished.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually, realRound, startInstance } from './lib/instance.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';
import { Hand, actsOf, assertRefused, auditOf, ctl, ctlDone, ctlRefused, invite } from './lib/acts.mjs';

const ballot = { choices: ['upstage'] };
const hour = 3600_000, day = 24 * hour;
const wholeSecond = (ms) => Math.ceil(ms / 1000) * 1000;
const at = (ms) => new Date(ms).toISOString();

const start = async (t, options) => {
	const instance = await startInstance(options);
	t.after(() => instance.stop());
	return { instance, round: new Round(instance) };
};
const phaseOf = async (round) => (await round.instance.get(round.path)).json.phase;
const seen = (round, phase) => eventually(async () => await phaseOf(round) === phase, `phase ${phase}`);
const castOk = async (round) => {
	const reply = await round.cast(round.mint(), ballot);
	assert.equal(reply.status, 201, reply.text);
};
const nameOf = async (round) => (await round.instance.get(round.path)).json.name;
const rulesOf = async (round, shard = 0) => {
	const redis = round.instance.redisClient();
	const rules = await redis.hgetall(`{${round.name}/${shard}}:rules`);
	redis.disconnect();
	return rules;
};

describe('acts', { concurrency: 2 }, () => {
	test('a contest is run from the terminal, phase by phase', async (t) => {
		const opens = wholeSecond(Date.now() + day), closes = opens + day;
		const { instance, round } = await start(t, realRound(opens, closes, { approvals: 1 }));
		const refused = (sentence, ...args) => ctlRefused(instance, 65, sentence, ...args, '--why', 'no');
		const done = (...args) => ctlDone(instance, ...args, '--by', 'kim');

		assert.equal(await phaseOf(round), 'announced');
		for (const act of ['pause', 'resume', 'publish'])
			await refused(/announced, where .* not possible/, act);
		await done('open');
		await seen(round, 'open');
		await castOk(round);
		for (const act of ['open', 'resume', 'publish'])
			await refused(/open, where .* not possible/, act);

		await done('pause', '--why', 'a fire drill');
		await seen(round, 'paused');
		assertProblem(await round.cast(round.mint(), ballot), 403, 'paused');
		for (const act of ['open', 'pause', 'publish'])
			await refused(/paused, where .* not possible/, act);
		await done('resume', '--why', 'it is over');
		await castOk(round);

		await refused(/later/, 'extend', '--until', at(closes));
		await refused(/later/, 'extend', '--until', at(closes - hour));
		await refused(/closes_at/, 'extend', '--until', 'tomorrow');
		// A mistyped year cannot be taken back, so it is not taken.
		await refused(new RegExp(`30 days.*${at(closes + 30 * day).slice(0, 10)}`), 'extend', '--until', '9999-12-31T18:00:00+09:00');
		await refused(/30 days/, 'extend', '--until', at(closes + 30 * day + 1000));
		await done('extend', '--until', at(closes + hour), '--why', 'the pause');
		await refused(/later/, 'extend', '--until', at(closes + hour));
		await eventually(async () => Date.parse((await instance.get(round.path)).json.closes_at) === closes + hour,
			'the amended close');

		const closed = (await done('close', '--why', 'done', '--json')).json;
		assert.equal(closed.phase, 'closed');
		assert.equal(typeof closed.version, 'number');
		assertProblem(await round.cast(round.mint(), ballot), 403, 'closed');
		for (const args of [['open'], ['pause'], ['resume'], ['close'], ['extend', '--until', at(closes + day)]])
			await refused(/closed, where .* not possible/, ...args);
		assert.equal((await rulesOf(round)).phase, 'closed');
		assert.equal((await rulesOf(round)).size, '2');

		await done('publish');
		await seen(round, 'provisional');
		for (const args of [['open'], ['resume'], ['publish'], ['close'], ['extend', '--until', at(closes + day)]])
			await refused(/provisional, where .* not possible/, ...args);

		const entries = await auditOf(round);
		assert.deepEqual(entries.map(({ act }) => act),
			['open', 'pause', 'resume', 'extend', 'close', 'publish']);
		for (const entry of entries)
			assert.equal(entry.who, 'operator:kim');
		assert.equal(entries[1].why, 'a fire drill');
		assert.equal(Date.parse(entries[3].closes_at), closes + hour);
		assert.equal(entries[4].n, closed.n);
		await ctlDone(instance, 'recount'); // all that it left follows from these entries
	});

	test('and from the API, by name, with the contest retyped', async (t) => {
		const { instance, round } = await start(t);
		const name = await nameOf(round);
		const [kim, observer, expert] = [await invite(instance, 'organiser', '김주최'),
			await invite(instance, 'observer', 'Watcher'), await invite(instance, 'organiser', 'Lee')];
		const hand = new Hand(round, kim, name.ko);

		assertRefused(await new Hand(round, null, name.ko).act({ act: 'pause' }), 401, 'invalid-bearer');
		assertRefused(await new Hand(round, { token: 'x.y.z' }, name.ko).act({ act: 'pause' }), 401, 'invalid-bearer');
		assertRefused(await new Hand(round, observer, name.ko).act({ act: 'pause' }), 403, 'forbidden');
		for (const confirm of [undefined, null, '', name.ko.slice(1), `${name.ko} `, name.en.toLowerCase(), 7])
			assertRefused(await hand.act({ act: 'pause', confirm }), 422, 'name-differs', /exactly/);
		assert.equal(await phaseOf(round), 'open');

		const paused = await hand.done({ act: 'pause', why: 'a fire drill' });
		assert.equal(paused.phase, 'paused');
		assertProblem(await round.cast(round.mint(), ballot), 403, 'paused');
		assertRefused(await hand.act({ act: 'pause' }), 409, 'not-possible', /resume/);
		await new Hand(round, expert, name.en).done({ act: 'resume' });
		await castOk(round);
		assertRefused(await hand.act({ act: 'extend', closes_at: at(Date.now() + day) }), 409, 'not-possible');
		await hand.done({ act: 'close' });
		for (const act of ['open', 'resume', 'pause', 'close'])
			assertRefused(await hand.act({ act }), 409, 'not-possible', /publish/);
		await hand.done({ act: 'publish' });

		const entries = await actsOf(round, 'pause', 'resume', 'close', 'publish');
		assert.deepEqual(entries.map(({ act, who }) => [act, who]), [['pause', kim.who], ['resume', expert.who],
			['close', kim.who], ['publish', kim.who]]);
		assert.equal(entries[0].why, 'a fire drill');
		assert.equal(entries[0].n, paused.n);
		assert.ok(!('confirm' in entries[0]));
	});

	test('what is no act is refused with what would be', async (t) => {
		const { instance, round } = await start(t);
		const hand = new Hand(round, await invite(instance, 'organiser', 'Kim'), (await nameOf(round)).en);
		const long = '가'.repeat(401);
		for (const [body, detail] of [
			[{ act: 'explode' }, /pause/], [{ act: 7 }, /pause/], [{}, /pause/],
			[{ act: 'certify' }, /must be one of/], [{ act: 'correct' }, /must be one of/],
			[{ act: 'pause', why: '' }, /reason/], [{ act: 'pause', why: '  ' }, /reason/],
			[{ act: 'pause', why: long }, /400/], [{ act: 'pause', why: 'a\nb' }, /reason/],
			[{ act: 'pause', until: 'x' }, /"until"/],
			[{ act: 'extend' }, /closes_at/], [{ act: 'extend', closes_at: '2026-12-31' }, /closes_at/],
			[{ act: 'extend', closes_at: '2026-02-30T00:00:00Z' }, /closes_at/],
			[{ act: 'notice', notice: { ko: '하나' } }, /ko.*en/],
			[{ act: 'notice', notice: { ko: '하나', en: '' } }, /1 to 300/],
			[{ act: 'notice', notice: { ko: '가'.repeat(301), en: 'x' } }, /1 to 300/],
			[{ act: 'notice', notice: 'x' }, /ko/],
			[{ act: 'disqualify', entry: 'kakao', reason: { ko: '가', en: 'a' } }, /"kakao"/],
			[{ act: 'disqualify', entry: 'upstage', reason: { ko: '가' } }, /ko.*en/],
			[{ act: 'requalify' }, /entry/],
		])
			assertRefused(await hand.act(body), 422, 'invalid-act', detail);
		assertRefused(await hand.post('acts', '{"act":'), 400, 'invalid-json');
		assertRefused(await hand.post('acts', '[]'), 400, 'invalid-json');
		assertRefused(await hand.decide('r-000000000000', 'approve'), 404, 'no-such-request');
		assertRefused(await hand.post('requests/r-1', { decision: 'perhaps' }), 422, 'invalid-act');
		assert.deepEqual(await actsOf(round, 'pause', 'extend', 'notice', 'disqualify'), []);
		await ctlRefused(instance, 64, /--until/, 'extend', '--why', 'x');
		await ctlRefused(instance, 64, /--ko and --en/, 'notice', '--ko', '하나');
		await ctlRefused(instance, 64, /pause takes a reason: --why TEXT/, 'pause');
	});

	test('a name given with --by is seen, and what stands in the log does nothing to the terminal', async (t) => {
		const { instance, round } = await start(t);
		for (const by of ['', '  ', 'a\nb', 'a\u009bb', 'a\u202eb', '\u3164', 'a\u200bb', '가'.repeat(37), 'x'.repeat(65)])
			await ctlRefused(instance, 64, /--by takes a name/, 'pause', '--why', 'x', '--by', by);
		await ctlDone(instance, 'pause', '--why', 'x', '--by', '김주최');
		const redis = instance.redisClient();
		t.after(() => redis.disconnect());
		const evil = 'a\u001b[2J\u009b\u202eb';
		await redis.xadd(`{${round.name}}:audit`, '2-0', 'j', JSON.stringify({ act: 'x', n: 2, who: evil, why: evil }));
		await redis.hset(`{${round.name}}:requests`, 'r-000000000000', JSON.stringify({ act: { act: evil }, who: evil, at: 1, why: evil }));
		await redis.hset(`{${round.name}}:people`, 'observer-abcdefgh', JSON.stringify({ role: 'observer', name: evil, jti: 'x',
			issued: 1, expires: 2 }));
		for (const command of ['audit', 'people', 'status', 'requests']) {
			const { stdout } = await ctlDone(instance, command);
			assert.match(stdout, /a\\u(\{1b\}|001b)\[2J\\u\{9b\}\\u\{202e\}b/, command);
			assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, command);
			const { stdout: json } = await ctlDone(instance, command, '--json');
			assert.doesNotMatch(json.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, command);
			assert.ok(JSON.stringify(JSON.parse(json)).includes(JSON.stringify(evil).slice(1, -1)), command);
		}
	});

	test('one person\'s wild program is slowed down, nobody else', async (t) => {
		const { instance, round } = await start(t);
		const wild = new Hand(round, await invite(instance, 'organiser', 'Kim'));
		const other = new Hand(round, await invite(instance, 'organiser', 'Lee'));
		const replies = await Promise.all(Array.from({ length: 50 }, (_, i) =>
			i % 2 ? wild.post('acts', { act: 'notice', notice: null }) : wild.decide('r-000000000000', 'approve')));
		const slowed = replies.filter(({ status }) => status === 429);
		assert.ok(slowed.length >= 10 && slowed.length <= 20, `${slowed.length} of 50`);
		assert.ok(Number(slowed[0].headers['retry-after']) >= 1);
		assertRefused(slowed[0], 429, 'too-many-requests', /Nothing was done/);
		assertRefused(await other.post('acts', { act: 'notice', notice: null }), 409, 'not-possible');
	});

	test('a log of large entries is read page by page, all of it', async (t) => {
		const { instance, round } = await start(t);
		const { token } = await invite(instance, 'observer', 'Watcher');
		const redis = instance.redisClient();
		t.after(() => redis.disconnect());
		const sizes = [200, 90, 40, 300, 100, 100, 100, ...Array.from({ length: 120 }, () => 3)];
		for (const [i, size] of sizes.entries()) // after the invitation
			await redis.xadd(`{${round.name}}:audit`, `${i + 2}-0`, 'j', JSON.stringify({ act: 'x', n: i + 2, why: '"'.repeat(size * 512) }));
		let after = 1;
		const pages = [];
		for (;;) {
			const { status, json, text } = await instance.request('GET', `${round.path}/audit?after=${after}&count=1000`,
				{ headers: { Authorization: `Bearer ${token}` } });
			assert.equal(status, 200, text);
			if (json.raw.length === 0)
				break;
			assert.equal(json.entries.length, json.raw.length);
			assert.equal(json.entries[0].n, after + 1);
			pages.push(json.raw);
			after = json.entries.at(-1).n;
		}
		assert.equal(after, sizes.length + 1);
		for (const page of pages)
			assert.ok(page.length === 1 || page.join('').length <= 256 * 1024, `${page.length} entries`);
		assert.deepEqual(pages.map((page) => page.length).slice(0, 4), [1, 2, 1, 2]);
		assert.ok(pages.length < 10, `${pages.length} pages`);
	});

	test('a notice stands until it is taken away', async (t) => {
		const { instance, round } = await start(t);
		const hand = new Hand(round, await invite(instance, 'organiser', 'Kim'));
		const stands = async () => (await instance.get(round.path)).json.notice ?? null;
		const ko = '가'.repeat(300), en = 'Voting goes on until nine. <b>&amp;</b>';
		assert.equal((await hand.post('acts', { act: 'notice', notice: { ko, en } })).status, 200);
		await eventually(async () => (await stands())?.en === en, 'the notice');
		assert.deepEqual(await stands(), { ko, en });
		await ctlDone(instance, 'notice', '--clear');
		await eventually(async () => await stands() === null, 'no notice');
		assertRefused(await hand.post('acts', { act: 'notice', notice: null }), 409, 'not-possible');
	});

	test('disqualified and requalified, for a reason in both languages', async (t) => {
		const { instance, round } = await start(t);
		const hand = new Hand(round, await invite(instance, 'organiser', 'Kim'), (await nameOf(round)).ko);
		const reason = { ko: '독자성 기준 미달', en: 'Not independent' };
		const redis = instance.redisClient();
		const ruling = () => redis.hget(`{${round.name}}:rulings`, 'disqualified/upstage');
		assertRefused(await hand.act({ act: 'requalify', entry: 'upstage' }), 409, 'not-possible');
		await hand.done({ act: 'disqualify', entry: 'upstage', reason });
		assert.deepEqual(JSON.parse(await ruling()).why, reason);
		assertRefused(await hand.act({ act: 'disqualify', entry: 'upstage', reason }), 409, 'not-possible');
		await ctlDone(instance, 'requalify', 'upstage', '--why', 'upheld on appeal');
		assert.equal(await ruling(), null);
		await ctlDone(instance, 'disqualify', 'nc-ai', '--ko', '가', '--en', 'b');
		assert.deepEqual((await actsOf(round, 'disqualify', 'requalify')).map(({ act, entry }) => [act, entry]),
			[['disqualify', 'upstage'], ['requalify', 'upstage'], ['disqualify', 'nc-ai']]);
	});
});

describe('two organisers', { concurrency: 2 }, () => {
	const two = { contest: { approvals: 2, rehearsal: { approvals: 2 } } };

	test('an early close waits for another one', async (t) => {
		const { instance, round } = await start(t, two);
		const name = (await nameOf(round)).ko;
		const [kim, lee] = [await invite(instance, 'organiser', 'Kim'), await invite(instance, 'organiser', 'Lee')];
		const [first, second] = [new Hand(round, kim, name), new Hand(round, lee, name)];

		const { request } = await first.done({ act: 'close', why: 'flooded' }, 202);
		assert.equal(await phaseOf(round), 'open');
		await castOk(round);
		assert.equal(assertRefused(await second.act({ act: 'close', why: 'another reason' }), 409, 'already-requested',
			new RegExp(request)).request, request);
		assertRefused(await first.decide(request, 'approve'), 403, 'same-organiser', /another/i);
		const listed = (await ctlDone(instance, 'requests', '--json')).json;
		assert.deepEqual(listed.map(({ id, act, who, why }) => ({ id, act, who, why })),
			[{ id: request, act: { act: 'close' }, who: kim.who, why: 'flooded' }]);

		const reply = await second.decide(request, 'approve', 'I saw it');
		assert.equal(reply.status, 200, reply.text);
		assert.equal(reply.json.phase, 'closed');
		assertProblem(await round.cast(round.mint(), ballot), 403, 'closed');
		const [made] = await actsOf(round, 'request.made');
		const [close] = await actsOf(round, 'close');
		assert.deepEqual([made.who, made.request, made.requested], [kim.who, request, { act: 'close' }]);
		assert.deepEqual([close.who, close.requested_by, close.why, close.approval, close.request],
			[lee.who, kim.who, 'flooded', 'I saw it', request]);
		assert.deepEqual((await ctlDone(instance, 'requests', '--json')).json, []);
		assertRefused(await second.decide(request, 'approve'), 404, 'no-such-request');
	});

	test('what is no longer possible is refused and stays until it is rejected', async (t) => {
		const { instance, round } = await start(t, two);
		const lee = new Hand(round, await invite(instance, 'organiser', 'Lee'), (await nameOf(round)).ko);
		const request = async (ko) => (await ctlDone(instance, 'disqualify', 'upstage', '--ko', ko, '--en', 'x', '--json')).json.request;
		const [one, other] = [await request('하나'), await request('둘')];
		// All who use tallyctl without a token are one organiser.
		await ctlRefused(instance, 77, /count as one/, 'approve', one, '--by', 'somebody-else');
		assert.equal((await lee.decide(one, 'approve')).status, 200);
		assertRefused(await lee.decide(other, 'approve'), 409, 'not-possible', /already/);
		assert.deepEqual((await ctlDone(instance, 'requests', '--json')).json.map(({ id }) => id), [other]);
		assertRefused(await lee.decide(other, 'reject', ''), 422, 'invalid-act', /why/);
		assert.equal((await lee.decide(other, 'reject', 'done already')).status, 200);
		assert.deepEqual((await ctlDone(instance, 'requests', '--json')).json, []);
		const [rejected] = await actsOf(round, 'request.rejected');
		assert.deepEqual([rejected.request, rejected.why, rejected.requested.reason.ko], [other, 'done already', '둘']);
		// Taking it back takes two as well; and whoever asked may take back what was asked.
		const back = (await ctlDone(instance, 'requalify', 'upstage', '--why', 'x', '--json')).json.request;
		assert.match(back, /^r-/);
		assert.equal((await lee.decide(back, 'approve')).status, 200);
		const third = await request('셋');
		await ctlDone(instance, 'reject', third, '--why', 'a mistake');
		await ctlDone(instance, 'recount');
	});

	test('as many requests are open as can be looked through', async (t) => {
		const { instance, round } = await start(t, two);
		const kim = new Hand(round, await invite(instance, 'organiser', 'Kim'), (await nameOf(round)).ko);
		const disqualify = (n) => ({ act: 'disqualify', entry: 'upstage', reason: { ko: `${n}`, en: 'x' } });
		const open = [];
		for (let n = 0; n < 16; n++)
			open.push((await kim.done(disqualify(n), 202)).request);
		assertRefused(await kim.act(disqualify(16)), 409, 'too-many-requests-open', /16/);
		assert.equal((await kim.decide(open[3], 'reject', 'a slip')).status, 200);
		await kim.done(disqualify(16), 202);
		await ctlDone(instance, 'recount');
	});

	test('what somebody asked for who was revoked since is not done', async (t) => {
		const { instance, round } = await start(t, two);
		const name = (await nameOf(round)).ko;
		const kim = await invite(instance, 'organiser', 'Kim');
		const lee = new Hand(round, await invite(instance, 'organiser', 'Lee'), name);
		const { request } = await new Hand(round, kim, name).done({ act: 'close' }, 202);
		await ctlDone(instance, 'revoke', kim.id, '--why', 'left');
		assertRefused(await lee.decide(request, 'approve'), 409, 'requester-revoked', /anew/);
		assert.equal(await phaseOf(round), 'open');
		assert.equal((await lee.decide(request, 'reject', 'anew, then')).status, 200);
		await lee.done({ act: 'close' }, 202);
	});

	test('a token from a file makes tallyctl that organiser', async (t) => {
		const { instance, round } = await start(t, two);
		const lee = await invite(instance, 'organiser', 'Lee');
		const { request } = (await ctlDone(instance, 'close', '--why', 'x', '--json')).json;
		await ctlDone(instance, 'approve', request, '--token', lee.file);
		assert.equal((await actsOf(round, 'close'))[0].who, lee.who);
		await seen(round, 'closed');
	});

	test('in a contest that wants one, one does it alone', async (t) => {
		const { instance, round } = await start(t, { contest: { approvals: 1 } });
		const closed = await ctl(instance, 'close', '--why', 'x', '--json');
		assert.equal(closed.json.phase, 'closed');
		assert.deepEqual(await actsOf(round, 'request.made'), []);
	});
});

describe('by themselves', { concurrency: 2 }, () => {
	/** A contest that opens soon and closes soon after; later, where the machine is slow to start it. */
	async function startBeforeOpening(t) {
		for (let lead = 4000; ; lead *= 2) {
			const opens = wholeSecond(Date.now() + lead), closes = opens + lead;
			const instance = await startInstance({ ...realRound(opens, closes, { shards: 2 }), settings: { workers: 2 } });
			if (Date.now() < opens - lead / 4) {
				t.after(() => instance.stop());
				return { instance, round: new Round(instance), opens, closes, lead };
			}
			await instance.stop();
			assert.ok(lead < 60_000, 'the machine is too slow to start a contest in a minute');
		}
	}

	test('the hours open and close, once, however many workers look at the clock', async (t) => {
		const { round, opens, closes } = await startBeforeOpening(t);
		assert.deepEqual(await actsOf(round, 'open', 'close'), []);
		await eventually(async () => (await actsOf(round, 'close')).length > 0, 'the close in the audit log', closes - Date.now() + 30_000);
		await eventually(async () => (await rulesOf(round, 1)).phase === 'closed' && (await rulesOf(round, 0)).phase === 'closed',
			'every shard latched');
		const entries = await actsOf(round, 'open', 'close');
		assert.deepEqual(entries.map(({ act, who }) => [act, who]), [['open', 'hours'], ['close', 'hours']]);
		assert.ok(Date.parse(entries[0].at) >= opens && Date.parse(entries[1].at) >= closes);
		assert.equal(await phaseOf(round), 'closed');
		for (const args of [['open'], ['resume'], ['close'], ['extend', '--until', at(closes + day)]])
			await ctlRefused(round.instance, 65, /closed, where .* not possible/, ...args, '--why', 'x');
		assert.equal((await actsOf(round, 'open', 'close')).length, 2);
	});

	test('an extension holds beyond the hour that was', async (t) => {
		const { instance, round, closes, lead } = await startBeforeOpening(t);
		const later = closes + lead;
		await ctlDone(instance, 'extend', '--until', at(later), '--why', 'late trains');
		await eventually(() => Date.now() > closes + 500, 'the hour that was', 60_000);
		await castOk(round);
		assert.equal(await phaseOf(round), 'open');
		const [close] = await eventually(async () => {
			const found = await actsOf(round, 'close');
			return found.length && found;
		}, 'the close in the audit log', later - Date.now() + 30_000);
		assert.equal(await phaseOf(round), 'closed');
		assert.ok(Date.parse(close.at) >= later);
		assertProblem(await round.cast(round.mint(), ballot), 403, 'closed');
	});

	test('an act that did not reach every shard is finished', async (t) => {
		const { instance, round } = await start(t, { contest: { shards: 2 } });
		await ctlDone(instance, 'pause', '--why', 'x');
		const { version } = await rulesOf(round, 1);
		// As if the one who did it had died after the record and the first shard.
		const redis = instance.redisClient();
		await redis.hset(`{${round.name}/1}:rules`, 'version', '0', 'phase', '');
		assert.equal((await rulesOf(round, 0)).phase, 'paused');
		await eventually(async () => {
			const rules = await rulesOf(round, 1);
			return rules.phase === 'paused' && rules.version === version;
		}, 'the second shard paused as well');
		assert.equal((await actsOf(round, 'pause')).length, 1);
	});

	test('the turnout is noted while voting runs', async (t) => {
		const { instance, round } = await start(t);
		await castOk(round);
		const redis = instance.redisClient();
		const samples = await eventually(async () => {
			const found = Object.entries(await redis.hgetall(`{${round.name}}:turnout`));
			return found.length && found;
		}, 'a sample');
		for (const [minute, text] of samples) {
			assert.ok(Math.abs(Number(minute) * 60_000 - Date.now()) < 3 * 60_000);
			const { ballots, votes } = JSON.parse(text);
			assert.ok(ballots <= 1);
			assert.deepEqual(Object.keys(votes).length, 5);
			assert.equal(votes.upstage, ballots);
		}
	});
});
