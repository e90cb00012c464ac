// The results page from the first vote to a corrected result: citizens, experts and the standing, as far as the
// contest makes them public, in both languages.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { eventually, startInstance } from '../live/lib/instance.mjs';
import { Round } from '../live/lib/protocol.mjs';
import { ctlDone } from '../live/lib/acts.mjs';
import { complete, inviteTable } from '../live/lib/sheets.mjs';
import { LANGUAGES, assertNoFaults, at, launch, newBrowser, say } from './lib/browser.mjs';

const text = (ko, en) => ({ ko, en });
const PLACE = 'https://count.example/';
const stage = (publish) => ({ stage: {
	publish,
	subtotals: [{ id: 'benchmark', name: text('벤치마크', 'Benchmark') }],
	parts: [
		{ id: 'global', name: text('글로벌', 'Global'), source: 'metric', subtotal: 'benchmark', weight: 30, scale: 'points', out_of: 100 },
		{ id: 'own', name: text('개별', 'Own'), source: 'metric', subtotal: 'benchmark', weight: 10, scale: 'min-max' },
		{ id: 'experts', name: text('전문가', 'Experts'), source: 'panel', panel: 'experts', weight: 60, scale: 'points' },
		{ id: 'citizens', name: text('국민', 'Citizens'), source: 'citizens', weight: 0, scale: 'share-of-maximum' },
	],
	advance: { count: 3, refill: false, ties: 'included' },
} });

/** An instance whose six experts have rated: the first is of KAIST, the second recuses herself, one hands in nothing. */
async function rated(publish) {
	const instance = await startInstance({ contest: { ...stage(publish), rehearsal: { published_at: [PLACE] } } });
	const round = new Round(instance);
	const { entries } = (await instance.get(round.path)).json;
	const ids = entries.map(({ id }) => id);
	for (const [n, entry] of [[1, 0], [3, 1], [2, 2]])
		for (let i = 0; i < n; i++)
			assert.equal((await round.castUntilAnswered(round.mint(), { choices: [ids[entry]] })).status, 201);
	const experts = await inviteTable(round, ['KAIST', '나래', '다온', '라온', '마루', '바다', '사랑'].map((affiliation, i) =>
		({ name: `평가${i}`, affiliation })));
	for (const [i, expert] of experts.slice(0, 6).entries()) {
		const sheet = complete(await expert.sheet(), ids, { without: i === 1 ? ['lg-ai-research'] : [] });
		if (i === 1)
			sheet.recused = { 'lg-ai-research': '자문' };
		for (const [team, scores] of Object.entries(sheet.scores))
			for (const criterion of Object.keys(scores))
				scores[criterion] -= (ids.indexOf(team) + i) % 3;
		await expert.saved(sheet, 0);
	}
	const file = path.join(instance.dir, 'metrics.csv');
	await writeFile(file, ['part,entry,value,source,as_of,method', ...ids.flatMap((id, i) =>
		[`global,${id},${90 - 7.3 * i},NIA,2026-11-20,m`, `own,${id},${50 + i},NIA,2026-11-20,m`])].join('\n'));
	await ctlDone(instance, 'metrics', 'import', file, '--why', 'measured');
	return { instance, round, entries, ids, snapshot: (wanted) => eventually(async () => {
		const now = await instance.tally(round.id);
		return wanted(now) && now;
	}, 'the snapshot') };
}

const publish = async ({ instance }) => {
	await ctlDone(instance, 'close', '--why', 'the hour');
	await ctlDone(instance, 'publish', '--why', 'counted');
};

const number = (element) => Number(element.replace(/[^\d.-]/g, ''));

describe('results', () => {
	let browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser?.close());

	const open = async (instance, language, options = {}) => {
		const context = await newBrowser(browser, instance, { reducedMotion: 'reduce', ...options });
		const page = await context.newPage();
		await page.goto(at(language, '/results/'));
		await page.locator('#citizens').waitFor();
		return { context, page };
	};

	/** Nothing for axe to find, nothing to scroll sideways, no fault. */
	async function look({ context, page }, what) {
		const { violations } = await new AxeBuilder({ page })
			.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
		assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ target }) => target).join('; ')}`), []);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is too wide`);
		assertNoFaults(context);
	}

	const downloaded = async (page, button) => {
		const [file] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
		return readFile(await file.path(), 'utf8');
	};

	/** The projector: all at once, its numerals large enough for a hall. */
	async function hall(context, language, check) {
		const screen = await context.newPage();
		await screen.setViewportSize({ width: 1920, height: 1080 });
		await screen.goto(at(language, '/projector/'));
		await screen.locator('.p-board li').first().waitFor();
		await check(screen);
		const { scrolls, smallest } = await screen.evaluate(() => ({
			scrolls: document.documentElement.scrollHeight > innerHeight,
			smallest: Math.min(...[...document.querySelectorAll('.p-rank, .p-votes, .p-value')].map((e) => parseFloat(getComputedStyle(e).fontSize))),
		}));
		assert.ok(!scrolls && smallest >= 64, `${scrolls} ${smallest}`);
		await screen.close();
	}

	test('from embargo to a corrected result, live in every window', async (t) => {
		const here = await rated('full');
		const { instance, ids, entries, snapshot } = here;
		t.after(() => instance.stop());
		const windows = {};
		for (const language of LANGUAGES)
			windows[language] = await open(instance, language);
		const each = async (check) => {
			for (const language of LANGUAGES)
				await check(windows[language].page, language, (key, values) => say(language, key, values));
		};
		const name = (id, language) => entries.find((entry) => entry.id === id).name[language];

		// Under embargo the boards say so, and hold no number.
		await each(async (page, language, words) => {
			for (const board of ['#experts', '#standing']) {
				await page.locator(board).getByText(words('board.withheld.on-publish')).waitFor();
				assert.equal(await page.locator(`${board} table`).count(), 0);
			}
			assert.equal(await page.locator('#citizens').getByText(words('results.reference')).count(), 1);
			assert.equal(await page.locator('#csv-standing').isVisible(), false);
			await hall(windows[language].context, language, async (screen) => {
				const title = say(language, 'results.for_reference', { title: { ko: '국민', en: 'Citizens' }[language] });
				await screen.getByRole('heading', { name: title, exact: true }).waitFor();
				assert.equal(await screen.locator('.p-board li').count(), ids.length);
			});
		});

		// A notice comes by itself, stands on other pages too, and goes.
		await ctlDone(instance, 'notice', '--ko', '잠시 늦어집니다.', '--en', 'A little late.');
		await each(async (page, language) => {
			await page.getByRole('status').getByText({ ko: '잠시 늦어집니다.', en: 'A little late.' }[language]).waitFor();
		});
		const other = await windows.ko.context.newPage();
		for (const target of ['/', '/vote/', '/help/', '/projector/', `/team/?id=${ids[0]}`]) {
			await other.goto(target);
			await other.getByRole('status').getByText('잠시 늦어집니다.').waitFor();
		}
		await other.close();
		await ctlDone(instance, 'notice', '--clear');
		await each((page) => page.locator('.notice-organiser').waitFor({ state: 'detached' }));

		await publish(here);
		await ctlDone(instance, 'disqualify', 'upstage', '--ko', '독자성 기준 미달', '--en', 'Independence');
		const { experts, standing, formula } = await snapshot(({ standing }) => standing.some(({ disqualified }) => disqualified));
		await each(async (page, language, words) => {
			await page.getByText(words('outcome.provisional')).waitFor();
			await page.getByText({ ko: '결격 사유: 독자성 기준 미달', en: 'Disqualified: Independence' }[language]).waitFor();
			assert.equal(await page.locator('#phase .badge-provisional').count(), 1);

			// Experts: the value, the spread, and everybody accounted for.
			const panel = experts.panels.find(({ id }) => id === 'experts');
			for (const [i, row] of panel.entries.entries()) {
				const line = page.locator('#experts .panel').first().locator('tbody tr').nth(i);
				const words_ = await line.locator('.under').first().textContent();
				assert.ok(words_.includes(words('experts.n', { n: row.n, of: row.of })), words_);
				assert.equal(words_.includes(words('experts.recused', { n: row.recused })), row.recused > 0, words_);
				assert.ok(words_.includes(words('experts.absent', { n: 1 })), words_);
				const [value, spread] = await line.getByRole('cell').allTextContents();
				if (row.withheld) {
					assert.deepEqual([value, spread], ['–', '–']);
					assert.equal(await line.getByText(words('experts.too_few')).count(), 1);
				} else
					assert.deepEqual([value, spread], [row.value.toFixed(2), row.spread.toFixed(2)]);
			}

			// The standing: order, points, the line between the last that advances and the first that does not.
			const sorted = [...standing].sort((a, b) => (a.rank ?? 99) - (b.rank ?? 99));
			const lines = await page.locator('#standing tbody tr').evaluateAll((rows) => rows.map((row) =>
				row.className === 'cut' ? 'cut' : [row.querySelector('.board-name').textContent, row.querySelector('.figure').textContent]));
			const cut = sorted.map(({ advanced }) => advanced).lastIndexOf(true) + 1;
			assert.ok(cut > 0 && cut < sorted.length);
			assert.equal(lines.indexOf('cut'), cut);
			assert.deepEqual(lines.filter((line) => line !== 'cut').map(([who, points]) => [who, points === '–' ? null : number(points)]),
				sorted.map(({ entry, points }) => [name(entry, language), points]));
			const style = await page.locator('.cut span').evaluate((line) => getComputedStyle(line).borderTopStyle);
			assert.equal(style, 'dashed');
			// Every part, with its subtotal behind.
			const heads = await page.locator('.parts thead th').allTextContents();
			assert.equal(heads.length, 1 + formula.parts.length + formula.subtotals.length + 1);

			// The formula holds the best's own numbers.
			await page.locator('details:has(#formula) > summary').click();
			const best = sorted.find(({ points }) => points !== null);
			const example = await page.locator('.formula tbody tr').first().locator('td').last().textContent();
			assert.equal(example, `${best.parts.global.value} ÷ 100 × 30 = ${best.parts.global.points}`);
			const refill = await page.locator('#formula .bullets li').last().textContent();
			assert.ok(refill.endsWith(words('formula.refill.false').split(/\{[^}]*\}/).at(-1)), refill);
			await look(windows[language], 'published');
			await hall(windows[language].context, language, async (screen) => {
				await screen.getByRole('heading', { name: words('standing.title'), exact: true }).waitFor();
				assert.deepEqual(await screen.locator('.p-name').evaluateAll((all) => all.map((one) => one.firstChild.textContent)),
					sorted.map(({ entry }) => name(entry, language)));
				assert.deepEqual(await screen.locator('.p-fate').allTextContents(), sorted.map((row) => row.disqualified
					? words('standing.disqualified') : row.advanced ? words('standing.advanced') : ''));
			});
			const home = await windows[language].context.newPage();
			await home.goto(at(language));
			await home.locator('#door-results.door-first').waitFor();
			assert.equal(await home.locator('#door-vote').isVisible(), false);
			assert.equal(await home.getByText(words('home.count.live')).count(), 0);
			await home.close();
			assert.ok(await page.locator('#pause').isVisible());
		});
		const csv = await downloaded(windows.ko.page, '#csv-standing');
		assert.ok(csv.startsWith('\uFEFF'));
		const line = csv.split('\r\n').find((one) => one.includes(',upstage,'));
		assert.match(line, /disqualified,독자성 기준 미달/);
		const rows = (await downloaded(windows.en.page, '#csv-experts')).trim().split('\r\n');
		assert.equal(rows.length, 1 + experts.panels.reduce((sum, panel) => sum + panel.entries.length, 0));
		assert.deepEqual(JSON.parse(await downloaded(windows.en.page, '#json')).standing, standing);

		// Where the published copy will stand; once the result is certified, the pages lead there.
		const bundle = async (page, words, when) => {
			if (when === 'later')
				await page.locator('#how-to-verify summary').click();
			await page.locator('#how-to-verify').getByText(words(`published.what_${when}`), { exact: true }).waitFor();
			assert.equal(await page.locator('#how-to-verify').count(), 1);
			assert.equal(await page.locator(`#how-to-verify a[href="${PLACE}"]`).count(), when === 'now' ? 1 : 0);
			assert.equal(await page.locator(`#outcome a[href="${PLACE}"]`).count(), when === 'now' ? 1 : 0);
		};
		await each((page, language, words) => bundle(page, words, 'later'));

		// Certified, and corrected: both versions stay, signed.
		await ctlDone(instance, 'certify', '--why', 'ten days have passed');
		await each(async (page, language, words) => {
			await page.getByText(words('outcome.certified')).waitFor();
			await bundle(page, words, 'now');
			assert.equal(await page.locator('#pause').isVisible() || await page.locator('#connection').isVisible(), false);
		});
		await ctlDone(instance, 'requalify', 'upstage', '--for-correction', '--why', 'upheld');
		await ctlDone(instance, 'correct', '--why', 'an objection was upheld');
		await each(async (page, language, words) => {
			await page.getByText(words('outcome.corrected')).waitFor();
			await page.locator('#phase .badge-corrected').waitFor();
			await page.locator('.versions li').nth(1).waitFor();
			const links = page.locator('.versions a');
			assert.deepEqual(await links.allTextContents(), [
				words('outcome.version', { n: 2, kind: words('results.kind.corrected') }),
				words('outcome.version', { n: 1, kind: words('results.kind.certified') })]);
			const { document } = (await instance.get(await links.first().getAttribute('href'))).json;
			const hash = crypto.createHash('sha256').update(document).digest('hex');
			assert.ok((await page.locator('.versions li').first().textContent()).includes(hash));
			assert.equal(await page.locator('#standing .is-out').count(), 0);
			await look(windows[language], 'corrected');
		});
		const projector = await windows.ko.context.newPage();
		await projector.goto('/projector/');
		await projector.locator('#phase .badge-corrected').waitFor();

		for (const language of LANGUAGES) {
			const narrow = await open(instance, language, { viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
			await narrow.page.locator('#standing tbody tr').first().waitFor();
			await look(narrow, `320 px, ${language}`);
			await narrow.context.close();
			// Beside each other where there is room.
			const wide = await open(instance, language, { viewport: { width: 1440, height: 900 } });
			await wide.page.locator('#standing tbody tr').first().waitFor();
			const tops = await wide.page.locator('.board').evaluateAll((boards) => boards.map((one) => one.getBoundingClientRect().top));
			assert.equal(new Set(tops).size, 1, tops.join());
			await wide.context.close();
			await windows[language].context.close();
		}
	});

	test('the best and the mean: nobody else\'s points, but who advances', async (t) => {
		const here = await rated('top-and-mean');
		t.after(() => here.instance.stop());
		await publish(here);
		const { standing, formula } = await here.snapshot(({ formula }) => formula);
		assert.equal(standing.length, 1);
		for (const language of LANGUAGES) {
			const shown = await open(here.instance, language);
			const { page } = shown;
			await page.locator('#standing .mean').waitFor();
			const figures = await page.locator('#standing tbody .figure').allTextContents();
			assert.deepEqual(figures.map(number), [standing[0].points, formula.mean]);
			const advancing = await page.locator('.advancing li').allTextContents();
			assert.deepEqual(advancing, formula.advanced.map((id) => here.entries.find((entry) => entry.id === id).name[language]));
			assert.equal(formula.advanced.length, 3);
			assert.equal(await page.locator('.cut').count(), 0);
			assert.equal(await page.locator('.parts').count(), 0);
			await look(shown, 'top and mean');
			await shown.context.close();
		}
	});

	test('who advances, and no points at all', async (t) => {
		const here = await rated('advancers');
		t.after(() => here.instance.stop());
		await publish(here);
		await ctlDone(here.instance, 'disqualify', 'upstage', '--ko', '독자성 기준 미달', '--en', 'Independence');
		const { standing } = await here.snapshot((now) => now.formula?.disqualified?.length > 0);
		const advancing = standing.map(({ entry }) => entry);
		const nameOf = (id) => here.entries.find((entry) => entry.id === id).name.ko;
		const shown = await open(here.instance, 'ko');
		await shown.page.locator('.advancing li').nth(advancing.length - 1).waitFor();
		assert.deepEqual(await shown.page.locator('.outs li').allTextContents(), [`${nameOf('upstage')}결격 사유: 독자성 기준 미달`]);
		await hall(shown.context, 'ko', async (screen) => {
			await screen.getByRole('heading', { name: say('ko', 'standing.who', { noun: '팀' }) }).waitFor();
			assert.deepEqual(await screen.locator('.p-name').allTextContents(), advancing.map(nameOf));
			await screen.getByText(`결격된 팀: ${nameOf('upstage')}`).waitFor();
		});
		assert.equal(await shown.page.locator('#standing table').count(), 0);
		assert.equal(await shown.page.locator('#standing .figure').count(), 0);
		await look(shown, 'advancers');
		await shown.context.close();
	});
});
