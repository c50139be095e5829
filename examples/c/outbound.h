/* wasi:http/outgoing-handler, and the types around it, as the core module sees them. */
#ifndef EXAMPLES_OUTBOUND_H
#define EXAMPLES_OUTBOUND_H

#include "wasi.h"

#define OUTGOING_HANDLER "wasi:http/outgoing-handler" WASI_VERSION

/* variant error-code: the case; the text counts for internal-error only. */
struct http_error {
  _Alignas(8) u8 kind;
  _Alignas(8) struct optional_text text;
  u8 room[12];
};
/* result<own<future-incoming-response>, error-code> */
struct future_or_error {
  _Alignas(8) u8 failed;
  union {
    handle future;
    struct http_error error;
  };
};
/* option<result<result<own<incoming-response>, error-code>>> */
struct response_or_error {
  _Alignas(8) u8 present;
  _Alignas(8) u8 taken;
  _Alignas(8) u8 failed;
  union {
    handle response;
    struct http_error error;
  };
};
/* option<result<result<option<own<trailers>>, error-code>>> */
struct trailers_or_error {
  _Alignas(8) u8 present;
  _Alignas(8) u8 taken;
  _Alignas(8) u8 failed;
  union {
    struct {
      u8 some;
      handle trailers;
    };
    struct http_error error;
  };
};
/* variant method { …, other(string) }: any name can be said by its last case. */
enum { METHOD_OTHER = 9 };
/* variant scheme */
enum { SCHEME_HTTP = 0, SCHEME_HTTPS = 1, SCHEME_OTHER = 2 };

IMPORT(HTTP_TYPES, "[constructor]outgoing-request") handle outgoing_request_new(handle headers);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-method")
u32 outgoing_request_set_method(handle request, u32 kind, const u8 *other, u32 length);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-path-with-query")
u32 outgoing_request_set_path(handle request, u32 present, const u8 *path, u32 length);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-scheme")
u32 outgoing_request_set_scheme(handle request, u32 present, u32 kind, const u8 *other, u32 length);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-authority")
u32 outgoing_request_set_authority(handle request, u32 present, const u8 *authority, u32 length);
IMPORT(HTTP_TYPES, "[method]outgoing-request.body")
void outgoing_request_body(handle request, struct handle_or_failure *body);
IMPORT(HTTP_TYPES, "[constructor]request-options") handle request_options_new(void);
IMPORT(HTTP_TYPES, "[method]request-options.set-connect-timeout")
u32 request_options_set_connect_timeout(handle options, u32 present, u64 nanoseconds);
IMPORT(HTTP_TYPES, "[method]request-options.set-first-byte-timeout")
u32 request_options_set_first_byte_timeout(handle options, u32 present, u64 nanoseconds);
IMPORT(HTTP_TYPES, "[method]request-options.set-between-bytes-timeout")
u32 request_options_set_between_bytes_timeout(handle options, u32 present, u64 nanoseconds);
IMPORT(OUTGOING_HANDLER, "handle")
void outgoing_handle(handle request, u32 has_options, handle options, struct future_or_error *result);

IMPORT(HTTP_TYPES, "[method]future-incoming-response.subscribe") handle future_response_subscribe(handle future);
IMPORT(HTTP_TYPES, "[method]future-incoming-response.get")
void future_response_get(handle future, struct response_or_error *result);
IMPORT(HTTP_TYPES, "[resource-drop]future-incoming-response") void future_response_drop(handle future);
IMPORT(HTTP_TYPES, "[method]incoming-response.status") u32 incoming_response_status(handle response);
IMPORT(HTTP_TYPES, "[method]incoming-response.headers") handle incoming_response_headers(handle response);
IMPORT(HTTP_TYPES, "[method]incoming-response.consume")
void incoming_response_consume(handle response, struct handle_or_failure *body);
IMPORT(HTTP_TYPES, "[resource-drop]incoming-response") void incoming_response_drop(handle response);
IMPORT(HTTP_TYPES, "[static]incoming-body.finish") handle incoming_body_finish(handle body);
IMPORT(HTTP_TYPES, "[method]future-trailers.subscribe") handle future_trailers_subscribe(handle future);
IMPORT(HTTP_TYPES, "[method]future-trailers.get")
void future_trailers_get(handle future, struct trailers_or_error *result);
IMPORT(HTTP_TYPES, "[resource-drop]future-trailers") void future_trailers_drop(handle future);

#endif
