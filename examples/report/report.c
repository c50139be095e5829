/*
 * A report that is made by the clock: a command (wasi:cli/run) that says what it does on standard output, and ends with
 * an exit code. Its arguments say how this run goes, one after the other:
 *   say=TEXT     a line on standard output
 *   warn=TEXT    a line on standard error
 *   wait=MS      waits so long
 *   exit         ends at once by wasi:cli/exit with a failure
 *   trap         traps
 *   spin         never returns, and never waits
 * A run that gets to its end is a good one, unless it is built with FAULT. `jobs#tidy` is the same without being a
 * command: a plain exported function, which the clock may call too; an instance that is used again says so.
 */
#include "../c/wasi.h"

#ifndef FAULT
#define FAULT 0
#endif

/* result<_, string> */
struct failure {
  u8 failed;
  struct text message;
};

static u32 runs;
static struct failure outcome;

static void write_text(handle stream, struct text text) {
  struct done_or_error result;
  output_blocking_write_and_flush(stream, SPREAD(text), &result);
  output_drop(stream);
}

static void wait_for(u64 milliseconds) {
  handle due = monotonic_subscribe_duration(milliseconds * 1000000);
  pollable_block(due);
  pollable_drop(due);
}

static bool starts_with(struct text text, struct text start) {
  return text.length >= start.length && text_equal((struct text){text.at, start.length}, start);
}

static struct text after(struct text text, struct text start) {
  return (struct text){text.at + start.length, text.length - start.length};
}

static void follow(struct text argument) {
  const struct text say = TEXT("say="), warn = TEXT("warn="), wait = TEXT("wait=");
  if (starts_with(argument, say)) write_text(stdout_get(), JOIN(after(argument, say), TEXT("\n")));
  if (starts_with(argument, warn)) write_text(stderr_get(), JOIN(after(argument, warn), TEXT("\n")));
  if (starts_with(argument, wait)) wait_for(number_of_text(after(argument, wait)));
  if (text_equal(argument, TEXT("exit"))) cli_exit(1);
  if (text_equal(argument, TEXT("trap"))) __builtin_trap();
  if (text_equal(argument, TEXT("spin")))
    for (volatile u32 turns = 0;; turns++) continue;
}

EXPORT("wasi:cli/run@0.2.12#run")
u32 run(void) {
  arena_release(0);
  struct list_of_texts arguments;
  arguments_get(&arguments);
  struct text name = arguments.length > 0 ? arguments.at[0] : TEXT("nobody");
  write_text(stdout_get(), JOIN(name, TEXT(" "), TEXT(VERSION), TEXT(", run "), text_of_number(++runs), TEXT("\n")));
  for (u32 i = 1; i < arguments.length; i++) follow(arguments.at[i]);
  return FAULT;
}

EXPORT("headway:examples/jobs#tidy")
struct failure *tidy(void) {
  arena_release(0);
  write_text(stdout_get(), JOIN(TEXT("tidied, run "), text_of_number(++runs), TEXT("\n")));
  outcome = (struct failure){FAULT, TEXT("nothing to tidy")};
  return &outcome;
}
