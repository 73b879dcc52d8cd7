/* style.h — colours: on a terminal only, and only when the person has not said no.
 *
 * Colour is decoration: nothing is told by colour alone. */
#ifndef HOOKCAST_CTL_STYLE_H
#define HOOKCAST_CTL_STYLE_H

#include <stdbool.h>
#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_HEAD, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_DIM, STYLES };

/* Not when NO_COLOR is set and not empty, nor when TERM is unset, empty or "dumb". The values may be NULL. */
bool style_allowed(bool tty, const char *no_color, const char *term);

/* The same, asked of the descriptor and the environment. */
bool style_wanted(int fd);

/* The escape sequences; "" for STYLE_PLAIN or when `colour` is false. Static strings. */
const char *style_on(enum style style, bool colour);
const char *style_off(enum style style, bool colour);

/* How a plugin's or the daemon's state looks; STYLE_PLAIN for words it does not know. */
enum style style_of_state(const char *state);

#endif
