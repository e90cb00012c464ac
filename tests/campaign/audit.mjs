// What must be true whatever was done to the servers: acknowledged ballots = ballots in the log = tally, each
// exactly once, at the place and with the content that its voter was told.
import { eventually } from '../live/lib/instance.mjs';
import { unpack } from '../live/lib/protocol.mjs';

const PAGE = 2000;
const TALLY_MS = 10_000;

/** Every ballot in the logs of a round, read from Redis. */
export async function readLog(instance, round) {
	const client = instance.redisClient(), { shards } = instance.site.contests.find(({ id }) => id === round.id);
	const found = [];
	for (let shard = 0; shard < shards; shard++) {
		for (let from = '-';;) {
			const page = await client.xrangeBuffer(`{${round.name}/${shard}}:log`, from, '+', 'COUNT', PAGE);
			for (const [id, [, packed]] of page) {
				const first = Number(id.toString().split('-')[0]) - 1;
				unpack(packed).forEach(({ spent, ballot }, i) => found.push({ shard, index: first + i, spent: spent.toString('hex'), ballot }));
			}
			if (page.length < PAGE)
				break;
			from = `(${page.at(-1)[0]}`;
		}
	}
	client.disconnect();
	return found;
}

function countOf(ballots) {
	const count = {};
	for (const { ballot } of ballots) {
		const entry = ballot.split('\n')[1];
		count[entry] = (count[entry] ?? 0) + 1;
	}
	return count;
}

/** The tally, once it has as many ballots as the log, or whatever it has after a while. */
async function tallyOf(instance, round, size) {
	let last;
	await eventually(async () => {
		last = await instance.tally(round.id);
		return last.ballots === size;
	}, 'the tally', TALLY_MS).catch(() => {});
	return last;
}

/**
 * Holds what voters know against log and tally. `lost`: acknowledged, and not where the receipt says.
 * `doubled`: in the log more than once. `foreign`: in the log, of nobody. `wrong`: anything else, in words.
 */
export async function audit(instance, round, writers) {
	const log = await readLog(instance, round), places = new Map();
	for (const found of log)
		places.set(found.spent, [...places.get(found.spent) ?? [], found]);
	const votes = [...writers.votes.values()], acknowledged = votes.filter(({ receipt }) => receipt);
	const lost = acknowledged.filter((vote) => !(places.get(vote.spent) ?? []).some((found) =>
		found.index === vote.receipt.index && found.shard === vote.receipt.shard && found.ballot === vote.ballot)).length;
	const doubled = [...places.values()].filter((found) => found.length > 1).length;
	const foreign = [...places.keys()].filter((spent) => !writers.votes.has(spent)).length;
	const wrong = [...writers.strange];
	const tally = await tallyOf(instance, round, log.length), counted = countOf(log);
	for (const row of tally.citizen)
		if (row.votes !== (counted[row.entry] ?? 0))
			wrong.push(`${row.entry}: ${row.votes} in the tally, ${counted[row.entry] ?? 0} in the log`);
	return { acknowledged: acknowledged.length, unresolved: votes.length - acknowledged.length, log: log.length, tally: tally.ballots,
		lost, doubled, foreign, wrong };
}

/** Whether the audit found nothing. */
export const isSound = ({ acknowledged, unresolved, log, tally, lost, doubled, foreign, wrong }) =>
	acknowledged > 0 && acknowledged === log && log === tally && unresolved + lost + doubled + foreign + wrong.length === 0;
