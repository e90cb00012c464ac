// Whatever breaks between any two steps: the vote goes on where it stood, with the same receipt, and
// is counted once. And a shared device keeps nothing.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startInstance } from '../live/lib/instance.mjs';
import { Citizen, assertNoFaults, launch, newBrowser, say } from './lib/browser.mjs';

describe('crashes', () => {
	let browser, instance, id, total;
	before(async () => {
		instance = await startInstance();
		({ id } = instance.site.contests[0]);
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	beforeEach(async () => {
		total = (await instance.tally(id)).ballots;
	});

	/** A browser that ends with its test, however that ends: none votes during the next one. */
	const openBrowser = async (t) => {
		const context = await newBrowser(browser, instance);
		t.after(() => context.close());
		return context;
	};
	const countedOnce = async () => {
		total++;
		assert.equal((await instance.tallyOf(id, total)).ballots, total);
	};

	// Where the page dies: on which request, and whether the server handled it.
	const points = [
		['before the challenge was fetched', '**/challenge', false],
		['after the challenge was sent', '**/challenge', true],
		['before the token request left', '**/tokens', false],
		['after the token was issued', '**/tokens', true],
		['before the ballot left', '**/ballots', false],
		['after the ballot was counted', '**/ballots', true],
	];
	for (const [when, pattern, handled] of points)
		test(`the page dies ${when}`, async (t) => {
			const context = await openBrowser(t);
			const first = new Citizen(await context.newPage());
			await first.open();
			await first.start();
			await first.choose(1);
			let answer = null;
			const died = new Promise((resolve, reject) => {
				context.route(pattern, async (route) => {
					try {
						if (handled) {
							const response = await route.fetch();
							answer = await response.body();
						}
						await first.page.close({ runBeforeUnload: false });
						resolve();
					} catch (error) {
						reject(error);
					}
				}, { times: 1 }).catch(reject);
			});
			await first.cast();
			await died;
			const again = new Citizen(await context.newPage());
			await again.page.goto('/vote/');
			// Before the first request nothing is owed to the voter but the choice; else it goes on by itself.
			await again.page.getByRole('heading', { level: 1, name: new RegExp(`${say('ko', 'done.title')}|${say('ko', 'done.here')}`) }).waitFor();
			const record = await again.record();
			assert.equal(record.step, 'counted');
			if (pattern === '**/ballots' && handled)
				assert.deepEqual(record.receipt, JSON.parse(answer.toString('utf8')));
			await countedOnce();
			assertNoFaults(context);
		});

	test('every answer is lost once: the page retries by itself', async (t) => {
		const context = await openBrowser(t);
		const citizen = new Citizen(await context.newPage());
		for (const pattern of ['**/challenge', '**/tokens', '**/ballots'])
			await context.route(pattern, async (route) => {
				await route.fetch();
				await route.abort('connectionreset');
			}, { times: 1 });
		await citizen.vote(2);
		await countedOnce();
	});

	test('the network is lost right after 투표하기: nothing untrue is said, and on reopening the receipt is there', async (t) => {
		const context = await openBrowser(t);
		const first = new Citizen(await context.newPage());
		await first.open();
		await first.start();
		await first.choose(3);
		let receipt;
		await context.route('**/ballots', async (route) => {
			const response = await route.fetch();
			receipt = await response.json();
			await context.setOffline(true);
			await route.abort('internetdisconnected');
		}, { times: 1 });
		await first.cast();
		await first.page.getByRole('heading', { name: say('ko', 'vote.unknown') }).waitFor();
		assert.match(say('ko', 'vote.unknown'), /결과를 확인하고 있습니다. 이 화면을 닫지 마세요/);
		assert.ok(!(await first.page.locator('body').innerText()).includes(say('ko', 'counted.no')));
		await first.button('vote.resend').waitFor();
		await first.page.close({ runBeforeUnload: false });

		await context.setOffline(false);
		const again = new Citizen(await context.newPage());
		await again.page.goto('/vote/');
		await again.page.getByRole('heading', { level: 1, name: say('ko', 'done.title') }).waitFor();
		assert.deepEqual((await again.record()).receipt, receipt);
		await countedOnce();
	});

	test('the server is away: the page waits, says whether the vote counted, and goes on', async (t) => {
		const context = await openBrowser(t);
		const citizen = new Citizen(await context.newPage());
		await citizen.open();
		await citizen.start();
		await citizen.choose(0);
		const pid = await instance.redisPid();
		process.kill(pid, 'SIGSTOP');
		try {
			await citizen.cast();
			await citizen.button('vote.resend').waitFor();
		} finally {
			process.kill(pid, 'SIGCONT');
		}
		await citizen.done();
		await countedOnce();
	});

	test('two windows of one voter: one vote', async (t) => {
		const context = await openBrowser(t);
		const one = new Citizen(await context.newPage()), two = new Citizen(await context.newPage());
		for (const citizen of [one, two]) {
			await citizen.open();
			await citizen.start();
			await citizen.choose(0);
		}
		await Promise.all([one.cast(), two.cast()]);
		for (const citizen of [one, two])
			await citizen.page.getByRole('heading', { level: 1, name: new RegExp(`${say('ko', 'done.title')}|${say('ko', 'done.already')}`) }).waitFor();
		await countedOnce();
	});

	/** Everything a browser keeps of a site. */
	const traces = (page) => page.evaluate(async () => ({
		local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie,
		databases: (await indexedDB.databases()).map(({ name }) => name), caches: await caches.keys(),
		workers: (await navigator.serviceWorker.getRegistrations()).length,
	}));
	const nothing = { local: {}, session: {}, cookies: '', databases: [], caches: [], workers: 0 };

	test('three voters in a row on a shared device: none sees a trace of the one before', async (t) => {
		const context = await openBrowser(t);
		const page = await context.newPage();
		const receipts = [];
		page.on('response', async (response) => {
			if (response.url().endsWith('/ballots'))
				receipts.push(await response.json());
		});
		for (let voter = 0; voter < 3; voter++) {
			const citizen = new Citizen(page);
			if (voter === 0)
				await citizen.open({ shared: true });
			else // the screen was handed on as it stands; a booth stays one
				assert.ok(await page.getByLabel(say('ko', 'vote.shared')).isChecked());
			await citizen.start();
			assert.equal(await page.getByRole('radio', { checked: true }).count(), 0);
			await citizen.choose(voter);
			await citizen.cast();
			await citizen.done();
			assert.deepEqual(await traces(page), nothing);
			await countedOnce();
			await page.getByRole('button', { name: say('ko', 'done.wipe_now') }).click();
			await citizen.heading('vote.before').waitFor();
			assert.deepEqual(await traces(page), nothing);
			const html = await page.content();
			for (const { entry, spent, salt } of receipts)
				for (const secret of [entry, spent, salt])
					assert.ok(!html.includes(secret));
		}
		await page.goBack().catch(() => {}); // may lead out of the site
		assert.ok(!(await page.locator('body').innerText()).includes(say('ko', 'done.title')), 'back shows nothing');
		assert.equal(new Set(receipts.map(({ spent }) => spent)).size, 3);
		assertNoFaults(context);
	});

	test('a shared device is wiped after 60 seconds without a hand', async (t) => {
		const context = await openBrowser(t);
		const page = await context.newPage();
		await page.clock.install();
		await new Citizen(page).vote(0, { shared: true });
		await countedOnce();
		await page.getByText(say('ko', 'log.confirmed'), { exact: true }).waitFor(); // the minute begins
		await page.clock.runFor(30_000); // on top of the time that a busy machine takes by itself
		await new Citizen(page).done(); // still there
		await page.clock.runFor(35_000);
		await new Citizen(page).heading('vote.before').waitFor();
		assert.deepEqual(await traces(page), nothing);
	});

	test('a former voter does not block the next', async (t) => {
		const context = await openBrowser(t);
		const page = await context.newPage();
		const citizen = new Citizen(page);
		await citizen.vote(0);
		await countedOnce();
		await page.goto('/vote/');
		await citizen.button('done.another').click();
		await citizen.heading('vote.before').waitFor();
		await citizen.start();
		await citizen.choose(1);
		await citizen.cast();
		await citizen.done();
		await countedOnce();
		// The first voter's own receipt is still this browser's.
		await page.goto('/vote/');
		await citizen.done('done.here');
	});
});
