#include "daemon/intake.h"

void intake_init(struct intake *in) { *in = (struct intake){.bound = INTAKE_MAX}; }

size_t intake_room(const struct intake *in) {
    size_t room = in->turn < INTAKE_MAX ? INTAKE_MAX - in->turn : 0;
    if (room < INTAKE_SHARE) room = INTAKE_SHARE;
    return room < in->bound ? room : in->bound;
}

bool intake_took(struct intake *in, size_t bytes) {
    in->turn += bytes;
    in->unwritten += bytes;
    return in->unwritten >= in->bound;
}

void intake_starved(struct intake *in) { in->starved = true; }

void intake_flushed(struct intake *in) {
    in->unwritten = 0;
    in->bound = in->starved ? in->bound / 2 : in->bound + in->bound / 8;
    if (in->bound < INTAKE_MIN) in->bound = INTAKE_MIN;
    if (in->bound > INTAKE_MAX) in->bound = INTAKE_MAX;
    in->starved = false;
}

void intake_turn(struct intake *in) { in->turn = 0; }
