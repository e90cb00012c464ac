// Invitation codes as the voting page reads them: the vectors of tests/unit/code_test.c, and every single error placed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCode } from '../../../static/js/code.js';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODES = ['000000-000000-000000', '111111-111111-111166', '3CP97N-87X12A-2VSX8C'];

test('good codes, however they are written', () => {
	for (const code of CODES)
		for (const text of [code, code.toLowerCase(), code.replaceAll('-', ''), code.replaceAll('-', ' '), `  ${code}\n`,
			code.replaceAll('1', 'l'), code.replaceAll('1', 'I'), code.replaceAll('0', 'o'), code.replaceAll('-', '–'),
			code.replace(/./g, (c) => (/[0-9A-Z]/.test(c) ? String.fromCharCode(c.charCodeAt(0) + 0xfee0) : c))]) // full width
			assert.deepEqual(readCode(text), { code: code }, text);
});

test('what is no code', () => {
	assert.deepEqual(readCode(''), { fault: 'length' });
	assert.deepEqual(readCode(CODES[2].slice(0, -1)), { fault: 'length' });
	assert.deepEqual(readCode(`${CODES[2]}0`), { fault: 'length' });
	assert.deepEqual(readCode(CODES[2].replace('9', 'U')), { fault: 'character', at: 4 });
	assert.deepEqual(readCode(CODES[2].replace('N-8', 'N_8')), { fault: 'character', at: 7 });
	assert.deepEqual(readCode('ㅊㅔ97ㅜ'), { fault: 'hangul' });
	assert.deepEqual(readCode('3CP9N7-87X12A-2VSX8C'), { fault: 'swapped' });
	assert.deepEqual(readCode('3CP97N-X8712A-2VSX8C').fault, 'swapped');
});

test('every wrong character is noticed, and placed', () => {
	for (const code of CODES)
		for (const [i, right] of [...code.replaceAll('-', '')].entries())
			for (const wrong of ALPHABET)
				if (wrong !== right) {
					const text = [...code.replaceAll('-', '')];
					text[i] = wrong;
					assert.deepEqual(readCode(text.join('')), { fault: 'mistyped', at: i + 1 });
				}
});
