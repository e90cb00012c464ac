// Issuer and ballots apart: two servers with a Redis and keys of their own each, as README.md sets them up.
import assert from 'node:assert/strict';
import path from 'node:path';
import { ctlDone } from './acts.mjs';
import { startInstance } from './instance.mjs';
import { passRequest } from './passes.mjs';
import { Round } from './protocol.mjs';

export const PAGES = 'https://vote.example';

/** {issuer, ballots, file}; `file` has the issuer's public keys. Ends with t, or with stop(). `issuing`, `counting`: options of one of
 * the two alone; `pages`: where people find the pages. */
export async function startApart({ settings = {}, pages = PAGES, issuing = {}, counting = {}, ...options }) {
	const issuer = await startInstance({ ...options, ...issuing,
		settings: { ...settings, roles: ['issuer'], log_name: 'issuer.vote.example', public_url: pages, origins: [pages], ...issuing.settings } });
	const file = path.join(issuer.dir, 'issuer.json');
	try {
		await ctlDone(issuer, 'keygen', '--export', file);
		const ballots = await startInstance({ ...options, ...counting, issuer: file,
			settings: { ...settings, roles: ['ballots', 'tally', 'pages'], public_url: pages, issuer_origin: issuer.url, ...counting.settings } });
		return { issuer, ballots, file, stop: () => Promise.all([issuer.stop(), ballots.stop()]) };
	} catch (error) {
		await issuer.stop();
		throw error;
	}
}

/** A voting right from the one: a token for the other. */
export async function tokenFrom(issuer, bearer) {
	const request = await passRequest(new Round(issuer));
	return request.finish(await request.ask(bearer));
}

export async function castAt(ballots, token, choice) {
	const reply = await new Round(ballots).cast(token, { choices: [choice] });
	assert.equal(reply.status, 201, reply.text);
	return reply.json;
}
