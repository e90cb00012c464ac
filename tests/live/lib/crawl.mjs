// Looks at a daemon as a stranger does: everything that it answers without a token, and whether there is
// anything in it that tells how entries fare.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import YAML from 'yaml';
import { ROOT } from './instance.mjs';
import { StreamReader } from './stream.mjs';

const STREAMS = /\/stream$/;

/** Every GET of the API's description, its parameters filled in. */
async function routes(round) {
	const { paths } = YAML.parse(await readFile(path.join(ROOT, 'daemon/api/openapi.yaml'), 'utf8'));
	const values = { contest: [round.id], version: ['1', '2'], request: ['1'], shard: ['0'], index: ['0'],
		path: ['checkpoint', 'issued', 'tile/0/000', 'tile/0/000.p/40', 'tile/entries/000', 'tile/entries/000.p/40'],
		export: ['tally', 'turnout', 'experts', 'sheets', 'comments', 'standing', 'audit']
			.flatMap((what) => [`${what}.csv`, `${what}.json`]) };
	const fill = (target) => {
		const name = /\{(\w+)\}/.exec(target)?.[1];
		return name ? values[name].flatMap((value) => fill(target.replace(`{${name}}`, value))) : [target];
	};
	return Object.keys(paths).filter((target) => paths[target].get).flatMap(fill);
}

/** Every file of the site, under its address, and the directories that hold an index. */
async function files(dir, below = '/') {
	const found = [];
	for (const entry of await readdir(path.join(dir, below), { withFileTypes: true })) {
		if (entry.isDirectory())
			found.push(...await files(dir, `${below}${entry.name}/`));
		else
			found.push(below + entry.name, ...entry.name === 'index.html' ? [below] : []);
	}
	return found;
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z/g;

/** What stays when the clock is taken away, and the port. */
export const timeless = (text) => text.replace(TIME, 'T').replace(/127\.0\.0\.1:\d+/g, 'HOST');

/** Status and header fields; an ETag that is made of the bytes tells what they tell, and moves with their clock. */
function timelessHead({ status, headers }, bytes) {
	const { date, etag, ...rest } = headers;
	assert.ok(date === undefined || !Number.isNaN(Date.parse(date)));
	const digest = crypto.createHash('sha256').update(bytes).digest('hex');
	const isHash = etag?.length >= 18 && etag === `"${digest.slice(0, etag.length - 2)}"`;
	return { status, ...rest, etag: isHash ? 'of the bytes' : etag };
}

/** Commitments, hashes and signatures are other bytes for the same ballots with another salt: their size alone is compared. */
const hashless = (reply) => reply.headers['content-type'] === 'application/octet-stream' ? `${reply.bytes.length} bytes`
	: reply.headers['content-type']?.startsWith('text/plain') ? reply.text.replace(/[A-Za-z0-9+/]{43,}={0,2}/g, 'HASH') : reply.text;

/**
 * Asks for everything: [{target, text, timeless}]; `timeless` is head and body but for the clock, and must
 * be a function of what the public may know. Without a stream: those are read by openStreams().
 */
export async function crawl(instance, round) {
	const pages = [];
	for (const target of [...(await routes(round)).filter((target) => !STREAMS.test(target)), '/nothing']) {
		const reply = await instance.get(target);
		pages.push({ target, reply, text: reply.text,
			timeless: JSON.stringify([timelessHead(reply, reply.bytes), timeless(hashless(reply))]) });
	}
	assert.ok(pages.length > 20, `${pages.length} addresses`);
	// Files are what was published before anybody voted, to the byte.
	const site = path.join(instance.dir, 'site');
	let served = 0;
	for (const target of await files(site)) {
		const reply = await instance.get(target);
		const published = await readFile(path.join(site, target.endsWith('/') ? `${target}index.html` : target));
		if (reply.status === 404) // what is for proxies alone
			continue;
		assert.ok(reply.bytes.equals(published), target);
		served++;
	}
	assert.ok(served > 40, `${served} files`);
	return pages;
}

/** Both streams, of which the second needs a token; frames are kept in `frames`. */
export class Watcher {
	static async open(instance, round) {
		const watcher = new Watcher();
		watcher.frames = [];
		watcher.reader = await StreamReader.open(instance, `${round.path}/tally/stream`);
		assert.equal((await instance.get(`${round.path}/progress/stream`)).status, 401);
		return watcher;
	}

	/** Reads on until a frame that has so many ballots. */
	async until(ballots) {
		for (;;) {
			const { data, id, snapshot } = await this.reader.tally();
			this.frames.push({ target: 'stream', text: data, id, snapshot, timeless: `${id} ${timeless(data)}` });
			if (snapshot.ballots >= ballots)
				return this.frames;
		}
	}

	close() {
		this.reader.close();
	}
}

function* numbersIn(value, key = '') {
	if (typeof value === 'number')
		yield { key, value };
	else if (value && typeof value === 'object')
		for (const [name, item] of Object.entries(value))
			yield* numbersIn(item, Array.isArray(value) ? key : name);
}

function* arraysIn(value) {
	if (Array.isArray(value))
		yield value;
	if (value && typeof value === 'object')
		for (const item of Object.values(value))
			yield* arraysIn(item);
}

/** Whether an array names entries in an order that is not the contest's. */
export function isReordered(list, entries) {
	const places = list.map((item) => entries.indexOf(item?.entry ?? item?.id ?? item)).filter((place) => place >= 0);
	return places.some((place, i) => i > 0 && place <= places[i - 1]);
}

const parse = (text) => {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
};

/**
 * What of the truth stands in these bytes: kinds of leaks, in no order. `counts` and `values` are numbers
 * that stand nowhere else.
 */
export function leaksIn(text, { entries, counts, values }) {
	const json = parse(text);
	const found = new Set();
	if (json === null) { // pages, tables, metrics: as words, since style sheets are full of numbers
		for (const line of text.split('\n'))
			if (entries.some((entry) => line.includes(entry)) && counts.some((n) => new RegExp(`[^0-9.#-]${n}[^0-9a-z.%]`).test(line)))
				found.add('count');
		return [...found];
	}
	const sum = counts.reduce((a, b) => a + b);
	for (const { key, value } of numbersIn(json)) {
		if (['sequence', 'ballots'].includes(key)) // the number of participants is public, and passes any number
			continue;
		if (counts.includes(value))
			found.add('count');
		if (counts.some((n) => Math.abs(value - n / sum) < 5e-4))
			found.add('share');
		if (values.some((v) => Math.abs(value - v) < 5e-4))
			found.add('value');
		if (key === 'rank')
			found.add('rank');
		if (['votes', 'points', 'spread', 'mean'].includes(key))
			found.add(key);
	}
	for (const list of arraysIn(json))
		if (isReordered(list, entries))
			found.add('order');
	return [...found];
}
