/* Would greet well, but its /healthz says 503 for ever. */
#include "../greeting.h"

u16 readiness(void) { return 503; }

u16 before_greeting(void) { return 200; }
