// Rounds of a programme from the command line: what is drawn, from which results, and what never is.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { ROOT, TALLYCTL, TALLYD, contestDocument, makeDirectory, runProgram } from './lib/instance.mjs';

const PROGRAMME = path.join(ROOT, 'config/programmes/kai.yaml');

describe('tallyctl programme', () => {
	let dir, config, programme, first, rulesHash, privateKey;

	const at = (name) => path.join(dir, name);
	const ctl = (...args) => runProgram(TALLYCTL, ['-c', config, 'programme', ...args]);
	const put = (name, value) => writeFile(at(name), typeof value === 'string' ? value : YAML.stringify(value));

	/** A certified result as `tallyctl result --json` prints it: document and C2SP signed note. */
	const signed = async (name, advanced, changes = {}) => {
		const document = JSON.stringify({ advanced, contest: 'kai-stage1', rehearsal: false, rules_hash: rulesHash,
			version: 1, ...changes });
		const hash = crypto.createHash('sha256').update(document).digest('hex');
		const text = `tallyd result v1\nkai-stage1\n${JSON.parse(document).version}\n${hash}\n`;
		const signer = 'vote.example/kai-stage1/result';
		const raw = crypto.createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
		const id = crypto.createHash('sha256').update(`${signer}\n\x01`).update(raw).digest().subarray(0, 4);
		const signature = crypto.sign(null, Buffer.from(text), privateKey);
		const note = `${text}\n— ${signer} ${Buffer.concat([id, signature]).toString('base64')}\n`;
		await writeFile(at(name), JSON.stringify({ version: '1', document, note }));
		return at(name);
	};

	before(async () => {
		dir = await makeDirectory();
		config = at('tallyd.yaml');
		programme = at('programme.yaml');
		first = at('kai-stage1.yaml');
		await put('kai-stage1.yaml', await contestDocument());
		const document = YAML.parse(await readFile(PROGRAMME, 'utf8'));
		for (const round of document.rounds)
			round.file = `${round.id}.yaml`;
		await put('programme.yaml', document);
		await put('tallyd.yaml', { contests: [first], keys: at('keys'), log_name: 'vote.example',
			redis: { address: `unix:${at('none.sock')}` } });
		const keygen = await runProgram(TALLYCTL, ['-c', config, 'keygen']);
		assert.equal(keygen.code, 0, keygen.stderr);
		const site = await runProgram(TALLYCTL, ['-c', config, 'site', '--from', path.join(ROOT, 'static'),
			'--vendor', path.join(ROOT, 'ops/pages/vendor'), at('site')]);
		assert.equal(site.code, 0, site.stderr);
		[{ rules_hash: rulesHash }] = JSON.parse(await readFile(at('site/site.json'), 'utf8')).contests;
		privateKey = crypto.createPrivateKey(await readFile(at('keys/kai-stage1/result.private.pem')));
	});
	after(() => rm(dir, { recursive: true }));

	test('the shipped programme is right, and its rounds are told', async () => {
		const check = await ctl('check', PROGRAMME);
		assert.equal(check.code, 0, check.stderr);
		const { stdout } = await ctl('status', PROGRAMME, '--json');
		const rounds = JSON.parse(stdout);
		assert.deepEqual(rounds.map(({ id, drawn, advance }) => [id, drawn, advance]),
			[['kai-stage1', true, 4], ['kai-stage2', false, 3], ['kai-stage3', false, 2]]);
		assert.equal(rounds[0].entries.length, 5);
	});

	test('a round is drawn from a signed result, with a team added and one that comes back', async () => {
		await put('new.yaml', {
			organisations: [{ id: 'motif', name: { ko: '모티프테크놀로지스', en: 'Motif Technologies' } }],
			entries: [{ id: 'motif', name: { ko: '모티프', en: 'Motif' }, reading: '모티프', lead: 'motif',
				head: { ko: '홍', en: 'Hong' }, goal: { ko: '목표', en: 'goal' }, showcase: { ko: '소개', en: 'about' },
				participants: ['kaist'] }],
		});
		const result = await signed('result.json', ['upstage', 'sk-telecom', 'lg-ai-research']);
		const drawn = await ctl('draw', programme, 'kai-stage2', '--result', result, '--add', at('new.yaml'),
			'--again', 'nc-ai', '--out', at('kai-stage2.yaml'));
		assert.equal(drawn.code, 0, drawn.stderr);
		assert.equal(drawn.stderr, 'kai-stage2: 3 carried over, 1 back, 1 added.\nThe programme planned to add 1; 2 were.\n');
		const contest = YAML.parse(await readFile(at('kai-stage2.yaml'), 'utf8'));
		assert.deepEqual(contest.entries.map(({ id }) => id),
			['upstage', 'sk-telecom', 'lg-ai-research', 'nc-ai', 'motif']);
		assert.deepEqual([contest.programme.round, contest.programme.previous, contest.stage.advance.count],
			[2, 'kai-stage1', 3]);
		const before = YAML.parse(await readFile(first, 'utf8'));
		for (const key of ['criteria', 'panels', 'pledge', 'rehearsal', 'ballot', 'visibility'])
			assert.deepEqual(contest[key], before[key], key);

		await put('next.yaml', { contests: [at('kai-stage2.yaml')], keys: at('keys') });
		const served = await runProgram(TALLYD, ['-c', at('next.yaml'), '--check-config']);
		assert.equal(served.code, 0, served.stderr);
		const check = await ctl('check', programme);
		assert.equal(check.code, 0, check.stderr);

		const again = await ctl('draw', programme, 'kai-stage2', '--result', result, '--out', at('kai-stage2.yaml'));
		assert.equal(again.code, 73);
		assert.match(again.stderr, /is there already/);
		await rm(at('kai-stage2.yaml'));
	});

	test('a result that was touched, or of other rules, decides nothing', async () => {
		const result = await signed('result.json', ['upstage']);
		const stored = JSON.parse(await readFile(result, 'utf8'));
		await put('forged.json', JSON.stringify({ ...stored, document: stored.document.replace('upstage', 'nc-ai') }));
		const forged = await ctl('draw', programme, 'kai-stage2', '--result', at('forged.json'));
		assert.deepEqual([forged.code, forged.stdout], [65, '']);
		assert.match(forged.stderr, /forged.json: the signature is not that of "kai-stage1"/);

		const other = await ctl('draw', programme, 'kai-stage2', '--result',
			await signed('other.json', ['upstage'], { rules_hash: 'a'.repeat(64) }));
		assert.deepEqual([other.code, other.stdout], [65, '']);
		assert.match(other.stderr, /other rules/);
	});

	test('a bare document is taken, and said to be unchecked', async () => {
		await put('bare.json', JSON.stringify({ contest: 'kai-stage1', rehearsal: false, version: 1,
			advanced: ['upstage', 'nc-ai', 'naver-cloud'] }));
		const { code, stdout, stderr } = await ctl('draw', programme, 'kai-stage2', '--result', at('bare.json'));
		assert.equal(code, 0, stderr);
		assert.match(stderr, /bare.json: its signature was not checked/);
		assert.deepEqual(YAML.parse(stdout).entries.map(({ id }) => id), ['naver-cloud', 'upstage', 'nc-ai']);
	});

	test('all errors at once, each with its place, and nothing is written', async () => {
		await put('wrong.yaml', 'entries:\n  - {id: upstage}\n');
		const result = await signed('result.json', ['upstage', 'nobody']);
		const { code, stdout, stderr } = await ctl('draw', programme, 'kai-stage3', '--result', result,
			'--add', at('wrong.yaml'), '--again', 'kakao', '--out', at('kai-stage3.yaml'));
		assert.deepEqual([code, stdout], [78, '']);
		assert.match(stderr, /programme.yaml:\d+:\d+: there is no contest file of "kai-stage2" yet/);
		assert.match(stderr, /programme.yaml:\d+:\d+: the hours of "kai-stage3" are not known/);
		assert.match(stderr, /result.json: is a result of "kai-stage1"; the round before is "kai-stage2"/);
		assert.match(stderr, /wrong.yaml:2:5: "entries.name" is missing/);
		await assert.rejects(readFile(at('kai-stage3.yaml')));
	});

	test('wrong arguments: 64', async () => {
		for (const args of [[], ['draw', programme], ['play', programme], ['check', programme, '--add', 'x'],
			['status', programme, '--nonsense']]) {
			const { code, stderr } = await ctl(...args);
			assert.equal(code, 64, args.join(' '));
			assert.match(stderr, /Usage: tallyctl -c FILE programme check/);
		}
	});
});
