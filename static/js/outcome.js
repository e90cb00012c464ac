/* What the numbers are worth: provisional while objections are heard, certified, or corrected, with the signed
 * results of every version. */
import { h, safePlaces, whenChanged } from "./dom.js";
import { isFinal } from "./tally.js";

const phases = ["closed", "provisional", "certified", "corrected"];

/* { draw(snapshot) } fills `place`. */
export function outcome(page, place) {
	const { t, api, contest, times } = page;

	function versionLine({ version, kind, at, sha256 }) {
		return h("li", {}, h("a", { href: api.resultUrl(contest.id, version) },
			t("outcome.version", { n: version, kind: t(`results.kind.${kind}`) })),
		at && `, ${t(`outcome.at.${kind}`, { when: times.moment(at) })}`,
		page.published && [" · ", h("a", { href: api.noteUrl(contest.id, version) }, t("published.note"))], sha256 && h("code", { class: "hash" }, `SHA-256 ${sha256}`));
	}

	/* Where it can be verified by anybody. */
	function bundles() {
		const places = safePlaces(contest.published_at);
		return places.length === 0 ? "" : h("p", {}, t("outcome.bundle"), places.map((place) => [" ", h("a", { href: place }, place)]));
	}

	/* Newest first; without an answer the newest alone, as the snapshot tells it. */
	async function listVersions(list, newest) {
		list.replaceChildren(versionLine(newest));
		try {
			const versions = await api.results(contest.id);
			if (versions.length > 0) list.replaceChildren(...versions.reverse().map(versionLine));
		} catch {
			// the newest is linked to already
		}
	}

	const draw = whenChanged(({ phase, result }) => [phase, result], ({ phase, result }) => {
		place.hidden = !phases.includes(phase);
		place.className = `outcome outcome-${phase}`;
		if (place.hidden) return;
		const list = h("ul", { class: "versions" });
		const contact = document.getElementById("contact")?.href;
		place.replaceChildren(h("p", {}, h("strong", {}, t(`outcome.${phase}`)), " ",
			phase === "provisional" && contact ? h("a", { href: contact }, t("outcome.object")) : ""),
		result ? list : "", isFinal({ phase }) && !page.published ? bundles() : "");
		if (result) listVersions(list, result);
	});
	return { draw };
}
