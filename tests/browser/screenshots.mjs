// Screenshots to look at: home, vote, done, results and projector, in both languages, wide and 320 px,
// light and dark.   node browser/screenshots.mjs DIRECTORY
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startInstance } from '../live/lib/instance.mjs';
import { Round } from '../live/lib/protocol.mjs';
import { Citizen, LANGUAGES, at, launch, newBrowser } from './lib/browser.mjs';

const [directory] = process.argv.slice(2);
if (!directory) {
	console.error('usage: screenshots.mjs DIRECTORY');
	process.exit(64);
}
await mkdir(directory, { recursive: true });
const instance = await startInstance();
const browser = await launch();
try {
	// A plausible spread of votes.
	const round = new Round(instance);
	const ids = (await instance.get(round.path)).json.entries.map((entry) => entry.id);
	await Promise.all([97, 141, 118, 64, 118].flatMap((n, entry) => Array.from({ length: n }, () =>
		round.castUntilAnswered(round.mint(), { choices: [ids[entry]] }))));
	for (const language of LANGUAGES)
		for (const [size, viewport] of [['wide', { width: 1280, height: 900 }], ['320', { width: 320, height: 640 }]])
			for (const colorScheme of ['light', 'dark']) {
				const context = await newBrowser(browser, instance, { viewport, colorScheme, reducedMotion: 'reduce' });
				const page = await context.newPage();
				const shoot = async (name) => {
					await page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton'));
					await page.screenshot({ path: path.join(directory, `${name}-${language}-${size}-${colorScheme}.png`), fullPage: true });
				};
				await page.goto(at(language));
				await shoot('home');
				const citizen = new Citizen(page, language);
				await citizen.open();
				await shoot('vote-1-before');
				await citizen.start();
				await page.getByRole('radio').nth(1).check();
				await shoot('vote-2-choose');
				await citizen.choose(1);
				await shoot('vote-3-review');
				await citizen.cast();
				await citizen.done();
				await page.getByText(citizen.say('log.confirmed'), { exact: true }).waitFor();
				await shoot('done');
				await page.goto(at(language, '/results/'));
				await page.locator('tbody tr').first().waitFor();
				await shoot('results');
				await page.goto(at(language, '/verify/'));
				await page.locator('#kept').click();
				await page.locator('#verdict .found').waitFor();
				await shoot('verify');
				await page.goto(at(language, `/team/?id=${ids[1]}`));
				await shoot('team');
				if (size === 'wide') {
					await page.setViewportSize({ width: 1920, height: 1080 });
					await page.goto(at(language, '/projector/'));
					await page.locator('.p-board li').first().waitFor();
					await shoot('projector');
				}
				await context.close();
			}
} finally {
	await browser.close();
	await instance.stop();
}
