// Behind ops/nginx.conf and ops/haproxy.cfg: TLS and HTTP/2, the protocol of a vote, live streams as they come, whose
// request it is, limits and refusals, what is kept, and hosts that come and go.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { freePort } from './lib/admin.mjs';
import { Edge } from './lib/edge.mjs';
import { eventually, makeDirectory, realRound, startInstance, startRedis } from './lib/instance.mjs';
import { passRequest } from './lib/passes.mjs';
import { Round, assertProblem } from './lib/protocol.mjs';

const run = promisify(execFile);
const ballot = { choices: ['upstage'] };
const VERSIONS = ['1.1', '2'];

describe('behind a proxy', () => {
	let dir, redis;
	const hosts = [], edges = {};
	before(async () => {
		dir = await makeDirectory();
		redis = await startRedis(path.join(dir, 'redis'));
		const open = realRound(Date.now() - 3600_000, Date.now() + 3600_000);
		const start = async () => startInstance({ ...open, redis,
			settings: { listen: `127.0.0.1:${await freePort()}`, trusted_proxies: ['127.0.0.1'], token_rate: { per_minute: 1, burst: 2 } } });
		for (let i = 0; i < 2; i++)
			hosts.push(await start());
		for (const kind of ['nginx', 'haproxy'])
			edges[kind] = await Edge.start(kind, hosts, path.join(dir, kind));
	});
	after(async () => {
		for (const edge of Object.values(edges))
			await edge.stop();
		for (const host of hosts)
			await host.stop();
		await redis.stop();
		await rm(dir, { recursive: true });
	});

	/** A host as it is seen through a proxy: from an address of its own where that counts. */
	const through = (edge, version, localAddress) => Object.assign(Object.create(hosts[0]), {
		request: (method, target, options) => edge.request(method, target, { version, localAddress, ...options }) });
	/** Lines of the hosts' access logs that `wanted` picks. */
	const logged = async (wanted) => (await Promise.all(hosts.map((host) => readFile(path.join(host.dir, 'access.log'), 'utf8'))))
		.flatMap((text) => text.split('\n')).filter((line) => wanted.test(line));
	let lastAddress = 1;
	const newAddress = () => `127.0.1.${++lastAddress}`;

	for (const kind of ['nginx', 'haproxy'])
		describe(kind, () => {
			let edge;
			before(() => {
				edge = edges[kind];
			});

			for (const version of VERSIONS)
				test(`HTTP/${version}: a page, a vote, a stream as it comes`, async () => {
					const page = await edge.request('GET', '/', { version, headers: { 'Accept-Encoding': 'br' } });
					assert.equal(page.status, 200);
					assert.equal(page.headers['content-encoding'], 'br');
					assert.equal(page.headers['strict-transport-security'], 'max-age=31536000');
					assert.match(page.headers['content-security-policy'], /default-src 'none'/);
					const same = await edge.request('GET', '/', { version, headers: { 'Accept-Encoding': 'br', 'If-None-Match': page.headers.etag } });
					assert.equal(same.status, 304);

					const round = new Round(through(edge, version, newAddress()));
					const request = await passRequest(round);
					const token = await request.finish(await request.ask());

					const stream = await edge.stream(`${round.path}/tally/stream`, { version });
					assert.equal(stream.status, 200);
					const counts = () => [...stream.text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json).ballots);
					await stream.until(() => counts().length > 0); // nobody has voted meanwhile: it does not wait for more
					const first = counts().at(-1);

					const counted = await round.cast(token, ballot);
					assert.equal(counted.status, 201, counted.text);
					round.checkReceipt(counted.json, token, 'choices\nupstage\n');
					await stream.until(() => counts().at(-1) > first);
					stream.close();
					assert.equal((await round.cast(token, ballot)).status, 200);
					assertProblem(await round.cast(token, { choices: ['nc-ai'] }), 409, 'token-spent');
					const invalid = await round.cast(Buffer.alloc(354), ballot);
					assertProblem(invalid, 401, 'invalid-token');
					assert.match(invalid.headers['www-authenticate'], /^PrivateToken /);
				});

			test('whose request it is: in the log, and in limits; not by a client\'s own word', async () => {
				const address = newAddress();
				const claims = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.9' };
				for (const version of VERSIONS)
					await edge.request('GET', `/help/?${kind}`, { version, localAddress: address, headers: claims });
				await eventually(async () => (await logged(new RegExp(`/help/ .* ${address}$`))).length === 2, 'the pages in the log');
				assert.deepEqual(await logged(/203\.0\.113/), []);

				const ask = async (from) => (await passRequest(new Round(through(edge, '1.1', from)))).ask(undefined, { headers: claims });
				assert.equal((await ask(address)).status, 200);
				assert.equal((await ask(address)).status, 200);
				const refused = await ask(address);
				assertProblem(refused, 429, 'too-many-requests');
				assert.ok(Number(refused.headers['retry-after']) >= 1);
				assert.equal((await ask(newAddress())).status, 200);
			});

			test('no log joins an address and a ballot, a voting right or a receipt', async () => {
				await edge.request('GET', `/v1/contests/kai-stage1/receipts/0/0`);
				await edge.request('GET', '/log/kai-stage1/0/checkpoint');
				await edge.request('GET', '/teams/');
				await eventually(async () => (await edge.lines()).some((line) => /127\.0\.0\.1 .*\/teams\//.test(line)), 'the page in the proxy\'s log');
				for (const line of [...await edge.lines(), ...await logged(/\/(ballots|tokens|receipts|log)\b/)])
					if (/\/(ballots|tokens|receipts|log)\b/.test(line))
						assert.doesNotMatch(line, /127\.0\./);
				assert.doesNotMatch((await edge.lines()).join('\n'), /\/(ballots|tokens|receipts|log)\b/);
			});

			test('a body that is too large ends here', async () => {
				const before = (await logged(/ballots/)).length;
				for (const version of VERSIONS) {
					const reply = await edge.request('POST', '/v1/contests/kai-stage1/ballots', { version, body: 'x'.repeat(300 * 1024),
						headers: { 'Content-Type': 'application/json' } }).catch((error) => error);
					// Of HTTP/1.1 a client that goes on sending may see the end of the connection first.
					if (!(reply instanceof Error))
						assertProblem(reply, 413, 'too-large');
					else
						assert.ok(version === '1.1' && ['EPIPE', 'ECONNRESET'].includes(reply.code), reply);
				}
				assert.equal((await logged(/ballots/)).length, before);
			});

			test('what tallyd lets be kept is kept, and nothing else', async () => {
				const asked = async (target, n) => {
					const pattern = new RegExp(`GET ${target} `);
					const { length } = await logged(pattern);
					await edge.request('GET', target);
					for (const reply of await Promise.all(Array.from({ length: n }, () => edge.request('GET', target, { headers: { Origin: 'https://news.example' } }))))
						assert.equal(reply.headers['access-control-allow-origin'], target.endsWith('/tally') ? '*' : undefined);
					// The last one's line is written once its turn of the loop ends; a page behind it is in order.
					const mark = `/nothing-${kind}-${lastAddress++}`;
					await Promise.all(hosts.map((host) => host.get(mark)));
					await eventually(async () => (await logged(new RegExp(`${mark} `))).length === 2, 'the last line');
					return (await logged(pattern)).length - length;
				};
				// For one second, so of 20 at once few come through; where the machine stood still, once more.
				await eventually(async () => await asked('/v1/contests/kai-stage1/tally', 20) <= 4, 'one snapshot for many');
				for (const target of ['/v1/contests/kai-stage1/challenge', '/v1/contests/kai-stage1', '/'])
					assert.equal(await asked(target, 5), 6, target);
			});

			test('in the clear, and under another name', async () => {
				const clear = (method, headers = {}) => new Promise((resolve, reject) => {
					const req = http.request({ host: '127.0.0.1', port: edge.ports.clear, method, path: '/vote/?a=b', agent: false,
						headers: { Host: 'vote.example', ...headers } }, (res) => {
						res.resume();
						resolve(res);
					});
					req.once('error', reject);
					req.end();
				});
				const moved = await clear('GET');
				assert.equal(moved.statusCode, 308);
				assert.equal(moved.headers.location, 'https://vote.example/vote/?a=b');
				assert.equal((await clear('POST')).statusCode, 403);
				assert.equal((await clear('GET', { Host: 'evil.example' })).statusCode, 421);
				assert.equal((await edge.request('GET', '/', { headers: { Host: 'evil.example' } })).status, 421);
				const other = tls.connect({ host: '127.0.0.1', port: edge.ports.tls, servername: 'evil.example', rejectUnauthorized: false });
				const [error] = await once(other, 'error');
				assert.match(error.message, /unrecognized name|alert/i);
			});

			test('a TLS scanner finds nothing weak', async () => {
				const { stdout } = await run('sslscan', ['--no-colour', '--show-certificate', '--sni-name=vote.example', `127.0.0.1:${edge.ports.tls}`]);
				const of = (pattern) => [...stdout.matchAll(pattern)].map((match) => match.slice(1).join(' '));
				assert.deepEqual(of(/^(SSLv\d|TLSv1\.\d) +(\w+)$/gm),
					['SSLv2 disabled', 'SSLv3 disabled', 'TLSv1.0 disabled', 'TLSv1.1 disabled', 'TLSv1.2 enabled', 'TLSv1.3 enabled']);
				const ciphers = of(/^(?:Preferred|Accepted) +(TLSv1\.\d) +\d+ bits +(\S+)/gm);
				assert.ok(ciphers.length >= 6, stdout);
				for (const cipher of ciphers)
					assert.match(cipher, /^(TLSv1\.3 TLS_|TLSv1\.2 ECDHE-\w+-)(AES(128|256|_128|_256)|CHACHA20)[-_](GCM[-_]SHA\d+|POLY1305(_SHA256)?)$/);
				for (const group of of(/^TLSv1\.\d +\d+ bits +(\S+)/gm))
					assert.match(group, /^(secp256r1|secp384r1|x25519)$/);
				assert.match(stdout, /Server supports TLS Fallback SCSV/);
				assert.match(stdout, /Session renegotiation not supported|Secure session renegotiation supported/);
				assert.doesNotMatch(stdout, /[^t] vulnerable to heartbleed|Compression enabled/i);
			});
		});

	const each = (check) => Promise.all(Object.values(edges).flatMap((edge) => VERSIONS.map((version) => check(edge, version))));

	test('tallyd\'s own 503 goes out as it is', async () => {
		const voters = await each(async (edge, version) => {
			const round = new Round(through(edge, version, newAddress()));
			const token = round.mint();
			await round.recordIssued(token);
			return { round, token };
		});
		redis.signal('SIGSTOP');
		const replies = await Promise.all(voters.map(({ round, token }) => round.cast(token, ballot))).finally(() => redis.signal('SIGCONT'));
		for (const reply of replies) {
			assertProblem(reply, 503, 'outcome-unknown', /^(?!The server could not be reached)/);
			assert.ok(Number(reply.headers['retry-after']) >= 1);
		}
		for (const { round, token } of voters)
			assert.ok([200, 201].includes((await round.castUntilAnswered(token, ballot)).status));
	});

	test('a host that drains, comes back, is killed, and comes back: no request fails', async () => {
		const leaving = hosts[1];
		const failed = [], done = [];
		let going = true;
		const ask = async (edge, version) => {
			const me = done.push(0) - 1;
			const round = new Round(through(edge, version, newAddress()));
			while (going) {
				const token = round.mint();
				for (const [what, call] of [['page', () => round.instance.request('GET', '/')], ['cast', () => round.cast(token, ballot)],
					['tally', () => round.instance.request('GET', `${round.path}/tally`)]]) {
					const { status, error, text } = await call().catch((caught) => ({ status: 0, error: caught }));
					if (status !== 200 && !(what === 'cast' && status === 201))
						failed.push(`${edge.kind}, HTTP/${version}, ${what}: ${status} ${error ?? text}`);
				}
				done[me]++;
			}
		};
		const asking = [...Array(2)].flatMap(() => Object.values(edges).flatMap((edge) => VERSIONS.map((version) => ask(edge, version))));
		const more = async () => {
			const from = [...done];
			await eventually(() => done.every((count, i) => count >= from[i] + 2), 'requests of everybody');
		};
		await more();
		await leaving.end('SIGTERM');
		await more();
		await leaving.start();
		await more();
		const ended = once(leaving.child, 'exit');
		leaving.child.kill('SIGKILL');
		await ended;
		await more();
		await leaving.start();
		await more();
		going = false;
		await Promise.all(asking);
		assert.deepEqual(failed, []);
	});

	test('nobody behind: a problem that pages understand', async () => {
		await Promise.all(hosts.map((host) => host.end('SIGTERM')));
		await each(async (edge, version) => {
			const reply = await edge.request('POST', '/v1/contests/kai-stage1/ballots', { version, body: '{}' });
			assertProblem(reply, 503, 'outcome-unknown');
			assert.equal(reply.headers['retry-after'], '2');
			assert.equal(reply.headers['strict-transport-security'], 'max-age=31536000');
		});
	});
});
