// node make-bundle.mjs DIR [OPTIONS as JSON]: writes a bundle (bundle.mjs) and prints the key to pin, and the seeds of
// the result key and of the log key in hex, one a line. For tests in other languages.
import { makeBundle, sha256, writeBundle } from './bundle.mjs';

const [dir, options = '{}'] = process.argv.slice(2);
const bundle = makeBundle(JSON.parse(options));
await writeBundle(bundle.files, dir);
console.log(bundle.key);
for (const name of ['result', 'log'])
	console.log(sha256(name, String(bundle.options.seed)).toString('hex'));
