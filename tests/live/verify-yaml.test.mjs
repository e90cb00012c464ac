// contest.yaml is YAML, of which no two parsers take the same: FORMAT.md section 5.3 says what part of it counts. Both
// verifiers, with a parser each, must take the same files, and read the same in those that they take: published.json
// follows from what the independent one reads.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBundle, writeBundle } from './lib/bundle.mjs';
import { signAll } from './lib/forge.mjs';
import { runProgram, TALLYCTL } from './lib/instance.mjs';
import { verifyBundle } from '../verifier/verify.mjs';

const shards = (text) => (yaml) => yaml.replace('shards: 2', text);
const organiser = (text) => (yaml) => yaml.replace('en: Organiser', text);
const opens = (text) => (yaml) => yaml.replace('2026-12-28T09:00:00+09:00', text);
const closes = (text) => (yaml) => yaml.replace('2026-12-30T18:00:00+09:00', text);
const end = (text) => (yaml) => yaml + text;
const begin = (text) => (yaml) => text + yaml;

const TAKEN = {
	'as it is': (yaml) => yaml, 'lines that end with CR LF': (yaml) => yaml.replaceAll('\n', '\r\n'), 'a beginning': begin('---\n'), 'a beginning with a comment': begin('--- # x\n'),
	'comments': shards('# before\nshards: 2 # beside'),
	'a space before a colon': shards('shards : 2'),
	'a key in quotes': shards('"shards": 2'), 'a colon at the end of reach': shards(`"shards"${' '.repeat(1016)}: 2`), 'a colon at the end of reach in braces': end(`publish: {"step"${' '.repeat(1018)}: 1}\n`),
	'a comment behind a space': end('criteria: [] # "a"#b ? c\n#"d"#\n'), 'comments in brackets': end('publish: { # a\n  first_at: 1, # b]#c\n  step: 1 } # d\n'), 'signs within a text': organiser('en: a]#b"#?c'), 'signs within quotes': organiser('en: "a]#b\\"#c ? d # e"'),
	'a comment beside a folded text': organiser('en: >- # "x"#y\n    Organiser #1\n    is "a"#b'), 'points within a text': organiser('en: a ...'), 'a backslash before what would be half a character': organiser('en: "\\\\uD83D"'),
	'a text in single quotes': organiser('en: \'It\'\'s us\''), 'a text in double quotes': organiser('en: "a \\"b\\" c"'), 'escapes': organiser('en: "\\u0061\\x62\\U0001F600\\/"'),
	'a quoted null': organiser('en: "null"'), 'a quoted number is a text': organiser('en: "12"'), 'a number is a text': organiser('en: 0x10'), 'yes is a text': organiser('en: yes'),
	'a date is a text': organiser('en: 2026-12-28'), 'a text over lines': organiser('en: Organiser\n    of all'), 'folded': organiser('en: >-\n    Organi\n    ser'),
	'folded, with its line end': organiser('en: >\n    Organi\n    ser\n'), 'literal': organiser('en: |\n    Organiser\n'), 'literal, with empty lines': organiser('en: |+\n    Organiser\n\n'),
	'literal, with an indentation': organiser('en: |2\n    Organiser'), 'quotes over lines': organiser('en: "Orga\n    niser"'), 'quotes over lines, escaped': organiser('en: "Orga\\\n    niser"'), 'single quotes over lines': organiser('en: \'Orga\n   niser\''), 'quotes over lines in a list': (yaml) => yaml.replace('reading: a\n', 'reading: "a\n      b"\n'),
	'a hash within a text': organiser('en: a#b'), 'a colon within a text': organiser('en: a:b'),
	'a dash before a text': organiser('en: -x'), 'beyond the basic plane': organiser('en: 😀'), 'a no-break space': organiser('en: a\u00a0b'), 'spaces around': organiser('en:   Organiser   '),
	'a list in brackets': (yaml) => yaml.replace(/(lead: org\n)/, '$1    links: [{label: {ko: "가", en: a}, url: "https://a.example/?b=c#d"}]\n'), 'blocks in braces': end('publish: {first_at: 1, step: 1, every: 0s}\n'),
	'braces without spaces': end('publish: {"first_at":1,"step":1}\n'), 'braces over lines': end('publish: {first_at: 1,\n  step: 1}\n'), 'a comma at the end': end('publish: {first_at: 1, step: 1,}\n'),
	'hours of another offset': opens('2026-12-27T19:00:00-05:00'), 'hours with fractions': opens('2026-12-28T09:00:00.000+09:00'), 'hours in lower case': opens('2026-12-28t00:00:00z'), 'hours in quotes': opens('"2026-12-28T09:00:00+09:00"'),
	'false': end('demonstration: false\n'), 'an empty list': end('criteria: []\n'), 'an empty block in braces': end('visibility: {}\n'), 'a word in quotes': (yaml) => yaml.replace('revote: replace', 'revote: "replace"'), 'another duration': end('seal: {max_wait: 90s}\n'),
};

const REFUSED = {
	'a mark of order': begin('\ufeff'), 'UTF-16': (yaml) => Buffer.from(`\ufeff${yaml}`, 'utf16le'), 'no UTF-8': (yaml) => Buffer.concat([Buffer.from(yaml), Buffer.from([0x23, 0xff, 0x0a])]),
	'nothing at all': () => '', 'CR alone': (yaml) => yaml.replace('shards: 2\n', 'shards: 2\r'), 'two lines in a text': organiser('en: |\n    Organi\n    ser'), 'a line end by escape': organiser('en: "a\\nb"'), 'CR alone in a comment': shards('shards: 2 # x\rrevote: refuse'),
	'U+0085 in a comment': shards('shards: 2 # x\u0085revote: refuse'), 'U+2028 in a comment': shards('shards: 2 # x\u2028revote: refuse\u2028'), 'U+2029 in a comment': end('# a\u2029b: c\n'),
	'U+0085 in a text': organiser('en: Orga\u0085niser'), 'U+2028 in a text': organiser('en: "Orga\u2028niser"'), 'a mark of order within': organiser('en: a\ufeffb'), 'a control character': organiser('en: a\u0090b'),
	'DEL': organiser('en: a\u007fb'), 'NUL': end('# \u0000\n'), 'an escape that makes a control character': organiser('en: "a\\0b"'), 'U+FFFE': organiser('en: a\ufffeb'),
	'%YAML 1.1': begin('%YAML 1.1\n---\n'), '%YAML 1.2': begin('%YAML 1.2\n---\n'), '%TAG': begin('%TAG ! tag:x\n---\n'), 'an unknown directive': begin('%FOO x\n---\n'),
	'an anchor': shards('shards: &a 2'), 'an alias': (yaml) => yaml.replace('shards: 2', 'shards: &a 2').replace('expected_voters: 8000', 'expected_voters: *a'), 'an alias of itself': end('groups: &x [*x]\n'),
	'a tag': shards('shards: !!str 2'), 'a tag that says nothing': shards('shards: ! 2'), 'a tag in brackets': shards('shards: !<x> 2'), 'a key with an anchor': shards('&a shards: 2'), 'binary': (yaml) => yaml.replace('id: kai', 'id: !!binary a2Fp'),
	'a merge': end('<<: {revote: refuse}\n'), 'a key twice': end('revote: replace\n'), 'a key twice, once in quotes': end('"revote": replace\n'), 'an unknown key': end('turnout: 2\n'), 'an unknown key within': (yaml) => yaml.replace('reading: a\n', 'reading: a\n    colour: red\n'),
	'a key that is no text': end('? [revote]\n: refuse\n'), 'a key that is nothing': end('?\n: 2\n'), 'two documents': end('---\nid: zz\n'), 'an empty second document': end('---\n'),
	'quotes that go on beside the key': organiser('en: "Orga\n  niser"'), 'quotes that go on at the margin': organiser('en: "Orga\nniser"'), 'quotes that go on beside the key, escaped': organiser('en: "Orga\\\n  niser"'),
	'single quotes that go on beside the key': organiser('en: \'Orga\n  niser\''), 'braces that go on at the margin': end('publish: {first_at: 1,\nstep: 1}\n'), 'a brace that ends at the margin': end('publish: {\n  first_at: 1\n}\n'), 'quotes at the margin, in braces': end('publish: {first_at: 1, every: "\n1s" }\n'), 'an odd escape': organiser('en: "a\\qb"'),
	'a tab before a key': (yaml) => yaml.replace('  en: Organiser', '\ten: Organiser'), 'a hexadecimal number': shards('shards: 0x2'), 'a zero before a number': shards('shards: 02'), 'a plus before a number': shards('shards: +2'),
	'a number with a point': shards('shards: 2.0'), 'a number in quotes': shards('shards: "2"'), 'a number with an underline': shards('shards: 2_0'), 'yes': end('demonstration: yes\n'), 'True': end('demonstration: True\n'), 'true in quotes': end('demonstration: "false"\n'),
	'nothing': end('demonstration: ~\n'), 'null': end('approvals: null\n'), 'an empty value': end('approvals:\n'), 'an empty block': end('rehearsal:\n'), 'an empty list that is nothing': end('criteria:\n'), 'a null text': organiser('en: null'),
	'24 o\'clock': opens('2026-12-27T24:00:00Z'), 'a leap second': opens('2026-12-27T23:59:60Z'), 'hours without an offset': opens('2026-12-28T09:00:00'), 'a day alone': opens('2026-12-28'), 'a 31st that is none': opens('2026-11-31T09:00:00Z'),
	'a time that is in 1969 elsewhere': opens('1970-01-01T08:59:59.999+09:00'), 'the beginning of 1970': opens('1970-01-01T00:00:00Z'), 'the year nought': opens('0000-02-29T00:00:00Z'), 'a time that is in the year 10000 elsewhere': closes('9999-12-31T23:59:59-00:01'),
	'a word that is none': (yaml) => yaml.replace('revote: replace', 'revote: perhaps'), 'a word with a line end': (yaml) => yaml.replace('revote: replace', 'revote: |\n  replace'),
	'a duration without a unit': end('seal: {max_wait: 60}\n'), 'a duration with a point': end('seal: {max_wait: 1.5m}\n'), 'the English name missing': organiser('fr: x'), 'seventeen deep': end(`groups: ${'['.repeat(17)}${']'.repeat(17)}\n`),
	'an end': end('...\n'), 'a comment behind the end': end('...\n# x\n'), 'an end with a comment': end('... # x\n'), 'two ends': end('...\n...\n'), 'an end before anything': begin('...\n'), 'an end and a beginning': end('...\n---\n'), 'an end within a text': organiser('en: |\n    a\n...'),
	'a comment right behind a bracket': end('criteria: []#x\n'), 'a comment right behind a brace': end('publish: {first_at: 1}#x\n'), 'a comment right behind a comma': end('publish: {first_at: 1,#x\n  step: 1}\n'), 'a comment right behind an opening bracket': end('criteria: [#x\n  ]\n'),
	'a comment right behind an opening brace': end('publish: {#x\n  step: 1}\n'), 'a comment right behind quotes': organiser('en: "a"#b'), 'a comment right behind single quotes': organiser("en: 'a'#b"), 'a comment right behind the colon of a quoted key': end('publish: {"step":#x\n  1}\n'), 'a comment right behind the sign for folding': organiser('en: >-#x\n    a'),
	'half a character': organiser('en: "\\uD83D"'), 'two halves of a character': organiser('en: "\\uD83D\\uDE00"'), 'half a character in eight digits': organiser('en: "\\U0000dc00"'), 'half a character behind a backslash': organiser('en: "\\\\\\uD83D"'),
	'a line that is a tab': shards('\t\nshards: 2'), 'a line that ends with a tab': shards('  \t\nshards: 2'), 'a tab before a comment': shards('\t# x\nshards: 2'), 'a tab before a comment beside': shards('shards: 2\t# x'), 'a tab behind a colon': shards('shards:\t2'), 'a tab behind a dash': end('published_at:\n  -\thttps://a.example/\n'), 'a tab in a comment': end('# a\tb\n'), 'a tab in quotes over lines': organiser('en: "a\n    \tb"'),
	'a key with a question mark': shards('? shards\n: 2'), 'a key with a question mark in braces': end('publish: {? step : 1}\n'), 'a literal key': end('? |\n  demonstration\n: false\n'), 'a folded key': shards('? >-\n  shards\n: 2'), 'a key with a line end by escape': end('"demonstration\\n": false\n'),
	'a question mark before a key in brackets': end('groups: [?id: a]\n'), 'a text that begins with a colon in brackets': end('published_at: [:a]\n'), 'a key over lines in braces': end('publish: {"st\\\n  ep": 1}\n'), 'a key over lines in a block': end('"demon\\\n  stration": false\n'),
	'a colon on the next line': end('publish: {first_at\n  : 1}\n'), 'a colon far away': shards(`"shards"${' '.repeat(1017)}: 2`), 'a colon far away in braces': end(`publish: {"step"${' '.repeat(1019)}: 1}\n`),
	'a word for a block': end('publish: full\n'), 'a list for a block': end('visibility: [live]\n'), 'an empty list for a block': end('seal: []\n'), 'an empty text for a block': end('stage: ""\n'), 'a block for a list': end('groups: {}\n'), 'a text for a list': end('groups: x\n'),
	'a list for a truth value': end('demonstration: []\n'), 'a block for a truth value': end('demonstration: {}\n'), 'a list for a text': end('time_zone: [Asia/Seoul]\n'), 'a list for a word': end('sheet_openings: [public]\n'), 'a text for a list of texts': end('published_at: https://a.example/\n'), 'a list in a list of texts': end('published_at: [[]]\n'), 'a list in a list of blocks': end('groups: [[]]\n'),
	'more than a mebibyte': end(`# ${'x'.repeat(1 << 20)}\n`),
};

describe('contest.yaml', { concurrency: 2 }, () => {
	let root, n = 0;
	before(async () => {
		root = await mkdtemp(path.join(os.tmpdir(), 'tallyd-verify-'));
	});
	after(() => rm(root, { recursive: true }));

	for (const [cases, good] of [[TAKEN, true], [REFUSED, false]])
		for (const [name, change] of Object.entries(cases))
			test(`${good ? 'taken' : 'refused'}: ${name}`, async () => {
				const bundle = makeBundle({ voters: 3 }), dir = path.join(root, String(n++));
				const was = bundle.files.get('contest.yaml').toString(), is = change(was);
				assert.ok(name === 'as it is' || is !== was, 'nothing was changed');
				bundle.files.set('contest.yaml', Buffer.from(is));
				signAll(bundle);
				await writeBundle(bundle.files, dir);
				const { code, stdout } = await runProgram(TALLYCTL, ['verify', '--key', bundle.key, dir]);
				const { findings } = verifyBundle(bundle.files, bundle.key);
				assert.equal(code, good ? 0 : 65, stdout);
				assert.deepEqual(findings.length === 0, good, findings.join('\n') || 'the independent verifier finds nothing');
				if (!good)
					assert.match(findings[0], /^contest\.yaml: /);
			});
});
