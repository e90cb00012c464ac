// Debian's Chromium with an instance's pages, and a citizen who operates them as people do: by the
// words on the screen. Every page is watched for errors and for violations of its policy.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { ROOT, eventually } from '../../live/lib/instance.mjs';

export const LANGUAGES = ['ko', 'en'];
/** Both; in CI, which has minutes only, this one where a file is long: the other half of the long files has the other. */
export const languages = (inCi) => process.env.CI ? [inCi] : LANGUAGES;
const words = {};
for (const language of LANGUAGES)
	for (const file of await readdir(path.join(ROOT, 'static/i18n')))
		if (file.startsWith(language)) words[language] = { ...words[language], ...(await import(pathToFileURL(path.join(ROOT, 'static/i18n', file)).href)).default };

/** The pages' own words, with values put in as the pages do; for texts without Korean particles. */
export function say(language, key, values = {}) {
	const text = words[language][key];
	assert.ok(text, `no ${language} words for ${key}`);
	return text.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);
}

const program = {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
		'--disable-sync', '--no-first-run'],
};

const PATIENCE_MS = 45_000; // a machine that does other work stands still for seconds

export const launch = () => chromium.launch(program);

/** A browser with a profile in a directory, whose files can be read when it is closed. */
export async function launchOn(directory, instance) {
	const context = await chromium.launchPersistentContext(directory, { ...program, baseURL: instance.url, locale: 'ko-KR' });
	context.setDefaultTimeout(PATIENCE_MS);
	return context;
}

/** The path of a page in a language. */
export const at = (language, page = '/') => (language === 'en' ? '/en' : '') + page;

/** A browser of its own: storage, cookies and cache apart from all others. `faults` gathers what went wrong. */
export async function newBrowser(browser, instance, options = {}) {
	const context = await browser.newContext({ baseURL: instance.url, locale: 'ko-KR', timezoneId: 'Asia/Seoul', ...options });
	context.setDefaultTimeout(PATIENCE_MS);
	context.faults = [];
	context.on('page', (page) => {
		page.on('pageerror', (error) => context.faults.push(`${page.url()}: ${error.message}`));
		page.on('console', (message) => {
			const text = message.text();
			if (/Content Security Policy|Trusted ?Type|securitypolicyviolation/i.test(text))
				context.faults.push(`${page.url()}: ${text}`);
		});
	});
	await context.addInitScript(() => {
		document.addEventListener('securitypolicyviolation', (event) =>
			console.error('securitypolicyviolation', event.violatedDirective, event.blockedURI, event.sourceFile));
	});
	return context;
}

export function assertNoFaults(context) {
	assert.deepEqual(context.faults, []);
}

export class Citizen {
	constructor(page, language = 'ko') {
		this.page = page;
		this.language = language;
	}

	say(key, values) {
		return say(this.language, key, values);
	}

	button(key) {
		return this.page.getByRole('button', { name: this.say(key), exact: true });
	}

	heading(key) {
		return this.page.getByRole('heading', { level: 1, name: this.say(key) });
	}

	async open({ shared = false } = {}) {
		await this.page.goto(at(this.language, '/vote/'));
		await this.heading('vote.before').waitFor();
		if (shared)
			await this.page.getByLabel(this.say('vote.shared')).check();
	}

	async start() {
		await this.button('vote.start').click();
		await this.page.getByRole('radio').first().waitFor();
	}

	/** Chooses an entry by its name, or the nth. */
	async choose(entry) {
		const radio = typeof entry === 'number' ? this.page.getByRole('radio').nth(entry) :
			this.page.getByRole('radio', { name: entry });
		await radio.check();
		await this.button('vote.next').click();
		await this.heading('vote.review').waitFor();
	}

	async cast() {
		await this.button('vote.cast').click();
	}

	async done(key = 'done.title') {
		await this.heading(key).waitFor();
	}

	async vote(entry = 0, options = {}) {
		await this.open(options);
		await this.start();
		await this.choose(entry);
		await this.cast();
		await this.done();
	}

	/** The record that this browser keeps of the vote, or null. */
	async record() {
		return this.page.evaluate(() => {
			const key = Object.keys(localStorage).find((name) => name.startsWith('tallyd.vote.'));
			return key ? JSON.parse(localStorage.getItem(key)) : null;
		});
	}
}

/** Every language in both schemes; in CI, which has minutes only, each language and each scheme once. */
export const axeSchemes = (language) => process.env.CI ? [language === 'ko' ? 'light' : 'dark'] : ['light', 'dark'];

/** The bytes that came over the line while `open()` drew the page, more than `least`. What the page asked for is waited for, but streams; the page itself is drawn. */
export async function weigh(page, least, open) {
	const session = await page.context().newCDPSession(page), under = new Map(), loaded = [];
	const bytes = () => loaded.reduce((sum, one) => sum + one, 0);
	await session.send('Network.enable');
	session.on('Network.requestWillBeSent', ({ requestId, type, request }) => ['Document', 'EventSource'].includes(type) || under.set(requestId, request.url));
	session.on('Network.responseReceived', ({ requestId, response }) => response.mimeType === 'text/event-stream' && under.delete(requestId));
	session.on('Network.loadingFailed', ({ requestId }) => under.delete(requestId));
	session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
		under.delete(requestId);
		loaded.push(encodedDataLength);
	});
	await open();
	await eventually(() => under.size === 0 && bytes() > least, 'all that the page asked for').catch((error) => {
		throw new Error(`${error.message}: ${bytes()} bytes came, and did not: ${[...under.values()]}`);
	});
	return bytes();
}
