// A rehearsal from its first vote to a verified count, by README's own commands; and what is told on the way to
// whoever is about to make it impossible.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, cp, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { ROOT, TALLYCTL, realRound, runProgram, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { auditOf, ctl, ctlDone, ctlRefused, invite, stage } from './lib/acts.mjs';
import { certify, measure } from './lib/published.mjs';
import { complete, inviteExpert } from './lib/sheets.mjs';

const text = (en) => ({ ko: en, en });
const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

async function start(t, contest = {}) {
	const instance = await startInstance({ contest });
	t.after(() => instance.stop());
	return { instance, round: new Round(instance), at: (...names) => path.join(instance.dir, ...names) };
}

/** A panel that weighs something, beside votes and a metric. */
const weighing = { ...stage, pledge: undefined, stage: { ...stage.stage, parts: [...stage.stage.parts,
	{ id: 'experts', name: text('experts'), source: 'panel', panel: 'experts', weight: 35, scale: 'points' }] } };

/** A program on a terminal, and what is typed into it: {code, said}. */
function onTerminal(command, typed) {
	return new Promise((resolve) => {
		const child = execFile('script', ['-qec', command, '/dev/null'], (error, stdout, stderr) =>
			resolve({ code: error?.code ?? 0, said: `${stdout}${stderr}` }));
		child.stdin.end(typed);
	});
}

describe('a rehearsal', { concurrency: 3 }, () => {
	test('README’s commands lead from the first vote to VERIFIED', async (t) => {
		const { instance } = await start(t, { rehearsal: { approvals: 1 } });
		const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
		const part = readme.slice(readme.indexOf('### Rehearse a whole contest'), readme.indexOf('\n## How it works'));
		const commands = [...part.matchAll(/```sh\n([^`]*)```/g)].map(([, lines]) => lines).join('');
		assert.ok(commands.split('\n').length > 10, commands);
		const here = commands.replaceAll('build/tallyctl', TALLYCTL).replaceAll(/\bvar\/tallyd\.yaml/g, instance.config)
			.replaceAll(/\bvar\//g, `${instance.dir}/`)
			.replace(/^make voters.*$/m, `${TALLYCTL} -c ${instance.config} voters --count 20 --rate 100 --url ${instance.url}`)
			.replace(/^make experts$/m, `${TALLYCTL} -c ${instance.config} experts`);
		assert.doesNotMatch(here, /\bmake\b|\bvar\//);
		const done = await runProgram('/bin/sh', ['-euc', here], { cwd: ROOT, timeout: 120_000 });
		assert.equal(done.code, 0, `${done.stdout}${done.stderr}`);
		assert.match(done.stdout, /20 counted.*5 synthetic experts of panel experts.*10 synthetic experts of panel users.*is closed.*is provisional.*All of it agrees.*is signed.*VERIFIED\n$/s);
		assert.doesNotMatch(done.stderr, /panel .* weighs/);
	});

	test('made-up sheets: no real contest, none after the close, as many as wanted, with the pledge', async (t) => {
		const { instance, round } = await start(t, { pledge: { required: true } });
		await ctlRefused(instance, 64, /--each takes a number from 1 to 50/, 'experts', '--each', '51');
		assert.deepEqual((await ctlDone(instance, 'experts', '--each', '2', '--json')).json, { contest: round.id, experts: 4, sheets: 4 });
		await ctlDone(instance, 'experts', '--each', '1'); // others, not the same again
		const { panels } = (await ctlDone(instance, 'status', '--json')).json.experts;
		assert.deepEqual(panels.map(({ submitted, of }) => [submitted, of]), [[3, 3], [3, 3]]);
		assert.equal((await auditOf(round)).filter(({ act }) => act === 'sheet.submitted').length, 6);
		await ctlDone(instance, 'close', '--why', 'done');
		const { length } = await auditOf(round);
		await ctlRefused(instance, 65, /the contest is closed; sheets are taken while it is open/, 'experts');
		assert.equal((await auditOf(round)).length, length);
		const real = await startInstance(realRound(Date.now() - 3_600_000, Date.now() + 3_600_000));
		t.after(() => real.stop());
		await ctlRefused(real, 65, /is a real contest: made-up sheets go to a rehearsal only/, 'experts');
	});

	test('a panel that weighs and has rated nobody is told before the close and before publishing', async (t) => {
		const { instance, round } = await start(t, weighing);
		const command = `${TALLYCTL} -c ${instance.config} close --why done`;
		const no = await onTerminal(command, 'no\n');
		assert.equal(no.code, 65, no.said);
		assert.match(no.said, /panel experts weighs 35 and has no sheet\..*no sheet can be handed in.*could never be certified.*Type yes: .*nothing was done/s);
		assert.equal((await ctlDone(instance, 'status', '--json')).json.phase, 'open');

		// One who leaves out a team by conflict: nobody has rated that team.
		const expert = await inviteExpert(round, { name: '김하나', affiliation: '네이버' });
		await expert.saved(complete(await expert.sheet(), ENTRIES), 0);
		const yes = await onTerminal(command, 'yes\n');
		assert.equal(yes.code, 0, yes.said);
		assert.match(yes.said, /panel experts weighs 35 and nobody has rated naver-cloud\./);
		const published = await ctlDone(instance, 'publish');
		assert.match(published.stderr, /nobody has rated naver-cloud.*no sheet can be handed in any more.*never certified/s);
		await measure(instance, 'bench', Object.fromEntries(ENTRIES.map((entry) => [entry, 50])));
		await ctlRefused(instance, 65, /something that weighs is missing: experts of naver-cloud/, 'certify', '--why', 'final');

		// Whoever is invited now is told.
		const late = await ctlDone(instance, 'invite', 'expert', '--name', '늦은이', '--affiliation', '한국대학교');
		assert.match(late.stderr, /the contest is provisional, and sheets are taken no more/);
		assert.doesNotMatch((await ctlDone(instance, 'invite', 'observer', '--name', '보는이')).stderr, /no more/);
	});

	test('no warning where nothing that weighs is missing, and no question to a script', async (t) => {
		const { instance, round } = await start(t, weighing);
		const expert = await inviteExpert(round, { name: '김하나', affiliation: '한국대학교' });
		assert.equal((await ctl(instance, 'pause', '--why', 'x')).stderr, '');
		await ctlDone(instance, 'resume', '--why', 'x');
		await expert.saved(complete(await expert.sheet(), ENTRIES), 0);
		assert.equal((await ctlDone(instance, 'close', '--why', 'done')).stderr, '');
		assert.equal((await ctlDone(instance, 'publish')).stderr, '');
		const other = await start(t, weighing);
		assert.match((await ctlDone(other.instance, 'close', '--why', 'done', '--json')).stderr, /has no sheet/);
	});

	test('a second organiser is told how to approve, and may give the link as invite printed it', async (t) => {
		const { instance, at } = await start(t, { stage: undefined, rehearsal: { approvals: 2 }, approvals: 2 });
		const said = await ctlDone(instance, 'invite', 'organiser', '--name', '이운영');
		const [, link] = /^\s+(http\S+#token=\S+)$/m.exec(said.stdout);
		const files = {};
		for (const [name, content] of Object.entries({ printed: said.stdout, link: `${link}\n`, token: link.split('#token=')[1] })) {
			files[name] = at(name);
			await writeFile(files[name], content);
		}
		const other = await invite(instance, 'organiser', '박운영');
		const asked = await ctlDone(instance, 'close', '--why', 'all voted', '--token', other.file);
		const [, request] = new RegExp(`tallyctl -c ${instance.config} approve (r-\\S+) --token FILE\n.*the link that tallyctl invite printed`).exec(asked.stdout);
		await writeFile(at('two'), `${link}\n${link}\n`);
		await ctlRefused(instance, 77, /holds more than one link/, 'approve', request, '--token', at('two'));
		await writeFile(at('long'), 'x'.repeat(20_000));
		await ctlRefused(instance, 77, /is not a token/, 'approve', request, '--token', at('long'));
		await ctlRefused(instance, 66, /No such file.*the link that tallyctl invite printed/, 'approve', request, '--token', at('none'));
		for (const file of Object.values(files))
			await ctlDone(instance, 'notice', '--ko', file, '--en', file, '--token', file);
		await ctlDone(instance, 'approve', request, '--token', files.printed);
		assert.equal((await ctlDone(instance, 'status', '--json')).json.phase, 'closed');
	});
});

describe('where pages come from, and bundles go', { concurrency: 2 }, () => {
	const run = (program, args, options) => runProgram(program, args, options);

	test('found beside the program as it was built and installed; else every place is named', async (t) => {
		const { instance, at } = await start(t, { stage: undefined });
		await ctlRefused(instance, 65, /Nothing has been certified yet/, 'publish', at('early'), '--from', at('no-pages')); // the phase first
		await certify(instance);

		const built = await run(TALLYCTL, ['-c', instance.config, 'publish', 'bundle'], { cwd: instance.dir });
		assert.equal(built.code, 0, built.stderr);
		assert.match(built.stdout, new RegExp(`check   ${TALLYCTL} verify --key '\\S+' bundle\n`));
		const site = await run(TALLYCTL, ['-c', instance.config, 'site', at('site-2')], { cwd: '/' });
		assert.match(site.stdout, new RegExp(`from ${path.join(ROOT, 'static')}\n`), site.stderr);

		// Installed: PREFIX/bin and PREFIX/share/tallyd, with what others wrote inside the pages.
		const tallyctl = at('prefix/bin/tallyctl');
		await mkdir(path.dirname(tallyctl), { recursive: true });
		await copyFile(TALLYCTL, tallyctl);
		await chmod(tallyctl, 0o755);
		const alone = await run(tallyctl, ['-c', instance.config, 'publish', at('second')]);
		assert.equal(alone.code, 66);
		for (const place of [at('static'), path.join(path.dirname(instance.dir), 'static'), at('prefix/static'), at('prefix/share/tallyd/static')])
			assert.ok(alone.stderr.includes(`\n  ${place}\n`), `${place} in ${alone.stderr}`);
		assert.match(alone.stderr, /verify\/index\.html.*--from DIR|--from DIR.*verify\/index\.html/s);
		const share = at('prefix/share/tallyd/static');
		await cp(path.join(ROOT, 'static'), share, { recursive: true });
		const bare = await run(tallyctl, ['-c', instance.config, 'publish', at('second')]);
		assert.equal(bare.code, 0, bare.stderr);
		assert.match(bare.stderr, /warning: .*ops\/pages\/vendor is not there.*ops\/install run.*--vendor DIR/);
		await mkdir(path.join(share, 'vendor'));
		await writeFile(path.join(share, 'vendor/qr.js'), 'export {};\n');
		const whole = await run(tallyctl, ['-c', instance.config, 'publish', at('third')]);
		assert.deepEqual([whole.code, whole.stderr], [0, '']);
		assert.deepEqual(await readdir(at('third/vendor')), ['qr.js']);

		// A directory "static" of somebody else's is passed over.
		await mkdir(at('static'));
		assert.equal((await run(TALLYCTL, ['-c', instance.config, 'site', at('site-3')])).code, 0);
	});

	test('not into the pages, not without a name, and what it is to lie in must be there', async (t) => {
		const { instance, at } = await start(t, { stage: undefined });
		await certify(instance);
		const pages = at('pages');
		await cp(path.join(ROOT, 'static'), pages, { recursive: true });
		await symlink('pages', at('link'));
		for (const into of [pages, path.join(pages, 'new'), path.join(at('link'), 'new'), path.join(pages, 'a/b'), path.join(pages, 'js')])
			for (const command of ['publish', 'site'])
				await ctlRefused(instance, 64, /is where the pages come from, or in it/, command, into, '--from', pages);
		await ctlRefused(instance, 73, /DIR is empty/, 'publish', '');
		await ctlRefused(instance, 73, /No such file or directory: make what it is to lie in first/, 'publish', at('no/such'));
		assert.ok(!(await readdir(pages)).includes('new'));
	});

	test('Ctrl-C while it writes leaves nothing behind', async (t) => {
		const { instance, round, at } = await start(t, { stage: undefined, openings: 'public' });
		assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
		await certify(instance);
		let stopped = 0;
		for (const [command, signal] of [['publish', 'SIGINT'], ['publish', 'SIGTERM'], ['site', 'SIGHUP']]) {
			for (let ms = 4; ms < 300; ms = Math.ceil(ms * 1.7)) {
				const dir = at('place', 'of'), child = spawn(TALLYCTL, ['-c', instance.config, command, dir], { stdio: ['ignore', 'ignore', 'pipe'] });
				await mkdir(path.dirname(dir), { recursive: true });
				let said = '';
				child.stderr.on('data', (piece) => {
					said += piece;
				});
				const timer = setTimeout(() => child.kill(signal), ms);
				const [code, by] = await once(child, 'close');
				clearTimeout(timer);
				stopped += /interrupted: /.test(said);
				assert.ok(code === 0 || by === signal, `${code} ${by} ${said}`);
				const left = await readdir(at('place'));
				assert.deepEqual(left.filter((name) => name !== 'of'), []);
				if (left.length > 0) { // all of it, or a directory that was only made
					const files = await readdir(dir);
					assert.deepEqual(files.filter((name) => name.startsWith('.')), []);
					assert.ok(files.length === 0 || files.includes('index.html'), `${files}`);
				}
				await rm(at('place'), { recursive: true });
			}
		}
		assert.ok(stopped > 0, 'no signal came while something was written');
	});
});
