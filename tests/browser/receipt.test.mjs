// After the vote: the page finds its own entry in the log, or says clearly what it could not, and what to do. What is
// saved is read by this test's own means (lib/log.mjs).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { ROOT, eventually, startInstance } from '../live/lib/instance.mjs';
import { Citizen, assertNoFaults, at, axeSchemes, languages, launch, newBrowser, say } from './lib/browser.mjs';
import { PlayedLog, openVotersProof } from './lib/log.mjs';

const VENDOR = path.join(ROOT, 'ops/pages/vendor');

describe('the voter’s receipt', () => {
	let browser, instance, site, contest, log;
	const voters = new Set(); // by what they spent
	before(async () => {
		instance = await startInstance({ contest: { revote: 'replace' } });
		[site] = instance.site.contests;
		contest = (await instance.get(`/v1/contests/${site.id}`)).json;
		log = new PlayedLog(instance);
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	/** A citizen with a browser of their own; `clock`: time passes only where the test lets it. */
	async function aCitizen(language, { clock = false, ...options } = {}) {
		const context = await newBrowser(browser, instance, { reducedMotion: 'reduce', ...options });
		const citizen = new Citizen(await context.newPage(), language);
		citizen.context = context;
		citizen.receipts = [];
		citizen.page.on('response', async (response) => {
			if (!response.url().endsWith('/ballots') || !response.ok())
				return;
			citizen.receipts.push(await response.json());
			voters.add(citizen.receipts.at(-1).spent);
		});
		if (clock)
			await citizen.page.clock.install();
		return citizen;
	}

	const leave = async ({ context }) => {
		assertNoFaults(context);
		await context.close();
	};

	const line = ({ page }) => page.locator('.in-log-line');
	const told = (citizen, key) => line(citizen).getByText(citizen.say(key), { exact: true });
	const text = ({ page }) => page.locator('.in-log-text');

	/** Lets time pass until something stands on the page; answers come in their own time. */
	const passUntil = ({ page }, locator, step = 1000) => eventually(async () => {
		await page.clock.runFor(step);
		return locator.isVisible();
	}, String(locator));

	const answer = (citizen, reply) => citizen.page.route('**/receipts/**', (route) => {
		const given = reply(citizen.receipts.at(-1));
		return given ? route.fulfill(given) : route.abort();
	});
	const notSealed = () => ({ status: 404, headers: { 'retry-after': '1' }, contentType: 'application/problem+json',
		body: JSON.stringify({ type: '/problems#not-sealed', title: 'Not sealed yet', status: 404 }) });
	const proof = (body) => ({ contentType: 'text/plain; charset=utf-8', body });

	/** The contest's definition with other members. */
	const defined = (citizen, members) => citizen.page.route(`**/v1/contests/${site.id}`, async (route) => {
		const response = await route.fetch();
		await route.fulfill({ response, json: { ...await response.json(), ...members } });
	});

	const saved = async (citizen, key) => {
		const [download] = await Promise.all([citizen.page.waitForEvent('download'), citizen.button(key).click()]);
		return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
	};

	/** axe, and nothing to scroll sideways at 320 pixels. */
	async function looksRight(citizen, what) {
		const { page, language } = citizen;
		for (const colorScheme of axeSchemes(language)) {
			await page.emulateMedia({ colorScheme });
			const { violations } = await new AxeBuilder({ page }).analyze();
			assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ target }) => target)}`), []);
		}
		const size = page.viewportSize();
		await page.setViewportSize({ width: 320, height: 640 });
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 320, what);
		await page.setViewportSize(size);
	}

	/** The QR code on the page, module by module, is the one for this text. */
	async function assertQr(page, address) {
		const { correction, generate } = await import(pathToFileURL(path.join(VENDOR, 'qr.js')).href);
		const code = generate(address, { minCorrectionLevel: correction.M });
		const { size, dark } = await page.locator('.qr-code').evaluate((canvas) => {
			const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
			return { size: canvas.width, dark: Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] < 128) };
		});
		const margin = (size - code.size) / 2;
		assert.equal(margin, 4); // modules of quiet zone, ISO 18004
		dark.forEach((is, i) => assert.equal(is, code.get(i % size - margin, Math.floor(i / size) - margin), `module ${i}`));
	}

	for (const language of languages('ko'))
		test(`${language}: voted, counted, found in the log, kept, and still there after a reload`, async () => {
			const citizen = await aCitizen(language, { permissions: ['clipboard-read', 'clipboard-write'] });
			const { page } = citizen;
			const asked = [];
			page.on('request', (request) => asked.push(new URL(request.url()).pathname));
			await citizen.vote(contest.entries[1].name[language]);
			const cast = asked.findIndex((name) => name.endsWith('/ballots'));
			const late = ['/js/tlog.js', '/js/receipt-panel.js', `/i18n/${language}-receipt.js`];
			await told(citizen, 'log.confirmed').waitFor();
			for (const name of late)
				assert.ok(asked.indexOf(name) > cast, `${name} is fetched only after the vote`);
			assert.deepEqual(asked.filter((name) => name.startsWith('/vendor/')), []);
			// One polite message; the reader stays where they were, and nothing tells the choice.
			assert.equal(await page.locator('.in-log [role=status]').textContent(), citizen.say('log.confirmed') + citizen.say('log.confirmed_text'));
			assert.equal(await page.evaluate(() => document.activeElement.localName), 'h1');
			assert.equal(await page.locator('main').getByText(contest.entries[1].name[language]).filter({ visible: true }).count(), 0);
			await page.getByText(citizen.say('keep.warning')).waitFor();

			const record = await citizen.record();
			const file = await saved(citizen, 'keep.save');
			assert.match(file.name, /^[a-z0-9.-]+-\d+\.tlog-proof$/);
			assert.equal(file.text, record.proof);
			const opened = openVotersProof(file.text, site.log_key);
			assert.equal(opened.ballot, `choices\n${contest.entries[1].id}\n`);
			assert.equal(opened.index, record.receipt.index);
			assert.equal(opened.entry, record.receipt.entry);
			assert.equal(opened.identity, `${site.log_name}/${site.id}~rehearsal/${record.receipt.shard}`);
			await citizen.button('keep.copy').click();
			await citizen.button('copied').waitFor();
			assert.equal(await page.evaluate(() => navigator.clipboard.readText()), file.text);

			await citizen.button('keep.qr').click();
			await page.getByRole('img', { name: citizen.say('keep.qr_alt') }).waitFor();
			const address = `${instance.url}${at(language, '/verify/')}#${Buffer.from(opened.opening).toString('base64url')}`;
			await assertQr(page, address);
			await looksRight(citizen, 'confirmed');
			await citizen.button('keep.qr_hide').click();
			assert.equal(await page.locator('.qr-code').count(), 0);

			const other = await newBrowser(browser, instance); // another device's camera opens it
			const check = await other.newPage();
			await check.goto(address);
			await check.getByRole('heading', { name: say(language, 'verdict.included'), exact: true }).waitFor();
			assertNoFaults(other);
			await other.close();

			asked.length = 0;
			await page.reload();
			await citizen.heading('done.here').waitFor();
			await told(citizen, 'log.confirmed').waitFor();
			assert.equal((await saved(citizen, 'keep.save')).text, file.text);
			assert.deepEqual(asked.filter((name) => name.includes('/receipts/')), [], 'the kept proof is enough');
			await leave(citizen);
		});

	for (const language of languages('ko'))
		test(`${language}: a proof that does not verify takes the good news back, whatever is wrong with it`, async () => {
			const citizen = await aCitizen(language, { clock: true });
			const { page } = citizen;
			const stranger = new PlayedLog(instance, { key: crypto.generateKeyPairSync('ed25519').privateKey });
			const round = `${site.log_name}/${site.id}`;
			const forgeries = [
				['signature', (receipt) => stranger.prove(receipt)],
				['root', (receipt) => log.prove(receipt, { instead: crypto.randomBytes(32) })],
				['index', (receipt) => log.prove(receipt, { named: receipt.index + 1 })],
				['origin', (receipt) => log.prove(receipt, { origin: `${round}/${receipt.shard}` })], // the real round's
				['format', (receipt) => log.prove(receipt).slice(0, 60)],
			];
			let forged;
			await answer(citizen, (receipt) => {
				forged = forgeries[0][1](receipt);
				return proof(forged);
			});
			await citizen.vote(0);
			const wrong = page.getByRole('heading', { level: 1, name: citizen.say('wrong.title') });
			for (const [reason] of [...forgeries]) {
				await passUntil(citizen, told(citizen, `wrong.${reason}`));
				await wrong.waitFor();
				assert.match(await text(citizen).textContent(), new RegExp(citizen.say('wrong.keep').slice(0, 12)));
				for (const claim of ['done.title', 'done.text', 'log.confirmed'])
					assert.equal(await page.getByText(citizen.say(claim), { exact: true }).count(), 0, `${reason}: ${claim}`);
				assert.equal((await citizen.record()).proof, undefined);
				assert.equal(await citizen.button('keep.save').count(), 0);
				const { name, text: report } = await saved(citizen, 'wrong.save');
				const { receipt, ballot } = await citizen.record();
				assert.equal(name, 'log-problem.json');
				assert.deepEqual([JSON.parse(report).answer, JSON.parse(report).reason, JSON.parse(report).entry], [forged, reason, receipt.entry]);
				for (const secret of [receipt.salt, receipt.spent, ballot.choices[0]])
					assert.ok(!report.includes(secret), 'the report does not state the choice');
				if (reason === 'root')
					await looksRight(citizen, 'wrong');
				forgeries.shift();
				if (forgeries.length === 0)
					await page.unroute('**/receipts/**'); // the server's own answer is right after all
				await citizen.button('log.check_again').click();
			}
			await passUntil(citizen, told(citizen, 'log.confirmed'));
			await citizen.heading('done.title').waitFor();
			assert.equal(openVotersProof((await citizen.record()).proof, site.log_key).index, citizen.receipts[0].index);
			await leave(citizen);
		});

	for (const language of languages('ko'))
		test(`${language}: where the choice is not kept, the entry is found, and no more is said`, async () => {
			const citizen = await aCitizen(language);
			const { page } = citizen;
			await citizen.vote(0);
			await told(citizen, 'log.confirmed').waitFor();
			await page.evaluate(() => {
				const key = Object.keys(localStorage).find((name) => name.startsWith('tallyd.vote.'));
				const record = JSON.parse(localStorage.getItem(key));
				localStorage.setItem(key, JSON.stringify({ ...record, ballot: undefined, proof: undefined }));
			});
			await page.reload();
			await told(citizen, 'log.confirmed_entry').waitFor();
			await text(citizen).getByText(citizen.say('log.confirmed_unknown'), { exact: true }).waitFor();
			assert.equal(await page.getByText(citizen.say('log.confirmed'), { exact: true }).count(), 0);
			assert.equal(await citizen.button('keep.save').count(), 0);
			await looksRight(citizen, 'entry');
			await leave(citizen);
		});

	test('one spoilt answer alarms nobody', async () => {
		const citizen = await aCitizen('ko', { clock: true });
		let n = 0;
		await citizen.page.route('**/receipts/**', (route) => n++ ? route.continue() : route.fulfill(proof('<!doctype html>')));
		await citizen.vote(0);
		await eventually(async () => {
			await citizen.page.clock.runFor(500);
			assert.equal(await citizen.page.locator('.done-doubt').count(), 0);
			return told(citizen, 'log.confirmed').isVisible();
		}, 'confirmed');
		assert.ok(n >= 2);
		await leave(citizen);
	});

	for (const language of languages('ko'))
		test(`${language}: missed after a minute: calm, with a next step that is safe`, async () => {
			const citizen = await aCitizen(language, { clock: true });
			const { page } = citizen;
			let asked = 0;
			await answer(citizen, () => {
				asked++;
				return notSealed();
			});
			await citizen.vote(0);
			const begun = await page.evaluate(() => Date.now());
			const elapsed = async () => await page.evaluate(() => Date.now()) - begun;
			await passUntil(citizen, told(citizen, 'log.late'));
			const took = await elapsed();
			assert.ok(took >= 60_000 && took < 90_000, `${took} ms`);
			assert.ok(asked >= 4 && asked <= 12, `${asked} requests`);
			await citizen.heading('done.title').waitFor();
			await page.getByText(citizen.say('log.lead'), { exact: true }).waitFor();
			assert.equal(await page.getByText(citizen.say('done.text'), { exact: true }).count(), 0);
			const contact = page.locator('.in-log').getByRole('link', { name: citizen.say('log.contact') });
			assert.equal(await contact.getAttribute('href'), await page.locator('#contact').evaluate((link) => link.href));
			await looksRight(citizen, 'late');
			const counted = async () => (await instance.tally(site.id)).ballots;
			await eventually(async () => await counted() === voters.size, 'every voter is counted');

			// No connection: nothing is lost by trying. Then the server knows it, and it is counted once.
			await page.route('**/ballots', (route) => route.abort());
			await citizen.button('vote.resend').click();
			await text(citizen).getByText(citizen.say('log.again.unreachable'), { exact: true }).waitFor();
			await page.unroute('**/ballots');
			const before = await citizen.record();
			await citizen.button('vote.resend').click();
			await text(citizen).getByText(citizen.say('log.again.same'), { exact: true }).waitFor();
			assert.equal(await page.evaluate(() => document.activeElement.localName), 'button', 'the reader stays on the button');
			assert.deepEqual(await citizen.record(), before);
			assert.equal(citizen.receipts.length, 2);
			assert.equal(await counted(), voters.size);
			assert.equal(citizen.receipts[0].index, citizen.receipts[1].index);

			await page.unroute('**/receipts/**');
			await citizen.button('log.check_now').click();
			await told(citizen, 'log.confirmed').waitFor();
			await page.getByText(citizen.say('done.text'), { exact: true }).waitFor();
			await leave(citizen);
		});

	for (const language of languages('ko'))
		test(`${language}: the log out of reach, or without the place: each says so`, async () => {
			const citizen = await aCitizen(language, { clock: true });
			await answer(citizen, () => null);
			await citizen.vote(0);
			await passUntil(citizen, told(citizen, 'log.late'), 5000);
			await text(citizen).getByText(citizen.say('log.late.unreachable')).waitFor();
			await citizen.page.unroute('**/receipts/**');
			await answer(citizen, () => ({ status: 404, contentType: 'application/problem+json',
				body: JSON.stringify({ type: '/problems#no-such-shard', title: 'No such log', status: 404 }) }));
			await citizen.button('log.check_now').click();
			await text(citizen).getByText(citizen.say('log.late.refused')).waitFor();
			await citizen.page.route('**/ballots', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json',
				body: JSON.stringify({ type: '/problems#closed', title: 'Closed', status: 403 }) }));
			const before = await citizen.record();
			await citizen.button('vote.resend').click();
			await text(citizen).getByText(citizen.say('log.again.refused'), { exact: true }).waitFor();
			// Such as where what is stored of its token is damaged: the server was reached, and a person has to look.
			await citizen.page.route('**/ballots', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json',
				body: JSON.stringify({ type: '/problems#unavailable', title: 'This ballot cannot be counted now', status: 503 }) }));
			await citizen.button('vote.resend').click();
			await text(citizen).getByText(citizen.say('log.again.unavailable'), { exact: true }).waitFor();
			assert.ok(await citizen.page.locator('.in-log').getByRole('link', { name: citizen.say('log.contact') }).isVisible());
			assert.deepEqual(await citizen.record(), before, 'the receipt stays');
			await leave(citizen);
		});

	for (const language of languages('ko'))
		test(`${language}: the log stands still: the check comes later, and comes`, async () => {
			const citizen = await aCitizen(language, { clock: true });
			await defined(citizen, { log: 'halted' });
			await answer(citizen, notSealed);
			await citizen.vote(0);
			await passUntil(citizen, told(citizen, 'log.halted'));
			await text(citizen).getByText(citizen.say('log.come_back')).waitFor();
			assert.equal(await citizen.button('vote.resend').count(), 0);
			await looksRight(citizen, 'halted');
			await citizen.page.unroute(`**/v1/contests/${site.id}`);
			await citizen.page.unroute('**/receipts/**');
			await passUntil(citizen, told(citizen, 'log.confirmed'), 10_000);
			await leave(citizen);
		});

	test('without a log nothing is promised and nothing asked', async () => {
		const citizen = await aCitizen('ko');
		const asked = [];
		citizen.page.on('request', (request) => asked.push(request.url()));
		await defined(citizen, { log: 'off' });
		await citizen.vote(0);
		assert.equal(await line(citizen).isVisible(), false);
		assert.equal(asked.filter((url) => /receipts|receipt-panel/.test(url)).length, 0);
		await leave(citizen);
	});

	test('a new epoch: the proof of the old one is not enough', async () => {
		const citizen = await aCitizen('ko', { clock: true });
		const { page } = citizen;
		await citizen.vote(0);
		await passUntil(citizen, told(citizen, 'log.confirmed'));
		await defined(citizen, { epoch: 2 });
		await answer(citizen, notSealed);
		await page.reload();
		await told(citizen, 'log.anew').waitFor();
		await page.clock.runFor(3000);
		await citizen.button('vote.resend').click(); // the verify page sends people here for this
		await text(citizen).getByText(citizen.say('log.again.same'), { exact: true }).waitFor();
		await looksRight(citizen, 'anew');
		await page.unroute('**/receipts/**');
		await answer(citizen, (receipt) => proof(log.prove(receipt, { epoch: 2 })));
		await passUntil(citizen, told(citizen, 'log.confirmed'));
		assert.match(openVotersProof((await citizen.record()).proof, site.log_key).origin, /\/epoch-2$/);
		await leave(citizen);
	});

	for (const language of languages('ko'))
		test(`${language}: a new epoch with another entry in its place: the vote can be sent again, and what is wrong stays said`, async () => {
			const citizen = await aCitizen(language, { clock: true });
			const { page } = citizen;
			await citizen.vote(0);
			await passUntil(citizen, told(citizen, 'log.confirmed'));
			await defined(citizen, { epoch: 2 });
			await page.unroute('**/receipts/**');
			await answer(citizen, (receipt) => proof(log.prove(receipt, { epoch: 2, instead: crypto.randomBytes(32) })));
			await page.reload();
			for (let n = 1; n <= 2; n++) {
				await passUntil(citizen, told(citizen, 'wrong.root'));
				assert.ok((await text(citizen).textContent()).includes(citizen.say('wrong.anew')));
				assert.equal(citizen.receipts.length, n);
				await citizen.button('vote.resend').click();
				await told(citizen, 'log.anew').waitFor();
				await eventually(() => citizen.receipts.length === n + 1, 'the receipt, which is gathered beside the page');
			}
			assert.equal(citizen.receipts[0].index, citizen.receipts[2].index);
			await leave(citizen);
		});

	for (const language of languages('ko'))
		test(`${language}: a shared device keeps nothing; the QR code takes the receipt along`, async () => {
			const citizen = await aCitizen(language);
			const { page } = citizen;
			await citizen.vote(0, { shared: true });
			await told(citizen, 'log.confirmed').waitFor();
			assert.equal(await citizen.button('keep.save').count(), 0);
			assert.equal(await citizen.button('keep.copy').count(), 0);
			await citizen.button('keep.qr').click();
			await page.getByRole('img', { name: citizen.say('keep.qr_alt') }).waitFor();
			assert.equal(await citizen.record(), null);
			assert.deepEqual(await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage)]), [[], []]);
			await looksRight(citizen, 'shared');
			await citizen.button('done.wipe_now').click();
			await citizen.heading('vote.before').waitFor();
			assert.equal(await page.locator('.in-log, .keep, .qr-code').count(), 0);
			await page.goBack().catch(() => {});
			assert.equal(await page.getByText(citizen.say('log.confirmed')).count(), 0);
			await leave(citizen);
		});

	const slow = (citizen) => defined(citizen, { seal: { min_entries: 256, max_wait_ms: 60_000 } });

	for (const language of languages('ko'))
		test(`${language}: the receipt has its place before the proof comes, which then moves nothing`, async () => {
			const citizen = await aCitizen(language, { clock: true, viewport: { width: 390, height: 844 } });
			const { page } = citizen;
			await slow(citizen);
			await answer(citizen, notSealed);
			await citizen.vote(0);
			const within = citizen.say('within.minute');
			await page.getByText(citizen.say('keep.later', { within }), { exact: true }).waitFor();
			await text(citizen).getByText(citizen.say('log.checking_text', { within }), { exact: true }).waitFor();
			assert.ok(await citizen.button('keep.save').isDisabled());
			await looksRight(citizen, 'waiting');
			const places = () => page.evaluate(() => ['.done + *', '.keep', '.share', '.next-voter', 'footer'].map((name) =>
				Math.round(document.querySelector(name).getBoundingClientRect().top + scrollY)));
			for (const width of [320, 390, 1280]) {
				await page.setViewportSize({ width, height: 844 });
				const before = await places();
				if (width === 320)
					await page.clock.runFor(40_000);
				assert.deepEqual(await places(), before);
			}
			await page.setViewportSize({ width: 390, height: 844 });
			const before = await places();
			await page.unroute('**/receipts/**');
			await passUntil(citizen, told(citizen, 'log.confirmed'));
			await page.getByText(citizen.say('keep.text'), { exact: true }).waitFor();
			assert.deepEqual(await places(), before);
			assert.ok(await citizen.button('keep.save').isEnabled());
			await leave(citizen);
		});

	for (const language of languages('ko'))
		test(`${language}: a shared device waits for the proof, and is wiped a minute after it`, async () => {
			const citizen = await aCitizen(language, { clock: true });
			const { page } = citizen;
			await slow(citizen);
			await answer(citizen, notSealed);
			await citizen.vote(0, { shared: true });
			await citizen.button('keep.qr').click(); // it needs no proof
			await page.locator('.qr-code').waitFor();
			await page.clock.runFor(90_000);
			await told(citizen, 'log.checking').waitFor();
			await page.getByText(citizen.say('done.wipe_wait'), { exact: true }).waitFor();
			await page.unroute('**/receipts/**');
			await passUntil(citizen, told(citizen, 'log.confirmed'));
			assert.equal(await page.locator('.qr-code').count(), 1, 'what was opened stays open');
			await page.clock.runFor(30_000); // on top of the time that a busy machine takes by itself
			await citizen.heading('done.title').waitFor();
			await page.clock.runFor(35_000);
			await citizen.heading('vote.before').waitFor();
			await leave(citizen);
		});

	test('a shared device waits so long at most, and is wiped at once where somebody says so', async () => {
		for (const now of [false, true]) {
			const citizen = await aCitizen('ko', { clock: true });
			await slow(citizen);
			await citizen.page.route('**/receipts/**', () => {}); // no answer at all
			await citizen.vote(0, { shared: true });
			await citizen.button('keep.qr').waitFor();
			if (now) {
				await citizen.button('done.wipe_now').click();
			} else {
				await citizen.page.clock.runFor(140_000);
				await citizen.heading('done.title').waitFor();
				await passUntil(citizen, citizen.heading('vote.before')); // a minute after it gave up waiting
			}
			await citizen.heading('vote.before').waitFor();
			await leave(citizen);
		}
	});

	test('a shared device that could not check offers the QR code, to check later elsewhere', async () => {
		const citizen = await aCitizen('ko', { clock: true });
		await defined(citizen, { log: 'halted' });
		await answer(citizen, notSealed);
		await citizen.vote(0, { shared: true });
		await passUntil(citizen, told(citizen, 'log.halted'));
		await text(citizen).getByText(citizen.say('log.take_along')).waitFor();
		await citizen.button('keep.qr').waitFor();
		assert.equal(await citizen.button('keep.save').count(), 0);
		await leave(citizen);
	});

	test('a changed choice has a proof of its own, and the old one is gone', async () => {
		const citizen = await aCitizen('ko');
		const { page } = citizen;
		await citizen.vote(contest.entries[1].name.ko);
		await told(citizen, 'log.confirmed').waitFor();
		const first = await citizen.record();
		await citizen.button('done.change').click();
		await citizen.choose(contest.entries[2].name.ko);
		await citizen.cast();
		await citizen.done();
		await page.getByText(citizen.say('done.replaced')).waitFor();
		await told(citizen, 'log.confirmed').waitFor();
		const second = await citizen.record();
		assert.notEqual(second.receipt.index, first.receipt.index);
		const opened = openVotersProof(second.proof, site.log_key);
		assert.deepEqual([opened.index, opened.ballot], [second.receipt.index, `choices\n${contest.entries[2].id}\n`]);
		assert.ok(!JSON.stringify(second).includes(first.receipt.entry));
		await leave(citizen);
	});

	test('a change that is refused leaves the vote and receipt of before, and no way to lose them by beginning anew', async () => {
		const citizen = await aCitizen('ko');
		const { page } = citizen;
		await citizen.vote(0);
		await told(citizen, 'log.confirmed').waitFor();
		const first = await citizen.record();
		await page.route('**/ballots', (route) => route.fulfill({ status: 401, contentType: 'application/problem+json',
			body: JSON.stringify({ type: '/problems#invalid-token', title: 'Invalid', status: 401 }) }));
		await citizen.button('done.change').click();
		await citizen.choose(1);
		await citizen.cast();
		await page.getByText(citizen.say('counted.before')).waitFor();
		assert.equal(await citizen.button('vote.restart').count(), 0);
		await citizen.button('check.open').click();
		await citizen.done('done.here');
		const { ballot, receipt, proof, token } = await citizen.record();
		assert.deepEqual({ ...first, ballot, receipt, proof, token }, first);
		await leave(citizen);
	});

	describe('a browser that cannot verify Ed25519 itself', () => {
		const without = (citizen) => citizen.page.addInitScript(() => {
			const own = crypto.subtle.importKey.bind(crypto.subtle);
			crypto.subtle.importKey = (format, key, algorithm, ...rest) => algorithm === 'Ed25519' ?
				Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError')) : own(format, key, algorithm, ...rest);
		});
		test('does it with the library', async () => {
			const citizen = await aCitizen('ko');
			const asked = [];
			citizen.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
			await without(citizen);
			await citizen.vote(0);
			await told(citizen, 'log.confirmed').waitFor();
			assert.ok(asked.includes('/vendor/ed25519.js'));
			await leave(citizen);
		});
		for (const language of languages('ko'))
			test(`${language}: says honestly that it cannot where there is none`, async () => {
				const citizen = await aCitizen(language, { clock: true });
				await without(citizen);
				await citizen.page.route('**/vendor/ed25519.js', (route) => route.abort());
				await citizen.vote(0);
				await passUntil(citizen, told(citizen, 'log.unable'));
				assert.equal((await citizen.record()).proof, undefined);
				await looksRight(citizen, 'unable');
				await leave(citizen);
			});
	});

	test('the end’s own screen does not come: the news does not hang on it', async () => {
		for (const shared of [false, true]) {
			const citizen = await aCitizen('ko');
			await citizen.page.route('**/js/done-screen.js', (route) => route.abort());
			await citizen.vote(0, { shared });
			await citizen.page.getByText(citizen.say('done.text'), { exact: true }).waitFor();
			if (shared) {
				await citizen.button('done.wipe_now').click();
				await citizen.heading('vote.before').waitFor();
			} else {
				await citizen.page.unroute('**/js/done-screen.js');
				await citizen.button('block.reload').click();
				await told(citizen, 'log.confirmed').waitFor();
			}
			await leave(citizen);
		}
	});

	test('what is fetched after the vote does not come: the vote stands, and the check is put off', async () => {
		const citizen = await aCitizen('en');
		await citizen.page.route('**/js/receipt-panel.js', (route) => route.abort());
		await citizen.vote(0);
		await told(citizen, 'log.later').waitFor();
		await citizen.heading('done.title').waitFor();
		await citizen.page.unroute('**/js/receipt-panel.js');
		await citizen.page.reload();
		await told(citizen, 'log.confirmed').waitFor();
		assert.equal(say('en', 'log.later').includes('not been checked'), true);
		await leave(citizen);
	});
});
