/*
 * A greeting service over wasi:http.
 *
 *   GET  /, /?name=ada    Hello, ada! (greeting v1)
 *   GET  /healthz         ok
 *   POST /echo            the request's body, streamed both ways
 *
 * Every answer carries the version, and the client's x-request-id where it sent one, so that a client can tell which
 * answer belongs to which request and who made it.
 */
#include "greeting.h"

#ifndef VERSION
#error "build with -DVERSION='\"v1\"'"
#endif

static const struct text VERSION_TEXT = {(const u8 *)VERSION, sizeof(VERSION) - 1};

static void greet(const struct request *request, const struct pair *headers, u32 count) {
  u16 status = before_greeting();
  struct text name = request_parameter(request, TEXT("name"), TEXT("world"));
  struct text body = status == 200 ? JOIN(TEXT("Hello, "), name, TEXT("! (greeting "), VERSION_TEXT, TEXT(")\n"))
                                   : JOIN(TEXT("greeting "), VERSION_TEXT, TEXT(" has a problem\n"));
  answer_whole(request, status, headers, count, body);
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle")
void handle_request(handle incoming, handle outparam) {
  struct request request = request_open(incoming, outparam);
  struct pair headers[] = {
      {TEXT("content-type"), TEXT("text/plain; charset=utf-8")},
      {TEXT("x-greeting-version"), VERSION_TEXT},
      {TEXT("x-request-id"), request_header(&request, TEXT("x-request-id"), NO_TEXT)},
  };
  u32 count = headers[2].value.length > 0 ? 3 : 2;
  bool is_echo = text_equal(request.path, TEXT("/echo"));

  if (request_is(&request, TEXT("GET"), TEXT("/"))) {
    greet(&request, headers, count);
  } else if (request_is(&request, TEXT("GET"), TEXT("/healthz"))) {
    u16 status = readiness();
    answer_whole(&request, status, headers, count, status == 200 ? TEXT("ok\n") : TEXT("not ready\n"));
  } else if (is_echo && text_equal(request.method, TEXT("POST"))) {
    answer_with_request_body(&request, headers, count);
  } else if (is_echo || text_equal(request.path, TEXT("/")) || text_equal(request.path, TEXT("/healthz"))) {
    answer_whole(&request, 405, headers, count, TEXT("method not allowed\n"));
  } else {
    answer_whole(&request, 404, headers, count, JOIN(TEXT("nothing at "), request.path, TEXT("\n")));
  }
  request_drop(incoming);
}
