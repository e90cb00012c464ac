/* Invitation codes, as daemon/admission/code.h has them: read however they were typed, and judged by their two check
 * characters before anybody is asked. */

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARACTERS = 18;
const ORDER = 31; // of the generator of GF(32), x^5 + x^2 + 1

const powers = [1];
while (powers.length < ORDER) {
	const next = powers.at(-1) << 1;
	powers.push(next & 32 ? next ^ 0x25 : next);
}
const times = (a, b) => a && b ? powers[(powers.indexOf(a) + powers.indexOf(b)) % ORDER] : 0;

/* { code: "3G90KP-N6XW1C-7TDM5H" }, or { fault, at } with the character meant, from 1: "length", "character", "hangul" (typed
 * with the Korean layout), "mistyped", "swapped" or "garbled". */
export function readCode(text) {
	const plain = text.normalize("NFKC").replace(/[-‐-―\s]/g, "").toUpperCase().replace(/[IL]/g, "1").replaceAll("O", "0");
	if (/\p{Script=Hangul}/u.test(plain)) return { fault: "hangul" };
	const symbols = [...plain].map((character) => ALPHABET.indexOf(character));
	if (symbols.includes(-1)) return { fault: "character", at: symbols.indexOf(-1) + 1 };
	if (symbols.length !== CHARACTERS) return { fault: "length" };
	return judge(symbols) ?? { code: plain.match(/.{6}/g).join("-") };
}

/* Both sums are 0 for a good code; of one wrong symbol they tell the place. */
function judge(symbols) {
	const sum = (of) => symbols.reduce((all, symbol, i) => all ^ of(symbol, i), 0);
	const plain = sum((symbol) => symbol);
	const weighted = sum((symbol, i) => times(powers[i], symbol));
	if (!plain && !weighted) return null;
	if (!plain) return { fault: "swapped" };
	const at = weighted ? (ORDER + powers.indexOf(weighted) - powers.indexOf(plain)) % ORDER : CHARACTERS;
	return at < CHARACTERS ? { fault: "mistyped", at: at + 1 } : { fault: "garbled" };
}
