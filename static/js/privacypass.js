/* Privacy Pass, publicly verifiable tokens, the client's side: type 0x0002 (RFC 9577 section 2, RFC 9578
 * section 6). Builds and checks wire structures; knows nothing of HTTP or storage.
 *
 *   token_input = u16 type | nonce 32 | SHA-256(challenge) 32 | key id 32
 *   token       = token_input | authenticator 256 */
import { concat, equal, fromBase64, fromHex, random, sha256, toBase64Url, u16, utf8 } from "./bytes.js";
import { blind, finalize, toBytes, toInteger } from "./blind.js";

const TYPE = u16(0x0002);
const INPUT_SIZE = 98;
const SIGNATURE_SIZE = 256;
const PSS = { name: "RSA-PSS", hash: "SHA-384" };

export class IssuerMismatch extends Error {}

/* SHA-256 of the RSASSA-PSS SubjectPublicKeyInfo. */
export const keyIdOf = (spki) => sha256(spki);

/* Modulus and exponent of a SubjectPublicKeyInfo. */
export function publicKey(spki) {
	const outer = element(spki, 0, 0x30);
	const algorithm = element(spki, outer.start, 0x30);
	const bits = element(spki, algorithm.end, 0x03);
	const pair = element(spki, bits.start + 1, 0x30);
	const n = element(spki, pair.start, 0x02);
	const e = element(spki, n.end, 0x02);
	return { n: toInteger(spki.subarray(n.start, n.end)), e: toInteger(spki.subarray(e.start, e.end)) };
}

/* One DER element with the expected tag. */
function element(der, at, tag) {
	if (der[at] !== tag) throw new RangeError("not a public key");
	let size = der[at + 1];
	let start = at + 2;
	if (size > 0x80) {
		const sizeBytes = size & 0x7f;
		size = Number(toInteger(der.subarray(start, start + sizeBytes)));
		start += sizeBytes;
	}
	if (start + size > der.length) throw new RangeError("not a public key");
	return { start, end: start + size };
}

/* The one challenge of a contest's round: built here, never taken from the server, which could otherwise
 * mark voters by giving each another one. */
export async function buildChallenge(pinned) {
	const context = await sha256(utf8(
		`tallyd challenge v1\n${pinned.id}\n${pinned.rehearsal ? "rehearsal" : "real"}\n`),
		fromHex(pinned.token_key_id));
	const field = (bytes) => concat(u16(bytes.length), bytes);
	return concat(TYPE, field(utf8(pinned.issuer_name)),
		Uint8Array.of(context.length), context, field(utf8(pinned.origin_info)));
}

/* Holds what the API says of the issuer against what these pages were published with. */
export async function checkIssuer(pinned, answer) {
	const { spki, keyId, challenge } = await issuerOf(pinned);
	const same = equal(keyId, fromHex(pinned.token_key_id))
		&& equal(fromBase64(answer.token_key), spki) && equal(fromBase64(answer.challenge), challenge);
	if (!same) throw new IssuerMismatch("the server's key or challenge is not the published one");
}

/* What both ends of an issuance are held against: { spki, keyId, challenge }. */
export async function issuerOf(pinned) {
	const spki = fromBase64(pinned.token_key);
	return { spki, keyId: await keyIdOf(spki), challenge: await buildChallenge(pinned) };
}

async function tokenInput({ keyId, challenge }, nonce) {
	return concat(TYPE, nonce, await sha256(challenge), keyId);
}

/* What to send (259 bytes) and the secrets to keep until finishToken(). Tests give the random values. */
export async function requestToken(issuer, nonce = random(32), salt = undefined, r = undefined) {
	const { blinded, inverse } = await blind(publicKey(issuer.spki), await tokenInput(issuer, nonce), salt, r);
	return { request: concat(TYPE, issuer.keyId.subarray(-1), blinded), nonce, inverse };
}

/* The token (354 bytes). Throws IssuerMismatch when the signature is not the published key's. */
export async function finishToken(issuer, { nonce, inverse }, response) {
	const key = publicKey(issuer.spki);
	const input = await tokenInput(issuer, nonce);
	let signature;
	try {
		signature = finalize(key, response, inverse);
	} catch {
		throw new IssuerMismatch("the issuer's answer is not a signature");
	}
	if (!(await verify(key, signature, input))) {
		throw new IssuerMismatch("the issuer's signature does not verify");
	}
	return concat(input, signature);
}

/* WebCrypto refuses an RSASSA-PSS SubjectPublicKeyInfo, so the key goes in as a JWK. */
async function verify({ n, e }, signature, input) {
	const number = (integer, size) => toBase64Url(toBytes(integer, size)).replace(/=+$/, "");
	const jwk = { kty: "RSA", n: number(n, SIGNATURE_SIZE), e: number(e, 3) };
	const key = await crypto.subtle.importKey("jwk", jwk, PSS, false, ["verify"]);
	return crypto.subtle.verify({ ...PSS, saltLength: 48 }, key, signature, input);
}

export const inputOf = (token) => token.subarray(0, INPUT_SIZE);
export const authorization = (token) => `PrivateToken token="${toBase64Url(token)}"`;
