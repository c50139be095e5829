/*
 * Every function of wasi:keyvalue and wasi:config by a route of its name: the query is the arguments (`store`, `key`,
 * `value`, `fill` bytes for a value of that many, `cursor`, `delta`, `keys` separated by commas), the body the result.
 */
#include "testbed.h"
#include "../c/keyvalue.h"

#define MAX_LISTED 64

static struct text bytes_of(const struct request *request) {
  u64 fill = number_parameter(request, TEXT("fill"), 0);
  if (fill == 0) return request_parameter(request, TEXT("value"), NO_TEXT);
  u32 page = __builtin_wasm_memory_grow(0, (fill + 65535) / 65536);
  u8 *bytes = (u8 *)(page * 65536u);
  __builtin_memset(bytes, 'x', fill);
  return (struct text){bytes, fill};
}

static void answer_error(const struct request *request, struct store_error error) {
  if (error.kind == STORE_MISSING) answer_text(request, TEXT("no-such-store"));
  else if (error.kind == STORE_DENIED) answer_text(request, TEXT("access-denied"));
  else answer_text(request, JOIN(TEXT("other: "), error.other));
}

static void answer_option(const struct request *request, struct value_or_error result) {
  if (result.failed) answer_error(request, result.error);
  else if (!result.value.present) answer_text(request, TEXT("none"));
  else if (number_parameter(request, TEXT("length"), 0)) answer_text(request, text_of_number(result.value.value.length));
  else answer_text(request, JOIN(TEXT("some "), result.value.value));
}

static void answer_stored(const struct request *request, struct stored_or_error result) {
  if (result.failed) answer_error(request, result.error);
  else answer_text(request, TEXT("ok"));
}

/* The items of `keys=a,b,c`. */
static u32 listed(const struct request *request, struct text *items) {
  struct text all = request_parameter(request, TEXT("keys"), NO_TEXT);
  u32 count = 0, start = 0;
  for (u32 i = 0; i <= all.length && all.length > 0 && count < MAX_LISTED; i++) {
    if (i < all.length && all.at[i] != ',') continue;
    items[count++] = (struct text){all.at + start, i - start};
    start = i + 1;
  }
  return count;
}

static void list_keys(const struct request *request, handle bucket) {
  struct text cursor = request_parameter(request, TEXT("cursor"), NO_TEXT);
  struct keys_or_error page;
  bucket_list_keys(bucket, cursor.length > 0, SPREAD(cursor), &page);
  if (page.failed) return answer_error(request, page.error);
  struct text text = NO_TEXT;
  for (u32 i = 0; i < page.page.keys.length && i < MAX_LISTED; i++) text = JOIN(text, page.page.keys.at[i], TEXT(" "));
  struct text count = text_of_number(page.page.keys.length);
  struct text next = page.page.cursor.present ? page.page.cursor.value : TEXT("none");
  answer_text(request, JOIN(count, TEXT(" keys, cursor "), next, TEXT(": "), text));
}

static void increment(const struct request *request, handle bucket, struct text key) {
  struct text delta = request_parameter(request, TEXT("delta"), TEXT("1"));
  bool negative = delta.length > 0 && delta.at[0] == '-';
  if (negative) delta = (struct text){delta.at + 1, delta.length - 1};
  long long number = number_of_text(delta);
  struct number_or_error sum;
  bucket_increment(bucket, SPREAD(key), negative ? -number : number, &sum);
  if (sum.failed) return answer_error(request, sum.error);
  bool below = sum.number < 0;
  answer_text(request, JOIN(below ? TEXT("-") : NO_TEXT, text_of_number(below ? -sum.number : sum.number)));
}

/* Reads, lets another write where `meanwhile` says so, and swaps; where that came too late, once more with the new handle. */
static void swap(const struct request *request, handle bucket, struct text key) {
  struct bucket_or_error made;
  cas_new(bucket, SPREAD(key), &made);
  if (made.failed) return answer_error(request, made.error);
  struct text meanwhile = request_parameter(request, TEXT("meanwhile"), NO_TEXT);
  struct stored_or_error stored;
  if (meanwhile.length > 0) bucket_set(bucket, SPREAD(key), SPREAD(meanwhile), &stored);
  struct text value = bytes_of(request);
  struct swap_result swapped;
  cas_swap(made.bucket, SPREAD(value), &swapped);
  if (!swapped.failed) return answer_text(request, TEXT("swapped"));
  if (swapped.kind == SWAP_STORE_ERROR) return answer_error(request, swapped.error);
  struct value_or_error current;
  cas_current(swapped.cas, &current);
  struct text seen = !current.failed && current.value.present ? current.value.value : TEXT("none");
  cas_swap(swapped.cas, SPREAD(value), &swapped);
  answer_text(request, JOIN(TEXT("too late, it was "), seen, swapped.failed ? TEXT("; failed") : TEXT("; swapped")));
}

static void get_many(const struct request *request, handle bucket) {
  struct text keys[MAX_LISTED];
  u32 count = listed(request, keys);
  struct pairs_or_error found;
  bucket_get_many(bucket, keys, count, &found);
  if (found.failed) return answer_error(request, found.error);
  struct text text = NO_TEXT;
  for (u32 i = 0; i < found.pairs.length; i++) {
    struct optional_pair pair = found.pairs.at[i];
    text = pair.present ? JOIN(text, pair.pair.name, TEXT("="), pair.pair.value, TEXT(" ")) : JOIN(text, TEXT("none "));
  }
  answer_text(request, text);
}

static void set_many(const struct request *request, handle bucket) {
  struct text keys[MAX_LISTED];
  struct pair pairs[MAX_LISTED];
  u32 count = listed(request, keys);
  struct text value = bytes_of(request);
  for (u32 i = 0; i < count; i++) pairs[i] = (struct pair){keys[i], value};
  struct stored_or_error stored;
  bucket_set_many(bucket, pairs, count, &stored);
  answer_stored(request, stored);
}

static void delete_many(const struct request *request, handle bucket) {
  struct text keys[MAX_LISTED];
  u32 count = listed(request, keys);
  struct stored_or_error stored;
  bucket_delete_many(bucket, keys, count, &stored);
  answer_stored(request, stored);
}

static bool route_bucket(const struct request *request, handle bucket) {
  struct text key = request_parameter(request, TEXT("key"), NO_TEXT);
  struct text path = request->path;
  struct stored_or_error stored;
  struct value_or_error value;
  struct bool_or_error there;
  if (text_equal(path, TEXT("/open"))) answer_text(request, TEXT("ok"));
  else if (text_equal(path, TEXT("/get"))) bucket_get(bucket, SPREAD(key), &value), answer_option(request, value);
  else if (text_equal(path, TEXT("/delete"))) bucket_delete(bucket, SPREAD(key), &stored), answer_stored(request, stored);
  else if (text_equal(path, TEXT("/list-keys"))) list_keys(request, bucket);
  else if (text_equal(path, TEXT("/increment"))) increment(request, bucket, key);
  else if (text_equal(path, TEXT("/swap"))) swap(request, bucket, key);
  else if (text_equal(path, TEXT("/get-many"))) get_many(request, bucket);
  else if (text_equal(path, TEXT("/set-many"))) set_many(request, bucket);
  else if (text_equal(path, TEXT("/delete-many"))) delete_many(request, bucket);
  else if (text_equal(path, TEXT("/set"))) {
    struct text bytes = bytes_of(request);
    bucket_set(bucket, SPREAD(key), SPREAD(bytes), &stored);
    answer_stored(request, stored);
  } else if (text_equal(path, TEXT("/exists"))) {
    bucket_exists(bucket, SPREAD(key), &there);
    if (there.failed) answer_error(request, there.error);
    else answer_text(request, there.value ? TEXT("true") : TEXT("false"));
  } else return false;
  return true;
}

static bool route_config(const struct request *request) {
  struct value_or_error value;
  struct settings_or_error all;
  struct text key = request_parameter(request, TEXT("key"), NO_TEXT);
  if (text_equal(request->path, TEXT("/config/get"))) {
    config_get(SPREAD(key), &value);
    answer_option(request, value);
    return true;
  }
  if (!text_equal(request->path, TEXT("/config/get-all"))) return false;
  config_get_all(&all);
  struct text text = NO_TEXT;
  for (u32 i = 0; !all.failed && i < all.settings.length; i++)
    text = JOIN(text, all.settings.at[i].name, TEXT("="), all.settings.at[i].value, TEXT(" "));
  answer_text(request, text);
  return true;
}

/* The store is the one named; `times` gets of the key first, for those who measure. */
static bool route_stored(const struct request *request) {
  if (route_config(request)) return true;
  struct bucket_or_error opened;
  struct text store = request_parameter(request, TEXT("store"), TEXT("things"));
  store_open(SPREAD(store), &opened);
  if (opened.failed) {
    answer_error(request, opened.error);
    return true;
  }
  struct value_or_error value;
  u32 mark = arena_mark();
  for (u64 left = number_parameter(request, TEXT("times"), 1); left > 1; left--) {
    struct text key = request_parameter(request, TEXT("key"), NO_TEXT);
    bucket_get(opened.bucket, SPREAD(key), &value);
    arena_release(mark);
  }
  bool routed = route_bucket(request, opened.bucket);
  bucket_drop(opened.bucket);
  return routed;
}

void answer_text(const struct request *request, struct text body) {
  struct pair headers[] = {{TEXT("content-type"), TEXT("text/plain; charset=utf-8")}};
  answer_whole(request, 200, headers, 1, body);
}

u64 number_parameter(const struct request *request, struct text name, u64 fallback) {
  struct text value = request_parameter(request, name, NO_TEXT);
  return value.length > 0 ? number_of_text(value) : fallback;
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle")
void handle_request(handle incoming, handle outparam) {
  struct request request = request_open(incoming, outparam);
  if (request_is(&request, TEXT("GET"), TEXT("/healthz"))) answer_text(&request, TEXT("ok\n"));
  else if (!route_stored(&request)) answer_whole(&request, 404, 0, 0, TEXT("no such route\n"));
  request_drop(incoming);
}
