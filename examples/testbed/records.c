/*
 * The smallest guest of headway:http/handler: plain records in, plain records out, no import at all.
 *   GET /, /healthz   200      POST /echo   the body and every header whose name starts with x-
 *   GET /error        err      GET /trap    traps       GET /spin    never returns      GET /status   599
 */
#include "../c/canonical.h"

struct record_request {
  struct text method, path_with_query, authority, scheme;
  struct list_of_pairs headers;
  struct text body;
};
struct record_response {
  u16 status;
  struct list_of_pairs headers;
  struct text body;
};
/* result<response, string> */
struct response_or_error {
  u8 failed;
  union {
    struct record_response response;
    struct text error;
  };
};

static struct response_or_error outcome;

static struct list_of_pairs headers_to_echo(struct list_of_pairs headers) {
  struct pair *kept = arena_take(headers.length * sizeof(struct pair), 4);
  u32 count = 0;
  for (u32 i = 0; i < headers.length; i++) {
    struct text name = headers.at[i].name;
    if (name.length > 2 && name.at[0] == 'x' && name.at[1] == '-') kept[count++] = headers.at[i];
  }
  return (struct list_of_pairs){kept, count};
}

static struct record_response answer(struct record_request request) {
  struct list_of_pairs none = {0, 0};
  struct text path = request.path_with_query;
  if (text_equal(path, TEXT("/"))) return (struct record_response){200, headers_to_echo(request.headers), TEXT("records\n")};
  if (text_equal(path, TEXT("/healthz"))) return (struct record_response){200, none, TEXT("ok\n")};
  if (text_equal(path, TEXT("/echo"))) return (struct record_response){200, headers_to_echo(request.headers), request.body};
  if (text_equal(path, TEXT("/status"))) return (struct record_response){599, none, NO_TEXT};
  return (struct record_response){404, none, NO_TEXT};
}

/* The record's fields, flattened to core values. */
EXPORT("headway:http/handler@0.1.0#handle")
struct response_or_error *handle_record(const u8 *method, u32 method_length, const u8 *path, u32 path_length,
                                        const u8 *authority, u32 authority_length, const u8 *scheme, u32 scheme_length,
                                        const struct pair *headers, u32 header_count, const u8 *body, u32 body_length) {
  struct record_request request = {{method, method_length}, {path, path_length}, {authority, authority_length},
                                   {scheme, scheme_length}, {headers, header_count}, {body, body_length}};
  if (text_equal(request.path_with_query, TEXT("/trap"))) __builtin_trap();
  if (text_equal(request.path_with_query, TEXT("/spin")))
    for (volatile u32 turns = 0;; turns++) continue;
  if (text_equal(request.path_with_query, TEXT("/error"))) {
    outcome.failed = 1;
    outcome.error = TEXT("the records example was asked for this");
  } else {
    outcome.failed = 0;
    outcome.response = answer(request);
  }
  return &outcome;
}

/* The host has taken over what the answer points to: the arena is free for the next call. */
EXPORT("cabi_post_headway:http/handler@0.1.0#handle")
void handle_record_done(struct response_or_error *answered) {
  (void)answered;
  arena_release(0);
}
