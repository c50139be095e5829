/*
 * One greeting in ten takes memory, page by page and written to, until it gets no more, and then traps: what an unbounded
 * buffer does. The build sets a maximum of 256 MiB, above any limit that a manifest of the demo gives, so that a host
 * without limits survives it too.
 */
#include "../greeting.h"

#define PAGE_BYTES 65536
/* Memory is the process's only once it is written to, and the operating system counts in smaller pages. */
#define OS_PAGE_BYTES 4096

u16 readiness(void) { return 200; }

u16 before_greeting(void) {
  if (!one_in(10)) return 200;
  for (;;) {
    unsigned long page = __builtin_wasm_memory_grow(0, 1);
    if (page == (unsigned long)-1) __builtin_trap();
    volatile u8 *start = (u8 *)(page * PAGE_BYTES);
    for (u32 i = 0; i < PAGE_BYTES; i += OS_PAGE_BYTES) start[i] = 1;
  }
}
