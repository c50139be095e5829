/*
 * `migrate` beside the routes of the store: notes in the store `notes` what it was told to migrate from, under
 * `migrated-from`. The environment decides how it ends:
 *   MIGRATE=fail   answers an error, after it has written   MIGRATE=trap   traps
 *   MIGRATE=wait   waits on the clock for ever              MIGRATE=slow   takes a second
 */
#include "testbed.h"
#include "../c/keyvalue.h"

/* result<_, string> */
struct failure {
  u8 failed;
  struct text message;
};
static struct failure outcome;

static bool environment_says(struct text value) {
  struct list_of_pairs variables;
  environment_get(&variables);
  for (u32 i = 0; i < variables.length; i++)
    if (text_equal(variables.at[i].name, TEXT("MIGRATE")) && text_equal(variables.at[i].value, value)) return true;
  return false;
}

EXPORT("headway:component/migrate@0.1.0#migrate")
struct failure *migrate(u32 is_versioned, const u8 *at, u32 length) {
  struct text from = is_versioned ? (struct text){at, length} : TEXT("none");
  struct bucket_or_error opened;
  store_open(SPREAD(TEXT("notes")), &opened);
  if (opened.failed) __builtin_trap();
  struct stored_or_error stored;
  bucket_set(opened.bucket, SPREAD(TEXT("migrated-from")), SPREAD(from), &stored);
  if (stored.failed) __builtin_trap();
  bucket_drop(opened.bucket);
  if (environment_says(TEXT("trap"))) __builtin_trap();
  while (environment_says(TEXT("wait"))) sleep_milliseconds(60000);
  if (environment_says(TEXT("slow"))) sleep_milliseconds(1000);
  outcome = (struct failure){environment_says(TEXT("fail")), TEXT("MIGRATE=fail")};
  return &outcome;
}
