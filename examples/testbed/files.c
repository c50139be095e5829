/*
 * Every function of wasi:filesystem by a script: `GET /run?open:0:1:a.txt:c:rw;write:1:0:hello` answers a line for each
 * command. Its arguments are separated by `:`; descriptors and streams are numbered places that stay filled from one request
 * to the next, as long as the instance lives. Place 0 is the first mount, 1 the second, and so on, until something is opened there.
 */
#include "testbed.h"
#include "../c/filesystem.h"

/* It is many small functions, called once each: their size is what matters. */
#define SMALL __attribute__((noinline, minsize))
#define PLACES 64
#define MAX_ARGUMENTS 8
#define MAX_LISTED 3000
#define FILL_BYTES (64 * 1024)

static handle places[PLACES];
static handle streams[PLACES];
static u32 mounts;
static u8 fill[FILL_BYTES];

static const char *const ERRORS[] = {
    "access", "would-block", "already", "bad-descriptor", "busy", "deadlock", "quota", "exist", "file-too-large",
    "illegal-byte-sequence", "in-progress", "interrupted", "invalid", "io", "is-directory", "loop", "too-many-links",
    "message-size", "name-too-long", "no-device", "no-entry", "no-lock", "insufficient-memory", "insufficient-space",
    "not-directory", "not-empty", "not-recoverable", "unsupported", "no-tty", "no-such-device", "overflow",
    "not-permitted", "pipe", "read-only", "invalid-seek", "text-file-busy", "cross-device",
};
static const char *const TYPES[] = {
    "unknown", "block-device", "character-device", "directory", "fifo", "symbolic-link", "regular-file", "socket",
};

SMALL static struct text text_of(const char *literal) {
  u32 length = 0;
  while (literal[length]) length++;
  return (struct text){(const u8 *)literal, length};
}

SMALL static struct text error_text(u8 code) {
  return code < sizeof ERRORS / sizeof *ERRORS ? text_of(ERRORS[code]) : TEXT("no-such-code");
}

SMALL static struct text result_text(struct file_result result) {
  return result.failed ? error_text(result.value) : TEXT("ok");
}

SMALL static struct text size_text(struct file_size_result result) {
  return result.failed ? error_text(result.error) : text_of_number(result.value);
}

SMALL static struct text stat_text(const struct file_stat_result *result) {
  if (result->failed) return error_text(result->error);
  const struct file_stat *stat = &result->value;
  return JOIN(text_of(TYPES[stat->type]), TEXT(" links "), text_of_number(stat->links), TEXT(" size "),
              text_of_number(stat->size), stat->modified.present ? TEXT(" modified ") : TEXT(" without times"),
              stat->modified.present ? text_of_number(stat->modified.time.seconds) : NO_TEXT);
}

SMALL static struct text stream_error_text(struct stream_error error) {
  if (error.kind == STREAM_CLOSED) return TEXT("closed");
  struct file_result code;
  file_error_code(error.error, &code);
  io_error_drop(error.error);
  return JOIN(TEXT("failed "), code.failed ? error_text(code.value) : TEXT("without a code"));
}

SMALL static bool has(struct text flags, u8 letter) {
  for (u32 i = 0; i < flags.length; i++)
    if (flags.at[i] == letter) return true;
  return false;
}

/* c create, d directory, x exclusive, t truncate */
SMALL static u32 open_flags(struct text flags) {
  return (has(flags, 'c') ? CREATE : 0) | (has(flags, 'd') ? DIRECTORY : 0) | (has(flags, 'x') ? EXCLUSIVE : 0) |
         (has(flags, 't') ? TRUNCATE : 0);
}

/* r read, w write, m mutate-directory, f file-integrity-sync */
SMALL static u32 rights(struct text flags) {
  return (has(flags, 'r') ? READ : 0) | (has(flags, 'w') ? WRITE : 0) | (has(flags, 'm') ? MUTATE : 0) |
         (has(flags, 'f') ? FILE_SYNC : 0);
}

SMALL static void find_mounts(void) {
  if (mounts > 0) return;
  struct list_of_preopens found;
  preopens_get(&found);
  for (u32 i = 0; i < found.length && i < PLACES; i++) places[i] = found.at[i].directory;
  mounts = found.length;
}

/* So many bytes as stand behind `#`, at most 64 KiB, or the text itself. */
SMALL static struct text bytes_of(struct text argument) {
  if (argument.length == 0 || argument.at[0] != '#') return argument;
  u64 wanted = number_of_text((struct text){argument.at + 1, argument.length - 1});
  __builtin_memset(fill, 'x', FILL_BYTES);
  return (struct text){fill, wanted < FILL_BYTES ? wanted : FILL_BYTES};
}

SMALL static struct text keep(handle *at, struct file_handle_result result) {
  if (result.failed) return error_text(result.error);
  *at = result.value;
  return TEXT("ok");
}

SMALL static struct text list(handle directory) {
  struct file_handle_result opened;
  file_read_directory(directory, &opened);
  if (opened.failed) return error_text(opened.error);
  struct text text = NO_TEXT;
  u32 count = 0;
  for (; count < MAX_LISTED; count++) {
    struct file_entry_result entry;
    entries_read(opened.value, &entry);
    if (entry.failed) {
      entries_drop(opened.value);
      return error_text(entry.error);
    }
    if (!entry.present) break;
    if (count < 16) text = JOIN(text, TEXT(" "), entry.entry.name, TEXT("/"), text_of(TYPES[entry.entry.type]));
  }
  entries_drop(opened.value);
  return JOIN(text_of_number(count), text);
}

SMALL static struct text read_stream(handle stream, u64 length) {
  struct bytes_or_error read;
  input_blocking_read(stream, length, &read);
  return read.failed ? stream_error_text(read.error) : read.bytes;
}

/* To the end: how many bytes there were, and how it ended. */
SMALL static struct text drain(handle stream) {
  u64 bytes = 0;
  u32 mark = arena_mark();
  for (;;) {
    struct bytes_or_error read;
    input_blocking_read(stream, FILL_BYTES, &read);
    if (read.failed) return JOIN(text_of_number(bytes), TEXT(" "), stream_error_text(read.error));
    bytes += read.bytes.length;
    arena_release(mark);
  }
}

/* So many times 64 KiB, by check-write and write; then a flush. */
SMALL static struct text flood(handle stream, u64 times) {
  struct amount_or_error room;
  struct done_or_error done;
  for (u64 left = times * FILL_BYTES; left > 0;) {
    output_check_write(stream, &room);
    if (room.failed) return stream_error_text(room.error);
    if (room.amount == 0) {
      handle ready = output_subscribe(stream);
      pollable_block(ready);
      pollable_drop(ready);
      continue;
    }
    u64 some = room.amount < left ? room.amount : left;
    if (some > FILL_BYTES) some = FILL_BYTES;
    output_write(stream, fill, some, &done);
    if (done.failed) return stream_error_text(done.error);
    left -= some;
  }
  output_blocking_flush(stream, &done);
  return done.failed ? stream_error_text(done.error) : TEXT("ok");
}

/* flush answers at once; that it is done is told by the pollable. */
SMALL static struct text flush(handle stream) {
  struct done_or_error done;
  struct amount_or_error room;
  output_flush(stream, &done);
  if (done.failed) return stream_error_text(done.error);
  output_check_write(stream, &room);
  if (room.failed) return stream_error_text(room.error);
  bool waited = room.amount == 0;
  handle ready = output_subscribe(stream);
  pollable_block(ready);
  pollable_drop(ready);
  output_check_write(stream, &room);
  if (room.failed) return stream_error_text(room.error);
  return waited ? TEXT("waited") : TEXT("ok");
}

SMALL static struct text amount_text(struct amount_or_error result) {
  return result.failed ? stream_error_text(result.error) : text_of_number(result.amount);
}

SMALL static struct text write_stream(handle stream, struct text bytes) {
  struct done_or_error done;
  output_blocking_write_and_flush(stream, SPREAD(bytes), &done);
  return done.failed ? stream_error_text(done.error) : TEXT("ok");
}

/* 64 KiB at a time, so often: for those who measure. */
SMALL static struct text read_often(handle file, u64 length, u64 times) {
  u32 mark = arena_mark();
  u64 bytes = 0;
  for (; times > 0; times--) {
    struct file_read_result read;
    file_read(file, length, 0, &read);
    if (read.failed) return error_text(read.error);
    bytes += read.bytes.length;
    arena_release(mark);
  }
  return text_of_number(bytes);
}

#define IS(name) text_equal(arguments[0], TEXT(name))
#define NUMBER(n) number_of_text(arguments[n])
#define PLACE(n) places[NUMBER(n) % PLACES]
#define STREAM(n) streams[NUMBER(n) % PLACES]

SMALL static struct text run_streams(const struct text *arguments) {
  struct file_handle_result opened;
  struct amount_or_error amount;
  if (IS("read-stream")) return file_read_via_stream(PLACE(1), NUMBER(3), &opened), keep(&STREAM(2), opened);
  if (IS("write-stream")) return file_write_via_stream(PLACE(1), NUMBER(3), &opened), keep(&STREAM(2), opened);
  if (IS("append-stream")) return file_append_via_stream(PLACE(1), &opened), keep(&STREAM(2), opened);
  if (IS("take")) return read_stream(STREAM(1), NUMBER(2));
  if (IS("drain")) return drain(STREAM(1));
  if (IS("skip")) return input_blocking_skip(STREAM(1), NUMBER(2), &amount), amount_text(amount);
  if (IS("put")) return write_stream(STREAM(1), bytes_of(arguments[2]));
  if (IS("flood")) return flood(STREAM(1), NUMBER(2));
  if (IS("flush")) return flush(STREAM(1));
  if (IS("splice")) return output_blocking_splice(STREAM(1), STREAM(2), NUMBER(3), &amount), amount_text(amount);
  if (IS("drop-input")) return input_drop(STREAM(1)), TEXT("ok");
  if (IS("drop-output")) return output_drop(STREAM(1)), TEXT("ok");
  return TEXT("no such command");
}

SMALL static struct text run_paths(const struct text *arguments) {
  struct file_result result;
  struct file_stat_result stat;
  struct file_text_result text;
  struct file_hash_result hash;
  struct text path = arguments[2];
  if (IS("mkdir")) return file_create_directory_at(PLACE(1), SPREAD(path), &result), result_text(result);
  if (IS("rmdir")) return file_remove_directory_at(PLACE(1), SPREAD(path), &result), result_text(result);
  if (IS("unlink")) return file_unlink_file_at(PLACE(1), SPREAD(path), &result), result_text(result);
  if (IS("readlink")) {
    file_readlink_at(PLACE(1), SPREAD(path), &text);
    return text.failed ? error_text(text.error) : text.value;
  }
  if (IS("symlink")) return file_symlink_at(PLACE(1), SPREAD(path), SPREAD(arguments[3]), &result), result_text(result);
  if (IS("stat-at")) return file_stat_at(PLACE(1), FOLLOW, SPREAD(path), &stat), stat_text(&stat);
  if (IS("lstat-at")) return file_stat_at(PLACE(1), 0, SPREAD(path), &stat), stat_text(&stat);
  if (IS("rename")) {
    file_rename_at(PLACE(1), SPREAD(path), PLACE(3), SPREAD(arguments[4]), &result);
    return result_text(result);
  }
  if (IS("link") || IS("link-follow")) {
    file_link_at(PLACE(1), IS("link") ? 0 : FOLLOW, SPREAD(path), PLACE(3), SPREAD(arguments[4]), &result);
    return result_text(result);
  }
  if (IS("times-at")) {
    file_set_times_at(PLACE(1), FOLLOW, SPREAD(path), TIME_GIVEN, NUMBER(3), 500000000, TIME_GIVEN, NUMBER(4), 0, &result);
    return result_text(result);
  }
  if (IS("hash-at")) {
    file_metadata_hash_at(PLACE(1), FOLLOW, SPREAD(path), &hash);
    return hash.failed ? error_text(hash.error) : text_of_number(hash.lower ^ hash.upper);
  }
  return run_streams(arguments);
}

SMALL static struct text run(const struct text *arguments) {
  struct file_result result;
  struct file_handle_result opened;
  struct file_size_result size;
  struct file_read_result read;
  struct file_stat_result stat;
  struct file_hash_result hash;
  if (IS("mounts")) {
    struct list_of_preopens found;
    preopens_get(&found);
    struct text text = NO_TEXT;
    for (u32 i = 0; i < found.length; i++) {
      text = JOIN(text, found.at[i].path, TEXT(" "));
      file_drop(found.at[i].directory);
    }
    return text;
  }
  /* open:from:to:path:open flags:rights, and the same without following a link at the end */
  if (IS("open") || IS("open-link")) {
    file_open_at(PLACE(1), IS("open") ? FOLLOW : 0, SPREAD(arguments[3]), open_flags(arguments[4]), rights(arguments[5]),
                 &opened);
    return keep(&PLACE(2), opened);
  }
  if (IS("close")) return file_drop(PLACE(1)), TEXT("ok");
  if (IS("read")) {
    file_read(PLACE(1), NUMBER(2), NUMBER(3), &read);
    return read.failed ? error_text(read.error) : JOIN(read.bytes, read.end ? TEXT(" (end)") : NO_TEXT);
  }
  if (IS("read-often")) return read_often(PLACE(1), NUMBER(2), NUMBER(3));
  if (IS("write")) {
    struct text bytes = bytes_of(arguments[3]);
    file_write(PLACE(1), SPREAD(bytes), NUMBER(2), &size);
    return size_text(size);
  }
  if (IS("list")) return list(PLACE(1));
  if (IS("stat")) return file_stat(PLACE(1), &stat), stat_text(&stat);
  if (IS("size")) return file_set_size(PLACE(1), NUMBER(2), &result), result_text(result);
  if (IS("flags")) return file_get_flags(PLACE(1), &result), result.failed ? error_text(result.value) : text_of_number(result.value);
  if (IS("type")) return file_get_type(PLACE(1), &result), result.failed ? error_text(result.value) : text_of(TYPES[result.value]);
  if (IS("sync")) return file_sync(PLACE(1), &result), result_text(result);
  if (IS("sync-data")) return file_sync_data(PLACE(1), &result), result_text(result);
  if (IS("advise")) return file_advise(PLACE(1), 0, 100, NUMBER(2), &result), result_text(result);
  if (IS("times")) {
    file_set_times(PLACE(1), TIME_NO_CHANGE, 0, 0, TIME_GIVEN, NUMBER(2), 0, &result);
    return result_text(result);
  }
  if (IS("touch")) {
    file_set_times(PLACE(1), TIME_NOW, 0, 0, TIME_NOW, 0, 0, &result);
    return result_text(result);
  }
  if (IS("same")) return file_is_same_object(PLACE(1), PLACE(2)) ? TEXT("same") : TEXT("different");
  if (IS("hash")) {
    file_metadata_hash(PLACE(1), &hash);
    return hash.failed ? error_text(hash.error) : text_of_number(hash.lower ^ hash.upper);
  }
  return run_paths(arguments);
}

/* One command of the script: its arguments, each without the separator. */
SMALL static struct text run_command(struct text command) {
  struct text arguments[MAX_ARGUMENTS] = {NO_TEXT};
  u32 count = 0, start = 0;
  for (u32 i = 0; i <= command.length && count < MAX_ARGUMENTS; i++) {
    if (i < command.length && command.at[i] != ':') continue;
    arguments[count++] = (struct text){command.at + start, i - start};
    start = i + 1;
  }
  return run(arguments);
}

SMALL static void run_script(const struct request *request) {
  find_mounts();
  struct text script = request->query, lines = NO_TEXT;
  u32 start = 0;
  for (u32 i = 0; i <= script.length && script.length > 0; i++) {
    if (i < script.length && script.at[i] != ';') continue;
    struct text line = run_command((struct text){script.at + start, i - start});
    lines = start == 0 ? line : JOIN(lines, TEXT("\n"), line);
    start = i + 1;
  }
  answer_text(request, lines);
}

void answer_text(const struct request *request, struct text body) {
  struct pair headers[] = {{TEXT("content-type"), TEXT("text/plain; charset=utf-8")}};
  answer_whole(request, 200, headers, 1, body);
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle")
void handle_request(handle incoming, handle outparam) {
  struct request request = request_open(incoming, outparam);
  if (request_is(&request, TEXT("GET"), TEXT("/healthz"))) answer_text(&request, TEXT("ok\n"));
  else if (request_is(&request, TEXT("GET"), TEXT("/run"))) run_script(&request);
  else answer_whole(&request, 404, 0, 0, TEXT("no such route\n"));
  request_drop(incoming);
}
