// RFC 4180, strictly: what a spreadsheet would read. Any deviation throws.
import assert from 'node:assert/strict';

/** Rows of fields; every line must end with CRLF, and all have as many fields as the first. */
export function parseCsv(text) {
	const rows = [];
	let at = 0;
	while (at < text.length) {
		const row = [];
		for (;;) {
			const [field, end] = parseField(text, at);
			row.push(field);
			at = end;
			if (text[at] !== ',')
				break;
			at++;
		}
		assert.equal(text.slice(at, at + 2), '\r\n', `line ${rows.length + 1} ends otherwise`);
		at += 2;
		assert.equal(row.length, (rows[0] ?? row).length, `fields in line ${rows.length + 1}`);
		rows.push(row);
	}
	return rows;
}

function parseField(text, at) {
	if (text[at] !== '"') {
		const end = at + /^[^,"\r\n]*/.exec(text.slice(at))[0].length;
		assert.notEqual(text[end], '"', 'a quote within an unquoted field');
		return [text.slice(at, end), end];
	}
	const quoted = /^"((?:[^"]|"")*)"/.exec(text.slice(at));
	assert.ok(quoted, 'a quoted field ends');
	return [quoted[1].replaceAll('""', '"'), at + quoted[0].length];
}

/** The lines as objects by the names in the first. */
export function objectsOf(text) {
	const [columns, ...rows] = parseCsv(text);
	return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
}
