/*
 * A price with its tax: HTTP here, the rates in another component that is linked inline.
 *
 *   GET /price?net=1000&region=de   the price, in the unit of `net`; 404 for a region that nobody knows
 *   GET /healthz                    ok
 */
#include "../c/http.h"

/* result<u32, string> */
struct rate_or_error {
  u8 failed;
  union {
    u32 rate;
    struct text error;
  };
};

IMPORT("shop:tax/rates@0.1.0", "rate")
void tax_rate(const u8 *region, u32 region_length, struct rate_or_error *out);

static void answer_text(const struct request *request, u16 status, struct text body) {
  struct pair headers[] = {{TEXT("content-type"), TEXT("text/plain; charset=utf-8")}};
  answer_whole(request, status, headers, 1, body);
}

static void answer_price(const struct request *request) {
  struct text region = request_parameter(request, TEXT("region"), TEXT("de"));
  u64 net = number_of_text(request_parameter(request, TEXT("net"), TEXT("1000")));
  struct rate_or_error found;
  tax_rate(region.at, region.length, &found);
  if (found.failed) answer_text(request, 404, JOIN(found.error, TEXT("\n")));
  else answer_text(request, 200, JOIN(text_of_number(net + net * found.rate / 1000), TEXT("\n")));
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle")
void handle_request(handle incoming, handle outparam) {
  struct request request = request_open(incoming, outparam);
  if (request_is(&request, TEXT("GET"), TEXT("/price"))) answer_price(&request);
  else if (request_is(&request, TEXT("GET"), TEXT("/healthz"))) answer_text(&request, 200, TEXT("ok\n"));
  else answer_text(&request, 404, TEXT("not here\n"));
  request_drop(incoming);
}
