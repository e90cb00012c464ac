// The campaigns of tests/campaign at small size; `make campaign` wages them at full size. The same code, and the same audit:
// acknowledged ballots = ballots in the log = tally. TALLYD_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { isSound } from '../campaign/audit.mjs';
import { campaigns, isCaught } from '../campaign/campaigns.mjs';
import { record } from '../campaign/results.mjs';
import { makeDirectory } from './lib/instance.mjs';

const seed = Number(process.env.TALLYD_TEST_SEED ?? crypto.randomInt(2 ** 31));

async function wage(t, name, count, options = {}) {
	t.diagnostic(`seed ${seed}`);
	const result = await campaigns[name].wage({ seed, count, ...options });
	if (!result) {
		t.skip('only root may mount a file system');
		return null;
	}
	const { wrong, ...numbers } = result;
	t.diagnostic(JSON.stringify(numbers));
	return { ...result, text: JSON.stringify({ ...numbers, wrong: wrong.slice(0, 5) }) };
}

describe('nothing lost, nothing doubled', () => {
	for (const [name, count, options] of [['redis-kills', 12], ['worker-kills', 6, { workers: 3 }], ['torn-tails', 4], ['promotions', 2], ['injected-errors', 6],
		['full-disk', 2], ['out-of-memory', 2], ['standing-still', 1, { stillMs: 2000 }]])
		test(name, async (t) => {
			const result = await wage(t, name, count, options);
			assert.ok(!result || isSound(result), result?.text);
		});
});

test('a short trial takes no recorded row’s place', async (t) => {
	const dir = await makeDirectory(), file = path.join(dir, 'RESULTS.md');
	t.after(() => rm(dir, { recursive: true }));
	const waged = (count) => record('redis-kills', { faults: count, acknowledged: 1, log: 1, tally: 1, lost: 0, doubled: 0, unknown: 0, refused: 0 },
		{ count, full: campaigns['redis-kills'].count, file, seed: 1, seconds: 1, verdict: 'sound' });
	assert.equal(await waged(1001), true);
	const before = await readFile(file, 'utf8');
	assert.match(before, /^\| redis-kills \| 1001 \|/m);
	assert.equal(await waged(20), false);
	assert.equal(await readFile(file, 'utf8'), before);
	assert.equal(await waged(1000), true);
	assert.doesNotMatch(await readFile(file, 'utf8'), /1001/);
});

describe('what is broken on purpose is caught', () => {
	for (const [name, count] of [['control-no-fsync', 2], ['control-no-mending', 2], ['control-no-dedup', 4], ['control-answers-early', 6]])
		test(name, async (t) => {
			const result = await wage(t, name, count);
			assert.ok(isCaught(campaigns[name], result) && !isSound(result), result.text);
		});
});
