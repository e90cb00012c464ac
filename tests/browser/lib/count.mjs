// A count that a real daemon has run to its certified result, and what hosts would serve of it, in memory, with its
// keys: so that a test can change anything, and sign it anew.
import { readFile } from 'node:fs/promises';
import crypto from 'node:crypto';
import path from 'node:path';
import { ctlDone } from '../../live/lib/acts.mjs';
import { ROOT, startInstance } from '../../live/lib/instance.mjs';
import { Round } from '../../live/lib/protocol.mjs';
import { createLog, keyOf, note, sha256 } from '../../unit/js/tree.mjs';
import { filesOf } from './host.mjs';

const hex = (bytes) => sha256(bytes).toString('hex');
export const resultName = ({ logName, round }) => `${logName}/${round}/result`;

/** The note of a result, as whoever holds this key would sign it. */
export const resultNote = (count, document, key = count.keys.result) =>
	note(`tallyd result v1\n${count.round}\n1\n${hex(document)}\n`, resultName(count), key);

/** Where the contest announces that its bundle will stand. */
export const PLACES = ['https://count.example/', 'https://copy.example:8443/kai/'];

/** The result key as it is announced. */
export function resultKey(count) {
	const name = resultName(count);
	const { raw } = count.keys.result;
	const id = sha256(name, '\n', Buffer.of(1), raw).subarray(0, 4).toString('hex');
	return `${name}+${id}+${Buffer.concat([Buffer.of(1), raw]).toString('base64')}`;
}

/** Votes, closes, certifies and publishes; the daemon is gone when this returns. `voted` are the votes as their voters
 * could open them, `files` the site and `bundle` the published bundle, as hosts would serve them. */
export async function runCount() {
	const instance = await startInstance({ contest: { panels: undefined, criteria: undefined, stage: {
		publish: 'full', subtotals: undefined, parts: [{ id: 'citizens', name: { ko: '국민', en: 'Citizens' }, source: 'citizens', weight: 100,
			scale: 'share-of-maximum' }], advance: { count: 2, refill: false, ties: 'included' } },
		rehearsal: { published_at: PLACES } } });
	try {
		const round = new Round(instance);
		const open = (await instance.get(round.path)).json;
		const count = { round: round.name, id: round.id, logName: round.logName, identity: round.origin(0), open,
			site: instance.site, files: await filesOf(path.join(instance.dir, 'site')), voted: await vote(round, open), keys: {} };
		for (const name of ['log', 'result'])
			count.keys[name] = keyOf(await readFile(path.join(instance.dir, 'keys', round.name, `${name}.private.pem`)));
		await round.tallyNow();
		await ctlDone(instance, 'close', '--why', 'the hour');
		await ctlDone(instance, 'publish', '--why', 'counted');
		await ctlDone(instance, 'certify', '--why', 'final');
		const directory = path.join(instance.dir, 'bundle');
		await ctlDone(instance, 'publish', '--from', path.join(ROOT, 'static'), '--vendor', path.join(ROOT, 'ops/pages/vendor'), directory);
		return { ...count, bundle: await filesOf(directory) };
	} finally {
		await instance.stop();
	}
}

async function vote(round, { entries }) {
	const voted = [];
	for (const [i, votes] of [3, 5, 2, 1].entries())
		for (let n = 0; n < votes; n++) {
			const { index, spent, salt } = (await round.castUntilAnswered(round.mint(), { choices: [entries[i].id] })).json;
			voted.push({ identity: round.origin(0), index, spent: Buffer.from(spent, 'base64'), salt: Buffer.from(salt, 'base64'),
				ballot: `choices\n${entries[i].id}\n` });
		}
	return voted;
}

/** A ballot of the test's own, as a voter would hold it. */
export const openingOf = (count, index, entry = count.open.entries[index % count.open.entries.length].id) => ({
	identity: count.identity, index, spent: crypto.randomBytes(16), salt: crypto.randomBytes(32), ballot: `choices\n${entry}\n` });

export const logOf = (count, openings, more = {}) => createLog({ identity: count.identity, key: count.keys.log, openings, ...more });

/** "/log/<contest>/0/…" → bytes. */
export const served = (count, log, size) => [...log.files(size)].map(([name, bytes]) =>
	[`/log/${count.id}/0/${log.epoch > 1 ? `epoch-${log.epoch}/` : ''}${name}`, Buffer.from(bytes)]);

/** Lists and signs what stands in a bundle's files, as whoever holds the result key could. */
export function sum(count, files, key = count.keys.result, version = 1) {
	const names = [...files.keys()].map((name) => name.slice(1)).filter((name) => !/^(SHA256SUMS|_headers$)/.test(name)).sort();
	const sums = names.map((name) => `${hex(files.get(`/${name}`))}  ${name}\n`).join('');
	files.set('/SHA256SUMS', Buffer.from(sums));
	files.set('/SHA256SUMS.note', Buffer.from(note(`tallyd bundle v1\n${count.round}\n${version}\n${names.length}\n${hex(sums)}\n`,
		resultName(count), key)));
	return files;
}
