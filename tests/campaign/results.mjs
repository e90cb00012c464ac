// Writes what a campaign of full size came to into tests/RESULTS.md: one row each, in place of the one before.
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from '../live/lib/instance.mjs';

const FILE = path.join(ROOT, 'tests/RESULTS.md');
const HEAD = `# Nothing lost, nothing doubled

Written by \`make campaign\` (tests/campaign/run.mjs), one row a campaign, the last run of each at full size or above. *acknowledged*, *in the log* and *tally* are ballots and must be the same number; *unknown* are
attempts that got no answer, or \`outcome-unknown\`, and were sent again until there was a receipt. *lost* and *doubled* must be 0, but in the controls, which break the product on purpose: there the
campaign has to catch it.

| campaign | faults | acknowledged | in the log | tally | lost | doubled | unknown | refused | verdict | seed | s | when | on |
|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|---|---|
`;

const machine = () => `${os.availableParallelism()} × ${os.cpus()[0].model.trim()}, Linux ${os.release().split('-')[0]}`;

/** Writes the row of a run of full size; a short trial takes no row's place. Whether it was written. */
export async function record(name, result, { count, full, file = FILE, ...run }) {
	if (count < full)
		return false;
	await writeRow(file, name, result, run);
	return true;
}

async function writeRow(file, name, result, { seed, seconds, verdict }) {
	const text = await readFile(file, 'utf8').catch(() => '');
	const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| campaign') && !line.startsWith(`| ${name} |`));
	const row = `| ${[name, `${result.faults}${result.note ? ` (${result.note})` : ''}`, result.acknowledged, result.log, result.tally, result.lost, result.doubled, result.unknown,
		result.refused, verdict, seed, Math.round(seconds), `${new Date().toISOString().slice(0, 16)}Z`, machine()].join(' | ')} |`;
	await writeFile(file, `${HEAD}${[...rows, row].sort().join('\n')}\n`);
}
