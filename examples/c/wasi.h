/*
 * The functions of WASI 0.2 that these examples call, as the core module sees them. Names and layouts follow the WIT of
 * each package. What a source does not call is not linked in, so a component imports no more than it uses.
 */
#ifndef EXAMPLES_WASI_H
#define EXAMPLES_WASI_H

#include "canonical.h"

/* A text as two arguments: C would pass the struct by address, the canonical ABI passes its fields. */
#define SPREAD(text) (text).at, (text).length

#define WASI_VERSION "@0.2.12"
#define HTTP_TYPES "wasi:http/types" WASI_VERSION
#define IO_STREAMS "wasi:io/streams" WASI_VERSION
#define IO_POLL "wasi:io/poll" WASI_VERSION
#define MONOTONIC_CLOCK "wasi:clocks/monotonic-clock" WASI_VERSION

/* variant stream-error { last-operation-failed(own<error>), closed } */
enum { STREAM_OPERATION_FAILED = 0, STREAM_CLOSED = 1 };
struct stream_error {
  u8 kind;
  handle error;
};
/* result<list<u8>, stream-error> */
struct bytes_or_error {
  u8 failed;
  union {
    struct text bytes;
    struct stream_error error;
  };
};
/* result<u64, stream-error> */
struct amount_or_error {
  u8 failed;
  union {
    u64 amount;
    struct stream_error error;
  };
};
/* result<_, stream-error> */
struct done_or_error {
  u8 failed;
  struct stream_error error;
};
/* variant method, and option<scheme>: the text counts for the last case only. */
struct http_method {
  u8 kind;
  struct text other;
};
struct optional_scheme {
  u8 present;
  u8 padding[3];
  u8 kind;
  struct text other;
};
/* result<_, header-error> */
struct header_result {
  u8 failed;
  u8 error;
};
/* result<_, error-code>: only the first byte is looked at; the rest is room for the largest case. */
struct finish_result {
  _Alignas(8) u8 failed;
  u8 room[47];
};
/* Cases of wasi:http's error-code, by their place in the variant. */
enum { ERROR_CONFIGURATION = 37, ERROR_INTERNAL = 38 };

IMPORT(HTTP_TYPES, "[constructor]fields") handle fields_new(void);
IMPORT(HTTP_TYPES, "[method]fields.append")
void fields_append(handle fields, const u8 *name, u32 name_length, const u8 *value, u32 value_length,
                   struct header_result *result);
IMPORT(HTTP_TYPES, "[method]fields.get")
void fields_get(handle fields, const u8 *name, u32 name_length, struct list_of_texts *values);
IMPORT(HTTP_TYPES, "[method]fields.entries") void fields_entries(handle fields, struct list_of_pairs *entries);
IMPORT(HTTP_TYPES, "[resource-drop]fields") void fields_drop(handle fields);

IMPORT(HTTP_TYPES, "[method]incoming-request.method") void request_method(handle request, struct http_method *method);
IMPORT(HTTP_TYPES, "[method]incoming-request.path-with-query")
void request_path_with_query(handle request, struct optional_text *path);
IMPORT(HTTP_TYPES, "[method]incoming-request.scheme") void request_scheme(handle request, struct optional_scheme *scheme);
IMPORT(HTTP_TYPES, "[method]incoming-request.authority")
void request_authority(handle request, struct optional_text *authority);
IMPORT(HTTP_TYPES, "[method]incoming-request.headers") handle request_headers(handle request);
IMPORT(HTTP_TYPES, "[method]incoming-request.consume")
void request_consume(handle request, struct handle_or_failure *body);
IMPORT(HTTP_TYPES, "[resource-drop]incoming-request") void request_drop(handle request);
IMPORT(HTTP_TYPES, "[method]incoming-body.stream")
void incoming_body_stream(handle body, struct handle_or_failure *stream);
IMPORT(HTTP_TYPES, "[resource-drop]incoming-body") void incoming_body_drop(handle body);

IMPORT(HTTP_TYPES, "[constructor]outgoing-response") handle response_new(handle headers);
IMPORT(HTTP_TYPES, "[method]outgoing-response.set-status-code") u32 response_set_status(handle response, u32 status);
IMPORT(HTTP_TYPES, "[method]outgoing-response.body") void response_body(handle response, struct handle_or_failure *body);
IMPORT(HTTP_TYPES, "[method]outgoing-body.write") void outgoing_body_write(handle body, struct handle_or_failure *stream);
IMPORT(HTTP_TYPES, "[static]outgoing-body.finish")
void outgoing_body_finish(handle body, u32 has_trailers, handle trailers, struct finish_result *result);
IMPORT(HTTP_TYPES, "[resource-drop]outgoing-body") void outgoing_body_drop(handle body);
/*
 * set(param, result<outgoing-response, error-code>). Flattened: `failed`, then the response or the case of the error,
 * then the joined payloads of all errors; of these only internal-error's option<string> (0, 1, 2) is used here.
 */
IMPORT(HTTP_TYPES, "[static]response-outparam.set")
void outparam_set(handle param, u32 failed, u32 response_or_error, u32 payload0, u64 payload1, u32 payload2, u32 payload3,
                  u32 payload4, u32 payload5);

IMPORT(IO_STREAMS, "[method]input-stream.blocking-read")
void input_blocking_read(handle stream, u64 length, struct bytes_or_error *result);
IMPORT(IO_STREAMS, "[resource-drop]input-stream") void input_drop(handle stream);
IMPORT(IO_STREAMS, "[method]output-stream.blocking-write-and-flush")
void output_blocking_write_and_flush(handle stream, const u8 *bytes, u32 length, struct done_or_error *result);
IMPORT(IO_STREAMS, "[method]output-stream.check-write")
void output_check_write(handle stream, struct amount_or_error *result);
IMPORT(IO_STREAMS, "[method]output-stream.write")
void output_write(handle stream, const u8 *bytes, u32 length, struct done_or_error *result);
IMPORT(IO_STREAMS, "[method]output-stream.blocking-flush")
void output_blocking_flush(handle stream, struct done_or_error *result);
IMPORT(IO_STREAMS, "[method]output-stream.subscribe") handle output_subscribe(handle stream);
IMPORT(IO_STREAMS, "[resource-drop]output-stream") void output_drop(handle stream);
IMPORT("wasi:io/error" WASI_VERSION, "[resource-drop]error") void io_error_drop(handle error);

IMPORT(IO_POLL, "[method]pollable.block") void pollable_block(handle pollable);
IMPORT(IO_POLL, "[resource-drop]pollable") void pollable_drop(handle pollable);

IMPORT(MONOTONIC_CLOCK, "now") u64 monotonic_now(void);
IMPORT(MONOTONIC_CLOCK, "subscribe-duration") handle monotonic_subscribe_duration(u64 nanoseconds);
struct wall_time {
  u64 seconds;
  u32 nanoseconds;
};
IMPORT("wasi:clocks/wall-clock" WASI_VERSION, "now") void wall_now(struct wall_time *now);
IMPORT("wasi:random/random" WASI_VERSION, "get-random-u64") u64 random_u64(void);
IMPORT("wasi:cli/environment" WASI_VERSION, "get-environment") void environment_get(struct list_of_pairs *variables);
IMPORT("wasi:cli/environment" WASI_VERSION, "get-arguments") void arguments_get(struct list_of_texts *arguments);
IMPORT("wasi:cli/environment" WASI_VERSION, "initial-cwd") void initial_cwd(struct optional_text *directory);
IMPORT("wasi:cli/stdout" WASI_VERSION, "get-stdout") handle stdout_get(void);
IMPORT("wasi:cli/stderr" WASI_VERSION, "get-stderr") handle stderr_get(void);
IMPORT("wasi:cli/exit" WASI_VERSION, "exit") void cli_exit(u32 failed);

#endif
