// The voter's way where citizens identify themselves: from the voting page to a certified provider and back, in both languages;
// and what the page says where that goes wrong.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { ctlDone } from '../live/lib/acts.mjs';
import { startSigningIn, startSigningInApart } from '../live/lib/provider.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, languages, launch, newBrowser } from './lib/browser.mjs';
import { PROVIDERS, chosen, signIn, wayTo } from './lib/sign-in.mjs';

const citizenOf = async (browser, instance, language, options) => {
	const context = await newBrowser(browser, instance, options);
	return { context, citizen: new Citizen(await context.newPage(), language) };
};
const shoot = async ({ page, language }, what) => process.env.SHOTS &&
	page.screenshot({ path: `${process.env.SHOTS}/sign-in-${what}-${language}.png`, fullPage: true });

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
	const citizenIn = (language, options) => citizenOf(browser, instance, language, options);
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
			await wayTo(later.citizen).click(); // still known at the provider
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
		await wayTo(citizen).click(); // still known at the provider
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
			const [request] = await Promise.all([citizen.page.waitForRequest((one) => one.url().includes('prompt=login')), wayTo(citizen).click()]);
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

	const APPS = {
		kakaotalk: 'Mozilla/5.0 (Linux; Android 14; SM-S911N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36;KAKAOTALK 2410420',
		naver: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/605.1 NAVER(inapp; search; 2000; 12.9.2; 15PROMAX)',
		instagram: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 320.0.0.0 (iPhone15,3; iOS 17_0; ko_KR)',
		'another app': 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
	};
	for (const language of LANGUAGES)
		for (const [app, userAgent] of Object.entries(APPS))
			test(`${language}: inside ${app} one is told to open a browser before anything leads to the provider`, async () => {
				const { context, citizen } = await citizenIn(language, { userAgent, viewport: { width: 390, height: 844 } });
				const asked = [];
				citizen.page.on('request', (request) => asked.push(request.url()));
				await citizen.page.goto(at(language, '/vote/'));
				await citizen.heading('inapp.title').waitFor();
				await citizen.page.getByText(citizen.say('inapp.identify')).waitFor();
				await citizen.button('inapp.copy').waitFor();
				const out = citizen.page.getByRole('link', { name: citizen.say('inapp.open'), exact: true });
				assert.equal(await out.count(), app === 'kakaotalk' ? 1 : 0);
				assert.equal(await citizen.page.getByText(citizen.say('inapp.how')).count(), app === 'kakaotalk' ? 0 : 1);
				assert.equal(await wayTo(citizen).count(), 0);
				assert.deepEqual(asked.filter((url) => url.includes('/login')), []);
				await shoot(citizen, `in-${app.replace(' ', '-')}`);
				const { violations } = await new AxeBuilder({ page: citizen.page }).analyze();
				assert.deepEqual(violations.map(({ id }) => id), []);
				await citizen.button('inapp.stay').click(); // whoever cannot leave the app may go on
				await wayTo(citizen).waitFor();
				assertNoFaults(context);
				await context.close();
			});
});

describe('two providers', () => {
	const PERSON = { birthdate: '1990-05-01', nation: 'KR' };
	let browser, instance, provider, others;
	before(async () => {
		// One person, whom each provider knows by another name, and by the same ci.
		({ instance, provider, others } = await startSigningIn({
			change: { identity: { providers: Object.entries(PROVIDERS).map(([id, name]) => ({ id, name })) } },
			more: { 'park-ko': { ci: 'ci-of-park-ko', ...PERSON }, 'park-en': { ci: 'ci-of-park-en', ...PERSON } },
			others: { card: { 'card-7-ko': { ci: 'ci-of-park-ko', ...PERSON }, 'card-7-en': { ci: 'ci-of-park-en', ...PERSON } } } }));
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
		await Promise.all([provider, ...Object.values(others ?? {})].map((one) => one?.stop()));
	});

	for (const language of LANGUAGES)
		test(`${language}: one person at both has one voting right, and is told what to do`, async () => {
			const { context, citizen } = await citizenOf(browser, instance, language);
			const numbers = async () => {
				const { ballots, issued } = (await ctlDone(instance, 'status', '--json')).json.tally;
				return { ballots, issued };
			};
			const before = await numbers();
			await citizen.open();
			await citizen.page.getByText(citizen.say('sign.in.once')).waitFor();
			await shoot(citizen, 'two');
			await signIn(citizen, `park-${language}`);
			await chosen(citizen);
			await citizen.cast();
			await citizen.done();
			const other = await citizenOf(browser, instance, language);
			await other.citizen.open();
			await signIn(other.citizen, `card-7-${language}`, { at: 'card' });
			await chosen(other.citizen);
			await other.citizen.cast();
			await other.citizen.page.getByText(other.citizen.say('problem.already-issued')).waitFor();
			await other.citizen.page.getByText(other.citizen.say('counted.no')).waitFor();
			await shoot(other.citizen, 'already-issued');
			assert.deepEqual(await numbers(), { ballots: before.ballots + 1, issued: before.issued + 1 });
			assertNoFaults(context);
			assertNoFaults(other.context);
			await context.close();
			await other.context.close();
		});
});

describe('identifying oneself, issuer and ballots apart', () => {
	let browser, apart;
	before(async () => {
		apart = await startSigningInApart();
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await apart?.stop();
	});

	for (const language of languages('ko'))
		test(`${language}: at the issuer's host and back, the voting right from there, the vote here`, async () => {
			const { issuer, ballots } = apart, name = language === 'ko' ? 'kim' : 'lee';
			const { context, citizen } = await citizenOf(browser, ballots, language);
			const posted = [];
			citizen.page.on('request', (request) => request.method() === 'POST' && posted.push(new URL(request.url()).origin));
			await citizen.open();
			await signIn(citizen, name);
			await chosen(citizen);
			assert.ok(citizen.page.url().startsWith(`${ballots.url}${at(language, '/vote/')}`), citizen.page.url());
			assert.deepEqual((await context.cookies()).filter((cookie) => cookie.name === 'tallyd-login'), []);
			posted.length = 0;
			await citizen.cast();
			await citizen.done();
			assert.deepEqual(posted, [issuer.url, ballots.url]);
			assertNoFaults(context);
			await context.close();
		});
});
