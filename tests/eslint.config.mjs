// Rules for the pages' modules and the tests: mistakes, not taste. The pages have no build step, so
// what a browser would choke on must be found here.
import js from '@eslint/js';
import globals from 'globals';

const rules = {
	...js.configs.recommended.rules,
	'array-callback-return': 'error',
	'eqeqeq': 'error',
	'no-constructor-return': 'error',
	'no-eval': 'error',
	'no-implied-eval': 'error',
	'no-new-func': 'error',
	'no-promise-executor-return': 'off',
	'no-self-compare': 'error',
	'no-shadow': 'off',
	'no-template-curly-in-string': 'error',
	'no-throw-literal': 'error',
	'no-unreachable-loop': 'error',
	'no-unused-vars': ['error', { args: 'after-used' }],
	'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
	'no-var': 'error',
	'prefer-const': 'error',
	'require-atomic-updates': 'off',
};

/* What the Trusted Types policy refuses at run time is refused here first. */
const pages = {
	'no-restricted-properties': ['error',
		...['innerHTML', 'outerHTML'].map((property) => ({ property, message: 'Build elements with dom.js.' })),
		{ object: 'document', property: 'write' }, { object: 'document', property: 'cookie' }],
	'no-restricted-syntax': ['error', { selector: "CallExpression[callee.property.name='insertAdjacentHTML']", message: 'Build elements with dom.js.' }],
	'no-console': 'error',
	'no-alert': 'error',
};

export default [
	{ ignores: ['**/node_modules/', 'build*/'] },
	{
		files: ['**/*.mjs'],
		languageOptions: { ecmaVersion: 2022, sourceType: 'module', globals: globals.node },
		rules,
	},
	{ // code that a test sends into the page
		files: ['**/browser/**/*.mjs'],
		languageOptions: { globals: { ...globals.node, ...globals.browser } },
	},
	{
		files: ['**/static/**/*.js'],
		languageOptions: { ecmaVersion: 2022, sourceType: 'module', globals: globals.browser },
		rules: { ...rules, ...pages },
	},
];
