/*
 * shop:cart/pricing: what a basket costs. No import at all; the answers depend on the arguments, the version and, in the
 * version that traps, on how often it was asked.
 */
#include "../c/canonical.h"

#ifndef VERSION
#define VERSION "v1"
#endif
/* Every how many quotes one traps; never where it is 0. */
#ifndef TRAPS_EVERY
#define TRAPS_EVERY 0
#endif

#define MAX_COUNT 1000
#define DISCOUNT_FROM_CENTS 10000

enum currency { EUR, USD };
enum refusal_reason { EMPTY_BASKET, UNKNOWN_SKU, TOO_MANY };

struct item {
  struct text sku;
  u32 count;
};
struct price {
  u64 total_cents;
  u8 currency;
  struct optional_text discount;
};
struct refusal {
  u8 reason;
  union {
    struct text sku;
    u32 count;
  };
};
/* result<price, refusal> */
struct quoted {
  u8 failed;
  union {
    struct price price;
    struct refusal refusal;
  };
};

static struct quoted answer;

static u32 cents_of(struct text sku) {
  if (text_equal(sku, TEXT("tea"))) return 450;
  if (text_equal(sku, TEXT("cup"))) return 1200;
  if (text_equal(sku, TEXT("pot"))) return 3900;
  return 0;
}

static struct quoted *refuse(struct refusal refusal) {
  answer = (struct quoted){.failed = 1, .refusal = refusal};
  return &answer;
}

EXPORT("shop:cart/pricing@1.0.0#quote")
struct quoted *quote(const struct item *items, u32 length, u32 currency) {
#if TRAPS_EVERY > 0
  static u32 asked;
  if (++asked % TRAPS_EVERY == 0) __builtin_trap();
#endif
  if (length == 0) return refuse((struct refusal){.reason = EMPTY_BASKET});
  u64 total = 0;
  for (u32 i = 0; i < length; i++) {
    u32 cents = cents_of(items[i].sku);
    if (cents == 0) return refuse((struct refusal){.reason = UNKNOWN_SKU, .sku = items[i].sku});
    if (items[i].count > MAX_COUNT) return refuse((struct refusal){.reason = TOO_MANY, .count = items[i].count});
    total += (u64)cents * items[i].count;
  }
  struct optional_text discount = {0, NO_TEXT};
  if (total >= DISCOUNT_FROM_CENTS) {
    total -= total / 10;
    discount = (struct optional_text){1, TEXT("a tenth off from 100.00, says " VERSION)};
  }
  answer = (struct quoted){.failed = 0, .price = {total, (u8)currency, discount}};
  return &answer;
}

/* The host has taken over what the answer points to: the arena is free for the next call. */
EXPORT("cabi_post_shop:cart/pricing@1.0.0#quote")
void quote_done(struct quoted *quoted) {
  (void)quoted;
  arena_release(0);
}

EXPORT("shop:cart/pricing@1.0.0#currencies")
struct text *currencies(void) {
  static const u8 all[] = {EUR, USD};
  static struct text list;
  list = (struct text){all, sizeof all};
  return &list;
}

EXPORT("about")
struct text *about(void) {
  static struct text text;
  text = TEXT("prices of three things, by " VERSION);
  return &text;
}
