/* The log of acts: the last entries in words, older ones on request, and the whole chain checked here. */
import { Broken, beginning, entriesBetween, follow } from "./audit-chain.js";
import { auditDetails } from "./audit-words.js";
import { h } from "./dom.js";
import { put, section, whenChanged, whenNear } from "./organiser-parts.js";
import { actWords, whoWords } from "./organiser-words.js";

const MORE = 50;
const CHECK_ALONE_MAX = 5000; // entries that are checked without being asked

const KNOWN = ["sheet.saved", "sheet.submitted", "sheet.withdrawn", "sheet.refused", "pledge.given", "request.made",
	"request.rejected", "ruling.recusal", "ruling.challenge", "ruling.lifted", "invite", "revoke", "log.halted",
	"log.new-epoch", "codes.made", "codes.revoked", "persons.forgotten"];

/* What an entry says happened. */
export function entryWords(page, entry) {
	if (!KNOWN.includes(entry.act)) return actWords(page, entry);
	const words = entry.act === "ruling.challenge" && entry.decision === "rejected" ? "ruling_rejected" : entry.act.replace(".", "_");
	return page.t(`organiser.log.${words}`,
		{ act: entry.requested ? actWords(page, entry.requested) : "" });
}

export function auditSection({ page, call }) {
	const { t, number, times, pinned } = page;
	const round = pinned.rehearsal ? `${pinned.id}~rehearsal` : pinned.id;
	const verdict = h("p", { class: "verdict", role: "status" });
	const check = h("button", { type: "button", class: "button button-quiet button-small", onclick: () => verify() },
		t("organiser.audit.check"));
	const list = h("ol", { class: "o-log", "aria-label": t("organiser.section.audit") });
	const more = h("button", { type: "button", class: "button button-quiet button-small", onclick: older }, t("organiser.audit.more"));
	const trouble = h("p", { class: "o-flag", role: "status" });
	const element = section("audit", t("organiser.section.audit"), h("p", { class: "soft" }, t("organiser.audit.about")),
		h("div", { class: "o-verdict" }, verdict, check), list, trouble, more);

	const entries = new Map(); // n -> entry, of those shown
	let size = null;
	let watched = false;
	let near = false;
	let end = null; // as far as the chain was checked
	let checking = false;
	let people = new Map();

	function line(entry) {
		const { n, at, who, why } = entry;
		const details = auditDetails(page, entry, people);
		return h("li", { value: String(n) }, h("time", { datetime: at }, `${times.day(at)} ${times.time(at)}`), " ",
			h("strong", {}, entryWords(page, entry)), " ", h("span", {}, whoWords(page, who, people)),
			why && h("span", { class: "o-under" }, t("organiser.requests.why", { why })),
			details.length > 0 && h("span", { class: "o-under o-raw" }, details.join(" · ")));
	}

	function show() {
		const newest = [...entries.values()].sort((a, b) => b.n - a.n);
		list.replaceChildren(...newest.map(line));
		more.hidden = newest.length === 0 || newest.at(-1).n <= 1;
	}

	async function older() {
		const first = Math.min(...entries.keys());
		more.disabled = true;
		try {
			const after = Math.max(0, first - 1 - MORE);
			for (const entry of await entriesBetween(after, first - 1, (from, count) => call("audit", from, count)))
				entries.set(entry.n, entry);
			put(trouble, "");
			show();
		} catch {
			put(trouble, t("organiser.audit.unreachable"));
		} finally {
			more.disabled = false;
		}
	}

	/* From where the last check ended: what was read once cannot be changed unseen while this page is open. */
	async function verify() {
		if (checking) return;
		if (!globalThis.crypto?.subtle) {
			put(verdict, t("organiser.audit.no_crypto"));
			check.hidden = true;
			return;
		}
		checking = true;
		check.hidden = true;
		try {
			end ??= await beginning(round);
			end = await follow(end, size, (after, count) => call("audit", after, count),
				({ n }) => put(verdict, t("organiser.audit.checking", { n: number.count(n), size: number.count(size) })));
			tell("good", t("organiser.audit.good", { n: number.count(end.n) }));
		} catch (error) {
			if (error instanceof Broken) tell("bad", t("organiser.audit.bad", { n: number.count(error.n) }));
			else {
				tell("", t("organiser.audit.unreachable"));
				check.hidden = false;
			}
		} finally {
			checking = false;
		}
		if (verdict.classList.contains("verdict-good") && end.n < size) verify();
	}

	function tell(kind, text) {
		verdict.className = `verdict${kind && ` verdict-${kind}`}`;
		put(verdict, text);
	}

	const draw = whenChanged(({ audit }) => audit?.[0]?.n, ({ audit = [], people: known = [] }) => {
		people = new Map(known.map(({ id, name }) => [id, name]));
		for (const entry of audit) entries.set(entry.n, entry);
		const last = audit[0]?.n ?? 0;
		if (last < (size ?? 0)) entries.clear(); // another log than before: the check will say so
		size = last;
		show();
		if (!watched) { // a long log is not fetched for those who do not look at it
			watched = true;
			whenNear(element, () => {
				near = true;
				judge();
			});
		}
		judge();
	});

	function judge() {
		if (!near || verdict.classList.contains("verdict-bad")) return;
		if (size === 0) tell("", t("organiser.audit.empty"));
		else if (end || size <= CHECK_ALONE_MAX) verify();
		else {
			put(verdict, t("organiser.audit.unchecked", { n: number.count(size) }));
			check.hidden = false;
		}
	}

	check.hidden = true;
	return { element, draw };
}
