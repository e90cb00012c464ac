// The contest's file: that part of YAML which all parsers read alike, and the keys that there are (FORMAT.md 5.3).
import YAML from 'yaml';

const BYTES_MAX = 1 << 20;
const DEPTH_MAX = 16;

const words = (names) => Object.fromEntries(names.split(' ').map((name) => [name, null])); // a text, or (LISTS) a list of texts
const both = words('ko en');

const VISIBILITY = words('citizen experts standing sheets'), PUBLISH = words('first_at step every'), SEAL = words('min_entries max_wait');
const KEYS = {
	...words('id contact published_at demonstration opens_at closes_at time_zone admission revote openings sheet_openings shards expected_voters conflict_scope pseudonyms approvals'),
	name: both, about: both, entry_noun: both, organiser: both, visibility: VISIBILITY, publish: PUBLISH, seal: SEAL,
	ballot: { choices: words('min max'), scores: words('min max step'), ranking: words('method min max') },
	identity: { ...words('person_claim delete_at acr'), providers: { ...words('id'), name: both }, claims: words('claim at_least at_most one_of') },
	groups: { ...words('id'), name: both },
	organisations: { ...words('id aliases group unit_of'), name: both },
	entries: { ...words('id reading lead participants'), name: both, head: both, model: both, goal: both, showcase: both, links: { ...words('url'), label: both } },
	criteria: { ...words('id min max step weight'), name: both, rubric: both },
	panels: { ...words('id criteria aggregate comments min_experts'), name: both },
	pledge: { ...words('required'), text: both },
	stage: { ...words('publish'), subtotals: { ...words('id'), name: both }, advance: words('count refill ties'),
		parts: { ...words('id source panel subtotal weight scale out_of'), name: both } },
	programme: { ...words('id round rounds previous'), name: both },
	rehearsal: { ...words('admission revote openings sheet_openings approvals pseudonyms published_at'), about: both, visibility: VISIBILITY, publish: PUBLISH, seal: SEAL, pledge: words('required') },
};

const LISTS = new Set('published_at providers acr claims one_of groups organisations aliases entries participants links criteria panels subtotals parts'.split(' '));

const forms = (pattern, quoted, ...names) => names.map((name) => [name, { pattern, quoted }]);
const oneOf = (...words) => new RegExp(`^(${words.join('|')})$`);
const FORMS = new Map([
	...forms(/^-?(0|[1-9][0-9]*)$/, false, ...'shards expected_voters approvals min max step weight first_at min_entries min_experts count out_of round rounds'.split(' ')),
	...forms(/^(true|false)$/, false, 'demonstration', 'pseudonyms', 'required', 'refill'),
	...forms(/^(0|[1-9][0-9]*)(d|h|m|s|ms)$/, true, 'every', 'max_wait'),
	...forms(/^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/, true, 'opens_at', 'closes_at', 'delete_at'),
	...forms(oneOf('open', 'codes', 'oidc', 'assertion'), true, 'admission'), ...forms(oneOf('refuse', 'replace'), true, 'revote'),
	...forms(oneOf('auditors', 'public'), true, 'openings', 'sheet_openings'), ...forms(oneOf('live', 'organisers', 'on-publish'), true, 'citizen', 'experts', 'standing'),
	...forms(oneOf('after-close', 'always'), true, 'sheets'), ...forms(oneOf('schulze', 'borda'), true, 'method'), ...forms(oneOf('mean', 'trimmed-mean', 'median'), true, 'aggregate'),
	...forms(oneOf('optional', 'required'), true, 'comments'), ...forms(oneOf('unit', 'organisation', 'group'), true, 'conflict_scope'), ...forms(oneOf('included', 'excluded'), true, 'ties'),
	...forms(oneOf('citizens', 'panel', 'metric'), true, 'source'), ...forms(oneOf('points', 'share-of-maximum', 'min-max'), true, 'scale'),
	...forms(oneOf('full', 'top-and-mean', 'advancers'), true, 'publish'),
]);

const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');
const isDay = (time) => {
	const [year, month, day] = time.slice(0, 10).split('-').map(Number);
	return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
};

/** What stands between the texts: a comment begins behind a space, no key behind a question mark. */
function checkSigns(text, fail) {
	let at = 0, depth = 0, isPlain = false;
	for (const part of new YAML.Lexer().lex(text)) {
		const sign = isPlain ? null : YAML.CST.tokenType(part);
		if (sign === 'doc-mode' || sign === 'scalar' || sign === 'flow-error-end') {
			isPlain = sign === 'scalar';
			continue;
		}
		if (sign === 'comment' && !/^[ \n]?$/.test(text.slice(Math.max(0, at - 1), at))) fail('has a comment right behind another sign');
		if (sign === 'explicit-key-ind' || (isPlain && depth > 0 && /^[?:]/.test(part))) fail('has a key behind a question mark, or a text that begins like one');
		if (/^flow-(map|seq)-(start|end)$/.test(sign)) depth += sign.endsWith('start') ? 1 : -1;
		isPlain = false;
		at += part.length;
	}
}

/** Throws an Error that says why where the file is none. */
export function readYaml(bytes) {
	const fail = (why) => { throw new SyntaxError(why); };
	if (bytes.length > BYTES_MAX) fail('is too large');
	const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	// eslint-disable-next-line no-control-regex
	if (/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)/.test(text)) fail('has a character that is not taken');
	if (/^%/m.test(text)) fail('has a directive');
	if (/^\.\.\.(?=\s|$)/m.test(text)) fail('has a sign for its end');
	checkSigns(text, fail);
	const document = YAML.parseDocument(text, { schema: 'failsafe', version: '1.2' });
	if (document.errors.length || document.warnings.length) fail([...document.errors, ...document.warnings][0].message.split('\n')[0]);

	const columnOf = (at) => at - 1 - text.lastIndexOf('\n', at - 1);
	/** What goes on over lines is indented further than the block that it stands in. */
	const indented = ({ range: [from, to] }, column) => {
		for (const line of text.slice(from, to).split('\n').slice(1))
			if (/^ */.exec(line)[0].length <= column && !/^ *\r?$/.test(line)) fail('has a value that goes on at the margin');
	};
	const scalar = (node, name, column) => {
		const { value, type } = node, isQuoted = type !== 'PLAIN', form = FORMS.get(name);
		if (/^QUOTE/.test(type)) indented(node, column);
		// Half a character, of which JavaScript would make one with its other half.
		if (type === 'QUOTE_DOUBLE' && /\\(?:u|U0000)[Dd][89A-Fa-f]/.test(text.slice(node.range[0], node.range[1]).replaceAll('\\\\', ''))) fail(`${name} has a surrogate`);
		if (!isQuoted && /^(|~|null)$/.test(value)) fail(`${name} is nothing`);
		if (form && (!form.pattern.test(value) || (isQuoted && !form.quoted))) fail(`${name} is "${value}"`);
		// eslint-disable-next-line no-control-regex
		if (/[\u0000-\u001f\u007f]/.test(value.replace(/\n+$/, ''))) fail(`${name} is not one line`);
		if (/^(opens|closes|delete)_at$/.test(name)) {
			if (!isDay(value)) fail(`${name} is on no day`);
			if (!(Date.parse(value) > 0 && Date.parse(value) <= LAST_MS)) fail(`${name} is not in the years 1970 to 9999`);
		}
		return value.replace(/\n+$/, '');
	};
	const pairs = (node, name, keys, depth, column) => {
		const block = {};
		for (const { key, value: its } of node.items) {
			if (!YAML.isScalar(key) || key.anchor || key.tag) fail('has a key that is no text');
			if (!keys || scalar(key, null, column) !== key.value || !Object.hasOwn(keys, key.value)) fail(`there is no key "${key.value}" in ${name}`);
			const colon = /^ *:/.exec(text.slice(key.range[1]));
			if (!colon || text.slice(key.range[0], key.range[1]).includes('\n') || key.range[1] + colon[0].length - 1 - key.range[0] > 1024) fail(`"${key.value}" and its colon stand apart`);
			block[key.value] = value(its, key.value, keys[key.value], depth + 1, column);
		}
		return block;
	};
	const value = (node, name, keys, depth, outer, isItem = false) => {
		if (!node || YAML.isAlias(node) || node.anchor || node.tag) fail(`${name} is nothing, or has an anchor, alias or tag`);
		const isList = LISTS.has(name) && !isItem;
		if (isList !== YAML.isSeq(node) || (!isList && Boolean(keys) !== YAML.isMap(node))) fail(`${name} is not a ${isList ? 'list' : keys ? 'block' : 'text'}`);
		if (YAML.isScalar(node)) return scalar(node, name, outer);
		if (depth >= DEPTH_MAX) fail('is nested too deeply');
		if (node.flow) indented(node, outer);
		const column = node.flow ? outer : columnOf(node.range[0]);
		return YAML.isMap(node) ? pairs(node, name, keys, depth, column) : node.items.map((item) => value(item, name, keys, depth + 1, column, true));
	};
	const file = value(document.contents, 'the file', KEYS, 0, -1);
	return typeof file === 'object' ? file : fail('is no block of keys');
}
