/* Verifies Ed25519 signatures (RFC 8032): by the browser itself, or where it cannot yet, by the library that is
 * installed beside the pages (@noble/ed25519). Knows nothing of what is signed. */

const VENDOR = "/vendor/ed25519.js";

/* Neither the browser nor the library is at hand: nothing is known of the signature. */
export class CannotVerify extends Error {}

/* `subtle` and `load` are given, so that tests can be the browsers that lack them. A verifier is an async
 * (key, signature, message) => boolean over bytes; it throws CannotVerify. */
export function createVerifier(subtle = globalThis.crypto?.subtle, load = () => import(VENDOR)) {
	let own = Boolean(subtle);
	let library = null;

	async function byLibrary(key, signature, message) {
		library ??= load();
		let verifyAsync;
		try {
			({ verifyAsync } = await library);
		} catch (error) {
			library = null; // perhaps the network's fault: the next one asks again
			throw new CannotVerify("this browser cannot verify Ed25519", { cause: error });
		}
		try {
			return await verifyAsync(signature, message, key, { zip215: false });
		} catch {
			return false; // not a point, not a number: no signature
		}
	}

	return async (key, signature, message) => {
		if (key.length !== 32 || signature.length !== 64) return false;
		if (own) {
			try {
				const imported = await subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
				return await subtle.verify("Ed25519", imported, signature, message);
			} catch {
				own = false;
			}
		}
		return byLibrary(key, signature, message);
	};
}

export const verifies = createVerifier();
