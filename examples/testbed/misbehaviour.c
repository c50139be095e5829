/* Routes that break the contract of wasi:http, or the instance. */
#include "testbed.h"

static void drop_unfinished(struct answer *answer) {
  output_drop(answer->stream);
  outgoing_body_drop(answer->body);
}

static void error_code(const struct request *request) {
  struct text message = TEXT("the testbed was asked for this");
  outparam_set(request->outparam, 1, ERROR_INTERNAL, 1, (u32)message.at, message.length, 0, 0, 0);
}

/* A head, half of what was meant, and no finish. */
static void body_dropped(const struct request *request) {
  struct answer answer = answer_begin(request, 200, 0, 0);
  answer_write(&answer, TEXT("half of the "));
  drop_unfinished(&answer);
}

static void trap_after_head(const struct request *request) {
  struct answer answer = answer_begin(request, 200, 0, 0);
  answer_write(&answer, TEXT("half of the "));
  __builtin_trap();
}

/* Says content-length `declared` and sends `sent` bytes. */
static void content_length(const struct request *request) {
  struct pair headers[] = {{TEXT("content-length"), request_parameter(request, TEXT("declared"), TEXT("10"))}};
  struct answer answer = answer_begin(request, 200, headers, 1);
  for (u64 left = number_parameter(request, TEXT("sent"), 5); left > 0; left--)
    if (!answer_write(&answer, TEXT("x"))) break;
  answer_finish(&answer);
}

/* Tries to put a second line and a hop-by-hop header into the head; says how many of the three were refused. */
static void bad_headers(const struct request *request) {
  const struct pair tries[] = {
      {TEXT("x-split"), TEXT("a\r\nx-injected: yes")},
      {TEXT("not a name"), TEXT("a")},
      {TEXT("transfer-encoding"), TEXT("chunked")},
  };
  handle fields = fields_new();
  u64 refused = 0;
  for (u32 i = 0; i < 3; i++) {
    struct header_result result;
    fields_append(fields, SPREAD(tries[i].name), SPREAD(tries[i].value), &result);
    refused += result.failed;
  }
  fields_drop(fields);
  answer_text(request, JOIN(text_of_number(refused), TEXT(" of 3 refused\n")));
}

static void spin(void) {
  for (volatile u32 turns = 0;; turns++) continue;
}

/* Runs over its stack of 32 KiB long before it is done, which traps: the stack lies at the bottom of the memory. */
static u32 recurse(u32 depth) {
  if (depth == 1000000) return 0;
  volatile u8 frame[256];
  frame[depth % 256] = depth;
  return recurse(depth + 1) + frame[depth % 256];
}

/* Of this instance, from then on: one replica that fails while the others of its release do not. */
static bool broken;

bool route_broken(const struct request *request) {
  bool breaks = request_is(request, TEXT("GET"), TEXT("/break"));
  if (broken) answer_whole(request, 500, 0, 0, TEXT("broken\n"));
  else if (breaks) answer_text(request, TEXT("500 from now on\n"));
  else return false;
  broken = true;
  return true;
}

bool route_misbehaviour(const struct request *request) {
  if (request_is(request, TEXT("GET"), TEXT("/no-response"))) return true;
  if (request_is(request, TEXT("GET"), TEXT("/error-code"))) error_code(request);
  else if (request_is(request, TEXT("GET"), TEXT("/body-dropped"))) body_dropped(request);
  else if (request_is(request, TEXT("GET"), TEXT("/trap"))) __builtin_trap();
  else if (request_is(request, TEXT("GET"), TEXT("/trap-after-head"))) trap_after_head(request);
  else if (request_is(request, TEXT("GET"), TEXT("/content-length"))) content_length(request);
  else if (request_is(request, TEXT("GET"), TEXT("/bad-headers"))) bad_headers(request);
  else if (request_is(request, TEXT("GET"), TEXT("/spin"))) spin();
  else if (request_is(request, TEXT("GET"), TEXT("/recurse"))) answer_text(request, text_of_number(recurse(0)));
  else if (request_is(request, TEXT("GET"), TEXT("/exit"))) cli_exit(1);
  else return false;
  return true;
}
