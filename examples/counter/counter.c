/*
 * Counters that outlive their component: wasi:keyvalue behind a grant, wasi:config for what may differ between places.
 *
 *   POST /count?name=visits   counts one more, and says how many
 *   GET  /count?name=visits   says how many
 *   GET  /healthz             ok
 *
 * The store is `counters` unless spec.config says otherwise; one step is 1 unless `step` says otherwise.
 */
#include "../c/http.h"
#include "../c/keyvalue.h"

#ifndef VERSION
#error "build with -DVERSION='\"v1\"'"
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
  struct text key = JOIN(TEXT("count/"), name);
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
