// What organisers and observers see live and take away: counts under embargo, experts' completion without
// their scores, turnout, the audit log, exports; and that nobody else sees it, nor longer than allowed.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { eventually, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { freePort, metricsOf } from './lib/admin.mjs';
import { Hand, assertRefused, auditOf, ctlDone, invite } from './lib/acts.mjs';
import { complete, inviteExpert, inviteTable } from './lib/sheets.mjs';
import { StreamReader } from './lib/stream.mjs';
import { objectsOf, parseCsv } from './lib/csv.mjs';

const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
const bearer = ({ token }) => ({ Authorization: `Bearer ${token}` });
const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest('hex');
};

/** Everybody's view is embargoed; two workers, so that "everywhere" means something. */
async function start(t, changes = {}) {
	const instance = await startInstance({ settings: { workers: 2 }, contest: {
		visibility: { citizen: 'organisers', experts: 'on-publish', standing: 'on-publish', sheets: 'after-close' }, ...changes } });
	t?.after(() => instance.stop());
	const round = new Round(instance);
	return { instance, round, kim: await invite(instance, 'organiser', 'Kim'), eye: await invite(instance, 'observer', 'Eye') };
}

describe('progress', { concurrency: 2 }, () => {
	let instance, round, kim, eye;
	before(async () => {
		({ instance, round, kim, eye } = await start());
	});
	after(() => instance.stop());

	const get = (person, what, options) =>
		instance.get(`${round.path}/${what}`, { headers: person ? bearer(person) : {}, ...options });
	const progress = async (person = kim) => {
		const reply = await get(person, 'progress');
		assert.equal(reply.status, 200, reply.text);
		assert.equal(reply.headers['cache-control'], 'no-store');
		return reply.json;
	};
	const stream = (person) => StreamReader.open(instance, `${round.path}/progress/stream`, bearer(person));

	test('for organisers and observers; refused to experts, citizens and strangers', async () => {
		const expert = await inviteExpert(round, { name: '박전문' });
		for (const what of ['progress', 'progress/stream', 'turnout', 'audit', 'exports/tally.csv', 'exports/audit.json']) {
			assertRefused(await get(expert, what), 403, 'forbidden');
			assertRefused(await get(null, what), 401, 'invalid-bearer');
			assertRefused(await get({ token: `${kim.token}x` }, what), 401, 'invalid-bearer');
			assertRefused(await instance.get(`${round.path}/${what}`,
				{ headers: { Authorization: round.authorization(round.mint()) } }), 401, 'invalid-bearer');
			if (!what.endsWith('stream'))
				for (const person of [kim, eye])
					assert.equal((await get(person, what)).status, 200, what);
		}
	});

	test('an observer reads and cannot act', async () => {
		const hand = new Hand(round, eye, (await instance.get(round.path)).json.name.ko);
		assertRefused(await hand.act({ act: 'pause' }), 403, 'forbidden');
		assertRefused(await hand.act({ act: 'notice', notice: { ko: '가', en: 'a' } }), 403, 'forbidden');
		assertRefused(await hand.decide('1', 'approve'), 403, 'forbidden');
		assert.equal((await progress(eye)).phase, 'open');
	});

	test('counts move for organisers while the public has none', async () => {
		const reader = await stream(kim);
		const first = JSON.parse((await reader.next((block) => block.event === 'progress')).data);
		assert.deepEqual(Object.keys(first).sort(), Object.keys(await progress(eye)).sort());
		const votes = (body) => body.tally.citizen.map(({ entry, votes }) => [entry, votes]);
		const before = Object.fromEntries(votes(first));
		for (const entry of ['upstage', 'upstage', 'nc-ai'])
			assert.equal((await round.cast(round.mint(), { choices: [entry] })).status, 201);
		const wanted = { ...before, upstage: before.upstage + 2, 'nc-ai': before['nc-ai'] + 1 };
		await reader.next((block) => block.event === 'progress' &&
			Object.entries(wanted).every(([entry, n]) => Object.fromEntries(votes(JSON.parse(block.data)))[entry] >= n));
		reader.close();
		for (const person of [kim, eye])
			assert.ok(Object.fromEntries(votes(await progress(person))).upstage >= wanted.upstage);
		const open = await instance.tally(round.id);
		assert.ok(open.citizen.every((row) => Object.keys(row).length === 1));

		const body = await progress();
		assert.equal(body.contest, round.id);
		assert.equal(body.rehearsal, true);
		assert.ok(Math.abs(Date.parse(body.now) - Date.now()) < 60_000);
		assert.equal(body.health.redis.connected, true);
		assert.deepEqual(body.health.workers.map(({ slot }) => slot), [0, 1]);
		assert.ok(body.audit.length > 0 && body.audit.length <= 20);
		assert.ok(body.audit.every(({ n }, i) => i === 0 || n === body.audit[i - 1].n - 1), 'newest first');
		assert.ok(body.people.some(({ id }) => id === eye.id));
		assert.doesNotMatch(JSON.stringify(body), /"jti"|eyJ/);
	});

	test('rejections are counted by their reason', async () => {
		const before = (await progress()).rejections;
		const token = round.mint();
		for (const [ballot, status] of [['upstage', 201], ['nc-ai', 409], ['nobody', 422]])
			assert.equal((await round.cast(token, { choices: [ballot] })).status, status);
		const after = await eventually(async () => {
			const { rejections } = await progress();
			return rejections['token-spent'] > before['token-spent'] && rejections;
		}, 'a spent token');
		assert.ok(after['invalid-ballot'] > before['invalid-ballot']);
	});

	test('at most four frames a second, whatever is asked for meanwhile', async () => {
		const reader = await stream(eye);
		const began = (await reader.next((block) => block.event === 'progress')).at;
		const end = Date.now() + 2000;
		await Promise.all([
			...Array.from({ length: 2 }, async () => {
				while (Date.now() < end)
					await round.castUntilAnswered(round.mint(), { choices: ['upstage'] });
			}),
			...[kim, eye].map(async (person) => {
				while (Date.now() < end)
					await progress(person);
			})]);
		const { ballots } = (await progress()).tally;
		const frames = [];
		do
			frames.push(await reader.next((block) => block.event === 'progress'));
		while (JSON.parse(frames.at(-1).data).tally.ballots < ballots);
		const seconds = (frames.at(-1).at - began) / 1000;
		assert.ok(frames.length >= 2 && frames.length <= 4 * seconds + 2, `${frames.length} frames in ${seconds} s`);
		reader.close();
	});

	test('turnout by minute', async () => {
		await round.castUntilAnswered(round.mint(), { choices: ['upstage'] });
		const { minutes } = await eventually(async () => {
			const { json } = await get(eye, 'turnout');
			return json.minutes.length && json;
		}, 'the first sample');
		for (const { at, ballots, votes } of minutes) {
			assert.match(at, /:00\.000Z$/);
			assert.deepEqual(Object.keys(votes).sort(), [...ENTRIES].sort());
			assert.equal(Object.values(votes).reduce((a, b) => a + b), ballots);
		}
		const text = (await get(kim, 'exports/turnout.csv')).text;
		assert.deepEqual(parseCsv(text)[0], ['at', 'ballots', ...ENTRIES]);
		assert.equal(objectsOf(text)[0].at, minutes[0].at);
	});

	test('the audit log in pieces; its chain, computed here', async () => {
		for (let i = 0; i < 4; i++)
			await ctlDone(instance, 'notice', '--ko', `공지 ${i}`, '--en', `notice ${i}`);
		const whole = (await get(eye, 'audit?count=1000')).json;
		assert.equal(whole.round, round.name);
		let prev = sha256('tallyd audit v1\n', round.name);
		whole.raw.forEach((text, i) => {
			assert.deepEqual(JSON.parse(text), whole.entries[i]);
			assert.equal(whole.entries[i].n, i + 1);
			assert.equal(whole.entries[i].prev, prev);
			prev = sha256('tallyd audit v1\n', text);
		});
		const size = whole.entries.length;
		assert.ok(size >= 6);
		const pieces = [];
		for (;;) {
			const { entries } = (await get(kim, `audit?after=${pieces.length}&count=3`)).json;
			if (!entries.length)
				break;
			assert.ok(entries.length <= 3);
			pieces.push(...entries);
		}
		assert.deepEqual(pieces.slice(0, size), whole.entries);
		assert.deepEqual((await get(kim, `audit?count=2&after=${size - 1}`)).json.entries[0], whole.entries.at(-1));
		assert.deepEqual((await get(kim, 'audit?after=18446744073709551615')).json.entries, []);
		assert.ok((await get(kim, 'audit?count=999999999')).json.entries.length >= size);
		// The export has the same bytes, one a line.
		const lines = (await get(eye, 'exports/audit.json')).text.trimEnd().split('\n');
		assert.deepEqual(lines.slice(0, size), whole.raw);
		const table = objectsOf((await get(eye, 'exports/audit.csv')).text);
		assert.deepEqual(table.slice(0, size).map(({ entry }) => entry), whole.raw);
	});

	test('streams end with their token: revoked, on every worker, and expired', async () => {
		const leaving = await invite(instance, 'observer', 'Leaving');
		const readers = await Promise.all(Array.from({ length: 4 }, () => stream(leaving)));
		const staying = await stream(eye);
		await Promise.all([...readers, staying].map((reader) => reader.next((block) => block.event === 'progress')));
		const { health } = await progress();
		assert.ok(health.workers.every(({ beat_age_ms: age }) => age !== null), JSON.stringify(health));
		await ctlDone(instance, 'revoke', leaving.id, '--why', 'gone');
		const revoked = Date.now();
		await eventually(() => readers.every(({ closed }) => closed), 'the end of all streams');
		assert.ok(Date.now() - revoked < 3000, `${Date.now() - revoked} ms`);
		assertRefused(await get(leaving, 'progress'), 401, 'invalid-bearer', /revoked/);
		assertRefused(await get(leaving, 'progress/stream'), 401, 'invalid-bearer', /revoked/);

		const expires = Math.ceil(Date.now() / 1000) * 1000 + 4000;
		const { token } = (await ctlDone(instance, 'invite', 'observer', '--name', 'Short',
			'--expires', new Date(expires).toISOString().replace('.000', ''), '--json')).json;
		const short = await stream({ token });
		await short.next((block) => block.event === 'progress');
		await eventually(() => short.closed, 'the end of the expired stream');
		assert.ok(Date.now() >= expires - 50 && Date.now() < expires + 3000, `${Date.now() - expires} ms`);
		assertRefused(await get({ token }, 'progress'), 401, 'invalid-bearer', /expired/);
		assert.equal(staying.closed, false);
		staying.close();
	});

	test('no such export', async () => {
		for (const name of ['votes.csv', 'tally.xml', 'tally', '.csv', 'tally.csv.csv'])
			assertRefused(await get(kim, `exports/${name}`), 404, 'no-such-export');
	});
});

describe('experts, and what is exported', () => {
	const NAMES = ['=1+1, "가"', '+82-2', '다 "정"', '라, 마', '바', '사', '아', '자'];
	const COMMENT = '첫 줄, "인용"\n=둘째 줄';

	test('completion by name, scores after the close; tables that spreadsheets read', async (t) => {
		const { instance, round, kim, eye } = await start(t);
		const get = (what, person = kim) => instance.get(`${round.path}/${what}`, { headers: bearer(person) });
		const progress = async () => (await get('progress')).json;
		const table = async (what) => {
			const reply = await get(`exports/${what}.csv`);
			assert.equal(reply.status, 200, reply.text);
			assert.equal(reply.headers['content-type'], 'text/csv; charset=utf-8');
			assert.equal(reply.headers['content-disposition'], `attachment; filename="${round.id}-${what}.csv"`);
			const withMark = await get(`exports/${what}.csv?bom=1`, eye);
			assert.deepEqual(withMark.bytes.subarray(0, 3), Buffer.from([0xef, 0xbb, 0xbf]));
			assert.ok(withMark.bytes.subarray(3).equals(reply.bytes));
			const rows = objectsOf(reply.text);
			// The same as JSON, where null is an empty field and nothing is guarded.
			const json = (await get(`exports/${what}.json`)).json;
			assert.deepEqual(rows.map((row) => Object.values(row).map((field) => field.replace(/^'(?=[=+@-])/, ''))),
				json.map((row) => Object.values(row).map((value) => value === null ? '' : String(value))));
			return { rows, json, text: reply.text };
		};

		// Invited in another order than that of their names.
		const people = await inviteTable(round, [...NAMES].reverse().map((name) => ({ name, affiliation: name === '바' ? '카이스트' : '무소속' })));
		assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
		// Each gives another number to the first criterion of upstage: 29, 28, … by which they are known.
		const mark = new Map();
		for (const [i, expert] of people.slice(0, 6).entries()) {
			const frame = await expert.sheet();
			const sheet = complete(frame, ENTRIES, { state: i === 5 ? 'draft' : 'submitted' });
			if (sheet.scores.upstage) {
				sheet.scores.upstage['technical-independence'] = 29 - i;
				sheet.comments.upstage = `${COMMENT} ${i}`;
			}
			if (i === 1) {
				delete sheet.scores['nc-ai'];
				delete sheet.comments['nc-ai'];
				sheet.recused['nc-ai'] = '공동 연구';
			}
			if (i === 5) { // a draft's recusal is its author's until the close
				sheet.recused['lg-ai-research'] = '비밀 사유';
				delete sheet.scores['lg-ai-research'];
				delete sheet.comments['lg-ai-research'];
			}
			await expert.saved(sheet, 0);
			mark.set(29 - i, expert);
		}

		const body = await eventually(async () => {
			const body = await progress();
			return body.experts.panels[0].submitted === 5 && body;
		}, 'five sheets');
		const [panel] = body.experts.panels;
		assert.deepEqual([panel.of, body.experts.visible, body.standing], [8, false, null]);
		assert.deepEqual(panel.people.map(({ name }) => name), [...NAMES].sort());
		const of = (expert) => panel.people.find(({ id }) => id === expert.id);
		assert.deepEqual(people.map((expert) => of(expert).state),
			['submitted', 'submitted', 'submitted', 'submitted', 'submitted', 'draft', 'none', 'none']);
		assert.deepEqual(Object.keys(of(people[3]).conflicts), ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai']);
		assert.deepEqual([of(people[3]).filled, of(people[3]).wanted], [4, 4]);
		assert.deepEqual(of(people[1]).recused, { 'nc-ai': '공동 연구' });
		assert.deepEqual(of(people[5]).recused, {});
		assert.deepEqual([of(people[6]).revision, of(people[6]).saved_at, of(people[6]).filled], [0, null, 0]);
		const row = panel.entries.find(({ entry }) => entry === 'nc-ai');
		assert.deepEqual([row.n, row.of, row.recused, row.value], [3, 8, 2, undefined]);
		for (const hidden of ['"scores"', '"spread"', '비밀', '좋습니다'])
			assert.ok(!JSON.stringify(body).includes(hidden), hidden);
		for (const what of ['sheets', 'comments', 'standing'])
			for (const form of ['csv', 'json'])
				assertRefused(await get(`exports/${what}.${form}`), 403, 'not-yet');

		const completion = await table('experts');
		assert.deepEqual(completion.json.map(({ name }) => name), [...NAMES].sort());
		assert.deepEqual(completion.rows.filter(({ name }) => name.startsWith("'")).map(({ name }) => name).sort(),
			[`'+82-2`, `'=1+1, "가"`]);
		const tally = await table('tally');
		assert.deepEqual(tally.json.map(({ entry, votes }) => [entry, votes]), ENTRIES.map((entry) => [entry, entry === 'upstage' ? 1 : 0]));
		await table('turnout');

		await ctlDone(instance, 'close', '--why', 'done');
		const seen = await eventually(async () => {
			const body = await progress();
			return body.experts.visible && body;
		}, 'the close');
		assert.ok(seen.experts.panels[0].entries.every(({ value, spread }) => value > 0 && spread >= 0));
		assert.equal(seen.standing.rows.length, 5);
		assert.equal(seen.experts.panels[0].people.find(({ id }) => id === people[5].id).recused['lg-ai-research'], '비밀 사유');

		// Numbered in an order that is neither that of names nor that of invitations.
		const sheets = await table('sheets');
		const marked = sheets.json.filter(({ entry, criterion }) => entry === 'upstage' && criterion === 'technical-independence');
		const numbers = new Map(marked.map(({ expert, score }) => [expert, mark.get(score)]));
		assert.equal(numbers.size, 5);
		assert.ok([...numbers.keys()].every((name) => /^expert-[1-8]$/.test(name)));
		for (const person of people)
			assert.ok(!sheets.text.includes(person.id) && !sheets.text.includes(person.token));
		assert.deepEqual(marked.find(({ expert }) => numbers.get(expert) === people[5]).standing, 'draft');
		assert.ok(marked.filter(({ expert }) => numbers.get(expert) !== people[5]).every(({ standing }) => standing === 'counted'));
		const comments = await table('comments');
		assert.ok(comments.json.every(({ comment }) => !comment.endsWith(' 5')), 'drafts are nobody’s opinion yet');
		for (const { entry, expert, comment } of comments.json)
			if (entry === 'upstage')
				assert.equal(comment, `${COMMENT} ${people.indexOf(numbers.get(expert))}`);
		// Another number for each entry: the ones left out would tell who it is.
		const sameEverywhere = (who) => new Set(comments.json.filter(({ comment }) => comment === who).map(({ expert }) => expert)).size === 1;
		assert.ok(!comments.json.every(({ comment }) => sameEverywhere(comment)));
		assert.equal(comments.json.filter(({ entry }) => entry === 'nc-ai').length, 3);

		// Whoever is revoked after the close takes nothing along.
		const [lowest] = [...numbers.keys()].sort();
		await ctlDone(instance, 'revoke', numbers.get(lowest).id, '--why', 'it is over');
		assert.deepEqual((await table('sheets')).json, sheets.json);
		assert.equal((await progress()).experts.panels[0].of, 8);

		const standing = await table('standing');
		assert.deepEqual(standing.json.map(({ entry }) => entry), ENTRIES);
		assert.ok(standing.json.every((row) => row.experts_value > 0 && row['bench-own_value'] === null));
		assert.equal((await auditOf(round)).filter(({ act }) => act === 'sheet.submitted').length, 5);
	});

	test('a contest without pseudonyms names them by id, in no order of names either', async (t) => {
		const { instance, round, kim } = await start(t, { pseudonyms: false });
		const people = await inviteTable(round, ['가', '나'].map((name) => ({ name })));
		for (const expert of people)
			await expert.saved(complete(await expert.sheet(), ENTRIES), 0);
		await ctlDone(instance, 'close', '--why', 'done');
		const { json } = await instance.get(`${round.path}/exports/sheets.json`, { headers: bearer(kim) });
		assert.deepEqual([...new Set(json.map(({ expert }) => expert))].sort(), people.map(({ id }) => id).sort());
	});
});

test('more ballots than voting rights: said in the log, to organisers and in the metrics, until it is not so', async (t) => {
	const admin = await freePort();
	const instance = await startInstance({ settings: { admin_listen: `127.0.0.1:${admin}` } });
	t.after(() => instance.stop());
	const round = new Round(instance), kim = await invite(instance, 'organiser', 'Kim');
	const excess = async () => {
		const { json } = await instance.get(`${round.path}/progress`, { headers: bearer(kim) });
		const [, metric] = /^tallyd_spent_above_issued\{contest="kai-stage1"\} (\d+)$/m.exec(await metricsOf(admin));
		const told = json.warnings.find(({ kind }) => kind === 'spent-above-issued')?.ballots ?? 0;
		return told === Number(metric) ? told : null;
	};
	assert.equal(await excess(), 0);
	for (let i = 0; i < 3; i++)
		assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
	// Two of them by somebody who has the key, and counts nothing as issued.
	const redis = instance.redisClient(), keys = await redis.keys(`{${round.name}/*}:issued`);
	await Promise.all(keys.map((key) => redis.set(key, 0)));
	await redis.set(keys[0], 1);
	await eventually(async () => await excess() === 2, 'an alarm');
	await eventually(() => /3 ballots are counted with 1 voting rights\. See "More ballots than voting rights" in ops\/runbook\.md/.test(instance.stderr), 'the log');
	await redis.set(keys[0], 3);
	await eventually(async () => await excess() === 0, 'no alarm any more');
});
