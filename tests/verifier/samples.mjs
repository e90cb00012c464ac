#!/usr/bin/env node
// Sample bundles for whoever writes a verifier:
//
//   node tests/verifier/samples.mjs DIR
//
// writes DIR/<name>/ for each sample, DIR/key (the key to pin, for all of them) and DIR/expected.json:
// [{"name","verified","file","why"}], where `file` is what a verifier must find fault with.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { canonical, entryOf, identityOf, layEpoch, layOpenings, layResult, makeBundle, reseal, writeBundle } from '../live/lib/bundle.mjs';

const edit = (bundle, file, change) => {
	const json = JSON.parse(bundle.files.get(file));
	change(json);
	bundle.files.set(file, Buffer.from(canonical(json)));
};
const flip = (bundle, file, at) => {
	const bytes = Buffer.from(bundle.files.get(file));
	bytes[at] ^= 1;
	bundle.files.set(file, bytes);
};
const find = (bundle, start) => [...bundle.files.keys()].find((file) => file.startsWith(start));
const replace = (bundle, file, was, is) => bundle.files.set(file, Buffer.from(bundle.files.get(file).toString().replace(was, is)));

/** The bundles that are as they should be. */
const GOOD = [
	['good', 'choices over two shards', {}], ['good-ranking', 'a ranking, corrected once', { form: 'ranking', versions: 2 }], ['good-scores', 'scores, without openings', { form: 'scores', openings: 'auditors' }],
	['good-epochs', 'two epochs, of which the first has entries that were lost', { epochs: 2 }], ['good-empty', 'nobody voted', { voters: 0 }],
];

/** [name, the file at fault, what was done, how, whether the list of files was signed anew]. */
const DAMAGED = [
	['byte', 'contest.yaml', 'one byte is another', (b) => flip(b, 'contest.yaml', 9), false],
	['missing', 'results/1.note', 'a file is missing', (b) => b.files.delete('results/1.note'), false],
	['more', 'more.html', 'a file more', (b) => b.files.set('more.html', Buffer.from('<p>')), false],
	['entry', 'log/kai/0/', 'an entry is another', (b) => flip(b, find(b, 'log/kai/0/tile/entries/'), 9), true],
	['tile', 'log/kai/0/', 'a leaf is another', (b) => flip(b, find(b, 'log/kai/0/tile/0/'), 9), true],
	['opening', 'openings/0/', 'an opening does not open its entry', (b) => flip(b, find(b, 'openings/0/'), 9), true],
	['dropped', 'results/1.json', 'the last ballot dropped, its log signed anew', (b) => {
		b.shards[0].pop();
		for (const file of [...b.files.keys()])
			if (/^(log\/kai|openings)\/0\//.test(file)) b.files.delete(file);
		layOpenings(b, 0, b.shards[0]);
		layEpoch(b, 0, 1, b.shards[0].map((vote, i) => entryOf(identityOf(b, 0), i, vote)), b.shards[0].length + 1);
	}, true],
	['votes', 'results/1.json', 'votes of one entry are more, signed anew', (b) => {
		const document = JSON.parse(b.files.get('results/1.json'));
		document.citizen[0].votes++;
		layResult(b, document);
	}, true],
	['rules', 'rules.json', 'a rule that contest.yaml has not', (b) => edit(b, 'rules.json', (rules) => { rules.revote = 'refuse'; }), true],
	['log-name', 'rules.json', 'another name of the logs', (b) => edit(b, 'rules.json', (rules) => { rules.log_name = 'other.example'; }), true],
	['names', 'published.json', 'the pages name another team', (b) => edit(b, 'published.json', ({ definition: { entries } }) => { entries[0].name = entries[1].name; }), true],
	['spaces', 'keys.json', 'JSON that is not canonical', (b) => replace(b, 'keys.json', ',', ', '), true],
	['yaml', 'contest.yaml', 'YAML that parsers read in two ways', (b) => replace(b, 'contest.yaml', 'shards: 2', 'shards: 2 # \u2028revote: refuse'), true],
];

export async function writeSamples(dir) {
	const expected = [];
	const put = async (bundle, sample) => {
		await writeBundle(bundle.files, path.join(dir, sample.name));
		expected.push(sample);
	};
	await mkdir(dir, { recursive: true });
	for (const [name, why, options] of GOOD)
		await put(makeBundle(options), { name, verified: true, file: null, why });
	for (const [name, file, why, change, signed] of DAMAGED) {
		const bundle = makeBundle();
		change(bundle);
		if (signed) reseal(bundle);
		await put(bundle, { name, verified: false, file, why });
	}
	await writeFile(path.join(dir, 'key'), `${makeBundle().key}\n`);
	await writeFile(path.join(dir, 'expected.json'), `${JSON.stringify(expected, null, '\t')}\n`);
	return expected;
}

if (process.argv[1] === import.meta.filename) {
	if (process.argv.length !== 3) {
		console.error('Usage: node tests/verifier/samples.mjs DIR');
		process.exit(2);
	}
	console.log(`${(await writeSamples(process.argv[2])).length} bundles`);
}
