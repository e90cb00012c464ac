// Experts for tests: invited by tallyctl, rating through the API; and what became of their sheets in Redis,
// the commitments of the audit log recomputed here.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { auditOf, ctlDone } from './acts.mjs';

/** An invited expert: reads and saves the sheet as a page does. */
export class Expert {
	constructor(round, person) {
		this.round = round;
		this.person = person;
		this.id = person.id;
		this.who = `expert:${person.id}`;
		this.token = person.token;
	}

	send(method, target, { body, headers = {}, token = this.token, ...options } = {}) {
		return this.round.instance.request(method, `${this.round.path}/${target}`, {
			headers: {
				...(token && { Authorization: `Bearer ${token}` }),
				...(body !== undefined && { 'Content-Type': 'application/json' }),
				...headers,
			},
			body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
			...options,
		});
	}

	get(options) {
		return this.send('GET', 'sheet', options);
	}

	/** The sheet as it stands. */
	async sheet() {
		const reply = await this.get();
		assert.equal(reply.status, 200, reply.text);
		assert.equal(reply.headers.etag, `"${reply.json.revision}"`);
		assert.equal(reply.headers['cache-control'], 'no-store');
		return reply.json;
	}

	put(sheet, revision, options = {}) {
		const headers = revision === undefined ? {} : { 'If-Match': `"${revision}"` };
		return this.send('PUT', 'sheet', { body: sheet, headers, ...options });
	}

	/** Saves, which must go well. */
	async saved(sheet, revision) {
		const reply = await this.put(sheet, revision);
		assert.equal(reply.status, 200, reply.text);
		assert.equal(reply.headers.etag, `"${reply.json.revision}"`);
		return reply.json;
	}

	pledge(body = { agreed: true }) {
		return this.send('POST', 'pledge', { body });
	}
}

let invited = 0; // two people of one name and affiliation are one to tallyctl

/** Invites one: {name, affiliation, panel, expires}. */
export async function inviteExpert(round, { name = `전문가 ${++invited}`, affiliation, panel = 'experts', expires } = {}) {
	const options = Object.entries({ affiliation, panel, expires })
		.flatMap(([option, value]) => value === undefined ? [] : [`--${option}`, value]);
	const { json } = await ctlDone(round.instance, 'invite', 'expert', '--name', name, ...options,
		'--contest', round.id, '--json');
	return new Expert(round, json);
}

const csvField = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

const DEFAULTS = { affiliation: '무소속', email: '', panel: 'experts' };

/** Invites many by a table: rows of {name, affiliation, email, panel}. */
export async function inviteTable(round, rows) {
	const file = path.join(round.instance.dir, `experts-${++invited}.csv`);
	const columns = ['name', 'affiliation', 'email', 'panel'];
	await writeFile(file, [columns, ...rows.map((row) => columns.map((column) => row[column] ?? (column === 'name' ? `전문가 ${++invited}` : DEFAULTS[column])))]
		.map((fields) => `${fields.map(csvField).join(',')}\r\n`).join(''));
	const { json } = await ctlDone(round.instance, 'invite', 'expert', '--from', file, '--contest', round.id, '--json');
	assert.equal(json.length, rows.length);
	return json.map((person) => new Expert(round, person));
}

/** A complete sheet: every criterion of every entry that is free, as high as it goes. */
export function complete(frame, entries, { state = 'submitted', without = [] } = {}) {
	const free = entries.filter((entry) => !(entry in frame.conflicts) && !(entry in frame.rulings) && !without.includes(entry));
	return {
		scores: Object.fromEntries(free.map((entry) =>
			[entry, Object.fromEntries(frame.criteria.map(({ id, max }) => [id, max]))])),
		recused: {},
		comments: Object.fromEntries(free.map((entry) => [entry, `${entry}: 좋습니다`])),
		state,
	};
}

/** What of an answer was in the sheet that was sent. */
export const sent = ({ scores, recused, comments, state }) => ({ scores, recused, comments, state });

const sha256 = (...parts) => {
	const hash = crypto.createHash('sha256');
	for (const part of parts)
		hash.update(part);
	return hash.digest('hex');
};

const SAVES = ['sheet.saved', 'sheet.submitted', 'sheet.withdrawn'];

/**
 * All revisions in their order: {n, person, act, revision, sheet}. Each save in the audit log has one, the
 * entry's commitment opens with its bytes and salt, and no person's revisions leave out a number.
 */
export async function revisionsOf(round) {
	const all = await auditOf(round), entries = all.filter(({ act }) => SAVES.includes(act));
	const redis = round.instance.redisClient();
	const stored = await redis.xrangeBuffer(`{${round.name}}:revisions`, '-', `${all.length}-0`);
	redis.disconnect();
	assert.equal(stored.length, entries.length);
	const last = new Map();
	return entries.map(({ n, act, who, person, revision, sheet }, i) => {
		const [id, fields] = stored[i];
		assert.equal(id.toString(), `${n}-0`);
		assert.deepEqual([0, 2, 4].map((at) => fields[at].toString()), ['e', 's', 'k']);
		assert.equal(fields[1].toString(), person);
		assert.equal(who, `expert:${person}`);
		assert.equal(fields[5].length, 32);
		assert.equal(sheet, sha256('tallyd sheet v1\n', fields[5], fields[3]));
		assert.equal(revision, (last.get(person) ?? 0) + 1);
		last.set(person, revision);
		return { n, person, act, revision, sheet: JSON.parse(fields[3].toString()) };
	});
}
