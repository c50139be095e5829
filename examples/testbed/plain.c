/* Routes of a component that behaves: what came in, what goes out, and how long it takes. */
#include "testbed.h"

static u64 calls;

static struct text scheme_text(const struct request *request) {
  struct optional_scheme scheme;
  request_scheme(request->incoming, &scheme);
  if (!scheme.present) return TEXT("-");
  return scheme.kind == 0 ? TEXT("http") : scheme.kind == 1 ? TEXT("https") : scheme.other;
}

/* One line each: method, path, query, scheme, authority; then `name: value` of every header. */
static void answer_with_request(const struct request *request) {
  struct optional_text authority;
  request_authority(request->incoming, &authority);
  struct text body = JOIN(request->method, TEXT("\n"), request->path, TEXT("\n"), request->query, TEXT("\n"),
                          scheme_text(request), TEXT("\n"), authority.present ? authority.value : TEXT("-"), TEXT("\n"));
  handle headers = request_headers(request->incoming);
  struct list_of_pairs entries;
  fields_entries(headers, &entries);
  fields_drop(headers);
  struct pair type[] = {{TEXT("content-type"), TEXT("text/plain; charset=utf-8")}};
  struct answer answer = answer_begin(request, 200, type, 1);
  bool open = answer_write(&answer, body);
  u32 mark = arena_mark();
  for (u32 i = 0; open && i < entries.length; i++) {
    open = answer_write(&answer, JOIN(entries.at[i].name, TEXT(": "), entries.at[i].value, TEXT("\n")));
    arena_release(mark);
  }
  answer_finish(&answer);
}

/* `bytes` of a pattern that repeats every 64 bytes, so that a client sees a lost or doubled piece. */
static void answer_big(const struct request *request) {
  static const char PATTERN[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+\n";
  static u8 block[64 * 256];
  for (u32 i = 0; i < sizeof block; i++) block[i] = PATTERN[i % 64];
  struct answer answer = answer_begin(request, 200, 0, 0);
  u64 left = number_parameter(request, TEXT("bytes"), 1 << 20);
  for (bool open = true; open && left > 0;) {
    u32 length = left < sizeof block ? (u32)left : sizeof block;
    open = answer_write_with_room(&answer, (struct text){block, length});
    left -= length;
  }
  answer_finish(&answer);
}

/* `count` lines, each after a pause of `ms`. */
static void answer_drip(const struct request *request) {
  u64 count = number_parameter(request, TEXT("count"), 5), pause = number_parameter(request, TEXT("ms"), 20);
  struct answer answer = answer_begin(request, 200, 0, 0);
  u32 mark = arena_mark();
  for (u64 i = 0; i < count; i++) {
    sleep_milliseconds(pause);
    if (!answer_write(&answer, JOIN(TEXT("drip "), text_of_number(i), TEXT("\n")))) break;
    arena_release(mark);
  }
  answer_finish(&answer);
}

static void answer_after_sleep(const struct request *request) {
  sleep_milliseconds(number_parameter(request, TEXT("ms"), 100));
  answer_text(request, TEXT("slept\n"));
}

static void answer_with_status(const struct request *request) {
  u16 status = number_parameter(request, TEXT("code"), 200);
  bool has_body = status != 204 && status != 304;
  answer_whole(request, status, 0, 0, has_body ? JOIN(text_of_number(status), TEXT("\n")) : NO_TEXT);
}

bool route_plain(const struct request *request) {
  calls++;
  if (text_equal(request->path, TEXT("/request"))) answer_with_request(request);
  else if (request_is(request, TEXT("GET"), TEXT("/"))) answer_text(request, TEXT("testbed\n"));
  else if (request_is(request, TEXT("GET"), TEXT("/healthz"))) answer_text(request, TEXT("ok\n"));
  else if (request_is(request, TEXT("GET"), TEXT("/calls"))) answer_text(request, JOIN(text_of_number(calls), TEXT("\n")));
  else if (request_is(request, TEXT("GET"), TEXT("/status"))) answer_with_status(request);
  else if (request_is(request, TEXT("GET"), TEXT("/sleep"))) answer_after_sleep(request);
  else if (request_is(request, TEXT("GET"), TEXT("/big"))) answer_big(request);
  else if (request_is(request, TEXT("GET"), TEXT("/drip"))) answer_drip(request);
  else if (request_is(request, TEXT("POST"), TEXT("/echo"))) answer_with_request_body(request, 0, 0);
  else if (request_is(request, TEXT("POST"), TEXT("/ignore-body"))) answer_text(request, TEXT("did not look\n"));
  else return false;
  return true;
}
