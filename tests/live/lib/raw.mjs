// HTTP as bytes over a socket, for what no client library would send.
import net from 'node:net';
import { once } from 'node:events';
import { withDeadline } from './instance.mjs';

export class RawConnection {
	static async open(instance) {
		return RawConnection.over(net.connect(instance.port, '127.0.0.1'), 'connect');
	}

	/** Over a socket that is being connected; `connected` is its event. */
	static async over(socket, connected) {
		const connection = new RawConnection();
		connection.socket = socket;
		connection.socket.setNoDelay(true);
		connection.socket.on('error', () => {}); // a reset is an answer: `closed`
		connection.socket.on('data', (bytes) => {
			connection.bytes = Buffer.concat([connection.bytes, bytes]);
			connection.wake();
		});
		connection.socket.once('close', () => {
			connection.closed = true;
			connection.wake();
		});
		await withDeadline(once(connection.socket, connected), 10_000, 'a connection');
		return connection;
	}

	constructor() {
		this.bytes = Buffer.alloc(0);
		this.closed = false;
		this.wake = () => {};
	}

	/** Resolves when the bytes have left for the kernel. */
	send(bytes) {
		return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
	}

	/** One whole response; null when the peer closes before one begins. HEAD has no body. */
	response({ head = false, ms = 20_000 } = {}) {
		return withDeadline((async () => {
			for (;;) {
				const parsed = this.parse(head);
				if (parsed)
					return parsed;
				if (this.closed)
					return null;
				await new Promise((resolve) => {
					this.wake = resolve;
				});
			}
		})(), ms, 'a response');
	}

	parse(head) {
		const end = this.bytes.indexOf('\r\n\r\n');
		if (end < 0)
			return null;
		const [line, ...fields] = this.bytes.subarray(0, end).toString('latin1').split('\r\n');
		const headers = {};
		for (const field of fields) {
			const colon = field.indexOf(':');
			headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
		}
		const status = Number(line.split(' ')[1]);
		const empty = head || status === 304 || status < 200;
		const length = empty ? 0 : Number(headers['content-length']);
		if (this.bytes.length < end + 4 + length)
			return null;
		const body = this.bytes.subarray(end + 4, end + 4 + length);
		this.bytes = this.bytes.subarray(end + 4 + length);
		return { line, status, headers, bytes: body, text: body.toString('utf8'),
			get json() {
				return JSON.parse(body.toString('utf8'));
			} };
	}

	/** Waits until the peer has closed. */
	end(ms = 20_000) {
		return withDeadline((async () => {
			while (!this.closed)
				await new Promise((resolve) => {
					this.wake = resolve;
				});
		})(), ms, 'the end of the connection');
	}

	destroy() {
		this.socket.destroy();
	}
}
