// An organiser watches and runs a contest, an observer looks on; with real votes, experts and a second organiser.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { ROOT, TALLYCTL, eventually, realRound, runProgram, startInstance } from '../live/lib/instance.mjs';
import { Round } from '../live/lib/protocol.mjs';
import { assertNoFaults, at, axeSchemes, languages, launch, newBrowser, say, weigh } from './lib/browser.mjs';

const FIRST_LOAD_MAX = 90 * 1024;
const HOUR_MS = 3_600_000;
const HAS_CHART = existsSync(path.join(ROOT, 'ops/pages/vendor/uplot.js'));

describe('organiser', () => {
	let browser, instance, round, contest, people = 0;

	before(async () => {
		instance = await startInstance(realRound(Date.now() - HOUR_MS, Date.now() + HOUR_MS,
			{ approvals: 2, visibility: { citizen: 'on-publish' } }));
		round = new Round(instance);
		contest = (await instance.get(round.path)).json;
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
	const invite = async (role, ...more) => JSON.parse(await ctl('invite', role, '--name', `${role} ${++people}`, ...more, '--json'));
	const expert = (affiliation = '한국대학교') => invite('expert', '--affiliation', affiliation, '--panel', 'experts');
	const vote = (entry, n) => Promise.all(Array.from({ length: n }, () =>
		round.castUntilAnswered(round.mint(), { choices: [contest.entries[entry].id] })));
	const phase = async () => (await instance.get(round.path)).json.phase;
	const heading = (page, key, language = 'ko') => page.getByRole('heading', { level: 1, name: say(language, key) });
	const button = (page, key, values, language = 'ko') => page.getByRole('button', { name: say(language, key, values), exact: true });
	const figure = (page, i) => page.locator('.o-figure-value').nth(i);
	const shows = (locator, text) => locator.filter({ hasText: text }).first().waitFor();

	async function open(context, person, language = 'ko') {
		const page = await context.newPage();
		await page.goto(`${at(language, '/organiser/')}#token=${person.token}`);
		await page.locator('#stage:not([aria-busy])').waitFor();
		return page;
	}

	/** Goes through the dialog that stands, with the contest's name typed. */
	async function confirm(page, key, { why = '까닭이 있습니다', name = contest.name.ko } = {}) {
		const dialog = page.getByRole('dialog');
		await dialog.locator('#ask-why').fill(why);
		if (await dialog.locator('#ask-name').count())
			await dialog.locator('#ask-name').fill(name);
		await dialog.getByRole('button', { name: say('ko', key), exact: true }).click();
		return dialog;
	}

	test('without an invitation the page says what to do; an expert is told that it is another page', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		for (const language of languages('en')) {
			await page.goto(at(language, '/organiser/'));
			await heading(page, 'named.none', language).waitFor();
		}
		await page.goto(`/organiser/#token=${(await expert()).token}`);
		await heading(page, 'named.role').waitFor();
		assertNoFaults(context);
		await context.close();
	});

	test('the invitation leaves the address and stands in this tab alone, and signing out forgets it', async () => {
		const context = await newBrowser(browser, instance);
		const person = await invite('organiser');
		const page = await open(context, person);
		assert.equal(new URL(page.url()).hash, '');
		assert.equal(await page.evaluate(() => JSON.stringify(localStorage)).then((text) => text.includes('eyJ')), false);
		assert.doesNotMatch(await readFile(path.join(instance.dir, 'access.log'), 'utf8'), new RegExp(person.token.slice(-20)));
		await page.reload();
		await page.locator('.o-figures').waitFor();
		await button(page, 'named.sign_out').click();
		await heading(page, 'named.left').waitFor();
		await page.reload();
		await heading(page, 'named.none').waitFor();
		assertNoFaults(context);
		await context.close();
	});

	test('counts come live, also under embargo and marked so, while the public sees none', async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('organiser'));
		const before = (await instance.tally(contest.id)).ballots;
		await vote(1, 7);
		await shows(figure(page, 0), String(before + 7));
		const row = page.locator('#tally tbody tr').first();
		assert.match(await row.textContent(), new RegExp(`${contest.entries[1].name.ko}.*7`));
		await page.locator('#tally .o-embargo').waitFor();
		assert.equal(await page.locator('#tally .o-embargo').textContent(), '공개 전 – 외부 공유 금지');
		assert.equal((await instance.tally(contest.id)).withheld, 'embargo');
		await shows(page.locator('.connection'), say('ko', 'live.live'));
		assertNoFaults(context);
		await context.close();
	});

	test('turnout stands as a table, and is drawn where the chart is installed, under the strict policy', { skip: !HAS_CHART }, async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('organiser'));
		await page.locator('#turnout').scrollIntoViewIfNeeded();
		await page.locator('.o-chart canvas').waitFor();
		await page.getByText(say('ko', 'organiser.turnout.table')).click();
		const last = page.locator('#turnout tbody tr').first();
		await last.waitFor();
		assert.equal((await last.locator('td').last().textContent()).replaceAll(',', ''), (await figure(page, 0).textContent()).replaceAll(',', ''));
		const drawn = await page.locator('.o-chart canvas').evaluate((canvas) => {
			const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
			return data.some((byte) => byte !== 0);
		});
		assert.ok(drawn, 'the canvas is blank');
		assertNoFaults(context);
		await context.close();
	});

	test('without the chart there is the table alone, and nothing says that something is broken', async () => {
		const context = await newBrowser(browser, instance);
		await context.route('**/vendor/**', (route) => route.abort());
		const page = await open(context, await invite('organiser'));
		await page.locator('#turnout').scrollIntoViewIfNeeded();
		await page.getByText(say('ko', 'organiser.turnout.table')).click();
		await page.locator('#turnout tbody tr').first().waitFor();
		assert.equal(await page.locator('.o-chart, .o-chart-keys, #turnout .o-flag').count(), 0);
		assertNoFaults(context);
		await context.close();
	});

	test('experts are listed by name with state, conflicts and denominators, and no score reaches the page', async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('organiser'));
		const kaist = await expert('KAIST');
		const free = await expert();
		const pledge = await instance.request('POST', `${round.path}/pledge`, { body: '{"agreed":true}',
			headers: { 'Authorization': `Bearer ${free.token}`, 'Content-Type': 'application/json' } });
		assert.equal(pledge.status, 200, pledge.text);
		const criterion = contest.criteria.find(({ id }) => contest.panels[0].criteria.includes(id));
		const reply = await instance.request('PUT', `${round.path}/sheet`, {
			headers: { 'Authorization': `Bearer ${free.token}`, 'Content-Type': 'application/json', 'If-Match': '"0"' },
			body: JSON.stringify({ scores: { [contest.entries[1].id]: { [criterion.id]: criterion.min + criterion.step } },
				recused: {}, comments: { [contest.entries[1].id]: '아무도 못 볼 말' }, state: 'draft' }),
		});
		assert.equal(reply.status, 200, reply.text);
		const row = (name) => page.locator('.o-people tbody tr').filter({ has: page.getByRole('rowheader', { name }) });
		await shows(row(free.name), say('ko', 'organiser.experts.state.draft'));
		assert.match(await row(free.name).textContent(), /임시저장1\/20/);
		assert.match(await row(kaist.name).textContent(), /제척: 업스테이지 \(한국과학기술원\)/);
		const behind = page.locator('#experts tbody tr').filter({ hasText: '업스테이지' }).first();
		assert.match(await behind.textContent(), /\d+명 중 \d+명, 제척·회피 1명/);
		const progress = (await instance.get(`${round.path}/progress`, { headers: { Authorization: `Bearer ${(await invite('observer')).token}` } })).text;
		assert.doesNotMatch(progress, /아무도 못 볼 말/);
		assert.doesNotMatch(progress, /"scores"/);
		assertNoFaults(context);
		await context.close();
	});

	test('an act is done only with its reason and the name typed again; the log says so and its chain is checked here', async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('organiser'));
		await button(page, 'organiser.do.pause').click();
		const dialog = await confirm(page, 'organiser.do.pause', { name: '다른 이름' });
		await shows(dialog.getByRole('alert'), say('ko', 'organiser.ask.name_differs'));
		assert.equal(await phase(), 'open');
		await confirm(page, 'organiser.do.pause', { why: '' });
		await shows(dialog.getByRole('alert'), say('ko', 'organiser.ask.why_missing'));
		await confirm(page, 'organiser.do.pause', { why: '전산 점검' });
		await dialog.waitFor({ state: 'detached' });
		await shows(page.locator('.strip-badges'), say('ko', 'phase.paused'));
		assert.equal(await phase(), 'paused');
		await shows(page.locator('.o-log li').first(), '전산 점검');
		assert.doesNotMatch(await page.locator('.o-log').textContent(), /[{}"[\]]|\b(person|people|revision|entry|sheet|reason): /, 'not in words');
		await page.locator('#audit').scrollIntoViewIfNeeded();
		const n = await page.locator('.o-log li').first().getAttribute('value');
		await shows(page.locator('#audit .verdict-good'), say('ko', 'organiser.audit.good', { n }));
		await button(page, 'organiser.do.resume').click();
		await confirm(page, 'organiser.do.resume');
		await shows(page.locator('.strip-badges'), say('ko', 'phase.open'));
		await shows(page.locator('#audit .verdict-good'), say('ko', 'organiser.audit.good', { n: Number(n) + 1 }));
		assertNoFaults(context);
		await context.close();
	});

	test('a log that was changed is told, and where', async () => {
		const context = await newBrowser(browser, instance);
		await context.route('**/audit?*', async (route) => {
			const reply = await route.fetch();
			const body = await reply.json();
			body.raw[1] = body.raw[1].replace('operator', 'opErator');
			await route.fulfill({ response: reply, json: body });
		});
		const page = await open(context, await invite('organiser'));
		await page.locator('#audit').scrollIntoViewIfNeeded();
		await shows(page.locator('#audit .verdict-bad'), say('ko', 'organiser.audit.bad', { n: 3 }).slice(0, 20));
		await context.close();
	});

	test('the close is moved later by a time of the contest\'s zone, never earlier', async () => {
		const context = await newBrowser(browser, instance, { timezoneId: 'America/New_York' });
		const page = await open(context, await invite('organiser'));
		const before = Date.parse((await instance.get(round.path)).json.closes_at);
		const seoul = (ms) => new Date(ms + 9 * HOUR_MS).toISOString().slice(0, 16);
		await button(page, 'organiser.do.extend').click();
		await page.locator('#ask-until').fill(seoul(before - HOUR_MS));
		const dialog = await confirm(page, 'organiser.do.extend');
		await shows(dialog.getByRole('alert'), say('ko', 'organiser.ask.until_wrong'));
		const wanted = Math.floor((before + 2 * HOUR_MS) / 60_000) * 60_000;
		await page.locator('#ask-until').fill(seoul(wanted));
		await confirm(page, 'organiser.do.extend');
		await dialog.waitFor({ state: 'detached' });
		assert.equal(Date.parse((await instance.get(round.path)).json.closes_at), wanted);
		await shows(page.locator('.o-left'), /^0[12]:\d\d:\d\d$/);
		assertNoFaults(context);
		await context.close();
	});

	test('a notice is previewed, put up for all pages and taken down', async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('organiser'));
		await page.locator('#notice-ko').fill('점검이\n있습니다 <b>\n');
		await page.locator('#notice-en').fill('Maintenance');
		await shows(page.locator('.o-preview'), '점검이 있습니다 <b>');
		await button(page, 'organiser.notice.put').click();
		await eventually(async () => (await instance.get(round.path)).json.notice?.ko === '점검이 있습니다 <b>', 'the notice');
		await button(page, 'organiser.notice.remove').click();
		await eventually(async () => (await instance.get(round.path)).json.notice === null, 'no notice');
		assertNoFaults(context);
		await context.close();
	});

	test('an observer sees the same without the controls', async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('observer'));
		for (const id of ['tally', 'turnout', 'experts', 'standing', 'health', 'requests', 'audit', 'exports'])
			assert.equal(await page.locator(`#${id}`).count(), 1, id);
		assert.equal(await page.locator('#acts, form, .o-danger').count(), 0);
		assertNoFaults(context);
		await context.close();
	});

	test('files are downloaded with the invitation, with a byte order mark where wanted; sheets only after the close', async () => {
		const context = await newBrowser(browser, instance);
		const page = await open(context, await invite('organiser'));
		const take = async (key, kind) => {
			const [download] = await Promise.all([page.waitForEvent('download'),
				page.getByRole('button', { name: `${say('ko', key)} ${kind}`, exact: true }).click()]);
			return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
		};
		const csv = await take('organiser.exports.tally', 'CSV');
		assert.equal(csv.name, `${contest.id}-tally.csv`);
		assert.deepEqual([...csv.bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
		await page.locator('#exports-mark').uncheck();
		assert.notEqual((await take('organiser.exports.tally', 'CSV')).bytes[0], 0xef);
		assert.ok(JSON.parse((await take('organiser.exports.turnout', 'JSON')).bytes.toString()));
		assert.equal((await take('organiser.exports.audit', 'JSON')).name, `${contest.id}-audit.ndjson`);
		assert.equal(await page.locator('#exports button:disabled').count(), 6);
		assertNoFaults(context);
		await context.close();
	});

	test('without the stream the page asks, says so, and still counts', async () => {
		const context = await newBrowser(browser, instance);
		await context.route('**/progress/stream', (route) => route.abort());
		const page = await open(context, await invite('organiser'));
		await shows(page.locator('.connection'), say('ko', 'live.polling'));
		const before = (await instance.tally(contest.id)).ballots;
		await vote(0, 3);
		await shows(figure(page, 0), String(before + 3));
		assertNoFaults(context);
		await context.close();
	});

	test('a revoked invitation ends the page at once, with a word', async () => {
		const context = await newBrowser(browser, instance);
		const person = await invite('organiser');
		const page = await open(context, person);
		await ctl('revoke', person.id, '--why', 'test');
		await heading(page, 'named.revoked').waitFor();
		assert.equal(await page.locator('.o-figures').count(), 0);
		await page.reload();
		await heading(page, 'named.none').waitFor();
		assertNoFaults(context);
		await context.close();
	});

	for (const language of languages('en'))
		for (const colorScheme of axeSchemes(language))
			test(`axe finds nothing: ${language}, ${colorScheme}`, async () => {
				const context = await newBrowser(browser, instance, { colorScheme, reducedMotion: 'reduce' });
				const page = await open(context, await invite('organiser'), language);
				const look = async (what) => {
					const { violations } = await new AxeBuilder({ page })
						.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
					assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ target }) => target).join('; ')}`), []);
				};
				await page.locator('details').evaluateAll((all) => all.forEach((one) => {
					one.open = true;
				}));
				await page.locator('#turnout').scrollIntoViewIfNeeded();
				await look('page');
				await button(page, 'organiser.do.close', {}, language).click();
				await look('dialog');
				await page.keyboard.press('Escape');
				assert.equal(await page.getByRole('dialog').count(), 0);
				await context.close();
			});

	for (const language of languages('en'))
		test(`320 pixels wide, also in the largest type: nothing to scroll sideways (${language})`, async () => {
			const context = await newBrowser(browser, instance, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
			for (const size of ['1', '3']) {
				await context.addInitScript((n) => localStorage.setItem('tallyd.size', n), size);
				const page = await open(context, await invite('organiser'), language);
				await page.locator('#turnout').scrollIntoViewIfNeeded();
				const { wide, culprits } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth,
					culprits: [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > 321 && !e.closest('.scroll'))
						.map((e) => `${e.localName}.${e.className}`).slice(0, 5) }));
				assert.ok(wide <= 320, `size ${size}: ${wide} px: ${culprits.join(', ')}`);
				await page.close();
			}
			await context.close();
		});

	test('the first load is at most 90 KB', async () => {
		const context = await newBrowser(browser, instance);
		const page = await context.newPage();
		const { token } = await invite('organiser');
		const bytes = await weigh(page, 20_000, async () => {
			await page.goto(`/organiser/#token=${token}`);
			await page.locator('#stage:not([aria-busy]) .o-figures').waitFor();
		});
		assert.ok(bytes <= FIRST_LOAD_MAX, `${bytes} bytes`);
		await context.close();
	});

	test('an early close waits for a second organiser, who approves it; then nothing reopens', async () => {
		const context = await newBrowser(browser, instance);
		const [first, second] = [await invite('organiser'), await invite('organiser')];
		const page = await open(context, first);
		await button(page, 'organiser.do.close').click();
		// Professional users weigh something, and none of them has handed in a sheet.
		await shows(page.locator('dialog strong'), say('ko', 'organiser.unrated.close'));
		await shows(page.locator('dialog strong'), say('ko', 'organiser.unrated.none', { panel: '전문 사용자', weight: '25' }));
		const dialog = await confirm(page, 'organiser.do.close', { why: '모두 투표함' });
		await dialog.waitFor({ state: 'detached' });
		await shows(page.locator('#requests li'), '모두 투표함');
		await shows(page.locator('#requests li'), say('ko', 'organiser.requests.mine'));
		assert.equal(await button(page, 'organiser.requests.approve').count(), 0);
		assert.equal(await phase(), 'open');
		const other = await open(await newBrowser(browser, instance), second);
		await shows(other.locator('#requests li'), first.name);
		await button(other, 'organiser.requests.approve').click();
		await confirm(other, 'organiser.requests.approve');
		await shows(page.locator('.strip-badges'), say('ko', 'phase.closed'));
		assert.equal(await phase(), 'closed');
		await button(page, 'organiser.do.publish').waitFor();
		assert.equal(await button(page, 'organiser.do.close').count(), 0);
		// An expert who is invited now is told that there is nothing to rate any more.
		const late = await page.context().newPage();
		await late.goto(`${at('ko', '/expert/')}#token=${(await expert()).token}`);
		await late.getByText(say('ko', 'expert.phase.late'), { exact: true }).waitFor();
		await shows(late.locator('#saved'), say('ko', 'expert.save.shut'));
		await late.close();
		// After the close organisers see what experts said, still marked.
		await page.locator('#standing .o-embargo').waitFor();
		assert.equal(await page.locator('#exports button:disabled').count(), 0);
		assertNoFaults(context);
		await context.close();
		await other.context().close();
	});
});
