// Issuer and ballots apart where citizens identify themselves: the login at the issuer's host, the way back to the pages at the
// other one, the voting right from the issuer, the vote at the other; and what each has of it afterwards.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { castAt } from './lib/apart.mjs';
import { ROOT, TALLYD, eventually, runProgram } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Visitor, ended, startSigningInApart } from './lib/provider.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

describe('signing in, issuer and ballots apart', () => {
	let apart, issuer, ballots, provider, start;
	before(async () => {
		apart = await startSigningInApart();
		({ issuer, ballots, provider } = apart);
		start = `${ballots.site.issuer}/login?contest=citizens&provider=pass`; // as the voting page leads there
	});
	after(() => apart?.stop());

	const ask = async (instance, bearer, options) => (await passRequest(new Round(instance))).ask(bearer, options);

	test('the login at the issuer, back to the pages; the right from the one, the vote at the other', async () => {
		const visitor = new Visitor(), { location, headers } = await visitor.go(`${start}&lang=ko`);
		assert.equal(new URL(location).searchParams.get('redirect_uri'), `${issuer.url}/login/callback`);
		assert.match(headers.getSetCookie()[0], /; Path=\/login\/callback; Max-Age=900; HttpOnly; SameSite=Lax$/);
		const callback = await visitor.signIn(`${start}&lang=ko`, 'kim');
		assert.ok(callback.startsWith(`${issuer.url}/login/callback?`), callback);
		const end = await visitor.go(callback);
		assert.ok(end.location.startsWith(`${ballots.url}/vote/?contest=citizens#admission=`), end.location);
		assert.deepEqual([...visitor.cookies.values()].filter(({ origin }) => origin === ballots.url), [], 'the pages\' host has no cookie');
		const { admission } = ended(end);
		const request = await passRequest(new Round(issuer));
		const issued = await request.ask(admission, { headers: { Origin: ballots.url } });
		assert.equal(issued.headers['access-control-allow-origin'], ballots.url);
		assert.equal(issued.headers['access-control-allow-credentials'], undefined);
		const receipt = await castAt(ballots, await request.finish(issued), 'park');
		assert.equal(receipt.status, 'counted');
		// The same person in another browser, in English.
		const again = await new Visitor().go(await new Visitor().signIn(`${start}&lang=en`, 'kim'));
		assert.ok(again.location.startsWith(`${ballots.url}/en/vote/?contest=citizens#login=other-browser`), again.location);
		assertProblem(await ask(issuer, (await new Visitor().login(`${start}&lang=en`, 'kim')).admission), 409, 'already-issued');
	});

	test('what does not work out ends on the pages as well', async () => {
		for (const [name, act, why] of [['kim', 'out', 'cancelled'], ['young', 'in', 'not-eligible']]) {
			const visitor = new Visitor(), { location } = await visitor.go(await visitor.signIn(`${start}&lang=en`, name, { act }));
			assert.equal(location, `${ballots.url}/en/vote/?contest=citizens#login=${why}`);
		}
	});

	test('the ballots\' host knows no login, no bearer and no provider; the issuer lets no other pages ask', async () => {
		for (const target of ['/login?contest=citizens&provider=pass', '/login/callback?code=x&state=y'])
			assertProblem(await ballots.get(target), 404, 'not-found');
		const { admission } = await new Visitor().login(`${start}&lang=ko`, 'lee');
		assertProblem(await ask(ballots, admission), 404, 'not-found');
		assert.equal(YAML.parse(await readFile(ballots.config, 'utf8')).providers, undefined);
		const { code, stderr } = await runProgram(TALLYD, ['-c', ballots.config, '--check-config']);
		assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
		const other = await ask(issuer, 'x', { headers: { Origin: 'https://other.example' } });
		assert.equal(other.headers['access-control-allow-origin'], undefined);
	});

	test('the issuer is to be told where the pages are, and where it is itself', async () => {
		const text = await readFile(issuer.config, 'utf8'), file = path.join(issuer.dir, 'changed.yaml');
		for (const [name, why] of [['public_url', /where the pages are .*; set "public_url"/], ['issuer_origin', /where providers lead back to; set "issuer_origin" .* own address/], [null, null]]) {
			await writeFile(file, YAML.stringify({ ...YAML.parse(text), ...name && { [name]: '' } }));
			const { code, stderr } = await runProgram(TALLYD, ['-c', file, '--check-config']);
			assert.equal(code, why ? 78 : 0, stderr);
			if (why) assert.match(stderr, why);
		}
		const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
		const [section] = /### Issuer and ballots apart\n[\s\S]*?(?=\n##)/.exec(readme);
		for (const line of ['issuer_origin: https://issuer.vote.example.kr', 'providers:', '/login/callback']) assert.ok(section.includes(line), line);
	});

	test('what is kept of persons lies with the issuer, is deleted there, and the count goes on without', async () => {
		const persons = async (instance) => {
			const redis = instance.redisClient();
			return (await redis.keys('*:issued:*')).length;
		};
		assert.equal(await persons(issuer), 1);
		assert.equal(await persons(ballots), 0);
		for (const instance of [issuer, ballots]) await ctlDone(instance, 'close', '--why', 'done');
		await ctlRefused(ballots, 65, /issued by another server, where identities are kept; delete them there/, 'forget-identities', '--why', 'done');
		await ctlDone(issuer, 'forget-identities', '--why', 'done');
		assert.equal(await persons(issuer), 0);
		const note = path.join(ballots.dir, 'issued.note');
		await eventually(async () => (await issuer.get('/log/citizens/0/issued')).text.split('\n')[3] === '1', 'the note of the close');
		await writeFile(note, (await issuer.get('/log/citizens/0/issued')).text);
		assert.deepEqual((await ctlDone(ballots, 'issued', '--issuer', apart.file, note, '--json')).json, { issued: 1, ballots: 1 });
		await eventually(async () => (await ctl(ballots, 'recount', '--json')).json.findings.length === 0, 'a recount that agrees');
		assert.ok(provider.logins > 0);
	});
});
