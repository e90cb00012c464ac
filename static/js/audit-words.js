/* What an entry of the audit log tells beside who did what and why: in words, with names for ids. */
import { namesOf } from "./organiser-parts.js";
import { whoWords } from "./organiser-words.js";

const HASH_SHOWN = 12;
const OWN_PEOPLE = ["pledge.given", "sheet.saved", "sheet.submitted", "sheet.withdrawn", "sheet.refused"];
const NAMED = ["n", "at", "who", "act", "why", "prev", "request", "requested", "decision", "role", "name", "closes_at"];

/* [text]; `people` names those that are known by id. */
export function auditDetails(page, entry, people = new Map()) {
	const { t, pick, number } = page;
	const names = namesOf(page);
	const { act } = entry;
	const person = (id, { role = "expert", name = people.get(id) ?? id } = {}) => whoWords(page, `${role}:${id}`, new Map([[id, name]]));
	const guest = (one) => person(one.person, one) + (one.affiliation ? ` (${one.affiliation})` : "");
	const words = {
		people: (list) => list.map(guest).join(", "),
		person: (id) => OWN_PEOPLE.includes(act) ? null : person(id, entry), // who did it, named already
		entry: (id) => String(act).includes("qualif") ? null : names.entry(id), // named already
		entries: (ids) => ids.map(names.entry).join(", "),
		requested_by: (who) => t("organiser.log.requested_by", { who: whoWords(page, who, people) }),
		reason: (reason) => reason === "conflict-of-interest" ? t("organiser.log.conflict")
			: t("organiser.log.public_reason", { why: pick(reason) || String(reason) }),
		revision: (n) => t("organiser.experts.revision", { n: number.count(n) }),
		version: (n) => t("organiser.log.version", { n: number.count(n) }),
		metrics: (rows) => t("organiser.log.metrics", { n: number.count(rows.length) }),
		values: (n) => t("organiser.log.metrics", { n: number.count(n) }),
		file: (file) => file,
		label: (label) => label,
		batch: (n) => t("organiser.log.batch", { n: number.count(n) }),
		persons: (n) => t("organiser.log.persons", { n: number.count(n) }),
		count: (n) => t("organiser.log.codes", { n: number.count(n) }),
		notice: (notice) => notice ? `“${pick(notice)}”` : t("organiser.notice.removed"),
		epoch: (n) => t("organiser.log.epoch", { n: number.count(n) }),
		shard: (n) => t("organiser.log.shard", { n: number.count(n) }),
		old: (shards) => shards.map(({ size, now }, shard) => t("organiser.log.old", { shard: number.count(shard),
			size: number.count(size), now: number.count(now) })).join(", "),
		for_correction: (yes) => yes ? t("organiser.log.for_correction") : null,
		sheet: (hash) => t("organiser.log.sheet", { hash: shortened(hash) }),
		sha256: (hash) => `SHA-256 ${shortened(hash)}`,
	};
	const order = Object.keys(words); // the log has its keys by the alphabet
	const place = (key) => order.includes(key) ? order.indexOf(key) : order.length;
	const told = (one) => Object.entries(one).filter(([key, value]) => !NAMED.includes(key) && value !== undefined)
		.sort(([a], [b]) => place(a) - place(b))
		.map(([key, value]) => order.includes(key) && (value !== null || key === "notice") ? words[key](value) : other(key, value));
	return [...told({ ...entry.requested, act: undefined, entry: undefined }), ...told(entry)].filter(Boolean);
}

/* What a newer server may write: better shown as it is than left out. */
const other = (key, value) => value === null ? null : `${key}: ${typeof value === "string" ? shortened(value) : JSON.stringify(value)}`;

const shortened = (text) => /^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, HASH_SHOWN)}…` : text;
