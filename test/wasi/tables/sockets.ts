/** `wasi:sockets`: what no guest but one of text imports, because it is behind a feature. The rest is called from JavaScript. */
import { value, type Row, type Table } from '../kit/row.ts';
import { RESETTING_PORT } from '../kit/upstream.ts';
import { call, get, is, put, R, u32, u8 } from '../kit/wat.ts';

const IPV4 = 0;
const CONNECTION_RESET = 15;
/** Flat: which of the two, port, four bytes, and what IPv6 would have besides. */
const TO = [IPV4, RESETTING_PORT, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/** `$a` is a socket, `$b` and `$c` its streams, once the other side has reset it `$d` the error. */
const CONNECTED = `${call('tcp-create-socket.create-tcp-socket', IPV4, R)} ${is(u8(0), 0)} ${put('a', u32(4))}
  ${call('tcp-socket.start-connect', get('a'), call('instance-network.instance-network'), ...TO, R)} ${is(u8(0), 0)}
  ${call('pollable.block', call('tcp-socket.subscribe', get('a')))}
  ${call('tcp-socket.finish-connect', get('a'), R)} ${is(u8(0), 0)} ${put('b', u32(4))} ${put('c', u32(8))}
  ${call('input-stream.blocking-read', get('b'), 10n, R)} ${is(u8(0), 1)} ${is(u8(4), 0)} ${put('d', u32(8))}`;
const DROPPED = `${call('error.drop', get('d'))} ${call('input-stream.drop', get('b'))} ${call('output-stream.drop', get('c'))}
  ${call('tcp-socket.drop', get('a'))}`;

const ROWS: readonly Row[] = [
  value(
    'network.network-error-code',
    'is the error that a stream of a socket ended with',
    `${CONNECTED} ${call('network.network-error-code', get('d'), R)} ${is(u8(0), 1)} ${is(u8(1), CONNECTION_RESET)} ${DROPPED}`,
  ),
];

export const SOCKETS: Table = { package: 'sockets', rows: ROWS, neverFail: {}, rest: 'script.test.ts' };
