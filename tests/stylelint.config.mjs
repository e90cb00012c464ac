// Mistakes and what strict pages must not do; spelling of values is left to whoever writes.
export default {
	extends: 'stylelint-config-standard',
	rules: {
		'at-rule-disallowed-list': ['import', 'font-face'], // no second request, no web font
		'color-function-notation': null,
		'comment-empty-line-before': null,
		'custom-property-empty-line-before': null,
		'declaration-empty-line-before': null,
		'function-url-scheme-disallowed-list': ['http', 'https', 'data', '//'],
		'media-feature-range-notation': null, // older phones know min-width only
		'no-descending-specificity': null,
		'rule-empty-line-before': null,
		'selector-class-pattern': '^[a-z][a-z0-9-]*$',
		'selector-id-pattern': '^[a-z][a-z0-9-]*$',
	},
};
