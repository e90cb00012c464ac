// A published bundle on a host of plain files: what its pages show and prove, that they ask for nothing that is not
// there, and that whatever was changed is told.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { newKey, note, printOpening } from '../unit/js/tree.mjs';
import { LANGUAGES, assertNoFaults, at, languages, launch, newBrowser, say } from './lib/browser.mjs';
import { PLACES, logOf, openingOf, resultKey, resultName, resultNote, runCount, served, sum } from './lib/count.mjs';
import { startHost } from './lib/host.mjs';

describe('published', () => {
	let browser, count, host;
	before(async () => {
		count = await runCount();
		host = await startHost(new Map(count.bundle));
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await host?.stop();
	});

	/** The bundle with some files changed: path → bytes, text, or null for none. */
	function serve(changes = {}) {
		host.files.clear();
		for (const [name, bytes] of count.bundle)
			host.files.set(name, bytes);
		for (const [name, bytes] of Object.entries(changes))
			if (bytes === null)
				host.files.delete(name);
			else
				host.files.set(name, Buffer.from(bytes));
		host.forget();
	}

	const published = () => JSON.parse(count.bundle.get('/published.json'));

	async function open(language, target, options = {}) {
		const context = await newBrowser(browser, host, { reducedMotion: 'reduce', ...options });
		const page = await context.newPage();
		page.on('requestfailed', (request) => { // a page that is left breaks off what it still asks for
			if (request.failure().errorText !== 'net::ERR_ABORTED')
				context.faults.push(`${request.url()}: ${request.failure().errorText}`);
		});
		await page.goto(at(language, target));
		return { context, page, language };
	}

	const downloaded = async (page, button) => {
		const [file] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
		return readFile(await file.path(), 'utf8');
	};

	const proven = ({ page, language }) =>
		page.getByText(say(language, 'published.good', { n: 1 }), { exact: true }).waitFor();
	const settled = (page) => page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton'));

	async function look({ context, page, language }, what) {
		const { violations } = await new AxeBuilder({ page })
			.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
		assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ target }) => target).join('; ')}`), []);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is too wide`);
		assertNoFaults(context);
		if (process.env.SHOTS)
			await page.screenshot({ path: `${process.env.SHOTS}/published-${what}-${language}.png`, fullPage: true });
	}

	for (const language of languages('en'))
		test(`${language}: the certified result, proven by the browser; nothing is asked for that is not there`, async () => {
			serve();
			const shown = await open(language, '/results/');
			const { page } = shown;
			await proven(shown);
			await page.locator('#phase .badge-certified').waitFor();
			await page.getByText(say(language, 'outcome.certified')).waitFor();
			const connection = page.locator('#connection');
			assert.equal(await connection.textContent(), say(language, 'live.published'));
			assert.ok(await connection.isVisible());
			for (const id of ['#pause', '#late', '#projector'])
				assert.equal(await page.locator(id).isVisible(), false, id);
			const { tally, results: [{ sha256: hash }] } = published();
			const votes = await page.locator('#citizens tbody tr').evaluateAll((rows) => rows.map((row) => row.querySelector('.figure').textContent));
			assert.deepEqual(votes.map(Number), tally.citizen.map((row) => row.votes).sort((a, b) => b - a));
			const outcome = await page.locator('#outcome').textContent();
			const day = (at) => new Intl.DateTimeFormat(language === 'ko' ? 'ko-KR' : 'en-GB', { timeZone: 'Asia/Seoul', year: 'numeric', month: 'long', day: 'numeric' })
				.format(new Date(at));
			const { at: certifiedAt } = published().results[0];
			assert.match(outcome, new RegExp(language === 'ko' ? `${day(certifiedAt)}.* 확정` : `certified .*${day(certifiedAt)}`), 'it is said which date it is');
			assert.ok((await page.locator('#as-of').textContent()).includes(day(tally.as_of)), 'of what day the numbers are');
			assert.ok(outcome.includes(hash) && outcome.includes(say(language, 'outcome.version', { n: 1, kind: say(language, 'results.kind.certified') })));
			for (const link of await page.locator('#outcome a').all())
				assert.equal((await page.request.get(await link.getAttribute('href'))).status(), 200);
			assert.ok((await page.locator('#proof').textContent()).includes(published().definition.rules_hash));

			// How to check all of it, with the key to do it with.
			await page.getByText(say(language, 'published.how'), { exact: true }).click();
			assert.equal(await page.locator('#how-to-verify pre').textContent(), `tallyctl verify --key '${resultKey(count)}' ${host.url}/`);
			assert.deepEqual(await page.locator('#how-to-verify li a').evaluateAll((all) => all.map(({ href }) => href)), PLACES, 'the other copies');
			await look(shown, 'results');
			assert.equal((await page.request.get(await page.locator('#how-to-verify p a').getAttribute('href'))).status(), 200);

			assert.deepEqual(JSON.parse(await downloaded(page, '#json')), tally);
			assert.ok((await downloaded(page, '#csv')).includes(`,${tally.citizen[1].votes},`));
			assert.ok((await downloaded(page, '#csv-standing')).includes('advanced'));

			assert.deepEqual(host.failed, []);
			assert.deepEqual(host.asked.filter((target) => target.startsWith('/v1')), []);
			const { headers } = await fetch(`${host.url}/results/`);
			assert.match(headers.get('content-security-policy'), /default-src 'none'.*connect-src 'self';.*trusted-types 'none'/);
			assertNoFaults(shown.context);
			await shown.context.close();
		});

	for (const language of languages('en'))
		test(`${language}: the other pages: two doors, no way to what only a running contest has`, async () => {
			serve();
			const { context, page } = await open(language, '/');
			for (const target of ['/', '/results/', '/verify/', '/help/', '/privacy/', `/team/?id=${count.open.entries[0].id}`]) {
				await page.goto(at(language, target));
				await settled(page);
				await page.waitForLoadState('networkidle');
				const links = await page.locator('a:visible').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
				assert.deepEqual(links.filter((href) => /\/(vote|expert|organiser|projector)\//.test(href)), [], target);
				for (const href of links.filter((one) => one.startsWith('/')))
					assert.equal((await page.request.get(href)).status(), 200, `${target} leads to ${href}`);
				if (target === '/') {
					assert.equal(await page.locator('.door:visible').count(), 2);
					await page.locator('#phase .badge-certified').waitFor();
					assert.equal(await page.locator('#server-time').isVisible(), false);
				}
				assert.equal(await page.locator('.notice-error').count(), 0, target);
				if (target === '/help/') {
					await page.locator('[data-copy]').waitFor();
					assert.equal(await page.locator('[data-live]:visible').count(), 0);
					assert.equal(await page.locator('main h2:visible').count(), 5, 'what is of use in a copy');
				}
			}
			assert.deepEqual(host.failed, []);
			assertNoFaults(context);
			await context.close();
		});

	test('nothing is certified before its signatures are checked', async () => {
		serve();
		const context = await newBrowser(browser, host);
		const page = await context.newPage();
		let go;
		const held = new Promise((resolve) => {
			go = resolve;
		});
		await page.route('**/SHA256SUMS', async (route) => {
			await held;
			await route.continue();
		});
		await page.goto('/');
		await page.locator('#phase').getByText(say('ko', 'phase.checking')).waitFor();
		await page.locator('#left').getByText(say('ko', 'home.checking')).waitFor();
		await page.goto('/results/');
		await page.locator('#citizens tbody tr').first().waitFor();
		await page.locator('#phase').getByText(say('ko', 'phase.checking')).waitFor();
		assert.equal(await page.locator('.badge-certified').count(), 0);
		assert.equal(await page.locator('#outcome').isVisible(), false);
		go();
		await proven({ page, language: 'ko' });
		await page.locator('#phase .badge-certified').waitFor();
		await page.locator('#outcome').waitFor();
		await page.locator('#citizens caption').filter({ hasText: say('ko', 'results.kind.certified') }).waitFor();
		await context.close();
	});

	test('renewed while it is read: everything is read once more before anybody is accused', async () => {
		serve();
		const context = await newBrowser(browser, host);
		const page = await context.newPage();
		let read = 0;
		await page.route('**/SHA256SUMS.note', async (route) => {
			if (read++ > 0)
				return route.continue();
			return route.fulfill({ body: sum(count, new Map(count.bundle).set('/more', Buffer.from('more'))).get('/SHA256SUMS.note') });
		});
		await page.goto('/results/');
		await proven({ page, language: 'ko' });
		assert.equal(read, 2);
		await context.close();
	});

	test('320 pixels, dark', async () => {
		serve();
		for (const language of languages('en')) {
			const shown = await open(language, '/results/', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
			await proven(shown);
			await shown.page.getByText(say(language, 'published.how'), { exact: true }).click();
			await look(shown, 'narrow');
			await shown.context.close();
		}
	});

	test('whatever was changed is told, and nothing calls itself certified', async () => {
		const copy = () => published();
		const text = (value) => JSON.stringify(value);
		const votes = copy();
		votes.tally.citizen[0].votes += 1;
		const names = copy();
		[names.definition.entries[0].name, names.definition.entries[1].name] = [names.definition.entries[1].name, names.definition.entries[0].name];
		const version = copy();
		version.results[0].at = '2020-01-01T00:00:00.000Z';
		const stand = copy();
		stand.tally.standing[0].advanced = false;
		const phase = copy();
		phase.tally.phase = 'corrected';
		const document = count.bundle.get('/results/1.json').toString();
		const changed = document.replace('"ballots":11', '"ballots":12');
		const other = newKey();
		const sums = count.bundle.get('/SHA256SUMS').toString();
		const renamed = sum(count, new Map(count.bundle).set('/published.json', Buffer.from(text(names))), other);
		const newer = sum(count, new Map(count.bundle), count.keys.result, 2);
		const cases = [
			['votes', 'numbers', { '/published.json': text(votes) }],
			['the standing', 'numbers', { '/published.json': text(stand) }],
			['the phase', 'numbers', { '/published.json': text(phase) }],
			['names', 'files', { '/published.json': text(names) }],
			['names, and the list', 'files', { '/published.json': text(names), '/SHA256SUMS': renamed.get('/SHA256SUMS') }],
			['names, the list, and a note of another key', 'files', Object.fromEntries(renamed)],
			['when it was certified', 'note', { '/published.json': text(version) }],
			['the document', 'note', { '/results/1.json': changed }],
			['the document, signed by another key', 'note', { '/results/1.json': changed, '/results/1.note': resultNote(count, changed, other) }],
			['the note', 'note', { '/results/1.note': note('tallyd result v1\n', resultName(count), count.keys.result) }],
			['a line of the list', 'files', { '/SHA256SUMS': sums.replace(/^./, (digit) => digit === '0' ? '1' : '0') }],
			['the list of a newer version', 'mixed', { '/SHA256SUMS.note': newer.get('/SHA256SUMS.note') }],
			['no list', 'unreachable', { '/SHA256SUMS': null }],
			['no document', 'unreachable', { '/results/1.json': null }],
		];
		assert.notEqual(changed, document);
		for (const [i, [what, why, files]] of cases.entries()) {
			serve(files);
			const shown = await open(LANGUAGES[i % 2], '/results/');
			const { page, language } = shown;
			await page.getByRole('alert').getByText(say(language, `published.bad.${why}`)).waitFor();
			const accused = ['mixed', 'unreachable'].includes(why) ? 0 : 1;
			assert.equal(await page.getByText(say(language, 'published.bad'), { exact: true }).count(), accused, what);
			assert.equal(await page.getByText(say(language, 'published.next'), { exact: true }).count(), accused, what);
			await page.locator('#phase').getByText(say(language, 'phase.unproven')).waitFor();
			assert.equal(await page.locator('.badge-certified').count(), 0, what);
			assert.equal(await page.locator('#outcome').isVisible() || await page.locator('#proof').isVisible(), false, what);
			const caption = await page.locator('#citizens caption').textContent();
			assert.ok(caption.includes(say(language, 'results.kind.unproven')), caption);
			const claims = ['certified', 'provisional', 'corrected'].map((kind) => say(language, `results.kind.${kind}`));
			const said = await page.locator('main').textContent(); // what only a print shows included
			assert.deepEqual(claims.filter((claim) => said.includes(claim)), [], what);
			if (what === 'votes') {
				await look(shown, 'changed');
				assert.match(await downloaded(page, '#csv'), /,unproven,/);
				assert.equal(JSON.parse(await downloaded(page, '#json')).phase, 'unproven');
				for (const target of ['/', '/verify/', '/help/']) {
					await page.goto(at(language, target));
					await page.getByRole('alert').getByText(say(language, `published.bad.${why}`)).waitFor();
					if (target !== '/')
						continue;
					await page.locator('#phase').getByText(say(language, 'phase.unproven')).waitFor();
					await page.locator('#left').getByText(say(language, 'home.unproven')).waitFor();
					const home = await page.locator('main').textContent();
					assert.deepEqual(claims.concat(say(language, 'home.certified')).filter((claim) => home.includes(claim)), []);
				}
			}
			await shown.context.close();
		}
		serve({ '/published.json': null });
		const shown = await open('ko', '/results/');
		await shown.page.locator('#results').getByText(say('ko', 'trouble.published')).waitFor();
		await shown.context.close();
	});

	describe('verifying in it', () => {
		const home = () => `/log/${count.id}/0/`;
		const fragment = (opening) => `#${Buffer.from(printOpening(opening)).toString('base64url')}`;
		const verdict = ({ page, language }, name) =>
			page.getByRole('heading', { level: 2, name: say(language, `verdict.${name}`), exact: true }).waitFor();

		for (const language of languages('en'))
			test(`${language}: a voter's ballot, in the very log that the result names, without a server`, async () => {
				serve();
				const shown = await open(language, `/verify/${fragment(count.voted[4])}`);
				const { page } = shown;
				await verdict(shown, 'included');
				await page.getByText(say(language, 'next.included-final')).waitFor();
				await page.getByText(say(language, 'verify.details'), { exact: true }).click();
				await page.locator('.step-good', { hasText: say(language, 'step.certified') }).waitFor();
				await page.getByRole('button', { name: say(language, 'verify.opens') }).click();
				await page.getByText(count.open.entries[1].name[language], { exact: true }).waitFor();
				await page.locator('#how-to-verify').waitFor();
				await look(shown, 'verify');
				assert.deepEqual(host.failed, []);
				assert.deepEqual(host.asked.filter((target) => target.startsWith('/v1')), []);
				await shown.context.close();
			});

		test('a copy that is not confirmed never tells the good news alone', async () => {
			const names = published();
			names.definition.about.ko += '.';
			for (const [i, [why, files]] of [['files', { '/published.json': JSON.stringify(names) }], ['unreachable', { '/SHA256SUMS': null }]].entries()) {
				serve(files);
				const shown = await open(LANGUAGES[i % 2], `/verify/${fragment(count.voted[4])}`);
				const { page, language } = shown;
				await verdict(shown, 'included-unproven');
				await page.getByText(say(language, 'next.included-unproven'), { exact: true }).waitFor();
				await page.getByRole('alert').getByText(say(language, `published.bad.${why}`)).waitFor();
				assert.equal(await page.locator('.found-good').count(), 0);
				await look(shown, 'verify-unproven');
				await shown.context.close();
			}
		});

		test('a changed tile, another log, another result', async () => {
			const log = logOf(count, count.voted);
			assert.equal(log.rootAt(11).toString('base64'), count.bundle.get(`${home()}checkpoint`).toString().split('\n')[2],
				'the test builds the log that the daemon sealed');
			const tile = Buffer.from(count.bundle.get(`${home()}tile/0/000.p/11`));
			tile[32 * 9] ^= 1;
			const grown = logOf(count, [...count.voted, openingOf(count, 11)]);
			const rebuilt = logOf(count, [openingOf(count, 0), ...count.voted.slice(1)]);
			const stranger = logOf(count, count.voted, { key: newKey() });
			const held = log.proof(4, { size: 8 });
			const document = count.bundle.get('/results/1.json').toString();
			const forged = document.replace(log.rootAt(11).toString('base64'), rebuilt.rootAt(11).toString('base64'));
			assert.notEqual(forged, document);
			const cases = [
				['log-tiles', { [`${home()}tile/0/000.p/11`]: tile }],
				['log-incomplete', { [`${home()}tile/0/000.p/11`]: null }],
				['log-incomplete', { [`${home()}checkpoint`]: null }],
				['forged-proof', {}, held.replace(/index 4\n.{44}/, `index 4\n${Buffer.alloc(32).toString('base64')}`)],
				['log-checkpoint', Object.fromEntries(served(count, stranger))],
				['log-certified', Object.fromEntries(served(count, grown))],
				['log-rewritten', Object.fromEntries(served(count, rebuilt))],
				['log-result', { '/results/1.json': forged }],
				['log-result', { '/results/1.json': document.slice(0, -20) }],
				['log-result', { '/results/1.note': 'x' }],
				['log-result', { '/results/1.json': forged, '/results/1.note': resultNote(count, forged, newKey()) }],
			];
			for (const [i, [name, files, text = held]] of cases.entries()) {
				serve(files);
				const shown = await open(LANGUAGES[i % 2], '/verify/');
				await shown.page.locator('#form:not([aria-busy])').waitFor();
				await shown.page.locator('#text').fill(text);
				await shown.page.locator('#form button[type=submit]').click();
				await verdict(shown, name);
				assert.equal(await shown.page.getByRole('button', { name: say(shown.language, 'verify.evidence') }).count(),
					['log-certified', 'log-rewritten'].includes(name) ? 1 : 0, name);
				if (['log-incomplete', 'log-result', 'forged-proof'].includes(name))
					await shown.page.getByText(say(shown.language, `next_copy.${name}`), { exact: true }).waitFor();
				await shown.context.close();
			}
			// Without an older checkpoint at hand, a log that was rebuilt says so by another ballot, or by the result.
			serve(Object.fromEntries(served(count, rebuilt)));
			const shown = await open('ko', `/verify/${fragment(count.voted[0])}`);
			await verdict(shown, 'missing-other');
			await shown.context.close();
			const second = await open('ko', `/verify/${fragment(count.voted[4])}`);
			await verdict(second, 'log-certified');
			await second.context.close();
		});
	});
});
