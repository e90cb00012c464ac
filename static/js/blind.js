/* RSABSSA-SHA384-PSS-Deterministic, the client's half (RFC 9474 sections 4.2, 4.4; EMSA-PSS as in RFC 8017
 * section 9.1.1). Whoever calls finalize() verifies the signature; keys and messages come from outside. */

const HASH = 48; // bytes of SHA-384, and of the salt

const sha384 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-384", bytes));

export function toInteger(bytes) {
	let hex = "0x0";
	for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
	return BigInt(hex);
}

export function toBytes(integer, size) {
	const hex = integer.toString(16).padStart(2 * size, "0");
	return Uint8Array.from({ length: size }, (_, i) => parseInt(hex.substr(2 * i, 2), 16));
}

const bitLength = (n) => n.toString(2).length;
const byteLength = (n) => Math.ceil(bitLength(n) / 8);

function power(base, exponent, n) {
	let result = 1n;
	for (; exponent; exponent >>= 1n) {
		if (exponent & 1n) result = (result * base) % n;
		base = (base * base) % n;
	}
	return result;
}

function inverse(a, n) {
	let [r, next, s, t] = [n, a % n, 0n, 1n];
	while (next) {
		const q = r / next;
		[r, next, s, t] = [next, r - q * next, t, s - q * t];
	}
	if (r !== 1n) throw new RangeError("no inverse");
	return s < 0n ? s + n : s;
}

function randomBelow(n) {
	let r;
	do r = toInteger(crypto.getRandomValues(new Uint8Array(byteLength(n))));
	while (r === 0n || r >= n);
	return r;
}

async function encode(message, bits, salt) {
	const size = Math.ceil(bits / 8);
	const first = new Uint8Array(8 + HASH + salt.length);
	first.set(await sha384(message), 8);
	first.set(salt, 8 + HASH);
	const hash = await sha384(first);
	const encoded = new Uint8Array(size);
	const masked = size - HASH - 1;
	encoded[masked - salt.length - 1] = 1;
	encoded.set(salt, masked - salt.length);
	const seed = new Uint8Array(HASH + 4);
	seed.set(hash);
	for (let at = 0; at < masked; at += HASH, seed[HASH + 3]++) {
		const mask = await sha384(seed);
		for (let i = 0; i < HASH && at + i < masked; i++) encoded[at + i] ^= mask[i];
	}
	encoded[0] &= 255 >> (8 * size - bits);
	encoded.set(hash, masked);
	encoded[size - 1] = 0xbc;
	return encoded;
}

/* The blinded message, and the inverse that finalize() needs. Salt and r are given by tests only. */
export async function blind({ n, e }, message, salt, r = randomBelow(n)) {
	salt ??= crypto.getRandomValues(new Uint8Array(HASH));
	const m = toInteger(await encode(message, bitLength(n) - 1, salt));
	inverse(m, n); // throws unless coprime, as the RFC demands
	return {
		blinded: toBytes((m * power(r, e, n)) % n, byteLength(n)),
		inverse: toBytes(inverse(r, n), byteLength(n)),
	};
}

export function finalize({ n }, blindSignature, inverseBytes) {
	const z = toInteger(blindSignature);
	if (blindSignature.length !== byteLength(n) || z >= n) throw new RangeError("not a signature");
	return toBytes((z * toInteger(inverseBytes)) % n, byteLength(n));
}
