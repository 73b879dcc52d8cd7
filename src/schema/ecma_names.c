/* ecma_names.c — Unicode properties: the long names of ECMA-262 (table 68 and on) and those PCRE2 knows. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "schema/ecma.h"

static const struct {
    const char *name, *value;
} categories[] = {
    {"Cased_Letter", "L&"},
    {"LC", "L&"},
    {"Close_Punctuation", "Pe"},
    {"Connector_Punctuation", "Pc"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Currency_Symbol", "Sc"},
    {"Dash_Punctuation", "Pd"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Enclosing_Mark", "Me"},
    {"Final_Punctuation", "Pf"},
    {"Format", "Cf"},
    {"Initial_Punctuation", "Pi"},
    {"Letter", "L"},
    {"Letter_Number", "Nl"},
    {"Line_Separator", "Zl"},
    {"Lowercase_Letter", "Ll"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Math_Symbol", "Sm"},
    {"Modifier_Letter", "Lm"},
    {"Modifier_Symbol", "Sk"},
    {"Nonspacing_Mark", "Mn"},
    {"Number", "N"},
    {"Open_Punctuation", "Ps"},
    {"Other", "C"},
    {"Other_Letter", "Lo"},
    {"Other_Number", "No"},
    {"Other_Punctuation", "Po"},
    {"Other_Symbol", "So"},
    {"Paragraph_Separator", "Zp"},
    {"Private_Use", "Co"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Spacing_Mark", "Mc"},
    {"Surrogate", "Cs"},
    {"Symbol", "S"},
    {"Titlecase_Letter", "Lt"},
    {"Unassigned", "Cn"},
    {"Uppercase_Letter", "Lu"},
};

static bool is_name(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') ||
              p[i] == '_'))
            return false;
    return len > 0 && len < 60;
}

static bool same(const char *name, const char *p, size_t len) {
    return strlen(name) == len && !strncasecmp(name, p, len);
}

/* A general category's short name; NULL when it is no long name. */
static const char *category(const char *p, size_t len) {
    for (size_t i = 0; i < ARRAY_LEN(categories); i++)
        if (same(categories[i].name, p, len)) return categories[i].value;
    return NULL;
}

static int put(struct buf *out, const char *prefix, const char *p, size_t len) {
    int r = buf_puts(out, prefix);
    return r ? r : buf_put(out, p, len);
}

int ecma_property(const char *p, size_t len, struct buf *out) {
    const char *eq = memchr(p, '=', len), *short_name;
    if (!eq) {
        if (!is_name(p, len)) return -EINVAL;
        short_name = category(p, len);
        return short_name ? buf_puts(out, short_name) : buf_put(out, p, len);
    }
    size_t key = (size_t)(eq - p), n = len - key - 1;
    if (!is_name(p, key) || !is_name(eq + 1, n)) return -EINVAL;
    if (same("Script", p, key) || same("sc", p, key)) return put(out, "sc:", eq + 1, n);
    if (same("Script_Extensions", p, key) || same("scx", p, key)) return put(out, "scx:", eq + 1, n);
    if (!same("General_Category", p, key) && !same("gc", p, key)) return -EINVAL;
    short_name = category(eq + 1, n);
    return short_name ? buf_puts(out, short_name) : buf_put(out, eq + 1, n);
}
