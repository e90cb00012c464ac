// Assertions that an organiser's own gateway signs: the bearer of the token request. Good ones, and everything that a
// signature, a claim or a clock can get wrong; jose signs.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as jose from 'jose';
import YAML from 'yaml';
import { AUDIENCE, now, startMembers } from './lib/gateway.mjs';
import { ROOT, TALLYCTL, TALLYD, runProgram } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Round, assertProblem, spentOf } from './lib/protocol.mjs';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'], UNTAKEN = ['EdDSA', 'ES256K'];
const PAGE = 'https://members.example/identify';

describe('assertions', () => {
	let instance, round, keys, somebody, claims, sign;
	before(async () => {
		({ instance, keys, somebody, claims, sign } = await startMembers({ algorithms: [...ALGORITHMS, ...UNTAKEN], url: PAGE }));
		round = new Round(instance);
	});
	after(() => instance?.stop());

	const ask = async (bearer, request) => (request ?? await passRequest(round)).ask(bearer);

	for (const alg of ALGORITHMS)
		test(`${alg}: admits once, and the vote counts`, async () => {
			const member = somebody(), request = await passRequest(round);
			const issued = await ask(await sign({ member }, { alg }), request);
			const token = await request.finish(issued);
			assert.deepEqual((await ask(await sign({ member }), request)).bytes, issued.bytes, 'the lost answer is given again');
			assertProblem(await ask(await sign({ member })), 409, 'already-issued');
			round.recorded.add(spentOf(token).toString('hex'));
			assert.equal((await round.cast(token, { choices: ['solar'] })).status, 201);
		});

	const pemOf = (key) => (key.export ? key : crypto.KeyObject.from(key)).export({ type: 'spki', format: 'pem' });
	const unsigned = (header) => () => `${[header, claims()].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
	const wrong = [
		['nothing', () => null, 401, 'not-admitted'],
		['no token', () => 'x', 401, 'not-admitted'],
		['a stranger\'s key', async () => sign({}, { key: (await jose.generateKeyPair('ES256')).privateKey }), 401, 'not-admitted'],
		['a key that nobody has', () => sign({}, { kid: 'lost' }), 401, 'not-admitted'],
		['the algorithm none', unsigned({ alg: 'none' }), 401, 'not-admitted'],
		['the algorithm none, and a key', unsigned({ alg: 'none', kid: 'ES256' }), 401, 'not-admitted'],
		...['HS256', 'HS384', 'HS512'].map((alg) => [`${alg} with the public key as secret`, () => sign({}, { alg, kid: 'RS256', key: Buffer.from(pemOf(keys.RS256.publicKey)) }), 401, 'not-admitted']),
		...UNTAKEN.map((alg) => [`the algorithm ${alg}, and the gateway's key for it`, () => sign({}, { alg }), 401, 'not-admitted']),
		['another algorithm than the key\'s', () => sign({}, { alg: 'PS256', kid: 'RS256' }), 401, 'not-admitted'],
		['a byte changed', async () => (await sign({})).replace(/.(.{10})$/, (all, rest) => `${all[0] === 'A' ? 'B' : 'A'}${rest}`), 401, 'not-admitted'],
		['another audience', () => sign({ aud: 'https://other.example' }), 401, 'not-admitted'],
		['two audiences', () => sign({ aud: [AUDIENCE, 'https://other.example'] }), 401, 'not-admitted'],
		['another issuer', () => sign({ iss: 'https://other.example' }), 401, 'not-admitted'],
		['no issuer', () => sign({ iss: undefined }), 401, 'not-admitted'],
		['expired', () => sign({ iat: now() - 300, exp: now() - 61 }), 401, 'admission-expired'],
		['of long ago', () => sign({ iat: now() - 3600, exp: now() + 60 }), 401, 'admission-expired'],
		['for too long', () => sign({ exp: now() + 3600 }), 401, 'not-admitted'],
		['without an end', () => sign({ exp: undefined }), 401, 'not-admitted'],
		['of the future', () => sign({ iat: now() + 120, exp: now() + 200 }), 401, 'not-admitted'],
		['not before', () => sign({ nbf: now() + 120 }), 401, 'not-admitted'],
		['without the person', () => sign({ member: undefined }), 401, 'not-admitted'],
		['an empty person', () => sign({ member: '' }), 401, 'not-admitted'],
		['without the claim that decides', () => sign({ status: undefined }), 401, 'not-admitted'],
		['not eligible', () => sign({ status: 'guest' }), 403, 'not-eligible'],
	];
	for (const [name, make, status, slug] of wrong)
		test(`refused: ${name}`, async () => {
			assertProblem(await ask(await make()), status, slug);
		});

	test('the log tells once what is the matter: it may be the settings', () => {
		const lines = instance.stderr.split('\n').filter((line) => line.includes('somebody was not admitted: '));
		assert.ok(lines.length >= 1 && lines.length <= 2, lines.join('\n')); // a worker each, here two at most
	});

	test('100 at once of one person: one token', async () => {
		const member = somebody();
		const requests = await Promise.all(Array.from({ length: 10 }, () => passRequest(round)));
		const replies = await Promise.all(Array.from({ length: 100 }, async (_, i) => ({ i, reply: await requests[i % 10].ask(await sign({ member })) })));
		const good = replies.filter(({ reply }) => reply.status === 200);
		assert.equal(new Set(good.map(({ i }) => i % 10)).size, 1);
		assert.equal(good.length, 10);
		for (const { reply } of replies) if (reply.status !== 200) assertProblem(reply, 409, 'already-issued');
	});

	const checkWith = async (change) => {
		const settings = YAML.parse(await readFile(instance.config, 'utf8')), file = path.join(instance.dir, 'changed.yaml');
		change(settings, settings.gateways[0]);
		await writeFile(file, YAML.stringify(settings));
		return { file, ...await runProgram(TALLYD, ['-c', file, '--check-config']) };
	};
	const file = async (name, text) => {
		await writeFile(path.join(instance.dir, name), text);
		return name;
	};
	const bad = [
		['that is not there', () => 'none.json', /gateway "cooperative", .*none\.json, No such file/],
		['that is no JSON', () => file('text.json', 'keys'), /are no JWK Set/],
		['without a public key', () => file('secret.json', JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })), /have no public key for signatures/],
		['of EdDSA alone', async () => file('ed.json', JSON.stringify({ keys: [crypto.generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })] })), /have no public key for signatures/],
	];
	for (const [what, make, why] of bad)
		test(`--check-config finds a key set ${what}, and so does a start`, async () => {
			const keysFile = await make();
			const { file: config, code, stderr } = await checkWith((settings, gateway) => { gateway.keys = keysFile; });
			assert.equal(code, 78, stderr);
			assert.match(stderr, why);
			const started = await runProgram(TALLYD, ['-c', config]);
			assert.equal(started.code, 78);
			assert.match(started.stderr, why);
		});

	test('the settings must fit the contest; a server that does not issue needs no gateway\'s keys', async () => {
		for (const [change, why] of [
			[(all, gateway) => { gateway.id = 'other'; }, /names the gateway "cooperative", which is not in "gateways"/],
			[(all, gateway) => { gateway.claims = ['member']; }, /asks for the claim "status", which the gateway "cooperative" does not give/],
			[(all, gateway) => { gateway.url = 'http://members.example'; }, /url.*https/],
			[(all, gateway) => { gateway.url = `${PAGE}?a`; }, /url.*https/],
			[(all) => Object.assign(all, { roles: ['ballots', 'tally'], gateways: [] }), null],
			[() => {}, null],
		]) {
			const { code, stderr } = await checkWith(change);
			assert.equal(code, why ? 78 : 0, stderr);
			if (why) assert.match(stderr, why);
		}
	});

	test('pages are told where the gateway is, where that is known', async () => {
		assert.deepEqual(instance.site.contests[0].gateways, { cooperative: PAGE });
		const { file: config } = await checkWith((settings, gateway) => { gateway.url = ''; });
		const dir = path.join(instance.dir, 'other-site');
		const { code, stderr } = await runProgram(TALLYCTL, ['-c', config, 'site', '--from', path.join(ROOT, 'static'), dir]);
		assert.equal(code, 0, stderr);
		assert.deepEqual(JSON.parse(await readFile(path.join(dir, 'site.json'), 'utf8')).contests[0].gateways, {});
		await rm(dir, { recursive: true });
	});
});
