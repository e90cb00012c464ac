// Makes published bundles out of nothing, as FORMAT.md describes them: keys, a contest, ballots, logs, openings,
// signed results. Written from that document alone and shares no code with the daemon, so that what verifies here
// does not verify only because both sides make the same mistake. Also the tools of an operator who cheats: `files`
// can be changed at will, and reseal() makes SHA256SUMS and its note anew.
import crypto from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import YAML from 'yaml';

export const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest();
};
const hex = (bytes) => sha256(bytes).toString('hex');

/** JSON as FORMAT.md section 5.1 wants it. */
export function canonical(value) {
	if (Array.isArray(value))
		return `[${value.map(canonical).join(',')}]`;
	if (value === null || typeof value !== 'object')
		return JSON.stringify(value);
	const names = Object.keys(value).filter((name) => value[name] !== undefined);
	names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
	return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

/** Numbers from a seed: the same bundle for the same seed. */
export function dice(seed) {
	let state = seed >>> 0;
	return (n) => { // mulberry32
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) % n;
	};
}

// ---- keys and notes (section 2)

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function ed25519(seed) {
	const key = crypto.createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
	const raw = crypto.createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
	return { key, raw };
}

const keyId = (name, raw) => sha256(`${name}\n\x01`, raw).subarray(0, 4);

export function verifierKey(name, { raw }) {
	const kind = Buffer.concat([Buffer.from([1]), raw]);
	return `${name}+${keyId(name, raw).toString('hex')}+${kind.toString('base64')}`;
}

export function signNote(text, name, { key, raw }) {
	const signature = Buffer.concat([keyId(name, raw), crypto.sign(null, Buffer.from(text), key)]);
	return `${text}\n— ${name} ${signature.toString('base64')}\n`;
}

// ---- the tree and its files (section 3)

export const leafOf = (entry) => sha256('\x00', entry);
export const nodeOf = (left, right) => sha256('\x01', left, right);

export function rootOf(hashes) {
	if (hashes.length === 0)
		return sha256('');
	if (hashes.length === 1)
		return hashes[0];
	let half = 1;
	while (2 * half < hashes.length)
		half *= 2;
	return nodeOf(rootOf(hashes.slice(0, half)), rootOf(hashes.slice(half)));
}

/** "x001/x234/067", and with a width below 256 ".p/<width>". */
export function numberPath(number, width = 256) {
	const groups = [];
	for (let n = number, first = true; first || n > 0; n = Math.floor(n / 1000), first = false)
		groups.unshift(String(n % 1000).padStart(3, '0'));
	const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
	return width < 256 ? `${name}.p/${width}` : name;
}

const u16be = (n) => Buffer.from([n >> 8, n & 255]);
const chunks = function* chunks(list) {
	for (let at = 0; at < list.length; at += 256)
		yield [at / 256, list.slice(at, at + 256)];
};
const bundleOf = (records) => Buffer.concat(records.flatMap((record) => [u16be(record.length), record]));

/** Writes entries and tiles below `dir`; the root. */
export function layLog(files, dir, entries) {
	for (const [number, part] of chunks(entries))
		files.set(`${dir}/tile/entries/${numberPath(number, part.length)}`, bundleOf(part));
	let hashes = entries.map(leafOf);
	const root = hashes.length > 4096 ? undefined : rootOf(hashes); // large ones from the tiles, level by level
	const levels = [];
	for (let level = 0; hashes.length > 0; level++) {
		const above = [];
		for (const [number, part] of chunks(hashes)) {
			files.set(`${dir}/tile/${level}/${numberPath(number, part.length)}`, Buffer.concat(part));
			if (part.length === 256)
				above.push(rootOf(part));
		}
		levels.push(hashes.slice(above.length * 256));
		hashes = above;
	}
	if (root)
		return root;
	return levels.reduce((edge, rest) => {
		const all = edge ? [...rest, edge] : rest;
		return all.length > 0 ? rootOf(all) : edge;
	}, undefined) ?? sha256('');
}

// ---- ballots (sections 3.1 and 5.5)

export function entryOf(identity, index, { spent, salt, ballot }) {
	const place = Buffer.alloc(8);
	place.writeBigUInt64BE(BigInt(index));
	return sha256('tallyd ballot v1\n', `${identity}\n`, place, spent, salt, ballot);
}

const FORMS = {
	choices: {
		yaml: { choices: { min: 1, max: 2 } },
		rules: { name: 'choices', min: 1, max: 2 },
		draw: (ids, roll) => {
			const first = roll(ids.length), second = roll(2) ? roll(ids.length) : first;
			return [...new Set([first, second])].sort((a, b) => a - b).map((i) => ids[i]);
		},
		rows: (ids, ballots) => {
			const votes = ids.map((id) => ballots.filter((items) => items.includes(id)).length);
			return ids.map((entry, i) => ({
				entry, votes: votes[i], share: ballots.length ? rounded(votes[i], ballots.length, 4) : 0,
				rank: 1 + votes.filter((other) => other > votes[i]).length,
			}));
		},
	},
	scores: {
		yaml: { scores: { min: 1, max: 10, step: 1 } },
		rules: { name: 'scores', min: 1, max: 10, step: 1 },
		draw: (ids, roll) => {
			const items = ids.filter(() => roll(3)).map((id) => `${id}=${roll(10)}`);
			return items.length ? items : [`${ids[0]}=0`];
		},
		rows: (ids, ballots) => {
			const sums = ids.map((id) => ballots.flat().filter((item) => item.startsWith(`${id}=`)).map((item) => Number(item.split('=')[1])));
			const votes = sums.map((list) => list.length), sum = sums.map((list) => list.reduce((a, b) => a + b, 0));
			const above = (a, b) => (votes[a] && votes[b] ? sum[a] * votes[b] > sum[b] * votes[a] : votes[a] > 0 && votes[b] === 0);
			return ids.map((entry, i) => ({
				entry, votes: votes[i], mean: votes[i] ? rounded(votes[i] + sum[i], votes[i], 2) : null,
				rank: 1 + ids.filter((_, k) => above(k, i)).length,
			}));
		},
	},
	ranking: {
		yaml: { ranking: { min: 1, max: 3 } },
		rules: { name: 'ranking', min: 1, max: 3, method: 'schulze' },
		draw: (ids, roll) => {
			const left = [...ids], items = [];
			for (let n = 1 + roll(3); n > 0; n--)
				items.push(...left.splice(roll(left.length), 1));
			return items;
		},
		pairwise: (ids, ballots) => ids.map((a) => ids.map((b) => (a === b ? 0 : ballots.filter((items) =>
			items.includes(a) && (!items.includes(b) || items.indexOf(a) < items.indexOf(b))).length))),
		rows: (ids, ballots) => {
			const P = FORMS.ranking.pairwise(ids, ballots), n = ids.map((_, i) => i);
			const D = P.map((row, a) => row.map((p, b) => (p > P[b][a] ? p : 0)));
			for (const v of n)
				for (const a of n)
					for (const b of n)
						if (a !== b)
							D[a][b] = Math.max(D[a][b], Math.min(D[a][v], D[v][b]));
			return ids.map((entry, a) => {
				const schulze = 1 + n.filter((b) => b !== a && D[b][a] > D[a][b]).length;
				return { entry, votes: ballots.filter((items) => items.includes(entry)).length,
					borda: P[a].reduce((x, y) => x + y, 0), schulze, rank: schulze };
			});
		},
	},
};

/** p / q (not negative) rounded to d decimals, half up, exact. */
function rounded(p, q, d) {
	const scaled = (2n * BigInt(p) * 10n ** BigInt(d) + BigInt(q)) / (2n * BigInt(q));
	return Number(scaled) / 10 ** d;
}

// ---- the contest

const both = (text) => ({ ko: text, en: text });

/** What is asked of citizens who identify themselves, in each of the three files that say so. */
const ASKED = { person_claim: 'ci', claims: [{ claim: 'birthdate', at_most: '2007-12-29' }, { claim: 'region', one_of: ['11', '26'] }] };
const PROVIDERS = [{ id: 'pass', name: both('Pass') }, { id: 'bank', name: both('Bank') }];
const ifAsked = ({ admission }, members) => (admission === 'oidc' ? members : {});

function contestOf(options) {
	const ids = options.entries;
	return {
		id: options.contest, name: both('Contest'), about: both('Anyone'), entry_noun: both('team'), organiser: both('Organiser'),
		contact: 'help@vote.example', opens_at: '2026-12-28T09:00:00+09:00', closes_at: '2026-12-30T18:00:00+09:00',
		admission: options.admission, ...ifAsked(options, { identity: { ...ASKED, delete_at: '2027-01-31T00:00:00+09:00', providers: PROVIDERS } }),
		ballot: FORMS[options.form].yaml, revote: options.revote, shards: options.shards,
		openings: options.openings, expected_voters: 8000,
		organisations: [{ id: 'org', name: both('Organisation') }],
		entries: ids.map((id) => ({ id, name: both(id), reading: id, lead: 'org', head: both('Head'), goal: both('Goal'), showcase: both('About') })),
	};
}

/** What the pages are told of it (section 5.9). */
function definitionOf(options, { at, kind, rules_hash }) {
	return {
		id: options.contest, rehearsal: false, demonstration: false, name: both('Contest'), about: both('Anyone'), entry_noun: both('team'), organiser: both('Organiser'),
		contact: 'help@vote.example', opens_at: '2026-12-28T00:00:00.000Z', closes_at: '2026-12-30T09:00:00.000Z', time_zone: 'Asia/Seoul',
		admission: options.admission, ...ifAsked(options, { identity: { ...ASKED, acr: [], delete_at: '2027-01-30T15:00:00.000Z', providers: PROVIDERS } }),
		revote: options.revote, form: FORMS[options.form].rules, openings: options.openings, sheet_openings: 'auditors', pseudonyms: false,
		visibility: { citizen: 'live', experts: 'on-publish', standing: 'on-publish' }, publish: { first_at: 100, step: 10, every_ms: 5000 },
		seal: { min_entries: 256, max_wait_ms: 60_000 }, criteria: [], panels: [], conflict_scope: 'organisation', stage: null, programme: null,
		entries: options.entries.map((id) => ({ id, name: both(id), reading: id, lead: both('Organisation'), head: both('Head'), model: null, goal: both('Goal'),
			showcase: both('About'), participants: [], links: [] })),
		rules_hash, notice: null, epoch: options.epochs, log: 'ok', phase: kind, now: at,
	};
}

function rulesOf(options, keys) {
	return {
		version: 3, contest: options.contest, log_name: options.logName, rehearsal: false, opens_ms: Date.parse('2026-12-28T09:00:00+09:00'),
		closes_ms: Date.parse('2026-12-30T18:00:00+09:00'), form: FORMS[options.form].rules, admission: options.admission,
		...ifAsked(options, { identity: { ...ASKED, acr: [], providers: PROVIDERS.map(({ id }) => id) }, identity_key: hex('tallyd identity key v1\n') }), revote: options.revote, shards: options.shards,
		buckets: 100, entries: options.entries.map((id) => ({ id, lead: 'org', participants: [] })),
		organisations: [{ id: 'org', name: both('Organisation'), aliases: [] }], criteria: [], panels: [], conflict_scope: 'organisation', stage: null,
		approvals: 2, pledge_required: false, token_key: hex(keys.token), log_key: hex(keys.log.raw), salt_key: hex('tallyd salt key v1\n'),
		bearer_key: hex(keys.bearer), result_key: hex(keys.result.raw),
	};
}

// ---- the votes

/** Per shard the ballots in the order of the log: {spent, salt, items, ballot}. */
function voteAll(options, roll) {
	const shards = Array.from({ length: options.shards }, () => []);
	const tokens = [];
	const cast = (spent) => {
		const shard = shards[spent.readUInt32BE(0) % options.shards];
		const items = FORMS[options.form].draw(options.entries, roll);
		const ballot = Buffer.from(`${options.form}\n${items.map((item) => `${item}\n`).join('')}`);
		shard.push({ spent, salt: sha256('salt', spent, String(shard.length)), items, ballot });
	};
	for (let i = 0; i < options.voters; i++) {
		tokens.push({ spent: sha256('spent', String(options.seed), String(i)).subarray(0, 16), times: 1 });
		cast(tokens[i].spent);
		const again = options.revote === 'replace' && roll(10) === 0 ? tokens[roll(tokens.length)] : null;
		if (again && again.times < 11) {
			again.times++;
			cast(again.spent);
		}
	}
	return shards;
}

/** Of each token the last. */
export function standing(shards) {
	const last = new Map();
	for (const shard of shards)
		for (const vote of shard)
			last.set(vote.spent.toString('hex'), vote);
	return [...last.values()];
}

// ---- the bundle (section 5)

/** A whole bundle: {files: Map of path to bytes, keys, key (the verifier key to pin), …}. */
export function makeBundle(given = {}) {
	const options = { contest: 'kai', logName: 'vote.example', entries: ['a', 'b', 'c', 'd'], form: 'choices', revote: 'replace', shards: 2,
		voters: 300, versions: 1, epochs: 1, lost: 3, openings: 'public', admission: 'codes', seed: 1, ...given };
	const roll = dice(options.seed);
	const keys = { log: ed25519(sha256('log', String(options.seed))), result: ed25519(sha256('result', String(options.seed))),
		token: Buffer.from('a token key'), bearer: Buffer.from('a bearer key') };
	const bundle = { options, keys, files: new Map(), shards: voteAll(options, roll) };
	bundle.key = verifierKey(`${options.logName}/${options.contest}/result`, keys.result);
	bundle.files.set('FORMAT.md', Buffer.from('# The files of a count\n'));
	bundle.files.set('contest.yaml', Buffer.from(YAML.stringify(contestOf(options))));
	bundle.files.set('rules.json', Buffer.from(canonical(rulesOf(options, keys))));
	bundle.files.set('keys.json', Buffer.from(canonical({ bearer_key: keys.bearer.toString('base64'), issuer_name: 'issuer.example',
		log_key: keys.log.raw.toString('base64'), log_name: options.logName, origin_info: 'origin.example',
		result_key: keys.result.raw.toString('base64'), round: options.contest, token_key: keys.token.toString('base64') })));
	bundle.logs = layLogs(bundle);
	layResults(bundle);
	reseal(bundle);
	return bundle;
}

export const identityOf = ({ options }, shard) => `${options.logName}/${options.contest}/${shard}`;
export const originOf = (bundle, shard, epoch) => identityOf(bundle, shard) + (epoch > 1 ? `/epoch-${epoch}` : '');
export const logDir = ({ options }, shard, epoch = 1) => `log/${options.contest}/${shard}${epoch > 1 ? `/epoch-${epoch}` : ''}`;

/** One epoch of one shard's log out of its entries; {origin, root, size, shard}. */
export function layEpoch(bundle, shard, epoch, entries, issued) {
	const dir = logDir(bundle, shard, epoch), origin = originOf(bundle, shard, epoch);
	const root = layLog(bundle.files, dir, entries).toString('base64');
	bundle.files.set(`${dir}/checkpoint`, Buffer.from(signNote(`${origin}\n${entries.length}\n${root}\n`, origin, bundle.keys.log)));
	bundle.files.set(`${dir}/issued`, Buffer.from(signNote(`tallyd issued v1\n${origin}\n${entries.length}\n${issued}\n`, origin, bundle.keys.log)));
	return { origin, root, shard, size: entries.length };
}

function layLogs(bundle) {
	const { options, shards, files } = bundle;
	bundle.issued = 0;
	return shards.map((votes, shard) => {
		const entries = votes.map((vote, index) => entryOf(identityOf(bundle, shard), index, vote));
		const issued = new Set(votes.map((vote) => vote.spent.toString('hex'))).size + 1;
		let log;
		for (let epoch = 1; epoch <= options.epochs; epoch++) {
			const old = log;
			const these = epoch === options.epochs ? entries : // what was lost stands at the end of the old one
				[...entries.slice(0, Math.floor(entries.length / 2)), ...Array.from({ length: options.lost }, (_, i) => sha256('lost', String(i)))];
			log = layEpoch(bundle, shard, epoch, these, issued);
			if (old)
				files.set(`${logDir(bundle, shard, epoch)}/statement`, Buffer.from(signNote(`tallyd epoch v1\n${log.origin}\n${old.origin}\n` +
					`${old.size}\n${old.root}\n${Math.floor(entries.length / 2)}\n`, log.origin, bundle.keys.log)));
		}
		bundle.issued += issued;
		if (options.openings === 'public')
			layOpenings(bundle, shard, votes);
		return log;
	});
}

export function layOpenings({ files }, shard, votes) {
	const records = votes.map(({ spent, salt, ballot }) => Buffer.concat([spent, salt, ballot]));
	for (const [number, part] of chunks(records))
		files.set(`openings/${shard}/${numberPath(number, part.length)}`, bundleOf(part));
}

/** The newest result as it should be, and all before it. */
export function documentOf(bundle, version) {
	const counted = standing(bundle.shards);
	return {
		version, kind: version === 1 ? 'certified' : 'corrected', contest: bundle.options.contest, rehearsal: false,
		rules_hash: hex(bundle.files.get('rules.json')), at: `2026-12-31T0${version}:00:00.000Z`, who: 'operator:kim', why: 'counted',
		ballots: counted.length, issued: bundle.issued, log_size: bundle.logs.reduce((sum, log) => sum + log.size, 0), log: bundle.logs,
		citizen: FORMS[bundle.options.form].rows(bundle.options.entries, counted.map(({ items }) => items)), advanced: [],
		public: { experts: {}, standing: [], formula: null }, audit: { n: 9 + version, head: hex(`head ${version}`) }, annex_sha256: hex('annex'),
	};
}

export function layResult(bundle, document) {
	const { version } = document, text = canonical(document), round = bundle.options.contest;
	bundle.files.set(`results/${version}.json`, Buffer.from(text));
	bundle.files.set(`results/${version}.note`, Buffer.from(signNote(`tallyd result v1\n${round}\n${version}\n${hex(text)}\n`,
		`${bundle.options.logName}/${round}/result`, bundle.keys.result)));
	return { at: document.at, kind: document.kind, sha256: hex(text), version };
}

function layResults(bundle) {
	const { options, files } = bundle, results = [];
	let document;
	for (let version = 1; version <= options.versions; version++) {
		document = documentOf(bundle, version);
		results.push(layResult(bundle, document));
	}
	const pairwise = FORMS[options.form].pairwise?.(options.entries, standing(bundle.shards).map(({ items }) => items));
	files.set('published.json', Buffer.from(canonical({ definition: definitionOf(options, document), results,
		tally: { contest: options.contest, rehearsal: false, demonstration: false, phase: document.kind, as_of: document.at, sequence: document.log_size,
			ballots: document.ballots, citizen: document.citizen, experts: {}, standing: [], formula: null, notice: null, epoch: options.epochs, log: 'ok',
			result: { kind: document.kind, version: document.version }, pairwise } })));
}

/** SHA256SUMS and its note over whatever the files are now, signed by `key`. */
export function reseal(bundle, { key = bundle.keys.result, version = bundle.options.versions } = {}) {
	const { files, options } = bundle;
	files.delete('SHA256SUMS');
	files.delete('SHA256SUMS.note');
	const paths = [...files.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
	const sums = Buffer.from(paths.map((name) => `${hex(files.get(name))}  ${name}\n`).join(''));
	const text = `tallyd bundle v1\n${options.contest}\n${version}\n${paths.length}\n${hex(sums)}\n`;
	files.set('SHA256SUMS', sums);
	files.set('SHA256SUMS.note', Buffer.from(signNote(text, `${options.logName}/${options.contest}/result`, key)));
}

export async function writeBundle(files, dir) {
	const made = new Set();
	for (const [name, bytes] of files) {
		const file = path.join(dir, name), parent = path.dirname(file);
		if (!made.has(parent))
			await mkdir(parent, { recursive: true });
		made.add(parent);
		await writeFile(file, bytes);
	}
}
