/* One greeting in ten takes 300 ms more: no error anywhere, only the tail moves. */
#include "../greeting.h"

u16 readiness(void) { return 200; }

u16 before_greeting(void) {
  if (one_in(10)) sleep_milliseconds(300);
  return 200;
}
