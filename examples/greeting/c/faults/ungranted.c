/*
 * Looks for files and calls out on every greeting, which no manifest of the demo grants: the imports alone are the
 * reason to refuse it. Where a host runs it all the same, a denial is no failure of the greeting.
 */
#include "../greeting.h"

#define OUTGOING_HANDLER "wasi:http/outgoing-handler" WASI_VERSION

/* list<tuple<own<descriptor>, string>> */
struct preopen {
  handle descriptor;
  struct text path;
};
struct list_of_preopens {
  const struct preopen *at;
  u32 length;
};
/* result<own<future-incoming-response>, error-code> */
struct future_or_error {
  _Alignas(8) u8 failed;
  u8 padding[7];
  handle future;
  u8 room[36];
};

IMPORT("wasi:filesystem/preopens" WASI_VERSION, "get-directories") void preopens_get(struct list_of_preopens *directories);
IMPORT("wasi:filesystem/types" WASI_VERSION, "[resource-drop]descriptor") void descriptor_drop(handle descriptor);
IMPORT(HTTP_TYPES, "[constructor]outgoing-request") handle outgoing_request_new(handle headers);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-authority")
u32 outgoing_request_set_authority(handle request, u32 present, const u8 *authority, u32 length);
IMPORT(HTTP_TYPES, "[resource-drop]future-incoming-response") void future_response_drop(handle future);
IMPORT(OUTGOING_HANDLER, "handle")
void outgoing_handle(handle request, u32 has_options, handle options, struct future_or_error *result);

u16 readiness(void) { return 200; }

u16 before_greeting(void) {
  struct list_of_preopens directories;
  preopens_get(&directories);
  for (u32 i = 0; i < directories.length; i++) descriptor_drop(directories.at[i].descriptor);

  handle request = outgoing_request_new(fields_new());
  outgoing_request_set_authority(request, 1, SPREAD(TEXT("collector.invalid")));
  struct future_or_error result;
  outgoing_handle(request, 0, 0, &result);
  if (!result.failed) future_response_drop(result.future);
  return 200;
}
