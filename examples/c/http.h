/* A request and its answer over wasi:http, at the level at which an example wants to talk about them. */
#ifndef EXAMPLES_HTTP_H
#define EXAMPLES_HTTP_H

#include "wasi.h"

/* What `blocking-write-and-flush` takes in one call, by its contract. */
#define MAX_BLOCKING_WRITE_BYTES 4096
#define READ_BYTES (16 * 1024)

struct request {
  handle incoming;
  handle outparam;
  struct text method;
  struct text path;
  struct text query;
};

/* A response whose head is out and whose body is being written. */
struct answer {
  handle body;
  handle stream;
};

struct request request_open(handle incoming, handle outparam);
/* True where method and path are these. HEAD is taken for GET: the host keeps the body back. */
bool request_is(const struct request *request, struct text method, struct text path);
/* The first value, or the fallback. */
struct text request_header(const struct request *request, struct text name, struct text fallback);
/* The value of `name=value` in the query, as written, or the fallback. */
struct text request_parameter(const struct request *request, struct text name, struct text fallback);

/* Sends the head. */
struct answer answer_begin(const struct request *request, u16 status, const struct pair *headers, u32 count);
/* Writes all of it, blocking; false where the client is gone. */
bool answer_write(struct answer *answer, struct text bytes);
/* The same without `blocking-write-and-flush`: asks for room, waits for it, writes what fits. For large bodies. */
bool answer_write_with_room(struct answer *answer, struct text bytes);
void answer_finish(struct answer *answer);
/* Head and body at once. */
void answer_whole(const struct request *request, u16 status, const struct pair *headers, u32 count, struct text body);
/* Sends the request's body back as it comes, in constant memory. */
void answer_with_request_body(const struct request *request, const struct pair *headers, u32 count);

void sleep_milliseconds(u64 milliseconds);
/* True once in `share` calls, at random, so that it holds whether or not the instance outlives the request. */
bool one_in(u32 share);

#endif
