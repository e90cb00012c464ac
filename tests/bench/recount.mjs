// Measures a recount: seconds and memory of tallyctl recount over BALLOTS ballots, which are cast in bulk by the
// ledger's own function, and sealed by a running daemon. tests/bench/recount.mjs
//   BALLOTS=1000000 FORM=choices|ranking REPLACED=0.02
import crypto from 'node:crypto';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { TALLYCTL, eventually, startInstance } from '../live/lib/instance.mjs';
import { RECORD_ISSUED, Round } from '../live/lib/protocol.mjs';

const BALLOTS = Number(process.env.BALLOTS ?? 1_000_000);
const REPLACED = Number(process.env.REPLACED ?? 0.02);
const FORM = process.env.FORM ?? 'choices';
const BATCH = 64;

const instance = await startInstance({ contest: { revote: 'replace', shards: 1, expected_voters: BALLOTS,
	...(FORM === 'ranking' && { ballot: { ranking: { min: 1, max: 5, method: 'schulze' } } }) } });
const round = new Round(instance);
const redis = instance.redisClient();
const shard = `{${round.name}/0}`;
await redis.config('SET', 'appendfsync', 'no'); // for the load alone: it is not what is measured
const hash = await redis.hgetBuffer(`${shard}:rules`, 'hash');
const buckets = Number(await redis.hget(`${shard}:rules`, 'buckets'));
const ids = (await instance.get(round.path)).json.entries.map(({ id }) => id);

/** A ballot: its canonical text, its increments, and how Redis has it. */
function ballot() {
	if (FORM === 'choices') {
		const id = ids[crypto.randomInt(ids.length)];
		return [`choices\n${id}\n`, [`votes:${id}`, '1'], Buffer.from([ids.indexOf(id)])];
	}
	const drawn = ids.map((id) => [Math.random(), id]).sort(([a], [b]) => a - b).map(([, id]) => id)
		.slice(0, 1 + crypto.randomInt(ids.length));
	const increments = ids.flatMap((a) => drawn.includes(a) ? [`votes:${a}`, '1', ...ids.flatMap((b) =>
		a !== b && (!drawn.includes(b) || drawn.indexOf(a) < drawn.indexOf(b)) ? [`pair:${a}/${b}`, '1'] : [])] : []);
	return [`ranking\n${drawn.join('\n')}\n`, increments, Buffer.from(drawn.map((id) => ids.indexOf(id)))];
}
const negative = (increments) => increments.map((text, i) => i % 2 ? '-1' : text);

const bucketOf = (id) => id.readUInt32BE(8) % buckets;
let index = 0;
let old = []; // of the batch before: to be replaced
const loading = performance.now();
while (index < BALLOTS) {
	const keys = [`${shard}:rules`, `${shard}:log`, `${shard}:count`], argv = [hash, '0'], issued = redis.pipeline(), fresh = [];
	for (let n = 0; n < BATCH && index < BALLOTS; n++) {
		const replaces = Math.random() < REPLACED ? old.pop() : undefined;
		const spent = replaces?.spent ?? crypto.randomBytes(16);
		const [text, increments, packed] = ballot();
		if (replaces?.text === text)
			continue;
		const sums = replaces ? [...negative(replaces.increments), ...increments] : increments;
		let key = keys.indexOf(`${shard}:spent:${bucketOf(spent)}`) + 1;
		if (key === 0)
			key = keys.push(`${shard}:spent:${bucketOf(spent)}`);
		argv.push(spent, key, Buffer.concat([round.tagOf(spent, text, { replaces: replaces?.index }), packed]), replaces?.index ?? '', sums.length / 2, ...sums);
		if (!replaces) {
			issued.eval(RECORD_ISSUED, 2, `${shard}:issued:${bucketOf(spent)}`, `${shard}:issued`, spent, Buffer.alloc(32));
			fresh.push({ spent, text, increments, index });
		}
		index++;
	}
	old = fresh;
	const [reply] = await Promise.all([redis.fcall('cast_5', keys.length, ...keys, ...argv), issued.exec()]);
	if (!reply.slice(1).every((verdict) => Number.isInteger(verdict) || verdict[0] === 'replaced'))
		throw new Error(`not counted: ${JSON.stringify(reply)}`);
}
console.log(`${index} ballots loaded in ${((performance.now() - loading) / 1000).toFixed(1)} s`);
await redis.config('SET', 'appendfsync', 'always');
await eventually(async () => Number(await redis.hget(`${shard}:seal`, 'size')) === index, 'all of it sealed', 600_000);

for (let run = 0; run < 3; run++) {
	const start = performance.now();
	const child = spawn(TALLYCTL, ['-c', instance.config, 'recount'], { stdio: ['ignore', 'pipe', 'inherit'] });
	let said = '', peak = 0;
	child.stdout.on('data', (text) => (said += text));
	const watch = setInterval(async () => {
		const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
		peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
	}, 50);
	const code = await new Promise((resolve) => child.once('close', resolve));
	clearInterval(watch);
	console.log(`recount: ${((performance.now() - start) / 1000).toFixed(1)} s, ${Math.round(peak / 1024)} MB, exit code ${code}`);
	if (run === 0)
		console.log(said);
}
await instance.stop();
