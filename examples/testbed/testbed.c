/*
 * The testbed: one component over wasi:http whose path says how it behaves. README.md lists the routes.
 */
#include "testbed.h"

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
  bool answered = route_broken(&request) || route_plain(&request) || route_host(&request) ||
                  route_misbehaviour(&request);
  if (!answered) answer_whole(&request, 404, 0, 0, JOIN(TEXT("no such route: "), request.path, TEXT("\n")));
  request_drop(incoming);
}
