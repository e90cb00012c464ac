// Issuer and ballots apart, by the steps of README.md: a voting right from one server, the vote at the other; what
// each serves and has; what goes on without the other; how many were issued, by the issuer's signed note.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createApi, Unreachable } from '../../static/js/api.js';
import { ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { PAGES, castAt, startApart, tokenFrom } from './lib/apart.mjs';
import { makeCodes } from './lib/codes.mjs';
import { ROOT, TALLYD, childrenOf, eventually, runProgram } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const EXAMPLE = path.join(ROOT, 'config/examples/codes.yaml');
const SECRETS = ['token.private.pem', 'identity.key'];

/** The files of all rounds in a directory of keys. */
async function keysOf(instance) {
	const names = [];
	for (const round of await readdir(path.join(instance.dir, 'keys')))
		names.push(...(await readdir(path.join(instance.dir, 'keys', round)).catch(() => [])));
	return names;
}

describe('roles', () => {
	let apart, issuer, ballots, codes;
	before(async () => {
		apart = await startApart({ contests: [EXAMPLE] });
		({ issuer, ballots } = apart);
		({ codes } = await makeCodes(issuer, 12));
	});
	after(() => apart.stop());

	test('a voting right from the one, the vote at the other', async () => {
		const receipt = await castAt(ballots, await tokenFrom(issuer, codes[0]), 'hana');
		assert.equal(receipt.status, 'counted');
		const batches = (await ctlDone(issuer, 'codes', 'status', '--json')).json;
		assert.equal(batches[0].used, 1);
	});

	test('each serves its own part, and says 404 to the rest', async () => {
		const c = '/v1/contests/members';
		const paths = [ // method, path, at the issuer, at the ballots
			['POST', `${c}/tokens`, true, false],
			['POST', '/v1/tokens', true, false],
			['GET', '/login', true, false],
			['GET', '/login/callback', true, false],
			['GET', '/.well-known/private-token-issuer-directory', true, false],
			['GET', `${c}/challenge`, true, true],
			['GET', '/healthz', true, true],
			['GET', '/readyz', true, true],
			['GET', '/log/members/0/checkpoint', true, true],
			['GET', '/v1/contests', false, true],
			['GET', c, false, true],
			['POST', `${c}/ballots`, false, true],
			['GET', `${c}/receipts/0/0`, false, true],
			['GET', `${c}/tally`, false, true],
			['GET', `${c}/me`, false, true],
			['GET', `${c}/results`, false, true],
			['POST', `${c}/acts`, false, true],
			['GET', '/', false, true],
			['GET', '/vote/', false, true],
		];
		for (const [method, target, atIssuer, atBallots] of paths)
			for (const [instance, served] of [[issuer, atIssuer], [ballots, atBallots]]) {
				const reply = await instance.request(method, target, method === 'POST' ? { body: 'x' } : {});
				const unknown = reply.status === 404 && /problems#not-found/.test(reply.text);
				assert.equal(unknown, !served, `${method} ${target} at ${instance === issuer ? 'the issuer' : 'the ballots'}: ${reply.status} ${reply.text.slice(0, 200)}`);
				if (unknown)
					assertProblem(reply, 404, 'not-found');
			}
	});

	test('the pages find both; the issuer answers their origin and no other', async () => {
		assert.equal(ballots.site.issuer, issuer.url);
		const csp = (await ballots.get('/vote/')).headers['content-security-policy'];
		assert.ok(csp.includes(`connect-src 'self' ${issuer.url};`), csp);
		const allowed = async (instance, origin) => (await instance.request('OPTIONS', '/v1/contests/members/tokens', {
			headers: { 'Origin': origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type' } })).headers['access-control-allow-origin'];
		assert.equal(await allowed(issuer, PAGES), PAGES);
		assert.equal(await allowed(issuer, 'https://other.example'), undefined);
		assert.equal(await allowed(ballots, PAGES), undefined);
	});

	test('the private key of voting rights lies with the issuer alone, and no process of the other is a signer', async () => {
		assert.ok(SECRETS.every((name) => issuerHas(name)));
		const there = await keysOf(ballots);
		assert.ok(there.includes('token.public.pem'));
		assert.deepEqual(there.filter((name) => SECRETS.includes(name)), []);
		assert.equal((await childrenOf(issuer.child.pid)).length, (await childrenOf(ballots.child.pid)).length + 1);
		function issuerHas(name) {
			return readFileSync(path.join(issuer.dir, 'keys/members~rehearsal', name)).length > 0;
		}
	});

	test('what belongs to the other server is refused with a sentence', async () => {
		await ctlRefused(ballots, 78, /does not issue \("roles"\).*where the issuer is/s, 'codes', 'make', '3', '--out', path.join(ballots.dir, 'x.csv'));
		for (const args of [['recount'], ['publish', path.join(issuer.dir, 'bundle')], ['certify', '--why', 'test'], ['metrics', 'list']])
			await ctlRefused(issuer, 78, /has no ballots \("roles"\).*where they are/s, ...args);
		await ctlRefused(issuer, 78, /issues itself/, 'keygen', '--issuer', apart.file);
		await ctlRefused(ballots, 78, /nothing to export/, 'keygen', '--export', path.join(ballots.dir, 'x.json'));
		await ctlRefused(issuer, 73, /File exists/, 'keygen', '--export', apart.file);
		await ctlRefused(issuer, 78, /issues itself/, 'issued', '--issuer', apart.file, apart.file);
		await ctlDone(ballots, 'keygen', '--issuer', apart.file); // again: nothing happens
	});

	test('the issuer\'s file: of another issuer, of no issuer, of other keys, without this contest', async () => {
		const file = path.join(ballots.dir, 'changed.json'), good = JSON.parse(await readFile(apart.file, 'utf8'));
		const other = JSON.parse(JSON.stringify(good));
		const [one, two] = Object.keys(other.rounds);
		[other.rounds[one].token_key, other.rounds[two].token_key] = [other.rounds[two].token_key, other.rounds[one].token_key];
		for (const [content, code, why] of [
			[{ ...good, issuer_name: 'elsewhere.example' }, 65, /another issuer_name or origin_info/],
			[{ ...good, origin_info: 'elsewhere.example' }, 65, /another issuer_name or origin_info/],
			[{ ...good, log_name: 'vote.example' }, 65, /Give the issuer another one/],
			[{ a: 1 }, 65, /is not what `tallyctl keygen --export` writes/],
			[[], 65, /is not what `tallyctl keygen --export` writes/],
			[{ ...good, rounds: {} }, 73, /has no key of round members/],
			[{ ...good, rounds: { members: { token_key: 'x' } } }, 73, /not an RSA-2048 public key/],
			[other, 73, /is another token key than the issuer's/],
		]) {
			await writeFile(file, JSON.stringify(content));
			await ctlRefused(ballots, code, why, 'keygen', '--issuer', file);
		}
		await ctlRefused(ballots, 65, /No such file/, 'keygen', '--issuer', path.join(ballots.dir, 'none.json'));
	});

	test('a private key of the issuer that lies in the wrong place is named', async () => {
		const check = () => runProgram(TALLYD, ['-c', ballots.config, '--check-config']);
		assert.equal((await check()).stderr, '');
		for (const name of SECRETS) {
			const wrong = path.join(ballots.dir, 'keys/members~rehearsal', name);
			await copyFile(path.join(issuer.dir, 'keys/members~rehearsal', name), wrong);
			const { code, stderr } = await check();
			await rm(wrong);
			assert.equal(code, 0);
			assert.match(stderr, new RegExp(`${name} lies here, and this server does not issue`));
		}
	});

	test('pages without an issuer are refused, and so is a role that there is not', async () => {
		const text = await readFile(ballots.config, 'utf8'), file = path.join(ballots.dir, 'other.yaml');
		for (const [from, to, why] of [[/issuer_origin: .*/, 'issuer_origin: ""', /"issuer_origin" is to say where/], [/- tally/, '- talley', /issuer, ballots, tally or pages/]]) {
			await writeFile(file, text.replace(from, to));
			const { code, stderr } = await runProgram(TALLYD, ['-c', file, '--check-config']);
			assert.equal(code, 78);
			assert.match(stderr, why);
		}
	});

	test('a server that does not issue makes no keys before it has the issuer\'s', async () => {
		const config = path.join(ballots.dir, 'anew.yaml'), keys = path.join(ballots.dir, 'anew');
		await writeFile(config, (await readFile(ballots.config, 'utf8')).replace(/^keys: .*$/m, `keys: ${keys}`));
		await ctlRefused({ config }, 73, /token\.public\.pem: is missing, and this host does not issue .*--export FILE.*--issuer FILE/s, 'keygen');
		for (const round of await readdir(keys))
			assert.deepEqual(await readdir(path.join(keys, round)).catch(() => []), []);
	});

	test('README.md says these steps', async () => {
		const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
		const [section] = /### Issuer and ballots apart\n[\s\S]*?(?=\n##)/.exec(readme);
		for (const line of ['roles: [issuer]', 'roles: [ballots, tally, pages]', 'issuer_origin: ', 'origins: [', 'keygen --export issuer.json', 'keygen --issuer issuer.json', 'issued --issuer issuer.json', 'codes make'])
			assert.ok(section.includes(line), line);
	});

	// The last ones: the contest is closed, and then the issuer is gone.
	test('how many were issued: by the issuer\'s signed note; a result only with it', async () => {
		const token = await tokenFrom(issuer, codes[1]);
		await castAt(ballots, token, 'duri');
		assert.match((await ctl(ballots, 'recount')).stderr, /2 tokens are spent, and 0 were issued, as far as the issuer's notes have been taken/);
		const note = async (name, change = (text) => text) => {
			const file = path.join(ballots.dir, name);
			await writeFile(file, change((await issuer.get('/log/members/0/issued')).text));
			return file;
		};
		const early = await note('early.note');
		await ctlRefused(ballots, 65, /more ballots count than voting rights were issued/, 'issued', '--issuer', apart.file, early);
		apart.spare = await tokenFrom(issuer, codes[2]);
		await ctlDone(issuer, 'close', '--why', 'done');
		await eventually(async () => (await issuer.get('/log/members/0/issued')).text.split('\n')[3] === '3', 'the note of the close');
		const late = await note('late.note');
		assertProblem(await (await passRequest(new Round(issuer))).ask(codes[3]), 403, 'closed');
		const forged = await note('forged.note', (text) => text.replace(/^3$/m, '4'));
		const own = path.join(ballots.dir, 'own.note');
		await writeFile(own, (await ballots.get('/log/members/0/issued')).text);
		for (const wrong of [forged, own])
			await ctlRefused(ballots, 65, /is no note of .* that the issuer's log key has signed/, 'issued', '--issuer', apart.file, wrong);
		await ctlRefused(ballots, 65, /is a second note of shard 0/, 'issued', '--issuer', apart.file, late, late);
		assert.deepEqual((await ctlDone(ballots, 'issued', '--issuer', apart.file, late, '--json')).json, { issued: 3, ballots: 2 });
		await ctlRefused(ballots, 65, /tells of 0 voting rights, and one before of 3/, 'issued', '--issuer', apart.file, early);
		assert.deepEqual((await ctl(ballots, 'recount', '--json')).json.findings.filter(({ check }) => check !== 'log'), []);
	});

	test('without the issuer: votes go on, and whoever asks for a voting right is told that nobody can be reached', async () => {
		await issuer.end();
		const receipt = await castAt(ballots, apart.spare, 'sena');
		assert.equal(receipt.status, 'counted');
		const api = createApi({ api: ballots.url, issuer: issuer.url });
		assert.equal((await api.contest('members')).phase, 'open');
		await assert.rejects(api.token('members', new Uint8Array(259), codes[4]), Unreachable);
		assert.equal((await ballots.get('/readyz')).status, 200);
	});

	test('certified and published, with the issuer\'s number in the ballots\' own signed notes', async () => {
		await ctlDone(ballots, 'close', '--why', 'done');
		await ctlDone(ballots, 'publish');
		await eventually(async () => (await ballots.get('/log/members/0/issued')).text.split('\n')[3] === '3', 'the note of the close');
		await eventually(async () => (await ctl(ballots, 'certify', '--why', 'final')).code === 0, 'a certified result');
		const bundle = path.join(ballots.dir, 'bundle');
		await ctlDone(ballots, 'publish', bundle);
		const key = path.join(ballots.dir, 'result.key');
		await writeFile(key, (await ctlDone(ballots, 'log', 'key')).stdout);
		assert.match((await ctlDone(ballots, 'verify', '--key', `@${key}`, bundle)).stdout, /3 tokens issued[\s\S]*VERIFIED/);
	});
});
