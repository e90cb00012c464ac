/* First of all on the pages that an invitation link opens: takes the invitation out of the address before anything is
 * painted, and hands it to named.js in sessionStorage. A plain script, not a module, so that nothing runs before it.
 *
 * replaceState() alone leaves the link in Chromium's list of visited pages, in its session files and beside the page's
 * icon. What leaves the least there was found by measuring, and tests/browser/profile.test.mjs measures it again: going
 * on twice, so that the first address counts as a redirect, which the list does not show, and is no longer what the tab's
 * entry remembers of what it replaced; and no icon, which would be filed under every address that led to it. One row of
 * the history database is left, which no page can take away; and the session files, should they be written just then. */
(() => {
	const ENTRY = "tallyd.entry";
	const AGAIN = "tallyd.entry.again";
	const clean = () => location.pathname + location.search;
	const goOn = () => {
		window.stop(); // the page's modules are for the address that is gone to
		location.replace(clean());
	};

	/* True when there was an invitation, and this tab can keep it. */
	function take() {
		if (!new URLSearchParams(location.hash.slice(1)).has("token")) return false;
		try {
			sessionStorage.setItem(ENTRY, location.hash.slice(1));
			sessionStorage.setItem(AGAIN, "yes");
		} catch {
			return false; // storage is blocked: named.js takes it out of the address
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

	if (!take()) again();
	addEventListener("hashchange", (event) => {
		if (take()) event.stopImmediatePropagation(); // another invitation, opened in this tab
	});
})();
