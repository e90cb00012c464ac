// Ballots that put entries in order: by touch, by keyboard alone, changed on the way, reviewed, cast, counted.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { ROOT, startInstance } from '../live/lib/instance.mjs';
import { Round } from '../live/lib/protocol.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, launch, newBrowser } from './lib/browser.mjs';

describe('rankings', () => {
	let browser, instance, contest;
	before(async () => {
		instance = await startInstance({ contests: [path.join(ROOT, 'config/examples/ranking.yaml')] });
		contest = (await instance.get(`/v1/contests/${instance.site.contests[0].id}`)).json;
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	const name = (id, language) => contest.entries.find((entry) => entry.id === id).name[language];
	const ranked = (page) => page.locator('.ranked .choice-name').allTextContents();
	const focused = (page) => page.evaluate(() => document.activeElement.id);

	/** Opens the ballot. */
	async function begin(citizen) {
		await citizen.open();
		await citizen.button('vote.start').click();
		await citizen.page.locator('.rank-add').first().waitFor();
	}

	/** Looks at a screen: nothing for axe to find, nothing to scroll sideways. */
	async function look(page, what) {
		const { violations } = await new AxeBuilder({ page })
			.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
		assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ target }) => target).join('; ')}`), []);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), what);
	}

	for (const language of LANGUAGES)
		test(`${language}: pressed in order on a phone, moved, taken back, sent as reviewed, and counted so`, async () => {
			const context = await newBrowser(browser, instance, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
			const page = await context.newPage();
			const citizen = new Citizen(page, language);
			const press = (kind, id) => page.locator(`#rank-${kind}-${id}`).tap();
			await begin(citizen);
			await look(page, 'nothing ranked');

			// Nothing ranked is not a ballot.
			await citizen.button('vote.next').click();
			await page.getByRole('alert').waitFor();
			for (const id of ['speech', 'memory', 'safety'])
				await press('add', id);
			assert.deepEqual(await ranked(page), ['speech', 'memory', 'safety'].map((id) => name(id, language)));
			// Three of four is all that there may be: the fourth stays, and does nothing.
			assert.equal(await page.locator('#rank-add-small').getAttribute('aria-disabled'), 'true');
			await page.locator('#rank-add-small').tap({ force: true });
			assert.equal((await ranked(page)).length, 3);
			await look(page, 'three ranked');
			const small = await page.locator('main button:visible').evaluateAll((buttons) =>
				buttons.map((one) => [one.textContent, one.getBoundingClientRect().height]).filter(([, height]) => height < 48));
			assert.deepEqual(small, []);

			await press('up', 'safety');
			await press('remove', 'speech');
			await press('add', 'small');
			await press('down', 'safety');
			const order = ['memory', 'safety', 'small'];
			assert.deepEqual(await ranked(page), order.map((id) => name(id, language)));

			await citizen.button('vote.next').click();
			await citizen.heading('vote.review').waitFor();
			assert.deepEqual(await page.locator('.chosen li strong').allTextContents(), order.map((id) => name(id, language)));
			await look(page, 'review');
			// Back and forth loses nothing.
			await citizen.button('vote.back').click();
			assert.deepEqual(await ranked(page), order.map((id) => name(id, language)));
			await citizen.button('vote.next').click();
			const asked = page.waitForRequest((request) => request.url().endsWith('/ballots'));
			await citizen.cast();
			assert.deepEqual((await asked).postDataJSON(), { ranking: order });
			await citizen.done(); // the page has recomputed the receipt from the canonical text
			assertNoFaults(context);
			await context.close();
		});

	test('with the keyboard alone, the focus where one goes on', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		const citizen = new Citizen(page);
		await begin(citizen);
		const shown = await page.locator('.rank-add').evaluateAll((all) => all.map(({ id }) => id.replace('rank-add-', '')));
		const tabTo = async (id) => {
			for (let i = 0; i < 60 && await focused(page) !== id; i++)
				await page.keyboard.press('Tab');
			assert.equal(await focused(page), id);
			assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
		};
		await tabTo(`rank-add-${shown[0]}`);
		await page.keyboard.press('Enter');
		assert.equal(await focused(page), `rank-add-${shown[1]}`, 'the next one to rank');
		await page.keyboard.press('Space');
		assert.match(await page.locator('.picked').textContent(), /2위/);
		// Back to the top of the list, and on to the second place's buttons.
		await page.locator('#ranked-title').focus();
		await tabTo(`rank-up-${shown[1]}`);
		await page.keyboard.press('Enter');
		assert.deepEqual(await ranked(page), [shown[1], shown[0]].map((id) => name(id, 'ko')));
		assert.equal(await focused(page), `rank-up-${shown[1]}`, 'the focus goes along');
		await page.keyboard.press('Enter'); // the first can go no higher
		assert.deepEqual(await ranked(page), [shown[1], shown[0]].map((id) => name(id, 'ko')));
		await tabTo(`rank-remove-${shown[1]}`);
		await page.keyboard.press('Enter');
		assert.equal(await focused(page), `rank-add-${shown[1]}`);
		assert.deepEqual(await ranked(page), [name(shown[0], 'ko')]);
		assertNoFaults(context);
		await context.close();
	});

	test('results: Borda points, ranks by the method that is named, and the pairs one click away', async () => {
		const round = new Round(instance);
		for (const ranking of [['memory', 'small'], ['memory', 'safety', 'speech'], ['small', 'memory'], ['memory']])
			assert.equal((await round.castUntilAnswered(round.mint(), { ranking })).status, 201);
		const tally = await round.tallyNow();
		for (const language of LANGUAGES) {
			const context = await newBrowser(browser, instance, { viewport: { width: 320, height: 640 } });
			const page = await context.newPage();
			const citizen = new Citizen(page, language);
			await page.goto(at(language, '/results/'));
			await page.locator('#total', { hasText: citizen.say('results.total', { n: String(tally.ballots) }) }).waitFor();
			const caption = await page.locator('#citizens .tally caption').textContent();
			assert.ok(caption.includes(citizen.say(`results.method.${contest.form.method}`)), caption);
			for (const { entry, borda, rank, votes } of tally.citizen) {
				const row = page.locator('#citizens .tally tbody tr', { has: page.getByRole('rowheader', { name: name(entry, language) }) });
				const [place, named, points] = await row.getByRole('cell').allTextContents();
				assert.deepEqual([Number(place.replace(/\D/g, '')), Number(named), Number(points)], [rank, votes, borda]);
			}
			await page.getByText(citizen.say('results.pairwise')).first().click();
			const cells = await page.locator('.pairs tbody tr').evaluateAll((lines) =>
				lines.map((line) => [...line.querySelectorAll('td')].map(({ textContent }) => textContent === '–' ? 0 : Number(textContent))));
			assert.deepEqual(cells, tally.pairwise);
			await look(page, 'results');
			assertNoFaults(context);
			await context.close();
		}
	});
});
