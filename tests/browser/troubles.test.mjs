// What a voter sees when something comes between: a shared device after a failure, hours that end on the way,
// storage that fills up.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startInstance } from '../live/lib/instance.mjs';
import { Citizen, LANGUAGES, assertNoFaults, launch, newBrowser, say } from './lib/browser.mjs';

describe('troubles on the way of a vote', () => {
	let browser, instance, id;
	before(async () => {
		instance = await startInstance();
		({ id } = instance.site.contests[0]);
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	const problem = (status, slug, more = {}) => ({ status, contentType: 'application/problem+json',
		body: JSON.stringify({ type: `/problems#${slug}`, title: slug, status, detail: slug, ...more }) });

	/** A voter on a shared device, with the clock in the test's hand. */
	async function atShared(context) {
		const citizen = new Citizen(await context.newPage());
		await citizen.page.clock.install();
		await citizen.open({ shared: true });
		await citizen.start();
		return citizen;
	}

	/** The contest as the server tells it, in another phase. */
	const inPhase = (context, phase) => context.route(`**/v1/contests/${id}`, async (route) => {
		const response = await route.fetch();
		await route.fulfill({ response, json: { ...await response.json(), phase } });
	});

	for (const language of LANGUAGES)
		test(`${language}: paused on the way: told before anything is sent, and the choice is kept`, async () => {
			const context = await newBrowser(browser, instance);
			const citizen = new Citizen(await context.newPage(), language);
			const sent = [];
			citizen.page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
			await citizen.open();
			await citizen.start();
			await inPhase(context, 'paused');
			await citizen.page.getByRole('radio').nth(2).check();
			await citizen.button('vote.next').click();
			await citizen.heading('block.title').waitFor();
			await citizen.page.getByText(say(language, 'block.paused')).waitFor();
			// The words stand there already: what tells the end of asking again is its answer.
			const answered = citizen.page.waitForResponse((response) => response.url().endsWith(`/v1/contests/${id}`));
			await citizen.button('block.recheck').click();
			await (await answered).finished();
			await citizen.page.getByText(say(language, 'block.kept')).waitFor();
			assert.deepEqual(sent, []);
			await context.unroute(`**/v1/contests/${id}`);
			await citizen.button('block.recheck').click();
			await citizen.heading('vote.review').waitFor();
			await citizen.cast();
			await citizen.done();
			assertNoFaults(context);
			await context.close();
		});

	for (const [language, refused] of [['ko', 'ballots'], ['en', 'tokens']])
		test(`${language}: the server is busy: a calm screen sends the ${refused} again by itself, not before it was told to`, async () => {
			const context = await newBrowser(browser, instance);
			const citizen = new Citizen(await context.newPage(), language);
			let busy = 2;
			const at = [], bodies = [];
			await context.route(`**/${refused}`, (route) => {
				at.push(Date.now());
				bodies.push(route.request().postDataBuffer()?.toString('hex'));
				return busy-- > 0 ? route.fulfill({ ...problem(503, 'busy'), headers: { 'Retry-After': '2' } }) : route.continue();
			});
			await citizen.open();
			await citizen.start();
			await citizen.choose(1);
			await citizen.cast();
			for (const words of ['problem.busy', 'vote.stay'])
				await citizen.page.getByRole('status').getByText(citizen.say(words)).waitFor();
			await citizen.heading('vote.sending').waitFor();
			assert.equal(await citizen.page.getByText(citizen.say('counted.no')).count(), 0, 'nothing sounds lost');
			assert.equal(await citizen.button('vote.resend').count(), 0, 'nothing offers to come earlier');
			if (process.env.SHOTS)
				await citizen.page.screenshot({ path: `${process.env.SHOTS}/busy-${language}.png` });
			await citizen.done();
			assert.equal(at.length, 3);
			assert.ok(at[1] - at[0] >= 2000 && at[2] - at[1] >= 2000, String(at));
			assert.deepEqual(new Set(bodies).size, 1, 'the same is sent');
			assertNoFaults(context);
			await context.close();
		});

	for (const language of LANGUAGES)
		test(`${language}: a long wait is told in minutes; a page that is opened anew keeps its turn`, async (t) => {
			const context = await newBrowser(browser, instance);
			t.after(() => context.close());
			const citizen = new Citizen(await context.newPage(), language);
			const turn = '001795000000000.0123456789abcdef01', seen = [];
			await context.route('**/tokens', async (route) => {
				seen.push(await route.request().headerValue('Tallyd-Turn'));
				return seen.length === 1 ? route.fulfill({ ...problem(503, 'busy'), headers: { 'Retry-After': '500', 'Tallyd-Turn': turn } }) : route.continue();
			});
			await citizen.open();
			await citizen.start();
			await citizen.choose(1);
			await citizen.cast();
			await citizen.page.getByText(citizen.say('vote.again_in_minutes', { n: 9 })).waitFor();
			if (process.env.SHOTS)
				await citizen.page.screenshot({ path: `${process.env.SHOTS}/turn-${language}.png` });
			await citizen.page.reload();
			await citizen.done();
			assert.deepEqual(seen, [null, turn]);
			assert.equal(JSON.stringify(await citizen.record()).includes(turn), false, 'it goes with what it was for');
			assertNoFaults(context);
		});

	test('closed on the way: the way to the results', async () => {
		const context = await newBrowser(browser, instance);
		const citizen = new Citizen(await context.newPage());
		await citizen.open();
		await citizen.start();
		await inPhase(context, 'closed');
		await citizen.page.getByRole('radio').first().check();
		await citizen.button('vote.next').click();
		await citizen.page.getByText(say('ko', 'block.closed')).waitFor();
		await citizen.page.locator('main').getByRole('link', { name: say('ko', 'done.results') }).waitFor();
		assert.equal(await citizen.button('block.recheck').count(), 0);
		await context.close();
	});

	test('a contest that does not answer holds nobody up', async () => {
		const context = await newBrowser(browser, instance);
		const citizen = new Citizen(await context.newPage());
		await citizen.open();
		await citizen.start();
		await context.route(`**/v1/contests/${id}`, () => {}); // never
		await citizen.choose(0);
		await citizen.cast();
		await citizen.done();
		await context.close();
	});

	for (const language of LANGUAGES)
		test(`${language}: storage fills up on the way: the vote goes on, and the window must stay open`, async () => {
			const context = await newBrowser(browser, instance, { viewport: { width: 320, height: 640 } });
			const citizen = new Citizen(await context.newPage(), language);
			await citizen.open();
			await citizen.start();
			await citizen.choose(0);
			await citizen.page.evaluate(() => {
				Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
			});
			await citizen.cast();
			await citizen.done();
			const warning = citizen.page.getByRole('alert').filter({ hasText: citizen.say('vote.unkept') });
			await warning.waitFor();
			assert.ok(await warning.evaluate((e) => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight), 'in sight');
			if (process.env.SHOTS)
				await citizen.page.screenshot({ path: `${process.env.SHOTS}/unkept-${language}.png` });
			// Leaving asks first, as the receipt would be lost.
			const asked = citizen.page.waitForEvent('dialog');
			citizen.page.goto('/').catch(() => {});
			const dialog = await asked;
			assert.equal(dialog.type(), 'beforeunload');
			await dialog.dismiss();
			await citizen.done();
			assertNoFaults(context);
			await context.close();
		});

	test('storage is blocked: told before the vote, which works', async () => {
		const context = await newBrowser(browser, instance);
		await context.addInitScript(() => {
			for (const name of ['localStorage', 'sessionStorage'])
				Object.defineProperty(window, name, { get: () => { throw new DOMException('blocked', 'SecurityError'); } });
		});
		const citizen = new Citizen(await context.newPage());
		await citizen.open();
		await citizen.page.getByText(say('ko', 'vote.not_kept')).waitFor();
		await citizen.start();
		await citizen.choose(0);
		await citizen.cast();
		await citizen.done();
		await citizen.page.getByRole('alert').filter({ hasText: say('ko', 'vote.unkept') }).waitFor();
		await citizen.page.goto('/help/', { waitUntil: 'commit' }).catch(() => {});
		assertNoFaults(context);
		await context.close();
	});

	describe('a shared device', () => {
		test('a refused vote is wiped after 60 seconds, later where the voter asks for it', async () => {
			const context = await newBrowser(browser, instance);
			await context.route('**/ballots', (route) => route.fulfill(problem(403, 'paused')));
			const citizen = await atShared(context);
			await citizen.choose(0);
			await citizen.cast();
			await citizen.heading('vote.failed').waitFor();
			await citizen.page.clock.runFor(40_000);
			await citizen.button('done.wipe_later').click();
			await citizen.page.clock.runFor(40_000);
			await citizen.heading('vote.failed').waitFor();
			await citizen.page.clock.runFor(25_000);
			await citizen.heading('vote.before').waitFor();
			assertNoFaults(context);
			await context.close();
		});

		test('so is a receipt that does not fit', async () => {
			const context = await newBrowser(browser, instance);
			await context.route('**/ballots', async (route) => {
				const response = await route.fetch();
				const receipt = await response.json();
				await route.fulfill({ response, json: { ...receipt, index: receipt.index + 1 } });
			});
			const citizen = await atShared(context);
			await citizen.choose(0);
			await citizen.cast();
			await citizen.heading('mismatch.title').waitFor();
			await citizen.page.getByText(say('ko', 'mismatch.shared')).waitFor();
			await citizen.page.clock.runFor(61_000);
			await citizen.heading('vote.before').waitFor();
			await context.close();
		});

		test('an unknown outcome is not', async () => {
			const context = await newBrowser(browser, instance);
			await context.route('**/ballots', (route) => route.abort());
			const citizen = await atShared(context);
			await citizen.choose(0);
			await citizen.cast();
			await citizen.heading('vote.unknown').waitFor();
			await citizen.page.clock.runFor(180_000);
			await citizen.heading('vote.unknown').waitFor();
			assert.equal(await citizen.button('done.wipe_now').count(), 0);
			await context.close();
		});

		test('a choice left standing is wiped, and kept for who is still there', async () => {
			const context = await newBrowser(browser, instance);
			const citizen = await atShared(context);
			await citizen.page.getByRole('radio').first().check();
			await citizen.page.clock.runFor(121_000);
			await citizen.page.getByText(say('ko', 'done.idle')).waitFor();
			await citizen.page.getByRole('radio').nth(1).check(); // still there
			assert.equal(await citizen.button('done.wipe_now').count(), 0);
			await citizen.page.clock.runFor(121_000);
			await citizen.button('done.wipe_now').waitFor();
			await citizen.page.clock.runFor(61_000);
			await citizen.heading('vote.before').waitFor();
			await context.close();
		});
	});
});
