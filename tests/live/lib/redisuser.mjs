// The Redis user that operators are shown in ops/redis.conf, with just the rights that tallyd needs.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './instance.mjs';

/** Its line, as arguments of ACL SETUSER: name, then rules. The password is "secret". */
export async function shippedUser() {
	const text = await readFile(path.join(ROOT, 'ops/redis.conf'), 'utf8');
	const line = /^# {3}user (tallyd on [^]*?)\n\n/m.exec(text)[1].replaceAll(/\n# +/g, ' ');
	return line.replace('>PASSWORD', '>secret').split(' ');
}

/** What tallyd.yaml says of it under `redis`, with the password's file in `dir`. */
export async function userSettings(dir) {
	const file = path.join(dir, 'password');
	await writeFile(file, 'secret\n', { mode: 0o600 });
	return { user: 'tallyd', password_file: file };
}
