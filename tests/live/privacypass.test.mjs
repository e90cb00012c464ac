// An independent Privacy Pass client (@cloudflare/privacypass-ts) gets a token and redeems it; and the
// issuer's edges: the same message again, messages out of range, other keys, other sizes.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startInstance } from './lib/instance.mjs';
import { Round, assertProblem, base64url } from './lib/protocol.mjs';

globalThis.crypto ??= crypto.webcrypto; // Node 18
const { PRIVATE_TOKEN_ISSUER_DIRECTORY, TOKEN_TYPES, WWWAuthenticateHeader, AuthorizationHeader,
	MediaType, publicVerif } = await import('@cloudflare/privacypass-ts');

function power(base, exponent, modulus) {
	let result = 1n;
	for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n, b = b * b % modulus)
		if (e & 1n)
			result = result * b % modulus;
	return result;
}

const toNumber = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (number) => Buffer.from(number.toString(16).padStart(512, '0'), 'hex');

describe('tokens', () => {
	let instance, round, modulus;
	before(async () => {
		instance = await startInstance();
		round = new Round(instance);
		modulus = toNumber(Buffer.from(round.publicKey.export({ format: 'jwk' }).n, 'base64url'));
	});
	after(() => instance.stop());

	const ask = (body, { target = `${round.path}/tokens`, headers } = {}) =>
		instance.request('POST', target, { body, headers: headers ?? { 'Content-Type': MediaType.PRIVATE_TOKEN_REQUEST } });
	const tokenRequest = (blinded, { type = 2, key = round.keyId[31] } = {}) =>
		Buffer.concat([Buffer.from([type >> 8, type & 255, key]), blinded]);
	const anyMessage = () => toBytes(toNumber(crypto.randomBytes(256)) % modulus);

	test('the library issues through the directory and redeems', async () => {
		const directory = await instance.get(PRIVATE_TOKEN_ISSUER_DIRECTORY);
		assert.equal(directory.status, 200);
		assert.equal(directory.headers['content-type'], MediaType.PRIVATE_TOKEN_ISSUER_DIRECTORY);
		assert.equal(directory.json['issuer-request-uri'], '/v1/tokens');
		const keys = directory.json['token-keys'];
		assert.deepEqual(keys.map((key) => key['token-type']), [TOKEN_TYPES.BLIND_RSA.value]);

		const challenged = await instance.get(`${round.path}/challenge`);
		assert.equal(challenged.status, 200);
		const [header] = WWWAuthenticateHeader.parse(challenged.headers['www-authenticate']);
		assert.equal(base64url(header.tokenKey), keys[0]['token-key']);

		for (const target of [directory.json['issuer-request-uri'], `${round.path}/tokens`]) {
			const client = new publicVerif.Client(publicVerif.BlindRSAMode.PSS);
			const request = await client.createTokenRequest(header.challenge, header.tokenKey);
			const issued = await ask(Buffer.from(request.serialize()), { target });
			assert.equal(issued.status, 200, issued.text);
			assert.equal(issued.headers['content-type'], MediaType.PRIVATE_TOKEN_RESPONSE);
			assert.equal(issued.headers['cache-control'], 'no-store');
			const token = await client.finalize(client.deserializeTokenResponse(new Uint8Array(issued.bytes)));
			const authorization = new AuthorizationHeader(token).toString(true);
			const cast = await round.cast(Buffer.from(token.serialize()), { choices: ['upstage'] },
				{ headers: { Authorization: authorization } });
			assert.equal(cast.status, 201, cast.text);
			round.checkReceipt(cast.json, Buffer.from(token.serialize()), 'choices\nupstage\n');
		}
	});

	test('the challenge is the fixed one, and the key id that of the 342 bytes', async () => {
		const reply = await instance.get(`${round.path}/challenge`);
		const { json } = reply;
		assert.equal(json.challenge, base64url(round.challenge));
		assert.equal(json.token_key, base64url(round.spki));
		assert.equal(json.token_key_id, round.keyId.toString('hex'));
		assert.equal(reply.headers['www-authenticate'],
			`PrivateToken challenge="${json.challenge}", token-key="${json.token_key}"`);
		const site = instance.site.contests[0];
		assert.equal(site.token_key, json.token_key);
		assert.equal(site.token_key_id, json.token_key_id);
		assert.equal(site.rules_hash, (await instance.get(round.path)).json.rules_hash);
	});

	test('the same blinded message gets the same answer and is counted once', async () => {
		const redis = instance.redisClient();
		const issued = async () => Number(await redis.get(`{${round.name}/0}:issued`) ?? 0);
		const blinded = anyMessage();
		const before = await issued();
		const first = await ask(tokenRequest(blinded));
		const second = await ask(tokenRequest(blinded), { target: '/v1/tokens' });
		assert.equal(first.status, 200, first.text);
		assert.equal(second.status, 200, second.text);
		assert.equal(first.bytes.length, 256);
		assert.deepEqual(first.bytes, second.bytes);
		assert.equal(power(toNumber(first.bytes), 65537n, modulus), toNumber(blinded));
		assert.equal(await issued() - before, 1);
	});

	test('a hundred at once for one message: one answer', async () => {
		const body = tokenRequest(anyMessage());
		const replies = await Promise.all(Array.from({ length: 100 }, () => ask(body)));
		const answered = replies.filter((reply) => reply.status === 200);
		assert.ok(answered.length > 0);
		for (const reply of replies)
			if (reply.status !== 200) // a full queue may say so, and nothing else
				assertProblem(reply, 503, 'busy');
		assert.equal(new Set(answered.map((reply) => reply.text)).size, 1);
	});

	describe('refused', () => {
		const cases = [
			['a message of n', () => tokenRequest(toBytes(modulus)), 422, 'invalid-token-request'],
			['a message above n', () => tokenRequest(Buffer.alloc(256, 255)), 422, 'invalid-token-request'],
			['another token type', () => tokenRequest(anyMessage(), { type: 1 }), 422, 'invalid-token-request'],
			['a key that is not here', () => tokenRequest(anyMessage(), { key: round.keyId[31] ^ 1 }), 422, 'unknown-token-key'],
			['one byte too few', () => tokenRequest(anyMessage().subarray(1)), 422, 'invalid-token-request'],
			['one byte too many', () => Buffer.concat([tokenRequest(anyMessage()), Buffer.alloc(1)]), 422, 'invalid-token-request'],
			['nothing', () => Buffer.alloc(0), 422, 'invalid-token-request'],
			['2 KB', () => Buffer.alloc(2048), 413, 'too-large'],
		];
		for (const [what, body, status, slug] of cases)
			for (const where of ['contest', 'issuer'])
				test(`${what} (${where})`, async () => {
					const target = where === 'issuer' ? '/v1/tokens' : `${round.path}/tokens`;
					assertProblem(await ask(body(), { target }), status, slug);
				});
		test('another media type', async () => {
			const headers = { 'Content-Type': 'application/octet-stream' };
			assertProblem(await ask(tokenRequest(anyMessage()), { headers }), 415, 'unsupported-media-type');
		});
		test('a contest that is not here', async () => {
			assertProblem(await ask(tokenRequest(anyMessage()), { target: '/v1/contests/nobody/tokens' }),
				404, 'no-such-contest');
		});
	});
});
