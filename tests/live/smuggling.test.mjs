// Malformed requests through the proxies of ops/: none is taken for what it is not, nothing that stands behind one is
// answered as a request where its end is in doubt, and whoever comes next over the same connection to tallyd gets their own answer.
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort, metricsOf } from './lib/admin.mjs';
import { Edge } from './lib/edge.mjs';
import { eventually, makeDirectory, startInstance } from './lib/instance.mjs';
import { FRAMING, MALFORMED, behind } from './lib/malformed.mjs';
import { RawConnection } from './lib/raw.mjs';

// What a proxy makes a good request of before it hands it on, as it may (RFC 9110, 9112), and what it then must not leave in doubt.
const LINES_BY_LF = ['lines that end with LF', 'one line that ends with LF', 'a request line that ends with LF',
	'a head that ends with LF', 'Content-Length behind a lone LF']; // RFC 9112 section 2.2
const SPACES = ['two spaces before the target', 'two spaces before the version']; // section 3
const MADE_GOOD = {
	nginx: [...LINES_BY_LF, ...SPACES, 'a space behind the version', 'two empty lines before a request',
		'absolute form', // section 3.2.2
		'HTTP/1.2', 'HTTP/1.10', // RFC 9110 section 2.5
		'an expectation', 'an expectation beside the one that is known', // section 10.1.1; it is not handed on
		'a field without a colon', 'two CR at the end of a line'],
	haproxy: [...LINES_BY_LF, ...SPACES, 'a tab in place of a space', 'two empty lines before a request',
		'a folded field', 'a field that is folded with a tab', 'a field that is folded at once', 'a line of a space',
		'a folded Content-Length', 'a space before Transfer-Encoding', // RFC 9112 section 5.2: it belongs to the field before
		'two Content-Lengths that agree', 'a list of Content-Lengths', // RFC 9110 section 8.6
		'two Hosts'], // of the same value
};
// tallyd refuses these, but they end where they say.
const REFUSED_WITH_AN_END = ['a body on GET', 'a body on HEAD'];

describe('malformed requests through a proxy', () => {
	let dir, instance, adminPort;
	const edges = {};
	before(async () => {
		dir = await makeDirectory();
		adminPort = await freePort();
		instance = await startInstance({ settings: { trusted_proxies: ['127.0.0.1'], admin_listen: `127.0.0.1:${adminPort}` } });
		for (const kind of ['nginx', 'haproxy'])
			edges[kind] = await Edge.start(kind, [instance], path.join(dir, kind));
	});
	after(async () => {
		for (const edge of Object.values(edges))
			await edge.stop();
		await instance.stop();
		await rm(dir, { recursive: true });
	});

	const connections = async () => Number(/^tallyd_connections_accepted_total\S* (\d+)$/m.exec(await metricsOf(adminPort))[1]);

	for (const kind of ['nginx', 'haproxy'])
		test(kind, async () => {
			const edge = edges[kind];
			const targetOf = (n) => `/smuggled-${kind}-${n}`;
			const wrong = [], answers = [], before = await connections();
			for (const [n, [what, request]] of MALFORMED.entries()) {
				const connection = await RawConnection.over(edge.socket('http/1.1'), 'secureConnect');
				await connection.send(behind(request, targetOf(n)));
				const head = String(request).startsWith('HEAD');
				let reply;
				do
					reply = await connection.response({ head });
				while (reply?.status === 100);
				connection.socket.end();
				answers.push(reply ? { status: reply.status, ours: /problem/.test(reply.headers['content-type']) } : { status: 0 });
				const next = await edge.request('GET', '/healthz');
				if (next.status !== 200 || next.text !== '{"status":"ok"}')
					wrong.push(`${what}: the next one got ${next.status} ${next.text}`);
				await connection.end();
			}
			await instance.get(`/last-${kind}`);
			const log = await eventually(async () => {
				const text = await readFile(path.join(instance.dir, 'access.log'), 'utf8');
				return text.includes(` /last-${kind} `) && text;
			}, 'the access log');
			for (const [n, [what]] of MALFORMED.entries()) {
				const good = MADE_GOOD[kind].includes(what);
				const { status, ours } = answers[n];
				// 422 of tallyd: it was handed a whole request with a body, which is no token request. 0: closed.
				const taken = status === 200 || (status === 422 && ours);
				if (taken !== good || (!taken && status !== 0 && status < 400))
					wrong.push(`${what}: ${status}`);
				if (FRAMING.includes(MALFORMED[n]) && !good && !REFUSED_WITH_AN_END.includes(what) && log.includes(` ${targetOf(n)} `))
					wrong.push(`${what}: what stood behind it was taken for a request`);
			}
			assert.deepEqual(wrong, []);
			// Who came next did come over a connection that had carried others.
			const opened = await connections() - before;
			assert.ok(opened < MALFORMED.length / 2, `${opened} connections for ${MALFORMED.length} and as many`);
		});
});
