// The campaigns of tests/campaign at small size; `make campaign` wages them at full size. The same code, and the same audit:
// acknowledged ballots = ballots in the log = tally. TALLYD_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { describe, test } from 'node:test';
import { isSound } from '../campaign/audit.mjs';
import { campaigns, isCaught } from '../campaign/campaigns.mjs';

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

describe('what is broken on purpose is caught', () => {
	for (const [name, count] of [['control-no-fsync', 2], ['control-no-mending', 2], ['control-no-dedup', 4], ['control-answers-early', 6]])
		test(name, async (t) => {
			const result = await wage(t, name, count);
			assert.ok(isCaught(campaigns[name], result) && !isSound(result), result.text);
		});
});
