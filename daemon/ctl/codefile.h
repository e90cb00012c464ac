/* The file of invitation codes for mail merge (CSV, RFC 4180), and a directory of QR codes beside
 * it. Both are new, and their owner's alone. */
#ifndef TALLYD_CTL_CODEFILE_H
#define TALLYD_CTL_CODEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "admission/code.h"
#include "ctl/ctl.h"

struct codefile { /* embedded; no member is anybody else's */
	FILE *csv;
	const char *path, *qr;
	bool qr_made;
	unsigned long rows;
	char page[CTL_PAGE_MAX]; /* of the vote, which a link opens */
};

/* Makes both; `qr` NULL: no pictures. The exit status, told; codefile_close() in any case. */
int codefile_open(struct codefile *file, const struct ctl *ctl, const char *contest,
    const char *path, const char *qr);
int codefile_add(struct codefile *file, unsigned long number, uint64_t batch, const char *label,
    const uint8_t data[CODE_DATA]);
/* On disk, when it returns 0. `status` other than 0 is returned as it is; where no row was written,
 * nothing is left. */
int codefile_close(struct codefile *file, int status);

#endif
