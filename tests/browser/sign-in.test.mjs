// The voter's way where citizens identify themselves: from the voting page to a certified provider and back, in both languages;
// and what the page says where that goes wrong.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { startSigningIn } from '../live/lib/provider.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, launch, newBrowser } from './lib/browser.mjs';

const NAMES = { ko: '간편인증', en: 'Pass' };

describe('identifying oneself', () => {
	let browser, instance, provider, next = 0;
	before(async () => {
		const people = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`p${i}`, { ci: `ci-${i}`, birthdate: '1970-01-01', nation: 'KR' }]));
		({ instance, provider } = await startSigningIn({ more: people }));
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
		await provider?.stop();
	});

	const somebody = () => `p${next++}`;
	const citizenIn = async (language) => {
		const context = await newBrowser(browser, instance);
		return { context, citizen: new Citizen(await context.newPage(), language) };
	};
	const way = ({ page, say, language }) => page.getByRole('link', { name: say.call({ language }, 'sign.in.at', { name: NAMES[language] }), exact: true });
	/** At the provider: who somebody is, or that they turn back. */
	const signIn = async (citizen, name, { act = 'Sign in' } = {}) => {
		await way(citizen).click();
		await citizen.page.getByLabel('Name').fill(name);
		await citizen.page.getByRole('button', { name: act, exact: true }).click();
	};
	const chosen = async (citizen) => {
		await citizen.page.getByRole('radio').first().waitFor();
		await citizen.choose(citizen.language === 'en' ? 'A new library' : '새 도서관');
	};
	const told = (citizen, fault) => citizen.page.getByRole('alert').filter({ hasText: citizen.say(`sign.in.fault.${fault}`) }).waitFor();
	const stored = (citizen) => citizen.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.cookie]));

	for (const language of LANGUAGES)
		test(`${language}: there and back, and the vote is counted`, async () => {
			const { context, citizen } = await citizenIn(language), name = somebody();
			await citizen.open();
			// Identify before choosing: nothing else leads on.
			assert.equal(await citizen.button('vote.start').count(), 0);
			const { violations } = await new AxeBuilder({ page: citizen.page }).analyze();
			assert.deepEqual(violations.map(({ id }) => id), []);
			const asked = [];
			citizen.page.on('request', (request) => asked.push(request.url()));
			await signIn(citizen, name);
			await chosen(citizen);
			assert.ok(citizen.page.url().endsWith(`${at(language, '/vote/')}?contest=citizens`), 'nothing of the login stays in the address');
			assert.ok(asked.every((url) => !url.endsWith('/tokens')), 'a token is asked for when the vote is cast');
			await citizen.cast();
			await citizen.done();
			assert.ok(!/admission|tallyd-login|bearer/.test(await stored(citizen)));
			// The same person in another browser: one token each, and what to do about it.
			const other = await citizenIn(language);
			await other.citizen.open();
			await signIn(other.citizen, name);
			await chosen(other.citizen);
			await other.citizen.cast();
			await other.citizen.page.getByText(other.citizen.say('problem.already-issued')).waitFor();
			assertNoFaults(context);
			await context.close();
			await other.context.close();
		});

	for (const language of LANGUAGES)
		test(`${language}: why somebody is not admitted`, async () => {
			const { context, citizen } = await citizenIn(language);
			await citizen.open();
			await signIn(citizen, 'p0', { act: 'Cancel' });
			await told(citizen, 'cancelled');
			await signIn(citizen, 'young');
			await told(citizen, 'not-eligible');
			await context.close();
			provider.gate = (req) => req.socket.destroy();
			const later = await citizenIn(language);
			await later.citizen.open();
			await signIn(later.citizen, somebody());
			await told(later.citizen, 'provider-down');
			provider.gate = null;
			await way(later.citizen).click(); // still known at the provider
			await chosen(later.citizen);
			await later.context.close();
		});

	test('begun in one browser, ended in another', async () => {
		const { context, citizen } = await citizenIn('en'), name = somebody();
		await context.route('**/login/callback**', (route) => route.abort());
		await citizen.open();
		const [request] = await Promise.all([citizen.page.waitForRequest('**/login/callback**'), signIn(citizen, name)]);
		const back = request.url();
		const other = await citizenIn('en');
		await other.citizen.page.goto(back);
		await told(other.citizen, 'other-browser');
		await signIn(other.citizen, name); // it begins again here
		await chosen(other.citizen);
		await other.context.close();
		await context.close();
	});

	test('after more than five minutes: the choice is kept, and sent once one has identified oneself again', async () => {
		const { context, citizen } = await citizenIn('ko'), name = somebody();
		await citizen.open();
		await signIn(citizen, name);
		await chosen(citizen);
		await context.route('**/tokens', (route) => route.fulfill({ status: 401, headers: { 'www-authenticate': 'Bearer realm="tallyd"' }, contentType: 'application/problem+json',
			body: JSON.stringify({ type: '/problems#admission-expired', title: 'The login is over', status: 401 }) }), { times: 1 });
		await citizen.cast();
		await citizen.page.getByText(citizen.say('problem.admission-expired')).waitFor();
		await way(citizen).click(); // still known at the provider
		await citizen.heading('vote.review').waitFor();
		await citizen.page.locator('.review').getByText('새 도서관').waitFor();
		await citizen.cast();
		await citizen.done();
		assertNoFaults(context);
		await context.close();
	});

	test('on a shared device the provider asks again, and nothing stays', async () => {
		const { context, citizen } = await citizenIn('ko');
		for (const name of [somebody(), somebody()]) {
			await citizen.open({ shared: true });
			const [request] = await Promise.all([citizen.page.waitForRequest((one) => one.url().includes('prompt=login')), way(citizen).click()]);
			assert.ok(request);
			await citizen.page.getByLabel('Name').fill(name);
			await citizen.page.getByRole('button', { name: 'Sign in', exact: true }).click();
			await chosen(citizen);
			assert.ok(citizen.page.url().includes('shared=1'));
			await citizen.cast();
			await citizen.done();
			assert.equal(await citizen.record(), null);
		}
		await context.close();
	});
});
