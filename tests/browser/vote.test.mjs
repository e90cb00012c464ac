// A citizen votes, and every other browser sees it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startInstance } from '../live/lib/instance.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, launch, newBrowser, say } from './lib/browser.mjs';

describe('a citizen votes', () => {
	let browser, instance, contest;
	before(async () => {
		instance = await startInstance();
		contest = (await instance.get(`/v1/contests/${instance.site.contests[0].id}`)).json;
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	for (const language of LANGUAGES)
		test(`${language}: and another browser's results move`, async (t) => {
			const entry = contest.entries[2];
			const before = await instance.tally(contest.id);
			const watching = await newBrowser(browser, instance), voting = await newBrowser(browser, instance);
			const results = await watching.newPage();
			await results.goto(at(language, '/results/'));
			const row = results.getByRole('row', { name: entry.name[language] });
			const votes = async () => Number((await row.getByRole('cell').nth(1).textContent()).replace(/\D/g, ''));
			await results.getByText(say(language, 'live.live'), { exact: true }).waitFor();
			assert.equal(await votes(), before.citizen[2].votes);

			const citizen = new Citizen(await voting.newPage(), language);
			const answered = citizen.page.waitForResponse((response) => response.url().endsWith('/ballots'));
			await citizen.open();
			await citizen.start();
			await citizen.choose(entry.name[language]);
			await citizen.cast();
			const reply = await answered;
			const counted = Date.now();
			assert.equal(reply.status(), 201);
			await results.waitForFunction(([selector, n]) => document.querySelector(selector).textContent.replace(/\D/g, '') === String(n),
				['#total', before.ballots + 1], { polling: 20 });
			const took = Date.now() - counted;
			t.diagnostic(`${took} ms after the answer`);
			assert.equal(await votes(), before.citizen[2].votes + 1);

			await citizen.done();
			if (language === 'ko')
				assert.match(await citizen.page.getByRole('heading', { level: 1 }).textContent(), /투표가 완료되었습니다/);
			// The screen says that one voted, not for whom; that opens on request only.
			const choice = citizen.page.locator('main').getByText(entry.name[language]).filter({ visible: true });
			assert.equal(await choice.count(), 0);
			await citizen.page.getByText(citizen.say('done.details')).click();
			await choice.first().waitFor();
			const record = await citizen.record();
			assert.equal(record.receipt.index, before.ballots);
			assert.equal(JSON.stringify(record.receipt), JSON.stringify(await reply.json()));

			// The citizen cannot vote again from here, and is shown the same receipt.
			await citizen.page.goto(at(language, '/vote/'));
			await citizen.done('done.here');
			assert.deepEqual((await citizen.record()).receipt, record.receipt);
			assertNoFaults(watching);
			assertNoFaults(voting);
			await watching.close();
			await voting.close();
		});

	test('the stream is blocked: the results fall back to polling, say so, and still move', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		await page.route('**/tally/stream', (route) => route.abort());
		await page.goto('/results/');
		await page.getByText(say('ko', 'live.polling'), { exact: true }).waitFor();
		const { ballots } = await instance.tally(contest.id);
		const voting = await newBrowser(browser, instance);
		await new Citizen(await voting.newPage()).vote(0);
		await page.waitForFunction((n) => document.querySelector('#total').textContent.replace(/\D/g, '') === String(n), ballots + 1);
		await context.close();
		await voting.close();
	});

	test('every page says that it is a rehearsal', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		for (const language of LANGUAGES)
			for (const path of ['/', '/vote/', '/results/', '/projector/', '/help/', '/privacy/', `/team/?id=${contest.entries[0].id}`]) {
				await page.goto(at(language, path));
				await page.getByText(say(language, 'badge.rehearsal'), { exact: true }).first().waitFor();
			}
		assertNoFaults(context);
		await context.close();
	});

	for (const language of LANGUAGES)
		test(`${language}: a contest that this site does not have is not replaced by another`, async () => {
			const context = await newBrowser(browser, instance);
			const page = await context.newPage();
			for (const path of ['/', '/vote/', '/results/', '/projector/', '/team/', '/help/', '/privacy/']) {
				await page.goto(at(language, `${path}?contest=nowhere`));
				const notice = page.locator('#notices');
				await notice.getByText(say(language, 'trouble.contest')).waitFor();
				assert.equal(await notice.getByRole('link').getAttribute('href'), `${at(language, path)}?contest=${contest.id}`);
				assert.equal(await page.locator('h1[data-contest-name]').filter({ hasText: contest.name[language] }).count(), 0);
			}
			assertNoFaults(context);
			await context.close();
		});

	test('with several contests the first page lists them', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		await page.route('**/site.json', async (route) => {
			const response = await route.fetch();
			const site = await response.json();
			const other = { ...site.contests[0], id: 'other', name: { ko: '다른 투표', en: 'Another' } };
			await route.fulfill({ response, json: { ...site, contests: [...site.contests, other] } });
		});
		await page.goto('/');
		const list = page.locator('#contests');
		await list.getByRole('link', { name: '다른 투표' }).waitFor();
		assert.deepEqual(await list.getByRole('link').evaluateAll((links) => links.map((a) => a.search)),
			[`?contest=${contest.id}`, '?contest=other']);
		await page.goto(`/?contest=${contest.id}`);
		await page.locator('.entry h3').first().waitFor();
		assert.ok(await list.isHidden());
		assertNoFaults(context);
		await context.close();
	});

	for (const language of LANGUAGES)
		test(`${language}: a rehearsal does not call rules frozen that may still change for the real vote`, async () => {
			const context = await newBrowser(browser, instance);
			const page = await context.newPage();
			await page.goto(at(language, '/'));
			assert.equal(await page.locator('.how-lead').textContent(), say(language, 'home.frozen_rehearsal'));
			await page.route(`**/v1/contests/${contest.id}`, async (route) => {
				const response = await route.fetch();
				await route.fulfill({ response, json: { ...await response.json(), rehearsal: false } });
			});
			await page.reload();
			assert.equal(await page.locator('.how-lead').textContent(), say(language, 'home.frozen'));
			await context.close();
		});

	for (const language of LANGUAGES)
		for (const viewport of [{ width: 320, height: 640 }, { width: 1280, height: 900 }])
			test(`${language}: a shared device can be said without scrolling at ${viewport.width} px`, async () => {
				const context = await newBrowser(browser, instance, { viewport });
				const citizen = new Citizen(await context.newPage(), language);
				await citizen.open();
				assert.ok(await citizen.page.locator('label[for=shared]').evaluate((e) => scrollY === 0 &&
					e.getBoundingClientRect().bottom <= innerHeight));
				await context.close();
			});

	test('a time zone that the browser does not know is not taken for a dead server', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		await page.route(`**/v1/contests/${contest.id}`, async (route) => {
			const response = await route.fetch();
			await route.fulfill({ response, json: { ...await response.json(), time_zone: 'Mars/Olympus' } });
		});
		await page.goto('/');
		await page.locator('.entry h3').first().waitFor();
		assert.equal(await page.getByText(say('ko', 'trouble.unreachable')).count(), 0);
		assertNoFaults(context);
		await context.close();
	});

	test('without scripts the notice alone stands', async () => {
		const context = await newBrowser(browser, instance, { javaScriptEnabled: false });
		const page = await context.newPage();
		for (const path of ['/', '/vote/', '/results/', '/projector/', '/team/']) {
			await page.goto(path);
			assert.ok(await page.locator('noscript p').isVisible(), path);
			assert.equal(await page.locator('.skeleton:visible, main button:visible').count(), 0, path);
		}
		await context.close();
	});

	test('every team has a page in the same slots', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		const slots = new Set();
		for (const entry of contest.entries) {
			await page.goto(`/team/?id=${entry.id}`);
			await page.getByRole('heading', { level: 1, name: entry.name.ko }).waitFor();
			await page.getByText(entry.showcase.ko).waitFor();
			slots.add((await page.locator('main dt').allTextContents()).map((text) => text.replace(/\d+/, 'n')).join('|'));
		}
		assert.equal(slots.size, 1, [...slots].join('\n'));
		await context.close();
	});

	describe('a server that is not the one the pages were published with is refused', () => {
		const altered = async (pattern, alter) => {
			const context = await newBrowser(browser, instance);
			const page = await context.newPage();
			const asked = [];
			page.on('request', (request) => request.method() === 'POST' && asked.push(request.url()));
			await page.route(pattern, async (route) => {
				const response = await route.fetch();
				const json = await response.json();
				alter(json);
				await route.fulfill({ response, json });
			});
			return { context, page, asked };
		};
		test('another rules hash', async () => {
			const { context, page, asked } = await altered(`**/v1/contests/${contest.id}`, (json) => {
				json.rules_hash = json.rules_hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
			});
			await page.goto('/vote/');
			await page.getByText(say('ko', 'trouble.rules')).first().waitFor();
			assert.equal(await page.getByRole('button', { name: say('ko', 'vote.start') }).count(), 0);
			assert.deepEqual(asked, []);
			await context.close();
		});
		for (const [what, alter] of [
			['challenge', (json) => { json.challenge = json.challenge.replace(/.(?==*$)/, (c) => (c === 'A' ? 'B' : 'A')); }],
			['token key', (json) => { json.token_key = json.token_key.replace(/(.{200})(.)/, (_, a, c) => a + (c === 'A' ? 'B' : 'A')); }],
		])
			test(`another ${what}`, async () => {
				const { context, page, asked } = await altered('**/challenge', alter);
				const citizen = new Citizen(page);
				await citizen.open();
				await citizen.start();
				await citizen.choose(0);
				await citizen.cast();
				await page.getByText(say('ko', 'problem.issuer-mismatch')).waitFor();
				assert.deepEqual(asked, []); // nothing was sent by which a voter could be marked
				await context.close();
			});
		test('a receipt of another ballot', async () => {
			const { context, page } = await altered('**/ballots', (json) => {
				json.index += 1;
			});
			const citizen = new Citizen(page);
			await citizen.open();
			await citizen.start();
			await citizen.choose(0);
			await citizen.cast();
			await citizen.heading('mismatch.title').waitFor();
			await context.close();
		});
	});

	test('in an in-app browser there is a way out before identification', async () => {
		const context = await newBrowser(browser, instance, {
			userAgent: 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36 KAKAOTALK/2410' });
		const citizen = new Citizen(await context.newPage());
		await citizen.page.goto('/vote/');
		await citizen.heading('inapp.title').waitFor();
		await citizen.button('inapp.stay').click();
		await citizen.heading('vote.before').waitFor();
		await context.close();
	});
});
