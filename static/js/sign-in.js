/* Where citizens identify themselves: at a provider or at an organiser's own gateway, which are other sites. It sends them
 * back to this page with what came of it in the address' fragment (enter.js): a bearer that admits for some minutes, or
 * why there is none. */
import { h } from "./dom.js";
import { leaveEntry, takeEntry } from "./entry.js";
import { address } from "./site.js";
import { loadWords } from "./words.js";

const FAULTS = ["cancelled", "other-browser", "login-expired", "provider-down", "provider-error", "too-weak", "claim-missing", "not-eligible", "too-many-requests"];

let fault = null;

/* The bearer that a login ended with in this tab, once; null: none. */
export function brought(session) {
	const came = takeEntry(session);
	const why = came.get("login");
	fault = why && (FAULTS.includes(why) ? why : "provider-error");
	return came.get("admission");
}

/* Puts it back, for the same page in the other language. */
export const keep = (session, admission) => leaveEntry(session, { admission });

/* Where one identifies oneself at this provider or gateway; null: that is for voters to know. */
function addressOf({ site, pinned, contest, lang }, provider, shared) {
	const query = { contest: pinned.id, lang, ...shared && { device: "shared" } };
	if (contest.admission === "oidc") return `${site.issuer || site.api || ""}/login?${new URLSearchParams({ ...query, provider })}`;
	const place = pinned.gateways?.[provider];
	return place ? `${place}?${new URLSearchParams(query)}` : null;
}

function way(page, { id, name }, t, isShared) {
	const href = addressOf(page, id, isShared());
	if (!href) return h("p", {}, t("sign.in.from", { name: page.pick(name) }));
	const link = h("a", { class: "button", href }, t("sign.in.at", { name: page.pick(name) }));
	link.addEventListener("click", () => {
		link.href = addressOf(page, id, isShared());
	});
	return link;
}

/* { node, read, leadsAway }: read() gives the bearer, or null. Without one, `leadsAway`: to the providers, and nothing else leads
 * on. `isShared()`: whether the device is one that several people use. */
export async function field(page, bearer, isShared) {
	const t = await loadWords(page.lang, ["sign-in"]);
	const { identity } = page.contest;
	if (bearer) {
		const node = h("p", { class: "summary summary-good" }, t(page.contest.admission === "oidc" ? "sign.in.done" : "sign.in.came"));
		return { node, read: () => bearer, leadsAway: false };
	}
	const trouble = fault && h("div", { class: "summary summary-error", role: "alert" },
		h("p", {}, h("strong", {}, t("sign.in.failed"))), h("p", {}, t(`sign.in.fault.${fault}`)));
	const ways = identity.providers.map((one) => way(page, one, t, isShared));
	const node = h("section", { class: "sign-in", "aria-labelledby": "sign-in-title" },
		h("h2", { id: "sign-in-title" }, t("sign.in.title")), trouble,
		h("p", {}, t("sign.in.text"), ways.length > 1 && ` ${t("sign.in.once")}`), h("div", { class: "actions" }, ways),
		h("p", { class: "soft" }, t("sign.in.kept", { day: page.times.moment(identity.delete_at) }), " ",
			h("a", { href: address(page, "/privacy/") }, t("sign.in.privacy"))));
	return { node, read: () => null, leadsAway: true };
}
