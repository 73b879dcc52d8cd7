/* format.h — the formats that can be asserted (validation, section 7.3). Pure text in, verdict out. */
#ifndef HOOKCAST_SCHEMA_FORMAT_H
#define HOOKCAST_SCHEMA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* The number of a format, 0 when it is none of those that are asserted here. */
unsigned format_find(const char *name, size_t len);
const char *format_name(unsigned format); /* for messages: "date-time" */

/* 1: conforms, 0: does not, or -ENOMEM. The bytes are UTF-8 or WTF-8. */
int format_check(unsigned format, const char *p, size_t len);

/* format_net.c */
bool format_ipv4(const char *p, size_t len);
bool format_ipv6(const char *p, size_t len);
int format_hostname(const char *p, size_t len); /* 1, 0, -ENOMEM */
bool format_email(const char *p, size_t len);
bool format_uri(const char *p, size_t len);
bool format_uri_reference(const char *p, size_t len);

#endif
