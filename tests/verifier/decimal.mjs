// Decimals with four places as whole numbers (FORMAT.md 5.5, Rounding).
export const ONE = 10_000n;

const abs = (n) => n < 0n ? -n : n;

/** p / q (q > 0) with `d` decimals, half away from zero, as a whole number of 10^-d. */
export function ratio(p, q, d = 4n) {
	const rounded = (2n * abs(p) * 10n ** d + q) / (2n * q);
	return p < 0n ? -rounded : rounded;
}

export const toNumber = (value, d = 4n) => value === null ? null : Number(value) / Number(10n ** d);
/** A JSON number with at most four decimals. */
export const fromNumber = (number) => BigInt(Math.round(number * 10_000));

const MOST = 100_000_000_000n * ONE;

/** A value as metrics are written, or null. */
export function fromText(text) {
	const [, minus, whole, decimals = ''] = /^(-?)(0|[1-9]\d{0,11})(?:\.(\d{1,4}))?$/.exec(text) ?? [];
	if (whole === undefined)
		return null;
	const value = BigInt(whole) * ONE + BigInt(decimals.padEnd(4, '0'));
	return value > MOST ? null : minus ? -value : value;
}
