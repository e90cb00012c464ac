// An expert rates: by keyboard alone, by touch, in two windows at once, with the network gone and back; and the
// invitation stands nowhere but in this tab.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { TALLYCTL, eventually, runProgram, startInstance } from '../live/lib/instance.mjs';
import { assertNoFaults, at, languages, launch, newBrowser, say, weigh } from './lib/browser.mjs';

const FIRST_LOAD_MAX = 80 * 1024;
const PLEDGE = { text: { ko: '평가 내용을 밖에 알리지 않겠습니다.', en: 'I will not disclose what I learn.' }, required: true };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

describe('expert', () => {
	let browser, instance, contest, people = 0;

	before(async () => {
		instance = await startInstance({ contest: { pledge: PLEDGE, rehearsal: { pledge: { required: true } } } });
		contest = (await instance.get(`/v1/contests/${instance.site.contests[0].id}`)).json;
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	const ctl = async (...args) => {
		const done = await runProgram(TALLYCTL, ['-c', instance.config, ...args]);
		assert.equal(done.code, 0, `tallyctl ${args.join(' ')}: ${done.stdout}${done.stderr}`);
		return done.stdout;
	};
	const invite = async (affiliation = '한국대학교') => JSON.parse(await ctl('invite', 'expert', '--name', `전문가 ${++people}`,
		'--affiliation', affiliation, '--panel', 'experts', '--json'));
	const sheetOf = async ({ token }) => (await instance.get(`/v1/contests/${contest.id}/sheet`,
		{ headers: { Authorization: `Bearer ${token}` } })).json;
	const criteria = () => contest.panels.find(({ id }) => id === 'experts').criteria;

	/** Opens an invitation as a link of the organiser's mail would, and gives the pledge. */
	async function enter(page, person, { language = 'ko', pledge = true } = {}) {
		await page.goto(`${at(language, '/expert/')}#token=${person.token}`);
		if (pledge) {
			await page.getByLabel(say(language, 'expert.pledge_agree')).check();
			await page.getByRole('button', { name: say(language, 'expert.pledge_do'), exact: true }).click();
		}
		await page.locator('.sheet-bar').waitFor();
	}
	const cell = (page, entry, criterion) => page.locator(`#score-${entry}-${criterion}`);
	const focused = (page) => page.evaluate(() => document.activeElement.id);
	const saved = (page, language = 'ko') => page.waitForFunction((before) => document.querySelector('#saved')?.textContent.includes(before),
		say(language, 'expert.save.saved', { time: '' }).trim(), { polling: 50 });
	const heading = (page, key, language = 'ko') => page.getByRole('heading', { level: 1, name: say(language, key) });

	test('without an invitation the page says what to do, and a broken link that it is broken', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		for (const language of languages('ko')) {
			await page.goto(at(language, '/expert/'));
			await heading(page, 'named.none', language).waitFor();
		}
		await page.goto('/help/');
		await page.goto('/expert/#token=cut.off');
		await heading(page, 'named.broken').waitFor();
		await page.goto('/help/');
		await page.goto('/expert/#token=e30.e30.c2ln');
		await heading(page, 'named.refused').waitFor();
		assertNoFaults(context);
		await context.close();
	});

	for (const language of languages('ko'))
		test(`${language}: the whole way with the keyboard alone`, async () => {
			const person = await invite();
			const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
			const page = await context.newPage();
			const keys = page.keyboard;
			const tabTo = async (wanted) => {
				for (let i = 0; i < 60; i++) {
					if (await page.evaluate((text) => document.activeElement.id === text || document.activeElement.textContent.trim() === text, wanted))
						return;
					await keys.press('Tab');
				}
				assert.fail(`no way to ${wanted} with Tab`);
			};
			await page.goto(`${at(language, '/expert/')}#token=${person.token}`);
			await heading(page, 'expert.pledge', language).waitFor();
			await page.getByText(say(language, 'expert.published.auditors')).waitFor(); // before the first score
			await tabTo(say(language, 'expert.pledge_do'));
			await keys.press('Enter');
			await page.getByText(say(language, 'expert.pledge_missing')).waitFor();
			assert.equal(await focused(page), 'pledge');
			await keys.press('Space');
			await tabTo(say(language, 'expert.pledge_do'));
			await keys.press('Enter');
			await heading(page, 'expert.title', language).waitFor();
			await page.getByText(say(language, 'expert.unsubmitted')).waitFor();

			// One stop of Tab for the grid; inside, as a spreadsheet.
			const grid = page.getByRole('grid');
			const order = await grid.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.querySelector('th').id.slice('entry-'.length)));
			assert.equal(order.length, contest.entries.length);
			assert.equal(await grid.locator('[tabindex="0"]').count(), 1);
			const [c1, c2] = criteria();
			const last = criteria().at(-1);
			const id = (row, criterion) => `score-${order[row]}-${criterion}`;
			await tabTo(id(0, c1));
			await keys.press('ArrowRight');
			assert.equal(await focused(page), id(0, c2));
			await keys.press('ArrowDown');
			assert.equal(await focused(page), id(1, c2));
			await keys.press('Control+End');
			await keys.press('ArrowLeft');
			assert.equal(await focused(page), id(order.length - 1, last));
			await keys.press('Control+Home');
			assert.equal(await focused(page), id(0, c1));
			// Digits, steps, and the way back.
			await keys.type('3');
			await keys.press('+');
			assert.equal(await page.locator(`#${id(0, c1)}`).inputValue(), '4');
			await keys.press('-');
			await keys.press('-');
			assert.equal(await page.locator(`#${id(0, c1)}`).inputValue(), '2');
			await keys.press('Enter');
			assert.equal(await focused(page), id(0, c2));
			await keys.press('Shift+Enter');
			await keys.type('9');
			await keys.press('Escape');
			assert.equal(await page.locator(`#${id(0, c1)}`).inputValue(), '2');
			await keys.type('999');
			assert.equal(await page.locator(`#${id(0, c1)}`).getAttribute('aria-invalid'), 'true');
			await grid.getByText(say(language, 'expert.points', { points: 0, max: 100 })).first().waitFor();
			// Tab leaves the grid, but not from an error: that stays in sight.
			await keys.press('Tab');
			assert.equal(await focused(page), id(0, c2));
			await keys.press('ArrowLeft');
			// All of it, by digits and Enter; totals as one types.
			await keys.press('Escape');
			for (let row = 0; row < order.length; row++)
				for (let i = 0; i < criteria().length; i++) {
					assert.equal(await focused(page), id(row, criteria()[i]));
					await keys.type(String(10 - i));
					await keys.press('Enter');
				}
			const total = criteria().reduce((sum, _, i) => sum + 10 - i, 0);
			await grid.getByText(say(language, 'expert.points', { points: total, max: 100 })).first().waitFor();
			// Submitting now leads to what is missing: the comments.
			await tabTo('review');
			await keys.press('Enter');
			assert.match(await page.evaluate(() => document.activeElement.closest('#missing') && document.activeElement.textContent), new RegExp(say(language, 'expert.differs.comment')));
			await keys.press('Enter');
			assert.equal(await focused(page), `comment-${order[0]}`);
			for (const entry of order.slice(0, -1)) {
				await tabTo(`comment-${entry}`);
				await keys.type('근거');
			}
			await tabTo(`recuse-${order.at(-1)}-fold`);
			await keys.press('Enter');
			await tabTo(`recuse-${order.at(-1)}`);
			await keys.type('공동 연구');
			await tabTo(say(language, 'expert.recuse_do'));
			await keys.press('Enter');
			assert.equal(await focused(page), `recused-${order.at(-1)}`);
			await tabTo('review');
			await keys.press('Enter');
			await heading(page, 'expert.review', language).waitFor();
			assert.equal(await page.evaluate(() => document.activeElement.localName), 'h1');
			await tabTo(say(language, 'expert.submit_do'));
			await keys.press('Enter');
			await page.locator('.summary-done').waitFor();
			const sheet = await sheetOf(person);
			assert.equal(sheet.state, 'submitted');
			assert.deepEqual(sheet.recused, { [order.at(-1)]: '공동 연구' });
			assert.deepEqual(sheet.scores[order[0]], Object.fromEntries(criteria().map((one, i) => [one, 10 - i])));
			assert.equal(sheet.scores[order.at(-1)], undefined);
			assert.equal(sheet.comments[order[1]], '근거');
			assert.equal(await grid.locator('input:not([readonly])').count(), 0, 'what is submitted is read only');
			// Withdrawing, and the recusal taken back with its scores.
			await tabTo('withdraw');
			await keys.press('Enter');
			await page.getByRole('button', { name: say(language, 'expert.withdraw_sure') }).waitFor();
			assert.equal((await sheetOf(person)).state, 'submitted', 'withdrawn without a question');
			await keys.press('Enter');
			await page.locator(`#recused-${order.at(-1)}`).waitFor();
			await tabTo(`recused-${order.at(-1)}`);
			await keys.press('Enter');
			assert.equal(await page.locator(`#${id(order.length - 1, c1)}`).inputValue(), '10');
			await eventually(async () => {
				const now = await sheetOf(person);
				return now.state === 'draft' && now.scores[order.at(-1)]?.[c1] === 10;
			}, 'the draft again');
			assertNoFaults(context);
			await context.close();
		});

	test('by touch on a phone: one team a page, steppers, and the same sheet', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance, PHONE);
		const page = await context.newPage();
		await enter(page, person);
		const small = await page.locator('main').locator('button:visible, summary:visible, label.option, .cell-value').evaluateAll((elements) =>
			elements.map((e) => [e.textContent, e.className, e.getBoundingClientRect().height])
				.filter(([, name, height]) => height < (name.startsWith('cell') ? 56 : 48)));
		assert.deepEqual(small, []);
		for (let n = 0; n < contest.entries.length; n++) {
			const plus = page.locator('.cell-value + .cell-step');
			for (let i = 0; i < criteria().length; i++) {
				await plus.nth(i).tap();
				await plus.nth(i).tap();
			}
			await page.locator('.comment').first().fill(`의견 ${n}`);
			if (n < contest.entries.length - 1)
				await page.locator('#next').tap();
		}
		await page.locator('.bar-total').getByText(say('ko', 'expert.full')).waitFor();
		await page.locator('#review').tap();
		await page.getByRole('button', { name: say('ko', 'expert.submit_do'), exact: true }).tap();
		await page.locator('.summary-done').waitFor();
		const sheet = await sheetOf(person);
		assert.equal(sheet.state, 'submitted');
		assert.equal(sheet.missing, 0);
		for (const { id } of contest.entries)
			assert.deepEqual(sheet.scores[id], Object.fromEntries(criteria().map((one) => [one, 1])));
		await page.locator('#withdraw').tap();
		await page.locator('#withdraw').tap();
		await page.locator('.cell-step').first().waitFor();
		await eventually(async () => (await sheetOf(person)).state === 'draft', 'the draft again');
		assertNoFaults(context);
		await context.close();
	});

	test('a conflict of interest: the row is hatched, says why, cannot be scored, and stays out of the sums', async () => {
		const person = await invite('KAIST');
		const excluded = Object.keys(person.conflicts);
		assert.equal(excluded.length, 4, 'as the public record has it');
		const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
		const page = await context.newPage();
		await enter(page, person);
		for (const entry of excluded) {
			const row = page.locator('tr', { has: page.locator(`#entry-${entry}`) });
			assert.match(await row.locator('.sheet-excluded').textContent(), /한국과학기술원이 이 팀의 참여기관입니다/);
			assert.match(await row.locator('.sheet-excluded').evaluate((e) => getComputedStyle(e).backgroundImage), /gradient/);
			assert.equal(await row.locator('input, button').count(), 0);
			assert.equal(await page.locator(`#comment-${entry}`).count(), 0);
		}
		await page.locator('.bar-total').getByText(say('ko', 'expert.given', { given: 0, wanted: criteria().length })).waitFor();
		// The keyboard comes by, and reads it.
		await page.locator('.cell-value').first().focus();
		await page.keyboard.press('Control+Home');
		assert.equal(await page.evaluate(() => document.activeElement.className), 'sheet-excluded');
		await context.close();
	});

	test('the invitation leaves address and history, stands in no storage that lasts, and goes with signing out', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		const requests = [];
		page.on('request', (request) => requests.push(request));
		await page.goto('/help/');
		await enter(page, person);
		assert.equal(new URL(page.url()).hash, '');
		await page.reload();
		await page.locator('.sheet-bar').waitFor();
		for (const request of requests) {
			assert.ok(!request.url().includes(person.token), request.url());
			assert.ok(!(request.postData() ?? '').includes(person.token));
			assert.ok(!(request.headers().referer ?? '').includes(person.token));
		}
		assert.ok(requests.some((request) => request.headers().authorization === `Bearer ${person.token}`));
		assert.ok(!JSON.stringify(await page.evaluate(() => ({ ...localStorage }))).includes(person.token));
		assert.ok(!(await readFile(path.join(instance.dir, 'access.log'), 'utf8')).includes(person.token));
		const session = await context.newCDPSession(page);
		const { entries } = await session.send('Page.getNavigationHistory');
		assert.ok(entries.length >= 2 && entries.every(({ url }) => !url.includes('token')), JSON.stringify(entries));
		// The other language is the same sheet.
		await page.locator('#language').click();
		await heading(page, 'expert.title', 'en').waitFor();
		await page.getByRole('button', { name: say('en', 'named.sign_out'), exact: true }).click();
		await heading(page, 'named.left', 'en').waitFor();
		assert.ok(!JSON.stringify(await page.evaluate(() => ({ ...sessionStorage }))).includes(person.token));
		await page.goto('/expert/');
		await heading(page, 'named.none').waitFor();
		assertNoFaults(context);
		await context.close();
	});

	test('two windows: neither overwrites the other unseen; each difference is chosen', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
		const [one, two] = [await context.newPage(), await context.newPage()];
		const [a, b] = contest.entries.map(({ id }) => id);
		const [c1, c2] = criteria();
		await enter(one, person);
		await enter(two, person, { pledge: false });
		await cell(one, a, c1).fill('11');
		await cell(one, b, c1).fill('12');
		await saved(one);
		await cell(two, a, c1).fill('21');
		await cell(two, a, c2).fill('22');
		await heading(two, 'expert.conflict_title').waitFor();
		assert.deepEqual((await sheetOf(person)).scores, { [a]: { [c1]: 11 }, [b]: { [c1]: 12 } }, 'nothing was overwritten');
		assert.equal(await two.locator('.difference').count(), 3);
		const save = two.getByRole('button', { name: say('ko', 'expert.conflict_do'), exact: true });
		await save.click();
		await two.getByText(say('ko', 'expert.conflict_open')).waitFor();
		await two.getByRole('button', { name: say('ko', 'expert.all_theirs'), exact: true }).click();
		await two.locator('.difference', { hasText: contest.entries[0].name.ko }).nth(1).getByRole('radio').first().check();
		await save.click();
		await two.locator('.sheet-bar').waitFor();
		await saved(two);
		const both = { [a]: { [c1]: 11, [c2]: 22 }, [b]: { [c1]: 12 } };
		await eventually(async () => {
			assert.deepEqual((await sheetOf(person)).scores, both);
			return true;
		}, 'both versions put together');
		// The first window now meets what stands, and takes it.
		await cell(one, b, c2).fill('5');
		await heading(one, 'expert.conflict_title').waitFor();
		await one.getByRole('button', { name: say('ko', 'expert.all_theirs'), exact: true }).click();
		await one.getByRole('button', { name: say('ko', 'expert.conflict_do'), exact: true }).click();
		await one.locator('.sheet-bar').waitFor();
		assert.equal(await cell(one, a, c2).inputValue(), '22');
		assert.equal(await cell(one, b, c2).inputValue(), '');
		assert.deepEqual((await sheetOf(person)).scores, both);
		assertNoFaults(context);
		await context.close();
	});

	test('the network goes: the draft is kept here, outlives the window, and is sent when it is back', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
		const page = await context.newPage();
		const [a] = contest.entries.map(({ id }) => id);
		const [c1, c2] = criteria();
		const kept = (where) => where.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('tallyd.sheet.')));
		await enter(page, person);
		await context.setOffline(true);
		await cell(page, a, c1).fill('17');
		await page.locator('#saved.is-bad', { hasText: say('ko', 'expert.save.kept') }).waitFor();
		assert.equal((await kept(page)).length, 1);
		await context.setOffline(false);
		await saved(page);
		assert.equal((await sheetOf(person)).scores[a][c1], 17);
		assert.deepEqual(await kept(page), []);

		// The window is gone before the network is back.
		await page.route('**/sheet', (route) => route.request().method() === 'PUT' ? route.abort() : route.continue());
		await cell(page, a, c2).fill('18');
		await page.locator('#saved.is-bad').waitFor();
		await page.close({ runBeforeUnload: false });
		const next = await context.newPage();
		await enter(next, person, { pledge: false });
		assert.equal(await cell(next, a, c2).inputValue(), '18');
		await saved(next);
		await eventually(async () => (await sheetOf(person)).scores[a][c2] === 18, 'the draft of the lost window');
		assert.deepEqual(await kept(next), []);

		// A lost answer is no conflict with oneself.
		let lose = true;
		await next.route('**/sheet', async (route) => {
			if (route.request().method() !== 'PUT' || !lose)
				return route.continue();
			lose = false;
			await route.fetch();
			return route.abort();
		});
		await cell(next, a, c1).fill('19');
		await next.locator('#saved.is-bad').waitFor();
		await saved(next);
		assert.equal((await sheetOf(person)).scores[a][c1], 19);

		// On a shared device nothing is kept.
		await next.getByLabel(say('ko', 'vote.shared')).check();
		lose = true;
		await cell(next, a, c1).fill('20');
		await next.locator('#saved.is-bad', { hasText: say('ko', 'expert.save.unkept') }).waitFor();
		assert.deepEqual(await kept(next), []);
		await saved(next);
		assertNoFaults(context);
		await context.close();
	});

	test('busy: it is sent again when the server said', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
		const page = await context.newPage();
		const [a] = contest.entries.map(({ id }) => id);
		await enter(page, person);
		let asked = 0;
		await page.route('**/sheet', (route) => {
			if (route.request().method() !== 'PUT' || ++asked > 1)
				return route.continue();
			return route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, contentType: 'application/problem+json',
				body: JSON.stringify({ type: '/problems#unavailable', title: 'Unavailable', status: 503 }) });
		});
		await cell(page, a, criteria()[0]).fill('7');
		await page.locator('#saved.is-bad').waitFor();
		await saved(page);
		assert.equal(asked, 2);
		assert.equal((await sheetOf(person)).scores[a][criteria()[0]], 7);
		await context.close();
	});

	test('paused: it says so and saves when it resumes; revoked: it says so', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
		const page = await context.newPage();
		const look = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
		const [a] = contest.entries.map(({ id }) => id);
		await enter(page, person);
		await ctl('pause', '--why', 'a test');
		try {
			await cell(page, a, criteria()[0]).fill('6');
			await page.getByText(say('ko', 'expert.phase.paused')).waitFor();
			assert.equal(await page.locator('.cell-step').count(), 0);
			assert.equal(await cell(page, a, criteria()[0]).inputValue(), '6');
		} finally {
			await ctl('resume', '--why', 'a test');
		}
		await eventually(async () => {
			await look();
			return await page.locator('.cell-step').count() > 0;
		}, 'the sheet open again');
		await saved(page);
		assert.equal((await sheetOf(person)).scores[a][criteria()[0]], 6);
		await ctl('revoke', person.id, '--why', 'a test');
		await look();
		await heading(page, 'named.revoked').waitFor();
		assert.equal(await page.locator('.cell-value').count(), 0);
		await context.close();
	});

	test('on paper: every team, score and comment, the rules and a line to sign', async () => {
		const person = await invite('KAIST');
		const context = await newBrowser(browser, instance, { viewport: { width: 1280, height: 900 } });
		const page = await context.newPage();
		await enter(page, person);
		const open = contest.entries.find(({ id }) => !(id in person.conflicts));
		await cell(page, open.id, criteria()[0]).fill('33');
		await page.locator(`#comment-${open.id}`).fill('인쇄되는 의견');
		await saved(page);
		await page.emulateMedia({ media: 'print' });
		const paper = page.locator('#paper');
		await paper.locator('.signature').waitFor();
		const text = await paper.innerText();
		const { rules_hash: hash } = contest;
		for (const part of [person.name, 'KAIST', '33', '인쇄되는 의견', hash, say('ko', 'expert.paper.is-draft'), say('ko', 'expert.paper.seal'),
			say('ko', 'badge.rehearsal'), ...contest.entries.map(({ name }) => name.ko)])
			assert.ok(text.includes(part), `${part} in:\n${text}`);
		assert.equal(await page.locator('#stage').isVisible(), false);
		assert.equal(await page.locator('header').isVisible(), false);
		await context.close();
	});

	const WIDE = { viewport: { width: 1280, height: 900 } };
	const axeRuns = [['ko', 'table', WIDE], ['en', 'page', PHONE], ['en', 'dark table', { ...WIDE, colorScheme: 'dark' }],
		['ko', 'dark page', { ...PHONE, colorScheme: 'dark' }]];
	for (const [language, what, options] of axeRuns)
		test(`axe finds nothing: ${language}, ${what}`, async () => {
			const person = await invite('KAIST');
			const context = await newBrowser(browser, instance, { reducedMotion: 'reduce', ...options });
			const page = await context.newPage();
			const look = async (screen) => {
				const axe = new AxeBuilder({ page });
				if (options.colorScheme === 'dark') // the rest does not depend on it
					axe.withRules(['color-contrast']);
				else
					axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']);
				const { violations } = await axe.analyze();
				assert.deepEqual(violations.map(({ id, nodes }) => `${screen}: ${id}: ${nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join('; ')}`), []);
			};
			await page.goto(at(language, '/expert/'));
			await heading(page, 'named.none', language).waitFor();
			await look('no invitation');
			await page.goto(`${at(language, '/expert/')}#token=${person.token}`);
			await heading(page, 'expert.pledge', language).waitFor();
			await look('pledge');
			await page.locator('#pledge').check();
			await page.getByRole('button', { name: say(language, 'expert.pledge_do'), exact: true }).click();
			await page.locator('.cell-value').first().waitFor();
			await look('empty');
			await page.locator('#missing summary').click();
			await page.locator('.cell-value').first().fill('999');
			await look('missing and wrong');
			for (const one of await page.locator('.cell-value').all())
				await one.fill('5');
			await page.locator('.extras > .comment').fill('의견');
			await page.locator('#review').click();
			await heading(page, 'expert.review', language).waitFor();
			await look('review');
			await page.getByRole('button', { name: say(language, 'expert.submit_do'), exact: true }).click();
			await page.locator('.summary-done').waitFor();
			await look('submitted');
			// Another window withdrew and wrote.
			await page.locator('#withdraw').click();
			await page.locator('#withdraw').click();
			await page.locator('.cell-step').first().waitFor();
			await eventually(async () => (await sheetOf(person)).state === 'draft', 'the draft again');
			const { revision, scores, recused, comments } = await sheetOf(person);
			const [entry] = Object.keys(scores);
			scores[entry][criteria()[0]] = 9;
			const reply = await instance.request('PUT', `/v1/contests/${contest.id}/sheet`, { headers: {
				Authorization: `Bearer ${person.token}`, 'Content-Type': 'application/json', 'If-Match': `"${revision}"` },
			body: JSON.stringify({ scores, recused, comments, state: 'draft' }) });
			assert.equal(reply.status, 200, reply.text);
			await page.locator('.cell-value').first().fill('8');
			await page.locator('.difference').first().waitFor();
			await look('two versions');
			assertNoFaults(context);
			await context.close();
		});

	for (const language of languages('ko'))
		test(`320 pixels wide, also in the largest type: nothing to scroll sideways (${language})`, async () => {
			const person = await invite();
			const context = await newBrowser(browser, instance, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
			const page = await context.newPage();
			const look = async (what) => {
				const wide = await page.evaluate(() => document.documentElement.scrollWidth);
				assert.ok(wide <= 320, `${what}: ${wide} px`);
			};
			await page.goto(at(language, '/expert/'));
			await page.evaluate(() => localStorage.setItem('tallyd.size', '3'));
			await page.goto(`${at(language, '/expert/')}#token=${person.token}`);
			await heading(page, 'expert.pledge', language).waitFor();
			await look('pledge');
			await page.locator('#pledge').check();
			await page.getByRole('button', { name: say(language, 'expert.pledge_do'), exact: true }).click();
			await page.locator('.cell-value').first().fill('99');
			await look('sheet');
			await page.locator('summary').first().click();
			await look('recusal');
			assertNoFaults(context);
			await context.close();
		});

	test('the first load is small', async () => {
		const person = await invite();
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		const bytes = await weigh(page, 5000, () => enter(page, person));
		assert.ok(bytes <= FIRST_LOAD_MAX, `${bytes} bytes`);
		await context.close();
	});
});
