// The admin port of a daemon: what is measured there.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/** A port that nobody listens on just now. */
export async function freePort() {
	const server = net.createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

/** What /metrics says, as text. */
export const metricsOf = (port) => new Promise((resolve, reject) => {
	http.get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (res) => {
		let text = '';
		res.on('data', (part) => {
			text += part;
		}).on('end', () => resolve(text));
	}).on('error', reject);
});

/** A number that is kept of each shard. */
export async function shardMetric(port, name, shard) {
	return Number(new RegExp(`^${name}\\{[^}]*shard="${shard}"\\} (\\d+)$`, 'm').exec(await metricsOf(port))[1]);
}
