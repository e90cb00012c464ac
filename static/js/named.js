/* Named people (experts; organisers and observers): the token of their invitation link.
 *
 *   const named = enterNamed("expert");     first of all, before anything is awaited: takes what enter.js took out of
 *                                           the address, or takes it out itself, and keeps it for this tab
 *   const page = await openSite("named", …);
 *   named.again = begin;                    how to begin anew, where this tab cannot keep anything over a reload
 *   if (!named.token) return turnedAway(page, named);
 *   page.api.sheet(page.pinned.id, named.authorization)
 *   catch (error) { const why = refusalOf(error, named, page.clock); if (why) turnedAway(page, named, why); }
 *
 * The token stands in sessionStorage (this tab only, gone with it; in memory where storage is blocked) and goes
 * nowhere but into the Authorization header. The key holds what the address says of the contest, so that one tab can
 * serve several contests and both languages. Another invitation opened in the same tab takes the old one's place. */
import { byId, h, safeUrl, show } from "./dom.js";
import { leaveEntry, takeEntry } from "./entry.js";
import { address } from "./site.js";

const TOKEN = /^[\w-]{1,1000}\.[\w-]{1,4000}\.[\w-]{1,1000}$/; // a compact JWS (RFC 7515, section 3.1)

function sessionOf(browser) {
	try {
		return browser.sessionStorage;
	} catch {
		return null; // blocked
	}
}

/* What was pasted: a whole link, broken into lines perhaps, or its token alone. → { token, contest } or null;
 * `contest` is null where nothing is said of it. */
export function readInvitation(text) {
	const joined = text.replace(/\s+/g, "");
	const [, query, fragment] = /^[^?#]*(\?[^#]*)?#(.*)$/.exec(joined) ?? [];
	const token = fragment === undefined ? joined : new URLSearchParams(fragment).get("token") ?? "";
	return TOKEN.test(token) ? { token, contest: new URLSearchParams(query).get("contest") } : null;
}

/* `role` is the page's: "expert" or "organiser" (observers too). → { token: text or null, broken: the address had a
 * token that is none, kept: it survives a reload, authorization, expiresAt: ms or null,
 * signOut(), paste(text): false where that is no invitation }. */
export function enterNamed(role, browser = globalThis) {
	const { location } = browser;
	const session = sessionOf(browser);
	const key = `tallyd.${role}.${new URLSearchParams(location.search).get("contest") ?? ""}`;
	const named = { role, token: null, broken: false, kept: false, signedOut: false, again: () => location.reload() };
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
	const take = () => {
		const given = takeEntry(session, browser).get("token");
		if (given === null) return false;
		named.broken = !TOKEN.test(given);
		named.token = named.broken ? null : given;
		store();
		return true;
	};
	named.paste = (text) => {
		const invitation = readInvitation(text);
		if (!invitation) return false;
		const query = new URLSearchParams(location.search);
		if (invitation.contest !== null) query.set("contest", invitation.contest);
		const search = query.toString();
		if (leaveEntry(session, { token: invitation.token })) {
			location.replace(location.pathname + (search && `?${search}`));
		} else {
			Object.assign(named, { token: invitation.token, broken: false, signedOut: false });
			named.again();
		}
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
		pasteForm(page, named),
		h("div", { class: "actions" },
			link && reason !== "left" && h("a", { class: "button", href: link }, t("named.contact")),
			h("a", { class: "button button-quiet", href: address(page, "/") }, t("named.home"))));
}

/* Neither a name nor a password: nothing that browsers offer to remember. */
function pasteForm({ t }, named) {
	const input = h("input", { id: "invitation", type: "text", autocomplete: "off", autocapitalize: "off",
		spellcheck: "false", "aria-describedby": "invitation-hint invitation-problem" });
	const problem = h("p", { id: "invitation-problem", class: "invitation-problem", role: "alert" });
	return h("form", { class: "invitation", novalidate: true, autocomplete: "off", onsubmit: (event) => {
		event.preventDefault();
		if (named.paste(input.value)) return;
		problem.textContent = t("named.paste_wrong");
		input.setAttribute("aria-invalid", "true");
		input.focus();
	} }, h("label", { for: "invitation" }, t("named.paste")), h("p", { id: "invitation-hint", class: "soft" }, t("named.paste_hint")),
	h("div", { class: "invitation-row" }, input, h("button", { type: "submit", class: "button button-quiet" }, t("named.paste_do"))),
	problem);
}

/* Beside signing out: what signing out cannot take away. */
export const historyHint = ({ t }) => h("details", { class: "fold invitation-kept" }, h("summary", {}, t("named.kept")),
	h("p", {}, t("named.kept_text")));
