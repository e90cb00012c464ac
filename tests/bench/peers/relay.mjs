// What one would write first: fastify and ioredis in one process, which hands a ballot's call on to Redis and a message to
// everybody who reads its event stream. node relay.mjs REDIS_SOCKET; prints its port.
import fastify from 'fastify';
import { Redis } from 'ioredis';

const redis = new Redis({ path: process.argv[2] });
const server = fastify({ bodyLimit: 16384 });
const readers = new Set();

server.addContentTypeParser('text/plain', { parseAs: 'string' }, (request, body, done) => done(null, body));

server.post('/vote', async (request) => {
	const args = request.body.args.map((text) => Buffer.from(text, 'base64url'));
	return redis.fcall('cast_5', ...args);
});

server.get('/stream', (request, reply) => {
	reply.hijack();
	reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
	reply.raw.write(':\n\n');
	readers.add(reply.raw);
	reply.raw.on('close', () => readers.delete(reply.raw));
});

server.post('/publish', async (request) => {
	const frame = `data: ${request.body}\n\n`;
	for (const reader of readers)
		reader.write(frame);
	return { readers: readers.size };
});

await server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
console.log(`ready ${server.server.address().port}`);
