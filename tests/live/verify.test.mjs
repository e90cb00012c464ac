// tallyctl verify against those who change what was published: outsiders who change files, and operators who hold
// keys and make some files fit again, but not all. Bundles come from lib/bundle.mjs, which was written from FORMAT.md
// and shares nothing with the daemon; each finding must name the right file, shard, index or entry.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { canonical, documentOf, ed25519, entryOf, identityOf, layEpoch, layOpenings, layResult, logDir, makeBundle, numberPath, originOf, reseal,
	sha256, signNote, verifierKey, writeBundle } from './lib/bundle.mjs';
import { runProgram, TALLYCTL } from './lib/instance.mjs';
import { readDirectory, verifyBundle } from '../verifier/verify.mjs';

let root;
before(async () => {
	root = await mkdtemp(path.join(os.tmpdir(), 'tallyd-verify-'));
});
after(() => rm(root, { recursive: true }));

let n = 0;
async function written(bundle) {
	const dir = path.join(root, String(n++));
	await writeBundle(bundle.files, dir);
	return dir;
}

const tallyctl = (...args) => runProgram(TALLYCTL, ['verify', ...args]);

async function verify(bundle, key = bundle.key) {
	const dir = await written(bundle);
	const { code, stdout, stderr } = await tallyctl('--json', '--key', key, dir);
	await rm(dir, { recursive: true });
	assert.ok(code === 0 || code === 65, `${code}: ${stderr}`);
	const told = JSON.parse(stdout);
	assert.equal(told.verified, code === 0);
	const { findings } = verifyBundle(bundle.files, key); // independent, and of the same opinion
	assert.doesNotMatch(findings.join('\n'), /NaN|undefined|\[object/);
	assert.equal(findings.length === 0, told.verified, `the independent verifier: ${findings.join('\n') || 'nothing found'}`);
	return told;
}

/** Some finding has all of these members; texts may be patterns. */
function assertFound(told, wanted) {
	const fits = (finding) => Object.entries(wanted).every(([name, value]) =>
		(value instanceof RegExp ? value.test(finding[name]) : finding[name] === value));
	assert.ok(told.findings.some(fits), `${JSON.stringify({ ...wanted, why: String(wanted.why) })} is not in\n${told.findings.map((f) => JSON.stringify(f)).join('\n')}`);
}

// ---- the tools of those who change things

const edit = (bundle, name, change) => {
	const bytes = Buffer.from(bundle.files.get(name));
	const changed = change(bytes) ?? bytes;
	bundle.files.set(name, Buffer.from(changed));
};
const editJson = (bundle, name, change) => edit(bundle, name, (bytes) => {
	const json = JSON.parse(bytes);
	change(json);
	return canonical(json);
});
const entriesFile = (bundle, shard, epoch = 1) => {
	const { size } = bundle.logs[shard];
	return `${logDir(bundle, shard, epoch)}/tile/entries/${numberPath(0, Math.min(size, 256))}`;
};
const openingsFile = (bundle, shard) => `openings/${shard}/${numberPath(0, Math.min(bundle.shards[shard].length, 256))}`;
const RECORD = 34;
const entriesOf = (bundle, shard) => bundle.shards[shard].map((vote, i) => entryOf(identityOf(bundle, shard), i, vote));
/** Log, openings and checkpoint of a shard anew from its votes: what an operator with the log key can do. */
const relay = (bundle, shard) => {
	for (const name of [...bundle.files.keys()])
		if (name.startsWith(`${logDir(bundle, shard)}/`) || name.startsWith(`openings/${shard}/`))
			bundle.files.delete(name);
	layOpenings(bundle, shard, bundle.shards[shard]);
	bundle.logs[shard] = layEpoch(bundle, shard, 1, entriesOf(bundle, shard), bundle.logs[shard].issued ?? new Set(bundle.shards[shard].map(({ spent }) => spent.toString('hex'))).size + 1);
};
/** Another ballot in the place of a voter's. */
const swing = (vote) => {
	const items = [vote.items[0] === 'a' ? 'b' : 'a'];
	return { ...vote, items, ballot: Buffer.from(`choices\n${items[0]}\n`) };
};

const stranger = ed25519(sha256('stranger'));

// ---- the cases: what is done, and what must be said

const outsiders = [
	['a byte of an entry', (b) => edit(b, entriesFile(b, 0), (bytes) => { bytes[7 * RECORD + 9] ^= 1; }),
		(b) => [{ file: entriesFile(b, 0), why: /SHA-256/ }, { shard: 0, index: 7, why: /leaf/ }, { file: openingsFile(b, 0), shard: 0, index: 7, why: /opens/ }]],
	['a byte of a page', (b) => edit(b, 'FORMAT.md', (bytes) => { bytes[0] ^= 1; }), () => [{ file: 'FORMAT.md', why: /SHA-256/ }]],
	['a file is missing', (b) => b.files.delete('results/1.note'), () => [{ file: 'results/1.note', why: /is missing/ }]],
	['a file more', (b) => b.files.set('more.html', Buffer.from('<p>')), () => [{ file: 'more.html', why: /does not stand in SHA256SUMS/ }]],
	['a line of SHA256SUMS twice', (b) => edit(b, 'SHA256SUMS', (bytes) => bytes.toString().replace(/^(.*\n)/, '$1$1')),
		() => [{ file: 'SHA256SUMS', why: /line 2/ }, { file: 'SHA256SUMS', why: /has the SHA-256/ }]],
	['lines of SHA256SUMS in another order', (b) => edit(b, 'SHA256SUMS', (bytes) => bytes.toString().replace(/^(.*\n)(.*\n)/, '$2$1')),
		() => [{ file: 'SHA256SUMS', why: /line 2.*sorted/ }]],
	['the list signed by a stranger', (b) => reseal(b, { key: stranger }), () => [{ file: 'SHA256SUMS.note', why: /not signed by the pinned key/ }]],
	['no signature at all', (b) => b.files.delete('SHA256SUMS.note'), () => [{ file: 'SHA256SUMS.note', why: /is missing/ }]],
	['keys of a stranger throughout', (b) => {
		editJson(b, 'keys.json', (keys) => { keys.result_key = stranger.raw.toString('base64'); });
		reseal(b, { key: stranger });
	}, () => [{ file: 'SHA256SUMS.note', why: /not signed by the pinned/ }, { file: 'keys.json', why: /result_key is not the pinned key/ }]],
];

// The list of files is signed anew with the right key after each.
const operators = [
	['an opening changed', (b) => edit(b, openingsFile(b, 0), (bytes) => { bytes[2 + 20] ^= 1; }), (b) => [{ file: openingsFile(b, 0), shard: 0, index: 0, why: /opens the entry/ }]],
	['a ballot changed in its opening', (b) => { b.shards[1][3] = swing(b.shards[1][3]); layOpenings(b, 1, b.shards[1]); },
		(b) => [{ file: openingsFile(b, 1), shard: 1, index: 3, why: /opens the entry/ }, { file: 'results/1.json', why: /^citizen\[\d\].*should be/ }], { revote: 'refuse' }],
	['two entries change places', (b) => edit(b, entriesFile(b, 0), (bytes) => {
		const one = Buffer.from(bytes.subarray(5 * RECORD, 6 * RECORD));
		bytes.copy(bytes, 5 * RECORD, 6 * RECORD, 7 * RECORD);
		one.copy(bytes, 6 * RECORD);
	}), () => [{ shard: 0, index: 5, why: /leaf/ }, { shard: 0, index: 6, why: /leaf/ }, { shard: 0, index: 5, why: /opens/ }]],
	['an entry dropped from its file', (b) => edit(b, entriesFile(b, 0), (bytes) => bytes.subarray(RECORD)), (b) => [{ file: entriesFile(b, 0), shard: 0, why: /bytes, should have/ }]],
	['an entry twice in its file', (b) => edit(b, entriesFile(b, 0), (bytes) => Buffer.concat([bytes, bytes.subarray(0, RECORD)])),
		(b) => [{ file: entriesFile(b, 0), shard: 0, why: /bytes, should have/ }]],
	['a hash of an upper tile', (b) => edit(b, `${logDir(b, 0)}/tile/1/000.p/1`, (bytes) => { bytes[0] ^= 1; }), (b) => [{ file: `${logDir(b, 0)}/tile/1/000.p/1`, shard: 0, why: /hash 0 of level 1/ }],
		{ voters: 700 }],
	['a checkpoint signed by a stranger', (b) => {
		const origin = originOf(b, 0, 1);
		b.files.set(`${logDir(b, 0)}/checkpoint`, Buffer.from(signNote(`${origin}\n${b.logs[0].size}\n${b.logs[0].root}\n`, origin, stranger)));
	}, (b) => [{ file: `${logDir(b, 0)}/checkpoint`, shard: 0, why: /log key has signed/ }]],
	['the other shard\'s checkpoint', (b) => b.files.set(`${logDir(b, 0)}/checkpoint`, b.files.get(`${logDir(b, 1)}/checkpoint`)),
		(b) => [{ file: `${logDir(b, 0)}/checkpoint`, shard: 0, why: /log key has signed/ }]],
	['a ballot changed, its log signed anew', (b) => { b.shards[0][4] = swing(b.shards[0][4]); relay(b, 0); }, () => [{ file: 'results/1.json', shard: 0, why: /^log\[0\]\.root/ }]],
	['the last ballot dropped, its log signed anew', (b) => { b.shards[0].pop(); relay(b, 0); }, () => [{ file: 'results/1.json', shard: 0, why: /^log\[0\]\.size/ }]],
	['a ballot added, its log signed anew', (b) => { b.shards[0].push({ ...b.shards[0][0], spent: Buffer.alloc(16) }); relay(b, 0); }, () => [{ file: 'results/1.json', shard: 0, why: /^log\[0\]\.size/ }]],
	['and the result with its root, but not its rows', (b) => {
		b.shards[0][4] = swing(b.shards[0][4]);
		relay(b, 0);
		layResult(b, { ...JSON.parse(b.files.get('results/1.json')), log: b.logs });
	}, (b) => [{ file: 'results/1.json', entry: b.shards[0][4].items[0], why: /^citizen\[\d\]\.votes is \d+, should be \d+/ }], { revote: 'refuse' }],
	['a root that the entries do not give, certified all the same', (b) => {
		const origin = originOf(b, 0, 1), root = sha256('another').toString('base64');
		b.files.set(`${logDir(b, 0)}/checkpoint`, Buffer.from(signNote(`${origin}\n${b.logs[0].size}\n${root}\n`, origin, b.keys.log)));
		b.logs[0].root = root;
		layResult(b, documentOf(b, 1));
	}, (b) => [{ file: `${logDir(b, 0)}/checkpoint`, shard: 0, why: /entries give the root/ }]],
	['a row of the result', (b) => editJson(b, 'results/1.json', (result) => { result.citizen[2].votes++; }), () => [{ file: 'results/1.note', why: /results\/1\.json/ }]],
	['a row of the result, signed anew', (b) => {
		const result = JSON.parse(b.files.get('results/1.json'));
		result.citizen[2].votes++;
		layResult(b, result);
	}, () => [{ file: 'results/1.json', entry: 'c', why: /^citizen\[2\]\.votes/ }, { file: 'published.json', entry: 'c', why: /^tally\.citizen\[2\]\.votes/ }]],
	['fewer ballots in the result, signed anew', (b) => layResult(b, { ...documentOf(b, 1), ballots: 1 }), () => [{ file: 'results/1.json', why: /^ballots is 1, should be 300/ }]],
	['fewer tokens issued than ballots', (b) => layResult(b, { ...documentOf(b, 1), issued: 299 }), () => [{ file: 'results/1.json', why: /more than the 299 tokens issued/ }, { file: 'results/1.json', why: /^issued is 299, should be 302/ }]],
	['a result signed by a stranger', (b) => {
		const text = b.files.get('results/1.json');
		b.files.set('results/1.note', Buffer.from(signNote(`tallyd result v1\nkai\n1\n${sha256(text).toString('hex')}\n`, 'vote.example/kai/result', stranger)));
	}, () => [{ file: 'results/1.note', why: /not signed/ }]],
	['a version left out', (b) => { b.files.delete('results/2.json'); b.files.delete('results/2.note'); }, () => [{ file: 'results/2.json', why: /is missing/ }], { versions: 3 }],
	['the newest version left out', (b) => {
		b.files.delete('results/2.json');
		b.files.delete('results/2.note');
		reseal(b, { version: 1 });
	}, () => [{ file: 'published.json', why: /version/ }], { versions: 2, keep: true }],
	['a version more', (b) => b.files.set('results/7.json', b.files.get('results/1.json')), () => [{ file: 'results/7.json', why: /no version from 1 to 1/ }]],
	['an older version says another count', (b) => {
		const result = JSON.parse(b.files.get('results/1.json'));
		result.citizen[0].votes++;
		layResult(b, result);
	}, () => [{ file: 'results/1.json', entry: 'a', why: /^citizen\[0\]\.votes/ }], { versions: 2, listed: true }],
	['another name of the logs in the rules', (b) => editJson(b, 'rules.json', (rules) => { rules.log_name = 'vote-b.example'; }), () => [{ file: 'rules.json', why: /^log_name is .*vote-b\.example.*, should be .*vote\.example/ }]],
	['a rule', (b) => editJson(b, 'rules.json', (rules) => { rules.shards = 4; }), () => [{ file: 'rules.json', why: /^shards is 4, should be 2/ }, { file: 'rules.json', why: /rules_hash/ }]],
	['a rule, with the contest and every result', (b) => {
		b.options.revote = 'refuse';
		edit(b, 'contest.yaml', (bytes) => bytes.toString().replace('revote: replace', 'revote: refuse'));
		editJson(b, 'rules.json', (rules) => { rules.revote = 'refuse'; });
		layResult(b, documentOf(b, 1));
	}, (b) => {
		const tokens = b.shards[0].map(({ spent }) => spent.toString('hex'));
		return [{ file: openingsFile(b, 0), shard: 0, index: tokens.findIndex((token, i) => tokens.indexOf(token) < i), why: /are not replaced here/ }];
	}],
	['the contest\'s file', (b) => edit(b, 'contest.yaml', (bytes) => bytes.toString().replace('id: b\n', 'id: x\n')), () => [{ file: 'rules.json', why: /^entries\[1\]\.id is "b", should be "x"/ }]],
	['the contest\'s file is none', (b) => b.files.set('contest.yaml', Buffer.from('a: [b\n')), () => [{ file: 'contest.yaml', why: /^\d+:\d+: / }]],
	['another log key', (b) => editJson(b, 'keys.json', (keys) => { keys.log_key = stranger.raw.toString('base64'); }), () => [{ file: 'rules.json', why: /^log_key/ }, { file: 'log/kai/0/checkpoint', why: /log key/ }]],
	['the issued note', (b) => {
		const origin = originOf(b, 1, 1);
		b.files.set(`${logDir(b, 1)}/issued`, Buffer.from(signNote(`tallyd issued v1\n${origin}\n1\n9999\n`, origin, b.keys.log)));
	}, () => [{ file: 'results/1.json', why: /^issued is 302/ }]],
	['an issued note of another size', (b) => {
		const origin = originOf(b, 0, 1), [, , , tokens] = b.files.get(`${logDir(b, 0)}/issued`).toString().split('\n');
		b.files.set(`${logDir(b, 0)}/issued`, Buffer.from(signNote(`tallyd issued v1\n${origin}\n1\n${tokens}\n`, origin, b.keys.log)));
	}, (b) => [{ file: `${logDir(b, 0)}/issued`, shard: 0, why: /speaks of 1 entries/ }]],
	['an old epoch without its issued note', (b) => b.files.delete(`${logDir(b, 0, 1)}/issued`), (b) => [{ file: `${logDir(b, 0, 1)}/issued`, why: /is missing/ }], { epochs: 2 }],
	['an old epoch without its checkpoint', (b) => b.files.delete(`${logDir(b, 1, 1)}/checkpoint`), (b) => [{ file: `${logDir(b, 1, 2)}/statement`, shard: 1, why: /its checkpoint has 0/ }, { file: `${logDir(b, 1, 1)}/issued`, why: /no file that a log may have/ }], { epochs: 2 }],
	['an old epoch wholly left out', (b) => { for (const name of [...b.files.keys()]) if (name.startsWith('log/') && !name.includes('epoch-3')) b.files.delete(name); },
		(b) => [{ file: `${logDir(b, 0, 2)}/statement`, why: /is missing/ }, { file: `${logDir(b, 0, 3)}/statement`, shard: 0, why: /its checkpoint has 0/ }], { epochs: 3 }],
	['an older version names another root', (b) => layResult(b, { ...documentOf(b, 1), log: b.logs.map((log, i) => i ? log : { ...log, root: sha256('other').toString('base64') }) }),
		() => [{ file: 'results/1.json', shard: 0, why: /^log\[0\]\.root/ }], { versions: 2, listed: true }],
	['an older version says other tokens were issued', (b) => layResult(b, { ...documentOf(b, 1), issued: 400 }), () => [{ file: 'results/1.json', why: /^issued is 400, should be 302/ }], { versions: 2, listed: true }],
	['a member more in a result', (b) => layResult(b, { ...documentOf(b, 1), more: 1 }), () => [{ file: 'results/1.json', why: /not the members of a result.*more/ }], { listed: true }],
	['a member less in a result', (b) => layResult(b, { ...documentOf(b, 1), why: undefined }), () => [{ file: 'results/1.json', why: /not the members of a result.*why/ }], { listed: true }],
	['a member more in what a result says of the public', (b) => layResult(b, { ...documentOf(b, 1), public: { ...documentOf(b, 1).public, more: 1 } }), () => [{ file: 'results/1.json', why: /not the members of a result.*more/ }], { listed: true }],
	['a member more in a row of the log', (b) => layResult(b, { ...documentOf(b, 1), log: b.logs.map((log) => ({ ...log, more: 1 })) }), () => [{ file: 'results/1.json', shard: 0, why: /^log\[0\] is no origin, root, shard and size/ }], { listed: true }],
	['a member more in published.json', (b) => editJson(b, 'published.json', (shown) => { shown.more = 1; }), () => [{ file: 'published.json', why: /has not the members/ }]],
	['no published.json', (b) => b.files.delete('published.json'), () => [{ file: 'published.json', why: /is missing/ }]],
	['no FORMAT.md', (b) => b.files.delete('FORMAT.md'), () => [{ file: 'FORMAT.md', why: /is missing/ }]],
	['a path that leads out', (b) => b.files.set('a/..\\b', Buffer.from('x')), () => [{ file: 'SHA256SUMS', why: /line \d+ is no/ }]],
	['JSON with needless digits', (b) => edit(b, 'published.json', (bytes) => bytes.toString().replace(/"share":(0\.\d+)/, (_, share) => `"share":${Number(share).toFixed(5)}`)), () => [{ file: 'published.json', why: /canonical/ }]],
	['JSON with too many digits', (b) => editJson(b, 'published.json', (shown) => { shown.tally.more = 1234567890123456; }), () => [{ file: 'published.json', why: /canonical/ }]],
	['JSON with more than four decimals', (b) => editJson(b, 'published.json', (shown) => { shown.tally.more = 0.12345; }), () => [{ file: 'published.json', why: /canonical/ }]],
	['JSON with a zero less than nothing', (b) => edit(b, 'published.json', (bytes) => bytes.toString().replace('"tally":{', '"tally":{"a":-0.0,')), () => [{ file: 'published.json', why: /canonical/ }]],
	['JSON with letters that need not be escaped', (b) => edit(b, 'published.json', (bytes) => bytes.toString().replace('"kai"', '"k\\u0061i"')), () => [{ file: 'published.json', why: /canonical/ }]],
	['half a character in a result, by escape', (b) => layResult(b, { ...documentOf(b, 1), why: 'a\udc00b' }), () => [{ file: 'results/1.json', why: /no JSON object/ }], { listed: true }],
	['JSON that is no UTF-8', (b) => edit(b, 'published.json', (bytes) => Buffer.concat([bytes.subarray(0, bytes.length - 1), Buffer.from(',"z":"\xff"}', 'latin1')])), () => [{ file: 'published.json', why: /no JSON object/ }]],
	['JSON forty deep', (b) => editJson(b, 'published.json', (shown) => { for (let i = 0; i < 40; i++) shown.tally.more = [shown.tally.more ?? 1]; }), () => [{ file: 'published.json', why: /canonical/ }]],
	['a tile beyond the log\'s end', (b) => b.files.set(`${logDir(b, 0)}/tile/0/007`, Buffer.alloc(8192)), (b) => [{ file: `${logDir(b, 0)}/tile/0/007`, shard: 0, why: /beyond/ }]],
	['an earlier partial tile, which says what the fuller one begins with', (b) => b.files.set(`${logDir(b, 0)}/tile/0/000.p/2`, b.files.get(`${logDir(b, 0)}/tile/0/${numberPath(0, b.logs[0].size)}`).subarray(0, 64)),
		(b) => [{ file: `${logDir(b, 0)}/tile/0/000.p/2`, shard: 0, why: /of an earlier size/ }]],
	['an earlier file of entries', (b) => b.files.set(`${logDir(b, 0)}/tile/entries/000.p/7`, b.files.get(entriesFile(b, 0)).subarray(0, 7 * RECORD)),
		(b) => [{ file: `${logDir(b, 0)}/tile/entries/000.p/7`, shard: 0, why: /of an earlier size/ }]],
	['a file that no log has', (b) => b.files.set(`${logDir(b, 0)}/tile/0/0`, Buffer.alloc(32)), (b) => [{ file: `${logDir(b, 0)}/tile/0/0`, shard: 0, why: /no file that a log may have/ }]],
	['a log of no shard', (b) => b.files.set('log/kai/2/checkpoint', Buffer.from('x')), () => [{ file: 'log/kai/2/checkpoint', why: /no log of this contest/ }]],
	['openings of nothing', (b) => b.files.set('openings/0/009', Buffer.from('x')), () => [{ file: 'openings/0/009', why: /opens nothing/ }]],
	['no openings where they are promised', (b) => { for (const name of [...b.files.keys()]) if (name.startsWith('openings/')) b.files.delete(name); }, () => [{ file: 'openings/', why: /openings: public/ }]],
	['one file of openings less', (b) => b.files.delete(openingsFile(b, 0)), (b) => [{ file: openingsFile(b, 0), why: /is missing/ }]],
	['a statement on an epoch that ended', (b) => {
		const origin = originOf(b, 0, 2);
		b.files.set(`${logDir(b, 0, 2)}/statement`, Buffer.from(signNote(`tallyd epoch v1\n${origin}\n${originOf(b, 0, 1)}\n1\n${b.logs[0].root}\n1\n`, origin, b.keys.log)));
	}, (b) => [{ file: `${logDir(b, 0, 2)}/statement`, shard: 0, why: /the old log had 1 entries/ }], { epochs: 2 }],
	['an epoch without its statement', (b) => b.files.delete(`${logDir(b, 1, 2)}/statement`), (b) => [{ file: `${logDir(b, 1, 2)}/statement`, why: /is missing/ }], { epochs: 2 }],
	['a result that names the epoch before', (b) => {
		const result = documentOf(b, 1);
		result.log = result.log.map((log, i) => ({ ...log, origin: originOf(b, i, 1) }));
		layResult(b, result);
	}, () => [{ file: 'results/1.json', shard: 0, why: /^log\[0\]\.origin/ }], { epochs: 2 }],
	...[
		['whom else is admitted, in the rules', ({ claims }) => { claims[0].at_most = '2010-12-29'; }, /^identity\.claims\[0\]\.at_most is "2010-12-29", should be "2007-12-29"/],
		['a claim less in the rules', ({ claims }) => { claims.pop(); }, /^identity\.claims/],
		['a provider more in the rules', ({ providers }) => { providers.push('own'); }, /^identity\.providers/],
		['what tells persons apart, in the rules', (identity) => { identity.person_claim = 'sub'; }, /^identity\.person_claim is "sub", should be "ci"/],
		['a level of assurance in the rules', ({ acr }) => { acr.push('high'); }, /^identity\.acr/],
	].map(([name, change, why]) => [name, (b) => editJson(b, 'rules.json', ({ identity }) => change(identity)), () => [{ file: 'rules.json', why }], { admission: 'oidc', voters: 3 }]),
	['no fingerprint of the key for persons', (b) => editJson(b, 'rules.json', (rules) => { delete rules.identity_key; }), () => [{ file: 'rules.json', why: /identity_key/ }], { admission: 'oidc', voters: 3 }],
	['whom else is admitted, in the contest\'s file', (b) => edit(b, 'contest.yaml', (bytes) => bytes.toString().replace('2007-12-29', '2010-12-29')), () => [{ file: 'rules.json', why: /^identity\.claims\[0\]\.at_most/ }], { admission: 'oidc', voters: 3 }],
	['another provider\'s name on the pages', (b) => editJson(b, 'published.json', ({ definition }) => { definition.identity.providers[1].name.en = 'Own'; }), () => [{ file: 'published.json', why: /^definition\.identity\.providers\[1\]\.name\.en/ }], { admission: 'oidc', voters: 3 }],
	['another day of deletion on the pages', (b) => editJson(b, 'published.json', ({ definition }) => { definition.identity.delete_at = '2037-01-30T15:00:00.000Z'; }), () => [{ file: 'published.json', why: /^definition\.identity\.delete_at/ }], { admission: 'oidc', voters: 3 }],
	['what the pages show', (b) => editJson(b, 'published.json', (shown) => { shown.tally.citizen[3].rank = 1; shown.tally.citizen[3].votes += 5; }),
		() => [{ file: 'published.json', entry: 'd', why: /^tally\.citizen\[3\]\.votes/ }]],
	['the list of versions, as the pages show it', (b) => editJson(b, 'published.json', (shown) => { shown.results[0].sha256 = sha256('').toString('hex'); }),
		() => [{ file: 'published.json', why: /^results\[0\]\.sha256/ }]],
	['who was preferred to whom, as the pages show it', (b) => editJson(b, 'published.json', (shown) => { shown.tally.pairwise[0][1]++; }), () => [{ file: 'published.json', why: /^tally\.pairwise\[0\]\[1\]/ }], { form: 'ranking' }],
	['names of two entries change places on the pages', (b) => editJson(b, 'published.json', ({ definition: { entries } }) => { [entries[0].name, entries[3].name] = [entries[3].name, entries[0].name]; }),
		() => [{ file: 'published.json', why: /^definition\.entries\[0\]\.name\.en is "d", should be "a"/ }]],
	['the contest\'s name on the pages', (b) => editJson(b, 'published.json', (shown) => { shown.definition.name.en = 'Another'; }), () => [{ file: 'published.json', why: /^definition\.name\.en/ }]],
	['what a ballot may say, on the pages', (b) => editJson(b, 'published.json', (shown) => { shown.definition.form.max = 3; }), () => [{ file: 'published.json', why: /^definition\.form\.max is 3/ }]],
	['the phase on the pages', (b) => editJson(b, 'published.json', ({ definition, tally }) => { definition.phase = tally.phase = 'open'; }), () => [{ file: 'published.json', why: /^definition\.phase/ }, { file: 'published.json', why: /^tally\.phase/ }]],
	['a notice on the pages', (b) => editJson(b, 'published.json', (shown) => { shown.definition.notice = { ko: '무효', en: 'Void' }; }), () => [{ file: 'published.json', why: /^definition\.notice/ }]],
	['other hours on the pages', (b) => editJson(b, 'published.json', (shown) => { shown.definition.closes_at = '2026-12-31T09:00:00.000Z'; }), () => [{ file: 'published.json', why: /^definition\.closes_at/ }]],
	['a halted log on the pages', (b) => editJson(b, 'published.json', (shown) => { shown.tally.log = 'halted'; }), () => [{ file: 'published.json', why: /^tally\.log/ }]],
	['an epoch on the pages', (b) => editJson(b, 'published.json', (shown) => { shown.definition.epoch = 2; }), () => [{ file: 'published.json', why: /^definition\.epoch/ }]],
	['more of the definition, and less', (b) => editJson(b, 'published.json', (shown) => { shown.definition.turnout = 1e9; delete shown.definition.contact; }),
		() => [{ file: 'published.json', why: /^definition\.turnout/ }, { file: 'published.json', why: /^definition\.contact is missing/ }]],
	['more of the tally', (b) => editJson(b, 'published.json', (shown) => { shown.tally.turnout = 1e9; }), () => [{ file: 'published.json', why: /^tally\.turnout/ }]],
	['pairs that no count gives, without openings', (b) => editJson(b, 'published.json', (shown) => { shown.tally.pairwise[0][1]++; }), () => [{ file: 'published.json', why: /^what follows from tally\.pairwise\[0\]\.borda/ }],
		{ form: 'ranking', openings: 'auditors' }],
	['more pairs than ballots, without openings', (b) => editJson(b, 'published.json', ({ tally: { pairwise: p } }) => { p[0][1] += 200; p[0][2] -= 200; }), () => [{ file: 'published.json', why: /^tally\.pairwise is not/ }],
		{ form: 'ranking', openings: 'auditors' }],
	['no pairs, without openings', (b) => editJson(b, 'published.json', (shown) => { delete shown.tally.pairwise; }), () => [{ file: 'published.json', why: /^tally\.pairwise is not/ }], { form: 'ranking', openings: 'auditors' }],
	['pairs where nobody was preferred', (b) => editJson(b, 'published.json', (shown) => { shown.tally.pairwise = []; }), () => [{ file: 'published.json', why: /^tally\.pairwise/ }]],
	['a shard below nothing in an older version', (b) => { const old = JSON.parse(b.files.get('results/1.json')); layResult(b, { ...old, log: old.log.map((row, i) => (i ? row : { ...row, shard: -1 })) }); }, () => [{ file: 'results/1.json', why: /log/ }], { versions: 2, listed: true }],
	['JSON with spaces', (b) => edit(b, 'published.json', (bytes) => bytes.toString().replace(',', ', ')), () => [{ file: 'published.json', why: /canonical/ }]],
	['JSON with a member twice', (b) => edit(b, 'published.json', (bytes) => bytes.toString().replace('{', '{"tally":{},')), () => [{ file: 'published.json', why: /no JSON object.*duplicate/ }]],
	['JSON without bottom', (b) => b.files.set('published.json', Buffer.from('{"a":'.repeat(100000))), () => [{ file: 'published.json', why: /no JSON object/ }]],
];

/** Ballots that nobody may cast, in logs that are right in all else. */
const ballots = [
	['a token twice where ballots are not replaced', { revote: 'refuse' }, (votes) => votes.push({ ...votes[3] }), /are not replaced here/],
	['a token twelve times', {}, (votes) => { for (let i = 0; i < 11; i++) votes.push({ ...votes[3] }); }, /once more is too often/],
	['a token of the other shard', {}, (votes) => { const spent = Buffer.from(votes[0].spent); spent[3] ^= 1; votes.push({ ...votes[0], spent }); }, /belongs to shard/],
	['more entries than a ballot may name', {}, (votes) => votes.push({ ...votes[0], spent: Buffer.concat([votes[0].spent.subarray(0, 15), Buffer.from([0])]), ballot: Buffer.from('choices\na\nb\nc\n') }), /no ballot of the form choices/],
	['entries in another order', {}, (votes) => votes.push({ ...votes[0], spent: Buffer.concat([votes[0].spent.subarray(0, 15), Buffer.from([0])]), ballot: Buffer.from('choices\nb\na\n') }), /no ballot of the form/],
	['an entry that is none', {}, (votes) => votes.push({ ...votes[0], spent: Buffer.concat([votes[0].spent.subarray(0, 15), Buffer.from([0])]), ballot: Buffer.from('choices\nz\n') }), /no ballot of the form/],
];

function tampered([, change, , options = {}], sealed) {
	const bundle = makeBundle(options);
	change(bundle);
	if (options.listed) // published.json fits what results say now, so that nothing but the change is left to find
		editJson(bundle, 'published.json', (shown) => {
			shown.results = shown.results.map((row) => ({ ...row, sha256: sha256(bundle.files.get(`results/${row.version}.json`)).toString('hex') }));
		});
	if (sealed && !options.keep)
		reseal(bundle);
	return bundle;
}

describe('somebody changes files', () => {
	for (const row of outsiders)
		test(row[0], async () => {
			const bundle = tampered(row, false);
			const told = await verify(bundle);
			row[2](bundle).forEach((wanted) => assertFound(told, wanted));
		});
});

describe('an operator changes files and signs the list anew', () => {
	for (const row of operators)
		test(row[0], async () => {
			const bundle = tampered(row, true);
			const told = await verify(bundle);
			row[2](bundle).forEach((wanted) => assertFound(told, wanted));
		});
	for (const [name, options, change, why] of ballots)
		test(name, async () => {
			const bundle = makeBundle(options);
			change(bundle.shards[0]);
			relay(bundle, 0);
			layResult(bundle, documentOf(bundle, 1));
			reseal(bundle);
			assertFound(await verify(bundle), { file: openingsFile(bundle, 0), shard: 0, index: bundle.shards[0].length - 1, why });
		});
	test('nothing is found where citizens identified themselves and all is right', async () => {
		assert.deepEqual((await verify(makeBundle({ admission: 'oidc', voters: 3 }))).findings, []);
	});
	// What no bundle shows by itself; receipts and checkpoints that others kept would.
	test('an epoch that ended before anything was sealed leaves its statement alone', async () => {
		const bundle = makeBundle({ epochs: 3 });
		for (const shard of [0, 1]) {
			const [first, middle, last] = [1, 2, 3].map((epoch) => originOf(bundle, shard, epoch));
			for (const name of [...bundle.files.keys()])
				if (name.startsWith(`${logDir(bundle, shard, 2)}/`) && !name.endsWith('/statement'))
					bundle.files.delete(name);
			const empty = sha256('').toString('base64');
			bundle.files.set(`${logDir(bundle, shard, 3)}/statement`, Buffer.from(signNote(`tallyd epoch v1\n${last}\n${middle}\n0\n${empty}\n5\n`, last, bundle.keys.log)));
			assert.ok(bundle.files.get(`${logDir(bundle, shard, 2)}/statement`).includes(first));
		}
		reseal(bundle);
		assert.deepEqual((await verify(bundle)).findings, []);
		bundle.files.delete(`${logDir(bundle, 1, 2)}/statement`);
		reseal(bundle);
		assertFound(await verify(bundle), { file: `${logDir(bundle, 1, 2)}/statement`, why: /is missing/ });
	});
	test('whoever holds all keys and rewrites everything is not found by the bundle alone', async () => {
		const bundle = makeBundle();
		bundle.shards[0][4] = swing(bundle.shards[0][4]);
		relay(bundle, 0);
		const document = documentOf(bundle, 1);
		const listed = layResult(bundle, document);
		editJson(bundle, 'published.json', (shown) => { shown.results = [listed]; shown.tally.citizen = document.citizen; });
		reseal(bundle);
		assert.deepEqual((await verify(bundle)).findings, []);
	});
});

describe('the command', () => {
	test('takes the key as text or from a file, and tells what it looked at', async () => {
		const bundle = makeBundle({ versions: 2 }), dir = await written(bundle), file = path.join(root, 'key');
		const logKey = verifierKey('vote.example/kai/0', bundle.keys.log);
		const files = [`${bundle.key}\n`, bundle.key, `\ufeff\r\n  ${bundle.key}\r\n`, // then as tallyctl log key prints them
			`# The result key: the one to publish elsewhere.\n${bundle.key}\n# The log key, under each shard's name:\n${logKey}\n`,
			`${logKey}\n${logKey}\n${bundle.key}\n${bundle.key}\n`];
		await Promise.all(files.map((text, i) => writeFile(`${file}${i}`, text)));
		for (const key of [bundle.key, ...files.map((_, i) => `@${file}${i}`)]) {
			const { code, stdout, stderr } = await tallyctl(dir, '--key', key);
			assert.equal(code, 0, stderr);
			assert.match(stdout, /^kai\n/);
			assert.ok(stdout.includes(bundle.key));
			assert.match(stdout, /300 ballots opened and counted/);
			assert.match(stdout, /\nVERIFIED\n$/);
		}
	});
	test('says of a part that it is right only where nothing was found in it', async () => {
		const drop = (begin) => (b) => [...b.files.keys()].filter((name) => name.startsWith(begin)).forEach((name) => b.files.delete(name));
		const bad = 'should be: see below', rests = 'but what that rests on is not as it should be';
		const cases = [ // what is done; for each part how its line ends or goes on; null: none
			[() => {}, { files: 'bytes', results: 'else', log: 'tokens issued', count: 'replaced', pages: 'result' }, []],
			[drop('log/kai/0/tile/'), { files: bad, results: 'else', log: bad, pages: 'result' }, ['files', 'log']],
			[drop('openings/'), { files: bad, log: 'tokens issued', count: bad }, ['files', 'count']],
			[(b) => edit(b, 'results/1.json', (bytes) => bytes.subarray(0, 40)), { files: bad, results: bad, log: rests, count: rests }, ['files', 'results', 'base']],
			[drop('results/1.note'), { files: bad, results: bad, log: rests }, ['files', 'results', 'base']],
			[(b) => edit(b, 'published.json', () => '{}'), { files: bad, results: 'else', log: 'tokens issued', pages: bad }, ['files', 'published']],
			[(b) => edit(b, 'FORMAT.md', () => 'x'), { files: bad, results: 'else', log: 'tokens issued', count: 'replaced', pages: 'result' }, ['files']],
			[(b) => reseal(b, { key: stranger }), { files: bad, results: rests, log: rests, count: rests, pages: rests }, ['files', 'base']],
		];
		for (const [change, lines, faulty] of cases) {
			const bundle = makeBundle();
			change(bundle);
			const dir = await written(bundle);
			const { code, stdout } = await tallyctl('--key', bundle.key, dir);
			assert.equal(code, faulty.length ? 65 : 0);
			const looked = stdout.match(/^What was looked at\n([^]*?)\n\n/m)[1].split('\n');
			for (const [part, end] of Object.entries(lines)) {
				const line = looked.find((one) => one.trim().startsWith(`${part} `));
				assert.ok(line?.endsWith(end), `${part} should end with "${end}":\n${stdout}`);
			}
			const told = JSON.parse((await tallyctl('--json', '--key', bundle.key, dir)).stdout);
			assert.deepEqual(told.faulty.toSorted(), faulty.toSorted());
			await rm(dir, { recursive: true });
		}
	});
	test('without a pinned key it refuses, or says loudly what that proves', async () => {
		const bundle = makeBundle({ voters: 3 }), dir = await written(bundle);
		const bare = await tallyctl(dir);
		assert.equal(bare.code, 64);
		assert.match(bare.stderr, /--key KEY.*--unpinned/s);
		const own = await tallyctl('--unpinned', dir);
		assert.equal(own.code, 67);
		assert.match(own.stdout, /CONSISTENT, NOT VERIFIED/);
		assert.match(own.stdout, /no means to check\n {2}- who signed this: no key was pinned/);
		assert.match(own.stderr, /nothing about who made them.*--key KEY/);
		const { verified, consistent, checked } = JSON.parse((await tallyctl('--unpinned', '--json', dir)).stdout);
		assert.deepEqual({ verified, consistent, pinned: checked.pinned }, { verified: false, consistent: true, pinned: false });
		await writeFile(path.join(dir, 'FORMAT.md'), 'another');
		assert.equal((await tallyctl('--unpinned', dir)).code, 65);
		const other = await tallyctl('--key', verifierKey('vote.example/kai/result', stranger), dir);
		assert.equal(other.code, 65);
		assert.match(other.stdout, /SHA256SUMS\.note: is not signed by the pinned key/);
		assert.match(other.stderr, /NOT verified/);
	});
	test('another contest\'s key, no key, no bundle', async () => {
		const bundle = makeBundle({ voters: 3 }), dir = await written(bundle);
		assert.equal((await tallyctl('--key', verifierKey('vote.example/other/result', bundle.keys.result), dir)).code, 65);
		assert.equal((await tallyctl('--key', verifierKey('vote.example/kai/0', bundle.keys.log), dir)).code, 64);
		assert.equal((await tallyctl('--key', 'kai', dir)).code, 64);
		assert.equal((await tallyctl('--key', `@${root}/none`, dir)).code, 66);
		const keys = { empty: '# nothing\n\n', log: `${verifierKey('vote.example/kai/0', bundle.keys.log)}\n`, two: `${bundle.key}\n${verifierKey('vote.example/other/result', bundle.keys.result)}\n` };
		const said = { empty: [66, /holds no key/], log: [64, /not a result key/], two: [64, /more than one result key/] };
		for (const [name, text] of Object.entries(keys)) {
			await writeFile(path.join(root, name), text);
			const { code, stderr } = await tallyctl('--key', `@${path.join(root, name)}`, dir);
			assert.equal(code, said[name][0], stderr);
			assert.match(stderr, said[name][1]);
		}
		assert.equal((await tallyctl('--key', bundle.key, path.join(root, 'nowhere'))).code, 66);
		assert.equal((await tallyctl('--key', bundle.key, root)).code, 66);
		assert.equal((await tallyctl('--key', bundle.key, dir, dir)).code, 64);
		assert.equal((await tallyctl('--key', bundle.key, '--contest', 'kai', dir)).code, 64);
	});
	test('a list that is longer than is read: nothing was decided, and it says why', async () => {
		const bundle = makeBundle({ voters: 3 }), dir = await written(bundle);
		await truncate(path.join(dir, 'SHA256SUMS'), (128 << 20) + 1); // takes no room
		for (const pin of [['--key', bundle.key], ['--unpinned']]) {
			const { code, stdout, stderr } = await tallyctl(...pin, dir);
			assert.equal(code, 66);
			assert.equal(stdout, '');
			assert.match(stderr, /: SHA256SUMS has more than 128 MiB, more than is read here: nothing was decided\./);
		}
		await truncate(path.join(dir, 'SHA256SUMS'), 128 << 20);
		assert.equal((await tallyctl('--key', bundle.key, dir)).code, 65);
	});
	test('no link leads out of the directory', async () => {
		const bundle = makeBundle({ voters: 3 }), dir = await written(bundle);
		await rm(path.join(dir, 'log'), { recursive: true });
		await symlink(await written(bundle).then((other) => path.join(other, 'log')), path.join(dir, 'log'));
		const { code, stdout } = await tallyctl('--key', bundle.key, dir);
		assert.equal(code, 65);
		assert.match(stdout, /log: is a symbolic link/);
	});
	test('what a terminal must not be given is not given', async () => {
		const bundle = makeBundle({ voters: 3 }), dir = await written(bundle);
		await mkdir(path.join(dir, 'a\u001b[31m'));
		await writeFile(path.join(dir, 'a\u001b[31m', 'b\u202e'), '');
		const { code, stdout, stderr } = await tallyctl('--key', bundle.key, dir);
		assert.equal(code, 65);
		// eslint-disable-next-line no-control-regex
		assert.doesNotMatch(stdout + stderr, /[\u001b\u202e]/);
	});
});

describe('a bundle at an address', () => {
	let server, url, bundle, hook;
	before(async () => {
		bundle = makeBundle({ voters: 600 });
		bundle.files.set('a page?.html', Buffer.from('<p>'));
		reseal(bundle);
		server = http.createServer((request, response) => {
			const name = decodeURIComponent(request.url.slice('/count/'.length));
			if (hook?.(name, response))
				return;
			const bytes = bundle.files.get(name);
			response.writeHead(bytes ? 200 : 404, bytes && { 'Content-Length': bytes.length }).end(bytes);
		}).listen(0, '127.0.0.1');
		await once(server, 'listening');
		url = `http://127.0.0.1:${server.address().port}/count`;
	});
	after(() => {
		server.closeAllConnections();
		server.close();
	});
	/** Runs it with a TMPDIR of its own, which must be empty afterwards. */
	const fetched = async (change, key = bundle.key) => {
		const tmp = await mkdtemp(path.join(root, 'tmp-'));
		hook = change;
		const result = await runProgram(TALLYCTL, ['verify', '--json', '--key', key, url], { env: { ...process.env, TMPDIR: tmp } });
		hook = undefined;
		assert.deepEqual(await readdir(tmp), [], 'files are left behind');
		return { ...result, told: result.stdout ? JSON.parse(result.stdout) : null };
	};
	const at = (name, answer) => (asked, response) => {
		if (asked !== name)
			return false;
		answer(response);
		return true;
	};
	test('is fetched and verified', async () => {
		const { code, told, stderr } = await fetched();
		assert.equal(code, 0, stderr);
		assert.equal(told.checked.ballots, 600);
	});
	test('what a server cannot give is no finding', async () => {
		const broken = [
			(response) => response.writeHead(503).end(),
			(response) => response.destroy(),
			(response) => { response.writeHead(200, { 'Content-Length': 5000 }); response.write('{', () => response.destroy()); },
			(response) => response.writeHead(302, { Location: 'file:///etc/passwd' }).end(),
			(response) => response.writeHead(302, { Location: '/count/rules.json' }).end(),
		];
		for (const answer of broken) {
			const { code, stderr } = await fetched(at('rules.json', answer));
			assert.equal(code, 69, stderr);
			assert.match(stderr, /rules\.json: .*the network or the server, not the bundle/);
		}
	});
	test('a failure that passes is tried again', async () => {
		let failures = 2;
		const { code, stderr } = await fetched(at('rules.json', (response) => {
			if (failures-- > 0) // a broken connection libcurl itself opens again
				response.writeHead(503).end();
			else
				response.end(bundle.files.get('rules.json'));
		}));
		assert.equal(code, 0, stderr);
	});
	test('what it gives and is not right is one', async () => {
		const changed = await fetched(at('rules.json', (response) => response.end('{}')));
		assert.equal(changed.code, 65);
		assertFound(changed.told, { file: 'rules.json', why: /SHA-256/ });
		const missing = await fetched(at('results/1.note', (response) => response.writeHead(404).end()));
		assert.equal(missing.code, 65);
		assertFound(missing.told, { file: 'results/1.note', why: /is missing/ });
		const large = await fetched(at('log/kai/0/issued', (response) => response.end(Buffer.alloc(1 << 20))));
		assert.equal(large.code, 65);
		assert.match(large.stderr, /issued has more bytes/);
	});
	test('a list that is longer than is read: nothing was decided', async () => {
		const { code, stderr } = await fetched(at('SHA256SUMS', (response) => {
			const more = () => response.write(Buffer.alloc(1 << 20), (error) => { if (!error) more(); });
			more();
		}));
		assert.equal(code, 66);
		assert.match(stderr, /SHA256SUMS has more than 128 MiB, more than is read here: nothing was decided\./);
	});
	test('a list that the key did not sign asks for nothing more', async () => {
		const asked = [];
		const { code, told } = await fetched((name) => { asked.push(name); }, verifierKey('vote.example/kai/result', stranger));
		assert.equal(code, 65);
		assertFound(told, { file: 'SHA256SUMS.note', why: /not signed/ });
		assert.deepEqual([...new Set(asked)].sort(), ['SHA256SUMS', 'SHA256SUMS.note', 'keys.json']); // a lost connection is opened again
	});
	test('nobody there, no bundle there, no such address', async () => {
		assert.equal((await tallyctl('--key', bundle.key, 'http://127.0.0.1:1/')).code, 69);
		assert.equal((await tallyctl('--key', bundle.key, `${url}/nowhere/`)).code, 66);
		assert.equal((await tallyctl('--key', bundle.key, 'file:///etc/')).code, 66);
	});
});

describe('what a stranger writes', () => {
	test('names and values begin no line of what is told', async () => {
		const bundle = makeBundle({ voters: 20 });
		const document = JSON.parse(bundle.files.get('results/1.json'));
		document.citizen[0].entry = 'a\n\nVERIFIED\n';
		layResult(bundle, document);
		reseal(bundle);
		bundle.files.set('x\nVERIFIED\ny', Buffer.from('<p>'));
		const { code, stdout } = await tallyctl('--key', bundle.key, await written(bundle));
		assert.equal(code, 65);
		assert.doesNotMatch(stdout, /^\W*VERIFIED/m);
		assert.match(stdout, /^ {2}x\\u\{a\}VERIFIED\\u\{a\}y: is there/m);
	});

	for (const [parts, good] of [[16, true], [17, false]])
		test(`a path of ${parts} parts`, async () => {
			const bundle = makeBundle({ voters: 3 });
			bundle.files.set(`${'a/'.repeat(parts - 1)}x`, Buffer.from('x'));
			reseal(bundle);
			assert.equal((await verify(bundle)).verified, good);
		});

	for (const [parts, good] of [[15, true], [16, false]])
		test(`an empty directory of ${parts} parts`, async () => {
			const bundle = makeBundle({ voters: 3 }), dir = await written(bundle);
			await mkdir(path.join(dir, 'a/'.repeat(parts)), { recursive: true });
			assert.equal((await tallyctl('--key', bundle.key, dir)).code, good ? 0 : 65);
			assert.equal(verifyBundle(readDirectory(dir), bundle.key).findings.length, good ? 0 : 1);
		});

	for (const [name, values, why] of [['as many values as there may be', 250_000, /is another/], ['one more', 250_001, /more than 250000 values/]])
		test(`JSON of ${name}`, async () => {
			const bundle = makeBundle({ voters: 3 });
			bundle.files.set('published.json', Buffer.from(`["[,{",${Array(values - 1).fill('0').join(',')}]`)); // one bracket, and the commas
			reseal(bundle);
			assertFound(await verify(bundle), { file: 'published.json', why });
		});
});
