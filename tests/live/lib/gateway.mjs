// An organiser's own identity gateway: its keys, what it signs, and the page on which a test says who is there. jose signs.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import * as jose from 'jose';
import YAML from 'yaml';
import { ROOT, contestDocument, makeDirectory, startInstance } from './instance.mjs';

export const EXAMPLE = path.join(ROOT, 'config/examples/assertion.yaml');
export const ISSUER = 'https://members.example', AUDIENCE = 'https://vote.example';

export const now = () => Math.floor(Date.now() / 1000);

/** A key of each algorithm, and the public ones as a set. */
export async function makeKeys(algorithms) {
	const keys = {}, set = [];
	for (const alg of algorithms) {
		keys[alg] = await jose.generateKeyPair(alg, { extractable: true });
		set.push({ ...await jose.exportJWK(keys[alg].publicKey), kid: alg, alg, use: 'sig' });
	}
	return { keys, set: { keys: set } };
}

/** The shipped contest of members, with `change` to it and more `options` (of its directory) to start it with, and what its gateway signs: { instance, keys, claims(), sign() }. */
export async function startMembers({ algorithms = ['ES256'], url = '', change = null, settings = {}, options = () => ({}) } = {}) {
	const dir = await makeDirectory(), { keys, set } = await makeKeys(algorithms);
	let next = 0;
	await writeFile(path.join(dir, 'members.jwks.json'), JSON.stringify(set));
	const contest = change ? path.join(dir, 'members.yaml') : EXAMPLE;
	if (change) await writeFile(contest, YAML.stringify(await contestDocument(EXAMPLE, change)));
	const instance = await startInstance({ ...await options(dir), dir, contests: [contest],
		settings: { ...settings, gateways: [{ id: 'cooperative', issuer: ISSUER, audience: AUDIENCE, keys: 'members.jwks.json', url, claims: ['member', 'status'] }] } });
	const somebody = () => `m-${next++}`;
	/** `changes` with undefined leave a claim out. */
	const claims = (changes = {}) => JSON.parse(JSON.stringify({ iss: ISSUER, aud: AUDIENCE, iat: now(), exp: now() + 120, member: somebody(), status: 'full', ...changes }));
	const sign = (changes, { alg = 'ES256', kid = alg, key = keys[alg]?.privateKey } = {}) => new jose.SignJWT(claims(changes)).setProtectedHeader({ alg, kid }).sign(key);
	return { instance, keys, somebody, claims, sign };
}

/** The gateway's site. `leadTo(query)`: the address to which it leads whoever has identified themselves there. */
export async function startGateway() {
	const its = { leadTo: null, asked: [] };
	const server = http.createServer(async (req, res) => {
		const { pathname, searchParams } = new URL(req.url, 'http://localhost');
		if (pathname !== '/identify') return res.writeHead(404).end();
		its.asked.push(Object.fromEntries(searchParams));
		res.setHeader('content-type', 'text/html; charset=utf-8');
		return res.end(`<!DOCTYPE html><html lang="en"><title>Gateway</title><a href="${await its.leadTo(searchParams)}">It is me</a></html>`);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	its.url = `http://127.0.0.1:${server.address().port}/identify`;
	its.stop = async () => {
		server.closeAllConnections();
		server.close();
		await once(server, 'close');
	};
	return its;
}
