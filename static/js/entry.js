/* What a link brought with it: enter.js took it out of the address and left it in this tab's storage. Taken from there once,
 * or from the address itself where the browser blocks storage. */
const ENTRY = "tallyd.entry"; // as enter.js has it
const SECRETS = ["token", "code", "admission", "login"];

/* The members of the link's fragment; none where it brought nothing. */
export function takeEntry(session, { location, history } = globalThis) {
	const address = new URLSearchParams(location.hash.slice(1));
	if (SECRETS.some((name) => address.has(name))) {
		history.replaceState(null, "", location.pathname + location.search);
		return address;
	}
	try {
		const kept = session?.getItem(ENTRY) ?? "";
		session?.removeItem(ENTRY);
		return new URLSearchParams(kept);
	} catch {
		return new URLSearchParams(); // storage is blocked
	}
}

/* Puts it there for the page that is opened next in this tab. False: storage is blocked. */
export function leaveEntry(session, members) {
	try {
		session.setItem(ENTRY, new URLSearchParams(members).toString());
		return true;
	} catch {
		return false;
	}
}
