/* Reads the files that a deployment publishes of one shard's log: from the API's origin, or beside these pages. What it
 * reads of a checkpoint or a statement is signed by the pinned key, or an error says that it is not. */
import { Unreachable } from "./api.js";
import { fromBase64 } from "./bytes.js";
import { FormatError, openCheckpoint, openNote } from "./tlog.js";
import { MissingFile, Tiles } from "./tiles.js";

const DEADLINE_MS = 20_000;

/* The name under which an epoch's checkpoints are signed. */
export const originIn = (identity, epoch) => epoch === 1 ? identity : `${identity}/epoch-${epoch}`;

/* { checkpoint(epoch), statement(epoch), tiles(epoch) }; `fresh`: takes nothing from what a browser has kept. `copy`: these are
 * the files of a published bundle, which has all of them; where one is not there, the copy is incomplete: MissingFile. */
export function openLog({ base, pinned, shard, identity, fresh = false, copy = false }, fetcher = (...args) => fetch(...args)) {
	const key = fromBase64(pinned.log_key);
	const home = `${base}/log/${encodeURIComponent(pinned.id)}/${shard}/`;
	const directory = (epoch) => epoch === 1 ? home : `${home}epoch-${epoch}/`;

	/* null where there is no such file. */
	async function bytes(url, options) {
		const abort = new AbortController();
		const timer = setTimeout(() => abort.abort(), DEADLINE_MS);
		try {
			const response = await fetcher(url, { credentials: "omit", signal: abort.signal, ...options,
				...fresh && { cache: "reload" } });
			if (response.status === 404 || response.status === 410) return null;
			if (!response.ok) throw new Unreachable(`${url}: ${response.status}`);
			return new Uint8Array(await response.arrayBuffer());
		} catch (error) {
			throw error instanceof Unreachable ? error : new Unreachable(error.message, { cause: error });
		} finally {
			clearTimeout(timer);
		}
	}

	async function text(url) {
		const file = await bytes(url, { cache: "no-cache" });
		if (!file && copy) throw new MissingFile(`${url}: not there`);
		return file && new TextDecoder().decode(file);
	}

	return {
		/* { origin, size, root, note }, the newest; null where there is none. */
		async checkpoint(epoch) {
			const note = await text(`${directory(epoch)}checkpoint`);
			return note === null ? null : { ...await openCheckpoint(note, originIn(identity, epoch), key), note };
		},
		/* { size, root, ballots, note }: what was signed of the log before this epoch's, and how many ballots there
		 * were when the epoch began (FORMAT.md section 6). */
		async statement(epoch) {
			const note = await text(`${directory(epoch)}statement`);
			if (note === null) throw new FormatError("an epoch without its statement");
			const signed = await openNote(note, originIn(identity, epoch), key);
			const parts = /^tallyd epoch v1\n(.+)\n(.+)\n(0|[1-9]\d*)\n(.+)\n(0|[1-9]\d*)\n$/.exec(signed);
			if (parts?.[1] !== originIn(identity, epoch) || parts[2] !== originIn(identity, epoch - 1)) {
				throw new FormatError("not this epoch's statement");
			}
			return { size: Number(parts[3]), root: fromBase64(parts[4]), ballots: Number(parts[5]), note };
		},
		tiles: (epoch) => new Tiles((path) => bytes(`${directory(epoch)}${path}`)),
	};
}
