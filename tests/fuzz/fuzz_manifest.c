/* fuzz_manifest.c — a manifest of any bytes: it is either refused with a place, or has everything that the daemon
 * relies on. The first byte's last bit chooses plugin.yaml or dagstack.json. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *write_file(const uint8_t *data, size_t size) {
    static char dir[] = "/tmp/hookcast-fuzz-XXXXXX", path[64];
    static bool made;
    if (!made && !mkdtemp(dir)) abort();
    made = true;
    (void)snprintf(path, sizeof path, "%s/%s", dir, data[0] & 1 ? "plugin.yaml" : "dagstack.json");
    FILE *f = fopen(path, "w");
    if (!f || fwrite(data + 1, 1, size - 1, f) != size - 1 || fclose(f) != 0) abort();
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const char *path = write_file(data, size);
    const struct settings defaults = settings_default();
    struct errs errs = {0};
    struct manifest *m = manifest_load(path, &defaults, &errs);
    if ((m == NULL) != (errs.n > 0)) abort();
    for (size_t i = 0; i < errs.n; i++)
        if (strncmp(errs.items[i], path, strlen(path)) != 0 && !strstr(errs.items[i], "JSON")) abort();
    if (m) {
        if (!m->name || !m->kind || !m->runtime || !json_is_object(m->config) || m->priority > 100) abort();
        if (strcmp(m->runtime, "mcp_stdio") == 0 && (!m->command || !m->command[0] || !m->command[0][0])) abort();
        if (m->startup_timeout <= 0 || m->teardown_timeout <= 0 || !manifest_equal(m, m)) abort();
        if (manifest_admit(m, NULL, 0, "0.1.0") != 0 || !m->refusal) abort();
    }
    manifest_free(m);
    errs_deinit(&errs);
    (void)unlink(path);
    return 0;
}
