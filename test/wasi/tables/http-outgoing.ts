/** `wasi:http`, the side of the client: a request is made, sent, answered. Against a server and a broker of the test. */
import { error, trap, value, type Row, type Table } from '../kit/row.ts';
import { UPSTREAM } from '../kit/upstream.ts';
import { call, drop, get, is, isLong, isText, isTextAt, put, R, text, u32, u64, u8 } from '../kit/wat.ts';
import { ERROR_CODE, FIELDS } from './http-fields.ts';
import { INCOMING } from './http-incoming.ts';

const WELL = is(u8(0), 0);
const FAILED = is(u8(0), 1);
const SOME = is(u8(0), 1);
const NONE = is(u8(0), 0);
const CONNECTION_TERMINATED = 7;
const REQUEST_DENIED = 15;
const REQUEST_BODY_SIZE = 17;
const RESPONSE_INCOMPLETE = 25;
const RESPONSE_TIMEOUT = 33;
const PROTOCOL_ERROR = 35;
const HTTP = 0;

/** `$a` is a request of no headers. */
const NEW = put('a', call('outgoing-request.new', call('fields.new')));
const flag = (of: string, ...values: readonly (string | number)[]): string => call(of, get('a'), ...values);
const path = (to: string): string => drop('outgoing-request.set-path-with-query', get('a'), 1, text(to));
const to = (authority: string, target = '/'): string => `${drop('outgoing-request.set-scheme', get('a'), 1, HTTP, 0, 0)}
  ${drop('outgoing-request.set-authority', get('a'), 1, text(authority))} ${path(target)}`;
const sent = (options = '(i32.const 0) (i32.const 0)'): string => call('outgoing-handler.handle', get('a'), options, R);
/** Until it is answered: `$b` is the future. */
const answered = `${WELL} ${put('b', u32(8))} ${call('pollable.block', call('future-incoming-response.subscribe', get('b')))}
  ${call('future-incoming-response.get', get('b'), R)} ${SOME} ${is(u8(8), 0)}`;
/** And well: `$c` is the response. */
const RESPONSE = `${NEW} ${to(UPSTREAM)} ${sent()} ${answered} ${is(u8(16), 0)} ${put('c', u32(24))}`;
/** `$d` is its body, `$e` the stream. */
const CONSUMED = `${call('incoming-response.consume', get('c'), R)} ${WELL} ${put('d', u32(4))} ${call('incoming-body.stream', get('d'), R)} ${put('e', u32(4))}`;
const ALL_READ = `(loop $more ${call('input-stream.blocking-read', get('e'), 100n, R)} (br_if $more (i32.eqz ${u8(0)})))`;
const failsWith = (code: number): string => `${is(u8(16), 1)} ${is(u8(24), code)}`;
/** `$f` is one of them. */
const TRAILERS = `${put('f', call('fields.new'))} ${call('fields.append', get('f'), text('x-a'), text('1'), R)}`;
const OPTIONS = put('f', call('request-options.new'));
const TIMEOUTS = ['connect', 'first-byte', 'between-bytes'] as const;

const REQUEST: readonly Row[] = [
  value(
    'outgoing-request.new',
    'has the headers',
    `${put('f', call('fields.new'))} ${call('fields.append', get('f'), text('x-a'), text('1'), R)}
    ${put('a', call('outgoing-request.new', get('f')))} ${is(call('fields.has', call('outgoing-request.headers', get('a')), text('x-a')), 1)}`,
  ),
  trap(
    'outgoing-request.new',
    'of headers that were given away',
    `${put('f', call('fields.new'))} ${drop('outgoing-request.new', get('f'))}
    ${drop('outgoing-request.new', get('f'))}`,
  ),
  value('outgoing-request.body', 'is there once', `${NEW} ${flag('outgoing-request.body', R)} ${WELL}`),
  error(
    'outgoing-request.body',
    'the second time',
    `${NEW} ${flag('outgoing-request.body', R)} ${flag('outgoing-request.body', R)} ${FAILED}`,
  ),
  value('outgoing-request.method', 'is GET at first', `${NEW} ${flag('outgoing-request.method', R)} ${is(u8(0), 0)}`),
  value(
    'outgoing-request.set-method',
    'to PATCH',
    `${NEW} ${is(flag('outgoing-request.set-method', 8, 0, 0), 0)} ${flag('outgoing-request.method', R)} ${is(u8(0), 8)}`,
  ),
  value(
    'outgoing-request.set-method',
    'to one of its own',
    `${NEW} ${is(flag('outgoing-request.set-method', 9, text('PURGE')), 0)}
    ${flag('outgoing-request.method', R)} ${is(u8(0), 9)} ${isText(4, 'PURGE')}`,
  ),
  ...['', 'A B', 'GET / HTTP/1.1\r\nx: y', 'G\xc3\xa9T'].map((name) =>
    error(
      'outgoing-request.set-method',
      `to ${JSON.stringify(name)}`,
      `${NEW} ${is(flag('outgoing-request.set-method', 9, text(name)), 1)}`,
    ),
  ),
  value(
    'outgoing-request.path-with-query',
    'is none at first',
    `${NEW} ${flag('outgoing-request.path-with-query', R)} ${NONE}`,
  ),
  value(
    'outgoing-request.set-path-with-query',
    'to a path',
    `${NEW} ${is(flag('outgoing-request.set-path-with-query', 1, text('/a?b')), 0)}
    ${flag('outgoing-request.path-with-query', R)} ${SOME} ${isText(4, '/a?b')}`,
  ),
  value(
    'outgoing-request.set-path-with-query',
    'to none',
    `${NEW} ${path('/a')} ${is(flag('outgoing-request.set-path-with-query', 0, 0, 0), 0)}
    ${flag('outgoing-request.path-with-query', R)} ${NONE}`,
  ),
  ...['/a b', '/a\r\nx: y', '/\0', '/\x7f'].map((target) =>
    error(
      'outgoing-request.set-path-with-query',
      `to ${JSON.stringify(target)}`,
      `${NEW} ${is(flag('outgoing-request.set-path-with-query', 1, text(target)), 1)}`,
    ),
  ),
  value('outgoing-request.scheme', 'is none at first', `${NEW} ${flag('outgoing-request.scheme', R)} ${NONE}`),
  value(
    'outgoing-request.set-scheme',
    'to HTTPS',
    `${NEW} ${is(flag('outgoing-request.set-scheme', 1, 1, 0, 0), 0)} ${flag('outgoing-request.scheme', R)} ${SOME} ${is(u8(4), 1)}`,
  ),
  error(
    'outgoing-request.set-scheme',
    'to none that there can be',
    `${NEW} ${is(flag('outgoing-request.set-scheme', 1, 2, text('h ttp')), 1)}`,
  ),
  value('outgoing-request.authority', 'is none at first', `${NEW} ${flag('outgoing-request.authority', R)} ${NONE}`),
  value(
    'outgoing-request.set-authority',
    'to a host and a port',
    `${NEW} ${is(flag('outgoing-request.set-authority', 1, text('a.example:81')), 0)}
    ${flag('outgoing-request.authority', R)} ${SOME} ${isText(4, 'a.example:81')}`,
  ),
  ...['', 'a b', 'a\r\nhost: b', 'a\0'].map((authority) =>
    error(
      'outgoing-request.set-authority',
      `to ${JSON.stringify(authority)}`,
      `${NEW} ${is(flag('outgoing-request.set-authority', 1, text(authority)), 1)}`,
    ),
  ),
  value(
    'outgoing-request.headers',
    'cannot be changed',
    `${NEW} ${put('f', call('outgoing-request.headers', get('a')))}
    ${call('fields.append', get('f'), text('x-a'), text('1'), R)} ${is(u8(0), 1)} ${is(u8(1), 2)}`,
  ),
  trap(
    'outgoing-request.drop',
    'before its headers',
    `${NEW} ${drop('outgoing-request.headers', get('a'))} ${call('outgoing-request.drop', get('a'))}`,
  ),
];

const REQUEST_OPTIONS: readonly Row[] = TIMEOUTS.flatMap((name) => {
  const getter = `request-options.${name}-timeout`;
  const setter = `request-options.set-${name}-timeout`;
  return [
    value(getter, 'is none at first', `${OPTIONS} ${call(getter, get('f'), R)} ${NONE}`),
    value(
      setter,
      'to a duration',
      `${OPTIONS} ${is(call(setter, get('f'), 1, 5n), 0)} ${call(getter, get('f'), R)} ${SOME} ${isLong(u64(8), 5n)}`,
    ),
    value(
      setter,
      'to none',
      `${OPTIONS} ${drop(setter, get('f'), 1, 5n)} ${is(call(setter, get('f'), 0, 0n), 0)} ${call(getter, get('f'), R)} ${NONE}`,
    ),
  ];
});

const HANDLER: readonly Row[] = [
  value(
    'request-options.new',
    'has no timeouts',
    `${OPTIONS} ${NEW} ${to(UPSTREAM)} ${sent(`(i32.const 1) ${get('f')}`)} ${answered}`,
  ),
  value('outgoing-handler.handle', 'gives a future', `${NEW} ${to(UPSTREAM)} ${sent()} ${WELL}`),
  error(
    'outgoing-handler.handle',
    'of a declared body that there is not',
    `${put('f', call('fields.new'))}
    ${call('fields.append', get('f'), text('content-length'), text('5'), R)} ${put('a', call('outgoing-request.new', get('f')))}
    ${to(UPSTREAM)} ${sent()} ${FAILED} ${is(u8(8), REQUEST_BODY_SIZE)}`,
  ),
  trap('outgoing-handler.handle', 'of a request that was sent', `${NEW} ${to(UPSTREAM)} ${sent()} ${sent()}`),
  trap('outgoing-handler.handle', 'of a handle of another kind', `${put('a', call('fields.new'))} ${sent()}`),
  value(
    'outgoing-handler.handle',
    'of what is not granted fails behind the future',
    `${NEW} ${to('127.0.0.1:1')} ${sent()} ${answered} ${failsWith(REQUEST_DENIED)}`,
  ),
  value(
    'outgoing-handler.handle',
    'later than the first byte may come',
    `${OPTIONS} ${drop('request-options.set-first-byte-timeout', get('f'), 1, 20_000_000n)}
    ${NEW} ${to(UPSTREAM, '/never')} ${sent(`(i32.const 1) ${get('f')}`)} ${answered} ${failsWith(RESPONSE_TIMEOUT)}`,
  ),
  value(
    'future-incoming-response.subscribe',
    'is not ready before it is answered',
    `${NEW} ${to(UPSTREAM, '/never')} ${sent()} ${put('b', u32(8))}
    ${is(call('pollable.ready', call('future-incoming-response.subscribe', get('b'))), 0)}`,
  ),
  value(
    'future-incoming-response.get',
    'is nothing before it is answered',
    `${NEW} ${to(UPSTREAM, '/never')} ${sent()} ${put('b', u32(8))}
    ${call('future-incoming-response.get', get('b'), R)} ${NONE}`,
  ),
  value('future-incoming-response.get', 'is the response', RESPONSE),
  error(
    'future-incoming-response.get',
    'the second time',
    `${RESPONSE} ${call('future-incoming-response.get', get('b'), R)} ${SOME} ${is(u8(8), 1)}`,
  ),
];

const ANSWERED: readonly Row[] = [
  value(
    'incoming-response.status',
    'is what the server said',
    `${RESPONSE} ${is(call('incoming-response.status', get('c')), 207)}`,
  ),
  value(
    'incoming-response.headers',
    'are what the server said',
    `${RESPONSE} ${put('f', call('incoming-response.headers', get('c')))}
    ${call('fields.get', get('f'), text('x-up'), R)} ${is(u32(4), 1)} ${isTextAt(u32(0), 'yes')}`,
  ),
  value(
    'incoming-response.consume',
    'gives the body',
    `${RESPONSE} ${CONSUMED} ${call('input-stream.blocking-read', get('e'), 6n, R)} ${WELL} ${isText(4, 'GET / ')}`,
  ),
  error(
    'incoming-response.consume',
    'the second time',
    `${RESPONSE} ${CONSUMED} ${call('incoming-response.consume', get('c'), R)} ${FAILED}`,
  ),
  trap(
    'incoming-response.drop',
    'before its headers',
    `${RESPONSE} ${drop('incoming-response.headers', get('c'))} ${call('incoming-response.drop', get('c'))}`,
  ),
  value(
    'future-trailers.subscribe',
    'is ready behind the body',
    `${RESPONSE} ${CONSUMED} ${ALL_READ} ${call('input-stream.drop', get('e'))}
    ${put('f', call('incoming-body.finish', get('d')))} ${call('pollable.block', call('future-trailers.subscribe', get('f')))}
    ${call('future-trailers.get', get('f'), R)} ${SOME}`,
  ),
  value(
    'future-trailers.get',
    'is what the server said',
    `${RESPONSE} ${CONSUMED} ${ALL_READ} ${call('input-stream.drop', get('e'))}
    ${put('f', call('incoming-body.finish', get('d')))} ${call('future-trailers.get', get('f'), R)} ${SOME} ${is(u8(8), 0)} ${is(u8(16), 0)} ${is(u8(24), 1)}
    ${put('a', u32(28))} ${call('fields.get', get('a'), text('x-sum'), R)} ${is(u32(4), 1)} ${isTextAt(u32(0), '7')}`,
  ),
  error(
    'future-trailers.get',
    'the second time',
    `${RESPONSE} ${CONSUMED} ${ALL_READ} ${call('input-stream.drop', get('e'))}
    ${put('f', call('incoming-body.finish', get('d')))} ${call('future-trailers.get', get('f'), R)} ${call('future-trailers.get', get('f'), R)} ${SOME} ${is(u8(8), 1)}`,
  ),
  error(
    'future-trailers.get',
    'of a body that was cut',
    `${NEW} ${to(UPSTREAM, '/cut')} ${sent()} ${answered} ${put('c', u32(24))} ${CONSUMED} ${ALL_READ}
    ${call('input-stream.drop', get('e'))} ${put('f', call('incoming-body.finish', get('d')))} ${call('future-trailers.get', get('f'), R)} ${SOME} ${is(u8(8), 0)} ${is(u8(16), 1)}`,
  ),
  value(
    'types.http-error-code',
    'of a response that was cut',
    `${NEW} ${to(UPSTREAM, '/cut')} ${sent()} ${answered} ${put('c', u32(24))} ${CONSUMED} ${ALL_READ}
    ${is(u8(4), 0)} ${put('f', u32(8))} ${call('types.http-error-code', get('f'), R)} ${SOME} ${is(u8(8), RESPONSE_INCOMPLETE)}`,
  ),
  value(
    'outgoing-body.finish',
    'sends the body of a request',
    `${NEW} ${to(UPSTREAM)} ${drop('outgoing-request.set-method', get('a'), 2, 0, 0)}
    ${flag('outgoing-request.body', R)} ${put('d', u32(4))} ${sent()} ${put('b', u32(8))}
    ${call('outgoing-body.write', get('d'), R)} ${put('e', u32(4))} ${call('output-stream.blocking-write-and-flush', get('e'), text('sent'), R)}
    ${call('output-stream.drop', get('e'))} ${call('outgoing-body.finish', get('d'), 0, 0, R)} ${WELL}
    ${call('pollable.block', call('future-incoming-response.subscribe', get('b')))} ${call('future-incoming-response.get', get('b'), R)}
    ${put('c', u32(24))} ${CONSUMED} ${call('input-stream.blocking-read', get('e'), 100n, R)} ${isText(4, 'POST / sent')}`,
  ),
  value(
    'outgoing-body.finish',
    'sends the trailers of a request',
    `${NEW} ${to(UPSTREAM, '/trailers')} ${drop('outgoing-request.set-method', get('a'), 2, 0, 0)}
    ${flag('outgoing-request.body', R)} ${put('d', u32(4))} ${sent()} ${put('b', u32(8))} ${TRAILERS}
    ${call('outgoing-body.finish', get('d'), 1, get('f'), R)} ${WELL}
    ${call('pollable.block', call('future-incoming-response.subscribe', get('b')))} ${call('future-incoming-response.get', get('b'), R)}
    ${put('c', u32(24))} ${CONSUMED} ${call('input-stream.blocking-read', get('e'), 100n, R)} ${isText(4, 'x-a: 1')}`,
  ),
  error(
    'outgoing-body.finish',
    'of a request with trailers and a length',
    `${put('f', call('fields.new'))} ${call('fields.append', get('f'), text('content-length'), text('0'), R)}
    ${put('a', call('outgoing-request.new', get('f')))} ${to(UPSTREAM)} ${flag('outgoing-request.body', R)} ${put('d', u32(4))} ${sent()}
    ${TRAILERS} ${call('outgoing-body.finish', get('d'), 1, get('f'), R)} ${FAILED} ${is(u8(8), PROTOCOL_ERROR)}`,
  ),
  error(
    'future-incoming-response.get',
    'of a request that was broken off',
    `${NEW} ${to(UPSTREAM)} ${flag('outgoing-request.body', R)} ${put('d', u32(4))} ${sent()}
    ${put('b', u32(8))} ${call('outgoing-body.drop', get('d'))} ${call('pollable.block', call('future-incoming-response.subscribe', get('b')))}
    ${call('future-incoming-response.get', get('b'), R)} ${is(u8(8), 0)} ${failsWith(CONNECTION_TERMINATED)}`,
  ),
];

const WHY = 'any duration is taken';

export const HTTP_TABLE: Table = {
  package: 'http',
  rows: [...FIELDS, ...ERROR_CODE, ...INCOMING, ...REQUEST, ...REQUEST_OPTIONS, ...HANDLER, ...ANSWERED],
  neverFail: Object.fromEntries(TIMEOUTS.map((name) => [`request-options.set-${name}-timeout`, WHY])),
};
