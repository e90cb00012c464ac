// What is not exactly a token of this round is 401, and none of it is counted.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { contestDocument, makeDirectory, realRound, startInstance } from './lib/instance.mjs';
import { Round, assertProblem, base64url, challengeBytes, randomFrom } from './lib/protocol.mjs';

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();

describe('tokens that are not', () => {
	const ballot = { choices: ['upstage'] };
	let instance, round, other;
	before(async () => {
		// Two contests in one daemon; and the real rounds' keys beside the rehearsals'.
		const dir = await makeDirectory();
		const contests = [];
		for (const id of ['one', 'two']) {
			const file = path.join(dir, `${id}.yaml`);
			await writeFile(file, YAML.stringify(await contestDocument(undefined, { id })));
			contests.push(file);
		}
		instance = await startInstance({ dir, contests });
		round = new Round(instance, 'one');
		other = new Round(instance, 'two');
	});
	after(async () => {
		try {
			for (const { id } of [round, other])
				assert.equal((await instance.tally(id)).ballots, 0);
		} finally {
			await instance.stop();
		}
	});

	const refused = async (token, into = round) =>
		assertProblem(await into.cast(token, ballot), 401, 'invalid-token');

	test('one bit flipped in every byte', async (t) => {
		const random = randomFrom(t);
		const token = round.mint();
		const flips = Array.from(token, (_, byte) => [byte, 1 << random.below(8)]);
		// All bits of the type, and of what is compared before the signature, are cheap.
		for (const byte of [0, 1, 34, 65, 66, 97])
			for (let bit = 0; bit < 8; bit++)
				flips.push([byte, 1 << bit]);
		await Promise.all(flips.map(async ([byte, mask]) => {
			const flipped = Buffer.from(token);
			flipped[byte] ^= mask;
			await refused(flipped).catch((error) => {
				throw new Error(`byte ${byte} ^ ${mask}`, { cause: error });
			});
		}));
	});

	test('validly signed, but of another type', async () => {
		for (const type of [0, 1, 3, 0xda7a, 0x0200])
			await refused(round.mint({ type }));
	});
	test('validly signed, but for another challenge', async () => {
		await refused(round.mint({ challengeDigest: crypto.randomBytes(32) }));
		await refused(round.mint({ challengeDigest: Buffer.alloc(32) }));
		const real = challengeBytes({ contest: round.id, rehearsal: false, keyId: round.keyId,
			issuerName: instance.site.contests[0].issuer_name, originInfo: instance.site.contests[0].origin_info });
		assert.notDeepEqual(real, round.challenge);
		await refused(round.mint({ challengeDigest: sha256(real) }));
	});
	test('validly signed, but with another key id', async () => {
		await refused(round.mint({ keyId: crypto.randomBytes(32) }));
		await refused(round.mint({ keyId: other.keyId }));
	});
	test('signed with another key', async () => {
		await refused(round.mint({ privateKey: other.privateKey }));
	});
	test('of another contest', async () => {
		await refused(other.mint());
		await refused(round.mint(), other);
		await refused(other.mint({ challengeDigest: sha256(round.challenge) }));
	});
	test('signed as the other RSA schemes sign', async () => {
		const input = round.mint().subarray(0, 98);
		for (const [hash, options] of [
			['sha384', { padding: crypto.constants.RSA_PKCS1_PADDING }],
			['sha384', { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
			['sha384', { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 0 }],
			['sha256', { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }],
		])
			await refused(Buffer.concat([input, crypto.sign(hash, input, { key: round.privateKey, ...options })]));
	});

	describe('an Authorization that holds no token', () => {
		const good = () => base64url(round.mint());
		for (const [what, value] of [
			['none', () => undefined],
			['another scheme', () => `Bearer ${good()}`],
			['no parameter', () => 'PrivateToken'],
			['an empty token', () => 'PrivateToken token=""'],
			['an unclosed quote', () => `PrivateToken token="${good()}`],
			['another parameter', () => `PrivateToken tokens="${good()}"`],
			['two tokens', () => `PrivateToken token="${good()}", token="${good()}"`],
			['text after it', () => `PrivateToken token="${good()}" x`],
			['one byte less', () => `PrivateToken token="${base64url(round.mint().subarray(1))}"`],
			['one byte more', () => `PrivateToken token="${base64url(Buffer.concat([round.mint(), Buffer.alloc(1)]))}"`],
			['a space inside', () => `PrivateToken token="${good().replace(/^..../, '$& ')}"`],
			['the other base64 alphabet', () => `PrivateToken token="+/${good().slice(2)}"`],
		])
			test(what, async () => {
				const authorization = value();
				const headers = { 'Content-Type': 'application/json' };
				if (authorization !== undefined)
					headers.Authorization = authorization;
				assertProblem(await instance.request('POST', `${round.path}/ballots`,
					{ headers, body: JSON.stringify(ballot) }), 401, 'invalid-token');
			});
	});
});

describe('a rehearsal and the real round', () => {
	test('keep their tokens apart', async (t) => {
		// The real round, open now as a demonstration, and the rehearsal of the same file.
		const options = realRound(Date.now() - 86400_000, Date.now() + 86400_000);
		const [rehearsal, real] = await Promise.all([startInstance({ ...options, rehearsal: true }), startInstance(options)]);
		t.after(() => rehearsal.stop());
		t.after(() => real.stop());
		const rounds = [new Round(rehearsal), new Round(real)];
		assert.equal((await rehearsal.tally(rounds[0].id)).rehearsal, true);
		assert.equal((await real.tally(rounds[1].id)).rehearsal, false);
		assert.equal((await real.tally(rounds[1].id)).demonstration, true);
		for (const [here, there] of [[0, 1], [1, 0]]) {
			assertProblem(await rounds[here].cast(rounds[there].mint(), { choices: ['upstage'] }), 401, 'invalid-token');
			// Even where one key signed both, the challenge keeps them apart.
			assertProblem(await rounds[here].cast(rounds[here].mint({
				challengeDigest: sha256(rounds[there].challenge) }), { choices: ['upstage'] }), 401, 'invalid-token');
			assert.equal((await rounds[here].cast(rounds[here].mint(), { choices: ['upstage'] })).status, 201);
		}
	});
});
