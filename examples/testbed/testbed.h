#ifndef EXAMPLES_TESTBED_H
#define EXAMPLES_TESTBED_H

#include "../c/http.h"

/* An answer of 200 in plain text. */
void answer_text(const struct request *request, struct text body);
/* The parameter as a number, or the fallback. */
u64 number_parameter(const struct request *request, struct text name, u64 fallback);

/* Each file of routes answers what it knows and returns true, or returns false. */
bool route_plain(const struct request *request);
bool route_host(const struct request *request);
bool route_broken(const struct request *request);
bool route_misbehaviour(const struct request *request);

#endif
