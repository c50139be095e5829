/* Routes that ask the host for something: environment, logs, clocks, randomness, memory, handles. */
#include "testbed.h"

static void answer_environment(const struct request *request) {
  struct list_of_pairs variables;
  struct list_of_texts arguments;
  struct optional_text directory;
  environment_get(&variables);
  arguments_get(&arguments);
  initial_cwd(&directory);
  struct answer answer = answer_begin(request, 200, 0, 0);
  for (u32 i = 0; i < variables.length; i++)
    answer_write(&answer, JOIN(TEXT("env "), variables.at[i].name, TEXT("="), variables.at[i].value, TEXT("\n")));
  for (u32 i = 0; i < arguments.length; i++)
    answer_write(&answer, JOIN(TEXT("argument "), arguments.at[i], TEXT("\n")));
  answer_write(&answer, JOIN(TEXT("directory "), directory.present ? directory.value : TEXT("-"), TEXT("\n")));
  answer_finish(&answer);
}

static void write_line(handle stream, struct text line, u64 times) {
  struct done_or_error result;
  for (u64 i = 0; i < times; i++) {
    output_blocking_write_and_flush(stream, SPREAD(line), &result);
    if (!result.failed) continue;
    if (result.error.kind == STREAM_OPERATION_FAILED) io_error_drop(result.error.error);
    break;
  }
  output_drop(stream);
}

/* `text` as a line on stdout and on stderr, `times` over. */
static void answer_after_log(const struct request *request) {
  struct text text = request_parameter(request, TEXT("text"), TEXT("a line"));
  u64 times = number_parameter(request, TEXT("times"), 1);
  write_line(stdout_get(), JOIN(TEXT("out: "), text, TEXT("\n")), times);
  write_line(stderr_get(), JOIN(TEXT("err: "), text, TEXT("\n")), times);
  answer_text(request, TEXT("logged\n"));
}

static void answer_clock(const struct request *request) {
  struct wall_time wall;
  wall_now(&wall);
  u64 before = monotonic_now(), after = monotonic_now();
  answer_text(request, JOIN(TEXT("wall "), text_of_number(wall.seconds), TEXT("\nmonotonic "), text_of_number(before),
                            TEXT("\nstep "), text_of_number(after - before), TEXT("\n")));
}

static void answer_random(const struct request *request) {
  answer_text(request, JOIN(text_of_number(random_u64()), TEXT("\n")));
}

/* Takes `bytes` more memory and writes to all of it, so that the process has it; says how much it got. */
static void answer_memory(const struct request *request) {
  const u32 page_bytes = 65536;
  u64 wanted = number_parameter(request, TEXT("bytes"), page_bytes), got = 0;
  while (got < wanted) {
    unsigned long page = __builtin_wasm_memory_grow(0, 1);
    if (page == (unsigned long)-1) break;
    volatile u8 *start = (u8 *)(page * page_bytes);
    for (u32 i = 0; i < page_bytes; i += 4096) start[i] = 1;
    got += page_bytes;
  }
  answer_text(request, JOIN(text_of_number(got), TEXT("\n")));
}

/* Opens `count` resources and keeps them; a host may trap on one too many. */
static void answer_handles(const struct request *request) {
  u64 count = number_parameter(request, TEXT("count"), 10);
  for (u64 i = 0; i < count; i++) fields_new();
  answer_text(request, JOIN(text_of_number(count), TEXT("\n")));
}

bool route_host(const struct request *request) {
  if (request_is(request, TEXT("GET"), TEXT("/env"))) answer_environment(request);
  else if (request_is(request, TEXT("GET"), TEXT("/log"))) answer_after_log(request);
  else if (request_is(request, TEXT("GET"), TEXT("/clock"))) answer_clock(request);
  else if (request_is(request, TEXT("GET"), TEXT("/random"))) answer_random(request);
  else if (request_is(request, TEXT("GET"), TEXT("/memory"))) answer_memory(request);
  else if (request_is(request, TEXT("GET"), TEXT("/handles"))) answer_handles(request);
  else return false;
  return true;
}
