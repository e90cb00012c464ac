// What an invitation leaves in the files of a browser's profile: Chromium with a profile on disk is closed, and the
// files are searched. A page cannot take the address of a link out of the history database; everything else it can.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { codesOf } from '../live/lib/codes.mjs';
import { ROOT, TALLYCTL, eventually, realRound, runProgram, startInstance } from '../live/lib/instance.mjs';
import { launchOn, say } from './lib/browser.mjs';

const HOUR_MS = 3_600_000;
// Visits as chrome://history lists them: the last of a chain of redirects (core page transition 0x20000000).
const LISTED = `import sqlite3, sys, json
db = sqlite3.connect(sys.argv[1])
print(json.dumps([row[0] for row in db.execute(
	"select u.url from urls u join visits v on v.url = u.id where not u.hidden and v.transition & 0x20000000")]))`;

describe('profile', () => {
	let instance, people = 0;

	before(async () => {
		instance = await startInstance(realRound(Date.now() - HOUR_MS, Date.now() + HOUR_MS));
	});
	after(async () => {
		await instance?.stop();
	});

	async function invite(role) {
		const more = role === 'expert' ? ['--affiliation', '한국대학교', '--panel', 'experts'] : [];
		const done = await runProgram(TALLYCTL, ['-c', instance.config, 'invite', role, '--name', `${role} ${++people}`, ...more, '--json']);
		assert.equal(done.code, 0, done.stdout + done.stderr);
		return JSON.parse(done.stdout);
	}

	/** Runs `visit(page)` in a browser with a new profile, closes it, and hands the profile to `inspect(profile)`. */
	async function withProfile(visit, inspect, host = instance) {
		const profile = await mkdtemp(path.join(tmpdir(), 'tallyd-profile-'));
		try {
			const context = await launchOn(profile, host);
			try {
				await visit(context.pages()[0] ?? await context.newPage(), profile);
			} finally {
				await context.close();
			}
			await inspect(profile);
		} finally {
			await rm(profile, { recursive: true, force: true });
		}
	}

	/** The files that hold the token, by their path in the profile without what changes from run to run. */
	async function holding(profile, token) {
		const found = new Set();
		const forms = ['latin1', 'utf16le'].map((encoding) => Buffer.from(token.slice(-40), encoding));
		for (const entry of await readdir(profile, { recursive: true, withFileTypes: true })) {
			if (!entry.isFile()) continue;
			const file = path.join(entry.parentPath ?? entry.path, entry.name);
			const bytes = await readFile(file);
			if (forms.some((form) => bytes.includes(form)))
				found.add(path.relative(profile, file).replace(/(Session Storage)\/.*/, '$1').replace(/_\d+$/, ''));
		}
		return [...found].sort();
	}

	/** Chromium writes its session files every few seconds; that must not fall between two steps of what is tested. */
	const sessionsWritten = (profile) => eventually(async () => {
		const folder = path.join(profile, 'Default/Sessions');
		const files = await readdir(folder);
		const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'latin1')));
		return texts.some((text) => text.includes('/help/'));
	}, 'session files');

	const listed = async (profile) => JSON.parse((await promisify(execFile)('python3',
		['-c', LISTED, path.join(profile, 'Default/History')])).stdout);

	for (const role of ['expert', 'organiser']) {
		const inside = role === 'expert' ? '.narrow h1' : '.o-figures';
		const follow = async (page, profile, link) => {
			await page.goto('/help/');
			await sessionsWritten(profile);
			await page.evaluate((href) => {
				document.body.append(Object.assign(document.createElement('a'), { href, id: 'invited', textContent: 'link' }));
			}, link);
			await page.locator('#invited').click();
		};

		test(`${role}: a link that was clicked stays in the history database alone, which does not list it`, async () => {
			const { token } = await invite(role);
			await withProfile(async (page, profile) => {
				await follow(page, profile, `/${role}/#token=${token}`);
				await page.locator('#stage:not([aria-busy])').waitFor();
				await page.locator(inside).first().waitFor();
				assert.equal(new URL(page.url()).hash, '');
				await page.reload();
				await page.locator('#stage:not([aria-busy])').waitFor();
				await page.goBack();
				assert.equal(new URL(page.url()).pathname, '/help/');
			}, async (profile) => {
				const where = await holding(profile, token);
				assert.ok(where.includes('Default/History'), `the search finds nothing: ${where}`);
				assert.deepEqual(where.filter((file) => !['Default/History', 'Default/Session Storage', 'segmentation_platform/ukm_db']
					.includes(file)), []);
				const urls = await listed(profile);
				assert.ok(urls.some((url) => new URL(url).pathname === `/${role}/`), urls.join(' '));
				assert.deepEqual(urls.filter((url) => url.includes('token=')), []);
			});
		});

		test(`${role}: a link that was pasted is in no history, and goes with the tab`, async () => {
			const { token } = await invite(role);
			await withProfile(async (page) => {
				await page.goto(`/${role}/`);
				await page.locator('#invitation').fill('https://elsewhere.example/');
				await page.keyboard.press('Enter');
				await page.getByText(say('ko', 'named.paste_wrong')).waitFor();
				await page.locator('#invitation').fill(`${instance.url}/${role}/#token=${token}\n`);
				await page.keyboard.press('Enter');
				await page.locator('#invitation').waitFor({ state: 'detached' });
				await page.locator('#stage:not([aria-busy])').waitFor();
				await page.locator(inside).first().waitFor();
			}, async (profile) => {
				assert.deepEqual(await holding(profile, token), ['Default/Session Storage']);
				assert.ok((await listed(profile)).length > 0);
			});
		});
	}

	test('verify: a code that was scanned stays in the history database alone, which does not list it', async () => {
		const [{ id, rehearsal, log_name: name }] = instance.site.contests;
		const opening = ['tallyd opening v1', `${name}/${id}${rehearsal ? '~rehearsal' : ''}/0`, '0', randomBytes(16).toString('base64'),
			randomBytes(32).toString('base64'), 'choices', 'upstage', ''].join('\n');
		const code = Buffer.from(opening).toString('base64url');
		await withProfile(async (page, profile) => {
			await page.goto('/help/');
			await sessionsWritten(profile);
			await page.evaluate((href) => {
				document.body.append(Object.assign(document.createElement('a'), { href, id: 'scanned', textContent: 'code' }));
			}, `/verify/#${code}`);
			await page.locator('#scanned').click();
			await page.locator('#verdict .found').waitFor();
			assert.equal(new URL(page.url()).hash, '');
			await page.goBack();
			assert.equal(new URL(page.url()).pathname, '/help/');
		}, async (profile) => {
			const where = await holding(profile, code);
			assert.ok(where.includes('Default/History'), `the search finds nothing: ${where}`);
			assert.deepEqual(where.filter((file) => !['Default/History', 'Default/Session Storage', 'segmentation_platform/ukm_db']
				.includes(file)), []);
			const urls = await listed(profile);
			assert.ok(urls.some((url) => new URL(url).pathname === '/verify/'), urls.join(' '));
			assert.deepEqual(urls.filter((url) => url.includes(code.slice(0, 40))), []);
		});
	});

	for (const where of ['/vote/', '/'])
		test(`${where}: the link of an invitation code that was clicked stays in the history database alone, which does not list it`, async () => {
			const voting = await startInstance({ contests: [path.join(ROOT, 'config/examples/codes.yaml')] });
			const [code] = await codesOf(voting, 1);
			try {
				await withProfile(async (page, profile) => {
					await page.goto('/help/');
					await sessionsWritten(profile);
					await page.evaluate((href) => {
						document.body.append(Object.assign(document.createElement('a'), { href, id: 'mailed', textContent: 'link' }));
					}, `${where}#code=${code}`);
					await page.locator('#mailed').click();
					await page.getByLabel(say('ko', 'code.label'), { exact: true }).waitFor();
					assert.equal(await page.locator('#code').inputValue(), code);
					assert.deepEqual([new URL(page.url()).pathname, new URL(page.url()).hash], ['/vote/', '']);
					await page.reload();
					await page.getByLabel(say('ko', 'code.label'), { exact: true }).waitFor();
					await page.goBack();
					assert.equal(new URL(page.url()).pathname, '/help/');
				}, async (profile) => {
					const found = await holding(profile, code);
					assert.ok(found.includes('Default/History'), `the search finds nothing: ${found}`);
					assert.deepEqual(found.filter((file) => !['Default/History', 'Default/Session Storage', 'segmentation_platform/ukm_db']
						.includes(file)), []);
					const urls = await listed(profile);
					assert.ok(urls.some((url) => new URL(url).pathname === '/vote/'), urls.join(' '));
					assert.deepEqual(urls.filter((url) => url.includes('code=')), []);
				}, voting);
			} finally {
				await voting.stop();
			}
		});
});
