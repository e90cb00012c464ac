/* What could not be saved yet, kept in this browser until it is: one draft a window and revision, so that two windows
 * never take each other's. Knows nothing of what is in a draft. On a shared device nothing is kept. */

const PREFIX = "tallyd.sheet.";

/* { kept, shared, keep(revision, draft), drop(), others(), wipe(), share(bool) }; `kept`: the last draft stands in
 * storage. `owner` names the contest round and the expert. */
export function draftsFor({ storage, owner, window: own, locks = null }) {
	const prefix = `${PREFIX}${owner}.`;
	const drafts = { kept: false, shared: false };
	let current = null;

	// A window that lives holds its lock; drafts of those that do not are left behind.
	locks?.request(prefix + own, () => new Promise(() => {})).catch(() => {});

	const attempt = (act) => {
		try {
			return act();
		} catch {
			return undefined; // blocked or full: the window alone has it
		}
	};
	const keys = () => attempt(() => Object.keys(storage).filter((key) => key.startsWith(prefix))) ?? [];

	drafts.drop = () => {
		if (current) attempt(() => storage.removeItem(current));
		current = null;
		drafts.kept = false;
	};
	drafts.keep = (revision, draft) => {
		const key = `${prefix}${revision}.${own}`;
		if (current !== key) drafts.drop();
		if (drafts.shared) return;
		current = key;
		drafts.kept = attempt(() => {
			storage.setItem(key, JSON.stringify({ draft, at: Date.now() }));
			return true;
		}) ?? false;
	};
	/* Drafts that windows which are gone left behind, newest first: [{ key, revision, draft, at }]. */
	drafts.others = async () => {
		const held = await Promise.resolve(locks?.query()).then((state) => state?.held ?? [], () => []);
		const alive = new Set(held.map(({ name }) => name));
		return keys().map((key) => {
			const [revision, window] = key.slice(prefix.length).split(".");
			const kept = attempt(() => JSON.parse(storage.getItem(key)));
			return { key, window, revision: Number(revision), draft: kept?.draft, at: kept?.at ?? 0 };
		}).filter(({ window, draft }) => draft && window !== own && !alive.has(prefix + window))
			.sort((a, b) => b.at - a.at);
	};
	drafts.remove = (key) => attempt(() => storage.removeItem(key));
	/* Everything of this expert, of every window. */
	drafts.wipe = () => {
		drafts.drop();
		for (const key of keys()) drafts.remove(key);
	};
	drafts.share = (shared) => {
		drafts.shared = shared;
		if (shared) drafts.wipe();
	};
	return drafts;
}
