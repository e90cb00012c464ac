// Experts' score sheets: drafts, submitting and withdrawing, every revision in the audit log, two windows that
// never overwrite each other unseen, conflicts of interest, recusals and challenges, what is refused, the pledge,
// the hours, and Redis away.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contestDocument, eventually, makeDirectory, realRound, startInstance, startRedis } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { actsOf, assertRefused, auditOf, ctlDone, ctlRefused, invite } from './lib/acts.mjs';
import { complete, inviteExpert, inviteTable, revisionsOf, sent } from './lib/sheets.mjs';

const TEAMS = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
const empty = { scores: {}, recused: {}, comments: {}, state: 'draft' };
const draft = (changes) => ({ ...empty, ...changes });
const day = 24 * 3600_000;

const start = async (t, options) => {
	const instance = await startInstance(options);
	t.after(() => instance.stop());
	return { instance, round: new Round(instance) };
};

describe('score sheets', { concurrency: 2 }, () => {
	let instance, round;
	before(async () => {
		instance = await startInstance({ settings: { workers: 2 } });
		round = new Round(instance);
	});
	after(() => instance.stop());

	const savesOf = async (expert) => (await revisionsOf(round)).filter(({ person }) => person === expert.id);

	test('before the first save: the frame of the sheet, and nothing on it', async () => {
		const expert = await inviteExpert(round, { name: '홍길동', affiliation: '카이스트' });
		const sheet = await expert.sheet();
		const file = await contestDocument();
		assert.equal(sheet.contest, round.id);
		assert.deepEqual(sheet.expert, {
			id: expert.id, name: '홍길동', affiliation: '카이스트', organisation: 'kaist',
			panel: { id: 'experts', name: file.panels[0].name, comments_required: true },
		});
		assert.equal(sheet.phase, 'open');
		assert.equal(sheet.editable, true);
		assert.equal(sheet.closes_at, null);
		assert.ok(Math.abs(Date.parse(sheet.now) - Date.now()) < 60_000);
		assert.deepEqual(sheet.criteria, file.criteria.filter(({ id }) => file.panels[0].criteria.includes(id))
			.map(({ id, name, rubric, min = 0, max, step = 1, weight = 1 }) => ({ id, name, rubric, min, max, step, weight })));
		assert.deepEqual(sent(sheet), empty);
		assert.equal(sheet.revision, 0);
		assert.equal(sheet.saved_at, null);
		assert.deepEqual(sheet.rulings, {});
		assert.equal(sheet.pledge.required, false);
		assert.equal(sheet.pledge.given_at, null);
		assert.match(sheet.pledge.text.ko, /서약/);
		// One team is free; its four criteria and the comment that the contest wants are missing.
		assert.equal(sheet.wanted, 4);
		assert.equal(sheet.missing, 5);
	});

	test('draft, submit, change, withdraw, submit: each revision in the audit log, open to whoever holds its bytes', async () => {
		const expert = await inviteExpert(round, { affiliation: '없는 대학교' });
		const frame = await expert.sheet();
		assert.deepEqual(frame.conflicts, {});
		assert.equal(frame.wanted, 20);
		const first = draft({ scores: { upstage: { ethics: 7 } }, comments: { upstage: '좋음\n둘째 줄' } });
		const saved = await expert.saved(first, 0);
		assert.equal(saved.revision, 1);
		assert.deepEqual(sent(saved), first);
		assert.ok(Math.abs(Date.parse(saved.saved_at) - Date.now()) < 60_000);
		assert.equal(saved.missing, 23);
		assert.deepEqual(sent(await expert.sheet()), first);

		const whole = complete(frame, TEAMS);
		const submitted = await expert.saved(whole, 1);
		assert.equal(submitted.state, 'submitted');
		assert.equal(submitted.missing, 0);
		const better = structuredClone(whole);
		better.scores.upstage.ethics = 3;
		await expert.saved(better, 2);
		const withdrawn = await expert.saved({ ...better, state: 'draft' }, 3);
		assert.equal(withdrawn.state, 'draft');
		await expert.saved(better, 4);

		const saves = await savesOf(expert);
		assert.deepEqual(saves.map(({ act }) => act),
			['sheet.saved', 'sheet.submitted', 'sheet.submitted', 'sheet.withdrawn', 'sheet.submitted']);
		assert.deepEqual(saves.map(({ sheet }) => sheet), [first, whole, better, { ...better, state: 'draft' }, better]);
		// The log itself says nothing of what was rated.
		const own = (await auditOf(round)).filter(({ person }) => person === expert.id);
		assert.doesNotMatch(JSON.stringify(own), /좋|ethics|upstage/);
	});

	test('what stands already is not written again, and a lost answer is asked for again', async () => {
		const expert = await inviteExpert(round);
		const one = draft({ scores: { upstage: { ethics: 1 } } }), two = draft({ scores: { upstage: { ethics: 2 } } });
		const first = await expert.saved(one, 0);
		assert.deepEqual({ ...await expert.saved(one, 0), now: first.now }, first);
		assert.equal((await expert.saved(one, 1)).revision, 1);
		// The order of members and an empty comment are not another sheet.
		assert.equal((await expert.saved({ state: 'draft', comments: { upstage: '' }, scores: one.scores }, 1)).revision, 1);
		await expert.saved(two, 1);
		assertRefused(await expert.put(one, 0), 412, 'stale-sheet');
		assert.equal((await expert.saved(two, 1)).revision, 2);
		assert.equal((await savesOf(expert)).length, 2);
	});

	test('an empty draft over an empty sheet writes nothing', async () => {
		const expert = await inviteExpert(round);
		assert.equal((await expert.saved(empty, 0)).revision, 0);
		assert.deepEqual(await savesOf(expert), []);
	});

	test('two windows: the second is told what stands, and overwrites nothing', async () => {
		const expert = await inviteExpert(round);
		await expert.saved(draft({ scores: { upstage: { ethics: 1 } } }), 0);
		const left = draft({ scores: { upstage: { ethics: 2 } } }), right = draft({ scores: { upstage: { ethics: 3 } } });
		const both = await Promise.all([expert.put(left, 1), expert.put(right, 1)]);
		assert.deepEqual(both.map(({ status }) => status).sort((a, b) => a - b), [200, 412]);
		const winner = both[0].status === 200 ? left : right;
		const problem = assertRefused(both.find(({ status }) => status === 412), 412, 'stale-sheet', /revision 2/);
		assert.equal(problem.revision, 2);
		assert.deepEqual(sent(problem.sheet), winner);
		assert.equal(problem.sheet.revision, 2);
		assert.deepEqual(sent(await expert.sheet()), winner);
		const merged = draft({ scores: { upstage: { ethics: 4 } } });
		assert.equal((await expert.saved(merged, problem.revision)).revision, 3);
		assertRefused(await expert.put(left, 99), 412, 'stale-sheet');
	});

	test('If-Match: required, one revision, strong', async () => {
		const expert = await inviteExpert(round);
		assertRefused(await expert.put(empty), 428, 'precondition-required', /If-Match/);
		for (const value of ['0', '"', '""', '"00"', '"-1"', '"1', 'W/"0"', '*', '"0", "1"', '"9999999999999999"', '"x"'])
			assertRefused(await expert.put(empty, undefined, { headers: { 'If-Match': value } }), 400, 'invalid-if-match', /quoted/);
	});

	test('ranges, steps, types, unknown and others\' criteria, and everything else that is no sheet', async () => {
		const [expert, user] = await inviteTable(round, [{},
			{ panel: 'users' }]);
		const scores = (value, criterion = 'ethics', entry = 'upstage') => draft({ scores: { [entry]: { [criterion]: value } } });
		for (const [sheet, detail, of = expert] of [
			[scores(16), /scores\.upstage\.ethics is 16; .*0 to 15/],
			[scores(-1), /-1/], [scores(7.5), /7\.5.*whole number/], [scores('7'), /a text/], [scores(null), /null/],
			[scores(true), /true or false/], [scores([7]), /an array/], [scores(1e300), /whole number/],
			[scores(7, 'field-use'), /another panel's/], [scores(7, 'charm'), /no criterion/],
			[scores(7, '__proto__x'), /no criterion/], [scores(7, 'ethics', 'kakao'), /no entry "kakao"/],
			[scores(7, 'field-use'), /steps of 5/, user], [scores(61, 'field-use'), /0 to 60/, user],
			[scores(5, 'ethics'), /another panel's/, user],
			[draft({ scores: { upstage: 7 } }), /an object of criteria/], [draft({ scores: [] }), /an array/],
			[draft({ recused: { upstage: '' } }), /1 to 400/], [draft({ recused: { upstage: '가'.repeat(401) } }), /401/],
			[draft({ recused: { upstage: true } }), /true or false/],
			[draft({ recused: { upstage: 'why' }, scores: { upstage: { ethics: 1 } } }), /either scores or a recusal/],
			[draft({ comments: { upstage: '가'.repeat(4001) } }), /4001/], [draft({ comments: { upstage: 'a\u0007b' } }), /control/],
			[draft({ comments: { nobody: 'x' } }), /no entry "nobody"/],
			[{ scores: {} }, /state is missing/], [{ ...empty, state: 'final' }, /"final"/], [{ ...empty, state: 1 }, /state/],
			[{ ...empty, revision: 3 }, /no member "revision"/],
		])
			assertRefused(await of.put(sheet, 0), 422, 'invalid-sheet', detail);
		for (const body of ['[]', '7', '{', '{"state":"draft"} {}'])
			assertRefused(await expert.put(body, 0), 400, 'invalid-json');
		assertRefused(await expert.put('{"state":"draft","state":"draft"}', 0), 422, 'ambiguous-json');
		assertRefused(await expert.put('{"state":"draft"}', 0, { headers: { 'If-Match': '"0"', 'Content-Type': 'text/plain' } }),
			415, 'unsupported-media-type');
		assert.equal((await expert.put(' '.repeat(256 * 1024 + 1), 0)).status, 413);
		assert.deepEqual([(await expert.sheet()).revision, (await user.sheet()).revision], [0, 0]);
	});

	test('the greatest sheet that can be written is taken', async () => {
		const expert = await inviteExpert(round);
		const sheet = complete(await expert.sheet(), TEAMS);
		for (const team of TEAMS)
			sheet.comments[team] = '가'.repeat(4000);
		assert.ok(Buffer.byteLength(JSON.stringify(sheet)) > 60_000);
		const saved = await expert.saved(sheet, 0);
		assert.deepEqual(sent(saved), sheet);
		const padded = ' '.repeat(256 * 1024 - Buffer.byteLength(JSON.stringify(empty))) + JSON.stringify(empty);
		assert.equal((await expert.saved(padded, 1)).revision, 2);
	});

	test('submitted means complete: scores, and the comments that the contest wants', async () => {
		const [expert, user] = await inviteTable(round, [{},
			{ panel: 'users' }]);
		const whole = complete(await expert.sheet(), TEAMS);
		const problem = assertRefused(await expert.put({ ...empty, state: 'submitted' }, 0), 422, 'invalid-sheet',
			/25 items are missing: scores\.naver-cloud\.technical-independence, .*, …/);
		assert.equal(problem.missing, 25);
		const noComment = structuredClone(whole);
		delete noComment.comments['nc-ai'];
		assertRefused(await expert.put(noComment, 0), 422, 'invalid-sheet', /1 item is missing: comments\.nc-ai\. /);
		const noScore = structuredClone(whole);
		delete noScore.scores.upstage.ethics;
		assertRefused(await expert.put(noScore, 0), 422, 'invalid-sheet', /1 item is missing: scores\.upstage\.ethics\. /);
		assert.equal((await expert.saved({ ...noScore, state: 'draft' }, 0)).missing, 1);
		await expert.saved(whole, 1);
		// Users need not comment.
		const short = complete(await user.sheet(), TEAMS);
		await user.saved({ ...short, comments: {} }, 0);
	});

	test('an expert\'s own recusal, with its reason, stands in the place of scores', async () => {
		const expert = await inviteExpert(round);
		const sheet = complete(await expert.sheet(), TEAMS, { without: ['upstage'] });
		sheet.recused.upstage = '자문을 맡은 적이 있습니다';
		const saved = await expert.saved(sheet, 0);
		assert.deepEqual(saved.recused, sheet.recused);
		assert.equal(saved.missing, 0);
		assert.equal(saved.wanted, 16);
	});

	test('a conflict of interest is refused under every name of the organisation, nothing is saved, and it is noted', async () => {
		const kaist = { 'naver-cloud': 'kaist', upstage: 'kaist', 'sk-telecom': 'kaist', 'nc-ai': 'kaist' };
		// The cooperation foundation of a university is the university itself: whatever participates counts.
		const snu = { 'naver-cloud': 'snu-iacf', 'sk-telecom': 'snu-iacf', 'nc-ai': 'snu' };
		const rows = [['KAIST', kaist], ['한국과학기술원', kaist], ['카이스트 ', kaist], ['k a i s t', kaist],
			['한국 과학 기술원 산학협력단', kaist], ['서울대학교 산학협력단', snu], ['서울대', snu], ['서울대학교산학협력단', snu],
			['업스테이지', { upstage: 'upstage' }], ['LG CNS', { 'lg-ai-research': 'lg-cns' }], ['네이버', { 'naver-cloud': 'naver' }],
			['엔씨소프트', {}], ['대전과학기술원', {}], ['없는 대학교', {}]];
		const experts = await inviteTable(round, rows.map(([affiliation], i) => ({ name: `전문가 ${i}`, affiliation })));
		for (const [i, [affiliation, conflicts]] of rows.entries()) {
			const expert = experts[i];
			const sheet = await expert.sheet();
			assert.deepEqual(sheet.conflicts, conflicts, affiliation);
			assert.deepEqual(Object.keys(sheet.organisations).sort(), [...new Set(Object.values(conflicts))].sort());
			for (const name of Object.values(sheet.organisations))
				assert.ok(name.ko && name.en);
			for (const entry of TEAMS) {
				const reply = await expert.put(draft({ scores: { [entry]: { ethics: 1 } } }), (await expert.sheet()).revision);
				if (!(entry in conflicts)) {
					assert.equal(reply.status, 200, reply.text);
					continue;
				}
				const problem = assertRefused(reply, 403, 'conflict-of-interest', new RegExp(entry));
				assert.deepEqual(problem.conflicts, { [entry]: conflicts[entry] });
			}
			const refused = (await actsOf(round, 'sheet.refused')).filter(({ person }) => person === expert.id);
			assert.deepEqual(refused.flatMap(({ entries }) => entries), TEAMS.filter((entry) => entry in conflicts));
			for (const entry of refused) {
				assert.equal(entry.who, expert.who);
				assert.equal(entry.reason, 'conflict-of-interest');
			}
			for (const { sheet: saved } of await savesOf(expert))
				assert.ok(!Object.keys(saved.scores).some((entry) => entry in conflicts));
		}
	});

	test('a comment on a conflicted team is refused too, a recusal says what stands; and trying does not fill the log', async () => {
		const expert = await inviteExpert(round, { affiliation: 'KAIST' });
		const both = draft({ scores: { upstage: { ethics: 1 } }, comments: { 'nc-ai': '좋음', 'lg-ai-research': '좋음' } });
		const problem = assertRefused(await expert.put(both, 0), 403, 'conflict-of-interest', /upstage \(kaist\), nc-ai \(kaist\)/);
		assert.deepEqual(problem.conflicts, { upstage: 'kaist', 'nc-ai': 'kaist' });
		const before = (await auditOf(round)).filter(({ person }) => person === expert.id);
		assert.deepEqual(before.map(({ entries }) => entries), [['upstage', 'nc-ai']]);
		for (let i = 0; i < 10; i++) {
			assertRefused(await expert.put(both, 0), 403, 'conflict-of-interest');
			assertRefused(await expert.put(draft({ comments: { upstage: 'x' } }), 0), 403, 'conflict-of-interest');
		}
		assertRefused(await expert.put(draft({ comments: { upstage: 'x', 'sk-telecom': 'x' } }), 0), 403, 'conflict-of-interest');
		const noted = (await auditOf(round)).filter(({ person }) => person === expert.id);
		assert.deepEqual(noted.map(({ entries }) => entries), [['upstage', 'nc-ai'], ['upstage', 'sk-telecom']]);
		assert.equal((await expert.sheet()).revision, 0);
		assert.equal((await expert.saved(draft({ recused: { upstage: '소속' } }), 0)).revision, 1);
	});

	test('one person\'s wild program is slowed down, nobody else', async () => {
		const [wild, other] = [await inviteExpert(round), await inviteExpert(round, { name: '다른 이' })];
		const statuses = (await Promise.all(Array.from({ length: 200 }, () => wild.put(empty, 0)))).map(({ status }) => status);
		assert.ok(statuses.filter((status) => status === 200).length >= 100);
		assert.ok(statuses.includes(429), 'too many saves');
		await other.saved(draft({ comments: { upstage: '가' } }), 0);
	});

	test('who is not this contest\'s expert gets nothing', async (t) => {
		const expert = await inviteExpert(round);
		const organiser = await invite(instance, 'organiser', '김주최'), observer = await invite(instance, 'observer', '이참관');
		const revoked = await inviteExpert(round, { name: '취소' });
		await revoked.saved(draft({ comments: { upstage: '가' } }), 0);
		await ctlDone(instance, 'revoke', revoked.id, '--why', 'left');
		const soon = await inviteExpert(round, { name: '곧', expires: new Date(Date.now() + 5000).toISOString() });
		await eventually(async () => (await soon.get()).status === 401, 'the end of a token');
		const [header, claims, signature] = expert.token.split('.');
		const json = (text) => Buffer.from(JSON.stringify(text)).toString('base64url');
		const own = JSON.parse(Buffer.from(claims, 'base64url'));
		const hmac = (head) => crypto.createHmac('sha256', crypto.createPublicKey(
			crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).export({ type: 'spki', format: 'pem' }))
			.update(`${head}.${claims}`).digest('base64url');
		const none = json({ alg: 'none', typ: 'JWT' }), hs = json({ alg: 'HS256', typ: 'JWT' });
		for (const [what, token] of [['none at all', undefined], ['nonsense', 'x.y.z'], ['revoked', revoked.token],
			['expired', soon.token], ['alg none', `${none}.${claims}.`], ['alg none, signed', `${none}.${claims}.${signature}`],
			['HS256', `${hs}.${claims}.${hmac(hs)}`],
			['another person', `${header}.${json({ ...own, sub: revoked.id })}.${signature}`],
			['another role', `${header}.${json({ ...own, role: 'organiser' })}.${signature}`]])
			await t.test(what, async () => {
				for (const [method, target, options] of [['GET', 'sheet', {}],
					['PUT', 'sheet', { body: empty, headers: { 'If-Match': '"0"' } }], ['POST', 'pledge', { body: { agreed: true } }]]) {
					const reply = await expert.send(method, target, { ...options, token: token ?? null });
					assertRefused(reply, 401, 'invalid-bearer');
					assert.equal(/error="invalid_token"/.test(reply.headers['www-authenticate']), token !== undefined);
				}
			});
		for (const person of [organiser, observer])
			assertRefused(await expert.get({ token: person.token }), 403, 'forbidden');
		// What was handed in before a revocation stands.
		assert.equal((await savesOf(revoked)).length, 1);
	});

	test('a later recusal or an upheld challenge keeps new scores out, and leaves the history', async () => {
		const expert = await inviteExpert(round, { name: '회피', affiliation: '없는 대학교' });
		const whole = complete(await expert.sheet(), TEAMS);
		await expert.saved(whole, 0);
		const ruled = (await ctlDone(instance, 'recuse', expert.id, 'upstage', '--why', '친족 관계', '--by', 'kim', '--json')).json;
		assert.equal(ruled.decision, 'recused');
		await ctlDone(instance, 'challenge', expert.id, 'nc-ai', '--uphold', '--why', '이의 인정');
		await ctlDone(instance, 'challenge', expert.id, 'sk-telecom', '--reject', '--why', '근거 없음');

		const sheet = await expert.sheet();
		assert.deepEqual(sheet.rulings, { upstage: { kind: 'recusal', why: '친족 관계' },
			'nc-ai': { kind: 'challenge', why: '이의 인정' } });
		assert.deepEqual(sheet.scores, whole.scores);
		assert.equal(sheet.wanted, 12);
		const again = structuredClone(whole);
		again.scores.upstage.ethics = 1;
		const problem = assertRefused(await expert.put(again, 1), 403, 'conflict-of-interest', /a ruling/);
		assert.deepEqual(problem.ruled, ['upstage', 'nc-ai']);
		assert.deepEqual(problem.conflicts, {});
		await expert.saved(complete(sheet, TEAMS), 1);
		const saves = await savesOf(expert);
		assert.deepEqual(saves.map(({ sheet: { scores } }) => Object.keys(scores)),
			[TEAMS, TEAMS.filter((team) => team !== 'upstage' && team !== 'nc-ai')]);

		for (const [entry, decision] of [['upstage', '--uphold'], ['nc-ai', '--uphold'], ['sk-telecom', '--reject'], ['upstage', '--reject']])
			await ctlRefused(instance, 65, /stands|before/, 'challenge', expert.id, entry, decision, '--why', 'again');
		await ctlRefused(instance, 65, /stands/, 'recuse', expert.id, 'nc-ai', '--why', 'again');
		await ctlRefused(instance, 65, /Nothing keeps/, 'challenge', expert.id, 'lg-ai-research', '--lift', '--why', 'no');
		await ctlRefused(instance, 65, /no entry/, 'recuse', expert.id, 'kakao', '--why', 'no');
		await ctlRefused(instance, 65, /Nobody/, 'recuse', 'expert-00000000', 'upstage', '--why', 'no');
		await ctlRefused(instance, 65, /no expert/, 'recuse', (await invite(instance, 'observer', '박참관')).id, 'upstage', '--why', 'no');
		await ctlRefused(instance, 64, /--why/, 'recuse', expert.id, 'upstage');
		await ctlRefused(instance, 64, /one of/, 'challenge', expert.id, 'upstage', '--why', 'no');
		await ctlRefused(instance, 64, /one of/, 'challenge', expert.id, 'upstage', '--uphold', '--lift', '--why', 'no');
		await ctlRefused(instance, 65, /400/, 'recuse', expert.id, 'lg-ai-research', '--why', '가'.repeat(401));

		await ctlDone(instance, 'challenge', expert.id, 'upstage', '--lift', '--why', '착오');
		assert.deepEqual(Object.keys((await expert.sheet()).rulings), ['nc-ai']);
		await ctlDone(instance, 'challenge', expert.id, 'sk-telecom', '--uphold', '--why', '새 증거');
		const noted = (await actsOf(round, 'ruling.recusal', 'ruling.challenge', 'ruling.lifted'))
			.filter(({ person }) => person === expert.id);
		assert.deepEqual(noted.map(({ act, decision, entry }) => [act, decision, entry]), [
			['ruling.recusal', 'recused', 'upstage'], ['ruling.challenge', 'upheld', 'nc-ai'],
			['ruling.challenge', 'rejected', 'sk-telecom'], ['ruling.lifted', 'lifted', 'upstage'],
			['ruling.challenge', 'upheld', 'sk-telecom']]);
		assert.equal(noted[0].who, 'operator:kim');
		assert.equal(noted[0].why, '친족 관계');
		assert.equal(noted[0].n, ruled.n);
	});

	test('the pledge is given once', async () => {
		const expert = await inviteExpert(round);
		for (const body of [{}, { agreed: false }, { agreed: 'true' }, { agreed: true, why: 'x' }])
			assertRefused(await expert.pledge(body), 422, 'invalid-pledge');
		const given = (await expert.pledge()).json;
		assert.deepEqual((await expert.pledge()).json, given);
		assert.equal((await expert.sheet()).pledge.given_at, given.given_at);
		assert.equal((await actsOf(round, 'pledge.given')).filter(({ person }) => person === expert.id).length, 1);
	});
});

/** A contest that closes soon after its experts are invited; later, where the machine is slow. */
async function startClosingSoon(t) {
	for (let lead = 6000; lead <= 60_000; lead *= 2) {
		const now = Date.now(), closes = Math.ceil((now + lead) / 1000) * 1000;
		const { instance, round } = await start(t, realRound(now - day, closes, { pledge: { required: false } }));
		const experts = await inviteTable(round, [{}, {}, {}]);
		if (Date.now() < closes - 2000)
			return { round, closes, experts };
		await instance.end();
	}
	throw new Error('the machine is too slow to start a contest in a minute');
}

describe('score sheets of other contests', { concurrency: 2 }, () => {
	test('too few experts left for a team is told when it is ruled', async (t) => {
		const { instance, round } = await start(t, { contest: { panels: [{ id: 'experts', name: { ko: '전문가', en: 'Experts' },
			aggregate: 'mean', comments: 'optional', min_experts: 2 }], stage: undefined } });
		const experts = await inviteTable(round, [{}, { affiliation: '업스테이지' },
			{}, {}]);
		const recuse = async (expert, entry) => (await ctlDone(instance, 'recuse', expert.id, entry, '--why', '회피', '--json')).json;
		assert.equal((await recuse(experts[0], 'upstage')).warning, undefined);
		assert.match((await recuse(experts[2], 'upstage')).warning, /upstage is left with 1 of 4 experts .*fewer than the 2/);
		assert.equal((await recuse(experts[2], 'nc-ai')).warning, undefined);
		// Their own recusals count once they are submitted.
		const sheet = complete(await experts[0].sheet(), TEAMS, { without: ['nc-ai'] });
		sheet.recused['nc-ai'] = '자문';
		await experts[0].saved(sheet, 0);
		assert.match((await recuse(experts[1], 'nc-ai')).warning, /1 of 4/);
	});

	for (const [scope, lab, ncsoft] of [
		['unit', {}, {}],
		['organisation', { 'naver-cloud': 'snu-iacf', 'sk-telecom': 'snu-iacf', 'nc-ai': 'snu' }, {}],
		['group', { 'naver-cloud': 'snu-iacf', 'sk-telecom': 'snu-iacf', 'nc-ai': 'snu' }, { 'nc-ai': 'nc-ai' }],
	])
		test(`conflict_scope: ${scope}`, async (t) => {
			const file = await contestDocument();
			const { round } = await start(t, { contest: { conflict_scope: scope, organisations: [...file.organisations,
				{ id: 'snu-lab', name: { ko: '관악 AI 연구소', en: 'Gwanak AI Lab' }, unit_of: 'snu' }] } });
			const experts = await inviteTable(round, [{ affiliation: '관악AI연구소' }, { affiliation: 'ncsoft' },
				{ affiliation: '카이스트' }]);
			assert.deepEqual((await experts[0].sheet()).conflicts, lab);
			assert.deepEqual((await experts[1].sheet()).conflicts, ncsoft);
			assert.equal(Object.keys((await experts[2].sheet()).conflicts).length, 4);
			const reply = await experts[1].put(draft({ scores: { 'nc-ai': { ethics: 1 } } }), 0);
			assert.equal(reply.status, scope === 'group' ? 403 : 200, reply.text);
		});

	test('another contest\'s token opens no sheet here', async (t) => {
		const [dir, other] = [await makeDirectory(), 'kai-other'];
		const { writeFile } = await import('node:fs/promises');
		const YAML = (await import('yaml')).default;
		const files = [];
		for (const changes of [{}, { id: other }]) {
			files.push(path.join(dir, `${changes.id ?? 'kai'}.yaml`));
			await writeFile(files.at(-1), YAML.stringify(await contestDocument(undefined, changes)));
		}
		const instance = await startInstance({ dir, contests: files });
		t.after(() => instance.stop());
		const [here, there] = [new Round(instance, 'kai-stage1'), new Round(instance, other)];
		const [mine, theirs] = [await inviteExpert(here), await inviteExpert(there)];
		assertRefused(await mine.get({ token: theirs.token }), 401, 'invalid-bearer', /another contest/);
		assertRefused(await theirs.put(empty, 0, { token: mine.token }), 401, 'invalid-bearer');
		await theirs.saved(draft({ comments: { upstage: '가' } }), 0);
		assert.equal((await mine.sheet()).revision, 0);
	});

	test('the real round: the pledge comes first', async (t) => {
		const now = Date.now();
		const { round } = await start(t, realRound(now - day, now + day));
		const expert = await inviteExpert(round);
		const sheet = draft({ comments: { upstage: '가' } });
		assert.equal((await expert.sheet()).pledge.required, true);
		assertRefused(await expert.put(sheet, 0), 403, 'pledge-required', /pledge/);
		assert.equal((await expert.pledge()).status, 200);
		await expert.saved(sheet, 0);
		assert.deepEqual((await auditOf(round)).map(({ act }) => act).filter((act) => act !== 'open'),
			['invite', 'pledge.given', 'sheet.saved']);
	});

	test('outside the hours nothing is saved: before, in a pause, and from the very close on', async (t) => {
		const opens = Date.now() + day;
		const { instance, round } = await start(t, realRound(opens, opens + day, { pledge: { required: false }, approvals: 1 }));
		const expert = await inviteExpert(round);
		const sheet = draft({ comments: { upstage: '가' } });
		assert.equal((await expert.sheet()).editable, false);
		assertRefused(await expert.put(sheet, 0), 403, 'not-open', /opens at/);
		await ctlDone(instance, 'open');
		await expert.saved(sheet, 0);
		await ctlDone(instance, 'pause', '--why', 'a fire drill');
		assertRefused(await expert.put(draft({}), 1), 403, 'paused');
		assert.equal((await expert.sheet()).phase, 'paused');
		await ctlDone(instance, 'resume', '--why', 'over');
		await expert.saved(draft({ comments: { upstage: '나' } }), 1);
		await ctlDone(instance, 'close', '--why', 'done');
		const problem = assertRefused(await expert.put(draft({}), 2), 403, 'closed', /Revision 2 stands/);
		assert.equal(problem.members, undefined);
		const standing = await expert.sheet();
		assert.equal(standing.editable, false);
		assert.equal(standing.phase, 'closed');
		assert.deepEqual(standing.comments, { upstage: '나' });
		// A page that lost the answer to its last save still learns that it arrived.
		assert.equal((await expert.saved(draft({ comments: { upstage: '나' } }), 1)).revision, 2);
	});

	test('the hour closes by itself, in the middle of many saves', async (t) => {
		const { round, closes, experts } = await startClosingSoon(t);
		let shut = 0;
		await Promise.all(experts.map(async (expert) => {
			for (let revision = 0; ; revision++) {
				const reply = await expert.put(draft({ comments: { upstage: `${revision}` } }), revision);
				if (reply.status === 429) {
					revision--;
					await new Promise((resolve) => setTimeout(resolve, 200));
				} else if (reply.status !== 200) {
					assertRefused(reply, 403, 'closed');
					shut++;
					break;
				}
			}
		}));
		assert.equal(shut, 3);
		assert.ok((await revisionsOf(round)).length > 0);
		for (const { act, at } of await auditOf(round))
			if (act.startsWith('sheet.'))
				assert.ok(Date.parse(at) < closes, `${act} at ${at}`);
	});

	test('visibility live: a submitted sheet moves what everybody sees, a draft does not', async (t) => {
		const { instance, round } = await start(t, { contest: { visibility: { experts: 'live' } } });
		const redis = instance.redisClient();
		const version = async () => Number(await redis.hget(`{${round.name}}:record`, 'version'));
		const expert = await inviteExpert(round);
		const whole = complete(await expert.sheet(), TEAMS);
		const begin = await version();
		await expert.saved({ ...whole, state: 'draft' }, 0);
		assert.equal(await version(), begin);
		await expert.saved(whole, 1);
		assert.equal(await version(), begin + 1);
		await expert.saved({ ...whole, state: 'draft' }, 2);
		assert.equal(await version(), begin + 2);
	});

	test('Redis stands still or is away: 503, nothing lost, and the same save again is the same revision', async (t) => {
		const dir = await makeDirectory();
		const redis = await startRedis(path.join(dir, 'own-redis'));
		const instance = await startInstance({ dir, redis });
		t.after(() => instance.stop());
		const round = new Round(instance), expert = await inviteExpert(round);
		const one = draft({ comments: { upstage: '가' } }), two = draft({ comments: { upstage: '나' } });
		await expert.saved(one, 0);
		redis.signal('SIGSTOP');
		const still = await expert.put(two, 1);
		assert.equal(still.status, 503, still.text);
		assert.match(still.headers['retry-after'], /^\d+$/);
		assert.equal((await expert.get()).status, 503);
		redis.signal('SIGCONT');
		const saved = await eventually(async () => {
			const reply = await expert.put(two, 1);
			return reply.status === 200 && reply.json;
		}, 'a save after the pause');
		assert.equal(saved.revision, 2);
		redis.signal('SIGKILL');
		await redis.ended();
		assertRefused(await expert.put(one, 2), 503, 'unavailable');
		await redis.restart();
		await eventually(async () => (await expert.get()).status === 200, 'the sheet again');
		assert.deepEqual(sent(await expert.sheet()), two);
		assert.equal((await revisionsOf(round)).length, 2);
	});

	test('a sheet that was changed behind the desk\'s back is damaged, not believed', async (t) => {
		const { instance, round } = await start(t);
		const expert = await inviteExpert(round);
		await expert.saved(draft({ scores: { upstage: { ethics: 1 } } }), 0);
		const redis = instance.redisClient(), key = `{${round.name}}:sheets`;
		const record = await redis.hget(key, expert.id);
		await redis.hset(key, expert.id, record.replace('"ethics":1', '"ethics":15'));
		assert.equal((await expert.get()).status, 500);
		assertRefused(await expert.put(empty, 1), 500, 'damaged');
		await redis.hset(key, expert.id, record);
		await expert.saved(empty, 1);
	});
});
