// tallyctl verify on bundles of a real contest: voters, two panels with conflicts, rulings and recusals, metrics, a
// disqualification and a correction; published for everybody and for auditors. Then everything that somebody with the
// result key could change of it, file by file, and bytes at random (TEST_MUTATIONS, TEST_SEED). The independent verifier
// (tests/verifier/) judges each of them as well, and must come to the same.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runProgram, TALLYCTL } from './lib/instance.mjs';
import { ratedRound } from './lib/rated.mjs';
import { canonical, dice, layResult, reseal, sha256, signNote, writeBundle } from './lib/bundle.mjs';
import { readAudit, signAll } from './lib/forge.mjs';
import { verifyBundle } from '../verifier/verify.mjs';

const MUTATIONS = Number(process.env.TEST_MUTATIONS ?? 40);
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1e6);

describe('published bundles', () => {
	let instance, round, key, seal;
	let bundles;

	before(async () => {
		({ instance, round, key, seal, bundles } = await ratedRound());
	});
	after(() => instance.stop());

	async function verify(dir) {
		const { code, stdout, stderr } = await runProgram(TALLYCTL, ['verify', '--json', '--key', key, dir]);
		assert.ok(code === 0 || code === 65, `${code} ${stderr}`);
		return JSON.parse(stdout);
	}
	/** What is said after `change`, which gets {files, json(name, change)}, with the list signed anew. */
	async function changed(name, change) {
		const bundle = { ...seal, files: new Map(bundles[name].files) };
		bundle.json = (file, edit) => {
			const json = JSON.parse(bundle.files.get(file));
			bundle.files.set(file, Buffer.from(canonical(edit(json) ?? json)));
		};
		await change(bundle);
		reseal(bundle);
		const dir = path.join(instance.dir, 'changed');
		await writeBundle(bundle.files, dir);
		const told = await verify(dir);
		await rm(dir, { recursive: true });
		assert.equal(told.verified, false);
		assert.notDeepEqual(verifyBundle(bundle.files, key).findings, [], 'the independent verifier');
		return told.findings;
	}
	const assertFound = (findings, wanted) => assert.ok(findings.some((finding) => Object.entries(wanted).every(([member, value]) =>
		(value instanceof RegExp ? value.test(finding[member]) : finding[member] === value))),
	`${JSON.stringify({ ...wanted, why: String(wanted.why) })} is not in\n${findings.map((f) => JSON.stringify(f)).join('\n')}`);

	test('verify, and say what they hold', async () => {
		const open = await verify(bundles.everybody.dir), whole = await verify(bundles.auditors.dir);
		for (const told of [open, whole]) {
			assert.deepEqual(told.findings, []);
			assert.deepEqual(told.notes, []);
			const { files, ballots, version, panels, sheets, metrics, standing, published, shards } = told.checked;
			assert.deepEqual({ ballots, version, panels, sheets, metrics, standing, published, shards },
				{ ballots: 40, version: 2, panels: 1, sheets: 7, metrics: 5, standing: true, published: true, shards: 2 });
			assert.ok(files > 50);
		}
		for (const { files } of [bundles.everybody, bundles.auditors])
			assert.deepEqual(verifyBundle(files, key).findings, []);
		assert.ok(whole.checked.audit > 10);
		assert.deepEqual(whole.unchecked, []);
		assert.deepEqual(open.unchecked.map((sentence) => sentence.replace(/:.*/, '')), ['the organisers\' audit log']);
	});

	const newest = (bundle, edit) => {
		const result = JSON.parse(bundle.files.get('results/2.json'));
		edit(result);
		layResult(bundle, result);
	};
	/** One expert's sheet says something else, and its commitment follows. */
	const resheet = (bundle, edit) => bundle.json('sheets.json', ({ experts }) => {
		const one = experts.find(({ sheet }) => sheet && Object.keys(JSON.parse(sheet).recused).length === 0);
		one.sheet = JSON.stringify(edit(JSON.parse(one.sheet)));
	});
	const cases = [
		['a metric', 'everybody', (b) => b.json('metrics.json', (rows) => { rows.find(({ entry }) => entry === 'upstage').value = '81'; }),
			{ file: 'results/2.json', entry: 'upstage', why: /^public\.standing\[1\]\.parts\.bench\.value is 80\.5, should be 81/ }],
		['a metric of the auditors', 'auditors', (b) => b.json('metrics.json', (rows) => { rows[0].source = 'KISTI'; }),
			{ file: 'metrics.json', entry: 'naver-cloud', why: /audit log/ }, { file: 'metrics.json', why: /the annex has "TTA"/ }],
		['a metric twice', 'everybody', (b) => b.json('metrics.json', (rows) => [rows[0], ...rows]), { file: 'metrics.json', why: /not in order, or twice/ }],
		['a metric less', 'auditors', (b) => b.json('metrics.json', (rows) => rows.slice(1)), { file: 'metrics.json', why: /has 4 values, the annex has 5/ }],
		['a score on a sheet', 'everybody', (b) => b.json('sheets.json', ({ experts }) => {
			const one = experts.find(({ sheet }) => sheet); // people stand in the order of random ids: the first may have handed in none
			one.sheet = one.sheet.replace(/":(\d)/, (_, n) => `":${(Number(n) + 1) % 3}`);
		}), { file: 'sheets.json', why: /experts\[\d\].*commitment/ }],
		['a score, with its commitment', 'everybody', (b) => b.json('sheets.json', ({ experts }) => {
			const one = experts.find(({ sheet }) => sheet);
			const sheet = JSON.parse(one.sheet), entry = Object.keys(sheet.scores)[0], criterion = Object.keys(sheet.scores[entry])[0];
			one.sheet = one.sheet.replace(`"${criterion}":${sheet.scores[entry][criterion]}`, `"${criterion}":${sheet.scores[entry][criterion] === 3 ? 2 : 3}`);
			one.commitment = sha256('tallyd sheet v1\n', Buffer.from(one.salt, 'hex'), one.sheet).toString('hex');
		}), { file: 'results/2.json', why: /^public\.experts\.panels\[0\]\.entries\[\d\]\.(value|spread)/ }],
		['the same, against the audit log', 'auditors', (b) => b.json('sheets.json', ({ experts }) => {
			const one = experts.find(({ sheet }) => sheet);
			one.sheet = one.sheet.replace('좋습니다', '좋아요');
			one.commitment = sha256('tallyd sheet v1\n', Buffer.from(one.salt, 'hex'), one.sheet).toString('hex');
		}), { file: 'sheets.json', why: /audit log's last sheet/ }],
		['a sheet that was not handed in', 'everybody', (b) => b.json('sheets.json', ({ experts }) => {
			const one = experts.find(({ sheet }) => sheet);
			one.sheet = one.sheet.replace('"submitted"', '"draft"');
			one.commitment = sha256('tallyd sheet v1\n', Buffer.from(one.salt, 'hex'), one.sheet).toString('hex');
		}), { file: 'sheets.json', why: /not handed in/ }],
		['a sheet left out', 'everybody', (b) => b.json('sheets.json', ({ experts }) => { experts.splice(0, 1); }), { file: 'results/2.json', why: /^public\.experts\.panels\[0\]\.entries\[0\]\.of is 7, should be 6/ }],
		['a conflict of interest taken away', 'everybody', (b) => b.json('sheets.json', ({ experts }) => { delete experts.find(({ affiliation }) => affiliation === '업스테이지').excluded.upstage; }),
			{ file: 'sheets.json', why: /has a conflict of interest with upstage/ }],
		['a ruling taken away', 'auditors', (b) => b.json('sheets.json', ({ experts }) => { experts.forEach(({ excluded }) => delete excluded['nc-ai']); }),
			{ file: 'sheets.json', entry: 'nc-ai', why: /is not excluded from nc-ai by a ruling, in the audit log is/ }],
		['a row of the standing', 'everybody', (b) => newest(b, (result) => { result.public.standing[1].points += 1; }),
			{ file: 'results/2.json', entry: 'upstage', why: /^public\.standing\[1\]\.points/ }, { file: 'results/2.json', entry: 'upstage', why: /add up/ }, { file: 'published.json', why: /tally\.standing/ }],
		['who advances', 'everybody', (b) => newest(b, (result) => { result.advanced = ['lg-ai-research']; }), { file: 'results/2.json', why: /^advanced/ }],
		['a disqualification taken away', 'everybody', (b) => newest(b, (result) => {
			result.public.formula.disqualified = [];
		}), { file: 'results/2.json', entry: 'naver-cloud', why: /^public\.standing\[0\]/ }],
		['another reason for it', 'auditors', (b) => newest(b, (result) => {
			result.public.formula.disqualified[0].reason.ko = '다른 이유';
		}), { file: 'results/2.json', entry: 'naver-cloud', why: /not that of the audit log/ }, { file: 'annex.json', entry: 'naver-cloud', why: /its reason/ }],
		['a panel\'s aggregate', 'everybody', (b) => newest(b, (result) => { result.public.experts.panels[0].entries[2].value += 0.5; }),
			{ file: 'results/2.json', entry: 'sk-telecom', why: /^public\.experts\.panels\[0\]\.entries\[2\]\.value/ }],
		['the annex', 'auditors', (b) => b.json('annex.json', (annex) => { annex.standing.rows[3].points += 1; }),
			{ file: 'annex.json', why: /annex_sha256/ }, { file: 'annex.json', entry: 'nc-ai', why: /^standing\.rows\[3\]\.points/ }],
		['an entry of the audit log', 'auditors', (b) => b.files.set('audit.jsonl', Buffer.from(b.files.get('audit.jsonl').toString().replace('worked with them', 'worked for them'))),
			{ file: 'audit.jsonl', why: /entry \d+: prev is/ }],
		['an entry of the audit log, and the chain behind it', 'auditors', (b) => {
			let prev = sha256('tallyd audit v1\n', round.name);
			const lines = b.files.get('audit.jsonl').toString().trimEnd().split('\n').map((line) => {
				const entry = { ...JSON.parse(line), prev: prev.toString('hex') };
				if (entry.why === 'worked with them')
					entry.why = 'worked for them';
				const again = canonical(entry);
				prev = sha256('tallyd audit v1\n', again);
				return `${again}\n`;
			});
			b.files.set('audit.jsonl', Buffer.from(lines.join('')));
		}, { file: 'results/1.json', why: /^audit\.head/ }, { file: 'results/2.json', why: /^audit\.head/ }],
		['an entry left out of it', 'auditors', (b) => b.files.set('audit.jsonl', Buffer.from(b.files.get('audit.jsonl').toString().replace(/^.*\n/, ''))),
			{ file: 'audit.jsonl', why: /entry 1 has the number 2/ }],
		['its end cut off', 'auditors', (b) => b.files.set('audit.jsonl', Buffer.from(b.files.get('audit.jsonl').toString().split('\n').slice(0, 5).join('\n') + '\n')),
			{ file: 'audit.jsonl', why: /has 5 entries; results\/1\.json was recorded by entry/ }],
		['an opening', 'everybody', (b) => {
			const name = [...b.files.keys()].find((file) => file.startsWith('openings/1/')), bytes = Buffer.from(b.files.get(name));
			bytes[30] ^= 4;
			b.files.set(name, bytes);
		}, { file: /^openings\/1\//, shard: 1, index: 0, why: /opens the entry/ }],
		['the older version', 'everybody', (b) => {
			const result = JSON.parse(b.files.get('results/1.json'));
			result.citizen[0].votes++;
			layResult(b, result);
		}, { file: 'results/1.json', entry: 'naver-cloud', why: /^citizen\[0\]\.votes/ }],
		['the standing of the older version', 'everybody', (b) => {
			const result = JSON.parse(b.files.get('results/1.json'));
			[result.public.standing[1].rank, result.public.standing[2].rank] = [result.public.standing[2].rank, result.public.standing[1].rank];
			layResult(b, result);
		}, { file: 'results/1.json', entry: 'upstage', why: /by the points shown/ }],
		['a salt in capitals', 'everybody', (b) => { b.json('sheets.json', ({ experts }) => { const one = experts.find(({ salt }) => salt); one.salt = one.salt.toUpperCase(); }); signAll(b); }, { file: 'sheets.json', why: /lower-case hex/ }],
		['a member more on a sheet', 'everybody', (b) => { resheet(b, (sheet) => ({ ...sheet, more: 1 })); signAll(b); }, { file: 'sheets.json', why: /there is no member "more"/ }],
		['a sheet in another order', 'everybody', (b) => { resheet(b, ({ state, ...sheet }) => ({ state, ...sheet })); signAll(b); }, { file: 'sheets.json', why: /not written as one is kept/ }],
		['a score beyond the criterion', 'auditors', (b) => { resheet(b, (sheet) => { Object.values(Object.values(sheet.scores)[0]).fill(0); Object.values(sheet.scores)[0].more = 3; return sheet; }); signAll(b); },
			{ file: 'sheets.json', why: /"more" is no criterion/ }],
		['a reason with nothing in it', 'everybody', (b) => { resheet(b, (sheet) => { const [id] = Object.keys(sheet.scores); delete sheet.scores[id]; return { ...sheet, recused: { [id]: ' \u3164' } }; }); signAll(b); },
			{ file: 'sheets.json', why: /nothing to be read/ }],
		['a metric in other letters than the annex has', 'everybody', (b) => b.json('metrics.json', (rows) => { rows[0].value += '.0'; }), { file: 'metrics.json', why: /is "90\.0", the annex has "90"/ }],
		['a member more in the annex', 'auditors', (b) => { b.json('annex.json', (annex) => { annex.more = 1; }); signAll(b); }, { file: 'annex.json', why: /has not the members/ }],
		['a ruling\'s reason in the annex', 'auditors', (b) => { b.json('annex.json', (annex) => { annex.rulings.find(({ id }) => id.startsWith('disqualified/')).why.en = 'Another'; }); signAll(b); },
			{ file: 'annex.json', entry: 'naver-cloud', why: /or its reason/ }],
		['the name of a part', 'everybody', (b) => { newest(b, (result) => { result.public.formula.parts[0].name.en = 'Another'; }); signAll(b); }, { file: 'results/2.json', why: /^public\.formula\.parts\[0\]\.name\.en/ }],
		['a row of the older version left out', 'everybody', (b) => {
			const result = JSON.parse(b.files.get('results/1.json'));
			result.public.standing.pop();
			layResult(b, result);
			signAll(b);
		}, { file: 'results/1.json', why: /public\.standing has 4 rows, should have 5/ }],
		['a version that the audit log does not record', 'auditors', (b) => {
			const audit = readAudit(b);
			audit.find(({ act }) => act === 'certify').act = 'certified';
			signAll(b, { audit });
		}, { file: 'audit.jsonl', why: /results\/1\.json was recorded by entry/ }],
		['a version recorded twice', 'auditors', (b) => {
			const audit = readAudit(b);
			signAll(b, { audit: [...audit, { ...audit.find(({ act }) => act === 'certify') }] });
		}, { file: 'audit.jsonl', why: /does not record results\/1\.json/ }],
		['an entry of the audit log with spaces', 'auditors', (b) => b.files.set('audit.jsonl', Buffer.from(b.files.get('audit.jsonl').toString().replace(/,/, ', '))), { file: 'audit.jsonl', why: /canonical/ }],
	];
	for (const [name, which, change, ...wanted] of cases)
		test(`changed and signed anew: ${name}`, async () => {
			const findings = await changed(which, change);
			wanted.forEach((one) => assertFound(findings, one));
		});

	// Whoever holds the key can sign anything: it ends in findings, or in none where nothing rests on it, never in a crash.
	test(`${MUTATIONS} values of JSON files become others, signed anew, seed ${SEED}`, async () => {
		const roll = dice(SEED), dir = path.join(instance.dir, 'others');
		const others = [null, true, -1, 0, 1e15, 0.5, '', 'upstage', 'x'.repeat(300), [], [[]], {}, { entry: 'upstage' }, [{ panels: 1 }], '\u0000\u202e'];
		const change = (json) => { // one place somewhere below
			const places = [];
			const walk = (value) => Object.keys(value).forEach((name) => {
				places.push([value, name]);
				if (value[name] !== null && typeof value[name] === 'object')
					walk(value[name]);
			});
			walk(json);
			const [value, name] = places[roll(places.length)];
			if (roll(8) === 0)
				delete value[name];
			else
				value[name] = others[roll(others.length)];
		};
		await writeBundle(bundles.auditors.files, dir);
		for (let i = 0; i < MUTATIONS; i++) {
			const bundle = { ...seal, files: new Map(bundles.auditors.files) };
			const names = ['annex.json', 'keys.json', 'metrics.json', 'published.json', 'results/1.json', 'results/2.json', 'rules.json', 'sheets.json'];
			const name = names[roll(names.length)], json = JSON.parse(bundle.files.get(name));
			change(json);
			bundle.files.set(name, Buffer.from(canonical(json)));
			if (name.startsWith('results/')) { // its note says what it says now
				const version = name[8], hash = sha256(bundle.files.get(name)).toString('hex');
				bundle.files.set(`results/${version}.note`, Buffer.from(signNote(`tallyd result v1\n${round.name}\n${version}\n${hash}\n`, `${round.logName}/${round.name}/result`, seal.keys.result)));
			}
			reseal(bundle);
			const touched = [name, 'results/1.note', 'results/2.note', 'SHA256SUMS', 'SHA256SUMS.note'];
			await writeBundle(touched.map((file) => [file, bundle.files.get(file)]), dir);
			const { findings } = await verify(dir), theirs = verifyBundle(bundle.files, key).findings;
			assert.ok(findings.length > 0 || theirs.length === 0, `${name}, change ${i}: the independent verifier alone finds ${JSON.stringify(theirs[0])}`);
			await writeBundle(touched.map((file) => [file, bundles.auditors.files.get(file)]), dir);
		}
		assert.deepEqual((await verify(dir)).findings, []);
	});

	test(`${MUTATIONS} bytes at random, seed ${SEED}`, async () => {
		const roll = dice(SEED);
		for (let i = 0; i < MUTATIONS; i++) {
			const { dir, files } = bundles[roll(2) ? 'everybody' : 'auditors'], names = [...files.keys()].filter((file) => file !== '_headers'); // which is the host's
			let name;
			do
				name = names[roll(names.length)];
			while (files.get(name).length === 0);
			const bytes = Buffer.from(files.get(name)), at = roll(bytes.length);
			bytes[at] ^= 1 + roll(255);
			await writeFile(path.join(dir, name), bytes);
			const told = await verify(dir);
			await writeFile(path.join(dir, name), files.get(name));
			assert.ok(told.findings.some(({ file, why }) => file === name || why.includes(name)), `${name}, byte ${at}, seed ${SEED}, change ${i}`);
			const { findings } = verifyBundle(new Map(files).set(name, bytes), key);
			assert.ok(findings.some((what) => what.includes(name)), `the independent verifier: ${name}, byte ${at}, seed ${SEED}, change ${i}`);
		}
	});
});
