/* What tallyctl codes is made of; for codes*.c alone. */
#ifndef TALLYD_CTL_CODES_H
#define TALLYD_CTL_CODES_H

#include "ctl/session.h"

struct codes { /* borrowed */
	struct session *session;
	const char *out, *label, *qr; /* of make; qr NULL: no pictures */
};

/* Each returns the exit status, told. */
int codes_make_batch(struct codes *codes, long n);
int codes_count(struct codes *codes);

#endif
