/*
 * Every function of wasi:sockets as an operation of a little language: the query is `operation,slot,argument` after
 * `operation,slot,argument`, with `;` between. A slot is a digit and keeps one socket with its streams, from request to request.
 * The answer has a word for each operation: what it returned, or `!` and the number of the error-code.
 *
 * An address is its numbers with dots between: `4.127.0.0.1.80`, `6.0.0.0.0.0.0.0.1.80` (groups in decimal).
 */
#include "testbed.h"
#include "../c/sockets.h"

#define SLOTS 100
#define OUTPUT_BYTES (128 * 1024)

struct slot {
  handle socket, in, out, stream;
};
static struct slot slots[SLOTS];
static u8 output[OUTPUT_BYTES];
static u32 written;

/* The one network, asked for once. */
static handle network(void) {
  static handle known;
  if (!known) known = instance_network();
  return known;
}

__attribute__((noinline)) static void say(struct text text) {
  for (u32 i = 0; i < text.length && written < OUTPUT_BYTES; i++) output[written++] = text.at[i];
}
__attribute__((noinline)) static void say_number(u64 number) { say(text_of_number(number)); }
__attribute__((noinline)) static void say_error(u32 error) { say(TEXT("!")), say_number(error); }
static void say_done(struct socket_done done) { done.failed ? say_error(done.error) : say(TEXT("ok")); }
static void say_byte(struct socket_byte result) { result.failed ? say_error(result.value) : say_number(result.value); }
static void say_word(struct socket_word result) { result.failed ? say_error(result.error) : say_number(result.value); }
static void say_long(struct socket_long result) { result.failed ? say_error(result.error) : say_number(result.value); }

__attribute__((noinline)) static void say_address(struct socket_address address) {
  say_number(address.is_v6 ? 6 : 4);
  for (u32 i = 0; i < (address.is_v6 ? 8 : 4); i++) say(TEXT(".")), say_number(address.is_v6 ? address.v6[i] : address.v4[i]);
  say(TEXT(".")), say_number(address.port);
}
static void say_where(struct socket_where where) { where.failed ? say_error(where.error) : say_address(where.address); }

/* What is before the separator; the rest stays in `text`. */
__attribute__((noinline)) static struct text cut(struct text *text, u8 separator) {
  u32 length = 0;
  while (length < text->length && text->at[length] != separator) length++;
  struct text head = {text->at, length};
  u32 behind = length < text->length ? length + 1 : length;
  *text = (struct text){text->at + behind, text->length - behind};
  return head;
}

__attribute__((noinline)) static struct socket_address address_of(struct text text) {
  struct socket_address address = {0};
  address.is_v6 = number_of_text(cut(&text, '.')) == 6;
  for (u32 i = 0; i < (address.is_v6 ? 8 : 4); i++) {
    u16 number = (u16)number_of_text(cut(&text, '.'));
    if (address.is_v6) address.v6[i] = number;
    else address.v4[i] = (u8)number;
  }
  address.port = (u16)number_of_text(cut(&text, '.'));
  /* A zone, where one is written. */
  if (address.is_v6) address.scope_id = (u32)number_of_text(text);
  return address;
}

static void wait_for(handle pollable) {
  pollable_block(pollable);
  pollable_drop(pollable);
}

static void take_streams(struct slot *slot, struct socket_handles result) {
  if (result.failed) return say_error(result.error);
  slot->in = result.of[0], slot->out = result.of[1];
  say(TEXT("ok"));
}

static void receive(handle stream, bool all) {
  struct bytes_or_error read;
  u32 mark = arena_mark(), before = written;
  do {
    arena_release(mark);
    input_blocking_read(stream, READ_BYTES, &read);
    if (!read.failed) say(read.bytes);
  } while (all && !read.failed);
  if (!read.failed || (all && written > before && read.error.kind == STREAM_CLOSED)) return;
  say(read.error.kind == STREAM_CLOSED ? TEXT("closed") : TEXT("broken"));
  if (read.error.kind == STREAM_OPERATION_FAILED) io_error_drop(read.error.error);
}

static void transmit(handle stream, struct text bytes) {
  struct done_or_error done;
  output_blocking_write_and_flush(stream, SPREAD(bytes), &done);
  if (!done.failed) return say(TEXT("ok"));
  say(done.error.kind == STREAM_CLOSED ? TEXT("closed") : TEXT("broken"));
  if (done.error.kind == STREAM_OPERATION_FAILED) io_error_drop(done.error.error);
}

/* So many bytes there; what came back is counted as it comes, by another operation. */
static void flood(handle stream, u64 bytes) {
  static u8 block[MAX_BLOCKING_WRITE_BYTES];
  struct done_or_error done = {0};
  for (u64 left = bytes; left > 0 && !done.failed;) {
    u32 piece = left < sizeof block ? (u32)left : sizeof block;
    output_blocking_write_and_flush(stream, block, piece, &done);
    left -= piece;
  }
  say(done.failed ? TEXT("failed") : TEXT("ok"));
}

static void count(handle stream) {
  u64 bytes = 0;
  u32 mark = arena_mark();
  for (struct bytes_or_error read = {0}; !read.failed; arena_release(mark)) {
    input_blocking_read(stream, READ_BYTES, &read);
    if (!read.failed) bytes += read.bytes.length;
  }
  say_number(bytes);
}

static void send_datagram(handle stream, struct text to, struct text data, u32 times) {
  struct outgoing_datagram datagrams[8] = {0};
  for (u32 i = 0; i < 8; i++) {
    datagrams[i].data = data;
    datagrams[i].has_remote = to.length > 0;
    if (to.length > 0) datagrams[i].to = address_of(to);
  }
  struct socket_long result;
  udp_send(stream, datagrams, times, &result);
  say_long(result);
}

static void receive_datagrams(handle stream, u64 max) {
  struct incoming_datagrams result;
  udp_receive(stream, max, &result);
  if (result.failed) return say_error(result.error);
  say_number(result.length);
  for (u32 i = 0; i < result.length; i++) {
    say(TEXT(" ")), say_address(result.at[i].from), say(TEXT("=")), say(result.at[i].data);
  }
}

static void next_address(handle stream) {
  struct socket_found found;
  resolve_next(stream, &found);
  if (found.failed) return say_error(found.some_or_error);
  if (!found.some_or_error) return say(TEXT("none"));
  say_number(found.is_v6 ? 6 : 4);
  for (u32 i = 0; i < (found.is_v6 ? 8 : 4); i++) say(TEXT(".")), say_number(found.is_v6 ? found.v6[i] : found.v4[i]);
}

#define ON(name) if (text_equal(operation, TEXT(name)))
#define CALL(name, type, say, ...) ON(name) { type result; __VA_ARGS__; say(result); return true; }

static bool run_tcp(struct text operation, struct slot *slot, struct text argument) {
  u64 number = number_of_text(argument);
  handle socket = slot->socket;
  struct socket_address to = address_of(argument);
  CALL("tcp", struct socket_word, say_word, tcp_create(number == 6, &result); slot->socket = result.value; result.value = 0)
  CALL("start-bind", struct socket_done, say_done, tcp_start_bind(socket, network(), SPREAD_ADDRESS(to), &result))
  CALL("finish-bind", struct socket_done, say_done, tcp_finish_bind(socket, &result))
  CALL("start-connect", struct socket_done, say_done,
       tcp_start_connect(socket, network(), SPREAD_ADDRESS(to), &result))
  ON("finish-connect") {
    struct socket_handles result;
    tcp_finish_connect(socket, &result);
    return take_streams(slot, result), true;
  }
  CALL("start-listen", struct socket_done, say_done, tcp_start_listen(socket, &result))
  CALL("finish-listen", struct socket_done, say_done, tcp_finish_listen(socket, &result))
  ON("accept") {
    struct socket_handles result;
    tcp_accept(socket, &result);
    if (result.failed) return say_error(result.error), true;
    slots[number] = (struct slot){result.of[0], result.of[1], result.of[2], 0};
    return say(TEXT("ok")), true;
  }
  CALL("local", struct socket_where, say_where, tcp_local_address(socket, &result))
  CALL("remote", struct socket_where, say_where, tcp_remote_address(socket, &result))
  ON("is-listening") return say_number(tcp_is_listening(socket)), true;
  ON("family") return say_number(tcp_address_family(socket) ? 6 : 4), true;
  CALL("set-backlog", struct socket_done, say_done, tcp_set_backlog(socket, number, &result))
  CALL("keep-alive", struct socket_byte, say_byte, tcp_keep_alive(socket, &result))
  CALL("set-keep-alive", struct socket_done, say_done, tcp_set_keep_alive(socket, number != 0, &result))
  CALL("idle", struct socket_long, say_long, tcp_keep_alive_idle(socket, &result))
  CALL("set-idle", struct socket_done, say_done, tcp_set_keep_alive_idle(socket, number, &result))
  CALL("interval", struct socket_long, say_long, tcp_keep_alive_interval(socket, &result))
  CALL("set-interval", struct socket_done, say_done, tcp_set_keep_alive_interval(socket, number, &result))
  CALL("count", struct socket_word, say_word, tcp_keep_alive_count(socket, &result))
  CALL("set-count", struct socket_done, say_done, tcp_set_keep_alive_count(socket, (u32)number, &result))
  CALL("hops", struct socket_byte, say_byte, tcp_hop_limit(socket, &result))
  CALL("set-hops", struct socket_done, say_done, tcp_set_hop_limit(socket, (u32)number, &result))
  CALL("receive-buffer", struct socket_long, say_long, tcp_receive_buffer(socket, &result))
  CALL("set-receive-buffer", struct socket_done, say_done, tcp_set_receive_buffer(socket, number, &result))
  CALL("send-buffer", struct socket_long, say_long, tcp_send_buffer(socket, &result))
  CALL("set-send-buffer", struct socket_done, say_done, tcp_set_send_buffer(socket, number, &result))
  CALL("shutdown", struct socket_done, say_done, tcp_shutdown(socket, (u32)number, &result))
  ON("wait") return wait_for(tcp_subscribe(socket)), say(TEXT("ok")), true;
  ON("send") return transmit(slot->out, argument), true;
  ON("flood") return flood(slot->out, number), true;
  ON("receive") return receive(slot->in, false), true;
  ON("receive-all") return receive(slot->in, true), true;
  ON("count-all") return count(slot->in), true;
  ON("overrun") {
    struct done_or_error done;
    output_write(slot->out, SPREAD(argument), &done);
    return say(TEXT("written")), true;
  }
  ON("drop-streams") return input_drop(slot->in), output_drop(slot->out), say(TEXT("ok")), true;
  ON("drop") return tcp_drop(socket), say(TEXT("ok")), true;
  return false;
}

static bool run_udp(struct text operation, struct slot *slot, struct text argument) {
  u64 number = number_of_text(argument);
  handle socket = slot->socket;
  struct socket_address to = address_of(argument);
  CALL("udp", struct socket_word, say_word, udp_create(number == 6, &result); slot->socket = result.value; result.value = 0)
  CALL("udp-start-bind", struct socket_done, say_done,
       udp_start_bind(socket, network(), SPREAD_ADDRESS(to), &result))
  CALL("udp-finish-bind", struct socket_done, say_done, udp_finish_bind(socket, &result))
  ON("udp-stream") {
    struct socket_handles result;
    udp_stream(socket, argument.length > 0, SPREAD_ADDRESS(to), &result);
    return take_streams(slot, result), true;
  }
  CALL("udp-local", struct socket_where, say_where, udp_local_address(socket, &result))
  CALL("udp-remote", struct socket_where, say_where, udp_remote_address(socket, &result))
  ON("udp-family") return say_number(udp_address_family(socket) ? 6 : 4), true;
  CALL("udp-hops", struct socket_byte, say_byte, udp_hop_limit(socket, &result))
  CALL("udp-set-hops", struct socket_done, say_done, udp_set_hop_limit(socket, (u32)number, &result))
  CALL("udp-receive-buffer", struct socket_long, say_long, udp_receive_buffer(socket, &result))
  CALL("udp-set-receive-buffer", struct socket_done, say_done, udp_set_receive_buffer(socket, number, &result))
  CALL("udp-send-buffer", struct socket_long, say_long, udp_send_buffer(socket, &result))
  CALL("udp-set-send-buffer", struct socket_done, say_done, udp_set_send_buffer(socket, number, &result))
  ON("udp-wait") return wait_for(udp_subscribe(socket)), say(TEXT("ok")), true;
  ON("udp-wait-in") return wait_for(udp_incoming_subscribe(slot->in)), say(TEXT("ok")), true;
  ON("udp-wait-out") return wait_for(udp_outgoing_subscribe(slot->out)), say(TEXT("ok")), true;
  ON("udp-receive") return receive_datagrams(slot->in, number), true;
  CALL("udp-check", struct socket_long, say_long, udp_check_send(slot->out, &result))
  /* data, then the peer where there is one */
  ON("udp-send") {
    struct text data = cut(&argument, '@');
    return send_datagram(slot->out, argument, data, 1), true;
  }
  ON("udp-send-large") {
    static u8 large[65508];
    return send_datagram(slot->out, NO_TEXT, (struct text){large, (u32)number}, 1), true;
  }
  ON("udp-send-many") return send_datagram(slot->out, NO_TEXT, TEXT("many"), (u32)number), true;
  ON("udp-drop-streams") return udp_incoming_drop(slot->in), udp_outgoing_drop(slot->out), say(TEXT("ok")), true;
  ON("udp-drop") return udp_drop(socket), say(TEXT("ok")), true;
  return false;
}

static bool run_lookup(struct text operation, struct slot *slot, struct text argument) {
  ON("lookup") {
    struct socket_word result;
    resolve_addresses(network(), SPREAD(argument), &result);
    slot->stream = (handle)result.value;
    result.failed ? say_error(result.error) : say(TEXT("ok"));
    return true;
  }
  ON("next") return next_address(slot->stream), true;
  ON("lookup-wait") return wait_for(resolve_subscribe(slot->stream)), say(TEXT("ok")), true;
  ON("lookup-drop") return resolve_drop(slot->stream), say(TEXT("ok")), true;
  ON("sleep") return sleep_milliseconds(number_of_text(argument)), say(TEXT("ok")), true;
  return false;
}

void answer_text(const struct request *request, struct text body) {
  struct pair type[] = {{TEXT("content-type"), TEXT("text/plain; charset=utf-8")}};
  answer_whole(request, 200, type, 1, body);
}

EXPORT("wasi:http/incoming-handler" WASI_VERSION "#handle")
void handle_request(handle incoming, handle outparam) {
  struct request request = request_open(incoming, outparam);
  struct text script = request_parameter(&request, TEXT("do"), NO_TEXT);
  written = 0;
  while (script.length > 0) {
    struct text line = cut(&script, ';');
    struct text operation = cut(&line, ','), name = cut(&line, ',');
    struct slot *slot = &slots[number_of_text(name) % SLOTS];
    if (written > 0) say(TEXT("\n"));
    if (!run_tcp(operation, slot, line) && !run_udp(operation, slot, line) && !run_lookup(operation, slot, line))
      say(TEXT("no such operation"));
  }
  answer_text(&request, (struct text){output, written});
  request_drop(incoming);
}
