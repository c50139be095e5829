/*
 * Counters that outlive their component: wasi:keyvalue behind a grant, wasi:config for what may differ between places.
 *
 *   POST /count?name=visits   counts one more, and says how many
 *   GET  /count?name=visits   says how many
 *   GET  /healthz             ok
 *
 * The store is `counters` unless spec.config says otherwise; one step is 1 unless `step` says otherwise. A counter lies under
 * `count/`; with FORM 2 under `total/`, and what lies under `count/` is moved there by `migrate`.
 */
#include "../c/http.h"
#include "../c/keyvalue.h"

#ifndef VERSION
#error "build with -DVERSION='\"v1\"'"
#endif
#ifndef FORM
#define FORM 1
#endif
#if FORM == 2
#define PREFIX "total/"
#else
#define PREFIX "count/"
#endif

/* Built with -DCOUNTS=false it only says how many, and imports nothing that writes. */
#ifndef COUNTS
#define COUNTS true
#endif

static struct text setting(struct text name, struct text fallback) {
  struct value_or_error found;
  config_get(SPREAD(name), &found);
  return !found.failed && found.value.present ? found.value.value : fallback;
}

static void answer_text(const struct request *request, u16 status, struct text body) {
  struct pair headers[] = {
      {TEXT("content-type"), TEXT("text/plain; charset=utf-8")},
      {TEXT("x-counter-version"), TEXT(VERSION)},
  };
  answer_whole(request, status, headers, 2, body);
}

static void answer_error(const struct request *request, struct store_error error) {
  if (error.kind == STORE_DENIED) answer_text(request, 403, TEXT("access denied\n"));
  else if (error.kind == STORE_MISSING) answer_text(request, 500, TEXT("no such store\n"));
  else answer_text(request, 503, JOIN(error.other, TEXT("\n")));
}

static void answer_count(const struct request *request, bool adds) {
  struct text name = request_parameter(request, TEXT("name"), TEXT("visits"));
  struct text key = JOIN(TEXT(PREFIX), name);
  struct bucket_or_error opened;
  store_open(SPREAD(setting(TEXT("store"), TEXT("counters"))), &opened);
  if (opened.failed) return answer_error(request, opened.error);
  if (adds) {
    struct number_or_error sum;
    bucket_increment(opened.bucket, SPREAD(key), number_of_text(setting(TEXT("step"), TEXT("1"))), &sum);
    if (sum.failed) answer_error(request, sum.error);
    else answer_text(request, 200, JOIN(text_of_number(sum.number), TEXT("\n")));
  } else {
    struct value_or_error value;
    bucket_get(opened.bucket, SPREAD(key), &value);
    if (value.failed) answer_error(request, value.error);
    else answer_text(request, 200, JOIN(value.value.present ? value.value.value : TEXT("0"), TEXT("\n")));
  }
  bucket_drop(opened.bucket);
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle")
void handle_request(handle incoming, handle outparam) {
  struct request request = request_open(incoming, outparam);
  if (COUNTS && request_is(&request, TEXT("POST"), TEXT("/count"))) answer_count(&request, true);
  else if (request_is(&request, TEXT("GET"), TEXT("/count"))) answer_count(&request, false);
  else if (request_is(&request, TEXT("GET"), TEXT("/healthz"))) answer_text(&request, 200, TEXT("ok\n"));
  else answer_text(&request, 404, TEXT("not here\n"));
  request_drop(incoming);
}

#if FORM == 2
/* result<_, string> */
struct failure {
  u8 failed;
  struct text message;
};
static struct failure outcome;

static struct failure failure_of(struct store_error error) {
  if (error.kind == STORE_OTHER) return (struct failure){true, error.other};
  return (struct failure){true, error.kind == STORE_DENIED ? TEXT("access denied") : TEXT("no such store")};
}

/* Moves one counter to where this version looks for it. */
static struct failure move(handle bucket, struct text key) {
  struct value_or_error value;
  bucket_get(bucket, SPREAD(key), &value);
  if (value.failed) return failure_of(value.error);
  if (!value.value.present) return (struct failure){false, NO_TEXT};
  struct text name = {key.at + sizeof("count/") - 1, key.length - (sizeof("count/") - 1)};
  struct text total = JOIN(TEXT(PREFIX), name);
  struct stored_or_error stored;
  bucket_set(bucket, SPREAD(total), SPREAD(value.value.value), &stored);
  if (!stored.failed) bucket_delete(bucket, SPREAD(key), &stored);
  return stored.failed ? failure_of(stored.error) : (struct failure){false, NO_TEXT};
}

static bool starts_with(struct text text, struct text start) {
  return text.length >= start.length && text_equal((struct text){text.at, start.length}, start);
}

/* A page of keys may be larger than the arena: each is at most 1,000 keys, and these are short. */
static struct failure move_all(handle bucket) {
  struct text cursor = NO_TEXT;
  for (bool more = true; more;) {
    struct keys_or_error found;
    bucket_list_keys(bucket, cursor.length > 0, SPREAD(cursor), &found);
    if (found.failed) return failure_of(found.error);
    u32 mark = arena_mark();
    for (u32 i = 0; i < found.page.keys.length; i++) {
      if (!starts_with(found.page.keys.at[i], TEXT("count/"))) continue;
      struct failure failed = move(bucket, found.page.keys.at[i]);
      if (failed.failed) return failed;
      arena_release(mark);
    }
    more = found.page.cursor.present;
    cursor = found.page.cursor.value;
  }
  return (struct failure){false, NO_TEXT};
}

EXPORT("headway:component/migrate@0.1.0#migrate")
struct failure *migrate(u32 is_versioned, const u8 *at, u32 length) {
  struct text from = {at, length};
  if (is_versioned && text_equal(from, TEXT("2"))) outcome = (struct failure){false, NO_TEXT};
  else if (is_versioned && !text_equal(from, TEXT("1"))) outcome = (struct failure){true, JOIN(TEXT("no way from version "), from)};
  else {
    struct bucket_or_error opened;
    store_open(SPREAD(setting(TEXT("store"), TEXT("counters"))), &opened);
    if (opened.failed) outcome = failure_of(opened.error);
    else {
      outcome = move_all(opened.bucket);
      bucket_drop(opened.bucket);
    }
  }
  return &outcome;
}
#endif
