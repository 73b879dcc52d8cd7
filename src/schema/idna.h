/* idna.h — what an A-label ("xn--...") of a host name may stand for. */
#ifndef HOOKCAST_SCHEMA_IDNA_H
#define HOOKCAST_SCHEMA_IDNA_H

#include <stddef.h>

/* The label without its "xn--": Punycode (RFC 3492) of a U-label (RFC 5890)? 1, 0, or -ENOMEM. The code points are
 * judged by their general category, the exceptions and the contextual rules of RFC 5892; the stability under
 * normalisation and the Bidi rule are not looked at. */
int idna_valid(const char *p, size_t len);

#endif
