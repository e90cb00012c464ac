/* A signed result (FORMAT.md section 5.4): the document that the round's result key has signed, under its name. */
import { fromBase64, sha256, toHex, utf8 } from "./bytes.js";
import { roundOf } from "./commitment.js";
import { NoteError, openNote } from "./tlog.js";

export const resultName = (pinned) => `${pinned.log_name}/${roundOf(pinned)}/result`;

/* The text of a note that the result key has signed. */
export const openResultNote = (pinned, note) => openNote(note, resultName(pinned), fromBase64(pinned.result_key));

/* The document of this version, parsed. Throws NoteError where the note signs another one. */
export async function openResult(pinned, version, { document, note }) {
	const text = await openResultNote(pinned, note);
	const hash = toHex(await sha256(utf8(document)));
	if (text !== `tallyd result v1\n${roundOf(pinned)}\n${version}\n${hash}\n`) throw new NoteError("another result");
	return JSON.parse(document);
}
