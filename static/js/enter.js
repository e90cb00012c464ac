/* First of all on the pages that open with a secret in the address, an invitation, a voter's code, what a login ended with or, with data-takes="opening", what a
 * receipt's QR code holds: takes it out of the address before anything is painted, and hands it to named.js or verify.js
 * in sessionStorage. With data-to, where a code alone is expected, it goes on to that page, which takes it from there. A
 * plain script, not a module, so that nothing runs before it.
 *
 * replaceState() alone leaves the link in Chromium's list of visited pages, in its session files and beside the page's
 * icon. What leaves the least there was found by measuring, and tests/browser/profile.test.mjs measures it again: going
 * on twice, so that the first address counts as a redirect, which the list does not show, and is no longer what the tab's
 * entry remembers of what it replaced; and no icon, which would be filed under every address that led to it. One row of
 * the history database is left, which no page can take away; and the session files, should they be written just then. */
(() => {
	const { takes, to } = document.currentScript.dataset;
	const opening = takes === "opening";
	const secrets = to ? ["code"] : ["token", "code", "admission", "login"];
	const ENTRY = opening ? "tallyd.opening" : "tallyd.entry";
	const AGAIN = `${ENTRY}.again`;
	const brings = (fragment) => opening ? fragment.length > 20 : secrets.some((name) => new URLSearchParams(fragment).has(name));
	const clean = () => (to ?? location.pathname) + location.search;
	const goOn = () => {
		window.stop(); // the page's modules are for the address that is gone to
		location.replace(clean());
	};

	/* True when there was one, and this tab can keep it. */
	function take() {
		if (!brings(location.hash.slice(1))) return false;
		try {
			sessionStorage.setItem(ENTRY, location.hash.slice(1));
			sessionStorage.setItem(AGAIN, "yes");
		} catch {
			return false; // storage is blocked: the page takes it out of the address
		}
		goOn();
		return true;
	}

	function again() {
		try {
			if (!sessionStorage.getItem(AGAIN)) return;
			sessionStorage.removeItem(AGAIN);
		} catch {
			return;
		}
		history.replaceState(null, "", clean());
		goOn();
	}

	if (!take() && !to) again();
	addEventListener("hashchange", (event) => {
		if (take()) event.stopImmediatePropagation(); // another one, opened in this tab
	});
})();
