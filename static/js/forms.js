/* Ballot forms: what a ballot of each says canonically (this text enters the log's commitment) and when it is
 * complete. A ballot is the API's JSON: {"choices":[id…]}, {"scores":{id: score…}} or {"ranking":[id…]}, the best
 * first. Draws nothing. */

const forms = {
	choices: {
		items: (contest, ballot) =>
			contest.entries.filter(({ id }) => ballot.choices.includes(id)).map(({ id }) => id),
		complete: ({ form }, { choices }) => choices.length >= form.min && choices.length <= form.max,
		empty: () => ({ choices: [] }),
	},
	scores: {
		items: ({ entries, form }, { scores }) =>
			entries.filter(({ id }) => id in scores)
				.map(({ id }) => `${id}=${(scores[id] - form.min) / form.step}`),
		complete: (_, { scores }) => Object.keys(scores).length > 0,
		empty: () => ({ scores: {} }),
	},
	ranking: {
		items: (_, { ranking }) => ranking,
		complete: ({ form }, { ranking }) => ranking.length >= form.min && ranking.length <= form.max,
		empty: () => ({ ranking: [] }),
	},
};

export const knowsForm = (contest) => Object.hasOwn(forms, contest.form.name);
export const emptyBallot = (contest) => forms[contest.form.name].empty();
/* How many entries it names. */
export const countOf = (ballot) => ballot.choices?.length ?? ballot.ranking?.length ?? Object.keys(ballot.scores).length;
export const isComplete = (contest, ballot) => forms[contest.form.name].complete(contest, ballot);

/* "choices\nupstage\n": entries in the contest file's order, whatever order the voter saw; a ranking in its own. */
export function canonicalBallot(contest, ballot) {
	return [contest.form.name, ...forms[contest.form.name].items(contest, ballot), ""].join("\n");
}
