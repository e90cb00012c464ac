// Somebody who guesses invitation codes, and the addresses they have.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { wellFormedCode } from './codes.mjs';
import { TOKEN_REQUEST } from './protocol.mjs';

/** The nth address: one half IPv4, the other half IPv6 networks. */
export function addressOf(n) {
	const [high, low] = [n >> 9 & 0xffff, n >> 1 & 255];
	return n % 2 === 0 ? `10.${high >> 8}.${high & 255}.${low}` : `2001:db8:${high.toString(16)}:${low.toString(16)}::${crypto.randomInt(1, 65536).toString(16)}`;
}

/** One connection that sends one request after the other until next(), which may take its time, has none; onAnswer(text) has each answer, whole. */
export async function keepAsking(port, next, onAnswer) {
	const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
	let text = '';
	const send = async () => {
		const request = await next();
		if (request) socket.write(request);
		else socket.end();
	};
	socket.on('data', (bytes) => {
		text += bytes.toString('latin1');
		const head = text.indexOf('\r\n\r\n');
		if (head < 0 || text.length < head + 4 + Number(/^content-length: (\d+)/im.exec(text)[1])) return;
		onAnswer(text);
		text = '';
		send();
	});
	await once(socket, 'connect');
	const closed = once(socket, 'close');
	await send();
	await closed;
	assert.equal(text, '');
}

/** A whole request that tries a well-formed code, as if from that address. */
export function guessFrom(address, path, body) {
	const code = wellFormedCode([...crypto.randomBytes(16)].map((byte) => byte & 31));
	return Buffer.concat([Buffer.from(`POST ${path}/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${TOKEN_REQUEST}\r\nAuthorization: Bearer ${code}\r\n` +
		`X-Forwarded-For: ${address}\r\nContent-Length: ${body.length}\r\n\r\n`), body]);
}

/** "403 unknown-code", of a whole answer. */
export const whatWasSaid = (text) => `${text.slice(9, 12)} ${/problems#([\w-]+)/.exec(text)?.[1]}`;
