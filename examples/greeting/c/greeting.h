/* The one place where the good version and the bad ones differ. Each file in faults/ defines both functions. */
#ifndef EXAMPLES_GREETING_H
#define EXAMPLES_GREETING_H

#include "../../c/http.h"

/* The status of /healthz. */
u16 readiness(void);
/* What happens before a greeting: returns the status to answer with, or does something worse. */
u16 before_greeting(void);

#endif
