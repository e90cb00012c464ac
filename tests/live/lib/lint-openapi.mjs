// Lints an OpenAPI description with Redocly's recommended rules; any finding fails, warnings too.
// The library in place of its command line, which asks the network for news.
import { createConfig, formatProblems, getTotals, lint } from '@redocly/openapi-core';

const [file] = process.argv.slice(2);
if (!file) {
	console.error('usage: lint-openapi.mjs FILE');
	process.exit(64);
}
const config = await createConfig({
	extends: ['recommended'],
	// The licence is the repository's business, not this file's. A login's routes only ever send a browser on (3xx).
	rules: { 'info-license': 'off', 'info-license-url': 'off', 'operation-2xx-response': 'off' },
});
const problems = await lint({ ref: file, config });
const totals = getTotals(problems);
formatProblems(problems, { format: 'codeframe', totals, version: '' });
process.exit(totals.errors + totals.warnings > 0 ? 1 : 0);
