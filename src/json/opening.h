/* opening.h — how a text begins: nearly always like the one before.
 *
 * Events come as {"jsonrpc":"2.0","method":"notify","params":{"kind":...,"hook":...,"payload":{...}}}, and up to the
 * payload one line of a publisher is mostly the same bytes as the last. So where the first container of depth 2 begins,
 * the scan keeps those bytes and how far it had come; a text that begins with them goes on from there, with the nodes
 * that are still where the last scan left them. The result is the same, node for node.
 *
 * Private to src/json. Nothing is allocated, nothing can fail. */
#ifndef HOOKCAST_JSON_OPENING_H
#define HOOKCAST_JSON_OPENING_H

#include <string.h>

#include "json/scan.h"

enum { OPENING_MIN = 32 }; /* shorter ones are read again as fast */

/* A container begins at byte `off`, as node `n`, in container `up` of depth 2. */
static inline void opening_keep(struct scan *s, size_t off, uint32_t n, uint32_t up, uint32_t children, uint8_t where) {
    struct opening *o = &s->opening;
    if (o->kept || off > SCAN_OPENING_MAX || off < OPENING_MIN || s->duplicate || s->too_deep || s->spaced) return;
    o->kept = true;
    o->len = (uint16_t)off;
    o->where = where;
    o->n_nodes = n;
    o->up = up;
    o->children = children;
    o->outer[0] = s->nodes[0];
    o->outer[1] = s->nodes[up];
    memcpy(o->seen, s->seen, sizeof o->seen);
    memcpy(o->text, s->text, off);
}

/* White space, or the end of an empty array, is not read where a scan goes on: only a value is. */
static inline bool opening_is_container(char c) { return c == '{' || c == '['; }

/* Does the text begin like the last one, and is a container next? Then `nodes` and `seen` are as they were where that
 * was kept. */
static inline bool opening_recall(struct scan *s) {
    struct opening *o = &s->opening;
    if (!o->kept || s->len <= o->len || memcmp(s->text, o->text, o->len) != 0 ||
        !opening_is_container(s->text[o->len])) {
        o->kept = false; /* its nodes are about to be written over */
        memset(s->seen, 0, sizeof s->seen);
        return false;
    }
    memcpy(s->seen, o->seen, sizeof s->seen);
    s->nodes[0] = o->outer[0];
    s->nodes[o->up] = o->outer[1];
    return true;
}

#endif
