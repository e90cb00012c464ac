// What a citizen does to identify themselves at a provider of tests (live/lib/provider.mjs), and the shipped contest in which they do.

/** What voters know the providers as. */
export const PROVIDERS = { pass: { ko: '간편인증', en: 'Pass' }, card: { ko: '카드 본인확인', en: 'Card' } };

/** Where the page leads to a provider. */
export const wayTo = ({ page, say, language }, id = 'pass') =>
	page.getByRole('link', { name: say.call({ language }, 'sign.in.at', { name: PROVIDERS[id][language] }), exact: true });

/** There: who somebody is, or that they turn back. */
export async function signIn(citizen, name, { at = 'pass', act = 'Sign in' } = {}) {
	await wayTo(citizen, at).click();
	await citizen.page.getByLabel('Name').fill(name);
	await citizen.page.getByRole('button', { name: act, exact: true }).click();
}

/** Back again: the choice. */
export async function chosen(citizen) {
	await citizen.page.getByRole('radio').first().waitFor();
	await citizen.choose(citizen.language === 'en' ? 'A new library' : '새 도서관');
}
