// A bundle as tallyctl publish wrote it, read by FORMAT.md section 5.1 with nothing of tallyd's; and what
// it takes to come to one: a contest that is closed, measured and certified.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import { lstat, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './instance.mjs';
import { ctl, ctlDone } from './acts.mjs';
import { openNote } from './note.mjs';

const run = promisify(execFile);
export const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest();
};

/** Where pages come from in tests, for publish and site. */
export const PAGES = ['--from', path.join(ROOT, 'static')];

export class Published {
	constructor(dir, round) {
		this.dir = dir;
		this.round = round;
	}

	/** All paths of files, sorted as bytes; symbolic links and others are faults. */
	async paths() {
		const found = [];
		const walk = async (below) => {
			for (const name of await readdir(path.join(this.dir, below))) {
				const one = below ? `${below}/${name}` : name, status = await lstat(path.join(this.dir, one));
				assert.ok(status.isDirectory() || status.isFile(), one);
				await (status.isDirectory() ? walk(one) : found.push(one));
			}
		};
		await walk('');
		return found.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
	}

	read(name) {
		return readFile(path.join(this.dir, name));
	}

	async json(name) {
		return JSON.parse(await this.read(name));
	}

	/** Every file with its bytes. */
	async all() {
		return new Map(await Promise.all((await this.paths()).map(async (name) => [name, await this.read(name)])));
	}

	/** Section 5.1: the sums, by coreutils as well, and their note. Returns the paths that are listed. */
	async check(version) {
		await run('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: this.dir });
		const sums = (await this.read('SHA256SUMS')).toString();
		const listed = sums.trimEnd().split('\n').map((line) => line.slice(66));
		const own = ['SHA256SUMS', 'SHA256SUMS.note', '_headers'];
		assert.deepEqual(listed, (await this.paths()).filter((name) => !own.includes(name)));
		const { round } = this;
		const key = crypto.createPublicKey(await readFile(path.join(round.instance.dir, 'keys', round.name, 'result.public.pem')));
		assert.equal(openNote((await this.read('SHA256SUMS.note')).toString(), `${round.logName}/${round.name}/result`, key),
			`tallyd bundle v1\n${round.name}\n${version}\n${listed.length}\n${sha256(sums).toString('hex')}\n`);
		return listed;
	}

	/** Every opening of a shard: [{spent, salt, ballot}]. */
	async openings(shard) {
		const bytes = Buffer.concat(await Promise.all((await this.paths())
			.filter((name) => name.startsWith(`openings/${shard}/`)).map((name) => this.read(name))));
		const openings = [];
		for (let at = 0; at < bytes.length;) {
			const end = at + 2 + bytes.readUInt16BE(at);
			openings.push({ spent: bytes.subarray(at + 2, at + 18), salt: bytes.subarray(at + 18, at + 50),
				ballot: bytes.subarray(at + 50, end).toString() });
			at = end;
		}
		return openings;
	}
}

export const publish = (instance, dir, ...options) => ctl(instance, 'publish', dir, ...PAGES, ...options);

/** Publishes, which must go well, and checks what section 5.1 says. */
export async function published(round, dir, version = 1, ...options) {
	const done = await ctlDone(round.instance, 'publish', dir, ...PAGES, ...options);
	const bundle = new Published(dir, round);
	bundle.listed = await bundle.check(version);
	bundle.said = done;
	return bundle;
}

/** Values of a metric part by entry. */
export async function measure(instance, part, values, ...options) {
	const file = path.join(instance.dir, 'metrics.csv');
	await writeFile(file, ['part,entry,value,source,as_of,method',
		...Object.entries(values).map(([entry, value]) => `${part},${entry},${value},TTA,2026-11-20,mean`)].join('\n'));
	return ctlDone(instance, 'metrics', 'import', file, '--why', 'measured', ...options);
}

/** From open to certified. */
export async function certify(instance) {
	await ctlDone(instance, 'close', '--why', 'done');
	await ctlDone(instance, 'publish');
	await ctlDone(instance, 'certify', '--why', 'final');
}
