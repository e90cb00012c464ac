/* Holds the copy that a published bundle's pages show against what was signed: the bundle's list of files against its
 * note, the files that these pages read against the list, and the numbers against the signed result. Draws nothing. */
import { Unreachable } from "./api.js";
import { sha256, toHex, utf8 } from "./bytes.js";
import { roundOf } from "./commitment.js";
import { CannotVerify } from "./ed25519.js";
import { openResult, openResultNote } from "./result-note.js";

class Differs extends Error {}

/* { good: true, document } or { good: false, why }: "note" (not signed by the pinned key, or another result than the copy
 * tells), "numbers" (those shown are not the signed ones), "files" (another than the listed ones), "mixed" (the list is
 * signed, and of another version than what is shown: a copy that is being renewed), "unreachable", "cannot". Before
 * anybody is accused everything is read once more. */
export async function provePublished(page) {
	const first = await prove(page);
	return ["note", "numbers", "files"].includes(first.why) ? prove(page) : first;
}

async function prove({ api, pinned, contest }) {
	try {
		const document = await judged("note", () => signedDocument(api, pinned));
		const tally = await api.tally(pinned.id);
		insist(sameNumbers(document, tally) && document.rules_hash === contest.rules_hash
			&& document.rules_hash === pinned.rules_hash && document.contest === contest.id
			&& document.rehearsal === contest.rehearsal, "numbers");
		await judged("files", () => listed(api, pinned, document.version));
		return { good: true, document };
	} catch (error) {
		if (error instanceof CannotVerify) return { good: false, why: "cannot" };
		if (error instanceof Differs) return { good: false, why: error.message };
		return { good: false, why: "unreachable" }; // whatever it is, nothing is proven
	}
}

function insist(good, why) {
	if (!good) throw new Differs(why);
}

/* Anything malformed is a no, too. */
async function judged(why, act) {
	try {
		return await act();
	} catch (error) {
		throw [Unreachable, CannotVerify, Differs].some((one) => error instanceof one) ? error : new Differs(why);
	}
}

async function signedDocument(api, pinned) {
	const newest = (await api.results(pinned.id)).at(-1);
	const signed = await api.signedResult(pinned.id, newest.version);
	const document = await openResult(pinned, newest.version, signed);
	insist(document.version === newest.version && document.kind === newest.kind && document.at === newest.at
		&& toHex(await sha256(utf8(signed.document))) === newest.sha256, "note");
	return document;
}

const sorted = (_, value) => value && typeof value === "object" && !Array.isArray(value)
	? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value;
const same = (a, b) => JSON.stringify(a ?? null, sorted) === JSON.stringify(b ?? null, sorted);

/* FORMAT.md section 5.9; the formula is what the standing is explained by. */
function sameNumbers(document, tally) {
	return tally.phase === document.kind && same(tally.ballots, document.ballots) && same(tally.citizen, document.citizen)
		&& same(tally.experts, document.public?.experts) && same(tally.standing, document.public?.standing)
		&& same(tally.formula, document.public?.formula);
}

/* SHA256SUMS as its note signs it, and in it the files that these pages are drawn from. */
async function listed(api, pinned, version) {
	const [note, sums] = [await api.text("/SHA256SUMS.note"), await api.text("/SHA256SUMS")];
	const text = await openResultNote(pinned, note);
	const [head, round, other] = text.split("\n");
	insist(head !== "tallyd bundle v1" || round !== roundOf(pinned) || other === String(version), "mixed");
	const count = sums.split("\n").length - 1;
	insist(text === `tallyd bundle v1\n${roundOf(pinned)}\n${version}\n${count}\n${toHex(await sha256(utf8(sums)))}\n`, "files");
	const hashes = new Map(sums.split("\n").map((line) => [line.slice(66), line.slice(0, 64)]));
	const read = [["published.json", await api.publishedBytes()], ["site.json", await api.file("/site.json")]];
	for (const [path, bytes] of read) insist(hashes.get(path) === toHex(await sha256(bytes)), "files");
}
