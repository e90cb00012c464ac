// An independent Privacy Pass client (@cloudflare/privacypass-ts) for tests: asks for tokens as a voter's page does.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

globalThis.crypto ??= crypto.webcrypto; // Node 18
const { MediaType, TokenChallenge, publicVerif } = await import('@cloudflare/privacypass-ts');

/** A request that can be sent as often as one likes: `ask(bearer)` gives the reply, `finish(reply)` the token. */
export async function passRequest(round) {
	const client = new publicVerif.Client(publicVerif.BlindRSAMode.PSS);
	const request = await client.createTokenRequest(TokenChallenge.deserialize(new Uint8Array(round.challenge)), new Uint8Array(round.spki));
	const body = Buffer.from(request.serialize());
	return {
		body,
		ask: (bearer, options = {}) => round.instance.request('POST', `${round.path}/tokens`, { body, ...options,
			headers: { 'Content-Type': MediaType.PRIVATE_TOKEN_REQUEST, ...(bearer && { Authorization: `Bearer ${bearer}` }), ...options.headers } }),
		async finish(reply) {
			assert.equal(reply.status, 200, reply.text);
			const token = await client.finalize(client.deserializeTokenResponse(new Uint8Array(reply.bytes)));
			return Buffer.from(token.serialize());
		},
	};
}
