// A contest with all that a bundle can show, certified and corrected: voters, a panel with a conflict of interest, a
// ruling and a recusal, metrics, a disqualification; published for everybody and for auditors; and the keys to sign anew.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { contestDocument, startInstance } from './instance.mjs';
import { Round } from './protocol.mjs';
import { ctlDone } from './acts.mjs';
import { verifierKey } from './bundle.mjs';
import { complete, inviteTable } from './sheets.mjs';
import { readDirectory } from '../../verifier/verify.mjs';

export const TEAMS = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];
const text = (en) => ({ ko: en, en });

async function contest() {
	const { panels } = await contestDocument();
	return { shards: 2, openings: 'public', sheet_openings: 'public', revote: 'replace', approvals: 1, pseudonyms: false,
		rehearsal: { admission: 'open', approvals: 1 }, panels: panels.slice(0, 1), pledge: { required: false },
		stage: { subtotals: [{ id: 'people', name: text('People') }], publish: 'full', advance: { count: 2, refill: false, ties: 'included' }, parts: [
			{ id: 'citizens', name: text('citizens'), source: 'citizens', weight: 30, scale: 'share-of-maximum', subtotal: 'people' },
			{ id: 'experts', name: text('experts'), source: 'panel', panel: 'experts', weight: 40, scale: 'points', subtotal: 'people' },
			{ id: 'bench', name: text('bench'), source: 'metric', weight: 30, scale: 'points', out_of: 100 },
		] } };
}

/** Seven experts: one in conflict with a team, one kept from one by a ruling, one recused, one who hands in nothing. */
async function rate(instance, round) {
	const experts = await inviteTable(round, Array.from({ length: 7 }, (_, i) => ({ name: `전문가 ${i + 1}`, affiliation: i === 0 ? '업스테이지' : '무소속' })));
	await ctlDone(instance, 'recuse', experts[1].id, 'nc-ai', '--why', 'worked with them');
	for (const [i, expert] of experts.slice(0, 6).entries()) {
		const sheet = complete(await expert.sheet(), TEAMS, { without: i === 2 ? ['sk-telecom'] : [] });
		if (i === 2)
			sheet.recused = { 'sk-telecom': '가까운 사이' };
		Object.values(sheet.scores).forEach((scores, e) => { scores[Object.keys(scores)[0]] = (i + e) % 4; });
		await expert.saved(sheet, 0);
	}
}

async function measure(instance, values, ...options) {
	const file = path.join(instance.dir, 'metrics.csv');
	await writeFile(file, ['part,entry,value,source,as_of,method', ...Object.entries(values).map(([entry, value]) => `bench,${entry},${value},TTA,2026-11-20,mean`)].join('\n'));
	await ctlDone(instance, 'metrics', 'import', file, '--why', 'measured', ...options);
}

const raw = (key) => crypto.createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);

/** {instance, round, key (to pin), bundles: {everybody, auditors}, seal: what lib/bundle.mjs signs with}. The caller
 *  stops the instance. */
export async function ratedRound() {
	const instance = await startInstance({ contest: await contest() });
	const round = new Round(instance);
	const bundles = {};
	for (let i = 0; i < 40; i++)
		assert.equal((await round.cast(round.mint(), { choices: [TEAMS[i * i % 5]] })).status, 201);
	await rate(instance, round);
	await measure(instance, { 'naver-cloud': 90, upstage: '80.50', 'sk-telecom': 70, 'nc-ai': 60, 'lg-ai-research': 50 });
	await ctlDone(instance, 'close', '--why', 'done');
	await ctlDone(instance, 'publish');
	await ctlDone(instance, 'certify', '--why', 'counted');
	await ctlDone(instance, 'disqualify', 'naver-cloud', '--ko', '독자성 기준 미달', '--en', 'Not independent', '--for-correction');
	await measure(instance, { 'lg-ai-research': '55.25' }, '--for-correction');
	await ctlDone(instance, 'correct', '--why', 'a ruling');
	for (const [name, ...options] of [['everybody'], ['auditors', '--auditors']]) {
		const dir = path.join(instance.dir, name);
		await ctlDone(instance, 'publish', '--from', path.resolve('static'), ...options, dir);
		bundles[name] = { dir, files: readDirectory(dir) };
	}
	const keyOf = (name) => {
		const key = crypto.createPrivateKey(readFileSync(path.join(instance.dir, 'keys', round.name, `${name}.private.pem`)));
		return { key, raw: raw(key) };
	};
	const keys = { result: keyOf('result'), log: keyOf('log') };
	return { instance, round, bundles, key: verifierKey(`${round.logName}/${round.name}/result`, keys.result),
		seal: { options: { contest: round.name, logName: round.logName, versions: 2, shards: 2, epochs: 1 }, keys } };
}
