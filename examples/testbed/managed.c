/*
 * Life cycle and health beside the routes of the testbed. The environment decides how they end:
 *   INIT=fail     init answers an error        INIT=trap   init traps
 *   INIT=spin     init never returns           INIT=wait   init waits on the clock for ever
 *   SHUTDOWN=trap, spin, wait   the same of shutdown, after it has said that it was called
 *   HEALTH=fail   check answers an error, from the first call on
 */
#include "testbed.h"

/* result<_, string> */
struct failure {
  u8 failed;
  struct text message;
};

static struct failure outcome;

static bool environment_says(struct text name, struct text value) {
  struct list_of_pairs variables;
  environment_get(&variables);
  for (u32 i = 0; i < variables.length; i++)
    if (text_equal(variables.at[i].name, name) && text_equal(variables.at[i].value, value)) return true;
  return false;
}

static void misbehave(struct text variable) {
  if (environment_says(variable, TEXT("trap"))) __builtin_trap();
  if (environment_says(variable, TEXT("spin")))
    for (volatile u32 turns = 0;; turns++) continue;
  while (environment_says(variable, TEXT("wait"))) sleep_milliseconds(60000);
}

static void say(struct text line) {
  handle stream = stdout_get();
  struct done_or_error result;
  output_blocking_write_and_flush(stream, SPREAD(line), &result);
  output_drop(stream);
}

EXPORT("headway:component/lifecycle@0.1.0#init")
struct failure *lifecycle_init(void) {
  arena_release(0);
  misbehave(TEXT("INIT"));
  bool fails = environment_says(TEXT("INIT"), TEXT("fail"));
  if (!fails) say(TEXT("init\n"));
  outcome = (struct failure){fails, TEXT("INIT=fail")};
  return &outcome;
}

EXPORT("headway:component/lifecycle@0.1.0#shutdown")
void lifecycle_shutdown(void) {
  arena_release(0);
  say(TEXT("shutdown\n"));
  misbehave(TEXT("SHUTDOWN"));
}

EXPORT("headway:component/health@0.1.0#check")
struct failure *health_check(void) {
  arena_release(0);
  outcome = (struct failure){environment_says(TEXT("HEALTH"), TEXT("fail")), TEXT("HEALTH=fail")};
  return &outcome;
}
