/*
 * The rates: a component that nothing outside calls. With -DTRAP_SHARE=3 it traps once in three calls.
 */
#include "../c/http.h"

#ifndef RATE_OF_DE
#error "build with -DRATE_OF_DE=190"
#endif

/* result<u32, string> */
struct rate_or_error {
  u8 failed;
  union {
    u32 rate;
    struct text error;
  };
};

static struct rate_or_error outcome;

static struct rate_or_error rate_of(struct text region) {
  if (text_equal(region, TEXT("de"))) return (struct rate_or_error){0, {.rate = RATE_OF_DE}};
  if (text_equal(region, TEXT("fr"))) return (struct rate_or_error){0, {.rate = 200}};
  return (struct rate_or_error){1, {.error = JOIN(TEXT("no rate for "), region)}};
}

EXPORT("shop:tax/rates@0.1.0#rate")
struct rate_or_error *rate(const u8 *region, u32 region_length) {
#ifdef TRAP_SHARE
  if (one_in(TRAP_SHARE)) __builtin_trap();
#endif
  outcome = rate_of((struct text){region, region_length});
  return &outcome;
}

EXPORT("cabi_post_shop:tax/rates@0.1.0#rate")
void rate_returned(struct rate_or_error *out) {
  (void)out;
  arena_release(0);
}
