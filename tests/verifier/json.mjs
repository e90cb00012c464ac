// Canonical JSON (FORMAT.md 5.1), and nothing else: compact, members sorted by name, each name once.

export class Malformed extends Error {}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.(?:[0-9]{0,3}[1-9]|0))?/y;
const DIGITS_MAX = 15;
// eslint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LITERALS = { true: true, false: false, null: null };
const DEPTH_MAX = 32;
const VALUES_MAX = 250_000;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How a text is written: what must be escaped is, in the one way, and nothing else. */
export const quoted = (text) => JSON.stringify(text).replace(/\\\\|\\u00([0-9a-f]{2})/g, (escape, digits) => digits ? `\\u00${digits.toUpperCase()}` : escape);

/** Of bytes; or of a text. */
export function parseCanonical(bytes) {
	let text = bytes;
	try {
		text = typeof bytes === 'string' ? bytes : UTF8.decode(bytes);
	} catch {
		throw new Malformed('is not UTF-8');
	}
	let at = 0, values = 0;
	const fail = () => { throw new Malformed(`not canonical JSON at byte ${at}`); };
	const take = (pattern) => {
		pattern.lastIndex = at;
		const [found] = pattern.exec(text) ?? fail();
		at += found.length;
		return found;
	};
	const list = (end, item) => {
		at++;
		if (++values > VALUES_MAX) fail();
		if (text[at] === end) return void at++;
		for (;;) {
			item();
			if (text[at] === end) return void at++;
			if (text[at++] !== ',' || ++values > VALUES_MAX) fail();
		}
	};
	const string = () => {
		const raw = take(STRING), meant = JSON.parse(raw);
		if (raw !== quoted(meant) || meant.includes('\u0000') || !meant.isWellFormed()) fail(); // half a character is no UTF-8
		return meant;
	};
	const number = () => {
		const raw = take(NUMBER);
		if (raw.replace(/^-?(0\.0*)?|\.0$/g, '').replace('.', '').length > DIGITS_MAX || /^-0(\.0)?$/.test(raw)) fail();
		return Number(raw);
	};
	const object = (depth) => {
		const members = {};
		let last = null;
		list('}', () => {
			const name = string();
			if (text[at++] !== ':' || (last !== null && Buffer.compare(Buffer.from(last), Buffer.from(name)) >= 0)) fail();
			last = name;
			Object.defineProperty(members, name, { value: value(depth + 1), enumerable: true });
		});
		return members;
	};
	const array = (depth) => {
		const items = [];
		list(']', () => items.push(value(depth + 1)));
		return items;
	};
	const value = (depth) => {
		if (depth >= DEPTH_MAX && /[[{]/.test(text[at])) fail();
		if (text[at] === '{') return object(depth);
		if (text[at] === '[') return array(depth);
		if (text[at] === '"') return string();
		for (const [name, meaning] of Object.entries(LITERALS))
			if (text.startsWith(name, at)) {
				at += name.length;
				return meaning;
			}
		return number();
	};
	const result = value(0);
	if (at !== text.length) fail();
	return result;
}

/** Equal values, whatever the order of members; numbers as numbers. */
export function same(a, b) {
	if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object')
		return a === b;
	if (Array.isArray(a) !== Array.isArray(b))
		return false;
	const names = Object.keys(a);
	return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}

export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** An object with these members and no others. */
export const hasExactly = (value, names) => isObject(value)
	&& Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));
