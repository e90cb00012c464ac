/* A stand-in for the API within the test's process: a true issuer and a true ledger of one shard, made with
 * node:crypto and none of the pages' own code. Faults are asked for by name. */
import { constants, createHash, createPublicKey, generateKeyPairSync, privateDecrypt, randomBytes, verify }
	from "node:crypto";

import { Problem, Unreachable } from "../../../static/js/api.js";

const PSS_ALGORITHM = Buffer.from("303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a86"
	+ "4886f70d010108300b0609608648016503040202a203020130", "hex");
const sha256 = (...parts) => {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return hash.digest();
};
const sized = (bytes) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
const base64Url = (bytes) => bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");

export const contest = {
	id: "test", revote: "refuse", form: { name: "choices", min: 1, max: 1 },
	entries: ["naver-cloud", "upstage", "nc-ai"].map((id) => ({ id })),
};

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/* RFC 9578 section 8.2.2: id-RSASSA-PSS with SHA-384, MGF1 with SHA-384 and salt length 48. */
function spkiOf(key) {
	const pkcs1 = key.export({ type: "pkcs1", format: "der" });
	const bits = Buffer.concat([Buffer.from("0382010f00", "hex"), pkcs1]);
	const body = Buffer.concat([PSS_ALGORITHM, bits]);
	return Buffer.concat([Buffer.from([0x30, 0x82]), sized(body)]);
}

export function createServer({ rehearsal = false, revote = "refuse" } = {}) {
	const spki = spkiOf(publicKey);
	const keyId = sha256(spki);
	const names = { issuer_name: "issuer.test", origin_info: "contest.test" };
	const context = sha256(`tallyd challenge v1\n${contest.id}\n${rehearsal ? "rehearsal" : "real"}\n`, keyId);
	const challenge = Buffer.concat([Buffer.from([0, 2]), sized(Buffer.from(names.issuer_name)),
		Buffer.from([32]), context, sized(Buffer.from(names.origin_info))]);
	const pinned = { id: contest.id, rehearsal, ...names, log_name: "log.test", shards: 1,
		token_key: base64Url(spki), token_key_id: keyId.toString("hex") };
	const origin = `log.test/${contest.id}${rehearsal ? "~rehearsal" : ""}/0`;
	const ledger = new Map();
	const issued = new Set();
	let size = 0;
	const faults = []; // [step, "before" | "after" | Problem], taken in order

	function fault(step, when) {
		if (faults[0]?.[0] !== step) return;
		const kind = faults[0][1];
		if (kind === when) {
			faults.shift();
			throw new Unreachable("connection lost");
		}
		if (when === "before" && kind instanceof Problem) {
			faults.shift();
			throw kind;
		}
	}

	function enter(spent, text, status) {
		const index = size++;
		const salt = randomBytes(32);
		const position = Buffer.alloc(8);
		position.writeBigUInt64BE(BigInt(index));
		const entry = sha256("tallyd ballot v1\n", origin, "\n", position, spent, salt, text);
		const receipt = { status, contest: contest.id, shard: 0, index, entry: entry.toString("base64"),
			spent: spent.toString("base64"), salt: salt.toString("base64") };
		ledger.set(spent.toString("hex"), { text, receipt });
		return receipt;
	}

	const api = {
		async challenge() {
			fault("challenge", "before");
			return { challenge: base64Url(challenge), token_key: base64Url(spki) };
		},
		async token(id, request) {
			fault("token", "before");
			const bytes = Buffer.from(request);
			if (bytes.length !== 259 || bytes.readUInt16BE() !== 2 || bytes[2] !== keyId[31]) {
				throw new Problem(422, { type: "/problems#invalid-token-request" });
			}
			issued.add(bytes.toString("hex"));
			const signed = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING },
				bytes.subarray(3));
			fault("token", "after");
			return new Uint8Array(signed);
		},
		async cast(id, authorization, body, replaces) {
			fault("cast", "before");
			const ballot = JSON.parse(body);
			const token = Buffer.from(/^PrivateToken token="(.+)"$/.exec(authorization)[1], "base64");
			const input = token.subarray(0, 98);
			const good = input.readUInt16BE() === 2 && input.subarray(34, 66).equals(sha256(challenge))
				&& input.subarray(66).equals(keyId)
				&& verify("sha384", input, { key: createPublicKey(publicKey.export({ type: "spki",
					format: "pem" })), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 },
				token.subarray(98));
			if (!good) throw new Problem(401, { type: "/problems#invalid-token" });
			const spent = sha256("tallyd spent v1\n", input).subarray(0, 16);
			const text = `choices\n${ballot.choices.join("\n")}\n`;
			const old = ledger.get(spent.toString("hex"));
			let receipt = old?.receipt;
			if (!old) receipt = enter(spent, text, "counted");
			else if (old.text !== text && revote === "replace" && replaces === old.receipt.index) {
				receipt = enter(spent, text, "replaced");
			} else if (old.text !== text) {
				throw new Problem(409, { type: "/problems#token-spent", receipt });
			}
			fault("cast", "after");
			return structuredClone(receipt);
		},
	};
	const counted = () => [...ledger.values()].map(({ text }) => text.split("\n")[1]);
	return { api, pinned, faults, ledger, issued, counted, challenge, keyId, spki };
}
