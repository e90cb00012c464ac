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
		test(`${language}: and another browser's results move within a second`, async () => {
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
				['#total', before.ballots + 1], { polling: 20, timeout: 10_000 });
			const took = Date.now() - counted;
			assert.ok(took < 1000, `${took} ms`);
			assert.equal(await votes(), before.citizen[2].votes + 1);

			await citizen.done();
			if (language === 'ko')
				assert.match(await citizen.page.getByRole('heading', { level: 1 }).textContent(), /투표가 완료되었습니다/);
			// The screen says that one voted, not for whom; that opens on request only.
			assert.ok(!(await citizen.page.locator('main').innerText()).includes(entry.name[language]));
			await citizen.page.getByText(citizen.say('done.details')).click();
			assert.ok((await citizen.page.locator('main').innerText()).includes(entry.name[language]));
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
