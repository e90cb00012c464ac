#include "admission/code.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"

#define SYMBOLS    31 /* of the group that the generator makes */
#define DATA_CHARS 16
#define GROUP      6

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* ---- GF(32) ---- */

/* 2^n; the generator's order is 31. */
static unsigned power(unsigned n)
{
	unsigned value = 1;

	for (n %= SYMBOLS; n > 0; n--) {
		value <<= 1;
		if (value & 32)
			value ^= 0x25;
	}
	return value;
}

/* Of a value that is not 0. */
static unsigned logarithm(unsigned value)
{
	unsigned n = 0;

	while (power(n) != value)
		n++;
	return n;
}

static unsigned times(unsigned a, unsigned b)
{
	return a && b ? power(logarithm(a) + logarithm(b)) : 0;
}

/* Both sums are 0 for a good code: of the symbols, and of the symbols weighted by their places. */
static void sums(const uint8_t *symbols, unsigned n, unsigned *ret_plain, unsigned *ret_weighted)
{
	*ret_plain = *ret_weighted = 0;
	for (unsigned i = 0; i < n; i++) {
		*ret_plain ^= symbols[i];
		*ret_weighted ^= times(power(i), symbols[i]);
	}
}

/* The two last symbols that make both sums 0. */
static void add_check(uint8_t symbols[CODE_CHARACTERS])
{
	const unsigned first = power(DATA_CHARS), second = power(DATA_CHARS + 1);
	unsigned plain, weighted, difference;

	sums(symbols, DATA_CHARS, &plain, &weighted);
	difference = weighted ^ times(first, plain);
	symbols[DATA_CHARS + 1] =
	    (uint8_t)times(difference, power(SYMBOLS - logarithm(first ^ second)));
	symbols[DATA_CHARS] = (uint8_t)(plain ^ symbols[DATA_CHARS + 1]);
}

/* ---- text ---- */

static int symbol_of(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 'O')
		c = '0';
	for (int i = 0; alphabet[i] != '\0'; i++) {
		if (alphabet[i] == c)
			return i;
	}
	return -1;
}

/* The symbols of a text that has as many as a code. */
static enum code_fault read_symbols(
    struct slice text, uint8_t ret_symbols[CODE_CHARACTERS], unsigned *ret_at)
{
	unsigned n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int symbol;

		if (text.ptr[i] == '-' || text.ptr[i] == ' ')
			continue;
		symbol = symbol_of(text.ptr[i]);
		*ret_at = n;
		if (symbol < 0)
			return CODE_CHARACTER;
		if (n == CODE_CHARACTERS)
			return CODE_LENGTH;
		ret_symbols[n++] = (uint8_t)symbol;
	}
	return n == CODE_CHARACTERS ? CODE_GOOD : CODE_LENGTH;
}

static enum code_fault judge(const uint8_t symbols[CODE_CHARACTERS], unsigned *ret_at)
{
	unsigned plain, weighted;

	sums(symbols, CODE_CHARACTERS, &plain, &weighted);
	if (plain == 0 && weighted == 0)
		return CODE_GOOD;
	if (plain == 0)
		return CODE_SWAPPED;
	if (weighted == 0)
		return CODE_GARBLED;
	*ret_at = (SYMBOLS + logarithm(weighted) - logarithm(plain)) % SYMBOLS;
	return *ret_at < CODE_CHARACTERS ? CODE_MISTYPED : CODE_GARBLED;
}

enum code_fault code_parse(struct slice text, uint8_t ret_data[CODE_DATA], unsigned *ret_at)
{
	uint8_t symbols[CODE_CHARACTERS] = {0};
	enum code_fault fault;

	*ret_at = 0;
	fault = read_symbols(text, symbols, ret_at);
	if (fault == CODE_GOOD)
		fault = judge(symbols, ret_at);
	if (fault != CODE_GOOD)
		return fault;
	for (unsigned bit = 0; bit < CODE_DATA * 8; bit++) {
		unsigned value = (unsigned)symbols[bit / 5] >> (4 - bit % 5) & 1;

		if (bit % 8 == 0)
			ret_data[bit / 8] = 0;
		ret_data[bit / 8] = (uint8_t)((unsigned)ret_data[bit / 8] << 1 | value);
	}
	return CODE_GOOD;
}

static void say_why(enum code_fault fault, unsigned at, char ret_why[CODE_WHY_MAX])
{
	switch (fault) {
	case CODE_GOOD:
		ret_why[0] = '\0';
		break;
	case CODE_LENGTH:
		(void)snprintf(ret_why, CODE_WHY_MAX,
		    "An invitation code has %d letters and digits.", CODE_CHARACTERS);
		break;
	case CODE_CHARACTER:
		(void)snprintf(ret_why, CODE_WHY_MAX,
		    "Character %u is in no invitation code: they have digits, and letters but U.",
		    at + 1);
		break;
	case CODE_MISTYPED:
		(void)snprintf(ret_why, CODE_WHY_MAX,
		    "The code is mistyped, probably at character %u.", at + 1);
		break;
	case CODE_SWAPPED:
		(void)snprintf(ret_why, CODE_WHY_MAX,
		    "The code is mistyped: probably two characters changed places.");
		break;
	case CODE_GARBLED:
		(void)snprintf(
		    ret_why, CODE_WHY_MAX, "The code is mistyped in more than one place.");
		break;
	}
}

int code_read(struct slice text, uint8_t ret_data[CODE_DATA], char ret_why[CODE_WHY_MAX])
{
	unsigned at;
	enum code_fault fault = code_parse(text, ret_data, &at);

	say_why(fault, at, ret_why);
	return fault == CODE_GOOD ? 0 : -EINVAL;
}

void code_print(const uint8_t data[CODE_DATA], char ret_text[CODE_TEXT_SIZE])
{
	uint8_t symbols[CODE_CHARACTERS] = {0};

	for (unsigned bit = 0; bit < CODE_DATA * 8; bit++) {
		unsigned value = (unsigned)data[bit / 8] >> (7 - bit % 8) & 1;

		symbols[bit / 5] = (uint8_t)((unsigned)symbols[bit / 5] << 1 | value);
	}
	add_check(symbols);
	for (unsigned i = 0; i < CODE_CHARACTERS; i++) {
		*ret_text++ = alphabet[symbols[i]];
		if (i % GROUP == GROUP - 1)
			*ret_text++ = i + 1 < CODE_CHARACTERS ? '-' : '\0';
	}
}

void code_identity(
    const char *round, const uint8_t data[CODE_DATA], uint8_t ret_identity[CODE_IDENTITY])
{
	const struct slice parts[] = {slice_text("tallyd code v1\n"), slice_text(round),
	    slice_text("\n"), slice_make(data, CODE_DATA)};
	uint8_t digest[SHA256_SIZE];

	sha256_parts(parts, 4, digest);
	memcpy(ret_identity, digest, CODE_IDENTITY);
}
