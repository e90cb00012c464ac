/* Ballot forms: what a ballot of each says canonically (this text enters the log's commitment) and when it is
 * complete. A ballot is the API's JSON: {"choices":[id…]}, {"scores":{id: score…}} or {"ranking":[id…]}, the best
 * first. Draws nothing. */

const forms = {
	choices: {
		items: (contest, ballot) =>
			contest.entries.filter(({ id }) => ballot.choices.includes(id)).map(({ id }) => id),
		complete: ({ form }, { choices }) => choices.length >= form.min && choices.length <= form.max,
		empty: () => ({ choices: [] }),
		longest: ({ entries, form }) => ({ choices: longestIds(entries, form.max) }),
	},
	scores: {
		items: ({ entries, form }, { scores }) =>
			entries.filter(({ id }) => id in scores)
				.map(({ id }) => `${id}=${(scores[id] - form.min) / form.step}`),
		complete: (_, { scores }) => Object.keys(scores).length > 0,
		empty: () => ({ scores: {} }),
		longest: ({ entries, form: { min, max } }) => ({ scores: Object.fromEntries(entries.map(({ id }) =>
			[id, String(min).length > String(max).length ? min : max])) }),
	},
	ranking: {
		items: (_, { ranking }) => ranking,
		complete: ({ form }, { ranking }) => ranking.length >= form.min && ranking.length <= form.max,
		empty: () => ({ ranking: [] }),
		longest: ({ entries, form }) => ({ ranking: longestIds(entries, form.max) }),
	},
};

const longestIds = (entries, n) => entries.map(({ id }) => id).toSorted((a, b) => b.length - a.length).slice(0, n);

export const knowsForm = (contest) => Object.hasOwn(forms, contest.form.name);
export const emptyBallot = (contest) => forms[contest.form.name].empty();
/* How many entries it names. */
export const countOf = (ballot) => ballot.choices?.length ?? ballot.ranking?.length ?? Object.keys(ballot.scores).length;
export const isComplete = (contest, ballot) => forms[contest.form.name].complete(contest, ballot);

/* "choices\nupstage\n": entries in the contest file's order, whatever order the voter saw; a ranking in its own. */
export function canonicalBallot(contest, ballot) {
	return [contest.form.name, ...forms[contest.form.name].items(contest, ballot), ""].join("\n");
}

/* What is sent: every ballot of a contest has as many bytes, filled up with spaces, which JSON passes over. TLS hides
 * what is said but not how long it is, and ids differ in length. */
export const printBallot = (contest, ballot) =>
	JSON.stringify(ballot).padEnd(JSON.stringify(forms[contest.form.name].longest(contest)).length);
