// Finds a voting right's random part that a rate limit would remember under the same 64-bit key as a network address, where the
// key were FNV-1a, which anybody can compute: each byte adds a small number to the state, so that the bytes are a short
// vector in a lattice, which LLL finds.
const BITS = 64n, MASK = (1n << BITS) - 1n, PRIME = 0x100000001b3n, BASIS = 0xcbf29ce484222325n;
const FREE = 16; // bytes that are solved for; those before are drawn

const inverse = (() => {
	let x = 1n;
	for (let i = 0; i < 6; i++) x = x * (2n - PRIME * x) & MASK;
	return x;
})();

export const fnv = (bytes, from = BASIS) => bytes.reduce((state, byte) => (state ^ BigInt(byte)) * PRIME & MASK, from);
const undo = (bytes, state) => bytes.reduceRight((after, byte) => after * inverse & MASK ^ BigInt(byte), state);

export const mix = (x) => {
	x ^= x >> 30n;
	x = x * 0xbf58476d1ce4e5b9n & MASK;
	x ^= x >> 27n;
	x = x * 0x94d049bb133111ebn & MASK;
	return x ^ x >> 31n;
};

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0n);
const nearest = (a, b) => (2n * a + (a < 0n ? -b : b)) / (2n * b);

/** Integral LLL (H. Cohen, A Course in Computational Algebraic Number Theory, algorithm 2.6.7), in place. */
function reduce(b) {
	const n = b.length, d = [1n, dot(b[0], b[0])], l = b.map(() => []);
	const shorten = (k, j) => {
		const q = nearest(l[k][j], d[j + 1]);
		if (q === 0n) return;
		b[k] = b[k].map((x, i) => x - q * b[j][i]);
		l[k][j] -= q * d[j + 1];
		for (let i = 0; i < j; i++) l[k][i] -= q * l[j][i];
	};
	const swap = (k, last) => {
		[b[k], b[k - 1]] = [b[k - 1], b[k]];
		for (let j = 0; j < k - 1; j++) [l[k][j], l[k - 1][j]] = [l[k - 1][j], l[k][j]];
		const m = l[k][k - 1], next = (d[k - 1] * d[k + 1] + m * m) / d[k];
		for (let i = k + 1; i <= last; i++) {
			const t = l[i][k];
			l[i][k] = (d[k + 1] * l[i][k - 1] - m * t) / d[k];
			l[i][k - 1] = (next * t + m * l[i][k]) / d[k + 1];
		}
		d[k] = next;
	};
	for (let k = 1, last = 0; k < n;) {
		if (k > last) {
			last = k;
			for (let j = 0; j <= k; j++) {
				let u = dot(b[k], b[j]);
				for (let i = 0; i < j; i++) u = (d[i + 1] * u - l[k][i] * l[j][i]) / d[i];
				if (j < k) l[k][j] = u;
				else d[k + 1] = u;
			}
		}
		shorten(k, k - 1);
		if (4n * d[k + 1] * d[k - 1] < 3n * d[k] * d[k] - 4n * l[k][k - 1] ** 2n) {
			swap(k, last);
			k = Math.max(1, k - 1);
		} else {
			for (let j = k - 2; j >= 0; j--) shorten(k, j);
			k++;
		}
	}
	return b;
}

/** Bytes that lead from one state to the other, or null: then with another beginning. */
function bytesBetween(from, to) {
	const wide = 1n << 40n, mark = 16n, steps = [];
	for (let i = 0, power = PRIME; i < FREE; i++, power = power * PRIME & MASK) steps.unshift(power);
	const off = (to - from * steps[0] & MASK) & MASK;
	const basis = steps.map((step, i) => [...steps.map((_, j) => i === j ? 1n : 0n), wide * step, 0n]);
	basis.push([...steps.map(() => 0n), wide << BITS, 0n], [...steps.map(() => 0n), -wide * off, mark]);
	for (const row of reduce(basis)) {
		if (row[FREE] !== 0n || row[FREE + 1] ** 2n !== mark * mark) continue;
		const bytes = [];
		let state = from;
		for (const coordinate of row.slice(0, FREE)) {
			const low = state & 255n, x = low + (row[FREE + 1] < 0n ? -coordinate : coordinate);
			if (x < 0n || x > 255n) break;
			bytes.push(Number(low ^ x));
			state = (state ^ low ^ x) * PRIME & MASK;
		}
		if (bytes.length === FREE && state === to) return bytes;
	}
	return null;
}

/** `draw(n)`: random bytes; `before`, `after`: what stands around the 32 random bytes. */
export function bytesFor(hash, before, after, draw) {
	const to = undo([...after], hash);
	for (;;) {
		const head = [...draw(32 - FREE)];
		const tail = bytesBetween(fnv([...before, ...head]), to);
		if (tail) return Buffer.from([...head, ...tail]);
	}
}
