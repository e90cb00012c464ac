// Everybody can use the pages: axe, keyboard alone, narrow screens, large type, and few bytes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { eventually, startInstance } from '../live/lib/instance.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, axeSchemes, launch, newBrowser, say, weigh } from './lib/browser.mjs';

const FIRST_LOAD_MAX = 60 * 1024;

describe('access', () => {
	let browser, instance, pages;
	before(async () => {
		instance = await startInstance();
		const contest = (await instance.get(`/v1/contests/${instance.site.contests[0].id}`)).json;
		pages = ['/', '/vote/', '/results/', '/projector/', '/verify/', '/help/', '/privacy/', `/team/?id=${contest.entries[0].id}`, '/no-such-page'];
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	/** Waits until a page has drawn itself. */
	const drawn = async (page) => {
		await page.waitForLoadState('load');
		await page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton'));
	};

	/** Walks through the vote and calls `look` at each of its screens. */
	async function screensOfTheVote(citizen, look) {
		await citizen.open();
		await look('before');
		await citizen.start();
		await look('choose');
		await citizen.button('vote.next').click();
		await citizen.page.getByRole('alert').waitFor();
		await look('choose, nothing chosen');
		await citizen.choose(0);
		await look('review');
		await citizen.cast();
		await citizen.done();
		await look('done');
		await citizen.page.getByText(citizen.say('done.details')).click();
		await look('receipt');
	}

	for (const language of LANGUAGES)
		for (const colorScheme of axeSchemes(language))
			test(`axe finds nothing: ${language}, ${colorScheme}`, async () => {
				const context = await newBrowser(browser, instance, { colorScheme, reducedMotion: 'reduce' });
				const page = await context.newPage();
				const look = async (what) => {
					const axe = new AxeBuilder({ page });
					if (colorScheme === 'dark') // the rest does not depend on it
						axe.withRules(['color-contrast']);
					else
						axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']);
					const { violations } = await axe.analyze();
					assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join('; ')}`), []);
				};
				for (const path of pages) {
					await page.goto(at(language, path));
					await drawn(page);
					await look(path);
				}
				await screensOfTheVote(new Citizen(page, language), look);
				await context.close();
			});

	for (const language of LANGUAGES)
		test(`320 pixels wide, also in the largest type: nothing to scroll sideways (${language})`, async () => {
			const context = await newBrowser(browser, instance, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
			const page = await context.newPage();
			const look = async (what) => {
				const { wide, culprits } = await page.evaluate(() => ({
					wide: document.documentElement.scrollWidth,
					culprits: [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > 321)
						.map((e) => `${e.localName}.${e.className}`).slice(0, 5),
				}));
				assert.ok(wide <= 320, `${what}: ${wide} px: ${culprits.join(', ')}`);
			};
			for (const size of ['1', '3']) {
				await page.goto(at(language, '/'));
				await drawn(page);
				await page.evaluate((n) => localStorage.setItem('tallyd.size', n), size);
				for (const path of pages.filter((one) => one !== '/projector/')) { // the projector is 1920 wide by design
					await page.goto(at(language, path));
					await drawn(page);
					await look(`${path} in size ${size}`);
				}
				await screensOfTheVote(new Citizen(page, language), (what) => look(`${what} in size ${size}`));
				await page.evaluate(() => localStorage.clear());
			}
			assertNoFaults(context);
			await context.close();
		});

	test('targets are large enough to touch', async () => {
		const context = await newBrowser(browser, instance, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
		const page = await context.newPage();
		await screensOfTheVote(new Citizen(page), async (what) => {
			const small = await page.locator('main').locator('button:visible, a.button:visible, label:visible').evaluateAll((elements) =>
				elements.map((e) => [e.textContent, e.getBoundingClientRect().height]).filter(([, height]) => height < 44));
			assert.deepEqual(small, [], what);
		});
		await context.close();
	});

	for (const language of LANGUAGES)
		test(`a vote, its receipt and its check with the keyboard alone (${language})`, async () => {
			const context = await newBrowser(browser, instance, { permissions: ['clipboard-read', 'clipboard-write'], reducedMotion: 'reduce' });
			const page = await context.newPage();
			const citizen = new Citizen(page, language);
			const focused = () => page.evaluate(() => {
				const e = document.activeElement;
				return { name: e.getAttribute('aria-label') ?? e.textContent.trim(), type: e.type ?? '', tag: e.localName,
					outline: getComputedStyle(e).outlineStyle };
			});
			const tabTo = async (what, wanted) => {
				for (let i = 0; i < 60; i++) {
					const now = await focused();
					if (wanted(now))
						return now;
					await page.keyboard.press('Tab');
				}
				return assert.fail(`no way to ${what} with Tab`);
			};
			const press = async (key) => {
				const words = citizen.say(key);
				const now = await tabTo(words, ({ tag, name }) => tag === 'button' && name === words);
				assert.notEqual(now.outline, 'none', `${words} shows its focus`);
				await page.keyboard.press('Enter');
			};
			await page.goto(at(language, '/'));
			await drawn(page);
			// The first stop skips to the content.
			await page.keyboard.press('Tab');
			assert.equal((await focused()).tag, 'a');
			await page.keyboard.press('Enter');
			await tabTo('the door to the vote', ({ tag, name }) => tag === 'a' && name.startsWith(say(language, 'vote.cast')));
			await page.keyboard.press('Enter');
			await citizen.heading('vote.before').waitFor();
			await press('vote.start');
			await page.getByRole('radio').first().waitFor();
			// Each step begins at its heading.
			assert.equal((await focused()).tag, 'h1');
			await tabTo('the teams', ({ type }) => type === 'radio');
			await page.keyboard.press('Space');
			await page.keyboard.press('ArrowDown');
			assert.equal(await page.getByRole('radio', { checked: true }).count(), 1);
			await press('vote.next');
			await citizen.heading('vote.review').waitFor();
			assert.equal((await focused()).tag, 'h1');
			await press('vote.cast');
			await citizen.done();
			assert.equal((await focused()).tag, 'h1');
			// What comes later leaves the reader where the reader is.
			await page.getByText(citizen.say('log.confirmed'), { exact: true }).waitFor();
			assert.equal((await focused()).tag, 'h1');
			assert.equal(await page.locator('.in-log [role=status], [role=status] .in-log, .in-log[role=status]').count(), 1, 'and is told');
			const downloads = [];
			page.on('download', (one) => downloads.push(one));
			await press('keep.save');
			await eventually(() => downloads.length === 1, 'the file');
			const stays = async (key) => assert.equal((await focused()).name, citizen.say(key), 'the focus stays');
			await stays('keep.save');
			await press('keep.qr');
			await page.locator('canvas.qr-code').waitFor();
			await stays('keep.qr_hide');
			await press('keep.copy');
			await page.getByRole('button', { name: citizen.say('copied'), exact: true }).waitFor();
			const receipt = await page.evaluate(() => navigator.clipboard.readText());
			await tabTo('the way to the verify page', ({ tag, name }) => tag === 'a' && name === citizen.say('keep.verify'));
			await page.keyboard.press('Enter');

			// By what this browser keeps, and by what was copied.
			await page.locator('#form:not([aria-busy])').waitFor();
			const kept = await page.locator('#kept').textContent();
			await tabTo(kept, ({ name }) => name === kept);
			await page.keyboard.press('Enter');
			const verdict = async () => {
				await page.getByRole('heading', { level: 2, name: citizen.say('verdict.included'), exact: true }).waitFor();
				await eventually(async () => (await focused()).name === citizen.say('verdict.included'), 'the reader at the verdict');
			};
			await verdict();
			await press('verify.opens');
			await page.locator('#opened li').waitFor();
			await stays('verify.opens_hide');
			await tabTo('the details', ({ tag, name }) => tag === 'summary' && name === citizen.say('verify.details'));
			await page.keyboard.press('Enter');
			await page.locator('.steps').waitFor();
			await page.reload();
			await page.locator('#form:not([aria-busy])').waitFor();
			await tabTo('the text', ({ tag }) => tag === 'textarea');
			await page.keyboard.insertText(receipt);
			await page.keyboard.press('Tab');
			await page.keyboard.press('Enter');
			await verdict();

			// How to check the whole, and the key, with the keyboard, too.
			await tabTo('how to check it all', ({ tag, name }) => tag === 'summary' && name === citizen.say('published.how'));
			await page.keyboard.press('Enter');
			await press('published.copy_key');
			await page.getByRole('button', { name: citizen.say('copied'), exact: true }).waitFor();
			assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\/result\+[0-9a-f]{8}\+\S+$/);
			const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
			assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join('; ')}`), []);
			assertNoFaults(context);
			await context.close();
		});

	for (const path of ['/', '/vote/', '/results/', '/en/vote/'])
		test(`the first load of ${path} is at most 60 KB`, async () => {
			const context = await newBrowser(browser, instance);
			const page = await context.newPage();
			const bytes = await weigh(page, 5000, async () => {
				await page.goto(path);
				await drawn(page);
			});
			assert.ok(bytes <= FIRST_LOAD_MAX, `${bytes} bytes`);
			await context.close();
		});

	test('nothing is fetched from elsewhere', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		const elsewhere = [];
		page.on('request', (request) => {
			if (!request.url().startsWith(instance.url) && !request.url().startsWith('data:') && !request.url().startsWith('blob:'))
				elsewhere.push(request.url());
		});
		for (const path of pages) {
			await page.goto(path);
			await drawn(page);
		}
		await new Citizen(page).vote(0);
		assert.deepEqual(elsewhere, []);
		assertNoFaults(context);
		await context.close();
	});

	test('the projector shows all at once, in large numerals', async () => {
		const context = await newBrowser(browser, instance, { viewport: { width: 1920, height: 1080 } });
		const page = await context.newPage();
		await page.goto('/projector/');
		await drawn(page);
		await page.locator('.p-board li').first().waitFor();
		assert.equal(await page.locator('.p-board li').count(), 5);
		const { scrolls, smallest } = await page.evaluate(() => ({
			scrolls: document.documentElement.scrollHeight > innerHeight,
			smallest: Math.min(...[...document.querySelectorAll('.p-rank, .p-votes, .p-value')].map((e) => parseFloat(getComputedStyle(e).fontSize))),
		}));
		assert.equal(scrolls, false);
		assert.ok(smallest >= 64, `${smallest} px`);
		assertNoFaults(context);
		await context.close();
	});
});
