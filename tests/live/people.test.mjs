// Named people: invited by tallyctl, shown to the API by their tokens, revoked at once and everywhere; and
// every token that is not one of this contest refused.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { TALLYCTL, contestDocument, makeDirectory, runProgram, startInstance, startRedis } from './lib/instance.mjs';
import { assertProblem } from './lib/protocol.mjs';

const CONTEST = 'one';
const ROUND = 'one~rehearsal';
const SANITIZER = /ERROR: \w*Sanitizer|runtime error:/;

const tallyctl = (instance) => async (...args) => {
	const done = await runProgram(TALLYCTL, ['-c', instance.config, ...args]);
	assert.doesNotMatch(done.stderr, SANITIZER);
	return done;
};

/** A subcommand that must succeed; gives what it printed as JSON. */
const tallyctlJson = (instance) => async (...args) => {
	const done = await tallyctl(instance)(...args, '--contest', CONTEST, '--json');
	assert.equal(done.code, 0, done.stderr);
	return JSON.parse(done.stdout);
};

const me = (instance, token, { contest = CONTEST, scheme = 'Bearer ', ...options } = {}) =>
	instance.get(`/v1/contests/${contest}/me`,
		{ headers: token === undefined ? {} : { Authorization: scheme + token }, ...options });

/** Two contests, so that links name theirs; two workers, so that nothing holds in one of them alone. */
async function start(options = {}) {
	const dir = await makeDirectory();
	const contests = [];
	for (const id of [CONTEST, 'two']) {
		const file = path.join(dir, `${id}.yaml`);
		await writeFile(file, YAML.stringify(await contestDocument(undefined, { id })));
		contests.push(file);
	}
	return startInstance({ dir, contests, ...options,
		settings: { workers: 2, public_url: 'https://vote.example', ...options.settings } });
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

describe('inviting', () => {
	let instance, ctl, json;
	before(async () => {
		instance = await start();
		ctl = tallyctl(instance);
		json = tallyctlJson(instance);
	});
	after(() => instance.stop());
	const people = () => json('people');

	test('an expert: record, link, token, conflicts', async () => {
		const expert = await json('invite', 'expert', '--name', ' 김하늘 ', '--affiliation', 'KAIST', '--email', 'sky@kaist.example');
		assert.match(expert.id, /^expert-[a-z2-9]{8}$/);
		assert.deepEqual({ ...expert, id: 0, token: 0, link: 0, expires_at: 0, conflicts: 0 }, {
			id: 0, contest: CONTEST, role: 'expert', name: '김하늘', affiliation: 'KAIST', organisation: 'kaist',
			email: 'sky@kaist.example', panel: 'experts', expires_at: 0, token: 0, link: 0, conflicts: 0 });
		assert.equal(expert.conflicts['naver-cloud'], 'kaist');
		assert.equal(expert.link, `https://vote.example/expert/?contest=${CONTEST}#token=${expert.token}`);
		const days = (Date.parse(expert.expires_at) - Date.now()) / 86_400_000;
		assert.ok(days > 89 && days <= 90, `${days} days`);

		const [header] = expert.token.split('.');
		assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url')), { alg: 'ES256', typ: 'JWT' });
		const claims = claimsOf(expert.token);
		assert.deepEqual(Object.keys(claims).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'role', 'sub']);
		assert.equal(claims.aud, ROUND);
		assert.equal(claims.sub, expert.id);
		assert.equal(claims.exp * 1000, Date.parse(expert.expires_at));

		const reply = await me(instance, expert.token);
		assert.equal(reply.status, 200, reply.text);
		assert.equal(reply.headers['cache-control'], 'no-store');
		assert.deepEqual(reply.json, { id: expert.id, role: 'expert', name: '김하늘', affiliation: 'KAIST',
			panel: 'experts', expires_at: expert.expires_at, contest: CONTEST });
		assert.equal((await me(instance, expert.token, { scheme: 'bEARER  ' })).status, 200);
	});

	test('organisers and observers', async () => {
		for (const role of ['organiser', 'observer']) {
			const person = await json('invite', role, '--name', role, '--expires', '1d');
			assert.ok(person.link.startsWith(`https://vote.example/organiser/?contest=${CONTEST}#token=`));
			assert.deepEqual([person.panel, person.organisation, person.conflicts], [null, null, {}]);
			const reply = await me(instance, person.token);
			assert.deepEqual([reply.status, reply.json.role, reply.json.panel], [200, role, null]);
		}
	});

	test('words for people: link, conflicts, warnings, a QR code', async () => {
		const known = await ctl('invite', 'expert', '--contest', CONTEST, '--name', 'A', '--affiliation', '서울대학교 산학협력단', '--qr');
		assert.equal(known.code, 0, known.stderr);
		assert.match(known.stdout, /^A, 서울대학교 산학협력단 \(expert-\w{8}\), until \d{4}-/m);
		assert.match(known.stdout, /^ {2}https:\/\/vote\.example\/expert\/\?contest=one#token=\S+$/m);
		assert.match(known.stdout, /^ {2}conflict of interest: 네이버클라우드 \(서울대학교.*\)$/m);
		const code = known.stdout.split('\n').filter((line) => /^[ ▀▄█]+$/.test(line));
		assert.ok(code.length > 20 && code.every((line) => line.length === code[0].length));
		// A code is as high as it is wide; a line holds two rows.
		assert.equal(code.length, Math.ceil(code[0].length / 2));
		assert.equal(known.stderr, '');

		const unknown = await ctl('invite', 'expert', '--contest', CONTEST, '--name', 'B', '--affiliation', '어딘가');
		assert.equal(unknown.code, 0);
		assert.match(unknown.stderr, /warning: B: "어딘가" is none of the contest's organisations/);
		const none = await ctl('invite', 'expert', '--contest', CONTEST, '--name', 'C');
		assert.match(none.stderr, /warning: C has no affiliation/);
	});

	test('who is there already is not invited again, however the organisation is written', async () => {
		await json('invite', 'expert', '--name', 'D', '--affiliation', 'Seoul National University');
		const before = await people();
		for (const affiliation of ['Seoul National University', 'seoul nationaluniversity', 'SEOUL NATIONAL UNIVERSITY산학협력단']) {
			const again = await ctl('invite', 'expert', '--contest', CONTEST, '--name', 'D', '--affiliation', affiliation);
			assert.equal(again.code, 65);
			assert.match(again.stderr, /there already: D, Seoul National University \(expert-/);
			assert.equal(again.stdout, '');
		}
		assert.deepEqual(await people(), before);
		await json('invite', 'observer', '--name', 'D', '--affiliation', 'Seoul National University'); // another role
	});

	test('what is no invitation', async () => {
		const before = await people();
		for (const [args, code, why] of [
			[['expert'], 64, /--name or --from/],
			[['king', '--name', 'n'], 64, /expert, organiser, or observer/],
			[['expert', '--name', 'n', '--from', 'x'], 64, /--name or --from/],
			[['expert', '--name', 'n', '--expires', 'soon'], 64, /--expires/],
			[['expert', '--name', 'n', '--expires', '0d'], 64, /--expires/],
			[['expert', '--name', 'n', '--expires', '2020-01-01T00:00:00Z'], 64, /ahead/],
			[['expert', '--name', 'n', '--king'], 64, /takes no "--king"/],
			[['expert', '--name', 'n', '--by', 'x', '--token', 'y'], 64, /--by and --token/],
			[['expert', '--name', ' '], 65, /name is missing/],
			[['expert', '--name', 'a\u001b[2Jb'], 65, /plain text/],
			[['expert', '--name', '가'.repeat(101)], 65, /101 characters/],
			[['expert', '--name', 'n', '--panel', 'kings'], 65, /no panel/],
			[['organiser', '--name', 'n', '--panel', 'experts'], 65, /only an expert/],
			[['expert', '--name', 'n', '--email', 'x'], 65, /e-mail/],
			[['expert', '--from', '/no/such/table.csv'], 66, /No such file/],
		]) {
			const done = await ctl('invite', '--contest', CONTEST, ...args);
			assert.equal(done.code, code, `${args.join(' ')}: ${done.stderr}`);
			assert.match(done.stderr, why);
			assert.equal(done.stdout, '');
		}
		const none = await ctl('invite', 'expert', '--name', 'n');
		assert.equal(none.code, 64);
		assert.match(none.stderr, /2 contests; say which with --contest/);
		const other = await ctl('invite', 'expert', '--name', 'n', '--contest', 'three');
		assert.equal(other.code, 64);
		assert.match(other.stderr, /no contest "three"/);
		assert.deepEqual(await people(), before);
	});

	const table = async (text) => {
		const file = path.join(instance.dir, 'people.csv');
		await writeFile(file, text);
		return file;
	};

	test('a table with broken rows: all of them told, nobody invited', async () => {
		const before = await people();
		const file = await table('\ufeffname,affiliation,email,panel\r\n' +
			'가,KAIST,a@b.example,experts\r\n' + // good
			'나,KAIST\r\n' +
			',KAIST,,\r\n' +
			'다,,,\r\n' +
			'라,POSTECH,no address,\r\n' +
			'마,POSTECH,,kings\r\n' +
			'"바,POSTECH,,\r\n' +
			'가,kaist,,\r\n' +
			'"사","POSTECH, Pohang",,users\r\n'); // good
		const done = await ctl('invite', 'expert', '--from', file, '--contest', CONTEST);
		assert.equal(done.code, 65);
		assert.equal(done.stdout, '');
		const lines = done.stderr.trim().split('\n');
		const wanted = [
			/:3: has 2 fields, and the header has 4\.$/,
			/:4:name: is empty\.$/,
			/:5:affiliation: is empty\.$/,
			/:6: the e-mail address/,
			/:7: this contest has no panel/,
			/:8: a quotation mark/,
			/:9:name: stands in line 2 already\.$/,
			/7 faults; nobody was invited\.$/,
		];
		assert.equal(lines.length, wanted.length, done.stderr);
		lines.forEach((line, i) => assert.match(line, wanted[i]));
		assert.ok(lines.slice(0, 7).every((line) => line.startsWith(`${file}:`)));
		assert.deepEqual(await people(), before);
	});

	test('a sound table: everybody, each with a token', async () => {
		const before = await people();
		const file = await table('email,name,affiliation,panel\n' +
			',Anna,KAIST,\nb@c.example,Béla,"Seoul National University",users\n,최,어딘가,experts\n');
		const done = await ctl('invite', 'expert', '--from', file, '--contest', CONTEST, '--json');
		assert.equal(done.code, 0, done.stderr);
		assert.match(done.stderr, /warning: 최: "어딘가"/);
		const invited = JSON.parse(done.stdout);
		assert.deepEqual(invited.map(({ name, panel, email }) => [name, panel, email]),
			[['Anna', 'experts', null], ['Béla', 'users', 'b@c.example'], ['최', 'experts', null]]);
		for (const person of invited)
			assert.equal((await me(instance, person.token)).json.name, person.name);
		assert.equal((await people()).length, before.length + 3);

		// One of them is there already: then nobody.
		const half = await ctl('invite', 'expert', '--contest', CONTEST, '--from',
			await table('name,affiliation\nNew,KAIST\nAnna,K A I S T\n'));
		assert.equal(half.code, 65);
		assert.match(half.stderr, /there already: Anna, KAIST/);
		assert.equal((await people()).length, before.length + 3);
	});

	test('tables beyond the limits', async () => {
		const rows = (n) => `name,affiliation\n${Array.from({ length: n }, (_, i) => `P${i},KAIST\n`).join('')}`;
		for (const [text, why] of [
			[rows(501), /501 people at once; 1 to 500/],
			[rows(10_001), /:10002: too long: a table may have 10000 rows/],
			['x'.repeat(1024 * 1024 + 1), /may have 1048576 bytes/],
		]) {
			const done = await ctl('invite', 'expert', '--contest', CONTEST, '--from', await table(text));
			assert.equal(done.code, 65);
			assert.match(done.stderr, why);
		}
		const done = await ctl('invite', 'observer', '--contest', CONTEST, '--json', '--from', await table(rows(500)));
		assert.equal(done.code, 0, done.stderr);
		const invited = JSON.parse(done.stdout);
		assert.equal(new Set(invited.map(({ id }) => id)).size, 500);
		assert.equal((await me(instance, invited[499].token)).json.name, 'P499');
	});

	test('the audit log names who was invited by whom, and no address or token', async () => {
		await json('invite', 'expert', '--name', 'Audited', '--email', 'secret@mail.example', '--by', '홍길동');
		const redis = instance.redisClient();
		const [[, fields]] = await redis.xrevrange(`{${ROUND}}:audit`, '+', '-', 'COUNT', 1);
		const entry = JSON.parse(fields[1]);
		assert.deepEqual([entry.act, entry.who, entry.people[0].name], ['invite', 'operator:홍길동', 'Audited']);
		assert.doesNotMatch(fields[1], /secret|eyJ/);
		redis.disconnect();
	});

	test('logs and journals hold no token', async () => {
		const person = await json('invite', 'expert', '--name', 'Unseen');
		await me(instance, person.token);
		await me(instance, `${person.token}x`);
		const log = await readFile(path.join(instance.dir, 'access.log'), 'utf8');
		assert.match(log, /\/me/);
		for (const text of [log, instance.stderr, instance.stdout])
			assert.ok(!text.includes(person.token.slice(0, 40)));
		for (const line of log.split('\n').filter((one) => one.includes('/me ')))
			assert.doesNotMatch(line, /127\.0\.0\.1/);
	});
});

describe('revoking', () => {
	let instance, ctl, json;
	before(async () => {
		instance = await start();
		ctl = tallyctl(instance);
		json = tallyctlJson(instance);
	});
	after(() => instance.stop());

	test('holds on every connection to every worker as soon as the command returns', async () => {
		const person = await json('invite', 'expert', '--name', 'A');
		const other = await json('invite', 'expert', '--name', 'B');
		const agents = Array.from({ length: 24 }, () => instance.newAgent(1));
		for (const agent of agents)
			assert.equal((await me(instance, person.token, { agent })).status, 200);
		const done = await json('revoke', person.id, '--why', '링크를 잃어버림');
		assert.equal(done.id, person.id);
		const replies = await Promise.all(agents.map((agent) => me(instance, person.token, { agent })));
		for (const reply of replies) {
			assertProblem(reply, 401, 'invalid-bearer', /revoked/);
			assert.equal(reply.headers['www-authenticate'], 'Bearer error="invalid_token"');
		}
		assert.equal((await me(instance, other.token)).status, 200);

		const listed = (await json('people')).find(({ id }) => id === person.id);
		assert.deepEqual([listed.state, listed.revoked_why, listed.revoked_at !== null], ['revoked', '링크를 잃어버림', true]);
		// Invited again: another link, another id; the old one stays shut.
		const anew = await json('invite', 'expert', '--name', 'A');
		assert.notEqual(anew.id, person.id);
		assert.equal((await me(instance, anew.token)).status, 200);
		assertProblem(await me(instance, person.token), 401, 'invalid-bearer', /revoked/);
	});

	test('wants somebody who is there, once, and a reason', async () => {
		const person = await json('invite', 'observer', '--name', 'C');
		for (const [args, code, why] of [
			[[person.id], 64, /reason/],
			[['expert-aaaaaaaa', '--why', 'x'], 65, /Nobody/],
			[['x'.repeat(500), '--why', 'x'], 65, /Nobody/],
			[[person.id, '--why', 'x'.repeat(401)], 65, /1 to 400 characters/],
			[[person.id, '--why', 'a\nb'], 65, /one line/],
			[[person.id, '--why', 'gone'], 0, /^$/],
			[[person.id, '--why', 'gone'], 65, /revoked at \d{4}/],
		]) {
			const done = await ctl('revoke', '--contest', CONTEST, ...args);
			assert.equal(done.code, code, `${args.join(' ')}: ${done.stderr}`);
			assert.match(done.stderr, why);
		}
	});

	test('an organiser acts by their own token', async () => {
		const organiser = await json('invite', 'organiser', '--name', 'O');
		const expert = await json('invite', 'expert', '--name', 'E');
		const victim = await json('invite', 'expert', '--name', 'V');
		const file = path.join(instance.dir, 'token');
		const acting = async (token) => {
			await writeFile(file, `${token}\n`);
			return ctl('revoke', victim.id, '--why', 'x', '--contest', CONTEST, '--token', file);
		};
		let done = await acting(expert.token);
		assert.equal(done.code, 77);
		assert.match(done.stderr, /token of an expert/);
		done = await acting(`${organiser.token}x`);
		assert.equal(done.code, 77);
		assert.equal((await me(instance, victim.token)).status, 200);
		done = await acting(organiser.token);
		assert.equal(done.code, 0, done.stderr);
		const redis = instance.redisClient();
		const [[, fields]] = await redis.xrevrange(`{${ROUND}}:audit`, '+', '-', 'COUNT', 1);
		assert.equal(JSON.parse(fields[1]).who, `organiser:${organiser.id}`);
		redis.disconnect();
		await json('revoke', organiser.id, '--why', 'x');
		done = await acting(organiser.token);
		assert.equal(done.code, 77);
		assert.match(done.stderr, /revoked/);
	});
});

describe('tokens that are not', () => {
	let instance, person, keys;
	const base = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
	const es256 = (header, claims, key) => {
		const input = `${base(header)}.${base(claims)}`;
		return `${input}.${crypto.sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
	};
	const HEADER = { alg: 'ES256', typ: 'JWT' };
	before(async () => {
		instance = await start();
		person = await tallyctlJson(instance)('invite', 'expert', '--name', 'A');
		const read = (round, file) => readFile(path.join(instance.dir, 'keys', round, file), 'utf8');
		keys = {
			own: await read(ROUND, 'bearer.private.pem'),
			public: await read(ROUND, 'bearer.public.pem'),
			real: await read(CONTEST, 'bearer.private.pem'),
			other: await read('two~rehearsal', 'bearer.private.pem'),
		};
	});
	after(() => instance.stop());

	const refused = async (token, detail = /does not verify/, options) => {
		const reply = await me(instance, token, options);
		assertProblem(reply, 401, 'invalid-bearer', detail);
		assert.equal(reply.headers['www-authenticate'], 'Bearer error="invalid_token"');
	};

	test('none at all, or of another scheme', async () => {
		for (const [token, scheme] of [[undefined], ['', 'Bearer'], ['', 'Bearer '], ['dTpw', 'Basic '], [person.token, ''],
			['token="x"', 'PrivateToken ']]) {
			const reply = await me(instance, token, { scheme });
			assertProblem(reply, 401, 'invalid-bearer', /invitation link/);
			assert.doesNotMatch(reply.headers['www-authenticate'], /error/);
		}
	});

	test('made again with the very key: the check can pass', async () => {
		const token = es256(HEADER, claimsOf(person.token), keys.own);
		assert.notEqual(token, person.token);
		assert.equal((await me(instance, token)).status, 200);
	});

	test('good, but of a role that may not', async () => {
		const reply = await instance.get(`/v1/contests/${CONTEST}/progress`, { headers: { Authorization: `Bearer ${person.token}` } });
		assertProblem(reply, 403, 'forbidden', /role/);
	});

	test('forged: by the real round, another contest, a stranger', async () => {
		const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
		for (const key of [keys.real, keys.other, privateKey])
			await refused(es256(HEADER, claimsOf(person.token), key));
	});

	test('of another contest or round', async () => {
		const other = await runProgram(TALLYCTL, ['-c', instance.config, 'invite', 'expert', '--name', 'A', '--contest', 'two', '--json']);
		assert.equal(other.code, 0, other.stderr);
		const { token } = JSON.parse(other.stdout);
		assert.equal((await me(instance, token, { contest: 'two' })).status, 200);
		await refused(token);
		await refused(person.token, undefined, { contest: 'two' });
		for (const change of [{ aud: CONTEST }, { aud: 'two~rehearsal' }, { aud: [ROUND] }, { iss: 'other.example' }])
			await refused(es256(HEADER, { ...claimsOf(person.token), ...change }, keys.own));
	});

	test('expired, to the second', async () => {
		const now = Math.floor(Date.now() / 1000);
		await refused(es256(HEADER, { ...claimsOf(person.token), exp: now }, keys.own), /expired/);
		await refused(es256(HEADER, { ...claimsOf(person.token), exp: 1 }, keys.own), /expired/);
		assert.equal((await me(instance, es256(HEADER, { ...claimsOf(person.token), exp: now + 60 }, keys.own))).status, 200);
	});

	test('superseded, of another role, of nobody', async () => {
		for (const change of [{ jti: 'another' }, { role: 'organiser' }, { sub: 'expert-aaaaaaaa' }])
			await refused(es256(HEADER, { ...claimsOf(person.token), ...change }, keys.own), /revoked or replaced/);
		for (const change of [{ role: 'king' }, { sub: 1 }, { exp: '9999999999' }, { exp: undefined }, { jti: null }])
			await refused(es256(HEADER, { ...claimsOf(person.token), ...change }, keys.own));
	});

	test('alg none, HS256 with the public key as secret, RS256, and headers that choose', async () => {
		const [, payload, signature] = person.token.split('.');
		for (const alg of ['none', 'None', 'NONE', 'nOnE', ''])
			for (const tail of ['', signature, base('x')])
				await refused(`${base({ alg, typ: 'JWT' })}.${payload}.${tail}`);
		for (const alg of ['HS256', 'ES256'])
			for (const secret of [keys.public, keys.public.trim(),
				crypto.createPublicKey(keys.public).export({ type: 'spki', format: 'der' })]) {
				const input = `${base({ alg, typ: 'JWT' })}.${payload}`;
				await refused(`${input}.${crypto.createHmac('sha256', secret).update(input).digest('base64url')}`);
			}
		const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
		for (const alg of ['RS256', 'PS256', 'ES256']) {
			const input = `${base({ alg, typ: 'JWT' })}.${payload}`;
			await refused(`${input}.${crypto.sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`);
		}
		const stranger = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
		for (const [extra, key] of [
			[{ jwk: stranger.publicKey.export({ format: 'jwk' }) }, stranger.privateKey],
			[{ jwk: publicKey.export({ format: 'jwk' }) }, keys.own],
			[{ jku: 'https://evil.example/keys' }, keys.own],
			[{ crit: ['exp'], exp: 1 }, keys.own],
			[{ b64: false }, keys.own],
		])
			await refused(es256({ ...HEADER, ...extra }, claimsOf(person.token), key));
	});

	test('cut, lengthened, changed', async () => {
		const { token } = person;
		for (const other of [token.slice(0, -1), `${token}A`, `${token}=`, `${token}.`, `.${token}`, token.replace('.', ''),
			token.replaceAll('-', '+'), `${token}.${token}`, 'x', 'A'.repeat(5000)].filter((one) => one !== token))
			await refused(other);
		const random = Array.from({ length: 60 }, () => crypto.randomInt(token.length));
		for (const at of random) {
			const changed = token[at] === 'A' ? 'B' : 'A';
			await refused(token.slice(0, at) + changed + token.slice(at + 1));
		}
	});
});

test('without Redis nobody comes in, and is told to ask again', async (t) => {
	const redis = await startRedis(path.join(await makeDirectory(), 'redis'));
	const instance = await start({ redis, settings: { redis: { address: redis.address, deadline: '200ms' } } });
	t.after(async () => {
		redis.signal('SIGCONT');
		await instance.stop();
	});
	const person = await tallyctlJson(instance)('invite', 'expert', '--name', 'A');
	redis.signal('SIGSTOP');
	assertProblem(await me(instance, person.token), 503, 'unavailable', /again/);
	// What needs no Redis is told without it.
	assertProblem(await me(instance, `${person.token}x`), 401, 'invalid-bearer');
	const done = await tallyctl(instance)('people', '--contest', CONTEST);
	assert.equal(done.code, 69, done.stderr);
	redis.signal('SIGCONT');
});
