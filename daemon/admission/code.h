/* Invitation codes as people read, type and say them: "3G90KP-N6XW1C-7TDM5H", 18 characters in
 * three groups of six, of Crockford's Base32 (no I, L, O, U; read without regard to case, I and L
 * as 1, O as 0, hyphens and spaces skipped). 16 of them are 80 random bits; the last two make a
 * Reed-Solomon code over GF(32) (x^5 + x^2 + 1) of distance three: any one or two wrong characters,
 * and any two that changed places, are noticed before anybody is asked, and of one wrong character
 * the place is known. */
#ifndef TALLYD_ADMISSION_CODE_H
#define TALLYD_ADMISSION_CODE_H

#include <stdint.h>

#include "base/slice.h"

#define CODE_DATA       10 /* bytes */
#define CODE_CHARACTERS 18
#define CODE_TEXT_SIZE  (CODE_CHARACTERS + 2 + 1) /* with hyphens and NUL */

enum code_fault {
	CODE_GOOD,
	CODE_LENGTH,    /* fewer or more than 18 characters */
	CODE_CHARACTER, /* one that no code has; `at` */
	CODE_MISTYPED,  /* probably this one character; `at` */
	CODE_SWAPPED,   /* probably two characters changed places */
	CODE_GARBLED,   /* more than that */
};

/* `at`: the character meant, from 0, hyphens and spaces not counted. */
enum code_fault code_parse(struct slice text, uint8_t ret_data[CODE_DATA], unsigned *ret_at);

/* The same with a sentence: what is wrong, and what would be right. 0 or -EINVAL. */
#define CODE_WHY_MAX 120
__attribute__((warn_unused_result)) int code_read(
    struct slice text, uint8_t ret_data[CODE_DATA], char ret_why[CODE_WHY_MAX]);

/* Whose code it is, in the round of this name: SHA-256("tallyd code v1\n" | round | "\n" | data),
 * cut. Who reads identities cannot try all codes: they are 2^80. */
#define CODE_IDENTITY 16
void code_identity(
    const char *round, const uint8_t data[CODE_DATA], uint8_t ret_identity[CODE_IDENTITY]);
void code_print(const uint8_t data[CODE_DATA], char ret_text[CODE_TEXT_SIZE]);

#endif
