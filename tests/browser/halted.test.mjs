// The public log stands still: every page says so, also one that was open before, keeps the last count, and says no
// more when a new epoch has begun.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { ctl, ctlDone, invite } from '../live/lib/acts.mjs';
import { eventually, startInstance } from '../live/lib/instance.mjs';
import { Log, loseLastBallot } from '../live/lib/log.mjs';
import { Round } from '../live/lib/protocol.mjs';
import { Citizen, LANGUAGES, assertNoFaults, at, launch, newBrowser, say } from './lib/browser.mjs';

const PAGES = ['/', '/vote/', '/results/', '/projector/', '/team/?id=upstage', '/help/', '/privacy/', '/verify/'];

describe('a log that has halted', () => {
	let browser, context, instance, round, organiser, open;

	before(async () => {
		instance = await startInstance({ contest: { shards: 1 } });
		round = new Round(instance);
		organiser = await invite(instance, 'organiser', '김하늘');
		browser = await launch();
		context = await newBrowser(browser, instance);
		for (let i = 0; i < 3; i++)
			assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
		await new Log(instance, round).sealed(3);
		open = await context.newPage();
		await open.goto('/results/');
		await open.locator('#total').filter({ hasText: '3' }).waitFor();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	const banner = (page, language = 'ko') => page.locator('.notice-halt').filter({ hasText: say(language, 'halt.title') });
	const badge = (page, language = 'ko') => page.locator('.badge-halted').filter({ hasText: say(language, 'halt.badge') });

	test('the page that was open says so by itself, and keeps its numbers', async () => {
		assert.equal(await banner(open).count() + await badge(open).count(), 0);
		await loseLastBallot(round);
		await banner(open).waitFor();
		await badge(open).waitFor();
		for (const key of ['halt.open', 'halt.what', 'halt.keep'])
			assert.ok((await banner(open).innerText()).includes(say('ko', key)), key);
		await eventually(async () => (await instance.get(round.path)).json.log === 'halted', 'the definition');
		assert.equal((await round.cast(round.mint(), { choices: ['nc-ai'] })).status, 503);
		assert.match(await open.locator('#total').innerText(), /3/);
	});

	test('every page says so, in both languages, as text that assistive technology is given', async () => {
		const page = await context.newPage();
		for (const language of LANGUAGES)
			for (const path of PAGES) {
				await page.goto(at(language, path));
				await banner(page, language).waitFor();
				assert.equal(await page.locator('[role=status] .notice-halt').count(), 1, path);
				assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, path);
			}
		await page.setViewportSize({ width: 320, height: 640 });
		await page.goto('/results/');
		await badge(page).waitFor();
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
		assert.deepEqual((await new AxeBuilder({ page }).analyze()).violations, []);
		await page.close();
	});

	test('organisers are told where, why, and what to do', async () => {
		const page = await context.newPage();
		await page.goto(`/organiser/#token=${organiser.token}`);
		await page.locator('.o-troubles li.is-grave').filter({ hasText: 'tallyctl log new-epoch' }).waitFor();
		const { why } = (await ctl(instance, 'log', 'status', '--json')).json.halt;
		assert.ok((await page.locator('.o-troubles').innerText()).includes(why));
		await badge(page).waitFor();
		const row = page.locator('#health tr').filter({ hasText: say('ko', 'organiser.sealing.state.halted') });
		await row.waitFor();
		await page.locator('.o-troubles li.is-grave').filter({ hasText: 'Redis is behind' }).waitFor();
		assert.match(await row.innerText(), /3 \/ 2|2 \/ 3/);
		assert.ok((await page.locator('#health').innerText()).includes('tallyctl log status'));
		assert.deepEqual((await new AxeBuilder({ page }).include('#health').include('.o-now').analyze()).violations, []);
		const entry = page.locator('.o-log li').filter({ hasText: say('ko', 'organiser.log.log_halted') });
		await entry.filter({ hasText: say('ko', 'organiser.who.sealer') }).waitFor();
		await page.close();
	});

	test('a new epoch, and nothing of it stands there any more, without a reload', async () => {
		await ctlDone(instance, 'log', 'new-epoch', '--why', 'the backup is what there is');
		await banner(open).waitFor({ state: 'detached' });
		await badge(open).waitFor({ state: 'detached' });
		assert.equal((await round.castUntilAnswered(round.mint(), { choices: ['nc-ai'] })).status, 201);
		await open.locator('#total').filter({ hasText: '4' }).waitFor();
		const page = await context.newPage();
		await page.goto('/en/');
		await page.locator('#entries:not([aria-busy])').waitFor();
		assert.equal(await banner(page, 'en').count(), 0);
		assertNoFaults(context);
	});
});

describe('a shard whose log has lost its end takes no ballot', () => {
	let browser, instance, round;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1 } });
		round = new Round(instance);
		for (let i = 0; i < 3; i++)
			assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
		await new Log(instance, round).sealed(3);
		const redis = instance.redisClient();
		await redis.xdel(`{${round.name}/0}:log`, '3-0');
		await eventually(async () => (await instance.get(round.path)).json.log === 'halted', 'the halt');
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	for (const language of LANGUAGES)
		test(`${language}: the voter is told that the vote is not counted, and nothing above says otherwise`, async () => {
			const context = await newBrowser(browser, instance);
			const citizen = new Citizen(await context.newPage(), language);
			await citizen.open();
			await citizen.start();
			await citizen.choose(1);
			await citizen.cast();
			const told = citizen.page.locator('.summary-wait');
			await told.getByText(say(language, 'counted.no'), { exact: true }).waitFor();
			await told.getByText(say(language, 'problem.unavailable'), { exact: true }).waitFor();
			const banner = await citizen.page.locator('.notice-halt').innerText();
			assert.ok(banner.includes(say(language, 'halt.open')));
			await context.close();
		});
});

describe('a shard whose tally cannot be read', () => {
	let browser, instance, round;
	before(async () => {
		instance = await startInstance({ contest: { shards: 1 } });
		round = new Round(instance);
		for (let i = 0; i < 3; i++)
			assert.equal((await round.cast(round.mint(), { choices: ['upstage'] })).status, 201);
		await eventually(async () => (await instance.get(`${round.path}/tally`)).json.ballots === 3, 'the count');
		const redis = instance.redisClient(), key = `{${round.name}/0}:log`;
		await redis.multi().xdel(key, '3-0').call('XSETID', key, '2-0').xadd(key, '3-0', 'b', 'rubbish').exec();
		await eventually(async () => (await instance.get(round.path)).json.log === 'halted', 'the halt');
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	for (const language of LANGUAGES)
		test(`${language}: results that are opened now show the last count, and that the log has halted`, async () => {
			const context = await newBrowser(browser, instance);
			const page = await context.newPage();
			await page.goto(at(language, '/results/'));
			await page.locator('#total').filter({ hasText: '3' }).waitFor();
			await page.locator('.badge-halted').filter({ hasText: say(language, 'halt.badge') }).waitFor();
			await page.locator('.notice-halt').filter({ hasText: say(language, 'halt.title') }).waitFor();
			await context.close();
		});
});
