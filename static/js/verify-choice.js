/* A canonical ballot (FORMAT.md section 3.1) in words. Pure. */

const forms = {
	choices: (items, { name }) => items.map(name),
	scores: (items, { name, t, form }) => items.map((item) => {
		const [, entry, steps] = /^(.+)=(0|[1-9]\d{0,8})$/.exec(item);
		return t("verify.point", { name: name(entry), n: Number((form.min + Number(steps) * form.step).toFixed(6)) });
	}),
	ranking: (items, { name, t }) => items.map((item, i) => t("verify.place", { n: i + 1, name: name(item) })),
};

/* One line an item; null where the ballot is not of this contest's form. */
export function choiceWords(ballot, contest, { t, pick }) {
	const [head, ...items] = ballot.trimEnd().split("\n");
	if (head !== contest?.form.name || !Object.hasOwn(forms, head)) return null;
	const names = new Map(contest.entries.map((entry) => [entry.id, pick(entry.name)]));
	try {
		return forms[head](items, { t, form: contest.form, name: (id) => {
			if (!names.has(id)) throw new RangeError(`no entry ${id}`);
			return names.get(id) || id;
		} });
	} catch {
		return null;
	}
}
