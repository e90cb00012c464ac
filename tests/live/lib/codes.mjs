// Invitation codes for tests, made as an organiser makes them.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ctlDone } from './acts.mjs';

/** RFC 4180, for fields without line ends. */
const csv = (text) => text.trimEnd().split('\r\n').map((line) =>
	[...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain));

/** What `codes make` wrote: {file, batch, rows, codes}. */
export async function makeCodes(instance, n, ...options) {
	const file = path.join(instance.dir, `codes-${Math.random().toString(36).slice(2)}.csv`);
	const { json } = await ctlDone(instance, 'codes', 'make', String(n), '--out', file, '--json', ...options);
	const [header, ...rows] = csv(await readFile(file, 'utf8'));
	assert.deepEqual(header, ['number', 'batch', 'label', 'code', 'link', 'qr']);
	return { file, json, batch: json.batch, rows, codes: rows.map((row) => row[3]) };
}

export const codesOf = async (instance, n) => (await makeCodes(instance, n)).codes;

export const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const powers = [1]; // of 2 in GF(32), x^5 + x^2 + 1
while (powers.length < 31)
	powers.push(powers.at(-1) & 16 ? (powers.at(-1) << 1) ^ 0x25 : powers.at(-1) << 1);
const times = (a, b) => (a && b ? powers[(powers.indexOf(a) + powers.indexOf(b)) % 31] : 0);

/** The code of these 16 symbols (0 to 31), with the two check characters that make both sums 0. */
export function wellFormedCode(data) {
	const [first, second] = [powers[16], powers[17]];
	const plain = data.reduce((sum, symbol) => sum ^ symbol, 0);
	const weighted = data.reduce((sum, symbol, i) => sum ^ times(powers[i], symbol), 0);
	const last = times(weighted ^ times(first, plain), powers[31 - powers.indexOf(first ^ second)]);
	return [...data, plain ^ last, last].map((symbol) => ALPHABET[symbol]).join('');
}
