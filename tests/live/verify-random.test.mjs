// Two verifiers, written apart from FORMAT.md, must come to the same: bundles that an organiser with all keys has
// changed at random and signed anew (lib/forge.mjs), made up ones of every form and real ones with sheets, standing,
// annex and audit log. TEST_MUTATIONS of each of three kinds, TEST_SEED to see one again.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runProgram, TALLYCTL } from './lib/instance.mjs';
import { ratedRound } from './lib/rated.mjs';
import { dice, makeBundle, writeBundle } from './lib/bundle.mjs';
import { forge } from './lib/forge.mjs';
import { verifyBundle } from '../verifier/verify.mjs';

const MUTATIONS = Number(process.env.TEST_MUTATIONS ?? 25);
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1e6);

/** What FORMAT.md leaves to those who know more than it says: which contest files a server takes, and whose
 *  affiliation is a conflict of interest. */
const isBeyond = ({ file, why }) => file === 'contest.yaml' || / a conflict of interest with /.test(why);

let root;
before(async () => {
	root = await mkdtemp(path.join(os.tmpdir(), 'tallyd-verify-'));
});
after(() => rm(root, { recursive: true }));

/** A directory that holds a bundle, and then others that differ little from it. */
class Place {
	constructor(dir) {
		this.dir = dir;
		this.files = new Map();
	}

	async hold(files) {
		for (const name of this.files.keys())
			if (!files.has(name)) rmSync(path.join(this.dir, name));
		for (const [name, bytes] of files) {
			const was = this.files.get(name);
			if (was?.equals(bytes)) continue;
			if (was && existsSync(path.join(this.dir, name))) await writeFile(path.join(this.dir, name), bytes);
			else await writeBundle([[name, bytes]], this.dir);
		}
		this.files = new Map(files);
	}
}

async function agree(place, files, key, did) {
	await place.hold(files);
	const { code, stdout, stderr } = await runProgram(TALLYCTL, ['verify', '--json', '--key', key, place.dir]);
	assert.ok(code === 0 || code === 65, `${did}: ${code} ${stderr}`);
	const ours = JSON.parse(stdout).findings, theirs = verifyBundle(files, key).findings;
	if (theirs.length === 0 && ours.length > 0 && ours.every(isBeyond))
		return 'beyond';
	if ((ours.length === 0) !== (theirs.length === 0))
		return `${did}\n  tallyctl verify: ${ours.slice(0, 3).map((one) => JSON.stringify(one)).join('\n') || 'verified'}\n  the other: ${theirs.slice(0, 3).join('\n') || 'verified'}`;
	return ours.length === 0 ? 'verified' : 'refused';
}

async function campaign(t, salt, next) {
	const told = { verified: 0, refused: 0, beyond: 0 }, differences = [];
	const place = new Place(path.join(root, t.name.replace(/\W+/g, '-')));
	for (let i = 0; i < MUTATIONS; i++) {
		const roll = dice((SEED * 3 + salt) * 1e4 + i);
		const { bundle, what } = next(roll);
		const verdict = await agree(place, bundle.files, bundle.key, `seed ${SEED}, change ${i}: ${what}: ${forge(bundle, roll)}`);
		if (verdict in told) told[verdict]++;
		else differences.push(verdict);
	}
	t.diagnostic(JSON.stringify(told));
	assert.equal(differences.length, 0, `${differences.length} of ${MUTATIONS}:\n${differences.slice(0, 20).join('\n')}`);
	assert.ok((told.verified > 0 && told.refused > 0) || MUTATIONS < 50, 'some changes must matter, and some not');
}

test(`made-up bundles, ${MUTATIONS} changes, seed ${SEED}`, (t) => campaign(t, 0, (roll) => {
	const options = { form: ['choices', 'scores', 'ranking'][roll(3)], revote: ['refuse', 'replace'][roll(2)], shards: 1 + roll(3), versions: 1 + roll(3), epochs: 1 + roll(8) % 3,
		voters: roll(6) ? roll(30) : 250 + roll(300), openings: roll(5) ? 'public' : 'auditors', seed: roll(1000) };
	return { bundle: makeBundle(options), what: JSON.stringify(options) };
}));

describe('real bundles', () => {
	let rated;
	before(async () => {
		rated = await ratedRound();
	});
	after(() => rated.instance.stop());
	for (const [i, name] of ['auditors', 'everybody'].entries())
		test(`for ${name}, ${MUTATIONS} changes, seed ${SEED}`, (t) => campaign(t, 1 + i, () =>
			({ bundle: { ...rated.seal, key: rated.key, files: new Map(rated.bundles[name].files) }, what: name })));
});
