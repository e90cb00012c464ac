// A host of static files and nothing else: what is asked for below a directory's files, in memory, so that a test can
// change any of them. Sends the headers of the files' own _headers, as hosts do that read it.
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
	'.svg': 'image/svg+xml', '.json': 'application/json', '.md': 'text/markdown; charset=utf-8' };

/** Map of "/path" → Buffer of all files below a directory. */
export async function filesOf(directory) {
	const files = new Map();
	for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
		const file = path.join(entry.parentPath ?? entry.path, entry.name);
		if (entry.isFile())
			files.set(`/${path.relative(directory, file)}`, await readFile(file));
	}
	return files;
}

/** [[pattern, [[name, value]…]]…] of a _headers file. */
function headersOf(text) {
	const rules = [];
	for (const line of text.split('\n').filter(Boolean)) {
		const [, name, value] = /^\s+([^:]+):\s*(.*)$/.exec(line) ?? [];
		if (name)
			rules.at(-1)[1].push([name, value]);
		else
			rules.push([new RegExp(`^${line.trim().replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace('*', '.*')}$`), []]);
	}
	return rules;
}

/** { url, files, asked, failed, stop }; `asked` are the targets, `failed` those without a file. `answer(target)` may give
 * { status, type, body } for what is no file. */
export async function startHost(files, answer = () => null) {
	const asked = [];
	const failed = [];
	const server = http.createServer((request, response) => {
		asked.push(request.url);
		const { pathname } = new URL(request.url, 'http://host');
		const made = answer(request.url);
		const file = files.get(pathname) ?? files.get(`${pathname.replace(/\/?$/, '')}/index.html`);
		for (const [pattern, headers] of headersOf(files.get('/_headers')?.toString() ?? ''))
			if (pattern.test(pathname))
				for (const [name, value] of headers)
					response.setHeader(name, value);
		if (made) {
			response.writeHead(made.status ?? 200, { 'Content-Type': made.type ?? 'application/json' }).end(made.body);
		} else if (file) {
			const type = TYPES[path.extname(pathname)] ?? (pathname.endsWith('/') ? TYPES['.html'] : 'application/octet-stream');
			response.writeHead(200, { 'Content-Type': type }).end(file);
		} else {
			failed.push(request.url);
			response.writeHead(404, { 'Content-Type': TYPES['.html'] }).end(files.get('/404.html') ?? 'not here');
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { url: `http://127.0.0.1:${server.address().port}`, files, asked, failed,
		forget() {
			asked.length = failed.length = 0;
		},
		stop: () => new Promise((resolve) => {
			server.close(resolve);
			server.closeAllConnections();
		}) };
}
