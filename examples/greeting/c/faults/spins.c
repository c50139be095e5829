/* One greeting in twenty never ends and holds a processor until somebody stops it. */
#include "../greeting.h"

u16 readiness(void) { return 200; }

u16 before_greeting(void) {
  if (one_in(20))
    for (volatile u32 turns = 0;; turns++) continue;
  return 200;
}
