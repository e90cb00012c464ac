// The proxies of ops/ as an operator would run them: the very files, with what is marked (yours) filled in.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { freePort } from './admin.mjs';
import { ROOT, eventually, withDeadline } from './instance.mjs';

const run = promisify(execFile);
const NAME = 'vote.example';

/** A certificate for vote.example that signs itself, with its key: fullchain.pem, privkey.pem, both.pem. */
async function makeCertificate(dir) {
	await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-sha256',
		'-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`, '-keyout', 'privkey.pem', '-out', 'fullchain.pem'], { cwd: dir });
	const parts = await Promise.all(['fullchain.pem', 'privkey.pem'].map((name) => readFile(path.join(dir, name), 'utf8')));
	await writeFile(path.join(dir, 'both.pem'), parts.join(''));
	return parts[0];
}

/** Replaces each text, which must be there. */
function fill(text, changes) {
	for (const [from, to] of changes) {
		if (!(from instanceof RegExp ? from.test(text) : text.includes(from)))
			throw new Error(`not in the proxy's file: ${from}`);
		text = text.replaceAll(from instanceof RegExp ? new RegExp(from.source, 'gm') : from, to);
	}
	return text;
}

const owner = process.getuid() === 0 ? 'root' : process.env.USER;

const KINDS = {
	nginx: {
		file: 'nginx.conf',
		changes: ({ dir, ports, hosts }) => [
			['user www-data;', `user ${owner};`],
			['/run/nginx.pid', `${dir}/nginx.pid`],
			['/var/log/nginx/', `${dir}/`],
			['/var/cache/nginx/tallyd', `${dir}/cache`],
			['/etc/ssl/vote.example/', `${dir}/`],
			[/^\t+listen \[::\].*$/m, ''],
			['\tlisten 443 ', `\tlisten 127.0.0.1:${ports.tls} `],
			[/\tlisten 80(?=[ ;])/, `\tlisten 127.0.0.1:${ports.clear}`],
			['worker_processes auto;', 'worker_processes 1;'], // so that all share one pool of connections
			['server 127.0.0.1:8080 max_fails', hosts.map((port) => `server 127.0.0.1:${port} max_fails`).join(' fail_timeout=5s;\n\t\t')
				.replaceAll(' max_fails fail_timeout', ' max_fails=1 fail_timeout')],
		],
		command: (file, dir) => ['nginx', ['-p', dir, '-c', file, '-g', 'daemon off;']],
		log: 'tallyd.log',
	},
	haproxy: {
		file: 'haproxy.cfg',
		changes: ({ dir, ports, hosts }) => [
			['maxconn 30000', 'maxconn 2000'], // as descriptors allow here
			['log /dev/log local0', 'log stdout format raw local0'],
			[/^\t(user|group) haproxy$/m, ''],
			[/^\tbind ::.*$/m, ''],
			['bind :80 ', `bind 127.0.0.1:${ports.clear} `],
			['bind :443 ', `bind 127.0.0.1:${ports.tls} `],
			['/etc/ssl/vote.example/', `${dir}/`],
			['\tserver host1 127.0.0.1:8080', hosts.map((port, i) => `\tserver host${i + 1} 127.0.0.1:${port}`).join('\n')],
		],
		command: (file) => ['haproxy', ['-f', file, '-db']],
		log: 'output.log',
	},
};

export class Edge {
	/** kind: nginx or haproxy; `instances`: the hosts behind it; `dir`: an empty directory of its own. */
	static async start(kind, instances, dir) {
		const edge = new Edge();
		edge.dir = dir;
		await mkdir(dir, { recursive: true });
		edge.kind = kind;
		edge.ca = await makeCertificate(dir);
		edge.ports = { tls: await freePort(), clear: await freePort() };
		const { file, changes, command, log } = KINDS[kind];
		edge.log = path.join(dir, log);
		const config = path.join(dir, file);
		await writeFile(config, fill(await readFile(path.join(ROOT, 'ops', file), 'utf8'),
			changes({ dir, ports: edge.ports, hosts: instances.map(({ port }) => port) })));
		await writeFile(path.join(dir, 'output.log'), '');
		const [program, args] = command(config, dir);
		edge.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
		edge.output = '';
		for (const stream of [edge.child.stdout, edge.child.stderr])
			stream.on('data', (text) => (edge.output += text));
		edge.exit = new Promise((resolve) => edge.child.once('close', resolve));
		edge.child.once('error', (error) => (edge.output += error.message));
		const ended = edge.exit.then(() => Promise.reject(new Error(`${kind} ended: ${edge.output}`)));
		ended.catch(() => {});
		await Promise.race([ended, eventually(async () => (await edge.request('GET', '/healthz')).status === 200, kind)]);
		return edge;
	}

	/** What it wrote of requests. */
	async lines() {
		return (this.kind === 'nginx' ? await readFile(this.log, 'utf8').catch(() => '') : this.output).split('\n');
	}

	/** A TLS connection to it, from an address of this machine. */
	socket(protocol, localAddress) {
		const socket = tls.connect({ host: '127.0.0.1', port: this.ports.tls, servername: NAME, ca: this.ca, localAddress,
			ALPNProtocols: [protocol] });
		socket.on('error', () => {}); // whoever waits is told by what waits
		return socket;
	}

	/** One HTTP/2 connection; close() is the caller's. */
	session(localAddress) {
		const session = http2.connect(`https://${NAME}`, { createConnection: () => this.socket('h2', localAddress) });
		session.on('error', () => {});
		return session;
	}

	/** One exchange on a connection of its own: {status, headers, bytes, text, json, protocol}. */
	async request(method, target, { version = '1.1', ...options } = {}) {
		return withDeadline(version === '2' ? this.request2(method, target, options) : this.request1(method, target, options),
			60_000, `${this.kind}: ${method} ${target}`);
	}

	request1(method, target, { headers = {}, body, localAddress }) {
		return new Promise((resolve, reject) => {
			const req = https.request({ host: '127.0.0.1', port: this.ports.tls, servername: NAME, ca: this.ca, method, path: target, agent: false,
				localAddress, headers: { Host: NAME, ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }), ...headers } });
			req.once('error', reject);
			req.once('response', (res) => gather(res).then((bytes) => resolve(answer(res.statusCode, res.headers, bytes)), reject));
			req.end(body);
		});
	}

	async request2(method, target, { headers = {}, body, localAddress }) {
		const session = this.session(localAddress);
		try {
			const stream = session.request({ ':method': method, ':path': target,
				...(body !== undefined && { 'content-length': Buffer.byteLength(body) }), ...headers });
			const failed = once(session, 'error').then(([error]) => Promise.reject(error));
			failed.catch(() => {});
			stream.end(body);
			const [head] = await Promise.race([once(stream, 'response'), failed]);
			return answer(head[':status'], head, await Promise.race([gather(stream), failed]));
		} finally {
			session.destroy();
		}
	}

	/** A live stream: `head`, until(check) of all the text so far, close(). */
	async stream(target, { version = '1.1', localAddress } = {}) {
		const reader = { text: '', wake: () => {} };
		let source;
		if (version === '2') {
			const session = this.session(localAddress);
			source = session.request({ ':path': target, accept: 'text/event-stream' });
			reader.close = () => session.destroy();
			[reader.head] = await withDeadline(once(source, 'response'), 20_000, target);
			reader.status = reader.head[':status'];
		} else {
			const req = https.get({ host: '127.0.0.1', port: this.ports.tls, servername: NAME, ca: this.ca, path: target, agent: false,
				localAddress, headers: { Host: NAME, Accept: 'text/event-stream' } });
			[source] = await withDeadline(once(req, 'response'), 20_000, target);
			reader.close = () => req.destroy();
			reader.head = source.headers;
			reader.status = source.statusCode;
		}
		source.on('error', () => {});
		source.on('data', (part) => {
			reader.text += part;
			reader.wake();
		});
		reader.until = (check) => withDeadline((async () => {
			while (!check(reader.text))
				await new Promise((resolve) => {
					reader.wake = resolve;
				});
		})(), 20_000, `a part of ${target}`);
		return reader;
	}

	async stop() {
		if (this.child.exitCode === null && this.child.signalCode === null)
			this.child.kill('SIGTERM');
		await withDeadline(this.exit, 30_000, `the end of ${this.kind}`);
	}
}

const gather = async (stream) => {
	const parts = [];
	for await (const part of stream)
		parts.push(part);
	return Buffer.concat(parts);
};

const answer = (status, headers, bytes) => ({ status, headers, bytes,
	get text() {
		return bytes.toString('utf8');
	},
	get json() {
		return JSON.parse(bytes.toString('utf8'));
	} });
