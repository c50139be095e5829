/* A third of the greetings is a 500: what a lost dependency looks like. */
#include "../greeting.h"

u16 readiness(void) { return 200; }

u16 before_greeting(void) { return one_in(3) ? 500 : 200; }
