// The voter's way with an invitation code: typed or brought by a link, mistyped, unknown, revoked, used elsewhere.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ctlDone } from '../live/lib/acts.mjs';
import { codesOf } from '../live/lib/codes.mjs';
import { ROOT, startInstance } from '../live/lib/instance.mjs';
import { passRequest } from '../live/lib/passes.mjs';
import { Round } from '../live/lib/protocol.mjs';
import { Citizen, assertNoFaults, at, languages, launch, newBrowser } from './lib/browser.mjs';

describe('with an invitation code', () => {
	let browser, instance, codes;
	before(async () => {
		instance = await startInstance({ contests: [path.join(ROOT, 'config/examples/codes.yaml')] });
		codes = await codesOf(instance, 40);
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await instance?.stop();
	});

	const citizenIn = async (language) => {
		const context = await newBrowser(browser, instance);
		return { context, citizen: new Citizen(await context.newPage(), language) };
	};
	/** Opens a code's link, as from a mail, in the window that is there. */
	const follow = async (citizen, code, page = '/vote/') => {
		await citizen.page.goto('about:blank');
		await citizen.page.goto(`${at(citizen.language, page)}#code=${code}`);
	};
	const kept = (citizen) => citizen.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
	const field = (citizen) => citizen.page.getByLabel(citizen.say('code.label'), { exact: true });

	for (const language of languages('ko')) {
		test(`${language}: typed, with a mistake that is told at once`, async () => {
			const { context, citizen } = await citizenIn(language), code = codes.pop();
			const asked = [];
			citizen.page.on('request', (request) => asked.push(request.url()));
			await citizen.open();
			// What has to be typed is on a telephone's first screen, and how it may be typed.
			await citizen.page.setViewportSize({ width: 390, height: 844 });
			assert.ok(await field(citizen).evaluate((input) => scrollY === 0 && input.getBoundingClientRect().bottom <= innerHeight));
			await citizen.page.getByText(citizen.say('code.hint'), { exact: true }).waitFor();
			await field(citizen).fill(`${code.slice(0, 3)}${code[3] === 'Z' ? 'Y' : 'Z'}${code.slice(4)}`.toLowerCase());
			await citizen.button('vote.start').click();
			await citizen.page.getByRole('alert').getByText(citizen.say('code.fault.mistyped', { at: 4 })).waitFor();
			assert.equal(await field(citizen).evaluate((input) => input.value.slice(input.selectionStart, input.selectionEnd).length), 1);
			assert.ok(asked.every((url) => !url.endsWith('/tokens')));
			await field(citizen).fill(code.toLowerCase().replaceAll('-', ' '));
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Hana' : '하나');
			await citizen.cast();
			await citizen.done();
			// Nothing here ties the code to the ballot any more.
			const stored = await kept(citizen);
			assert.ok(!stored.includes(code) && !stored.includes(code.replaceAll('-', '')));
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: by the link, opened inside an app: the way to a browser brings the code along`, async () => {
			const code = codes.pop(), android = 'Mozilla/5.0 (Linux; Android 14; SM-S911N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36';
			for (const app of ['KAKAOTALK 2410420', 'NAVER(inapp; search; 2000; 12.9.2)']) {
				const context = await newBrowser(browser, instance, { userAgent: `${android} ${app}`, permissions: ['clipboard-read', 'clipboard-write'] });
				const citizen = new Citizen(await context.newPage(), language);
				await follow(citizen, code);
				await citizen.heading('inapp.title').waitFor();
				assert.equal(new URL(citizen.page.url()).hash, '');
				const out = citizen.page.getByRole('link', { name: citizen.say('inapp.open'), exact: true });
				await citizen.button('inapp.copy').click();
				await citizen.page.getByText(citizen.say('copied'), { exact: true }).first().waitFor();
				const link = await citizen.page.evaluate(() => navigator.clipboard.readText());
				assert.equal(link, `${instance.url}${at(language, '/vote/')}#code=${code}`);
				if (app.startsWith('KAKAOTALK'))
					assert.equal(await out.getAttribute('href'), `kakaotalk://web/openExternal?url=${encodeURIComponent(link)}`);
				else
					assert.equal(await out.count(), 0);
				assertNoFaults(context);
				await context.close();
			}
		});

		test(`${language}: by the link, which leaves the address; used again elsewhere, a page says what to do`, async () => {
			const code = codes.pop();
			for (const first of [true, false]) {
				const { context, citizen } = await citizenIn(language);
				await citizen.page.goto(`${at(language, '/vote/')}#code=${code}`);
				await citizen.button('vote.start').waitFor();
				assert.equal(await field(citizen).inputValue(), code);
				assert.equal(new URL(citizen.page.url()).hash, '');
				await citizen.start();
				await citizen.choose(language === 'en' ? 'Duri' : '두리');
				await citizen.cast();
				if (first)
					await citizen.done();
				else
					await citizen.page.getByText(citizen.say('problem.already-issued')).waitFor();
				await citizen.page.goto(at(language, '/help/#code'));
				const help = citizen.page.locator('#code');
				await help.waitFor(); // what to do where it was used already, in the same words
				assert.ok((await help.textContent()).includes(citizen.say('problem.already-issued').split('. ')[0].replace(/\.$/, '')));
				assertNoFaults(context);
				await context.close();
			}
		});

		test(`${language}: the code goes along to the other language, before and within the ballot`, async () => {
			const { context, citizen } = await citizenIn(language), code = codes.pop();
			const other = new Citizen(citizen.page, language === 'en' ? 'ko' : 'en');
			await follow(citizen, code);
			await citizen.button('vote.start').waitFor();
			await citizen.page.locator('#language').click();
			await other.button('vote.start').waitFor();
			assert.equal(await field(other).inputValue(), code);
			await other.start();
			await citizen.page.locator('#language').click();
			await citizen.button('vote.start').waitFor();
			assert.equal(await field(citizen).inputValue(), code);
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: revoked: another code is asked for, and the choice is still there, to be seen before it is cast`, async () => {
			const { context, citizen } = await citizenIn(language), [revoked, code] = [codes.pop(), codes.pop()];
			await ctlDone(instance, 'codes', 'revoke', revoked, '--why', 'lost');
			await citizen.open();
			await field(citizen).fill(revoked);
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Sena' : '세나');
			await citizen.cast();
			await citizen.page.getByText(citizen.say('problem.code-revoked')).waitFor();
			await field(citizen).fill(code);
			await citizen.button('code.again').click();
			await citizen.heading('vote.review').waitFor();
			await citizen.page.locator('.review').getByText(language === 'en' ? 'Sena' : '세나').waitFor();
			await citizen.cast();
			await citizen.done();
			const { ballot } = await citizen.record();
			assert.deepEqual(ballot, { choices: ['sena'] });
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: used elsewhere: the browser is free for the next code, and keeps neither code nor choice`, async () => {
			const { context, citizen } = await citizenIn(language), [used, code] = [codes.pop(), codes.pop()];
			const elsewhere = await passRequest(new Round(instance));
			await elsewhere.finish(await elsewhere.ask(used));
			await follow(citizen, used);
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Duri' : '두리');
			await citizen.cast();
			await citizen.page.getByText(citizen.say('problem.already-issued')).waitFor();
			await follow(citizen, code);
			await citizen.page.getByText(citizen.say('problem.already-issued')).waitFor();
			await citizen.button('whose.vote').click();
			assert.equal(await field(citizen).inputValue(), code);
			const stored = await kept(citizen);
			assert.ok(!stored.includes(used) && !stored.includes(code) && !stored.includes('choices'), stored);
			await citizen.start();
			assert.equal(await citizen.page.getByRole('radio', { checked: true }).count(), 0);
			await citizen.choose(language === 'en' ? 'Sena' : '세나');
			await citizen.cast();
			await citizen.done();
			assert.deepEqual((await citizen.record()).ballot, { choices: ['sena'] });
			assert.ok(!(await kept(citizen)).includes(code));
			// Without another one, the field does not offer what was used.
			const again = await citizenIn(language);
			await follow(again.citizen, used);
			await again.citizen.start();
			await again.citizen.choose(0);
			await again.citizen.cast();
			await again.citizen.button('vote.restart').click();
			assert.equal(await field(again.citizen).inputValue(), '');
			for (const one of [context, again.context]) {
				assertNoFaults(one);
				await one.close();
			}
		});

		test(`${language}: another code's link where somebody was refused: either goes on with what is their own`, async () => {
			const { context, citizen } = await citizenIn(language), [revoked, other, own] = [codes.pop(), codes.pop(), codes.pop()];
			const [hana, sena] = language === 'en' ? ['Hana', 'Sena'] : ['하나', '세나'];
			await ctlDone(instance, 'codes', 'revoke', revoked, '--why', 'lost');
			await follow(citizen, revoked);
			await citizen.start();
			await citizen.choose(hana);
			await citizen.cast();
			await citizen.page.getByText(citizen.say('problem.code-revoked')).waitFor();
			// Whose choice it was goes on, with a code of their own; the other's does not stand in the field.
			await follow(citizen, other);
			await citizen.page.getByText(citizen.say('whose.unfinished'), { exact: true }).waitFor();
			await citizen.page.getByText(citizen.say('problem.code-revoked')).waitFor();
			await citizen.button('whose.go_on').click();
			await citizen.page.getByText(citizen.say('vote.failed')).waitFor();
			assert.equal(await field(citizen).inputValue(), '');
			await field(citizen).fill(own);
			await citizen.button('code.again').click();
			await citizen.page.locator('.review').getByText(hana).waitFor();
			assert.ok((await citizen.record()).step !== 'token');
			// Whose link it is begins anew.
			await follow(citizen, other);
			await citizen.button('whose.vote').click();
			assert.equal(await field(citizen).inputValue(), other);
			const stored = await kept(citizen);
			assert.ok(!stored.includes('choices') && ![revoked, own, other].some((code) => stored.includes(code)), stored);
			await citizen.start();
			assert.equal(await citizen.page.getByRole('radio', { checked: true }).count(), 0);
			await citizen.choose(sena);
			await citizen.cast();
			await citizen.done();
			assert.deepEqual((await citizen.record()).ballot, { choices: ['sena'] });
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: in another window while the first one's vote is held up: each ballot goes with its own code`, async () => {
			const { context, citizen } = await citizenIn(language), [first, second] = [codes.pop(), codes.pop()];
			const other = new Citizen(await context.newPage(), language);
			await follow(other, second);
			await other.start();
			await other.choose(language === 'en' ? 'Sena' : '세나');
			await follow(citizen, first);
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Hana' : '하나');
			const sent = [];
			context.on('request', (request) => request.url().endsWith('/ballots') && sent.push(request.postDataJSON().choices[0]));
			await context.route('**/ballots', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json',
				body: JSON.stringify({ type: '/problems#paused', title: 'Voting is paused', status: 403 }) }), { times: 1 });
			await citizen.cast();
			await citizen.page.getByText(citizen.say('vote.failed')).waitFor();
			await other.cast();
			await other.heading('occupied.title').waitFor();
			assert.deepEqual([sent, (await citizen.record()).ballot], [['hana'], { choices: ['hana'] }]);
			await other.button('occupied.mine').click();
			await other.page.locator('.review').getByText(language === 'en' ? 'Sena' : '세나').waitFor();
			await other.cast();
			await other.done();
			await citizen.button('vote.resend').click();
			await citizen.done();
			assert.deepEqual([sent, (await citizen.record()).ballot], [['hana', 'sena', 'hana'], { choices: ['hana'] }]);
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: another code's link where somebody has voted: asked first, and the earlier receipt stays`, async () => {
			const { context, citizen } = await citizenIn(language), [first, second] = [codes.pop(), codes.pop()];
			await follow(citizen, first);
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Hana' : '하나');
			await citizen.cast();
			await citizen.done();
			const { token } = await citizen.record();
			await follow(citizen, second);
			await citizen.heading('whose.title').waitFor();
			await citizen.button('check.open').click();
			await citizen.done('done.here');
			await follow(citizen, second);
			await citizen.button('whose.vote').click();
			assert.equal(await field(citizen).inputValue(), second);
			// The earlier record cannot be written over by leaving the box empty.
			const shared = citizen.page.getByLabel(citizen.say('vote.shared'));
			assert.deepEqual([await shared.isChecked(), await shared.isDisabled()], [true, true]);
			await citizen.page.getByText(citizen.say('vote.shared_taken')).waitFor();
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Sena' : '세나');
			await citizen.cast();
			await citizen.done();
			const { token: still, ballot } = await citizen.record();
			assert.deepEqual([still, ballot], [token, { choices: ['hana'] }]);
			assert.ok(!(await kept(citizen)).includes(second));
			await citizen.page.goto(at(language, '/vote/'));
			await citizen.done('done.here');
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: another code's link while a vote is on its way: that is finished first`, async () => {
			const { context, citizen } = await citizenIn(language), [first, second] = [codes.pop(), codes.pop()];
			await context.route('**/tokens', (route) => route.abort());
			await follow(citizen, first);
			await citizen.start();
			await citizen.choose(language === 'en' ? 'Hana' : '하나');
			await citizen.cast();
			await citizen.page.getByText(citizen.say('problem.unreachable')).waitFor();
			citizen.page.on('dialog', (dialog) => dialog.accept()); // it warns before it is left
			await context.unroute('**/tokens');
			await follow(citizen, second);
			await citizen.heading('whose.title').waitFor();
			assert.deepEqual((await citizen.record()).ballot, { choices: ['hana'] });
			await citizen.button('whose.vote').click();
			assert.equal(await field(citizen).inputValue(), second);
			assertNoFaults(context);
			await context.close();
		});

		test(`${language}: a link to the first page leads to the vote, and leaves the address there, too`, async () => {
			const { context, citizen } = await citizenIn(language), code = codes.pop();
			await follow(citizen, code, '/');
			await citizen.button('vote.start').waitFor();
			assert.equal(await field(citizen).inputValue(), code);
			const { pathname, hash } = new URL(citizen.page.url());
			assert.deepEqual([pathname, hash], [at(language, '/vote/'), '']);
			await citizen.page.goto(at(language, '/#main'));
			await citizen.page.locator('#door-vote').waitFor();
			assertNoFaults(context);
			await context.close();
		});
	}
});
