#include "canonical.h"

static _Alignas(16) u8 arena[ARENA_BYTES];
static u32 arena_used;

void *arena_take(u32 bytes, u32 alignment) {
  u32 start = (arena_used + alignment - 1) & ~(alignment - 1);
  if (bytes > ARENA_BYTES || start > ARENA_BYTES - bytes) __builtin_trap();
  arena_used = start + bytes;
  return arena + start;
}

u32 arena_mark(void) { return arena_used; }

void arena_release(u32 mark) { arena_used = mark; }

/* How the host gets memory for what it passes to us. Old blocks are not reused: the arena ends with the call. */
EXPORT("cabi_realloc")
void *cabi_realloc(void *old, u32 old_bytes, u32 alignment, u32 bytes) {
  if (bytes <= old_bytes) return old;
  void *block = arena_take(bytes, alignment);
  __builtin_memcpy(block, old, old_bytes);
  return block;
}

bool text_equal(struct text a, struct text b) {
  if (a.length != b.length) return false;
  for (u32 i = 0; i < a.length; i++)
    if (a.at[i] != b.at[i]) return false;
  return true;
}

struct text text_join(const struct text *parts, u32 count) {
  u32 length = 0;
  for (u32 i = 0; i < count; i++) length += parts[i].length;
  u8 *joined = arena_take(length, 1), *end = joined;
  for (u32 i = 0; i < count; i++) {
    __builtin_memcpy(end, parts[i].at, parts[i].length);
    end += parts[i].length;
  }
  return (struct text){joined, length};
}

struct text text_of_number(u64 number) {
  u8 *end = (u8 *)arena_take(20, 1) + 20, *start = end;
  do *--start = '0' + number % 10;
  while (number /= 10);
  return (struct text){start, end - start};
}

u64 number_of_text(struct text text) {
  u64 number = 0;
  for (u32 i = 0; i < text.length && text.at[i] >= '0' && text.at[i] <= '9'; i++) number = number * 10 + (text.at[i] - '0');
  return number;
}
