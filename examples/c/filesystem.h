/* wasi:filesystem, and what of wasi:io/streams only files need, as the core module sees them. */
#ifndef EXAMPLES_FILESYSTEM_H
#define EXAMPLES_FILESYSTEM_H

#include "wasi.h"

#define FILESYSTEM "wasi:filesystem/types" WASI_VERSION

/* result<_, error-code>, and result<flags or enum, error-code>: what there is, or the error, is one byte. */
struct file_result {
  u8 failed;
  u8 value;
};
/* result<own<…>, error-code> */
struct file_handle_result {
  u8 failed;
  union {
    handle value;
    u8 error;
  };
};
/* result<filesize, error-code> */
struct file_size_result {
  u8 failed;
  union {
    u64 value;
    u8 error;
  };
};
/* result<string, error-code> */
struct file_text_result {
  u8 failed;
  union {
    struct text value;
    u8 error;
  };
};
/* result<tuple<list<u8>, bool>, error-code> */
struct file_read_result {
  u8 failed;
  union {
    struct {
      struct text bytes;
      u8 end;
    };
    u8 error;
  };
};
struct file_time {
  u64 seconds;
  u32 nanoseconds;
};
struct optional_file_time {
  u8 present;
  struct file_time time;
};
/* record descriptor-stat */
struct file_stat {
  u8 type;
  u64 links;
  u64 size;
  struct optional_file_time accessed;
  struct optional_file_time modified;
  struct optional_file_time changed;
};
struct file_stat_result {
  u8 failed;
  union {
    struct file_stat value;
    u8 error;
  };
};
/* result<metadata-hash-value, error-code> */
struct file_hash_result {
  u8 failed;
  union {
    struct {
      u64 lower;
      u64 upper;
    };
    u8 error;
  };
};
/* result<option<directory-entry>, error-code> */
struct file_entry_result {
  u8 failed;
  union {
    struct {
      u8 present;
      struct {
        u8 type;
        struct text name;
      } entry;
    };
    u8 error;
  };
};
/* list<tuple<descriptor, string>> */
struct preopen {
  handle directory;
  struct text path;
};
struct list_of_preopens {
  const struct preopen *at;
  u32 length;
};

/* flags, and the cases of new-timestamp */
enum { FOLLOW = 1 };
enum { CREATE = 1, DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATE = 8 };
enum { READ = 1, WRITE = 2, FILE_SYNC = 4, DATA_SYNC = 8, WRITE_SYNC = 16, MUTATE = 32 };
enum { TIME_NO_CHANGE = 0, TIME_NOW = 1, TIME_GIVEN = 2 };

#define FILE_METHOD(name) IMPORT(FILESYSTEM, "[method]descriptor." name)

IMPORT("wasi:filesystem/preopens" WASI_VERSION, "get-directories")
void preopens_get(struct list_of_preopens *directories);
FILE_METHOD("read-via-stream") void file_read_via_stream(handle file, u64 offset, struct file_handle_result *result);
FILE_METHOD("write-via-stream") void file_write_via_stream(handle file, u64 offset, struct file_handle_result *result);
FILE_METHOD("append-via-stream") void file_append_via_stream(handle file, struct file_handle_result *result);
FILE_METHOD("advise") void file_advise(handle file, u64 offset, u64 length, u32 advice, struct file_result *result);
FILE_METHOD("sync-data") void file_sync_data(handle file, struct file_result *result);
FILE_METHOD("get-flags") void file_get_flags(handle file, struct file_result *result);
FILE_METHOD("get-type") void file_get_type(handle file, struct file_result *result);
FILE_METHOD("set-size") void file_set_size(handle file, u64 size, struct file_result *result);
FILE_METHOD("set-times")
void file_set_times(handle file, u32 accessed, u64 seconds, u32 nanoseconds, u32 modified, u64 modified_seconds,
                    u32 modified_nanoseconds, struct file_result *result);
FILE_METHOD("read") void file_read(handle file, u64 length, u64 offset, struct file_read_result *result);
FILE_METHOD("write")
void file_write(handle file, const u8 *bytes, u32 length, u64 offset, struct file_size_result *result);
FILE_METHOD("read-directory") void file_read_directory(handle file, struct file_handle_result *result);
FILE_METHOD("sync") void file_sync(handle file, struct file_result *result);
FILE_METHOD("create-directory-at")
void file_create_directory_at(handle file, const u8 *path, u32 length, struct file_result *result);
FILE_METHOD("stat") void file_stat(handle file, struct file_stat_result *result);
FILE_METHOD("stat-at")
void file_stat_at(handle file, u32 flags, const u8 *path, u32 length, struct file_stat_result *result);
FILE_METHOD("set-times-at")
void file_set_times_at(handle file, u32 flags, const u8 *path, u32 length, u32 accessed, u64 seconds, u32 nanoseconds,
                       u32 modified, u64 modified_seconds, u32 modified_nanoseconds, struct file_result *result);
FILE_METHOD("link-at")
void file_link_at(handle file, u32 flags, const u8 *path, u32 length, handle other, const u8 *new_path, u32 new_length,
                  struct file_result *result);
FILE_METHOD("open-at")
void file_open_at(handle file, u32 path_flags, const u8 *path, u32 length, u32 open_flags, u32 flags,
                  struct file_handle_result *result);
FILE_METHOD("readlink-at")
void file_readlink_at(handle file, const u8 *path, u32 length, struct file_text_result *result);
FILE_METHOD("remove-directory-at")
void file_remove_directory_at(handle file, const u8 *path, u32 length, struct file_result *result);
FILE_METHOD("rename-at")
void file_rename_at(handle file, const u8 *path, u32 length, handle other, const u8 *new_path, u32 new_length,
                    struct file_result *result);
FILE_METHOD("symlink-at")
void file_symlink_at(handle file, const u8 *target, u32 target_length, const u8 *path, u32 length,
                     struct file_result *result);
FILE_METHOD("unlink-file-at")
void file_unlink_file_at(handle file, const u8 *path, u32 length, struct file_result *result);
FILE_METHOD("is-same-object") u32 file_is_same_object(handle file, handle other);
FILE_METHOD("metadata-hash") void file_metadata_hash(handle file, struct file_hash_result *result);
FILE_METHOD("metadata-hash-at")
void file_metadata_hash_at(handle file, u32 flags, const u8 *path, u32 length, struct file_hash_result *result);
IMPORT(FILESYSTEM, "[resource-drop]descriptor") void file_drop(handle file);
IMPORT(FILESYSTEM, "[method]directory-entry-stream.read-directory-entry")
void entries_read(handle entries, struct file_entry_result *result);
IMPORT(FILESYSTEM, "[resource-drop]directory-entry-stream") void entries_drop(handle entries);
IMPORT(FILESYSTEM, "filesystem-error-code") void file_error_code(handle error, struct file_result *result);

IMPORT(IO_STREAMS, "[method]input-stream.read") void input_read(handle stream, u64 length, struct bytes_or_error *result);
IMPORT(IO_STREAMS, "[method]input-stream.blocking-skip")
void input_blocking_skip(handle stream, u64 length, struct amount_or_error *result);
IMPORT(IO_STREAMS, "[method]input-stream.subscribe") handle input_subscribe(handle stream);
IMPORT(IO_STREAMS, "[method]output-stream.flush") void output_flush(handle stream, struct done_or_error *result);
IMPORT(IO_STREAMS, "[method]output-stream.blocking-splice")
void output_blocking_splice(handle stream, handle source, u64 length, struct amount_or_error *result);

#endif
