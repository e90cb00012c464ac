// What is not a ballot is refused with words that help, and the token stays unspent.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startInstance } from './lib/instance.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

describe('ballots that are not', () => {
	let instance, round, token;
	before(async () => {
		instance = await startInstance();
		round = new Round(instance);
		token = round.mint();
	});
	after(async () => {
		try {
			// The one token that carried all of them is still good, once.
			assert.equal((await instance.tally(round.id)).ballots, 0);
			assert.equal((await round.cast(token, { choices: ['upstage'] })).status, 201);
		} finally {
			await instance.stop();
		}
	});

	const utf8 = (text) => Buffer.from(text, 'utf8');
	const cases = [
		// what, body, status, slug, what the detail must name
		['an unknown team', { choices: ['kakao'] }, 422, 'invalid-ballot', /kakao/],
		['a Korean name in place of an id', { choices: ['업스테이지'] }, 422, 'invalid-ballot', /업스테이지/],
		['another case', { choices: ['Upstage'] }, 422, 'invalid-ballot', /Upstage/],
		['an id with a space', { choices: ['upstage '] }, 422, 'invalid-ballot', /\S/],
		['too many', { choices: ['upstage', 'nc-ai'] }, 422, 'invalid-ballot', /1/],
		['too few', { choices: [] }, 422, 'invalid-ballot', /1/],
		['the same team twice', { choices: ['upstage', 'upstage'] }, 422, 'invalid-ballot', /\S/],
		['a thousand teams', { choices: Array(1000).fill('upstage') }, 422, 'invalid-ballot', /\S/],
		['a text in place of the list', { choices: 'upstage' }, 422, 'invalid-ballot', /choices/],
		['an object in place of the list', { choices: { upstage: 1 } }, 422, 'invalid-ballot', /choices/],
		['null in place of the list', { choices: null }, 422, 'invalid-ballot', /choices/],
		['a number in the list', { choices: [1] }, 422, 'invalid-ballot', /choices/],
		['null in the list', { choices: [null] }, 422, 'invalid-ballot', /choices/],
		['a list in the list', { choices: [['upstage']] }, 422, 'invalid-ballot', /choices/],
		['an extra member', { choices: ['upstage'], comment: 'hello' }, 422, 'invalid-ballot', /comment/],
		['another form', { scores: { upstage: 8 } }, 422, 'invalid-ballot', /choices/],
		['no member', {}, 422, 'invalid-ballot', /choices/],
		['a list at the top', ['upstage'], 422, 'invalid-ballot', /choices/],
		['an id with a NUL', '{"choices":["upstage\\u0000"]}', 422, 'ambiguous-json', /\S/],
		['a lone surrogate', '{"choices":["\\ud800"]}', 400, 'invalid-json', /\S/],
		['a text at the top', '"upstage"', 422, 'invalid-ballot', /choices/],
		['null at the top', 'null', 422, 'invalid-ballot', /choices/],
		['nothing', '', 400, 'invalid-json', /\S/],
		['half of it', '{"choices":["upsta', 400, 'invalid-json', /line 1/],
		['text after it', '{"choices":["upstage"]} {}', 400, 'invalid-json', /\S/],
		['a trailing comma', '{"choices":["upstage",]}', 400, 'invalid-json', /\S/],
		['single quotes', '{\'choices\':[\'upstage\']}', 400, 'invalid-json', /\S/],
		['a comment', '{"choices":["upstage"]/**/}', 400, 'invalid-json', /\S/],
		['a repeated key', '{"choices":["nc-ai"],"choices":["upstage"]}', 422, 'ambiguous-json', /duplicate/],
		['a NUL after a number', '{"choices":[1\0]}', 400, 'invalid-json', /byte 13/],
		['a repeated key, and no end', '{"choices":["nc-ai"],"choices":["upstage"]', 400, 'invalid-json', /end of file/],
		['NaN', '{"choices":NaN}', 400, 'invalid-json', /\S/],
		['an endless number', `{"choices":[1${'0'.repeat(400)}]}`, [400, 422], null, /\S/],
		['a deep nest', `{"choices":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, [400, 422], null, /\S/],
		['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), utf8('{"choices":["upstage"]}')]), 400, 'invalid-json', /\S/],
		['broken UTF-8', Buffer.concat([utf8('{"choices":["upstage'), Buffer.from([0xff, 0xfe]), utf8('"]}')]), 400, 'invalid-json', /byte/],
		['overlong UTF-8', Buffer.concat([utf8('{"choices":["'), Buffer.from([0xc1, 0xb5]), utf8('pstage"]}')]), 400, 'invalid-json', /byte/],
		['UTF-16', Buffer.from('{"choices":["upstage"]}', 'utf16le'), 400, 'invalid-json', /\S/],
		['a form', 'choices=upstage', 400, 'invalid-json', /\S/],
		['100 KB', `{"choices":["upstage"]${' '.repeat(100 * 1024)}}`, 413, 'too-large', /\S/],
	];
	for (const [what, body, statuses, slug, detail] of cases)
		test(what, async () => {
			const reply = await round.cast(token, body);
			const expected = [statuses].flat();
			assert.ok(expected.includes(reply.status), `${reply.status} ${reply.text}`);
			assertProblem(reply, reply.status, slug ?? (reply.status === 400 ? 'invalid-json' : 'invalid-ballot'), detail);
			assert.ok(Buffer.from(reply.bytes.toString('utf8')).equals(reply.bytes), 'the answer is UTF-8');
		});

	for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp'])
		test(`Content-Type: ${type}`, async () => {
			const headers = { Authorization: round.authorization(token) };
			if (type)
				headers['Content-Type'] = type;
			assertProblem(await instance.request('POST', `${round.path}/ballots`,
				{ headers, body: '{"choices":["upstage"]}' }), 415, 'unsupported-media-type', /application\/json/);
		});
	test('of a contest that is not here', async () => {
		const reply = await instance.request('POST', '/v1/contests/nobody/ballots', {
			headers: { Authorization: round.authorization(token), 'Content-Type': 'application/json' },
			body: '{"choices":["upstage"]}' });
		assertProblem(reply, 404, 'no-such-contest');
	});
});
