// One expert's sheet, as it is kept (FORMAT.md 5.7).
import { hasExactly, isObject, quoted } from './json.mjs';

const REASON_MAX = 400;
const COMMENT_MAX = 4000;
const UNFIT = /[\p{Cc}\p{Bidi_Control}\p{Noncharacter_Code_Point}\u2028\u2029\u{e0000}-\u{e007f}]/u;
const UNSEEN = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}]*$/u;

const isWords = (value, max) => typeof value === 'string' && [...value].length <= max && !UNSEEN.test(value)
	&& !UNFIT.test(value.replaceAll('\n', ''));

const print = (object, order, value) => `{${order.filter((id) => Object.hasOwn(object, id)).map((id) => `${quoted(id)}:${value(object[id])}`).join(',')}}`;
const within = (object, ids) => isObject(object) && Object.keys(object).every((id) => ids.includes(id));

/** Why the text is no sheet that an expert of this panel can have handed in, or null. */
export function sheetFault(text, rules, panel) {
	let sheet = null;
	try {
		sheet = JSON.parse(text);
	} catch {
		return 'is no JSON';
	}
	if (!hasExactly(sheet, ['scores', 'recused', 'comments', 'state']) || sheet.state !== 'submitted') return 'is no sheet that was handed in';
	const entries = rules.entries.map(({ id }) => id);
	const criteria = rules.criteria.filter(({ id }) => panel.criteria.includes(id));
	const { scores, recused, comments } = sheet;
	if (![scores, recused, comments].every((one) => within(one, entries))) return 'speaks of what is no entry';
	for (const [entry, its] of Object.entries(scores)) {
		if (!within(its, panel.criteria) || Object.keys(its).length === 0 || Object.hasOwn(recused, entry)) return `${entry} has other scores than it may`;
		for (const { id, min, max, step } of criteria)
			if (Object.hasOwn(its, id) && !(Number.isInteger(its[id]) && its[id] >= min && its[id] <= max && (its[id] - min) % step === 0)) return `${entry}: no such score`;
	}
	if (!Object.values(recused).every((reason) => isWords(reason, REASON_MAX))) return 'has a recusal without a reason';
	if (!Object.values(comments).every((comment) => isWords(comment, COMMENT_MAX))) return 'has a comment that is none';
	const again = `{"scores":${print(scores, entries, (its) => print(its, criteria.map(({ id }) => id), String))},"recused":${print(recused, entries, quoted)},`
		+ `"comments":${print(comments, entries, quoted)},"state":"submitted"}`;
	return again === text ? null : 'is not written as a sheet is kept';
}
