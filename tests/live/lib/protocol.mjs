// The protocol from its documents, without a line of the daemon's or of any library's: tokens minted
// straight from the round's private key, the fixed challenge, and the hashes that tie a receipt to its
// ballot. Fast where a test needs a thousand voters; the Privacy Pass library checks the rest.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { eventually } from './instance.mjs';

const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest();
};

const u16 = (n) => Buffer.from([n >> 8, n & 255]);

const u64 = (n) => {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(BigInt(n));
	return bytes;
};

/** base64url with padding, as RFC 9577 section 2.2 wants it. */
/** Lua: enters an identity into a bucket of issued tokens, which is sorted, and counts it. KEYS bucket, issued. */
export const RECORD_ISSUED = `
local records = redis.call('GET', KEYS[1]) or ''
local all = { ARGV[1] .. ARGV[2] }
for at = 1, #records, 48 do all[#all + 1] = string.sub(records, at, at + 47) end
table.sort(all, function(a, b)
	for i = 1, 16 do
		local x, y = string.byte(a, i), string.byte(b, i)
		if x ~= y then return x < y end
	end
	return false
end)
redis.call('SET', KEYS[1], table.concat(all))
return redis.call('INCR', KEYS[2])`;

export const TOKEN_REQUEST = 'application/private-token-request';

export const base64url = (bytes) =>
	Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');

/** RSASSA-PSS SubjectPublicKeyInfo with SHA-384, MGF1 SHA-384 and salt 48 (RFC 9578 section 8.2.2). */
export function passSpki(publicKey) {
	const plain = publicKey.export({ type: 'spki', format: 'der' });
	// rsaEncryption SPKI of 2048 bits: 4 bytes SEQUENCE, 15 bytes AlgorithmIdentifier, BIT STRING.
	assert.equal(plain.length, 294);
	const algorithm = Buffer.from('303d06092a864886f70d01010a3030a00d300b0609608648016503040202' +
		'a11a301806092a864886f70d010108300b0609608648016503040202a203020130', 'hex');
	const bits = plain.subarray(19);
	const length = algorithm.length + bits.length;
	return Buffer.concat([Buffer.from([0x30, 0x82]), u16(length), algorithm, bits]);
}

/** The fixed TokenChallenge of a contest round (RFC 9577 section 2.1.1). */
export function challengeBytes({ contest, rehearsal, keyId, issuerName, originInfo, tokenType = 2 }) {
	const context = sha256('tallyd challenge v1\n', contest, '\n', rehearsal ? 'rehearsal' : 'real',
		'\n', keyId);
	return Buffer.concat([u16(tokenType), u16(Buffer.byteLength(issuerName)), Buffer.from(issuerName),
		Buffer.from([context.length]), context,
		u16(Buffer.byteLength(originInfo)), Buffer.from(originInfo)]);
}

/** One contest round of an instance, with the power to make tokens for it. */
export class Round {
	constructor(instance, id) {
		const site = id ? instance.site.contests.find((contest) => contest.id === id) :
			instance.site.contests[0];
		this.instance = instance;
		this.id = site.id;
		this.rehearsal = site.rehearsal;
		this.name = site.id + (site.rehearsal ? '~rehearsal' : '');
		this.logName = site.log_name;
		const keys = path.join(instance.dir, 'keys', this.name);
		const secret = path.join(keys, 'token.private.pem');
		this.privateKey = existsSync(secret) ? crypto.createPrivateKey(readFileSync(secret)) : null; // else the issuer is apart
		this.publicKey = crypto.createPublicKey(this.privateKey ?? readFileSync(path.join(keys, 'token.public.pem')));
		this.spki = passSpki(this.publicKey);
		this.keyId = sha256(this.spki);
		this.challenge = challengeBytes({ contest: this.id, rehearsal: this.rehearsal,
			keyId: this.keyId, issuerName: site.issuer_name, originInfo: site.origin_info });
		this.path = `/v1/contests/${this.id}`;
		this.recorded = new Set();
	}

	/** A valid token; any part of what is signed can be another. */
	mint({ type = 2, nonce = crypto.randomBytes(32), challengeDigest = sha256(this.challenge),
		keyId = this.keyId, privateKey = this.privateKey } = {}) {
		const input = Buffer.concat([u16(type), nonce, challengeDigest, keyId]);
		return Buffer.concat([input, crypto.sign('sha384', input, {
			key: privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 })]);
	}

	/** A valid token whose ballot goes to this shard. */
	mintFor(shard) {
		const { shards } = this.instance.site.contests.find((contest) => contest.id === this.id);
		for (;;) {
			const token = this.mint();
			if (spentOf(token).readUInt32BE(0) % shards === shard)
				return token;
		}
	}

	authorization(token) {
		return `PrivateToken token="${base64url(token)}"`;
	}

	/**
	 * Records a token as issued, once, as the issuer would have, to an identity of its own: a recount objects
	 * to ballots without. Where Redis does not answer, the test has stopped it, and nothing will be counted.
	 */
	async recordIssued(token) {
		const spent = spentOf(token);
		const name = spent.toString('hex');
		if (this.recorded.has(name))
			return;
		this.recorded.add(name);
		let timer;
		await Promise.race([
			this.issue(spent).catch(() => {
				this.issuer = undefined; // that connection is gone; the next attempt has another
				this.recorded.delete(name);
			}),
			new Promise((resolve) => (timer = setTimeout(resolve, 100)))]);
		clearTimeout(timer);
	}

	async issue(identity) {
		this.issuer ??= this.instance.redisClient();
		const { shards } = this.instance.site.contests.find((contest) => contest.id === this.id);
		const key = `{${this.name}/${identity.readUInt32BE(0) % shards}}`;
		this.buckets ??= Number(await this.issuer.hget(`${key}:rules`, 'buckets'));
		await this.issuer.eval(RECORD_ISSUED, 2, `${key}:issued:${identity.readUInt32BE(8) % this.buckets}`, `${key}:issued`,
			identity, sha256(identity));
	}

	async cast(token, ballot, { headers = {}, ...options } = {}) {
		if (token.length === 354 && this.privateKey)
			await this.recordIssued(token);
		return this.instance.request('POST', `${this.path}/ballots`, {
			headers: { Authorization: this.authorization(token), 'Content-Type': 'application/json',
				...headers },
			body: typeof ballot === 'string' || Buffer.isBuffer(ballot) ? ballot : JSON.stringify(ballot),
			...options,
		});
	}

	/** Casts, asking again while the outcome is unknown, as a voter's page does. */
	async castUntilAnswered(token, ballot, options = {}) {
		const ms = 60_000;
		const end = Date.now() + ms;
		for (;;) {
			const reply = await this.cast(token, ballot, options).catch((error) => ({ status: 0, error }));
			if (reply.status !== 0 && reply.status !== 503)
				return reply;
			if (Date.now() > end)
				throw new Error(`no answer within ${ms} ms: ${reply.error ?? reply.text}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	/** The tally that has everything which is in the logs by now. */
	async tallyNow() {
		this.redis ??= this.instance.redisClient();
		const { shards } = this.instance.site.contests.find((contest) => contest.id === this.id);
		let size = 0;
		for (let shard = 0; shard < shards; shard++) {
			const [last] = await this.redis.xrevrangeBuffer(`{${this.name}/${shard}}:log`, '+', '-', 'COUNT', 1);
			if (last) // its first index + 1, and how many it packs
				size += Number(last[0].toString().split('-')[0]) - 1 + unpack(last[1][1]).length;
		}
		return eventually(async () => {
			const tally = await this.instance.tally(this.id);
			return tally.sequence >= size && tally;
		}, `a tally with ${size} entries of the log`);
	}

	/** The tag that the daemon writes beside a ballot; `replaces`: the index of the one before. */
	tagOf(spent, ballot, { shard = 0, replaces = -1 } = {}) {
		this.salt ??= readFileSync(path.join(this.instance.dir, 'keys', this.name, 'salt.key'));
		return crypto.createHmac('sha256', this.salt)
			.update(`tallyd tag v1\n${this.origin(shard)}\n`).update(u64(replaces + 1)).update(spent).update(ballot)
			.digest().subarray(0, 4);
	}

	origin(shard = 0) {
		return `${this.logName}/${this.name}/${shard}`;
	}

	/** Recomputes a receipt from the token and the canonical ballot. */
	checkReceipt(receipt, token, canonical, status = 'counted') {
		assert.equal(receipt.status, status);
		assert.equal(receipt.contest, this.id);
		assert.ok(Number.isSafeInteger(receipt.index) && receipt.index >= 0);
		const spent = spentOf(token);
		assert.equal(receipt.spent, spent.toString('base64'));
		const salt = Buffer.from(receipt.salt, 'base64');
		assert.equal(salt.length, 32);
		const key = readFileSync(path.join(this.instance.dir, 'keys', this.name, 'salt.key'));
		assert.deepEqual(salt, crypto.createHmac('sha256', key)
			.update(`${this.origin(receipt.shard)}\n`).update(u64(receipt.index)).update(spent).digest());
		assert.equal(receipt.entry, sha256('tallyd ballot v1\n', this.origin(receipt.shard), '\n',
			u64(receipt.index), spent, salt, canonical).toString('base64'));
	}
}

/** The entries of config/contests/kai-stage1.yaml in their order, by which Redis has them. */
const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

/**
 * The ballots of one entry of a shard's log: (spent 16, length, tag 4, packed ballot)*; the length, in one byte below 128
 * and else in two with the high bit, is that of tag and ballot. `ballot` is canonical text where it is of that contest.
 */
export function unpack(packed) {
	const ballots = [];
	for (let at = 0; at < packed.length;) {
		const long = packed[at + 16] >= 128, tag = at + (long ? 18 : 17);
		const end = tag + (long ? packed.readUInt16BE(at + 16) & 0x7fff : packed[at + 16]);
		ballots.push({ spent: packed.subarray(at, at + 16), tag: packed.subarray(tag, tag + 4),
			ballot: `choices\n${[...packed.subarray(tag + 4, end)].map((i) => `${ENTRIES[i]}\n`).join('')}` });
		at = end;
	}
	return ballots;
}

/** One ballot as it stands in such an entry; what is no entry of that contest is none there either. */
export const pack = ({ spent, tag, ballot }) => {
	const places = ballot.split('\n').slice(1, -1).map((id) => ENTRIES.indexOf(id) & 255);
	return Buffer.from([...spent, tag.length + places.length, ...tag, ...places]);
};

/** The bucket of a token, and the field that it has there: shared with few, if any. */
export const spentKey = (shard, spent, buckets) => `${shard}:spent:${spent.readUInt32BE(8) % buckets}`;
export const spentField = (spent) => spent.subarray(12);

export const spentOf = (token) => sha256('tallyd spent v1\n', token.subarray(0, 98)).subarray(0, 16);

/** An RFC 9457 problem: its slug, its status, and a detail that a person can use. */
export function assertProblem(reply, status, slug, detail = /\S/) {
	assert.equal(reply.status, status, `${reply.status} ${reply.text}`);
	assert.match(reply.headers['content-type'], /^application\/problem\+json/);
	const problem = reply.json;
	assert.equal(problem.status, status);
	assert.match(problem.type, /\/problems#[a-z-]+$/);
	assert.equal(problem.type.split('#')[1], slug, reply.text);
	assert.match(problem.title, /\S/);
	assert.match(problem.detail ?? '', detail, reply.text);
	if (status === 401)
		assert.match(reply.headers['www-authenticate'] ?? '', ['invalid-bearer', 'not-admitted', 'admission-expired'].includes(slug) ?
			/^Bearer (realm|error)="/ : /^PrivateToken challenge="/);
	if (status === 503 || status === 429)
		assert.match(reply.headers['retry-after'] ?? '', /^[1-9]\d*$/);
	return problem;
}

/** A printed seed makes a random test replayable: TALLYD_TEST_SEED=…. */
export function randomFrom(t) {
	const seed = Number(process.env.TALLYD_TEST_SEED ?? crypto.randomInt(2 ** 32));
	t.diagnostic(`seed ${seed}`);
	return randomOf(seed);
}

/** The same numbers from the same seed. */
export function randomOf(seed) {
	let state = seed >>> 0;
	const next = () => { // mulberry32
		state = (state + 0x6d2b79f5) >>> 0;
		let z = state;
		z = Math.imul(z ^ (z >>> 15), z | 1);
		z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
		return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
	};
	return { below: (n) => Math.floor(next() * n) };
}
