// Logging in at an OpenID Provider, a certified one: once each, bound to the browser, and nothing is issued for what a
// provider, or whoever stands between, gets wrong.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as jose from 'jose';
import YAML from 'yaml';
import { finishToken, issuerOf, requestToken } from '../../static/js/privacypass.js';
import { definitionOf } from '../verifier/check-published.mjs';
import { readContest } from '../verifier/check-contest.mjs';
import { TALLYD, contestDocument, eventually, runProgram } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { CLIENT, EXAMPLE, Visitor, ended, newKey, startSigningIn } from './lib/provider.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const LOGINS = Number(process.env.TEST_LOGINS ?? 500);
/** Every algorithm that has a public key, and how a login with it ends. */
const ALGORITHMS = { RS256: null, RS384: null, RS512: null, PS256: null, PS384: null, PS512: null, ES256: null, ES384: null, ES512: null,
	EdDSA: 'provider-error', ES256K: 'provider-error' };

describe('logging in', () => {
	let provider, instance, round, origin, start;
	before(async () => {
		const keys = await Promise.all(Object.keys(ALGORITHMS).map((alg) => newKey(alg, alg)));
		({ instance, provider } = await startSigningIn({ keys, settings: { token_rate: { per_minute: 0, burst: 1 } } })); // all browsers are at one address
		origin = instance.url;
		round = new Round(instance);
		start = `${origin}/login?contest=citizens&provider=pass&lang=ko`;
	});
	after(async () => {
		await instance?.stop();
		await provider?.stop();
	});
	beforeEach(() => {
		provider.tamper = provider.gate = null;
	});

	const ask = async (bearer, request) => (request ?? await passRequest(round)).ask(bearer);

	test('settings that do not fit the contest are refused, with the remedy', async () => {
		const text = await readFile(instance.config, 'utf8');
		for (const [change, why] of [[(all) => { all.providers[0].id = 'other'; }, /names the provider "pass", which is not in "providers"/],
			[(all) => { all.providers[0].claims = ['ci', 'birthdate']; }, /asks for the claim "nation", which the provider "pass" does not give/],
			[(all) => { all.providers[0].claims = ['birthdate', 'nation']; }, /asks for the claim "ci", which the provider "pass" does not give/],
			[(all) => { all.public_url = ''; }, /set "public_url"/], [() => {}, null]]) {
			const settings = YAML.parse(text);
			change(settings);
			const file = path.join(instance.dir, 'changed.yaml');
			await writeFile(file, YAML.stringify(settings));
			const { code, stderr } = await runProgram(TALLYD, ['-c', file, '--check-config']);
			assert.equal(code, why ? 78 : 0, stderr);
			if (why) assert.match(stderr, why);
		}
	});

	test('two providers: each must say who somebody is, by a claim that both give alike', async () => {
		const settings = YAML.parse(await readFile(instance.config, 'utf8'));
		const check = async (claims, personClaim) => {
			const contest = path.join(instance.dir, 'two.yaml'), file = path.join(instance.dir, 'changed.yaml');
			await writeFile(contest, YAML.stringify(await contestDocument(EXAMPLE, { identity: { person_claim: personClaim,
				providers: ['pass', 'card'].map((id) => ({ id, name: { ko: '가', en: 'a' } })) } })));
			await writeFile(file, YAML.stringify({ ...settings, contests: [contest], providers: [...settings.providers, { ...structuredClone(settings.providers[0]), id: 'card', claims }] }));
			return runProgram(TALLYD, ['-c', file, '--check-config']);
		};
		for (const [claims, personClaim, why] of [
			[['birthdate', 'nation'], 'ci', /asks for the claim "ci", which the provider "card" does not give; name it in "claims" of that provider/],
			[['ci', 'birthdate', 'nation'], 'sub', /two\.yaml:\d+:\d+: "sub" is another one at each provider, so one person could vote at several/],
			[['di', 'birthdate', 'nation'], 'di', /asks for the claim "di", which the provider "pass" does not give/],
			[['ci', 'birthdate', 'nation'], 'acr', /two\.yaml:\d+:\d+: "acr" says how somebody was identified, not who/],
			[['ci', 'birthdate', 'nation'], 'ci', null],
		]) {
			const { code, stderr } = await check(claims, personClaim);
			assert.equal(code, why ? 78 : 0, stderr);
			if (why) assert.match(stderr, why);
		}
	});

	test('the definition says who is admitted, as the contest file does', async () => {
		const { identity, admission } = (await instance.get(round.path)).json;
		const expected = definitionOf(readContest(await readFile(EXAMPLE), true));
		assert.equal(admission, 'oidc');
		assert.deepEqual(identity, expected.identity);
	});

	test('somebody logs in, and has one token', async () => {
		const visitor = new Visitor();
		const { page, admission } = await visitor.login(start, 'kim');
		assert.equal(page, '/vote/?contest=citizens');
		assert.equal([...visitor.cookies.values()].some(({ name }) => name === 'tallyd-login'), false, 'the cookie has served');
		const request = await passRequest(round);
		const issued = await ask(admission, request);
		const token = await request.finish(issued);
		assert.deepEqual((await ask(admission, request)).bytes, issued.bytes);
		assertProblem(await ask(admission), 409, 'already-issued');
		// Another browser, the same person: the lost answer is given again, another request is not signed.
		const again = await new Visitor().login(`${start}&device=shared`, 'kim');
		assert.equal(again.page, '/vote/?contest=citizens&shared=1');
		assert.deepEqual((await ask(again.admission, request)).bytes, issued.bytes);
		assertProblem(await ask(again.admission), 409, 'already-issued');
		const cast = await round.cast(token, { choices: ['park'] });
		assert.equal(cast.status, 201, cast.text);
	});

	test('in English the way back is English', async () => {
		const { page, admission } = await new Visitor().login(start.replace('lang=ko', 'lang=en'), 'lee');
		assert.equal(page, '/en/vote/?contest=citizens');
		assert.ok(admission);
	});

	test('who may not vote, or does not say who they are, is told why', async () => {
		for (const [name, why] of [['young', 'not-eligible'], ['guest', 'not-eligible'], ['silent', 'claim-missing'], ['nobody', 'claim-missing']])
			assert.deepEqual(await new Visitor().login(start, name), { page: '/vote/?contest=citizens', login: why }, name);
		assert.equal((await new Visitor().login(start, 'kim', { acr: 'weak' })).login, 'too-weak');
		assert.equal((await new Visitor().login(start, 'kim', { act: 'out' })).login, 'cancelled');
	});

	test('a login ends in the browser that began it, once', async () => {
		const visitor = new Visitor();
		const back = await visitor.signIn(start, 'kim');
		assert.equal(ended(await new Visitor().go(back)).login, 'other-browser');
		// Somebody who is lured to the end of another's login has a cookie of their own.
		const lured = new Visitor();
		await lured.go(start);
		assert.equal(ended(await lured.go(back)).login, 'other-browser');
		const changed = new URL(back);
		changed.searchParams.set('state', changed.searchParams.get('state').replace(/.$/, (sign) => sign === 'A' ? 'B' : 'A'));
		assert.equal(ended(await visitor.go(changed.href)).login, 'other-browser');
		// The cookie of the login went with that answer; a copy of it still ends the login, and only once.
		const second = new Visitor(), end = await second.signIn(start, 'kim');
		const copy = new Map(second.cookies);
		assert.ok(ended(await second.go(end)).admission);
		assert.equal(ended(await second.go(end)).login, 'other-browser');
		second.cookies = copy;
		assert.equal(ended(await second.go(end)).login, 'login-expired'); // the provider takes a code once
		assert.equal((await new Visitor().go(`${origin}/login/callback?code=x`)).status, 400);
	});

	test('another issuer in the answer is refused (RFC 9207)', async () => {
		const visitor = new Visitor(), back = new URL(await visitor.signIn(start, 'kim'));
		back.searchParams.set('iss', 'http://127.0.0.1:1');
		assert.equal(ended(await visitor.go(back.href)).login, 'provider-error');
	});

	test('the request is what the standards ask for', async () => {
		const { location, headers } = await new Visitor().go(`${start}&device=shared`);
		const query = Object.fromEntries(new URL(location).searchParams);
		assert.deepEqual({ ...query, state: 0, nonce: 0, code_challenge: 0 }, { response_type: 'code', client_id: CLIENT.id, redirect_uri: `${origin}/login/callback`,
			scope: 'openid person', state: 0, nonce: 0, code_challenge: 0, code_challenge_method: 'S256', ui_locales: 'ko', acr_values: 'strong', prompt: 'login' });
		const [cookie] = headers.getSetCookie();
		assert.match(cookie, /^tallyd-login=v1\.citizens\.pass\.ks\.\d+\.[\w-]{22}\.[\w-]{43}; Path=\/login\/callback; Max-Age=900; HttpOnly; SameSite=Lax$/);
		assert.equal(headers.get('cache-control'), 'no-store');
		assert.equal(headers.get('referrer-policy'), 'no-referrer');
		for (const secret of [query.state, query.nonce, query.code_challenge]) assert.equal(cookie.includes(secret), false);
	});

	test('where the pages are at https, the cookie goes nowhere else; who begins too often is told so on the page', async (t) => {
		const strict = await startSigningIn({ settings: { public_url: 'https://vote.example', token_rate: { per_minute: 1, burst: 3 } } });
		t.after(() => strict.instance.stop().finally(() => strict.provider.stop()));
		const begin = () => strict.instance.get('/login?contest=citizens&provider=pass&lang=en');
		for (let i = 0; i < 3; i++) {
			const { status, headers } = await begin();
			assert.equal(status, 303);
			assert.match(headers['set-cookie'][0], /; HttpOnly; Secure; SameSite=Lax$|; HttpOnly; SameSite=Lax; Secure$/);
			assert.equal(new URL(headers.location).searchParams.get('redirect_uri'), 'https://vote.example/login/callback');
		}
		assert.equal((await begin()).headers.location, 'https://vote.example/en/vote/?contest=citizens#login=too-many-requests');
	});

	test('who comes back too often is told so on the page, and the provider is not asked', async (t) => {
		const strict = await startSigningIn({ settings: { trusted_proxies: ['127.0.0.1'], token_rate: { per_minute: 1, burst: 1 } } });
		t.after(() => strict.instance.stop().finally(() => strict.provider.stop()));
		const visitor = new Visitor(), back = await visitor.signIn(`${strict.instance.url}/login?contest=citizens&provider=pass&lang=ko`, 'kim');
		const cookies = new Map(visitor.cookies);
		const comeBack = async (address) => {
			visitor.cookies = new Map(cookies);
			return ended(await visitor.go(back, { headers: { 'x-forwarded-for': address } }));
		};
		const asked = () => strict.provider.requests.filter((line) => line === 'POST /token').length;
		assert.ok((await comeBack('192.0.2.1')).admission);
		assert.equal(asked(), 1);
		assert.deepEqual(await comeBack('192.0.2.1'), { page: '/vote/?contest=citizens', login: 'too-many-requests' });
		assert.equal(asked(), 1);
		assert.equal((await comeBack('192.0.2.2')).login, 'login-expired'); // the provider takes a code once
		assert.equal(asked(), 2);
	});

	test('an address that names nothing is refused', async () => {
		for (const [query, slug] of [['contest=nobody&provider=pass', 'no-such-contest'], ['provider=pass', 'no-such-contest'], ['contest=citizens', 'no-such-provider'],
			['contest=citizens&provider=other', 'no-such-provider'], ['contest=citizens&contest=citizens&provider=pass', 'no-such-contest'], [`contest=citizens&provider=${'p'.repeat(500)}`, 'no-such-provider']])
			assertProblem(await instance.get(`/login?${query}`), 404, slug);
	});

	/** Signs the ID token anew, with the provider's own key unless another is given. */
	const signed = (change, { key, header = {} } = {}) => async (body, [own]) => {
		if (!body.id_token) return body;
		const claims = jose.decodeJwt(body.id_token);
		change(claims);
		const signing = key ?? await jose.importJWK(own, 'RS256');
		return { ...body, id_token: await new jose.SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: own.kid, ...header }).sign(signing) };
	};
	const unsigned = (header) => (body) => {
		const [, claims] = body.id_token.split('.');
		return { ...body, id_token: `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.` };
	};
	const now = () => Math.floor(Date.now() / 1000);

	const wrong = [
		['a good one, signed by the test', signed(() => {}), null],
		['another nonce', signed((claims) => { claims.nonce = 'another'; }), 'provider-error'],
		['no nonce', signed((claims) => { delete claims.nonce; }), 'provider-error'],
		['another audience', signed((claims) => { claims.aud = 'another'; }), 'provider-error'],
		['two audiences without azp', signed((claims) => { claims.aud = [CLIENT.id, 'another']; }), 'provider-error'],
		['another azp', signed((claims) => { claims.azp = 'another'; }), 'provider-error'],
		['another issuer', signed((claims) => { claims.iss = 'https://id.example'; }), 'provider-error'],
		['expired', signed((claims) => { claims.exp = now() - 61; }), 'login-expired'],
		['of long ago', signed((claims) => { claims.iat = now() - 3600; }), 'login-expired'],
		['of the future', signed((claims) => { claims.iat = now() + 120; }), 'provider-error'],
		['the algorithm none', unsigned({ alg: 'none' }), 'provider-error'],
		['the algorithm none, and a key', unsigned({ alg: 'none', kid: 'RS256' }), 'provider-error'],
		['HS256 with the public key as secret', async (body, keys) => {
			const { e, n, kty } = keys[0];
			const pem = crypto.createPublicKey({ key: { e, n, kty }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
			return signed(() => {}, { key: Buffer.from(pem), header: { alg: 'HS256' } })(body, keys);
		}, 'provider-error'],
		...['HS256', 'HS384', 'HS512'].map((alg) =>
			[`${alg} with the client secret`, signed(() => {}, { key: Buffer.from(CLIENT.secret.padEnd(64)), header: { alg } }), 'provider-error']),
		...Object.entries(ALGORITHMS).map(([alg, why]) => [`${alg}, and the provider's key for it`, async (body, keys) =>
			signed(() => {}, { key: await jose.importJWK(keys.find(({ kid }) => kid === alg), alg), header: { alg, kid: alg } })(body, keys), why]),
		['a stranger\'s key', async (body, keys) => signed(() => {}, { key: (await jose.generateKeyPair('RS256')).privateKey })(body, keys), 'provider-error'],
		['a key that nobody has', (body, keys) => signed(() => {}, { header: { kid: 'lost' } })(body, keys), 'provider-error'],
		['a byte changed', (body) => ({ ...body, id_token: body.id_token.replace(/.(.{10})$/, (_, rest) => `${_[0] === 'A' ? 'B' : 'A'}${rest}`) }), 'provider-error'],
		['cut', (body) => ({ ...body, id_token: body.id_token.slice(0, -9) }), 'provider-error'],
		['no token', (body) => ({ access_token: body.access_token, token_type: 'Bearer' }), 'provider-error'],
	];
	for (const [name, tamper, why] of wrong)
		test(`a token with ${name}`, async () => {
			provider.tamper = tamper;
			const end = await new Visitor().login(start, 'kim');
			assert.deepEqual({ login: end.login ?? null, admitted: Boolean(end.admission) }, { login: why, admitted: !why });
		});

	test('keys that were changed are read again', async () => {
		await provider.rotate('second');
		await eventually(async () => (await new Visitor().login(start, 'kim')).admission, 'a login with the new key', 30_000);
	});

	test('a slow provider, and one that breaks off: it is down, the voter is not refused', async (t) => {
		const slow = await startSigningIn({ settings: { provider_deadline: '1s' } });
		t.after(() => slow.instance.stop().finally(() => slow.provider.stop()));
		const login = () => new Visitor().login(`${slow.instance.url}/login?contest=citizens&provider=pass&lang=ko`, 'kim');
		slow.provider.gate = () => new Promise(() => {});
		assert.equal((await login()).login, 'provider-down');
		slow.provider.gate = (req) => req.socket.destroy();
		assert.equal((await login()).login, 'provider-down');
		slow.provider.gate = null;
		await eventually(async () => (await login()).admission, 'a login');
	});

	test('a provider that is not there: the voter is told that it is down, the organiser what could not be read', async (t) => {
		const lonely = await startSigningIn();
		t.after(() => lonely.instance.stop());
		await lonely.provider.stop();
		const reply = await new Visitor().go(`${lonely.instance.url}/login?contest=citizens&provider=pass&lang=ko`);
		assert.equal(ended(reply).login, 'provider-down');
		await eventually(() => /provider http:\S+: configuration: .*; asked again after \d+ s/.test(lonely.instance.stderr), 'what the log says of it');
	});

	test('what a login ends with admits to this round alone, unchanged', async () => {
		const { admission } = await new Visitor().login(start, 'lee');
		for (const bearer of [null, 'x', admission.slice(1), `${admission.slice(0, -2)}AA`, 'A'.repeat(75)])
			assertProblem(await ask(bearer), 401, 'not-admitted');
	});

	test(`${LOGINS} logins of one person at once, each in a browser of its own: one token`, async (t) => {
		const began = performance.now(), keys = await issuerOf(instance.site.contests[0]);
		const browsers = await Promise.all(Array.from({ length: LOGINS }, async () => ({ made: await requestToken(keys), end: await new Visitor().login(start, 'lee') })));
		t.diagnostic(`${LOGINS} logins in ${((performance.now() - began) / 1000).toFixed(1)} s`);
		assert.deepEqual(browsers.filter(({ end }) => !end.admission).map(({ end }) => end), []);
		const replies = await Promise.all(browsers.map(({ made, end }) => instance.request('POST', `${round.path}/tokens`, { body: Buffer.from(made.request),
			headers: { 'Content-Type': 'application/private-token-request', 'Authorization': `Bearer ${end.admission}` } })));
		const good = replies.findIndex(({ status }) => status === 200);
		assert.notEqual(good, -1, replies[0].text);
		assert.equal((await finishToken(keys, browsers[good].made, new Uint8Array(replies[good].bytes))).length, 354);
		for (const [i, reply] of replies.entries()) if (i !== good) assertProblem(reply, 409, 'already-issued');
	});

	test('nothing that is kept says who somebody is', async () => {
		const client = instance.redisClient();
		const values = [];
		for (const key of await client.keys('*')) values.push(key, (await client.dump(key).catch(() => null))?.toString('latin1') ?? '');
		const all = values.join('\n') + instance.stderr + await readFile(path.join(instance.dir, 'access.log'), 'latin1');
		for (const trace of ['ci-of-', 'kim', '1990-05-01', 'admission=', 'code=', 'state='])
			assert.equal(all.includes(trace), false, trace);
	});
});
