// The samples that FORMAT.md offers to whoever writes a verifier are what they are said to be: both of ours agree.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT, TALLYCTL, runProgram } from './lib/instance.mjs';
import { readDirectory, verifyBundle } from '../verifier/verify.mjs';

test('sample bundles', async (t) => {
	const root = await mkdtemp(path.join(os.tmpdir(), 'tallyd-samples-'));
	t.after(() => rm(root, { recursive: true }));
	const made = await runProgram(process.execPath, [path.join(ROOT, 'tests/verifier/samples.mjs'), root]);
	assert.equal(made.code, 0, made.stderr);
	const key = (await readFile(path.join(root, 'key'), 'utf8')).trim();
	const expected = JSON.parse(await readFile(path.join(root, 'expected.json'), 'utf8'));
	assert.ok(expected.length > 15);
	for (const { name, verified, file } of expected) {
		const dir = path.join(root, name);
		const { code, stdout } = await runProgram(TALLYCTL, ['verify', '--json', '--key', key, dir]);
		const told = JSON.parse(stdout), { findings, done } = verifyBundle(readDirectory(dir), key);
		assert.deepEqual([code, told.verified, findings.length === 0], [verified ? 0 : 65, verified, verified], `${name}: ${findings.join('\n')}`);
		if (name === 'good-epochs') { // what was lost is told, by both from the same index on
			const losses = told.notes.filter((note) => note.includes('from index'));
			assert.equal(losses.length, 2);
			for (const [shard, note] of losses.entries())
				assert.ok(done.some((line) => line.startsWith(`shard ${shard}: from index ${/index (\d+)/.exec(note)[1]} on`)), `${note} ${done.join('\n')}`);
		}
		if (verified)
			continue;
		assert.ok(told.findings.some((one) => one.file?.startsWith(file)), `${name}: ${JSON.stringify(told.findings)}`);
		assert.ok(findings.some((one) => one.startsWith(file)), `${name}: ${findings.join('\n')}`);
	}
});
