// Wages campaigns at full size and writes tests/RESULTS.md: node tests/campaign/run.mjs [NAME…], all without one.
// SEED=… repeats a run, COUNT=… is the number of faults; with fewer than at full size nothing is written. Ends with 1 where something was lost or doubled, or where a control
// was not caught.
import crypto from 'node:crypto';
import { isSound } from './audit.mjs';
import { campaigns, isCaught } from './campaigns.mjs';
import { record } from './results.mjs';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !campaigns[name]);
if (unknown.length > 0) {
	console.error(`no such campaign: ${unknown.join(', ')}; there are ${Object.keys(campaigns).join(', ')}`);
	process.exit(64);
}

/** A line every ten seconds. */
function teller(name, began) {
	let next = began + 10_000;
	return (done, count, { acknowledged, unknown: without, strange }) => {
		if (Date.now() < next && done < count)
			return;
		next = Date.now() + 10_000;
		console.log(`  ${name}: ${done} of ${count}, ${acknowledged} acknowledged, ${without} without an answer${strange.length > 0 ? `, STRANGE: ${strange[0]}` : ''}`);
	};
}

let failed = 0;
for (const name of names.length > 0 ? names : Object.keys(campaigns)) {
	const { wage, count: full, catches } = campaigns[name];
	const seed = Number(process.env.SEED || crypto.randomInt(2 ** 31)), count = Number(process.env.COUNT || full), began = Date.now();
	console.log(`${name}: seed ${seed}, ${count} faults`);
	const result = await wage({ seed, count, progress: teller(name, began) });
	if (!result) {
		console.log(`${name}: skipped; only root may mount a file system`);
		continue;
	}
	const good = catches ? isCaught(campaigns[name], result) : isSound(result);
	const verdict = catches ? (good ? 'caught' : 'NOT CAUGHT') : (good ? 'sound' : 'UNSOUND');
	console.log(`${name}: ${verdict}`, { ...result, wrong: result.wrong.length, such_as: result.wrong[0] });
	failed += good ? 0 : 1;
	if (!await record(name, result, { count, full, seed, verdict, seconds: (Date.now() - began) / 1000 }))
		console.log(`${name}: a short trial, ${count} of ${full}: not recorded in tests/RESULTS.md`);
}
process.exit(failed > 0 ? 1 : 0);
