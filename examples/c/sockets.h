/* wasi:sockets, as the core module sees it. */
#ifndef EXAMPLES_SOCKETS_H
#define EXAMPLES_SOCKETS_H

#include "wasi.h"

#define SOCKETS_TCP "wasi:sockets/tcp" WASI_VERSION
#define SOCKETS_UDP "wasi:sockets/udp" WASI_VERSION
#define SOCKETS_LOOKUP "wasi:sockets/ip-name-lookup" WASI_VERSION

/* variant ip-socket-address { ipv4, ipv6 } */
struct socket_address {
  _Alignas(4) u8 is_v6;
  _Alignas(4) union {
    struct {
      u16 port;
      u8 v4[4];
    };
    struct {
      u16 port_v6;
      u32 flow_info;
      u16 v6[8];
      u32 scope_id;
    };
  };
};
/* The same as arguments: the case, and the joined fields of both. */
#define ADDRESS_ARGUMENTS \
  u32 is_v6, u32 port, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f, u32 g, u32 h, u32 i, u32 j
#define SPREAD_ADDRESS(x)                                                                              \
  (x).is_v6, (x).port, (x).is_v6 ? (x).flow_info : (x).v4[0], (x).is_v6 ? (x).v6[0] : (x).v4[1],        \
    (x).is_v6 ? (x).v6[1] : (x).v4[2], (x).is_v6 ? (x).v6[2] : (x).v4[3], (x).v6[3], (x).v6[4], (x).v6[5], \
    (x).v6[6], (x).v6[7], (x).scope_id

/* result<_, error-code> */
struct socket_done {
  u8 failed;
  u8 error;
};
/* result<bool, error-code>, result<u8, error-code> */
struct socket_byte {
  u8 failed;
  u8 value;
};
/* result<u32, error-code>, and result of one handle */
struct socket_word {
  u8 failed;
  union {
    u32 value;
    u8 error;
  };
};
/* result<u64, error-code> */
struct socket_long {
  u8 failed;
  union {
    u64 value;
    u8 error;
  };
};
/* result of a tuple of handles */
struct socket_handles {
  u8 failed;
  union {
    handle of[3];
    u8 error;
  };
};
struct socket_where {
  u8 failed;
  union {
    struct socket_address address;
    u8 error;
  };
};
/* result<option<ip-address>, error-code> */
struct socket_found {
  u8 failed;
  _Alignas(2) u8 some_or_error;
  _Alignas(2) u8 is_v6;
  _Alignas(2) union {
    u8 v4[4];
    u16 v6[8];
  };
};
struct incoming_datagram {
  struct text data;
  struct socket_address from;
};
struct incoming_datagrams {
  u8 failed;
  union {
    struct {
      const struct incoming_datagram *at;
      u32 length;
    };
    u8 error;
  };
};
struct outgoing_datagram {
  struct text data;
  _Alignas(4) u8 has_remote;
  struct socket_address to;
};

IMPORT("wasi:sockets/instance-network" WASI_VERSION, "instance-network") handle instance_network(void);
IMPORT("wasi:sockets/tcp-create-socket" WASI_VERSION, "create-tcp-socket")
void tcp_create(u32 family, struct socket_word *result);
IMPORT("wasi:sockets/udp-create-socket" WASI_VERSION, "create-udp-socket")
void udp_create(u32 family, struct socket_word *result);

#define TCP(name) IMPORT(SOCKETS_TCP, "[method]tcp-socket." name)
TCP("start-bind") void tcp_start_bind(handle self, handle network, ADDRESS_ARGUMENTS, struct socket_done *result);
TCP("finish-bind") void tcp_finish_bind(handle self, struct socket_done *result);
TCP("start-connect") void tcp_start_connect(handle self, handle network, ADDRESS_ARGUMENTS, struct socket_done *result);
TCP("finish-connect") void tcp_finish_connect(handle self, struct socket_handles *result);
TCP("start-listen") void tcp_start_listen(handle self, struct socket_done *result);
TCP("finish-listen") void tcp_finish_listen(handle self, struct socket_done *result);
TCP("accept") void tcp_accept(handle self, struct socket_handles *result);
TCP("local-address") void tcp_local_address(handle self, struct socket_where *result);
TCP("remote-address") void tcp_remote_address(handle self, struct socket_where *result);
TCP("is-listening") u32 tcp_is_listening(handle self);
TCP("address-family") u32 tcp_address_family(handle self);
TCP("set-listen-backlog-size") void tcp_set_backlog(handle self, u64 value, struct socket_done *result);
TCP("keep-alive-enabled") void tcp_keep_alive(handle self, struct socket_byte *result);
TCP("set-keep-alive-enabled") void tcp_set_keep_alive(handle self, u32 value, struct socket_done *result);
TCP("keep-alive-idle-time") void tcp_keep_alive_idle(handle self, struct socket_long *result);
TCP("set-keep-alive-idle-time") void tcp_set_keep_alive_idle(handle self, u64 value, struct socket_done *result);
TCP("keep-alive-interval") void tcp_keep_alive_interval(handle self, struct socket_long *result);
TCP("set-keep-alive-interval") void tcp_set_keep_alive_interval(handle self, u64 value, struct socket_done *result);
TCP("keep-alive-count") void tcp_keep_alive_count(handle self, struct socket_word *result);
TCP("set-keep-alive-count") void tcp_set_keep_alive_count(handle self, u32 value, struct socket_done *result);
TCP("hop-limit") void tcp_hop_limit(handle self, struct socket_byte *result);
TCP("set-hop-limit") void tcp_set_hop_limit(handle self, u32 value, struct socket_done *result);
TCP("receive-buffer-size") void tcp_receive_buffer(handle self, struct socket_long *result);
TCP("set-receive-buffer-size") void tcp_set_receive_buffer(handle self, u64 value, struct socket_done *result);
TCP("send-buffer-size") void tcp_send_buffer(handle self, struct socket_long *result);
TCP("set-send-buffer-size") void tcp_set_send_buffer(handle self, u64 value, struct socket_done *result);
TCP("subscribe") handle tcp_subscribe(handle self);
TCP("shutdown") void tcp_shutdown(handle self, u32 how, struct socket_done *result);
IMPORT(SOCKETS_TCP, "[resource-drop]tcp-socket") void tcp_drop(handle self);

#define UDP(name) IMPORT(SOCKETS_UDP, "[method]udp-socket." name)
UDP("start-bind") void udp_start_bind(handle self, handle network, ADDRESS_ARGUMENTS, struct socket_done *result);
UDP("finish-bind") void udp_finish_bind(handle self, struct socket_done *result);
UDP("stream") void udp_stream(handle self, u32 has_remote, ADDRESS_ARGUMENTS, struct socket_handles *result);
UDP("local-address") void udp_local_address(handle self, struct socket_where *result);
UDP("remote-address") void udp_remote_address(handle self, struct socket_where *result);
UDP("address-family") u32 udp_address_family(handle self);
UDP("unicast-hop-limit") void udp_hop_limit(handle self, struct socket_byte *result);
UDP("set-unicast-hop-limit") void udp_set_hop_limit(handle self, u32 value, struct socket_done *result);
UDP("receive-buffer-size") void udp_receive_buffer(handle self, struct socket_long *result);
UDP("set-receive-buffer-size") void udp_set_receive_buffer(handle self, u64 value, struct socket_done *result);
UDP("send-buffer-size") void udp_send_buffer(handle self, struct socket_long *result);
UDP("set-send-buffer-size") void udp_set_send_buffer(handle self, u64 value, struct socket_done *result);
UDP("subscribe") handle udp_subscribe(handle self);
IMPORT(SOCKETS_UDP, "[resource-drop]udp-socket") void udp_drop(handle self);
IMPORT(SOCKETS_UDP, "[method]incoming-datagram-stream.receive")
void udp_receive(handle self, u64 max, struct incoming_datagrams *result);
IMPORT(SOCKETS_UDP, "[method]incoming-datagram-stream.subscribe") handle udp_incoming_subscribe(handle self);
IMPORT(SOCKETS_UDP, "[resource-drop]incoming-datagram-stream") void udp_incoming_drop(handle self);
IMPORT(SOCKETS_UDP, "[method]outgoing-datagram-stream.check-send")
void udp_check_send(handle self, struct socket_long *result);
IMPORT(SOCKETS_UDP, "[method]outgoing-datagram-stream.send")
void udp_send(handle self, const struct outgoing_datagram *at, u32 length, struct socket_long *result);
IMPORT(SOCKETS_UDP, "[method]outgoing-datagram-stream.subscribe") handle udp_outgoing_subscribe(handle self);
IMPORT(SOCKETS_UDP, "[resource-drop]outgoing-datagram-stream") void udp_outgoing_drop(handle self);

IMPORT(SOCKETS_LOOKUP, "resolve-addresses")
void resolve_addresses(handle network, const u8 *name, u32 length, struct socket_word *result);
IMPORT(SOCKETS_LOOKUP, "[method]resolve-address-stream.resolve-next-address")
void resolve_next(handle self, struct socket_found *result);
IMPORT(SOCKETS_LOOKUP, "[method]resolve-address-stream.subscribe") handle resolve_subscribe(handle self);
IMPORT(SOCKETS_LOOKUP, "[resource-drop]resolve-address-stream") void resolve_drop(handle self);

#endif
