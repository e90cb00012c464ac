// The voter's way where an organiser's own gateway identifies: from the voting page to the gateway and back, with what it
// signed in the address' fragment, in both languages.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { now, startGateway, startMembers } from '../live/lib/gateway.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, languages, launch, newBrowser } from './lib/browser.mjs';

const NAMES = { ko: '조합 누리집', en: 'The cooperative\'s site' };
const SOLAR = { ko: '지붕 태양광', en: 'Panels on the roof' };

describe('identifying oneself at a gateway', () => {
	let browser, instance, gateway, members;
	before(async () => {
		gateway = await startGateway();
		members = await startMembers({ url: gateway.url });
		({ instance } = members);
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
		await gateway?.stop();
	});

	const citizenIn = async (language) => {
		const context = await newBrowser(browser, instance);
		return { context, citizen: new Citizen(await context.newPage(), language) };
	};
	const way = (citizen) => citizen.page.getByRole('link', { name: citizen.say('sign.in.at', { name: NAMES[citizen.language] }), exact: true });
	/** There and back, as somebody of whom the gateway says `changes`. */
	const identify = async (citizen, changes) => {
		gateway.leadTo = async (query) => `${instance.url}${at(query.get('lang'), '/vote/')}?contest=${query.get('contest')}${
			query.get('device') === 'shared' ? '&shared=1' : ''}#admission=${await members.sign(changes)}`;
		await way(citizen).click();
		await citizen.page.getByRole('link', { name: 'It is me' }).click();
	};
	const choose = async (citizen) => {
		await citizen.page.getByRole('radio').first().waitFor();
		await citizen.choose(SOLAR[citizen.language]);
	};
	const stored = ({ page }) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));

	for (const language of LANGUAGES)
		test(`${language}: there and back, and the vote is counted`, async () => {
			const { context, citizen } = await citizenIn(language), member = members.somebody();
			await citizen.open();
			assert.equal(await citizen.button('vote.start').count(), 0, 'nothing else leads on');
			const { violations } = await new AxeBuilder({ page: citizen.page }).analyze();
			assert.deepEqual(violations.map(({ id }) => id), []);
			await identify(citizen, { member });
			await choose(citizen);
			assert.deepEqual(gateway.asked.at(-1), { contest: 'members', lang: language });
			assert.ok(citizen.page.url().endsWith(`${at(language, '/vote/')}?contest=members`), 'nothing of it stays in the address');
			await citizen.cast();
			await citizen.done();
			assert.doesNotMatch(await stored(citizen), /admission|eyJ|bearer/);
			assertNoFaults(context);
			// The same member in another browser: one voting right each.
			const other = await citizenIn(language);
			await other.citizen.open();
			await identify(other.citizen, { member });
			await choose(other.citizen);
			await other.citizen.cast();
			await other.citizen.page.getByText(other.citizen.say('problem.already-issued')).waitFor();
			await context.close();
			await other.context.close();
		});

	for (const language of languages('en'))
		test(`${language}: when its minutes are over, the choice is kept, and the page leads there again`, async () => {
			const { context, citizen } = await citizenIn(language), member = members.somebody();
			await citizen.open();
			await identify(citizen, { member, iat: now() - 300, exp: now() - 61 });
			await choose(citizen);
			await citizen.cast();
			await citizen.page.getByText(citizen.say('problem.admission-expired')).waitFor();
			await identify(citizen, { member });
			await citizen.heading('vote.review').waitFor();
			await citizen.page.locator('.review').getByText(SOLAR[language]).waitFor();
			await citizen.cast();
			await citizen.done();
			assertNoFaults(context);
			await context.close();
		});

	for (const [what, changes, problem, again] of [['who may not vote', { status: 'guest' }, 'not-eligible', 0],
		['of whom the gateway says too little', { aud: 'https://other.example' }, 'not-admitted', 1]])
		test(`${what}, is told so`, async () => {
			const { context, citizen } = await citizenIn('ko');
			await citizen.open();
			await identify(citizen, changes);
			await choose(citizen);
			await citizen.cast();
			await citizen.page.getByText(citizen.say(`problem.${problem}`)).waitFor();
			assert.equal(await way(citizen).count(), again);
			await context.close();
		});

	test('on a shared device the gateway hears of it, and nothing stays', async () => {
		const { context, citizen } = await citizenIn('ko');
		for (let i = 0; i < 2; i++) {
			await citizen.open({ shared: true });
			await identify(citizen);
			await choose(citizen);
			assert.deepEqual(gateway.asked.at(-1), { contest: 'members', lang: 'ko', device: 'shared' });
			await citizen.cast();
			await citizen.done();
			assert.equal(await citizen.record(), null);
		}
		await context.close();
	});

	for (const language of languages('ko'))
		test(`${language}: a gateway without an address is named`, async () => {
			const { context, citizen } = await citizenIn(language);
			const site = structuredClone(instance.site);
			delete site.contests[0].gateways;
			await context.route('**/site.json', (route) => route.fulfill({ json: site }));
			await citizen.open();
			await citizen.page.getByText(citizen.say('sign.in.from', { name: NAMES[language] })).waitFor();
			assert.equal(await way(citizen).count(), 0);
			assert.equal(await citizen.button('vote.start').count(), 0);
			await context.close();
		});
});
