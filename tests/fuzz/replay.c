/* replay.c — main() for a fuzz target without a fuzzer: every file named, or below a directory named, is one input.
 *
 * A corpus replayed in `make check` keeps what was found once from coming back. */
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs;

/* The bytes are copied to a block of exactly their size, so that a sanitizer sees the first one read too many. */
static int replay(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)at;
    if (type == FTW_D || type == FTW_DP) return 0;
    if (type != FTW_F || !S_ISREG(st->st_mode)) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    size_t size = (size_t)st->st_size;
    uint8_t *data = malloc(size ? size : 1);
    FILE *f = fopen(path, "rb");
    bool whole = data && f && fread(data, 1, size, f) == size;
    if (f) (void)fclose(f);
    if (whole) {
        (void)LLVMFuzzerTestOneInput(data, size);
        inputs++;
    } else {
        perror(path);
    }
    free(data);
    return !whole;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
            (void)fprintf(stderr, "%s: %s: stopped\n", argv[0], argv[i]);
            return EXIT_FAILURE;
        }
    if (!inputs) {
        (void)fprintf(stderr, "usage: %s FILE|DIRECTORY...: no input was found\n", argv[0]);
        return EXIT_FAILURE;
    }
    (void)printf("%s: %zu inputs replayed\n", argv[0], inputs);
    return EXIT_SUCCESS;
}
