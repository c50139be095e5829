/* One greeting in ten ends in an unreachable instruction. */
#include "../greeting.h"

u16 readiness(void) { return 200; }

u16 before_greeting(void) {
  if (one_in(10)) __builtin_trap();
  return 200;
}
