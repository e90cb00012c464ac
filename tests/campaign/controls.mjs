// The product with one thing broken on purpose, built from a copy of its source: a campaign must catch each.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT, makeDirectory } from '../live/lib/instance.mjs';

const run = promisify(execFile);

export const DEFECTS = {
	/** A ballot that was sent twice counts twice. */
	dedup: { file: 'daemon/store/ballot.lua', from: /redis\.pcall\('HGET', bucket, \w+\)/, to: 'false' },
	/** A voter is told that the ballot is counted though Redis has not answered. */
	early: { file: 'daemon/store/ledger_cast.c', from: 'outcome == REDIS_NOT_SENT ? CAST_BUSY : CAST_UNKNOWN', to: 'CAST_COUNTED' },
	/** The tail of the append-only file stays as the power cut left it. */
	unmended: { file: 'daemon/worker/redisd.c', from: 'if (!repair(redisd))', to: 'if (false && !repair(redisd))' },
};

/** Builds tallyd with a defect, for `work(program)`. */
export async function withDefect(name, work) {
	const dir = await makeDirectory();
	try {
		return await work(await build(dir, name));
	} finally {
		await rm(dir, { recursive: true });
	}
}

/** What need not be built anew is taken from build/. */
async function build(dir, name) {
	const { file, from, to } = DEFECTS[name];
	const source = await readFile(path.join(ROOT, file), 'utf8'), broken = source.replace(from, to);
	assert.notEqual(broken, source, `${file} has not what the control "${name}" breaks: look at tests/campaign/controls.mjs`);
	for (const part of ['Makefile', 'daemon', 'build/obj', 'build/libtallyd.a'])
		await cp(path.join(ROOT, part), path.join(dir, part), { recursive: true, preserveTimestamps: true });
	await writeFile(path.join(dir, file), broken);
	const env = { ...process.env };
	for (const variable of ['CI', 'BUILD', 'SAN', 'MAKEFLAGS', 'MAKELEVEL'])
		delete env[variable];
	await run('make', ['--no-print-directory', 'build/tallyd'], { cwd: dir, env, maxBuffer: 1 << 24 });
	return path.join(dir, 'build/tallyd');
}
