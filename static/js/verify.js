/* The verify page: takes a receipt as a file, as text, as the address of a QR code, as a picture of one, or as this
 * browser keeps it, and says in one sentence whether the ballot is in the log. What a receipt opens stays in this page. */
import { fromBase64 } from "./bytes.js";
import { originOf } from "./commitment.js";
import { byId, h } from "./dom.js";
import { canonicalBallot, knowsForm } from "./forms.js";
import { browserStorage, recordsFor } from "./records.js";
import { openResult } from "./result-note.js";
import { openSite } from "./site.js";
import { printOpening } from "./tlog.js";
import { accuses, check } from "./verify-check.js";
import { InputError, locate, readInput, whyForeign } from "./verify-input.js";
import { openLog } from "./verify-log.js";
import { canScan, textOfPicture } from "./verify-scan.js";
import { showVerdict } from "./verify-view.js";

const ENTRY = "tallyd.opening"; // as enter.js has it: the fragment of the address, until it is taken
const FILE_MAX = 20 * 1024 * 1024; // a picture of a camera

/* First of all, before anything is awaited. */
function takeFragment() {
	const session = browserStorage("sessionStorage");
	let brought = location.hash.slice(1);
	if (brought.length > 20) history.replaceState(null, "", location.pathname + location.search);
	else brought = null; // an anchor of this page
	try {
		brought ??= session.getItem(ENTRY);
		session.removeItem(ENTRY);
	} catch {
		// blocked: then nothing stands there
	}
	return brought;
}

let fragment = takeFragment();
const page = await openSite("verify");
const { t } = page;
const verdict = byId("verdict");
let running = 0;

/* ---- from a text to a verdict ---- */

async function situationOf(pinned) {
	let contest = null;
	try {
		contest = await page.api.contest(pinned.id);
	} catch {
		// the log's files may be readable all the same
	}
	// A published copy brings its log with it, whatever the host that made it kept.
	return { contest, epoch: contest?.epoch ?? null, state: page.published ? "ok" : contest?.log ?? "ok",
		final: ["certified", "corrected"].includes(contest?.phase) };
}

/* The newest signed result; null before there is one. */
async function certifiedOf(pinned) {
	const newest = (await page.api.results(pinned.id)).at(-1);
	return newest ? openResult(pinned, newest.version, await page.api.signedResult(pinned.id, newest.version)) : null;
}

async function judge(subject) {
	const place = locate(subject, page.site.contests);
	if (!place) {
		const why = whyForeign(subject, page.site.contests);
		return { result: { kind: "foreign", why, steps: [], facts: {} }, situation: {} };
	}
	const found = await judgeOnce(place, subject);
	// A rehearsal's log had the same addresses, so before anybody is accused nothing is taken from what a browser kept.
	return accuses(found.result) ? judgeOnce({ ...place, fresh: true }, subject) : found;
}

async function judgeOnce(place, subject) {
	const { pinned } = place;
	const situation = await situationOf(pinned);
	const log = openLog({ ...place, base: page.published ? "" : page.site.api, copy: page.published });
	return { result: await check(subject, place, { ...situation, log, copy: page.published, certified: () => certifiedOf(pinned) }), situation };
}

/* Only the last one started is shown. */
async function run(subject) {
	const mine = ++running;
	complain(null);
	byId("progress").textContent = t("verify.checking");
	verdict.setAttribute("aria-busy", "true");
	const { result, situation } = crypto.subtle ? await judge(subject)
		: { result: { kind: "cannot", why: null, steps: [], facts: {} }, situation: {} };
	if (mine !== running) return;
	byId("progress").textContent = "";
	verdict.removeAttribute("aria-busy");
	byId("text").value = ""; // it need not stand there any longer
	const heading = await showVerdict(page, verdict, result, { subject, contest: situation.contest ?? null,
		halted: situation.state === "halted", again: () => run(subject) });
	heading.focus({ preventScroll: true });
	verdict.scrollIntoView({ block: "start" });
}

/* ---- what may be wrong with what was handed in ---- */

function complain(key) {
	byId("error").replaceChildren(key ? h("p", {}, t(`verify.input.${key}`)) : "");
	byId("error").hidden = !key;
	byId("text").setAttribute("aria-invalid", String(Boolean(key)));
}

async function attempt(read) {
	let subject;
	try {
		subject = await read();
	} catch (error) {
		running++; // what was asked before is not what the reader looks at now
		verdict.hidden = true;
		byId("progress").textContent = "";
		complain(error instanceof InputError ? error.key : "unreadable");
		byId("error").focus();
		return;
	}
	await run(subject);
}

/* ---- ways in ---- */

const fromText = (text) => attempt(() => readInput(text));

const fromFile = (file) => attempt(async () => {
	if (file.size > FILE_MAX) throw new InputError("too_long");
	if (!file.type.startsWith("image/")) return readInput(await file.text());
	if (!await canScan()) throw new InputError("no_scanner");
	const text = await textOfPicture(file);
	if (text === null) throw new InputError("no_code");
	return readInput(text);
});

/* The receipt that this browser keeps, opened by the ballot beside it. */
function keptSubject() {
	const { pinned, contest } = page;
	const record = recordsFor(pinned, browserStorage("localStorage")).load();
	if (record?.step !== "counted" || !record.receipt) return null;
	const { receipt, ballot, proof } = record;
	if (!ballot || !contest || !knowsForm(contest)) return readInput(JSON.stringify(receipt));
	const opening = { identity: originOf(pinned, receipt.shard), index: receipt.index, spent: fromBase64(receipt.spent),
		salt: fromBase64(receipt.salt), ballot: canonicalBallot(contest, ballot) };
	return { ...readInput(proof ?? printOpening(opening)), opening, identity: opening.identity };
}

const kept = () => {
	try {
		return keptSubject();
	} catch {
		return null; // not a record of these pages
	}
};

function begin() {
	byId("form").addEventListener("submit", (event) => {
		event.preventDefault();
		fromText(byId("text").value);
	});
	for (const id of ["file", "picture"]) {
		byId(id).addEventListener("change", ({ currentTarget }) => {
			const [file] = currentTarget.files;
			if (file) fromFile(file);
			currentTarget.value = ""; // the same file may be chosen again
		});
	}
	byId("kept").hidden = !kept();
	byId("kept").addEventListener("click", () => attempt(() => {
		const subject = kept();
		if (!subject) throw new InputError("no_record");
		return subject;
	}));
	acceptDrops();
	addEventListener("hashchange", () => {
		const brought = takeFragment();
		if (brought) fromText(`/verify/#${brought}`);
	});
	byId("form").removeAttribute("aria-busy");
	canScan().then((can) => {
		byId("picture-label").hidden = !can;
		byId("scan").hidden = can;
	});
}

/* Files and text, wherever on the page they are dropped. */
function acceptDrops() {
	const mark = (on) => byId("form").classList.toggle("is-over", on);
	document.addEventListener("dragover", (event) => {
		event.preventDefault();
		mark(true);
	});
	document.addEventListener("dragleave", ({ relatedTarget }) => mark(relatedTarget !== null));
	document.addEventListener("drop", (event) => {
		event.preventDefault();
		mark(false);
		const [file] = event.dataTransfer.files;
		if (file) fromFile(file);
		else fromText(event.dataTransfer.getData("text/plain"));
	});
	byId("text").addEventListener("paste", ({ clipboardData }) => {
		const [file] = clipboardData.files;
		if (file) fromFile(file);
	});
}

if (page.pinned) {
	begin();
	import("./check-yourself.js").then(({ offerToVerify }) => offerToVerify(page, (fold) => byId("limits").before(fold)));
	if (fragment) fromText(`/verify/#${fragment}`);
	fragment = null;
} else {
	byId("form").replaceChildren(h("p", {}, t(`trouble.${page.trouble}`)));
	byId("form").removeAttribute("aria-busy");
}
