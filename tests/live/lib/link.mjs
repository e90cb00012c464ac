// Tries to say which ballot is whose, from everything that an issuer's server and a ballots' server store, log and were
// sent: equal bytes (as they are, hashed, under every key that lies on a disk), the order in which things stand, addresses.
// Whoever runs it is the worst there is: has both hosts, both Redis with their append-only files, all keys, the list of
// who got which code and connects from where, and has kept every request and answer, though not when they came.
import crypto from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { publicKey } from '../../../static/js/privacypass.js';
import { unpack } from './protocol.mjs';

const WINDOW = 8; // bytes that are equal by chance in none of 2^40 pairs
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const hash = (name, ...parts) => parts.reduce((sum, part) => sum.update(part), crypto.createHash(name)).digest();

/** The 16 bytes by which the issuer knows a code (daemon/admission/code.h). */
export function identityOf(round, code) {
	const bits = [...code.replaceAll('-', '').slice(0, 16)].map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, '0')).join('');
	const data = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
	return hash('sha256', 'tallyd code v1\n', round, '\n', data).subarray(0, 16);
}

async function filesBelow(dir) {
	const entries = await readdir(dir, { withFileTypes: true, recursive: true });
	const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.path, entry.name)).sort();
	return Promise.all(files.map((file) => readFile(file)));
}

/** What a server has: `keys` in Redis' own order with their bytes, `files` (append-only file, log, access log), `said`, `secrets`. */
export async function gather(instance) {
	const redis = instance.redisClient(), keys = [];
	let cursor = '0';
	do {
		const [next, names] = await redis.scan(cursor, 'COUNT', 1000);
		for (const name of names)
			keys.push({ name, dump: await redis.dumpBuffer(name), fields: await fieldsOf(redis, name) });
		cursor = next;
	} while (cursor !== '0');
	const stored = await filesBelow(path.join(instance.dir, 'redis/appendonlydir'));
	const access = await readFile(path.join(instance.dir, 'access.log'), 'utf8');
	const secrets = (await filesBelow(path.join(instance.dir, 'keys'))).filter((bytes) => bytes.length === 32);
	return { keys, stored: Buffer.concat(stored), log: await filesBelow(path.join(instance.dir, 'log')), access, said: instance.stdout + instance.stderr, secrets };
}

/** Everything in a key, one after another as Redis gives it. */
async function fieldsOf(redis, name) {
	switch (await redis.type(name)) {
	case 'string': return [await redis.getBuffer(name)];
	case 'hash': return redis.callBuffer('HGETALL', name);
	case 'stream': return (await redis.xrangeBuffer(name, '-', '+')).flatMap(([id, fields]) => [id, ...fields]);
	default: return [];
	}
}

const allOf = (side) => Buffer.concat([...side.keys.flatMap(({ name, dump, fields }) => [Buffer.from(name), dump, ...fields]), side.stored, ...side.log,
	Buffer.from(side.access), Buffer.from(side.said)]);

// ---- bytes ----

function power(base, exponent, n) {
	let result = 1n;
	for (; exponent; exponent >>= 1n, base = (base * base) % n)
		if (exponent & 1n)
			result = (result * base) % n;
	return result;
}

const integer = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

/** What an answer and a token's authenticator are signatures of: anybody can compute that. */
function signed(signature, { n, e }) {
	return Buffer.from(power(integer(signature), e, n).toString(16).padStart(512, '0'), 'hex');
}

/** Each fact as it is, hashed, and under each key. */
const forms = (facts, secrets) => facts.flatMap((fact) => [fact, hash('sha256', fact), hash('sha384', fact),
	...secrets.map((key) => crypto.createHmac('sha256', key).update(fact).digest())]);

/** Windows that are of one subject alone: Map of window -> subject. With a `stride` of 8, any 15 bytes hold one. */
function windowsOf(subjects, stride = 1) {
	const owners = new Map();
	subjects.forEach((facts, subject) => {
		for (const fact of facts)
			for (let at = 0; at + WINDOW <= fact.length; at += stride) {
				const window = fact.latin1Slice(at, at + WINDOW);
				owners.set(window, owners.has(window) && owners.get(window) !== subject ? -1 : subject);
			}
	});
	return owners;
}

function byBytes(persons, ballots) {
	const mine = windowsOf(persons), guess = new Map();
	for (const [window, ballot] of windowsOf(ballots)) {
		const person = mine.get(window);
		if (ballot >= 0 && person >= 0)
			guess.set(person, ballot);
	}
	return guess;
}

/** How many windows of the subjects' stand in what a server has: as bytes, or as text. */
function found(subjects, haystack) {
	const windows = windowsOf(subjects, WINDOW), there = new Set();
	for (let at = 0; at + WINDOW <= haystack.length; at++) {
		const window = haystack.latin1Slice(at, at + WINDOW);
		if (windows.get(window) >= 0)
			there.add(window);
	}
	return there.size;
}

const spelt = (facts) => facts.flatMap((fact) => [fact, ...['hex', 'base64', 'base64url'].map((form) => Buffer.from(fact.toString(form)))]);

// ---- order ----

/** The subjects in the order in which they first (or last) stand in some bytes; those that do not, are not told. */
function orderIn(bytes, marks, last = false) {
	return marks.map((mark, subject) => ({ subject, at: last ? bytes.lastIndexOf(mark) : bytes.indexOf(mark) })).filter(({ at }) => at >= 0)
		.sort((a, b) => a.at - b.at).map(({ subject }) => subject);
}

function ordersOf(side, marks) {
	const fields = Buffer.concat(side.keys.flatMap((key) => key.fields)), dumps = Buffer.concat(side.keys.map(({ dump }) => dump));
	const sorted = Buffer.concat([...side.keys].sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((key) => key.fields));
	return { 'as it was written': orderIn(side.stored, marks), 'as it was written last': orderIn(side.stored, marks, true),
		'of the keys in Redis': orderIn(fields, marks), 'of the dumps': orderIn(dumps, marks), 'of the keys by name': orderIn(sorted, marks),
		'by value': marks.map((mark, subject) => ({ mark, subject })).sort((a, b) => Buffer.compare(a.mark, b.mark)).map(({ subject }) => subject) };
}

// ---- all of it ----

/**
 * persons: [{code, address}], as the organisers know them; sent: [{bearer, request, answer}] at the issuer, cast: [{token, receipt}] at the
 * ballots, each in any order. {methods: {name: Map of person -> index in `cast`}, found: {…: windows of the one side's at the other}}.
 */
export function link({ round, spki, issuer, ballots, persons, sent, cast }) {
	const key = publicKey(spki), secrets = [...issuer.secrets, ...ballots.secrets];
	const identities = persons.map(({ code }) => identityOf(round, code));
	const kept = new Map(sent.map((one) => [one.bearer, one]));
	const mine = persons.map(({ code }, i) => {
		const { request, answer } = kept.get(code), blinded = request.subarray(3);
		const beside = issuer.keys.filter(({ name }) => /:issued:\d+$/.test(name)).flatMap(({ fields: [records] }) =>
			Array.from({ length: records.length / 48 }, (_, n) => records.subarray(48 * n, 48 * n + 48))).find((record) => record.subarray(0, 16).equals(identities[i]));
		return { own: [Buffer.from(code), identities[i], beside.subarray(16)], record: beside, kept: [blinded, answer] };
	});
	const logged = ballots.keys.filter(({ name }) => /:log$/.test(name)).flatMap(({ fields }) => fields).filter((field) => field.length > 21).flatMap((field) => unpack(field));
	const theirs = cast.map(({ token, receipt }) => {
		const spent = Buffer.from(receipt.spent, 'base64'), authenticator = token.subarray(98);
		const { tag } = logged.find((one) => one.spent.equals(spent));
		return { spent, own: [spent, tag, Buffer.from(receipt.entry, 'base64'), Buffer.from(receipt.salt, 'base64')],
			kept: [token.subarray(2, 34), token.subarray(0, 98), authenticator, signed(authenticator, key)] };
	});
	const both = ({ own, kept: more }) => forms([...own, ...more], secrets);

	const methods = { 'equal bytes': byBytes(mine.map(both), theirs.map(both)) };
	const comings = ordersOf(issuer, mine.map(({ record }) => record)), goings = { ...ordersOf(ballots, theirs.map(({ spent }) => spent)),
		'of the log': cast.map((_, i) => i).sort((a, b) => cast[a].receipt.index - cast[b].receipt.index) };
	for (const [coming, people] of Object.entries(comings))
		for (const [going, papers] of Object.entries(goings))
			methods[`order ${coming}, order ${going}`] = new Map(people.map((person, rank) => [person, papers[rank]]));
	const lines = ballots.access.split('\n').filter((line) => /POST \/v1\/contests\/[^/]+\/ballots 201 /.test(line));
	methods.addresses = new Map(lines.flatMap((line, index) => {
		const person = persons.findIndex(({ address }) => line.split(' ').includes(address));
		return person < 0 ? [] : [[person, cast.findIndex(({ receipt }) => receipt.index === index)]];
	}));
	const tell = (subjects) => subjects.map((facts) => spelt(forms([...facts.own, ...facts.kept], secrets)));
	return { methods, found: { 'of ballots at the issuer': found(tell(theirs), allOf(issuer)), 'of persons at the ballots': found(tell(mine), allOf(ballots)),
		'addresses in logs of votes': persons.filter(({ address }) => [issuer, ballots].some(({ access }) => access.split('\n').some((line) => /tokens|ballots/.test(line) && line.includes(address)))).length } };
}
