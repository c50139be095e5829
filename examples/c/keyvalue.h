/* wasi:keyvalue and wasi:config as the core module sees them. */
#ifndef EXAMPLES_KEYVALUE_H
#define EXAMPLES_KEYVALUE_H

#include "canonical.h"

#define KEYVALUE_VERSION "@0.2.0-draft2"
#define KEYVALUE_STORE "wasi:keyvalue/store" KEYVALUE_VERSION
#define KEYVALUE_ATOMICS "wasi:keyvalue/atomics" KEYVALUE_VERSION
#define KEYVALUE_BATCH "wasi:keyvalue/batch" KEYVALUE_VERSION
#define CONFIG_STORE "wasi:config/store@0.2.0-draft"

/* variant error { no-such-store, access-denied, other(string) } */
enum { STORE_MISSING = 0, STORE_DENIED = 1, STORE_OTHER = 2 };
struct store_error {
  u8 kind;
  struct text other;
};
/* result<bucket, error>, and result<cas, error> */
struct bucket_or_error {
  u8 failed;
  union {
    handle bucket;
    struct store_error error;
  };
};
/* result<_, error> */
struct stored_or_error {
  u8 failed;
  struct store_error error;
};
/* result<bool, error> */
struct bool_or_error {
  u8 failed;
  union {
    u8 value;
    struct store_error error;
  };
};
/* result<option<list<u8>>, error> */
struct value_or_error {
  u8 failed;
  union {
    struct optional_text value;
    struct store_error error;
  };
};
/* record key-response */
struct key_page {
  struct list_of_texts keys;
  struct optional_text cursor;
};
struct keys_or_error {
  u8 failed;
  union {
    struct key_page page;
    struct store_error error;
  };
};
/* result<s64, error> */
struct number_or_error {
  u8 failed;
  union {
    long long number;
    struct store_error error;
  };
};
/* variant cas-error { store-error(error), cas-failed(cas) } */
enum { SWAP_STORE_ERROR = 0, SWAP_TOO_LATE = 1 };
struct swap_result {
  u8 failed;
  u8 padding[3];
  u8 kind;
  union {
    struct store_error error;
    handle cas;
  };
};
/* option<tuple<string, list<u8>>> */
struct optional_pair {
  u8 present;
  struct pair pair;
};
struct pairs_or_error {
  u8 failed;
  union {
    struct {
      const struct optional_pair *at;
      u32 length;
    } pairs;
    struct store_error error;
  };
};

IMPORT(KEYVALUE_STORE, "open") void store_open(const u8 *name, u32 length, struct bucket_or_error *result);
IMPORT(KEYVALUE_STORE, "[method]bucket.get")
void bucket_get(handle bucket, const u8 *key, u32 length, struct value_or_error *result);
IMPORT(KEYVALUE_STORE, "[method]bucket.set")
void bucket_set(handle bucket, const u8 *key, u32 length, const u8 *value, u32 value_length,
                struct stored_or_error *result);
IMPORT(KEYVALUE_STORE, "[method]bucket.delete")
void bucket_delete(handle bucket, const u8 *key, u32 length, struct stored_or_error *result);
IMPORT(KEYVALUE_STORE, "[method]bucket.exists")
void bucket_exists(handle bucket, const u8 *key, u32 length, struct bool_or_error *result);
IMPORT(KEYVALUE_STORE, "[method]bucket.list-keys")
void bucket_list_keys(handle bucket, u32 has_cursor, const u8 *cursor, u32 length, struct keys_or_error *result);
IMPORT(KEYVALUE_STORE, "[resource-drop]bucket") void bucket_drop(handle bucket);

IMPORT(KEYVALUE_ATOMICS, "increment")
void bucket_increment(handle bucket, const u8 *key, u32 length, long long delta, struct number_or_error *result);
IMPORT(KEYVALUE_ATOMICS, "[static]cas.new")
void cas_new(handle bucket, const u8 *key, u32 length, struct bucket_or_error *result);
IMPORT(KEYVALUE_ATOMICS, "[method]cas.current") void cas_current(handle cas, struct value_or_error *result);
IMPORT(KEYVALUE_ATOMICS, "[resource-drop]cas") void cas_drop(handle cas);
IMPORT(KEYVALUE_ATOMICS, "swap") void cas_swap(handle cas, const u8 *value, u32 length, struct swap_result *result);

IMPORT(KEYVALUE_BATCH, "get-many")
void bucket_get_many(handle bucket, const struct text *keys, u32 count, struct pairs_or_error *result);
IMPORT(KEYVALUE_BATCH, "set-many")
void bucket_set_many(handle bucket, const struct pair *pairs, u32 count, struct stored_or_error *result);
IMPORT(KEYVALUE_BATCH, "delete-many")
void bucket_delete_many(handle bucket, const struct text *keys, u32 count, struct stored_or_error *result);

IMPORT(CONFIG_STORE, "get") void config_get(const u8 *key, u32 length, struct value_or_error *result);
/* result<list<tuple<string, string>>, error>: the layout of the errors is the same. */
struct settings_or_error {
  u8 failed;
  union {
    struct list_of_pairs settings;
    struct store_error error;
  };
};
IMPORT(CONFIG_STORE, "get-all") void config_get_all(struct settings_or_error *result);

#endif
