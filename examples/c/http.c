#include "http.h"

/* In the order of wasi:http's variant `method`; what comes after is `other`. */
static const struct text METHODS[] = {
    {(const u8 *)"GET", 3},     {(const u8 *)"HEAD", 4},    {(const u8 *)"POST", 4},
    {(const u8 *)"PUT", 3},     {(const u8 *)"DELETE", 6},  {(const u8 *)"CONNECT", 7},
    {(const u8 *)"OPTIONS", 7}, {(const u8 *)"TRACE", 5},   {(const u8 *)"PATCH", 5},
};
#define KNOWN_METHODS (sizeof METHODS / sizeof METHODS[0])

struct request request_open(handle incoming, handle outparam) {
  arena_release(0);
  struct request request = {incoming, outparam, NO_TEXT, TEXT("/"), NO_TEXT};
  struct http_method method;
  request_method(incoming, &method);
  request.method = method.kind < KNOWN_METHODS ? METHODS[method.kind] : method.other;
  struct optional_text target;
  request_path_with_query(incoming, &target);
  if (!target.present) return request;
  u32 mark = 0;
  while (mark < target.value.length && target.value.at[mark] != '?') mark++;
  request.path = (struct text){target.value.at, mark};
  if (mark < target.value.length)
    request.query = (struct text){target.value.at + mark + 1, target.value.length - mark - 1};
  return request;
}

bool request_is(const struct request *request, struct text method, struct text path) {
  if (!text_equal(request->path, path)) return false;
  if (text_equal(request->method, method)) return true;
  return text_equal(request->method, TEXT("HEAD")) && text_equal(method, TEXT("GET"));
}

struct text request_header(const struct request *request, struct text name, struct text fallback) {
  handle headers = request_headers(request->incoming);
  struct list_of_texts values;
  fields_get(headers, SPREAD(name), &values);
  fields_drop(headers);
  return values.length > 0 ? values.at[0] : fallback;
}

struct text request_parameter(const struct request *request, struct text name, struct text fallback) {
  struct text rest = request->query;
  while (rest.length > 0) {
    u32 end = 0;
    while (end < rest.length && rest.at[end] != '&') end++;
    bool named = end > name.length && rest.at[name.length] == '=' &&
                 text_equal((struct text){rest.at, name.length}, name);
    if (named) return (struct text){rest.at + name.length + 1, end - name.length - 1};
    u32 step = end < rest.length ? end + 1 : end;
    rest = (struct text){rest.at + step, rest.length - step};
  }
  return fallback;
}

struct answer answer_begin(const struct request *request, u16 status, const struct pair *headers, u32 count) {
  handle fields = fields_new();
  struct header_result appended;
  for (u32 i = 0; i < count; i++) fields_append(fields, SPREAD(headers[i].name), SPREAD(headers[i].value), &appended);
  handle response = response_new(fields);
  response_set_status(response, status);
  struct handle_or_failure body, stream;
  response_body(response, &body);
  outgoing_body_write(body.value, &stream);
  outparam_set(request->outparam, 0, response, 0, 0, 0, 0, 0, 0);
  return (struct answer){body.value, stream.value};
}

static bool is_done(struct done_or_error *result) {
  if (result->failed && result->error.kind == STREAM_OPERATION_FAILED) io_error_drop(result->error.error);
  return !result->failed;
}

bool answer_write(struct answer *answer, struct text bytes) {
  for (u32 from = 0; from < bytes.length; from += MAX_BLOCKING_WRITE_BYTES) {
    u32 left = bytes.length - from;
    struct text piece = {bytes.at + from, left < MAX_BLOCKING_WRITE_BYTES ? left : MAX_BLOCKING_WRITE_BYTES};
    struct done_or_error result;
    output_blocking_write_and_flush(answer->stream, SPREAD(piece), &result);
    if (!is_done(&result)) return false;
  }
  return true;
}

bool answer_write_with_room(struct answer *answer, struct text bytes) {
  for (u32 from = 0; from < bytes.length;) {
    struct amount_or_error room;
    output_check_write(answer->stream, &room);
    if (room.failed) {
      if (room.error.kind == STREAM_OPERATION_FAILED) io_error_drop(room.error.error);
      return false;
    }
    if (room.amount == 0) {
      handle writable = output_subscribe(answer->stream);
      pollable_block(writable);
      pollable_drop(writable);
      continue;
    }
    u32 left = bytes.length - from;
    u32 length = room.amount < left ? (u32)room.amount : left;
    struct done_or_error result;
    output_write(answer->stream, bytes.at + from, length, &result);
    if (!is_done(&result)) return false;
    from += length;
  }
  struct done_or_error flushed;
  output_blocking_flush(answer->stream, &flushed);
  return is_done(&flushed);
}

void answer_finish(struct answer *answer) {
  output_drop(answer->stream);
  struct finish_result finished;
  outgoing_body_finish(answer->body, 0, 0, &finished);
}

void answer_whole(const struct request *request, u16 status, const struct pair *headers, u32 count, struct text body) {
  struct answer answer = answer_begin(request, status, headers, count);
  answer_write(&answer, body);
  answer_finish(&answer);
}

void answer_with_request_body(const struct request *request, const struct pair *headers, u32 count) {
  struct handle_or_failure body, stream;
  request_consume(request->incoming, &body);
  incoming_body_stream(body.value, &stream);
  struct answer answer = answer_begin(request, 200, headers, count);
  u32 mark = arena_mark();
  for (bool open = true; open; arena_release(mark)) {
    struct bytes_or_error read;
    input_blocking_read(stream.value, READ_BYTES, &read);
    if (!read.failed) {
      open = answer_write(&answer, read.bytes);
    } else if (read.error.kind == STREAM_CLOSED) {
      open = false;
    } else {
      /* The body was cut short: so is the answer. Dropping it unfinished says so to the client. */
      io_error_drop(read.error.error);
      input_drop(stream.value);
      incoming_body_drop(body.value);
      output_drop(answer.stream);
      outgoing_body_drop(answer.body);
      return;
    }
  }
  input_drop(stream.value);
  incoming_body_drop(body.value);
  answer_finish(&answer);
}

void sleep_milliseconds(u64 milliseconds) {
  handle timer = monotonic_subscribe_duration(milliseconds * 1000000);
  pollable_block(timer);
  pollable_drop(timer);
}

bool one_in(u32 share) { return random_u64() % share == 0; }
