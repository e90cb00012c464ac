/* Bytes and their texts: UTF-8, hex, base64, big-endian numbers, SHA-256. Knows nothing of voting. */

export const utf8 = (text) => new TextEncoder().encode(text);

export function concat(...parts) {
	const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

export function equal(a, b) {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function random(size) {
	return crypto.getRandomValues(new Uint8Array(size));
}

export const toHex = (bytes) =>
	Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function fromHex(text) {
	if (!/^([0-9a-f]{2})*$/i.test(text)) throw new RangeError("not hexadecimal");
	return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

/* RFC 9577 wants the URL-safe alphabet *with* padding. */
export const toBase64Url = (bytes) => toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_");

/* Reads either alphabet. Throws on anything else. */
export function fromBase64(text) {
	const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
	return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export const u16 = (number) => Uint8Array.of(number >> 8, number & 255);

export function u64(number) {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
	return bytes;
}

export async function sha256(...parts) {
	return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}
