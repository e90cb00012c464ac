/* Ballot forms: what a ballot of each says canonically (this text enters the log's commitment) and when it is
 * complete. A ballot is the API's JSON: {"choices":[id…]} or {"scores":{id: score…}}. Draws nothing. */

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
};

export const knowsForm = (contest) => Object.hasOwn(forms, contest.form.name);
export const emptyBallot = (contest) => forms[contest.form.name].empty();
export const isComplete = (contest, ballot) => forms[contest.form.name].complete(contest, ballot);

/* "choices\nupstage\n": entries in the contest file's order, whatever order the voter saw. */
export function canonicalBallot(contest, ballot) {
	return [contest.form.name, ...forms[contest.form.name].items(contest, ballot), ""].join("\n");
}
