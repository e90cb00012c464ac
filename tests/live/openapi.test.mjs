// The API is what its description says: every example validates against its schema, request examples
// are replayed against the daemon, and every answer is one that the description knows.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import YAML from 'yaml';
import { invite } from './lib/acts.mjs';
import { ROOT, startInstance } from './lib/instance.mjs';
import { Round } from './lib/protocol.mjs';
import { inviteExpert } from './lib/sheets.mjs';
import { StreamReader } from './lib/stream.mjs';

const api = YAML.parse(readFileSync(path.join(ROOT, 'daemon/api/openapi.yaml'), 'utf8'));
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ $id: 'api', ...api }, 'api');

/** Follows $ref; gives the object and the JSON pointer where it stands. */
function resolve(pointer) {
	const object = pointer.split('/').slice(1)
		.reduce((at, key) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')], api);
	assert.ok(object !== undefined, pointer);
	return object.$ref ? resolve(object.$ref.slice(1)) : { object, pointer };
}
const step = (pointer, ...keys) =>
	pointer + keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function assertValid(pointer, value, what) {
	const encoded = pointer.split('/').map(encodeURIComponent).join('/');
	const validate = ajv.getSchema(`api#${encoded}`);
	assert.ok(validate, `no schema at ${pointer}`);
	assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
}

const operations = [];
for (const [route, item] of Object.entries(api.paths))
	for (const method of ['get', 'post', 'put', 'delete'])
		if (item[method])
			operations.push({ route, method: method.toUpperCase(), ...item[method], pointer: step('', 'paths', route, method) });
const operation = (id) => operations.find((one) => one.operationId === id);

test('every example in the description validates against its schema', () => {
	let examples = 0;
	const visit = (pointer) => {
		const here = resolve(pointer);
		for (const [type, media] of Object.entries(here.object.content ?? {}))
			for (const [name, example] of Object.entries(media.examples ?? {})) {
				assertValid(step(here.pointer, 'content', type, 'schema'), example.value, `${here.pointer} ${name}`);
				if (type === 'application/problem+json') {
					assert.equal(example.value.type, `/problems#${name}`);
					if (/^\d+$/.test(pointer.split('/').at(-1)))
						assert.equal(example.value.status, Number(pointer.split('/').at(-1)));
				}
				examples++;
			}
	};
	for (const one of operations) {
		if (one.requestBody)
			visit(step(one.pointer, 'requestBody'));
		for (const status of Object.keys(one.responses))
			visit(step(one.pointer, 'responses', status));
	}
	assert.ok(examples >= 10);
});

describe('the daemon answers as described', () => {
	let instance, round;
	before(async () => {
		instance = await startInstance();
		round = new Round(instance);
	});
	after(() => instance.stop());

	/** Sends what an operation is for, and holds the answer against the description. */
	async function replay(id, status, { contest = round.id, params = {}, headers = {}, body, on = instance } = {}) {
		const one = operation(id);
		const target = Object.entries({ contest, ...params })
			.reduce((route, [name, value]) => route.replace(`{${name}}`, value), one.route);
		const reply = await on.request(one.method, target, { headers, body });
		assert.equal(reply.status, status, `${id}: ${reply.status} ${reply.text}`);
		assertDescribed(one, reply);
		return reply;
	}

	function assertDescribed(one, { status, headers, bytes }) {
		const what = `${one.operationId} ${status}`;
		assert.ok(one.responses[status], `${what} is not described`);
		const { object, pointer } = resolve(step(one.pointer, 'responses', status));
		for (const name of Object.keys(object.headers ?? {})) {
			const header = resolve(step(pointer, 'headers', name));
			const value = headers[name.toLowerCase()];
			if (value === undefined)
				assert.ok(!header.object.required, `${what} lacks ${name}`);
			else
				assertValid(step(header.pointer, 'schema'), value, `${what} ${name}`);
		}
		if (!object.content) {
			assert.equal(bytes.length, 0, `${what} has a body`);
			return;
		}
		const type = headers['content-type'].split(';')[0];
		assert.ok(object.content[type], `${what} is ${type}`);
		if (type.endsWith('json'))
			assertValid(step(pointer, 'content', type, 'schema'), JSON.parse(bytes.toString('utf8')), what);
		if (type === 'application/problem+json') {
			const problem = JSON.parse(bytes.toString('utf8'));
			const text = `${object.description} ${one.description ?? ''}`;
			assert.ok(text.includes(`\`${problem.type.split('#')[1]}\``), `${what}: ${problem.type} is not described`);
		}
	}

	test('reading', async () => {
		await replay('listContests', 200);
		await replay('getContest', 200, { contest: api.components.parameters.contest.example });
		await replay('getIssuerDirectory', 200);
		await replay('getChallenge', 200);
		await replay('getHealth', 200);
		await replay('getReadiness', 200);
		const tally = await replay('getTally', 200);
		await replay('getTally', 304, { headers: { 'If-None-Match': tally.headers.etag } });
		for (const id of ['getContest', 'getChallenge', 'getTally', 'streamTally'])
			await replay(id, 404, { contest: 'nobody' });
	});

	test('the stream carries snapshots', async () => {
		const reader = await StreamReader.open(instance, operation('streamTally').route.replace('{contest}', round.id));
		const { snapshot, id } = await reader.tally();
		assertValid('/components/schemas/Snapshot', snapshot, 'an event');
		assert.equal(id, String(snapshot.sequence));
		reader.close();
	});

	test('issuing', async () => {
		const headers = { 'Content-Type': 'application/private-token-request' };
		const request = () => Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]);
		for (const id of ['issueContestToken', 'issueToken']) {
			const reply = await replay(id, 200, { headers, body: request() });
			assert.equal(reply.bytes.length, 256);
			await replay(id, 413, { headers, body: Buffer.alloc(100_000) });
			await replay(id, 415, { headers: { 'Content-Type': 'text/plain' }, body: request() });
			await replay(id, 422, { headers, body: request().subarray(1) });
		}
		await replay('issueContestToken', 404, { headers, body: request(), contest: 'nobody' });
	});

	test('casting: the examples, on a contest of each form', async (t) => {
		const ballots = { scores: { choices: undefined, scores: { min: 0, max: 10, step: 1 } } };
		for (const [name, example] of Object.entries(operation('castBallot').requestBody.content['application/json'].examples)) {
			let on = instance;
			if (ballots[name]) {
				on = await startInstance({ contest: { ballot: ballots[name], revote: 'replace' } });
				t.after(() => on.stop());
			}
			const here = new Round(on);
			const token = here.mint();
			const headers = { 'Authorization': here.authorization(token), 'Content-Type': 'application/json' };
			const body = JSON.stringify(example.value);
			const reply = await replay('castBallot', 201, { headers, body, on });
			await replay('castBallot', 200, { headers, body, on });
			assertValid('/components/schemas/Snapshot', await on.tallyOf(here.id, 1), `the tally of ${name}`);
			assertValid('/components/schemas/Contest', (await on.get(here.path)).json, `the contest of ${name}`);
			if (name === 'scores') {
				const other = JSON.stringify({ scores: { ...example.value.scores, upstage: 1 } });
				await replay('castBallot', 409, { headers, body: other, on });
				await replay('castBallot', 201, { headers: { ...headers, 'If-Match': reply.headers.etag }, body: other, on });
				await replay('castBallot', 412, { headers: { ...headers, 'Authorization': here.authorization(here.mint()), 'If-Match': '"0"' }, body, on });
				await replay('castBallot', 400, { headers: { ...headers, 'If-Match': '*' }, body, on });
			}
		}
	});

	test('casting: refusals', async () => {
		const token = round.mint();
		const headers = { 'Authorization': round.authorization(token), 'Content-Type': 'application/json' };
		const body = '{"choices":["upstage"]}';
		await replay('castBallot', 201, { headers, body });
		await replay('castBallot', 409, { headers, body: '{"choices":["nc-ai"]}' });
		await replay('castBallot', 409, { headers: { ...headers, 'If-Match': '"0"' }, body });
		await replay('castBallot', 400, { headers, body: '{' });
		await replay('castBallot', 401, { headers: { 'Content-Type': 'application/json' }, body });
		await replay('castBallot', 404, { headers, body, contest: 'nobody' });
		await replay('castBallot', 413, { headers, body: Buffer.alloc(100_000, ' ') });
		await replay('castBallot', 415, { headers: { Authorization: headers.Authorization }, body });
		await replay('castBallot', 422, { headers, body: '{}' });
	});

	test('what organisers read', async (t) => {
		const on = await startInstance();
		t.after(() => on.stop());
		const [{ token }, expert] = [await invite(on, 'organiser', 'Kim'), await invite(on, 'expert', 'Lee')];
		const headers = { Authorization: `Bearer ${token}` };
		const reads = ['getProgress', 'getTurnout', 'getAudit', 'getExport'];
		for (const id of reads) {
			const params = { export: 'tally.csv' };
			await replay(id, 200, { on, headers, params });
			await replay(id, 401, { on, params });
			await replay(id, 403, { on, headers: { Authorization: `Bearer ${expert.token}` }, params });
			await replay(id, 404, { on, headers, params, contest: 'nobody' });
		}
		for (const name of ['experts.json', 'turnout.csv', 'audit.csv'])
			await replay('getExport', 200, { on, headers, params: { export: name } });
		await replay('getExport', 403, { on, headers, params: { export: 'sheets.csv' } });
		await replay('getExport', 404, { on, headers, params: { export: 'secrets.csv' } });
		await replay('streamProgress', 401, { on });
	});

	test('acts and results', async (t) => {
		const on = await startInstance({ contest: { rehearsal: { approvals: 2 } } });
		t.after(() => on.stop());
		const people = await Promise.all([['organiser', 'Kim'], ['organiser', 'Lee'], ['observer', 'Watcher']]
			.map(([role, name]) => invite(on, role, name)));
		const [kim, lee, watcher] = people.map(({ token }) => ({ 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json' }));
		const { examples } = operation('performAct').requestBody.content['application/json'];
		for (const { value } of Object.values(examples))
			await replay('performAct', 200, { on, headers: kim, body: JSON.stringify(value) });
		const act = (status, changes, headers = kim) => replay('performAct', status,
			{ on, headers, body: JSON.stringify({ ...examples.pause.value, ...changes }) });
		await act(409, {});
		await act(422, { act: 'explode' });
		await act(422, { confirm: 'another' });
		await act(403, {}, watcher);
		await act(401, {}, { 'Content-Type': 'application/json' });
		await act(415, {}, { Authorization: kim.Authorization });
		await act(413, { why: 'x'.repeat(300_000) });
		await replay('performAct', 400, { on, headers: kim, body: '{' });
		await replay('performAct', 404, { on, headers: kim, body: '{}', contest: 'nobody' });
		const { request } = (await act(202, { act: 'close' })).json;
		await act(409, { act: 'close' });
		const decide = (status, headers, value, name = request) => replay('decideRequest', status,
			{ on, headers, params: { request: name }, body: JSON.stringify(value) });
		const { value: approval } = Object.values(operation('decideRequest').requestBody.content['application/json'].examples)[0];
		await decide(403, kim, approval);
		await decide(403, watcher, approval);
		await decide(401, { 'Content-Type': 'application/json' }, approval);
		await decide(422, lee, { decision: 'perhaps' });
		await decide(200, lee, approval);
		await decide(404, lee, approval);
		await replay('listResults', 200, { on });
		await replay('listResults', 404, { on, contest: 'nobody' });
		await replay('getResult', 404, { on, params: { version: '1' } });
	});

	test('what experts read and send', async (t) => {
		const on = await startInstance({ contest: { rehearsal: { pledge: { required: true } } } });
		t.after(() => on.stop());
		const here = new Round(on), organiser = await invite(on, 'organiser', 'Kim');
		const { token } = await inviteExpert(here, { affiliation: 'LG CNS' });
		const json = { 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json' };
		const [{ value }] = Object.values(operation('putSheet').requestBody.content['application/json'].examples);
		const put = (status, changes, revision = '"0"', headers = json) => replay('putSheet', status,
			{ on, headers: { ...headers, ...(revision && { 'If-Match': revision }) }, body: JSON.stringify({ ...value, ...changes }) });
		await put(403, {});
		const [{ value: agreed }] = Object.values(operation('givePledge').requestBody.content['application/json'].examples);
		const pledge = (status, body, headers = json, contest = here.id) => replay('givePledge', status, { on, headers, body, contest });
		await pledge(200, JSON.stringify(agreed));
		await pledge(400, '{');
		await pledge(401, '{}', { 'Content-Type': 'application/json' });
		await pledge(403, '{}', { ...json, Authorization: `Bearer ${organiser.token}` });
		await pledge(404, '{}', json, 'nobody');
		await pledge(413, ' '.repeat(10_000));
		await pledge(415, '{}', { Authorization: json.Authorization });
		await pledge(422, '{}');
		await replay('getSheet', 200, { on, headers: json });
		await put(200, {});
		await replay('getSheet', 200, { on, headers: json });
		await put(400, {}, '*');
		await put(401, {}, '"0"', { 'Content-Type': 'application/json' });
		await put(403, { comments: { 'lg-ai-research': 'x' } }, '"1"');
		await put(403, {}, '"1"', { ...json, Authorization: `Bearer ${organiser.token}` });
		await put(412, { state: 'submitted' });
		await put(413, { comments: { upstage: 'x'.repeat(300_000) } });
		await put(415, {}, '"1"', { Authorization: json.Authorization });
		await put(422, { state: 'submitted' }, '"1"');
		await put(422, { scores: 7 }, '"1"');
		await put(428, {}, null);
		await replay('getSheet', 401, { on });
		await replay('getSheet', 403, { on, headers: { Authorization: `Bearer ${organiser.token}` } });
		for (const id of ['getSheet', 'putSheet'])
			await replay(id, 404, { on, headers: { ...json, 'If-Match': '"0"' }, contest: 'nobody', body: id === 'putSheet' ? '{}' : undefined });
	});

	test('the public log and proofs from it, before anything is sealed', async () => {
		const proof = (status, params, contest) => replay('getProof', status, { params: { shard: '0', index: '999999', ...params }, contest });
		const early = await proof(404, {});
		assert.equal(early.json.type, '/problems#not-sealed');
		assert.match(early.headers['retry-after'], /^[1-9]/);
		await proof(404, { shard: '1000' });
		await proof(404, { index: '01' });
		await proof(404, {}, 'nobody');
		const file = (status, name, contest) => replay('getLogFile', status, { params: { shard: '0', path: name }, contest });
		await file(404, 'tile/0/x999/999');
		await file(404, 'checkpoint', 'nobody');
		const none = await startInstance({ settings: { ballot_log: { dir: '' } } });
		try {
			await replay('getProof', 503, { on: none, params: { shard: '0', index: '0' } });
			await replay('getLogFile', 404, { on: none, params: { shard: '0', path: 'checkpoint' } });
			assert.equal((await replay('getContest', 200, { on: none })).json.log, 'off');
		} finally {
			await none.stop();
		}
	});

	test('outages', async () => {
		const pid = await instance.redisPid();
		process.kill(pid, 'SIGSTOP');
		try {
			const headers = { 'Authorization': round.authorization(round.mint()), 'Content-Type': 'application/json' };
			await replay('castBallot', 503, { headers, body: '{"choices":["upstage"]}' });
			await replay('issueToken', 503, { headers: { 'Content-Type': 'application/private-token-request' },
				body: Buffer.concat([Buffer.from([0, 2, round.keyId[31], 0]), crypto.randomBytes(255)]) });
			await replay('getTally', 503);
		} finally {
			process.kill(pid, 'SIGCONT');
		}
	});

	test('every route of the daemon is described, and no other', () => {
		const source = readFileSync(path.join(ROOT, 'daemon/api/routes.c'), 'utf8');
		const table = source.slice(source.indexOf('api_routes[]'), source.indexOf('admin_routes[]'));
		const routes = [...table.matchAll(/\{METHOD_(\w+),\s*"([^"]+)"/g)]
			.map(([, method, route]) => `${method} ${route.replace(/\*$/, '{path}').replaceAll(/:(\w+)/g, '{$1}')}`);
		assert.deepEqual(operations.map((one) => `${one.method} ${one.route}`).sort(), routes.sort());
	});
});
