// Voters who never give up: each draws a voting right, casts, and asks again with the same ballot while the
// outcome is unknown or refused for now, until there is a receipt. What was acknowledged is kept, for audit.mjs.
import { setTimeout as delay } from 'node:timers/promises';
import { randomOf, spentOf } from '../live/lib/protocol.mjs';

const ENTRIES = ['naver-cloud', 'upstage', 'sk-telecom', 'nc-ai', 'lg-ai-research'];

/** Lets `writers` voters vote at once until stop(). `pauseMs`: at most so long between two votes of one. */
export class Writers {
	constructor(round, seed, { writers = 16, pauseMs = 60, giveUpMs = 120_000 } = {}) {
		this.round = round;
		this.giveUpMs = giveUpMs;
		this.pauseMs = pauseMs;
		this.votes = new Map(); // spent, in hex -> vote
		this.acknowledged = 0;
		this.unknown = 0; // answers that were none: outcome unknown, or the connection was lost
		this.refused = 0; // certainly not counted, for now
		this.strange = []; // what no voter may ever see
		this.stopping = false;
		this.done = Promise.all(Array.from({ length: writers }, (_, i) => this.voter(randomOf(seed * 1000 + i))));
		this.done.catch(() => {});
	}

	async voter(random) {
		while (!this.stopping) {
			await this.vote(this.draw(random), random);
			await delay(random.below(this.pauseMs + 1));
		}
	}

	/** A ballot that is on nobody's disk yet. */
	draw(random) {
		const token = this.round.mint(), entry = ENTRIES[random.below(ENTRIES.length)];
		const vote = { token, spent: spentOf(token).toString('hex'), entry, ballot: `choices\n${entry}\n`, receipt: null };
		this.votes.set(vote.spent, vote);
		return vote;
	}

	/** Until there is a receipt; one voter in eight sends an acknowledged ballot once more. */
	async vote(vote, random) {
		const end = Date.now() + this.giveUpMs;
		while (!await this.send(vote)) {
			if (Date.now() > end) {
				this.strange.push(`no receipt within ${this.giveUpMs} ms`);
				return;
			}
			await delay(5 + random.below(20));
		}
		if (random.below(8) === 0)
			await this.send(vote);
	}

	/** One attempt; true once nothing more is to be done. */
	async send(vote) {
		const reply = await this.post(vote).catch(() => null);
		if (!reply) {
			this.unknown++;
			return false;
		}
		if (reply.status === 503) {
			const slug = reply.json.type.split('#')[1];
			if (slug === 'outcome-unknown') this.unknown++;
			else if (['unavailable', 'busy'].includes(slug)) this.refused++;
			else this.strange.push(reply.text);
			return false;
		}
		this.take(vote, reply);
		return true;
	}

	post(vote) {
		return this.round.instance.request('POST', `${this.round.path}/ballots`, {
			headers: { Authorization: this.round.authorization(vote.token), 'Content-Type': 'application/json' },
			body: JSON.stringify({ choices: [vote.entry] }),
		});
	}

	take(vote, reply) {
		if (![200, 201].includes(reply.status)) {
			this.strange.push(`${reply.status} ${reply.text}`);
			return;
		}
		if (vote.receipt) {
			if (reply.json.index !== vote.receipt.index || reply.json.entry !== vote.receipt.entry)
				this.strange.push(`another receipt: ${reply.text}, and before ${JSON.stringify(vote.receipt)}`);
			return;
		}
		try {
			this.round.checkReceipt(reply.json, vote.token, vote.ballot);
		} catch (error) {
			this.strange.push(error.message);
		}
		vote.receipt = reply.json;
		this.acknowledged++;
	}

	/** No new votes; resolves when every vote that was begun has its receipt. */
	async stop() {
		this.stopping = true;
		await this.done;
	}
}
