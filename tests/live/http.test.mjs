// HTTP/1.1 as strict as RFC 9112 allows: what two parsers could understand differently is refused and
// the connection closed. And what the API promises of HEAD, OPTIONS, CORS, and its pages.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { eventually, startInstance } from './lib/instance.mjs';
import { MALFORMED, behind } from './lib/malformed.mjs';
import { RawConnection } from './lib/raw.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const PAGES = 'https://vote.example';

describe('HTTP', { concurrency: 4 }, () => {
	let instance, round;
	before(async () => {
		instance = await startInstance({ settings: { origins: [PAGES], limits: { head_time: '2s', body_time: '2s' } } });
		round = new Round(instance);
	});
	after(() => instance.stop());

	const H = 'Host: x\r\n';
	const get = (rest) => `GET /healthz HTTP/1.1\r\n${rest}\r\n`;
	const post = (rest, body = '') => `POST /v1/tokens HTTP/1.1\r\n${H}Content-Type: application/private-token-request\r\n${rest}\r\n${body}`;

	describe('refused, and the connection closed', () => {
		for (const [what, request, status] of MALFORMED)
			test(what, async () => {
				const connection = await RawConnection.open(instance);
				await connection.send(behind(request, '/smuggled'));
				const head = request.startsWith?.('HEAD');
				const reply = await connection.response({ head });
				assert.ok(reply, 'closed without an answer');
				assert.equal(reply.status, status, `${reply.line} ${reply.text}`);
				assert.match(reply.headers['content-type'], /^application\/problem\+json/);
				if (!head)
					assert.match(reply.json.detail ?? '', /\S/);
				assert.equal(reply.headers.connection?.toLowerCase(), 'close');
				await connection.end();
				assert.equal(connection.bytes.length, 0, 'one request has one answer');
			});
		test('none of what stood behind them was taken for a request', async () => {
			await instance.get('/nothing'); // lines of the log are in order
			const log = await eventually(async () => {
				const text = await readFile(path.join(instance.dir, 'access.log'), 'utf8');
				return text.includes(' /nothing ') && text;
			}, 'the access log');
			assert.doesNotMatch(log, /smuggled/);
		});
	});

	describe('taken', () => {
		const exchange = async (request, options) => {
			const connection = await RawConnection.open(instance);
			await connection.send(request);
			const reply = await connection.response(options);
			return { connection, reply };
		};
		test('an empty line before a request', async () => { // RFC 9112 section 2.2
			const { connection, reply } = await exchange(`\r\n${get(H)}`);
			assert.equal(reply.status, 200);
			connection.destroy();
		});
		test('a request byte by byte', async () => {
			const connection = await RawConnection.open(instance);
			for (const byte of get(H))
				await connection.send(byte);
			assert.equal((await connection.response()).status, 200);
			connection.destroy();
		});
		test('pipelined requests, answered in order', async () => {
			const connection = await RawConnection.open(instance);
			const paths = Array.from({ length: 50 }, (_, i) => ['/healthz', '/v1/contests', `${round.path}/tally`, `/nothing-${i}`][i % 4]);
			await connection.send(paths.map((path) => `GET ${path} HTTP/1.1\r\n${H}\r\n`).join(''));
			for (const path of paths) {
				const reply = await connection.response();
				assert.equal(reply.status, path.startsWith('/nothing') ? 404 : 200, path);
				if (path === '/healthz')
					assert.deepEqual(reply.json, { status: 'ok' });
				else if (path.endsWith('/tally'))
					assert.equal(reply.json.contest, round.id);
			}
			connection.destroy();
		});
		test('a pipelined request after a body', async () => {
			const connection = await RawConnection.open(instance);
			await connection.send(post('Content-Length: 3\r\n', 'abc') + get(H));
			assert.equal((await connection.response()).status, 422);
			assert.equal((await connection.response()).status, 200);
			connection.destroy();
		});
		test('HTTP/1.0, closed after the answer', async () => {
			const { connection, reply } = await exchange('GET /healthz HTTP/1.0\r\n\r\n');
			assert.equal(reply.status, 200);
			await connection.end();
		});
		test('Connection: close', async () => {
			const { connection, reply } = await exchange(get(`${H}Connection: close\r\n`));
			assert.equal(reply.headers.connection.toLowerCase(), 'close');
			await connection.end();
		});
		test('Upgrade is ignored', async () => {
			const { connection, reply } = await exchange(get(`${H}Connection: Upgrade\r\nUpgrade: websocket\r\n`));
			assert.equal(reply.status, 200);
			await connection.send(get(H));
			assert.equal((await connection.response()).status, 200);
			connection.destroy();
		});
		test('Expect: 100-continue', async () => {
			const connection = await RawConnection.open(instance);
			await connection.send(post('Content-Length: 3\r\nExpect: 100-continue\r\n'));
			assert.equal((await connection.response()).status, 100);
			await connection.send('abc');
			assert.equal((await connection.response()).status, 422);
			connection.destroy();
		});
		test('HEAD: the head of GET and no body', async () => {
			for (const path of ['/healthz', '/v1/contests', `${round.path}/tally`, `${round.path}/challenge`, '/', '/nothing']) {
				const { connection, reply } = await exchange(`HEAD ${path} HTTP/1.1\r\n${H}\r\n`, { head: true });
				const whole = await instance.get(path);
				assert.equal(reply.status, whole.status, path);
				assert.equal(reply.headers['content-type'], whole.headers['content-type'], path);
				assert.ok(Number(reply.headers['content-length']) > 0, path);
				await connection.send(get(H));
				assert.equal((await connection.response()).status, 200, `after HEAD ${path}`);
				connection.destroy();
			}
		});
	});

	describe('deadlines', () => {
		test('a head that never ends: 408', async () => {
			const connection = await RawConnection.open(instance);
			await connection.send('GET /healthz HTTP/1.1\r\nHost: x\r\nX: ');
			const drip = setInterval(() => connection.send('a'), 200); // bytes do not buy time
			try {
				const reply = await connection.response();
				assert.equal(reply?.status, 408);
				await connection.end();
			} finally {
				clearInterval(drip);
			}
		});
		test('a body that never ends: 408', async () => {
			const connection = await RawConnection.open(instance);
			await connection.send(post('Content-Length: 259\r\n'));
			const drip = setInterval(() => connection.send('a'), 200);
			try {
				const reply = await connection.response();
				assert.equal(reply?.status, 408);
				await connection.end();
			} finally {
				clearInterval(drip);
			}
		});
		test('the peer leaves amid a cast: it is counted, and the same again says so', async () => {
			const token = round.mint();
			const body = JSON.stringify({ choices: ['upstage'] });
			const connection = await RawConnection.open(instance);
			await connection.send(`POST ${round.path}/ballots HTTP/1.1\r\n${H}Content-Type: application/json\r\n` +
				`Authorization: ${round.authorization(token)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
			connection.destroy();
			const reply = await round.castUntilAnswered(token, body);
			assert.ok([200, 201].includes(reply.status), reply.text);
			const again = await round.cast(token, body);
			assert.equal(again.status, 200);
			assert.deepEqual(again.json, reply.json);
		});
	});

	describe('routes', () => {
		test('unknown paths are 404, also beside known ones', async () => {
			for (const path of ['/v1', '/v1/', '/v1/contests/', '/v1/contests//tally', `${round.path}/`, `${round.path}/tally/`,
				`${round.path}/TALLY`, `/v1/contests/${round.id}%00/tally`, '/v1/tokens/x', '/metrics', '/..%2f..%2fetc/passwd', '/../etc/passwd'])
				assert.equal((await instance.get(path)).status, 404, path);
		});
		test('a contest that is not here', async () => {
			for (const path of ['', '/challenge', '/tally', '/tally/stream'])
				assertProblem(await instance.get(`/v1/contests/nobody${path}`), 404, 'no-such-contest');
		});
		test('another method: 405 with Allow', async () => {
			for (const [method, path, allow] of [
				['POST', '/v1/contests', /GET/], ['DELETE', round.path, /GET/], ['GET', '/v1/tokens', /POST/],
				['PUT', `${round.path}/ballots`, /POST/], ['GET', `${round.path}/ballots`, /POST/], ['POST', `${round.path}/tally`, /GET/],
			]) {
				const reply = await instance.request(method, path);
				assertProblem(reply, 405, 'method-not-allowed');
				assert.match(reply.headers.allow, allow, `${method} ${path}`);
			}
		});
		test('every answer says that it is not to be sniffed, framed or leaked', async () => {
			for (const path of ['/healthz', '/v1/contests', '/nothing', '/']) {
				const { headers } = await instance.get(path);
				assert.equal(headers['x-content-type-options'], 'nosniff', path);
				assert.match(headers['referrer-policy'], /no-referrer|same-origin/, path);
				assert.ok(headers.date, path);
				assert.equal(headers.server, undefined, path);
				assert.equal(headers['set-cookie'], undefined, path);
			}
		});
	});

	describe('CORS', () => {
		const preflight = (path, origin, method = 'POST', asked = 'authorization,content-type,if-match') =>
			instance.request('OPTIONS', path, { headers: { Origin: origin, 'Access-Control-Request-Method': method,
				'Access-Control-Request-Headers': asked } });
		test('the configured pages may cast', async () => {
			const asked = await preflight(`${round.path}/ballots`, PAGES);
			assert.ok([200, 204].includes(asked.status), asked.text);
			assert.equal(asked.headers['access-control-allow-origin'], PAGES);
			assert.match(asked.headers['access-control-allow-methods'], /POST/);
			for (const name of ['authorization', 'content-type', 'if-match'])
				assert.match(asked.headers['access-control-allow-headers'].toLowerCase(), new RegExp(name));
			assert.equal(asked.headers['access-control-allow-credentials'], undefined);
			assert.match(asked.headers.vary ?? '', /origin/i);
			const cast = await round.cast(round.mint(), { choices: ['upstage'] }, { headers: { Origin: PAGES } });
			assert.equal(cast.status, 201);
			assert.equal(cast.headers['access-control-allow-origin'], PAGES);
			for (const name of ['ETag', 'WWW-Authenticate', 'Retry-After'])
				assert.match(cast.headers['access-control-expose-headers'], new RegExp(name, 'i'));
			// An error must be readable too, or the page cannot say what is wrong.
			const refused = await round.cast(round.mint(), {}, { headers: { Origin: PAGES } });
			assert.equal(refused.status, 422);
			assert.equal(refused.headers['access-control-allow-origin'], PAGES);
		});
		test('other pages may not', async () => {
			for (const origin of ['https://evil.example', 'null', 'https://vote.example.evil.example', 'http://vote.example']) {
				const asked = await preflight(`${round.path}/ballots`, origin);
				assert.equal(asked.headers['access-control-allow-origin'], undefined, origin);
				const read = await instance.get(round.path, { headers: { Origin: origin } });
				assert.equal(read.headers['access-control-allow-origin'], undefined, origin);
			}
		});
		test('any page may read the tally, without credentials', async () => {
			for (const path of [`${round.path}/tally`, '/.well-known/private-token-issuer-directory']) {
				const reply = await instance.get(path, { headers: { Origin: 'https://news.example' } });
				assert.equal(reply.headers['access-control-allow-origin'], '*', path);
				assert.equal(reply.headers['access-control-allow-credentials'], undefined);
			}
		});
		test('OPTIONS without CORS names the methods', async () => {
			const reply = await instance.request('OPTIONS', `${round.path}/tally`);
			assert.ok([200, 204].includes(reply.status));
			assert.match(reply.headers.allow, /GET/);
		});
	});

	describe('pages', () => {
		test('a strict policy, an ETag, and precompressed forms', async () => {
			const plain = await instance.get('/', { headers: { 'Accept-Encoding': 'identity' } });
			assert.equal(plain.status, 200);
			assert.match(plain.headers['content-type'], /^text\/html; *charset=utf-8/i);
			const policy = plain.headers['content-security-policy'];
			assert.match(policy, /default-src 'none'/);
			assert.match(policy, /script-src 'self'(;|$)/);
			assert.match(policy, /require-trusted-types-for 'script'/);
			assert.match(policy, /frame-ancestors 'none'/);
			assert.doesNotMatch(policy, /unsafe|\*/);
			for (const [encoding, decode] of [['gzip', zlib.gunzipSync], ['br', zlib.brotliDecompressSync]]) {
				const reply = await instance.get('/', { headers: { 'Accept-Encoding': encoding } });
				assert.equal(reply.headers['content-encoding'], encoding);
				assert.match(reply.headers.vary, /accept-encoding/i);
				assert.deepEqual(decode(reply.bytes), plain.bytes);
				assert.notEqual(reply.headers.etag, plain.headers.etag); // strong validators differ by form
			}
			const same = await instance.get('/', { headers: { 'Accept-Encoding': 'identity', 'If-None-Match': plain.headers.etag } });
			assert.equal(same.status, 304);
		});
		test('a definition is compressed for whoever takes gzip, and is the same', async () => {
			const path = `/v1/contests/${instance.site.contests[0].id}`;
			const ask = async (encoding) => {
				const reply = await instance.get(path, { headers: { 'Accept-Encoding': encoding } });
				assert.equal(reply.status, 200);
				assert.match(reply.headers.vary, /accept-encoding/i);
				return reply;
			};
			const { now: at, ...plain } = (await ask('identity')).json;
			for (const [encoding, coded] of [['gzip, deflate, br', true], ['br', false], ['gzip;q=0', false]]) {
				const { headers, bytes } = await ask(encoding);
				assert.equal(headers['content-encoding'], coded ? 'gzip' : undefined, encoding);
				const { now, ...read } = JSON.parse(coded ? zlib.gunzipSync(bytes) : bytes);
				assert.deepEqual(read, plain, encoding);
				assert.ok(now >= at);
				assert.ok(!coded || bytes.length * 2 < JSON.stringify(plain).length);
			}
		});
		test('folders have a slash, and nothing outside is served', async () => {
			const reply = await instance.get('/en');
			assert.equal(reply.status, 308);
			assert.equal(reply.headers.location, '/en/');
			assert.equal((await instance.get('/en/')).status, 200);
			assert.equal((await instance.get('/site.json')).status, 200);
			for (const path of ['/../tallyd.yaml', '/%2e%2e/tallyd.yaml', '/keys/', '//etc/passwd'])
				assert.equal((await instance.get(path)).status, 404, path);
		});
	});
});
