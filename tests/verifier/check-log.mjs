// What a verifier checks of the logs and of the citizens' count (FORMAT.md 7, 4 and 5). Methods of a Verifier.
import { Count, entryOf, parseOpening } from './count.mjs';
import { same } from './json.mjs';
import { filesOf, readLog, recordsOf, rootOf } from './log.mjs';
import { base64, openCheckpoint, openNote } from './note.mjs';

const SIZE_MAX = 1e8;
const EPOCHS_MAX = 100;
const DECIMAL = /^(0|[1-9][0-9]{0,14})$/;

export const logChecks = {
	logs() {
		const { rules, newest } = this;
		const known = new Set();
		const take = (file) => (known.add(file), this.take(file));
		const wrong = (file, what) => this.wrong(file, what);
		this.entries = [];
		this.checkpoints = new Map(); // origin -> {size, root}
		this.notes = [];
		const epochs = this.epochs();
		this.epoch = epochs;
		for (let shard = 0; shard < rules.shards; shard++)
			for (let e = 1; e <= epochs; e++) this.oneLog({ shard, epoch: e, newest: e === epochs, take, wrong });
		this.certified(epochs);
		for (const name of this.files.keys())
			if (name.startsWith('log/') && !known.has(name)) this.wrong(name, 'does not belong to the log');
		const issued = this.notes.reduce((sum, one) => sum + one, 0);
		this.expect(issued === newest.issued, this.file, `issued is not ${issued}`);
		this.done.push(`${newest.log_size} entries in ${rules.shards} log(s)`);
	},

	originOf(shard, epoch) {
		return `${this.logName}/${this.round}/${shard}${epoch > 1 ? `/epoch-${epoch}` : ''}`;
	},

	/** The last one, of all shards, as the newest result names it. */
	epochs() {
		const said = this.newest.log[0]?.origin.slice(this.originOf(0, 1).length);
		const epoch = said === '' ? 1 : Number(/^\/epoch-([1-9][0-9]*)$/.exec(said)?.[1]);
		return this.expect(epoch >= 1 && epoch <= EPOCHS_MAX && this.newest.log[0].origin === this.originOf(0, epoch), this.file, 'log[0] has no such origin') ? epoch : 1;
	},

	oneLog({ shard, epoch, newest, take, wrong }) {
		const origin = this.originOf(shard, epoch);
		const dir = `log/${this.rules.contest}/${shard}${epoch > 1 ? `/epoch-${epoch}` : ''}`;
		if (epoch > 1) this.statement(take(`${dir}/statement`), `${dir}/statement`, origin, this.originOf(shard, epoch - 1));
		if (!newest && !this.files.has(`${dir}/checkpoint`)) { // it ended before anything was sealed
			this.checkpoints.set(origin, { size: 0, root: rootOf([]) });
			this.former = [];
			return;
		}
		const head = openCheckpoint(take(`${dir}/checkpoint`) ?? '', origin, this.logKey);
		if (!this.expect(head, `${dir}/checkpoint`, 'is not signed by the log key')) return;
		if (!this.expect(head.size <= SIZE_MAX, `${dir}/checkpoint`, 'has more entries than this verifier reads')) return;
		this.checkpoints.set(origin, head);
		const { entries, root } = readLog({ dir, size: head.size, take, wrong });
		this.expect(root?.equals(head.root), `${dir}/checkpoint`, 'has another root than the entries');
		this.tellChanges(shard, epoch, entries);
		if (newest) this.entries[shard] = entries;
		const note = openNote(take(`${dir}/issued`) ?? '', origin, this.logKey)?.split('\n');
		if (!this.expect(note?.length === 5 && note[0] === 'tallyd issued v1' && note[1] === origin && DECIMAL.test(note[2]) && DECIMAL.test(note[3]),
			`${dir}/issued`, 'is not a note of the log key')) return;
		this.expect(newest ? Number(note[2]) === head.size : Number(note[2]) <= head.size, `${dir}/issued`, 'was written for another size');
		if (newest) this.notes[shard] = Number(note[3]);
	},

	/** What the log of the epoch before has, and this one has not: said, and no fault. */
	tellChanges(shard, epoch, entries) {
		const before = epoch > 1 ? this.former : [];
		const first = before?.findIndex((entry, i) => !entries?.[i]?.equals(entry)) ?? -1;
		if (entries && first >= 0) this.done.push(`shard ${shard}: from index ${first} on epoch ${epoch} has not what epoch ${epoch - 1} had: lost, or changed`);
		this.former = entries;
	},

	/** Each version names checkpoints that are there, the newest those of the last epoch. */
	certified(epochs) {
		this.documents.forEach(({ log }, i) => {
			const file = `results/${i + 1}.json`;
			const last = i + 1 === this.documents.length;
			log.forEach(({ origin, root, size }, shard) => {
				const known = Array.from({ length: epochs }, (_, e) => this.originOf(shard, e + 1)).slice(last ? -1 : 0);
				if (!this.expect(known.includes(origin), file, `log ${shard} has no such origin`)) return;
				const head = this.checkpoints.get(origin);
				if (head) this.expect(head.size === size && head.root.toString('base64') === root, file, `log ${shard} is not the checkpoint that is there`);
			});
		});
	},

	statement(note, file, origin, oldOrigin) {
		const text = openNote(note ?? '', origin, this.logKey)?.split('\n');
		const old = this.checkpoints.get(oldOrigin);
		this.expect(text?.length === 7 && text[0] === 'tallyd epoch v1' && text[1] === origin && text[2] === oldOrigin
			&& DECIMAL.test(text[3]) && base64(text[4], 32) && DECIMAL.test(text[5]), file, 'is not a statement of the log key');
		if (text && old)
			this.expect(text[3] === String(old.size) && text[4] === old.root.toString('base64'), file, 'speaks of another checkpoint than the old log\'s');
	},

	openings() {
		const { rules, newest } = this;
		if (![...this.files.keys()].some((name) => name.startsWith('openings/'))) {
			if (newest.log_size > 0) this.expect(this.contest?.openings !== 'public', 'openings/', 'is missing, though contest.yaml says openings: public');
			if (newest.log_size > 0) this.done.push('no openings: the citizens\' count is the signature\'s word');
			return;
		}
		const known = new Set();
		const count = new Count(rules);
		for (let shard = 0; shard < rules.shards; shard++) {
			const entries = this.entries[shard] ?? [];
			const identity = `${this.logName}/${this.round}/${shard}`;
			for (const [file, first, width] of filesOf(`openings/${shard}`, entries.length)) {
				known.add(file);
				const bytes = this.take(file);
				const records = bytes && recordsOf(bytes, width);
				if (bytes) this.expect(records, file, `is not ${width} openings`);
				(records ?? []).forEach((record, i) => {
					const opening = parseOpening(record);
					const index = first + i;
					if (!this.expect(opening && entries[index] && entryOf({ identity, index, ...opening }).equals(entries[index]),
						file, `shard ${shard}, index ${index}: does not open the entry`)) return;
					count.add({ shard, index, ...opening }, (what) => this.wrong(file, what));
				});
			}
		}
		for (const name of this.files.keys())
			if (name.startsWith('openings/') && !known.has(name)) this.wrong(name, 'opens nothing');
		this.count = count.result();
		this.expect(count.ballots === newest.ballots, this.file, `ballots is not ${count.ballots}`);
		this.expect(same(this.count.rows, newest.citizen), this.file, `citizen is not ${JSON.stringify(this.count.rows)}`);
		this.done.push(`${count.ballots} ballots counted anew, ${count.superseded} replaced`);
	},
};
