/*
 * Requests of its own, by the query: `to` (authority), `scheme`, `method`, `path`, `header` and `value` (one header),
 * `bytes` of a body, `connect`, `first` and `between` (milliseconds), `again` (the path that was asked for itself). Answers with what came back, or `error` and the
 * case of wasi:http's error-code.
 */
#include "testbed.h"
#include "../c/outbound.h"

#define MAX_HELD 256

static void answer_failure(const struct request *request, const struct http_error *error) {
  struct text what = error->kind == ERROR_INTERNAL && error->text.present ? error->text.value : NO_TEXT;
  answer_text(request, JOIN(TEXT("error "), text_of_number(error->kind), TEXT(" "), what));
}

static handle options_of(const struct request *request) {
  handle options = request_options_new();
  u64 connect = number_parameter(request, TEXT("connect"), 0), first = number_parameter(request, TEXT("first"), 0);
  u64 between = number_parameter(request, TEXT("between"), 0);
  if (connect > 0) request_options_set_connect_timeout(options, 1, connect * 1000000);
  if (first > 0) request_options_set_first_byte_timeout(options, 1, first * 1000000);
  if (between > 0) request_options_set_between_bytes_timeout(options, 1, between * 1000000);
  return options;
}

static handle outgoing_of(const struct request *request) {
  handle fields = fields_new();
  struct header_result appended;
  struct text name = request_parameter(request, TEXT("header"), NO_TEXT);
  if (name.length > 0) fields_append(fields, SPREAD(name), SPREAD(request_parameter(request, TEXT("value"), NO_TEXT)), &appended);
  handle outgoing = outgoing_request_new(fields);
  struct text method = request_parameter(request, TEXT("method"), TEXT("GET"));
  struct text scheme = request_parameter(request, TEXT("scheme"), TEXT("http"));
  outgoing_request_set_method(outgoing, METHOD_OTHER, SPREAD(method));
  outgoing_request_set_scheme(outgoing, 1, text_equal(scheme, TEXT("https")) ? SCHEME_HTTPS : SCHEME_HTTP, 0, 0);
  outgoing_request_set_authority(outgoing, 1, SPREAD(request_parameter(request, TEXT("to"), TEXT("nowhere.invalid"))));
  struct text path = request_parameter(request, TEXT("path"), TEXT("/"));
  if (number_parameter(request, TEXT("again"), 0)) path = JOIN(request->path, TEXT("?"), request->query);
  outgoing_request_set_path(outgoing, 1, SPREAD(path));
  return outgoing;
}

/* Waits; false where there is an error, which has been answered with. */
static bool response_of(const struct request *request, handle future, handle *response) {
  handle pollable = future_response_subscribe(future);
  pollable_block(pollable);
  pollable_drop(pollable);
  struct response_or_error result;
  future_response_get(future, &result);
  future_response_drop(future);
  if (result.failed) answer_failure(request, &result.error);
  else *response = result.response;
  return !result.failed;
}

/* Status, then each header, then the body, then the trailers: as it comes, in constant memory. */
static void answer_response(const struct request *request, handle response) {
  struct pair type[] = {{TEXT("content-type"), TEXT("text/plain; charset=utf-8")}};
  bool raw = number_parameter(request, TEXT("raw"), 0);
  struct answer answer = answer_begin(request, 200, type, 1);
  if (!raw) {
    answer_write(&answer, JOIN(text_of_number(incoming_response_status(response)), TEXT("\n")));
    handle headers = incoming_response_headers(response);
    struct list_of_pairs entries;
    fields_entries(headers, &entries);
    fields_drop(headers);
    u32 mark = arena_mark();
    for (u32 i = 0; i < entries.length; i++, arena_release(mark))
      answer_write(&answer, JOIN(entries.at[i].name, TEXT(": "), entries.at[i].value, TEXT("\n")));
    answer_write(&answer, TEXT("\n"));
  }
  struct handle_or_failure body, stream;
  incoming_response_consume(response, &body);
  incoming_body_stream(body.value, &stream);
  u32 mark = arena_mark();
  struct bytes_or_error read;
  for (bool open = true; open; arena_release(mark)) {
    input_blocking_read(stream.value, READ_BYTES, &read);
    open = !read.failed && answer_write(&answer, read.bytes);
  }
  input_drop(stream.value);
  bool broken = read.failed && read.error.kind == STREAM_OPERATION_FAILED;
  if (broken) io_error_drop(read.error.error);
  handle trailers = incoming_body_finish(body.value);
  handle pollable = future_trailers_subscribe(trailers);
  pollable_block(pollable);
  pollable_drop(pollable);
  struct trailers_or_error found;
  future_trailers_get(trailers, &found);
  future_trailers_drop(trailers);
  if (found.failed) answer_write(&answer, JOIN(TEXT("\nbroken "), text_of_number(found.error.kind)));
  if (!found.failed && found.some) {
    struct list_of_pairs entries;
    fields_entries(found.trailers, &entries);
    fields_drop(found.trailers);
    for (u32 i = 0; i < entries.length; i++)
      answer_write(&answer, JOIN(TEXT("\ntrailer "), entries.at[i].name, TEXT(": "), entries.at[i].value));
  }
  incoming_response_drop(response);
  answer_finish(&answer);
}

static void upload(handle body, u64 bytes) {
  static u8 block[MAX_BLOCKING_WRITE_BYTES];
  struct handle_or_failure stream;
  outgoing_body_write(body, &stream);
  struct done_or_error done = {0};
  for (u64 left = bytes; left > 0 && !done.failed;) {
    u32 piece = left < sizeof block ? (u32)left : sizeof block;
    output_blocking_write_and_flush(stream.value, block, piece, &done);
    left -= piece;
  }
  output_drop(stream.value);
}

static void send(const struct request *request) {
  handle outgoing = outgoing_of(request);
  u64 bytes = number_parameter(request, TEXT("bytes"), 0);
  struct handle_or_failure body;
  if (bytes > 0) outgoing_request_body(outgoing, &body);
  struct future_or_error sent;
  outgoing_handle(outgoing, 1, options_of(request), &sent);
  if (sent.failed) return answer_failure(request, &sent.error);
  if (bytes > 0) {
    upload(body.value, bytes);
    if (number_parameter(request, TEXT("unfinished"), 0)) {
      outgoing_body_drop(body.value);
    } else {
      struct finish_result finished;
      handle fields = number_parameter(request, TEXT("trailers"), 0) ? fields_new() : 0;
      struct header_result appended;
      if (fields) fields_append(fields, SPREAD(TEXT("x-sum")), SPREAD(TEXT("1")), &appended);
      outgoing_body_finish(body.value, fields != 0, fields, &finished);
    }
  }
  handle response;
  if (response_of(request, sent.future, &response)) answer_response(request, response);
}

/* Begins `count` and answers how many were let out; `drop` lets go of them first. */
static void hold(const struct request *request) {
  u64 count = number_parameter(request, TEXT("count"), 1), begun = 0, refused = 0;
  static handle futures[MAX_HELD];
  for (u64 i = 0; i < count && i < MAX_HELD; i++) {
    struct future_or_error sent;
    outgoing_handle(outgoing_of(request), 0, 0, &sent);
    if (sent.failed) refused = sent.error.kind;
    else futures[begun++] = sent.future;
  }
  if (number_parameter(request, TEXT("drop"), 0))
    for (u64 i = 0; i < begun; i++) future_response_drop(futures[i]);
  answer_text(request, JOIN(text_of_number(begun), TEXT(" begun, refused by "), text_of_number(refused)));
}

static bool route_outbound(const struct request *request) {
  if (text_equal(request->path, TEXT("/send"))) send(request);
  else if (text_equal(request->path, TEXT("/hold"))) hold(request);
  else return false;
  return true;
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
  else if (!route_outbound(&request)) answer_whole(&request, 404, 0, 0, TEXT("no such route\n"));
  request_drop(incoming);
}
