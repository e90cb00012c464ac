/* QR codes for terminals, and as pictures. */
#ifndef TALLYD_CTL_QR_H
#define TALLYD_CTL_QR_H

#include <stdio.h>

/* Prints the code in half blocks (two rows of it in one of text), with its quiet zone; dark on
 * light whatever a terminal's colours are. 0; -E2BIG: the text does not fit; -ENOMEM. */
__attribute__((warn_unused_result)) int qr_print(const char *text, FILE *out);

/* The same as a picture (SVG), black on white, a module a unit. Likewise. */
__attribute__((warn_unused_result)) int qr_svg(const char *text, FILE *out);

#endif
