/*
 * The canonical ABI in C, as far as these examples need it: how a component's functions, strings, lists and results look
 * to the core module inside it. Source: the Component Model's CanonicalABI.md.
 *
 * Structs below have the canonical layout because wasm32's C layout is the same: fields in order, natural alignment, a
 * one-byte discriminant first. A result or list that does not fit one core value comes back through a pointer.
 */
#ifndef EXAMPLES_CANONICAL_H
#define EXAMPLES_CANONICAL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int handle;
typedef _Bool bool;
#define true 1
#define false 0

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

/* string or list<u8>: a pointer and a length in bytes. */
struct text {
  const u8 *at;
  u32 length;
};
#define TEXT(literal) ((struct text){(const u8 *)(literal), sizeof(literal) - 1})
#define NO_TEXT ((struct text){0, 0})

/* tuple<string, list<u8>>, and tuple<string, string>. */
struct pair {
  struct text name;
  struct text value;
};

struct list_of_texts {
  const struct text *at;
  u32 length;
};
struct list_of_pairs {
  const struct pair *at;
  u32 length;
};

/* option<string> */
struct optional_text {
  u8 present;
  struct text value;
};

/* result<own<resource>>: the handle counts only where `failed` is 0. */
struct handle_or_failure {
  u8 failed;
  handle value;
};

/*
 * The arena: what the host lifts into this memory, and what we build ourselves, for the length of one call. Bounded: the
 * call that needs more traps. A loop that receives data takes a mark first and releases to it after each round.
 */
#define ARENA_BYTES (192 * 1024)
void *arena_take(u32 bytes, u32 alignment);
u32 arena_mark(void);
void arena_release(u32 mark);

bool text_equal(struct text a, struct text b);
struct text text_join(const struct text *parts, u32 count);
struct text text_of_number(u64 number);
/* The decimal number at the start of the text; 0 where there is none. */
u64 number_of_text(struct text text);

#define JOIN(...) text_join((const struct text[]){__VA_ARGS__}, sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

#endif
