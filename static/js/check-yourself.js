/* How anybody checks the whole count: where the published bundle stands, or will, the key to verify it by, and the command.
 * On the pages of the bundle itself, and on those of the contest from its announcement on. Fetched after the page stands. */
import { fromBase64 } from "./bytes.js";
import { copy, h, safePlaces } from "./dom.js";
import { resultName } from "./result-note.js";
import { isFinal } from "./tally.js";
import { verifierKey } from "./tlog.js";
import { loadWords } from "./words.js";

/* Puts it where `place` says, once it is there. The page does without where it cannot be made. */
export async function offerToVerify(page, place) {
	try {
		const t = await loadWords(page.lang, ["published"]);
		place(h("details", { class: "fold", id: "how-to-verify" }, h("summary", {}, t("published.how")),
			await howToVerify(page, page.contest?.phase)));
	} catch {
		// no words, or no means to hash: what the page is for does not depend on it
	}
}

/* What stands in the fold; `phase` is the contest's. */
export async function howToVerify(page, phase) {
	const { lang, pinned, published } = page;
	const t = await loadWords(lang, ["published"]);
	const key = soundKey(await verifierKey(resultName(pinned), fromBase64(pinned.result_key)));
	const context = { t, key, places: placesOf(page), certified: published || isFinal({ phase }) };
	return h("div", { class: "check-yourself" }, published ? inTheBundle(context) : onTheSite(context));
}

/* Where the bundle stands, beside this very place. */
export const placesOf = ({ contest }) => safePlaces(contest?.published_at).filter((place) => new URL(place).origin !== location.origin);

/* What is copied into a shell holds nothing that a shell reads. */
const KEY = /^[a-z0-9][a-z0-9.:~/-]*\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/;
const ORIGIN = /^https?:\/\/(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::\d+)?$/;

/* Throws where it is of another form. */
export function soundKey(key) {
	if (!KEY.test(key)) throw new Error("not a key");
	return key;
}

const commandFor = (key, place) => `tallyctl verify --key '${key}' ${place}`;

/* null where this very address is of no form for a command. */
export const commandHere = (key, origin) => ORIGIN.test(origin) ? commandFor(key, `${origin}/`) : null;

function inTheBundle({ t, key, places: others }) {
	const line = commandHere(key, location.origin);
	return [h("p", {}, t("published.how_text")), h("p", {}, t("published.how_get")), ...line ? command(t, line) : [],
		h("p", {}, t("published.how_key")), keyLine(t, key),
		...others.length ? [h("p", {}, t("published.others")), links(others)] : [],
		h("p", { class: "soft" }, h("a", { href: "/FORMAT.md" }, "FORMAT.md"), t("published.how_format"))];
}

/* Before the result is certified nothing stands there, so nothing leads there. */
function onTheSite(context) {
	const { t, key, places, certified } = context;
	const [what, where, list, why] = certified ? ["published.what_now", "published.where_now", links(places), "published.key_now"]
		: ["published.what_later", "published.where_later", addresses(places), "published.key_later"];
	return [h("p", {}, t(what)), h("p", {}, t(places.length > 0 ? where : "published.where_none")), places.length > 0 && list,
		h("p", { class: "check-title" }, t("published.key")), h("p", {}, t(why)), keyLine(t, key), copyButton(t, key, "published.copy_key"),
		...places.length ? [h("p", { class: "check-title" }, t("published.command")), h("p", {}, t("published.how_get")), places.map((place) => command(t, commandFor(key, place)))] : []].flat();
}

const links = (places) => h("ul", {}, places.map((place) => h("li", {}, h("a", { href: place }, place))));

const addresses = (places) => h("ul", {}, places.map((place) => h("li", {}, h("code", {}, place))));

const keyLine = (t, key) => h("p", {}, h("code", { class: "hash" }, key));

const copyButton = (t, text, words) => h("div", { class: "actions" }, h("button", { type: "button", class: "button button-quiet",
	onclick: ({ currentTarget }) => copy(text, currentTarget, t("copied")) }, t(words)));

const command = (t, line) => [h("pre", {}, line), copyButton(t, line, "published.copy_command")];
