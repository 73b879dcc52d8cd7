/* siphash.h — SipHash-1-3 (Aumasson, Bernstein), fed in any number of pieces.
 *
 * A keyed hash: whoever does not know the key cannot choose strings that collide. Private to src/json. The result
 * depends on the bytes and the key only, not on how the bytes were cut into pieces. */
#ifndef HOOKCAST_JSON_SIPHASH_H
#define HOOKCAST_JSON_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash {
    uint64_t v0, v1, v2, v3;
    uint64_t word; /* up to seven bytes that wait for an eighth */
    unsigned held;
    uint64_t total;
};

static inline uint64_t siphash_rotl(uint64_t x, unsigned b) { return x << b | x >> (64 - b); }

static inline void siphash_round(struct siphash *h) {
    h->v0 += h->v1, h->v1 = siphash_rotl(h->v1, 13), h->v1 ^= h->v0, h->v0 = siphash_rotl(h->v0, 32);
    h->v2 += h->v3, h->v3 = siphash_rotl(h->v3, 16), h->v3 ^= h->v2;
    h->v0 += h->v3, h->v3 = siphash_rotl(h->v3, 21), h->v3 ^= h->v0;
    h->v2 += h->v1, h->v1 = siphash_rotl(h->v1, 17), h->v1 ^= h->v2, h->v2 = siphash_rotl(h->v2, 32);
}

static inline void siphash_word(struct siphash *h, uint64_t m) {
    h->v3 ^= m;
    siphash_round(h);
    h->v0 ^= m;
}

static inline void siphash_begin(struct siphash *h, const uint64_t key[2]) {
    *h = (struct siphash){
        .v0 = key[0] ^ 0x736f6d6570736575,
        .v1 = key[1] ^ 0x646f72616e646f6d,
        .v2 = key[0] ^ 0x6c7967656e657261,
        .v3 = key[1] ^ 0x7465646279746573,
    };
}

static inline void siphash_put(struct siphash *h, const uint8_t *p, size_t n) {
    h->total += n;
    while (n && h->held) { /* fill the waiting word */
        h->word |= (uint64_t)*p++ << (8 * h->held);
        n--;
        if (++h->held < 8) continue;
        siphash_word(h, h->word);
        h->word = 0;
        h->held = 0;
    }
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t m;
        memcpy(&m, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        m = __builtin_bswap64(m);
#endif
        siphash_word(h, m);
    }
    for (; n; n--) h->word |= (uint64_t)*p++ << (8 * h->held++);
}

static inline uint64_t siphash_end(struct siphash *h) {
    siphash_word(h, h->word | h->total << 56);
    h->v2 ^= 0xff;
    for (int i = 0; i < 3; i++) siphash_round(h);
    return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

#endif
