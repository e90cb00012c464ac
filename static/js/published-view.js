/* What the pages of a published bundle say of themselves: whether the numbers are the signed ones. */
import { byId, h } from "./dom.js";
import { provePublished } from "./published-proof.js";

/* Proves the copy, and says so on whatever page is open where it does not hold. → what provePublished() gives. */
export async function prove(page) {
	const { t } = page;
	const proof = await provePublished(page);
	const { good, why } = proof;
	page.proven = good;
	if (!good) {
		const bad = !["mixed", "unreachable", "cannot"].includes(why);
		byId("notices").append(h("div", { class: "notice notice-error", role: "alert" },
			h("p", {}, bad && [h("strong", {}, t("published.bad")), " "], t(`published.bad.${why}`)),
			bad && h("p", {}, t("published.next"))));
	}
	return proof;
}

/* What was proven, where the numbers stand. */
export function showProof({ t, number, contest }, place, { document }) {
	place.replaceChildren(h("p", {}, t("published.good", { n: number.count(document.version) })),
		h("p", {}, t("published.rules")), h("code", { class: "hash" }, contest.rules_hash));
	place.hidden = false;
}
