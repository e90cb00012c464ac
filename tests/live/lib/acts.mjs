// What organisers do, for tests: tallyctl on an instance, organisers with their tokens, the API's acts, and
// the audit log as it stands in Redis, its chain recomputed here.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TALLYCTL, runProgram } from './instance.mjs';

export const SANITIZER = /ERROR: \w*Sanitizer|runtime error:/;

/** Runs tallyctl on an instance: {code, stdout, stderr}, and `json` of --json. */
export async function ctl(instance, ...args) {
	const done = await runProgram(TALLYCTL, ['-c', instance.config, ...args]);
	assert.doesNotMatch(done.stderr, SANITIZER);
	return { ...done, get json() {
		return JSON.parse(done.stdout);
	} };
}

/** The same, and it must go well. */
export async function ctlDone(instance, ...args) {
	const done = await ctl(instance, ...args);
	assert.equal(done.code, 0, `tallyctl ${args.join(' ')}: ${done.stdout}${done.stderr}`);
	return done;
}

/** The same, and it must be refused with this exit code and a sentence that matches. */
export async function ctlRefused(instance, code, sentence, ...args) {
	const done = await ctl(instance, ...args);
	assert.equal(done.code, code, `tallyctl ${args.join(' ')}: ${done.stdout}${done.stderr}`);
	assert.match(done.stderr, sentence);
	return done;
}

/** A named person with a token; `file` holds it for --token. */
export async function invite(instance, role, name) {
	const { id, token } = (await ctlDone(instance, 'invite', role, '--name', name, '--json')).json;
	assert.match(id, new RegExp(`^${role}-`));
	const file = path.join(instance.dir, `${id}.token`);
	await writeFile(file, `${token}\n`, { mode: 0o600 });
	return { id, token, file, who: `${role}:${id}` };
}

/** The acts of one person through the API. */
export class Hand {
	constructor(round, person, name) {
		this.round = round;
		this.token = person?.token;
		this.confirm = name;
	}

	post(target, body) {
		return this.round.instance.request('POST', `${this.round.path}/${target}`, {
			headers: { 'Content-Type': 'application/json',
				...(this.token && { Authorization: `Bearer ${this.token}` }) },
			body: typeof body === 'string' ? body : JSON.stringify(body),
		});
	}

	act(body) {
		return this.post('acts', { confirm: this.confirm, why: 'a reason', ...body });
	}

	async done(body, status = 200) {
		const reply = await this.act(body);
		assert.equal(reply.status, status, reply.text);
		return reply.json;
	}

	decide(request, decision, why = 'a second look') {
		return this.post(`requests/${request}`, { decision, why });
	}
}

/** A problem of a named route: as every problem, but a 401 asks for a bearer. */
export function assertRefused(reply, status, slug, detail = /\S/) {
	assert.equal(reply.status, status, `${reply.status} ${reply.text}`);
	assert.match(reply.headers['content-type'], /^application\/problem\+json/);
	const problem = reply.json;
	assert.equal(problem.type.split('#')[1], slug, reply.text);
	assert.match(problem.detail ?? '', detail, reply.text);
	if (status === 401)
		assert.match(reply.headers['www-authenticate'] ?? '', /^Bearer/);
	return problem;
}

const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest();
};

/** The audit log's entries, the chain of their hashes checked. */
export async function auditOf(round) {
	const redis = round.instance.redisClient();
	const [[, stored], [, head]] = await redis.multi() // at one moment: others may be writing
		.xrange(`{${round.name}}:audit`, '-', '+').hgetBuffer(`{${round.name}}:record`, 'head').exec();
	redis.disconnect();
	let prev = sha256('tallyd audit v1\n', round.name);
	const entries = stored.map(([id, [field, text]], i) => {
		assert.equal(id, `${i + 1}-0`);
		assert.equal(field, 'j');
		const entry = JSON.parse(text);
		assert.equal(entry.n, i + 1);
		assert.equal(entry.prev, prev.toString('hex'));
		prev = sha256('tallyd audit v1\n', text);
		return entry;
	});
	if (entries.length)
		assert.deepEqual(head, prev);
	return entries;
}

/** Only the entries of these acts. */
export async function actsOf(round, ...names) {
	return (await auditOf(round)).filter(({ act }) => names.includes(act));
}

const text = (en) => ({ ko: en, en });
/** Changes of a contest: citizens' votes and one metric make the standing; the first two advance. */
export const stage = {
	stage: {
		subtotals: [],
		parts: [
			{ id: 'citizens', name: text('citizens'), source: 'citizens', weight: 40, scale: 'share-of-maximum' },
			{ id: 'bench', name: text('bench'), source: 'metric', weight: 60, scale: 'points', out_of: 100 },
		],
		publish: 'full',
		advance: { count: 2, refill: false, ties: 'included' },
	},
};
