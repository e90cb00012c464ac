// The command line for watching and taking away: status, tally, watch, audit, export, report; and that every
// command helps, and refuses what it does not understand.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { ROOT, TALLYCTL, TALLYD, contestDocument, eventually, makeDirectory, runProgram, startInstance, withDeadline } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { SANITIZER, auditOf, ctl, ctlDone, ctlRefused } from './lib/acts.mjs';
import { complete, inviteTable } from './lib/sheets.mjs';
import { objectsOf, parseCsv } from './lib/csv.mjs';

const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

describe('tallyctl watches', () => {
	let instance, round, people;
	before(async () => {
		instance = await startInstance({ contest: { visibility: { citizen: 'organisers', experts: 'on-publish', standing: 'on-publish' } } });
		round = new Round(instance);
		for (const entry of ['upstage', 'upstage', 'nc-ai'])
			assert.equal((await round.cast(round.mint(), { choices: [entry] })).status, 201);
		people = await inviteTable(round, ['가나다', '라마바'].map((name) => ({ name })));
		await people[0].saved(complete(await people[0].sheet(), ENTRIES), 0);
	});
	after(() => instance.stop());

	/** watch, until it has printed what `enough` accepts; then Ctrl-C. */
	const watch = async (enough, ...args) => {
		const child = spawn(TALLYCTL, ['-c', instance.config, 'watch', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
		let stdout = '', stderr = '';
		child.stderr.on('data', (text) => {
			stderr += text;
		});
		const seen = new Promise((resolve, reject) => {
			child.stdout.on('data', (text) => {
				stdout += text;
				if (enough(stdout))
					resolve();
			});
			child.once('close', () => reject(new Error(`watch ended: ${stderr}`)));
		});
		const end = new Promise((resolve) => {
			child.once('close', (code, signal) => resolve({ code, signal }));
		});
		try {
			await withDeadline(seen, 30_000, 'frames of watch');
			child.kill('SIGINT');
			assert.deepEqual(await withDeadline(end, 20_000, 'the end of watch'), { code: 0, signal: null }, stderr);
		} finally {
			child.kill('SIGKILL');
		}
		assert.equal(stderr, '');
		return stdout;
	};

	test('Redis goes silent, with more patience than tallyctl has: what completes at the end finds nobody', async () => {
		const quiet = path.join(instance.dir, 'quiet.sock'), settings = YAML.parse(await readFile(instance.config, 'utf8'));
		const socket = settings.redis.address.replace(/^unix:/, '');
		const proxy = net.createServer((client) => {
			const redis = net.connect(socket);
			client.on('data', (bytes) => {
				if (!/\r\ndesk_read_\d+\r\n/.test(bytes.toString('latin1'))) // the call, not the library's text
					redis.write(bytes);
			}).on('close', () => redis.destroy()).on('error', () => {});
			redis.pipe(client);
			redis.on('error', () => {});
		});
		await new Promise((resolve) => {
			proxy.listen(quiet, resolve);
		});
		settings.redis = { address: `unix:${quiet}`, deadline: '50s' };
		const config = path.join(instance.dir, 'quiet.yaml');
		await writeFile(config, YAML.stringify(settings));
		try {
			// One that asks for the phase, and one that looks at the whole board: side by side, each waits as long as it does.
			await Promise.all([['invite', 'expert', '--name', '바'], ['close', '--why', 'x']].map(async (args) => {
				const { code, stderr } = await runProgram(TALLYCTL, ['-c', config, ...args],
					{ env: { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_stack_use_after_return=1` } });
				assert.doesNotMatch(stderr, SANITIZER);
				assert.equal(code, 69, `${args}: ${stderr}`);
				assert.match(stderr, /Redis gave no answer within 10 s/);
			}));
		} finally {
			proxy.close();
		}
	});

	test('status: for people, and as the organisers’ page has it', async () => {
		const { stdout } = await ctlDone(instance, 'status');
		assert.match(stdout, /^kai-stage1 \(rehearsal\) · .*[가-힣].* · open · as of \S+T\S+\+09:00\n/);
		assert.match(stdout, /ballots 3 {3}tokens issued 3/);
		assert.match(stdout, / 1 {2}업스테이지 .* 2 +66\.7%/);
		assert.match(stdout, /[가-힣]+: 1 of 2 sheets submitted/);
		assert.match((await ctlDone(instance, 'status', '--lang', 'en')).stdout, / 1 {2}Upstage .*[^]*Experts: 1 of 2 sheets submitted/);
		await ctlRefused(instance, 64, /--lang takes ko or en/, 'status', '--lang', 'fr');
		assert.equal((await ctlDone(instance, 'help', 'status')).stdout, (await ctlDone(instance, 'status', '--help')).stdout);
		for (const [args, wanted] of [[['export'], 'export takes WHAT'], [['challenge'], 'challenge takes EXPERT'],
			[['challenge', 'x'], 'challenge takes ENTRY'], ...[['pause'], ['resume'], ['close'], ['metrics', 'import', 'x.csv'],
				['revoke', 'x'], ['certify'], ['correct'], ['recuse', 'x', 'upstage'], ['challenge', 'x', 'upstage', '--lift'], ['requalify', 'upstage'],
				['extend', '--until', '2026-12-31T18:00:00+09:00']].map((args) => [args, 'takes a reason: --why TEXT\\.'])])
			await ctlRefused(instance, 64, new RegExp(wanted), ...args);
		assert.doesNotMatch(stdout, /standing/);
		const { json } = await ctlDone(instance, 'status', '--json');
		assert.deepEqual(json.tally.citizen.map(({ votes }) => votes), [0, 2, 0, 1, 0]);
		assert.deepEqual([json.contest, json.phase, json.experts.visible, json.standing], [round.id, 'open', false, null]);
		assert.deepEqual(json.experts.panels[0].people.map(({ name, state }) => [name, state]), [['가나다', 'submitted'], ['라마바', 'none']]);
		assert.doesNotMatch(JSON.stringify(json), /"jti"|eyJ/);
	});

	test('tally: counts alone, by rank', async () => {
		const { stdout } = await ctlDone(instance, 'tally');
		const names = stdout.split('\n').map((line) => /^ +\d+ {2}(.*?) {2}/.exec(line)?.[1]).filter(Boolean);
		assert.deepEqual(names.slice(0, 2), ['업스테이지', 'NC AI']);
		assert.equal(names.length, 5);
		assert.doesNotMatch(stdout, /Experts/);
		const { json } = await ctlDone(instance, 'tally', '--json');
		assert.deepEqual([json.ballots, json.citizen[1].votes, json.citizen[1].rank], [3, 2, 1]);
	});

	test('watch: again every second, until Ctrl-C', async () => {
		const frames = await watch((text) => text.split('as of ').length > 3);
		assert.doesNotMatch(frames, new RegExp(String.fromCharCode(27)), 'no control sequences where no terminal is');
		const lines = (await watch((text) => text.split('\n').length > 2, '--json')).trimEnd().split('\n').map((line) => JSON.parse(line));
		assert.ok(lines.length >= 2 && lines.every(({ tally }) => tally.ballots === 3));
		// At once, too, when a look may be under way.
		for (let i = 0; i < 3; i++)
			await watch((text) => text.length > 0);
	});

	test('watch: ends when nobody reads it any more', async () => {
		const child = spawn(TALLYCTL, ['-c', instance.config, 'watch', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
		const end = new Promise((resolve) => {
			child.once('exit', (code, signal) => resolve({ code, signal }));
		});
		child.stdout.once('data', () => child.stdout.destroy());
		try {
			assert.deepEqual(await withDeadline(end, 20_000, 'the end of watch'), { code: 74, signal: null });
		} finally {
			child.kill('SIGKILL');
		}
	});

	test('export: each table, as the server gives it', async () => {
		const { stdout } = await ctlDone(instance, 'export', 'tally');
		assert.deepEqual(objectsOf(stdout).map(({ entry, votes }) => [entry, votes]),
			[['naver-cloud', '0'], ['upstage', '2'], ['sk-telecom', '0'], ['nc-ai', '1'], ['lg-ai-research', '0']]);
		assert.equal((await ctlDone(instance, 'export', 'tally', '--bom')).stdout, `\ufeff${stdout}`);
		assert.deepEqual((await ctlDone(instance, 'export', 'experts', '--json')).json.map(({ name }) => name), ['가나다', '라마바']);
		assert.equal(objectsOf((await ctlDone(instance, 'export', 'audit')).stdout).length, (await auditOf(round)).length);
		assert.deepEqual(parseCsv((await ctlDone(instance, 'export', 'turnout')).stdout)[0], ['at', 'ballots', ...ENTRIES]);
		for (const what of ['sheets', 'comments', 'standing'])
			await ctlRefused(instance, 77, /until the contest has closed/, 'export', what);
		await ctlRefused(instance, 77, /before the contest has closed/, 'report', 'upstage');
		await ctlRefused(instance, 64, /no export "votes"/, 'export', 'votes');
	});

	test('report: one team’s own, with the experts’ comments, nothing of any other', async () => {
		await ctlDone(instance, 'disqualify', 'upstage', '--ko', '독자성 기준 미달', '--en', 'Not independent');
		await ctlDone(instance, 'close', '--why', 'done');
		await eventually(async () => (await ctl(instance, 'report', 'upstage')).code === 0, 'the close');
		const { stdout } = await ctlDone(instance, 'report', 'upstage');
		assert.match(stdout, /^# 업스테이지\n[^]*콘테스트: kai-stage1 \(리허설\)\n- 단계: closed\n- 기준 시각: \S+\+09:00\n- 규칙 \(SHA-256\): [0-9a-f]{64}\n/);
		assert.match(stdout, /국민 평가 \| 2 \| 0 \| 0 \|/);
		assert.match(stdout, /실격: 독자성 기준 미달/);
		assert.match(stdout, /## 의견\n\n### [가-힣 ]+ · expert-[12]\n\n> upstage: 좋습니다/);
		assert.match((await ctlDone(instance, 'report', 'upstage', '--lang', 'en')).stdout, /^# Upstage\n[^]*\| Part \| Value[^]*1 of 2 experts, 0 recused[^]*## Comments/);
		assert.doesNotMatch(stdout, /nc-ai|naver|가나다/);
		const { json } = await ctlDone(instance, 'report', 'upstage', '--json');
		assert.equal(json.row.parts.experts.value, 100);
		assert.deepEqual(json.comments.map(({ comment }) => comment), ['upstage: 좋습니다']);
		assert.equal(json.rows, undefined);
		assert.match((await ctlDone(instance, 'status')).stdout, /standing \(something is missing\)[^]*disqualified: 독자성 기준 미달/);
		await ctlRefused(instance, 64, /no entry "kakao"/, 'report', 'kakao');
		assert.equal((await ctlDone(instance, 'export', 'sheets', '--json')).json.length, 20);
	});

	test('audit: told, verified beside a server that writes, and every tampering found', async () => {
		const entries = await auditOf(round);
		const told = (await ctlDone(instance, 'audit')).stdout.trimEnd().split('\n');
		assert.equal(told.length, entries.length);
		assert.match(told.find((line) => line.includes('close')), /operator:\S+ +close: done$/);
		assert.match(told.find((line) => line.includes('disqualify')), /disqualify entry upstage, reason 독자성 기준 미달/);
		assert.deepEqual((await ctlDone(instance, 'audit', '--json')).json, entries);
		assert.match((await ctlDone(instance, 'audit', '--verify')).stdout, new RegExp(`^${entries.length} entries, the chain holds; head [0-9a-f]{64}\n`));
		// Somebody acts meanwhile: no alarm.
		let acting = true;
		const notices = (async () => {
			while (acting)
				await ctlDone(instance, 'notice', '--ko', '가', '--en', 'a');
		})();
		try {
			for (let i = 0; i < 4; i++)
				await ctlDone(instance, 'audit', '--verify');
		} finally {
			acting = false;
			await notices;
		}

		const redis = instance.redisClient();
		const key = `{${round.name}}:audit`;
		const size = (await auditOf(round)).length;
		const verified = (await ctlDone(instance, 'audit', '--verify', '--json')).json;
		assert.deepEqual([verified.entries, verified.holds], [size, true]);
		const copy = await redis.dumpBuffer(key);
		const restored = async (sentence, tamper) => {
			await tamper();
			await ctlRefused(instance, 65, sentence, 'audit', '--verify');
			await redis.restore(key, 0, copy, 'REPLACE');
			await ctlDone(instance, 'audit', '--verify');
		};
		const rebuild = async (change) => {
			const all = await redis.xrange(key, '-', '+');
			await redis.del(key);
			for (const [id, [field, text]] of all)
				await redis.xadd(key, id, field, change(Number(id.split('-')[0]), text));
		};
		await restored(/broken at entry 3/, () => rebuild((n, text) => n === 2 ? text.replace('"who":"', '"who":"x') : text));
		await restored(/another hash/, () => rebuild((n, text) => n === size ? text.replace('"who":"', '"who":"x') : text));
		await restored(/broken at entry 4|damaged/, () => redis.xdel(key, '4-0'));
		await restored(new RegExp(`ends at entry ${size - 1}, the record says ${size}`), () => redis.xdel(key, `${size}-0`));
		await restored(/ends at entry 0/, () => redis.del(key));
	});

	test('where there is no Redis, whoever starts it is asked for', async () => {
		await instance.end();
		const own = YAML.parse(await readFile(instance.config, 'utf8'));
		const others = { config: path.join(instance.dir, 'others.yaml'), dir: instance.dir };
		await writeFile(others.config, YAML.stringify({ ...own, redis: { address: own.redis.address } }));
		const [ours, theirs] = await Promise.all([instance, others].map((of) => ctlRefused(of, 69, /^tallyctl: Redis at unix:\S+ is not to be had: /, 'status')));
		assert.match(ours.stderr, /tallyd starts and ends it \(redis\.server\): is tallyd running with \S+tallyd\.yaml\?\n$/);
		assert.match(theirs.stderr, /Is it running, and does \S+others\.yaml name it \(redis\.address\)\?\n$/);
	});
});

describe('tallyctl’s command line', () => {
	let dir, config;
	before(async () => {
		dir = await makeDirectory();
		config = path.join(dir, 'tallyd.yaml');
		await writeFile(config, YAML.stringify({ contests: [path.join(ROOT, 'config/contests/kai-stage1.yaml'), path.join(ROOT, 'config/examples/specialised.yaml')],
			keys: path.join(dir, 'keys'), redis: { address: `unix:${dir}/none.sock` } }));
	});
	after(() => rm(dir, { recursive: true }));
	const at = () => ({ config, dir });

	test('every command helps', async () => {
		const { stdout } = await ctlDone(at(), '--help');
		const lines = [...stdout.matchAll(/^( {2}([a-z-]+) +)\S/gm)], commands = lines.map(([, , command]) => command);
		assert.ok(commands.length >= 25, `${commands}`);
		assert.equal(new Set(lines.map(([, before]) => before.length)).size, 1, stdout); // one column
		const endings = /\nEnds with 0 [^]*$/.exec(stdout)[0]; // what a command does not say of itself, as it stands here
		for (const status of [64, 65, 66, 69, 71, 73, 75, 77, 78])
			assert.match(endings, new RegExp(`\\b${status}\\b`));
		for (const command of commands)
			for (const help of ['--help', '-h']) {
				const done = await ctlDone(at(), command, help);
				assert.match(done.stdout, new RegExp(`^Usage: tallyctl (-c FILE )?(\\[[^\\]]*\\] )?${command}\\b`), command);
				assert.equal(done.stderr, '');
				assert.equal(done.stdout.match(/^Ends with/gm)?.length, 1, command);
				assert.ok(done.stdout.endsWith(endings) || !done.stdout.includes('64 for a wrong command line, 65'), command);
			}
		assert.match((await ctlDone(at(), '--version')).stdout, /^tallyctl \d/);
	});

	test('what is not understood: 64, and how it would be', async () => {
		await ctlRefused(at(), 64, /no command "stauts"; did you mean "status"\?\n$/, 'stauts');
		await ctlRefused(at(), 64, /no command "frob"; "tallyctl --help" lists them\.\n$/, 'frob');
		// The sentence, and how it is called; not the whole help.
		await ctlRefused(at(), 64, /^tallyctl: [^\n]+\n\nUsage: tallyctl [^]*\n"tallyctl help revoke" says more\.\n$/, 'revoke', '--contest', 'kai-stage1');
		for (const args of [['status', 'more'], ['status', '--nonsense'], ['tally', '--contest'], ['watch', 'x'], ['audit', 'x'],
			['audit', '--verify=yes'], ['export'], ['export', 'tally', 'more'], ['report'], ['report', 'a', 'b'], ['invite'], ['invite', 'king'],
			['revoke'], ['disqualify'], ['extend'], ['metrics'], ['metrics', 'import'], ['challenge', 'x', 'y'], ['recuse', 'x'],
			['approve'], ['programme'], ['programme', 'draw', 'x'], ['voters', 'x']]) {
			const contest = args.includes('--contest') ? [] : ['--contest', 'kai-stage1'];
			const { code, stdout, stderr } = await ctl(at(), ...args, ...contest);
			assert.equal(code, 64, `${args.join(' ')}: ${stdout}${stderr}`);
			assert.match(stderr, /\S/);
			assert.equal(stdout, '');
		}
	});

	test('a configuration that cannot be read: 66, as tallyd', async () => {
		const nowhere = path.join(dir, 'nowhere.yaml');
		await ctlRefused({ config: nowhere, dir }, 66, /nowhere\.yaml: cannot be read/, 'status');
		const { code } = await runProgram(TALLYD, ['-c', nowhere]);
		assert.equal(code, 66);
	});

	test('two contests: say which', async () => {
		for (const args of [['status'], ['tally'], ['watch'], ['audit'], ['export', 'tally'], ['report', 'upstage'], ['people'], ['close', '--why', 'x'], ['result']])
			await ctlRefused(at(), 64, /names 2 contests; say which with --contest/, ...args);
		await ctlRefused(at(), 64, /names no contest "other"/, 'status', '--contest', 'other');
	});

	test('ten thousand teams: refused with the limit, whether the file can be read or not', async () => {
		const document = await contestDocument();
		const whole = { ...document.entries[0] };
		for (const [team, sentence] of [[{ lead: 'upstage' }, /many\.yaml:\d+:\d+: "entries" has 10000 items; at most 64/], [whole, /many\.yaml: .*at most 64 entries/]]) {
			document.entries = Array.from({ length: 10_000 }, (_, i) => ({ ...team, id: `team-${i}` }));
			const file = path.join(dir, 'many.yaml');
			await writeFile(file, YAML.stringify(document, { aliasDuplicateObjects: false }));
			await writeFile(path.join(dir, 'many-tallyd.yaml'), YAML.stringify({ contests: [file], keys: path.join(dir, 'keys') }));
			const { stderr } = await ctlRefused({ config: path.join(dir, 'many-tallyd.yaml'), dir }, 78, sentence, 'keygen');
			assert.ok(stderr.length < 10_000, `${stderr.length} bytes of complaint`);
		}
	});
});
