// A reader of Server-Sent Events that, unlike EventSource, also shows comments and `retry`.
import assert from 'node:assert/strict';
import http from 'node:http';
import { withDeadline } from './instance.mjs';

export class StreamReader {
	/** Connects and waits for the head of the answer. */
	static async open(instance, target, headers = {}) {
		const reader = new StreamReader();
		reader.response = await withDeadline(new Promise((resolve, reject) => {
			reader.request = http.request({ host: '127.0.0.1', port: instance.port, path: target,
				agent: false, headers: { Accept: 'text/event-stream', ...headers } }, resolve);
			reader.request.once('error', reject);
			reader.request.end();
		}), 20_000, `the stream ${target}`);
		reader.request.on('error', () => {});
		reader.response.on('error', () => {});
		assert.equal(reader.response.statusCode, 200);
		reader.response.setEncoding('utf8');
		reader.response.on('data', (text) => reader.take(text));
		reader.response.once('close', () => {
			reader.closed = true;
			reader.wake();
		});
		return reader;
	}

	constructor() {
		this.text = '';
		this.blocks = []; // {event, id, data, retry, comment, at}
		this.wake = () => {};
		this.closed = false;
	}

	take(text) {
		this.text += text;
		for (let end; (end = this.text.indexOf('\n\n')) >= 0; this.text = this.text.slice(end + 2)) {
			const block = { at: Date.now() };
			for (const line of this.text.slice(0, end).split('\n')) {
				const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? assert.fail(`a line of a stream: ${line}`);
				const key = name === '' ? 'comment' : name;
				assert.ok(!(key in block), `a second ${key}`);
				block[key] = value;
			}
			this.blocks.push(block);
		}
		this.wake();
	}

	/** The next block that `wanted` accepts; what is passed over is kept in `skipped`. */
	async next(wanted = () => true, ms = 20_000) {
		this.skipped = [];
		const found = async () => {
			for (;;) {
				while (this.blocks.length > 0) {
					const block = this.blocks.shift();
					if (wanted(block))
						return block;
					this.skipped.push(block);
				}
				assert.ok(!this.closed, 'the stream ended');
				await new Promise((resolve) => {
					this.wake = resolve;
				});
			}
		};
		return withDeadline(found(), ms, 'a block of the stream');
	}

	async tally(ms) {
		const block = await this.next((b) => b.event === 'tally', ms);
		return { ...block, snapshot: JSON.parse(block.data) };
	}

	close() {
		this.request.destroy();
	}
}
