// What an organiser with all keys can do to a bundle: changes at random of what stands in its files, not of single
// bytes, and everything signed anew, so that nothing but a rule of FORMAT.md stands against it. `roll(n)` gives a
// number below n; a bundle is that of lib/bundle.mjs ({files, options, keys}).
import YAML from 'yaml';
import { canonical, documentOf, entryOf, identityOf, layEpoch, layOpenings, layResult, logDir, originOf, reseal, sha256, signNote } from './bundle.mjs';
import { readContest } from '../../verifier/check-contest.mjs';
import { definitionOf } from '../../verifier/check-published.mjs';

const hex = (...parts) => sha256(...parts).toString('hex');
const pick = (roll, list) => list[roll(list.length)];

// ---- JSON

const OTHERS = [null, true, false, -1, 0, 1, 2, 3, 7, 0.5, 1.25, 100, 1e14, -0.0001, '', 'a', 'upstage', 'ruling', 'conflict', '0', '12.5', 'submitted', [], {}, [[]], ['a'], { a: 1 }];

/** Every place below: [where it is, its name]. */
function places(json) {
	const found = [];
	const walk = (value) => Object.keys(value).forEach((name) => {
		found.push([value, name]);
		if (value[name] !== null && typeof value[name] === 'object')
			walk(value[name]);
	});
	walk(json);
	return found;
}

const nearby = (roll, value) => {
	if (typeof value === 'number')
		return pick(roll, [value + 1, value - 1, -value, value + 0.5, value * 2, Math.trunc(value), value + 0.0001].map((n) => Math.round(n * 1e4) / 1e4 + 0));
	if (typeof value === 'boolean')
		return !value;
	if (typeof value === 'string')
		return pick(roll, [`${value}x`, value.slice(1), value.toUpperCase(), value.replace(/\d/, (digit) => (Number(digit) + 1) % 10), `${value}0`, `${value}.0`, ` ${value}`, value.split('').reverse().join('')]);
	if (Array.isArray(value))
		return pick(roll, [[], value.slice(1), [...value].reverse(), [...value, ...value.slice(0, 1)], value.slice(0, -1), [...value, null]]);
	return value === null ? pick(roll, OTHERS) : pick(roll, [{}, { ...value, more: 1 }, Object.values(value)]);
};

/** One place becomes another. Returns what was done, in words. */
export function changeJson(json, roll) {
	const all = places(json);
	if (all.length === 0)
		return 'nothing';
	const [value, name] = pick(roll, all), was = JSON.stringify(value[name]);
	const kind = roll(10);
	if (kind < 5) {
		value[name] = nearby(roll, value[name]);
	} else if (kind < 6) {
		if (Array.isArray(value)) value.splice(Number(name), 1);
		else delete value[name];
	} else if (kind < 8) {
		const [from, its] = pick(roll, all.filter(([, other]) => other === name)); // one of the same name
		value[name] = structuredClone(from[its]);
	} else if (kind < 9) {
		value[name] = structuredClone(pick(roll, OTHERS));
	} else {
		const into = value[name] !== null && typeof value[name] === 'object' && !Array.isArray(value[name]) ? value[name] : json;
		into[pick(roll, ['more', 'a', 'zz', 'entry', 'out_of', 'panel', 'disqualified'])] = structuredClone(pick(roll, OTHERS));
	}
	return `${name}: ${was} -> ${JSON.stringify(value[name])}`.slice(0, 200);
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const put = (bundle, name, json) => bundle.files.set(name, Buffer.from(canonical(json)));
const get = (bundle, name) => bundle.files.has(name) ? JSON.parse(bundle.files.get(name)) : undefined;

// ---- everything anew

/** Sheets commit to what they say now, and so does the audit log. */
function commit(bundle, entries) {
	const sheets = get(bundle, 'sheets.json');
	if (!Array.isArray(sheets?.experts))
		return;
	for (const one of sheets.experts) {
		if (typeof one?.sheet !== 'string' || typeof one.salt !== 'string')
			continue;
		const was = one.commitment;
		one.commitment = hex('tallyd sheet v1\n', Buffer.from(one.salt, 'hex'), one.sheet);
		for (const entry of entries ?? [])
			if (entry.sheet === was && was)
				entry.sheet = one.commitment;
	}
	put(bundle, 'sheets.json', sheets);
}

/** The audit log's chain, and what results and it say of one another. */
function chain(bundle, entries, documents) {
	let prev = hex('tallyd audit v1\n', bundle.options.contest);
	const lines = entries.map((entry, i) => {
		const document = entry.act === 'certify' || entry.act === 'correct' ? documents[entry.version - 1] : undefined;
		if (isObject(document)) {
			document.audit = { n: i, head: prev };
			entry.sha256 = hex(canonical(document));
		}
		const line = canonical({ ...entry, n: i + 1, prev });
		prev = hex('tallyd audit v1\n', line);
		return `${line}\n`;
	});
	bundle.files.set('audit.jsonl', Buffer.from(lines.join('')));
}

export function readAudit(bundle) {
	return bundle.files.has('audit.jsonl') ? bundle.files.get('audit.jsonl').toString().trimEnd().split('\n').map((line) => JSON.parse(line)) : undefined;
}

/** What the definition says by the contest's file, where that is one. */
function shownOf({ files, options }) {
	try {
		return definitionOf(readContest(files.get('contest.yaml'), options.contest.endsWith('~rehearsal')));
	} catch {
		return {};
	}
}

/** Signs all of it. `keep`: a set of what is left as it is: rules, annex, sheets, chain, shown. */
export function signAll(bundle, { keep = new Set(), audit = readAudit(bundle) } = {}) {
	const { files, options } = bundle;
	const documents = [];
	for (let v = 1; files.has(`results/${v}.json`); v++)
		documents.push(get(bundle, `results/${v}.json`));
	const newest = documents.at(-1);
	if (!keep.has('rules'))
		documents.filter(isObject).forEach((one) => { one.rules_hash = hex(files.get('rules.json') ?? ''); });
	if (!keep.has('annex') && files.has('annex.json') && isObject(newest))
		newest.annex_sha256 = hex(files.get('annex.json'));
	if (!keep.has('sheets'))
		commit(bundle, audit);
	if (!keep.has('chain') && audit)
		chain(bundle, audit, documents);
	const listed = documents.map((one, i) => isObject(one) ? layResult(bundle, { ...one, version: i + 1 }) : null);
	documents.forEach((one, i) => { // layResult() goes by what it says; what was changed stays changed
		if (isObject(one) && one.version !== i + 1) files.set(`results/${i + 1}.json`, Buffer.from(canonical(one)));
	});
	const shown = get(bundle, 'published.json');
	if (!keep.has('shown') && isObject(shown) && isObject(newest)) {
		shown.results = listed;
		if (isObject(shown.tally))
			Object.assign(shown.tally, { ballots: newest.ballots, citizen: newest.citizen, as_of: newest.at, sequence: newest.log_size }, isObject(newest.public)
				? { experts: newest.public.experts, formula: newest.public.formula, standing: newest.public.standing } : {});
		if (isObject(shown.definition))
			Object.assign(shown.definition, shownOf(bundle), { rules_hash: newest.rules_hash, now: newest.at });
		put(bundle, 'published.json', shown);
	}
	reseal(bundle, { version: options.versions });
}

// ---- the contest's rules

const set = (file, at, value) => {
	const names = at.split('.');
	let inner = file;
	for (const name of names.slice(0, -1))
		inner = inner?.[name];
	if (inner && typeof inner === 'object')
		inner[names.at(-1)] = value;
};

const RULES = [
	['revote', ['refuse', 'replace']], ['shards', [1, 2, 3]], ['expected_voters', [1, 79, 80, 8000, 160001]], ['approvals', [1, 2]],
	['openings', ['public', 'auditors']], ['opens_at', ['2026-12-28T09:00:00+09:00', '2026-12-28T00:00:00Z', '2026-12-27T10:00:00+09:00']],
	['closes_at', ['2026-12-30T18:00:00+09:00', '2027-01-02T00:00:00Z']], ['conflict_scope', ['organisation', 'group']],
	['ballot.choices.min', [1, 2]], ['ballot.choices.max', [1, 2, 3]], ['ballot.scores.max', [5, 10, 11]], ['ballot.scores.step', [1, 2]], ['ballot.scores.min', [0, 1, -3]],
	['ballot.ranking.max', [1, 3, 4]], ['ballot.ranking.method', ['borda', 'schulze']], ['panels.0.aggregate', ['mean', 'median', 'trimmed-mean']], ['panels.0.comments', ['required', 'optional']],
	['stage.publish', ['full', 'top-and-mean', 'advancers']], ['stage.advance.count', [0, 1, 2, 3, 4]], ['stage.advance.refill', [true, false]], ['stage.advance.ties', ['included', 'excluded']],
	['stage.parts.0.weight', [0, 30, 31]], ['stage.parts.1.weight', [0, 40, 1]], ['stage.parts.2.weight', [0, 30]], ['stage.parts.0.scale', ['min-max', 'share-of-maximum']],
	['stage.parts.1.scale', ['min-max', 'share-of-maximum']], ['stage.parts.2.scale', ['min-max', 'share-of-maximum']], ['stage.parts.2.out_of', [99, 100, 200]], ['criteria.0.weight', [0, 1, 2]],
	['demonstration', [false]], ['time_zone', ['UTC', 'Asia/Seoul']], ['seal', [{ max_wait: '2m' }]], ['stage.parts.1.subtotal', ['people']],
];

/** The contest's file, and most times the rules that follow. */
function changeRules(bundle, roll) {
	const file = YAML.parse(bundle.files.get('contest.yaml').toString());
	const [at, values] = pick(roll, RULES), value = pick(roll, values);
	set(file, at, value);
	bundle.files.set('contest.yaml', Buffer.from(YAML.stringify(file)));
	if (roll(6) > 0) {
		const old = get(bundle, 'rules.json');
		let rules;
		try {
			({ rules } = readContest(bundle.files.get('contest.yaml'), bundle.options.contest.endsWith('~rehearsal')));
		} catch {
			return `${at} = ${value}, which is no contest`;
		}
		const changed = { ...old, ...rules };
		if (roll(5) === 0)
			changeJson(changed, roll);
		put(bundle, 'rules.json', changed);
		if (rules.stage)
			for (let v = 1; bundle.files.has(`results/${v}.json`); v++) {
				const document = get(bundle, `results/${v}.json`), { formula } = document.public ?? {};
				if (!isObject(formula) || roll(4) === 0)
					continue;
				Object.assign(formula, { advance: rules.stage.advance, publish: file.stage.publish ?? 'full',
					parts: rules.stage.parts.map((part, i) => ({ ...part, name: file.stage.parts[i].name })) });
				put(bundle, `results/${v}.json`, document);
			}
	}
	return `${at} = ${JSON.stringify(value)}`;
}

// ---- ballots

const WRONG = ['choices\n', 'choices\nz\n', 'choices\nb\na\n', 'choices\na\na\n', 'choices\na', 'scores\na=0\n', 'scores\na=01\n', 'scores\na=9\nb=9\n', 'scores\nb=1\na=1\n',
	'scores\na=999999999\n', 'ranking\nb\na\n', 'ranking\na\nb\nc\nd\n', 'ranking\na\na\n', '', 'choices\na\nb\nc\n', 'choices\na\n\n', 'choices\r\na\n'];

/** Of a bundle that makeBundle() made: log, openings and results follow. */
function changeBallots(bundle, roll) {
	const { shards } = bundle;
	const votes = pick(roll, shards), at = roll(votes.length + 1), other = votes[roll(votes.length || 1)];
	const kind = pick(roll, ['drop', 'twice', 'swap', 'wrong', 'spent', 'often', 'elsewhere', 'end']);
	const vote = votes[Math.min(at, votes.length - 1)];
	if (!vote)
		return 'no ballots';
	if (kind === 'drop') votes.splice(at, 1);
	else if (kind === 'twice') votes.push({ ...vote });
	else if (kind === 'swap') { [vote.ballot, other.ballot] = [other.ballot, vote.ballot]; [vote.items, other.items] = [other.items, vote.items]; }
	else if (kind === 'wrong') vote.ballot = Buffer.from(pick(roll, WRONG));
	else if (kind === 'spent') votes.push({ ...vote, spent: Buffer.concat([vote.spent.subarray(0, 8), sha256('another').subarray(0, 8)]) });
	else if (kind === 'often') for (let i = 9 + roll(4); i > 0; i--) votes.push({ ...vote });
	else if (kind === 'elsewhere') pick(roll, shards).push({ ...vote });
	else votes.pop();
	layAgain(bundle, roll(4));
	return `a ballot: ${kind}`;
}

function layAgain(bundle, keep) {
	const { options, files } = bundle;
	bundle.logs = bundle.shards.map((list, shard) => {
		for (const name of [...files.keys()])
			if ((name.startsWith(`${logDir(bundle, shard, options.epochs)}/`) && (options.epochs > 1 || !name.includes('/epoch-')) && !name.endsWith('statement')) || name.startsWith(`openings/${shard}/`))
				files.delete(name);
		if (options.openings === 'public')
			layOpenings(bundle, shard, list);
		const tokens = new Set(list.map(({ spent }) => spent.toString('hex'))).size + 1;
		return layEpoch(bundle, shard, options.epochs, list.map((vote, i) => entryOf(identityOf(bundle, shard), i, vote)), tokens);
	});
	bundle.issued = bundle.shards.reduce((sum, list) => sum + new Set(list.map(({ spent }) => spent.toString('hex'))).size + 1, 0);
	if (keep !== 0)
		for (let v = 1; v <= options.versions; v++)
			layResult(bundle, documentOf(bundle, v));
}

// ---- notes of the log

function changeNote(bundle, roll) {
	const { options, files, keys } = bundle;
	const shard = roll(options.shards), epoch = 1 + roll(options.epochs), kind = pick(roll, ['checkpoint', 'issued', 'statement']);
	const name = `${logDir(bundle, shard, epoch)}/${kind}`;
	if (!files.has(name))
		return `no ${name}`;
	const [text, signatures] = files.get(name).toString().split('\n\n');
	const lines = text.split('\n'), i = roll(lines.length + 1);
	const how = roll(7);
	if (how === 0) lines[i] = '0';
	else if (how === 1) lines[i] = String(Number(lines[i]) + (roll(2) ? 1 : -1));
	else if (how === 2) lines.splice(i, 1);
	else if (how === 3) lines.splice(i, 0, lines[i] ?? 'more');
	else if (how === 4) lines[i] = `0${lines[i]}`;
	const origin = roll(12) ? originOf(bundle, shard, epoch) : originOf(bundle, shard, 1 + roll(3));
	let note = signNote(`${lines.join('\n')}\n`, origin, roll(12) ? keys.log : keys.result);
	if (how === 5)
		note = note.replace('\n\n', `\n\n${pick(roll, ['— other AAAAAAA=\n', '— other not base64\n', `${signatures.trim()}\n`, '- other AAAA\n', `— ${origin} AAAA\n`, '\n', '— other\n'])}`);
	if (how === 6)
		note += pick(roll, ['— someone AAAABBBB\n', '\n', 'x', '— \n', signatures]);
	files.set(name, Buffer.from(note));
	return `${name}: ${how}, line ${i}`;
}

// ---- files

const NAMES = ['results/2.json', 'results/01.note', 'results/9.note', 'results/9.html', 'results/x.json', 'log/kai/0/tile/0/000', 'log/kai/0/tile/0/000.p/1', 'log/kai/0/tile/0/000.p/3',
	'log/kai/0/tile/entries/000.p/2', 'log/kai/0/tile/1/000', 'log/kai/0/tile/0/x000/000', 'log/kai/0/tile/00/000', 'log/kai/0/epoch-1/checkpoint', 'log/kai/0/epoch-2/statement',
	'log/kai/0/epoch-4/checkpoint', 'log/kai/0/statement', 'log/kai/7/checkpoint', 'log/kai/0/readme', 'log/readme', 'openings/0/000.p/1', 'openings/0/009', 'openings/00/000', 'openings/7/000', 'openings/x', 'audit.jsonl',
	'annex.json', 'sheets.json', 'metrics.json', '_headers', 'a/_headers', 'a/SHA256SUMS', 'x y.html', 'x\u00e9.html', 'x\\y', 'é/ü', 'x\u007f', 'site.json', '.hidden', 'a/./b'];

function changeFiles(bundle, roll) {
	const { files } = bundle;
	const name = pick(roll, [...files.keys()].filter((one) => !one.startsWith('SHA256SUMS'))), other = pick(roll, [...files.keys()]);
	const kind = pick(roll, ['drop', 'add', 'copy', 'swap', 'partial', 'empty', 'longer', 'shorter']);
	const made = pick(roll, NAMES.filter((one) => !one.includes('/./')));
	if (kind === 'drop') files.delete(name);
	else if (kind === 'add') files.set(made, Buffer.from(pick(roll, ['', '{}', '[]', 'x', 'x\n', 'null'])));
	else if (kind === 'copy') files.set(made, files.get(other));
	else if (kind === 'swap') { const bytes = files.get(name); files.set(name, files.get(other)); files.set(other, bytes); }
	else if (kind === 'partial') return earlier(bundle, roll);
	else if (kind === 'empty') files.set(name, Buffer.alloc(0));
	else if (kind === 'longer') files.set(name, Buffer.concat([files.get(name), files.get(name).subarray(0, 1 + roll(40))]));
	else files.set(name, files.get(name).subarray(0, Math.max(0, files.get(name).length - 1 - roll(40))));
	return `${kind} ${name} ${kind === 'swap' ? other : ''}${kind === 'add' || kind === 'copy' ? made : ''}`;
}

/** A file of a log's earlier size, as it was or not. */
function earlier(bundle, roll) {
	const tiles = [...bundle.files.keys()].filter((name) => /^(log|openings)\/.*\/\d{3}(\.p\/\d+)?$/.test(name));
	if (tiles.length === 0)
		return 'no tiles';
	const name = pick(roll, tiles), width = 1 + roll(255);
	const made = `${name.replace(/\.p\/\d+$/, '')}.p/${width}`;
	bundle.files.set(made, bundle.files.get(name).subarray(0, width * (name.includes('entries') ? 34 : 32)));
	return `earlier ${made}`;
}

// ---- one change of any kind

const JSONS = ['keys.json', 'rules.json', 'results/1.json', 'results/2.json', 'published.json', 'sheets.json', 'metrics.json', 'annex.json'];

function changeSomeJson(bundle, roll) {
	const name = pick(roll, JSONS.filter((one) => bundle.files.has(one))), json = get(bundle, name);
	const did = changeJson(json, roll);
	put(bundle, name, json);
	return `${name}: ${did}`;
}

function changeSheet(bundle, roll) {
	const sheets = get(bundle, 'sheets.json');
	const one = pick(roll, sheets?.experts?.filter(({ sheet } = {}) => typeof sheet === 'string') ?? []);
	if (!one)
		return 'no sheets';
	const sheet = JSON.parse(one.sheet), did = changeJson(sheet, roll);
	one.sheet = JSON.stringify(sheet);
	put(bundle, 'sheets.json', sheets);
	return `the sheet of ${one.expert}: ${did}`;
}

function changeAudit(bundle, roll, audit) {
	if (!audit?.length)
		return 'no audit log';
	const i = roll(audit.length), kind = roll(6);
	if (kind === 0) audit.splice(i, 1);
	else if (kind === 1) audit.splice(i, 0, structuredClone(audit[roll(audit.length)]));
	else if (kind === 2) [audit[i], audit[roll(audit.length)]] = [audit[roll(audit.length)], audit[i]];
	else return `audit log, ${i}, ${audit[i].act}: ${changeJson(audit[i], roll)}`;
	return `audit log, ${i}: ${kind}`;
}

/** 1 to 3 changes, and most times all that follows from them. Returns what was done. */
export function forge(bundle, roll) {
	const did = [], audit = readAudit(bundle);
	const kinds = [changeSomeJson, changeSomeJson, changeSomeJson, changeFiles, changeNote, changeRules, ...(bundle.shards ? [changeBallots, changeBallots] : [changeSheet, changeSheet, changeAudit])];
	for (let n = 1 + roll(3) % 2 + roll(2) * roll(2); n > 0; n--) {
		try {
			did.push(pick(roll, kinds)(bundle, roll, audit));
		} catch (error) { // an earlier change left nothing to change
			if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
		}
	}
	const keep = new Set(['rules', 'annex', 'sheets', 'chain', 'shown'].filter(() => roll(12) === 0));
	try {
		signAll(bundle, { keep, audit });
	} catch (error) { // what stands there is no JSON any more
		if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
		did.push(`not all signed: ${error.message}`);
		reseal(bundle);
	}
	return [...did, ...[...keep].map((name) => `${name} kept`)].join('; ');
}
