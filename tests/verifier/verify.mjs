#!/usr/bin/env node
// Checks a published bundle, with nothing but FORMAT.md to go by: shares no code with the program that wrote it.
//
//   node tests/verifier/verify.mjs VERIFIERKEY DIR
//
// Ends with 0 when everything agrees, 1 with one finding a line, 2 for a wrong command line.
import { lstatSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { auditChecks } from './check-audit.mjs';
import { contestChecks } from './check-contest.mjs';
import { logChecks } from './check-log.mjs';
import { publishedChecks } from './check-published.mjs';
import { stageChecks } from './check-stage.mjs';
import { Malformed, hasExactly, parseCanonical, same } from './json.mjs';
import { base64, hex, openNote, parseVerifierKey, sha256 } from './note.mjs';

const SHARDS_MAX = 1024;
const VERSIONS_MAX = 10_000;
const PATH_MAX = 300; // bytes, one less
const PARTS_MAX = 16; // of a path; of a directory's, one less

const isText = (value) => typeof value === 'string';
const isCount = (value) => Number.isInteger(value) && value >= 0;

/** All files of a directory: path -> bytes; what is no plain file: path -> null. */
export function readDirectory(root) {
	const files = new Map();
	const walk = (dir) => {
		for (const name of readdirSync(path.join(root, dir))) {
			const at = dir ? `${dir}/${name}` : name;
			const status = lstatSync(path.join(root, at));
			if (status.isDirectory() && at.split('/').length < PARTS_MAX) walk(at);
			else files.set(at, status.isFile() ? readFileSync(path.join(root, at)) : null);
		}
	};
	walk('');
	return files;
}

const KEYS = ['bearer_key', 'issuer_name', 'log_key', 'log_name', 'origin_info', 'result_key', 'round', 'token_key'];
const RESULT = { advanced: Array.isArray, annex_sha256: isText, at: isText, audit: ({ n, head, ...rest }) => isCount(n) && isText(head) && hasExactly(rest, []),
	ballots: isCount, citizen: Array.isArray, contest: isText, issued: isCount, kind: isText, log: Array.isArray, log_size: isCount,
	public: (shown) => hasExactly(shown, ['experts', 'formula', 'standing']), rehearsal: (value) => typeof value === 'boolean',
	rules_hash: isText, version: isCount, who: isText, why: isText };

/** A path as SHA256SUMS may have it; one character a byte. */
function isPath(file) {
	const utf8 = Buffer.from(file, 'latin1');
	// eslint-disable-next-line no-control-regex
	return utf8.length < PATH_MAX && !/[\u0000-\u001f\u007f\\]/.test(file) && utf8.equals(Buffer.from(utf8.toString('utf8')))
		&& !/^SHA256SUMS(\.note)?$/.test(file) && file.split('/').length <= PARTS_MAX && file.split('/').every((part) => !['', '.', '..'].includes(part));
}

class Verifier {
	constructor(files, pinned) {
		this.files = files;
		this.pinned = pinned;
		this.findings = [];
		this.done = [];
	}

	wrong(file, what) {
		this.findings.push(`${file}: ${what}`);
	}

	expect(good, file, what) {
		if (!good) this.wrong(file, what);
		return Boolean(good);
	}

	/** The bytes of a file that must be there, or null. */
	take(file) {
		const bytes = this.files.get(file) ?? null;
		this.expect(bytes, file, 'is missing');
		return bytes;
	}

	json(file) {
		const bytes = this.take(file);
		if (!bytes) return null;
		try {
			return parseCanonical(bytes);
		} catch (error) {
			if (!(error instanceof Malformed || error instanceof SyntaxError)) throw error;
			this.wrong(file, error.message);
			return null;
		}
	}

	run() {
		const [, logName, round] = /^(.+)\/([^/]+)\/result$/.exec(this.pinned.name);
		Object.assign(this, { logName, round });
		this.sums();
		this.take('FORMAT.md');
		this.keys = this.json('keys.json');
		this.rules = this.json('rules.json');
		if (!this.keys || !this.rules) return this;
		this.identities();
		this.contestFile();
		if (!(this.rules.shards <= SHARDS_MAX)) return this;
		this.results();
		if (!this.newest) return this;
		this.logs();
		this.openings();
		this.stage();
		this.audit();
		this.published();
		return this;
	}

	// 1
	sums() {
		const sums = this.take('SHA256SUMS');
		const note = this.take('SHA256SUMS.note');
		if (!sums || !note) return;
		const lines = sums.toString('latin1').split('\n');
		this.expect(lines.pop() === '', 'SHA256SUMS', 'ends within a line');
		this.sumsNote(openNote(note, this.pinned.name, this.pinned.key), sums, lines.length);
		const listed = new Set();
		let last = '';
		for (const line of lines) {
			const [, sum, file] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
			if (!this.expect(file && isPath(file) && Buffer.compare(Buffer.from(last, 'latin1'), Buffer.from(file, 'latin1')) < 0, 'SHA256SUMS', `a line that should not be: ${line}`))
				continue;
			last = file;
			const name = Buffer.from(file, 'latin1').toString('utf8');
			listed.add(name);
			const bytes = this.files.get(name);
			if (bytes === undefined) this.wrong(name, 'is missing');
			else if (bytes === null || hex(sha256(bytes)) !== sum) this.wrong(name, 'is not the file that was signed');
		}
		for (const [name, bytes] of this.files)
			if (!listed.has(name) && !(/^(SHA256SUMS(\.note)?|_headers)$/.test(name) && bytes)) this.wrong(name, 'is not in SHA256SUMS');
		this.done.push(`${listed.size} files`);
	}

	sumsNote(text, sums, files) {
		if (!this.expect(text, 'SHA256SUMS.note', 'is not signed by the pinned key')) return;
		const version = /^[1-9][0-9]{0,4}$/.exec(text.split('\n')[2])?.[0];
		if (this.expect(Number(version) <= VERSIONS_MAX, 'SHA256SUMS.note', 'has no version of a result')) this.version = Number(version);
		this.expect(text === `tallyd bundle v1\n${this.round}\n${version}\n${files}\n${hex(sha256(sums))}\n`,
			'SHA256SUMS.note', 'is not the pinned key\'s word on SHA256SUMS');
	}

	// 2
	identities() {
		const { keys, rules } = this;
		const raw = (name) => base64(keys[name], 32);
		const print = (bytes) => bytes && hex(sha256(bytes));
		this.expect(hasExactly(keys, KEYS) && KEYS.every((name) => typeof keys[name] === 'string'), 'keys.json', 'has other members than it should');
		this.expect(raw('result_key')?.equals(this.pinned.key) && keys.log_name === this.logName && keys.round === this.round,
			'keys.json', 'is not of the pinned key');
		this.logKey = raw('log_key');
		for (const name of ['log_key', 'result_key'])
			this.expect(print(raw(name)) === rules[name], 'keys.json', `${name} is not that of rules.json`);
		for (const name of ['token_key', 'bearer_key'])
			this.expect(print(base64(keys[name])) === rules[name], 'keys.json', `${name} is not that of rules.json`);
		this.expect(`${rules.contest}${rules.rehearsal ? '~rehearsal' : ''}` === this.round, 'rules.json', 'is of another round');
		this.expect(Number.isInteger(rules.shards) && rules.shards >= 1 && rules.shards <= SHARDS_MAX, 'rules.json', 'has no such number of shards');
		this.rulesHash = hex(sha256(this.files.get('rules.json')));
	}

	// 3
	results() {
		this.documents = [];
		this.version ??= this.versionsThere();
		for (let v = 1; v <= this.version; v++) {
			const file = `results/${v}.json`;
			const document = this.json(file);
			const note = this.take(`results/${v}.note`);
			if (!document || !note) return;
			this.expect(openNote(note, this.pinned.name, this.pinned.key)
				=== `tallyd result v1\n${this.round}\n${v}\n${hex(sha256(this.files.get(file)))}\n`, `results/${v}.note`, 'does not sign the document');
			this.document(file, document, v);
			this.documents.push(document);
		}
		for (const name of this.files.keys())
			if (/^results\/\d+\.(json|note)$/.test(name) && !(/^results\/[1-9]/.test(name) && Number(/\d+/.exec(name)[0]) <= this.version)) this.wrong(name, 'is a version too many');
		this.newest = this.documents.at(-1);
		this.file = `results/${this.version}.json`;
		this.compareVersions();
		this.done.push(`${this.version} version(s) of the result`);
	}

	/** Where the note does not tell: as many as follow one another. */
	versionsThere() {
		let n = 0;
		while (this.files.has(`results/${n + 1}.json`)) n++;
		this.expect(n > 0, 'results/1.json', 'is missing');
		return n;
	}

	document(file, document, v) {
		const { rules } = this;
		if (!this.expect(hasExactly(document, Object.keys(RESULT)), file, 'has other members than a result')) return;
		for (const [name, fits] of Object.entries(RESULT))
			this.expect(document[name] !== null && fits(document[name]), file, `${name} is not of its kind`);
		this.expect(document.version === v && document.kind === (v === 1 ? 'certified' : 'corrected') && document.contest === rules.contest
			&& document.rehearsal === rules.rehearsal && document.rules_hash === this.rulesHash, file, 'is not this version under these rules');
		this.expect(Array.isArray(document.public.standing), file, 'public.standing is no list');
		const { log, ballots, citizen } = document;
		const row = { choices: ['entry', 'rank', 'share', 'votes'], scores: ['entry', 'mean', 'rank', 'votes'], ranking: ['borda', 'entry', 'rank', 'schulze', 'votes'] }[rules.form.name];
		this.expect(citizen.length === rules.entries.length && citizen.every((one, e) => hasExactly(one, row) && one.entry === rules.entries[e].id
			&& isCount(one.votes) && one.votes <= ballots), file, 'citizen is not one row an entry');
		this.expect(log.length === rules.shards && log.every((row, shard) => hasExactly(row, ['origin', 'root', 'shard', 'size'])
			&& isText(row.origin) && base64(row.root, 32) && row.shard === shard && isCount(row.size)), file, 'log is not one checkpoint a shard');
		const total = log.reduce((sum, { size }) => sum + size, 0);
		this.expect(total === document.log_size, file, `log_size is not ${total}`);
		this.expect(ballots <= document.issued && ballots <= total, file, 'has more ballots than tokens or entries');
	}

	/** Ballots do not change any more: what speaks of the same logs says the same of them. */
	compareVersions() {
		const { newest } = this;
		this.documents.forEach((older, i) => {
			if (!same(older.log, newest?.log)) return;
			for (const name of ['ballots', 'citizen', 'issued', 'log_size'])
				this.expect(same(older[name], newest[name]), `results/${i + 1}.json`, `${name} is another than in the newest version`);
		});
	}

	optional(file) {
		return this.files.has(file) ? this.json(file) : null;
	}

}

Object.assign(Verifier.prototype, contestChecks, logChecks, stageChecks, auditChecks, publishedChecks);

/** {findings, done}: what is wrong, one a line, and what was checked. `files` as of readDirectory(). */
export function verifyBundle(files, verifierKey) {
	const pinned = parseVerifierKey(verifierKey);
	if (!pinned || !/^.+\/[^/]+\/result$/.test(pinned.name))
		return { findings: ['the pinned key is not a result key'], done: [] };
	const verifier = new Verifier(files, pinned);
	try {
		verifier.run();
	} catch (error) { // a shape that no check foresaw
		if (!(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)) throw error;
		verifier.wrong('the bundle', `is malformed: ${error.message}`);
	}
	return { findings: verifier.findings, done: verifier.done };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
	const [key, dir, ...more] = process.argv.slice(2);
	if (!dir || more.length) {
		console.error('Usage: node tests/verifier/verify.mjs VERIFIERKEY DIR');
		process.exit(2);
	}
	const { findings, done } = verifyBundle(readDirectory(dir), key);
	const shown = (what) => what.replace(/\p{C}/gu, '?'); // names are a stranger's
	for (const what of done) console.log(`checked: ${shown(what)}`);
	for (const what of findings) console.log(`WRONG: ${shown(what)}`);
	process.exit(findings.length ? 1 : 0);
}
