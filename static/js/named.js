/* Named people (experts; organisers and observers): the token of their invitation link.
 *
 *   const named = enterNamed("expert");     first of all, before anything is awaited: takes #token=… out of the
 *                                           address and this history entry, and keeps it for this tab
 *   const page = await openSite();
 *   if (!named.token) return turnedAway(page, named);
 *   page.api.sheet(page.pinned.id, named.authorization)
 *   catch (error) { const why = refusalOf(error, named, page.clock); if (why) turnedAway(page, named, why); }
 *
 * The token stands in sessionStorage (this tab only, gone with it; in memory where storage is blocked) and goes
 * nowhere but into the Authorization header. The key holds what the address says of the contest, so that one tab can
 * serve several contests and both languages. Another invitation opened in the same tab takes the old one's place. */
import { byId, h, safeUrl, show } from "./dom.js";
import { address } from "./site.js";

const TOKEN = /^[\w-]{1,1000}\.[\w-]{1,4000}\.[\w-]{1,1000}$/; // a compact JWS (RFC 7515, section 3.1)

function sessionOf(browser) {
	try {
		return browser.sessionStorage;
	} catch {
		return null; // blocked
	}
}

/* `role` is the page's: "expert" or "organiser" (observers too). → { token: text or null, broken: the address had a
 * token that is none, kept: it survives a reload, authorization, expiresAt: ms or null, signOut() }. */
export function enterNamed(role, browser = globalThis) {
	const { location, history } = browser;
	const session = sessionOf(browser);
	const key = `tallyd.${role}.${new URLSearchParams(location.search).get("contest") ?? ""}`;
	const named = { role, token: null, broken: false, kept: false, signedOut: false };
	Object.defineProperties(named, {
		authorization: { get: () => `Bearer ${named.token}` },
		expiresAt: { get: () => expiryOf(named.token) },
	});

	const stored = () => {
		try {
			return session?.getItem(key) ?? null;
		} catch {
			return null;
		}
	};
	const store = () => {
		try {
			if (named.token) session.setItem(key, named.token);
			else session.removeItem(key);
			named.kept = Boolean(named.token);
		} catch {
			named.kept = false;
		}
	};
	/* True when the address brought something. */
	const take = () => {
		const given = new URLSearchParams(location.hash.slice(1)).get("token");
		if (given === null) return false;
		history.replaceState(null, "", location.pathname + location.search);
		named.broken = !TOKEN.test(given);
		named.token = named.broken ? null : given;
		store();
		return true;
	};
	/* Forgets the token here; what a page keeps beside it, the page wipes. */
	named.signOut = () => {
		named.token = null;
		named.signedOut = true;
		store();
	};

	if (!take()) {
		const kept = stored();
		named.token = kept && TOKEN.test(kept) ? kept : null;
		named.kept = Boolean(named.token);
	}
	browser.addEventListener("hashchange", () => {
		if (take()) location.reload();
	});
	// "Back" must not show again what was signed out.
	browser.addEventListener("pageshow", (event) => {
		if (event.persisted && (named.signedOut || (named.kept && stored() !== named.token))) location.reload();
	});
	return named;
}

/* When the token says that it ends; the server decides, this only chooses words. */
function expiryOf(token) {
	try {
		const { exp } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
		return Number.isFinite(exp) ? exp * 1000 : null;
	} catch {
		return null;
	}
}

/* Why the server does not let this person in, or null where an error says nothing of that:
 * "expired", "revoked", "refused" (forged, for another contest or round) or "role" (a page of another role). */
export function refusalOf(error, named, clock) {
	if (error?.status === 403 && error.slug === "forbidden") return "role";
	if (error?.status !== 401) return null;
	if (/revoked/i.test(error.message)) return "revoked";
	if (/expired/i.test(error.message) || (named.expiresAt !== null && named.expiresAt <= clock.now())) return "expired";
	return "refused";
}

/* The screen of those who are not in, with what to do. A refused token is forgotten. `why` as refusalOf() says it. */
export function turnedAway(page, named, why = null) {
	const { t, pick, contest } = page;
	const reason = why ?? (named.signedOut ? "left" : named.broken ? "broken" : "none");
	if (why && why !== "role") named.signOut();
	const contact = contest?.contact ?? "";
	const link = safeUrl(contact) ?? (/^[^@\s]+@[^@\s]+$/.test(contact) ? `mailto:${contact}` : null);
	show(byId("stage"), contest && h("p", { class: "kicker" }, pick(contest.name)), h("h1", {}, t(`named.${reason}`)),
		h("p", { class: "lead" }, t(`named.text.${reason}-${named.role}`)),
		h("div", { class: "actions" },
			link && reason !== "left" && h("a", { class: "button", href: link }, t("named.contact")),
			h("a", { class: "button button-quiet", href: address(page, "/") }, t("named.home"))));
}
