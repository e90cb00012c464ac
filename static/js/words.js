/* The words of the pages' language, with {names} filled in. In Korean a particle follows its noun: {noun:을/를}
 * takes the first form after a final consonant, else the second. */

export const language = () => document.documentElement.lang === "en" ? "en" : "ko";

/* `more` names words that few pages need, so that the others do not carry them: "expert", "named", "organiser", "results". */
export async function loadWords(lang, more = []) {
	const files = [`../i18n/${lang}.js`, ...more.map((name) => `../i18n/${lang}-${name}.js`)];
	const parts = await Promise.all(files.map((file) => import(file)));
	const words = Object.assign({}, ...parts.map((part) => part.default));
	return (key, values = {}) => {
		if (!Object.hasOwn(words, key)) throw new RangeError(`no words for ${key}`);
		return fill(words[key], values);
	};
}

export function fill(text, values) {
	return text.replace(/\{(\w+)(?::([^/}]*)\/([^}]*))?\}/g, (whole, name, closed, open) => {
		const value = String(values[name] ?? "");
		return closed === undefined ? value : value + (endsClosed(value) ? closed : open);
	});
}

function endsClosed(word) {
	const code = word.charCodeAt(word.length - 1) - 0xac00;
	return code >= 0 && code < 11_172 && code % 28 !== 0;
}

/* As many decimals, up to four, as the longest of these numbers has. */
export const decimals = (values) => Math.max(0, ...values.filter((value) => typeof value === "number")
	.map((value) => value.toFixed(4).replace(/\.?0+$/, "").split(".")[1]?.length ?? 0));

/* `column(values)` formats numbers that stand under each other, all with the same decimals. */
export const numbers = (lang) => {
	const whole = new Intl.NumberFormat(lang);
	const tenth = new Intl.NumberFormat(lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
	const hundredth = new Intl.NumberFormat(lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
	return {
		count: (n) => whole.format(n),
		percent: (percent) => `${tenth.format(percent)}%`,
		mean: (value) => value === null ? "–" : hundredth.format(value),
		column: (values) => {
			const digits = decimals(values);
			const format = new Intl.NumberFormat(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
			return (value) => typeof value === "number" ? format.format(value) : "–";
		},
	};
};
