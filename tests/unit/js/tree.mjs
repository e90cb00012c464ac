/* A transparency log of the tests' own, from RFC 6962's recursive definitions and C2SP's documents, with node:crypto and
 * none of the pages' code: slow, and plain to check. `files` is what a host would serve. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/* The test vectors of github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc, which the Go and
 * Trillian implementations repeat: entries in hex, and the roots of the first 1, 2, … of them. */
export const CT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
export const CT_ROOTS = ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"];

export const sha256 = (...parts) => {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return hash.digest();
};

const leaf = (entry) => sha256(Buffer.of(0), entry);
const node = (left, right) => sha256(Buffer.of(1), left, right);
const split = (n) => 2 ** Math.ceil(Math.log2(n) - 1);

/* MTH, PATH and PROOF of RFC 6962 section 2.1, over leaf hashes. */
export function root(leaves) {
	if (leaves.length === 0) return sha256();
	if (leaves.length === 1) return leaves[0];
	const k = split(leaves.length);
	return node(root(leaves.slice(0, k)), root(leaves.slice(k)));
}
export function path(m, leaves) {
	if (leaves.length <= 1) return [];
	const k = split(leaves.length);
	return m < k ? [...path(m, leaves.slice(0, k)), root(leaves.slice(k))]
		: [...path(m - k, leaves.slice(k)), root(leaves.slice(0, k))];
}
export function proof(m, leaves, whole = true) {
	if (m === leaves.length) return whole ? [] : [root(leaves)];
	const k = split(leaves.length);
	return m <= k ? [...proof(m, leaves.slice(0, k), whole), root(leaves.slice(k))]
		: [...proof(m - k, leaves.slice(k), false), root(leaves.slice(0, k))];
}

/* Groups of three digits, all but the last after an x. */
const digits = (n) => n < 1000 ? String(n).padStart(3, "0")
	: `${String(n).slice(0, -3).padStart(3 * Math.ceil((String(n).length - 3) / 3), "0").replace(/.{3}/g, "x$&/")}${String(n).slice(-3)}`;

/* Map of path → bytes: the tiles of a tree of these leaves, and bundles of its entries. */
export function tilesOf(leaves, entries = []) {
	const files = new Map();
	const put = (directory, items) => {
		for (let n = 0; n * 256 < items.length; n++) {
			const part = items.slice(n * 256, n * 256 + 256);
			files.set(`${directory}/${digits(n)}${part.length < 256 ? `.p/${part.length}` : ""}`, Buffer.concat(part));
		}
	};
	let hashes = leaves;
	for (let level = 0; hashes.length > 0; level++) {
		put(`tile/${level}`, hashes);
		hashes = Array.from({ length: Math.floor(hashes.length / 256) }, (_, i) => root(hashes.slice(256 * i, 256 * i + 256)));
	}
	put("tile/entries", entries.map((entry) => Buffer.concat([Buffer.of(0, entry.length), entry])));
	return files;
}

/* ---- signed ---- */

const rawOf = (publicKey) => publicKey.export({ type: "spki", format: "der" }).subarray(-32);

export function newKey() {
	const { privateKey, publicKey } = generateKeyPairSync("ed25519");
	return { privateKey, raw: rawOf(publicKey) };
}

export function keyOf(pem) {
	const privateKey = createPrivateKey(pem);
	return { privateKey, raw: rawOf(createPublicKey(privateKey)) };
}

export function note(text, name, { privateKey, raw }) {
	const id = sha256(name, "\n", Buffer.of(1), raw).subarray(0, 4);
	return `${text}\n— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), privateKey)]).toString("base64")}\n`;
}

const u64 = (n) => {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(BigInt(n));
	return bytes;
};

export const entryOf = ({ identity, index, spent, salt, ballot }) =>
	sha256("tallyd ballot v1\n", identity, "\n", u64(index), spent, salt, ballot);

export const printOpening = ({ identity, index, spent, salt, ballot }) =>
	`tallyd opening v1\n${identity}\n${index}\n${spent.toString("base64")}\n${salt.toString("base64")}\n${ballot}`;

/* One shard's log. `openings` are its ballots, in order; with `epoch` another than 1 under another origin. */
export function createLog({ identity, key, epoch = 1, openings = [] }) {
	const origin = epoch === 1 ? identity : `${identity}/epoch-${epoch}`;
	const entries = openings.map(entryOf);
	const leaves = entries.map(leaf);
	const rootAt = (size) => root(leaves.slice(0, size));
	const checkpoint = (size = leaves.length, signer = key) =>
		note(`${origin}\n${size}\n${rootAt(size).toString("base64")}\n`, origin, signer);
	return { identity, origin, epoch, entries, leaves, openings, checkpoint, rootAt,
		files(size = leaves.length) {
			const files = tilesOf(leaves.slice(0, size), entries.slice(0, size));
			files.set("checkpoint", Buffer.from(checkpoint(size)));
			return files;
		},
		/* The voter's own file of the entry at `index`. */
		proof(index, { size = leaves.length, extra = true, signer = key } = {}) {
			const lines = path(index, leaves.slice(0, size)).map((hash) => hash.toString("base64"));
			return ["c2sp.org/tlog-proof@v1",
				...extra ? [`extra ${Buffer.from(printOpening(openings[index])).toString("base64")}`] : [],
				`index ${index}`, ...lines, "", checkpoint(size, signer)].join("\n");
		},
		receipt: (index) => ({ status: "counted", contest: identity.split("/")[1].replace("~rehearsal", ""),
			shard: Number(identity.split("/")[2]), index, entry: entries[index].toString("base64"),
			spent: openings[index].spent.toString("base64"), salt: openings[index].salt.toString("base64") }),
	};
}

/* The statement with which an epoch begins (FORMAT.md section 6). */
export const statement = (next, before, size, ballots, key) =>
	note(`tallyd epoch v1\n${next.origin}\n${before.origin}\n${size}\n${before.rootAt(size).toString("base64")}\n${ballots}\n`,
		next.origin, key);
