/** `wasi:http/types`, the side of the server: the request that comes, the response that goes. */
import { BODY, CLOSE, REQUEST_BODY, RESPONSE, SET, error, trap, value, type Row } from '../kit/row.ts';
import { call, drop, get, is, isText, put, R, text, times, u32, u8 } from '../kit/wat.ts';

const WELL = is(u8(0), 0);
const FAILED = is(u8(0), 1);
const POST = { method: 'POST', body: Buffer.from('abcdef') } as const;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const NO_BODY = { bodyText: '' };
const finish = (trailers: string): string => call('outgoing-body.finish', get('b'), 1, trailers, R);
const trailers = (count: number): string => `${put('e', call('fields.new'))}
  ${times(count, call('fields.append', get('e'), text('x-a'), text('v'), R))}`;
const refuse = (code: number): string => call('response-outparam.set', get('out'), 1, code, 0, 0n, 0, 0, 0, 0);
const declared = (length: string): string => `${put('f', call('fields.new'))}
  ${call('fields.append', get('f'), text('content-length'), text(length), R)} ${put('a', call('outgoing-response.new', get('f')))}`;

const REQUEST: readonly Row[] = [
  ...METHODS.map((method, index) =>
    value(
      'incoming-request.method',
      `is ${method}`,
      `${call('incoming-request.method', get('req'), R)} ${is(u8(0), index)}`,
      {
        request: { method },
      },
    ),
  ),
  value(
    'incoming-request.method',
    'is another',
    `${call('incoming-request.method', get('req'), R)} ${is(u8(0), 9)} ${isText(4, 'PURGE')}`,
    {
      request: { method: 'PURGE' },
    },
  ),
  value(
    'incoming-request.path-with-query',
    'is there',
    `${call('incoming-request.path-with-query', get('req'), R)} ${is(u8(0), 1)}`,
  ),
  value(
    'incoming-request.scheme',
    'is HTTP',
    `${call('incoming-request.scheme', get('req'), R)} ${is(u8(0), 1)} ${is(u8(4), 0)}`,
  ),
  value(
    'incoming-request.authority',
    'is what the client said',
    `${call('incoming-request.authority', get('req'), R)} ${is(u8(0), 1)}
    ${isText(4, 'test.example')}`,
  ),
  value(
    'incoming-request.headers',
    'are those that came',
    `${call('fields.get', call('incoming-request.headers', get('req')), text('x-a'), R)}
    ${is(u32(4), 1)}`,
    { request: { headers: ['x-a', 'one'] } },
  ),
  trap('incoming-request.headers', 'of a handle that was never given', drop('incoming-request.headers', 999)),
  value('incoming-request.consume', 'gives the body', `${REQUEST_BODY} ${WELL}`, { request: POST }),
  error(
    'incoming-request.consume',
    'the second time',
    `${REQUEST_BODY} ${call('incoming-request.consume', get('req'), R)} ${FAILED}`,
  ),
  trap(
    'incoming-request.drop',
    'before its headers',
    `${drop('incoming-request.headers', get('req'))} ${call('incoming-request.drop', get('req'))}`,
  ),
  value(
    'incoming-request.drop',
    'after its headers',
    `${call('fields.drop', call('incoming-request.headers', get('req')))}
    ${call('incoming-request.drop', get('req'))}`,
  ),
];

const INCOMING_BODY: readonly Row[] = [
  value(
    'incoming-body.stream',
    'gives the stream',
    `${REQUEST_BODY} ${call('input-stream.read', get('e'), 9n, R)} ${isText(4, 'abcdef')}`,
    {
      request: POST,
    },
  ),
  error(
    'incoming-body.stream',
    'the second time',
    `${REQUEST_BODY} ${call('incoming-body.stream', get('d'), R)} ${FAILED}`,
  ),
  error(
    'incoming-body.stream',
    'also after the first was dropped',
    `${REQUEST_BODY} ${call('input-stream.drop', get('e'))}
    ${call('incoming-body.stream', get('d'), R)} ${FAILED}`,
  ),
  trap('incoming-body.drop', 'before its stream', `${REQUEST_BODY} ${call('incoming-body.drop', get('d'))}`),
  value(
    'incoming-body.drop',
    'after its stream',
    `${REQUEST_BODY} ${call('input-stream.drop', get('e'))} ${call('incoming-body.drop', get('d'))}`,
  ),
  value(
    'incoming-body.finish',
    'gives the trailers',
    `${REQUEST_BODY} ${call('input-stream.drop', get('e'))}
    ${put('f', call('incoming-body.finish', get('d')))} ${call('future-trailers.get', get('f'), R)} ${is(u8(0), 1)} ${is(u8(8), 0)}
    ${is(u8(16), 0)} ${is(u8(24), 0)}`,
  ),
  trap(
    'incoming-body.finish',
    'before its stream was dropped',
    `${REQUEST_BODY} ${drop('incoming-body.finish', get('d'))}`,
  ),
  trap(
    'incoming-body.finish',
    'twice',
    `${REQUEST_BODY} ${call('input-stream.drop', get('e'))} ${drop('incoming-body.finish', get('d'))}
    ${drop('incoming-body.finish', get('d'))}`,
  ),
];

const RESPONSES: readonly Row[] = [
  value(
    'outgoing-response.new',
    'has the headers',
    `${put('f', call('fields.new'))} ${call('fields.append', get('f'), text('x-a'), text('one'), R)}
    ${put('a', call('outgoing-response.new', get('f')))} ${SET}`,
    { expected: { ...NO_BODY, headers: ['x-a', 'one'] } },
  ),
  trap(
    'outgoing-response.new',
    'of headers that were given away',
    `${put('f', call('fields.new'))} ${drop('outgoing-response.new', get('f'))}
    ${drop('outgoing-response.new', get('f'))}`,
  ),
  value(
    'outgoing-response.status-code',
    'is 200 at first',
    `${RESPONSE} ${is(call('outgoing-response.status-code', get('a')), 200)}`,
  ),
  value(
    'outgoing-response.set-status-code',
    'to 404',
    `${RESPONSE} ${is(call('outgoing-response.set-status-code', get('a'), 404), 0)}
    ${is(call('outgoing-response.status-code', get('a')), 404)} ${SET}`,
    { expected: { ...NO_BODY, status: 404 } },
  ),
  ...[0, 100, 199, 600, 65_535].map((status) =>
    error(
      'outgoing-response.set-status-code',
      `to ${status}`,
      `${RESPONSE} ${is(call('outgoing-response.set-status-code', get('a'), status), 1)}`,
    ),
  ),
  value(
    'outgoing-response.headers',
    'cannot be changed',
    `${RESPONSE} ${put('f', call('outgoing-response.headers', get('a')))}
    ${call('fields.append', get('f'), text('x-a'), text('one'), R)} ${is(u8(0), 1)} ${is(u8(1), 2)}`,
  ),
  value('outgoing-response.body', 'is there once', `${RESPONSE} ${BODY} ${WELL}`),
  error(
    'outgoing-response.body',
    'the second time',
    `${RESPONSE} ${BODY} ${call('outgoing-response.body', get('a'), R)} ${FAILED}`,
  ),
  trap(
    'outgoing-response.drop',
    'before its headers',
    `${RESPONSE} ${drop('outgoing-response.headers', get('a'))}
    ${call('outgoing-response.drop', get('a'))}`,
  ),
];

const OUTGOING_BODY: readonly Row[] = [
  value('outgoing-body.write', 'gives the stream', `${RESPONSE} ${BODY} ${WELL}`),
  error(
    'outgoing-body.write',
    'the second time',
    `${RESPONSE} ${BODY} ${call('outgoing-body.write', get('b'), R)} ${FAILED}`,
  ),
  trap('outgoing-body.drop', 'before its stream', `${RESPONSE} ${BODY} ${call('outgoing-body.drop', get('b'))}`),
  value(
    'outgoing-body.drop',
    'after its stream ends what is not whole',
    `${RESPONSE} ${BODY} ${call('output-stream.drop', get('c'))}
    ${call('outgoing-body.drop', get('b'))} ${SET}`,
    { expected: { bodyEnd: 'Abort', ...NO_BODY } },
  ),
  value('outgoing-body.finish', 'without trailers', `${RESPONSE} ${BODY} ${CLOSE} ${WELL} ${SET}`, {
    expected: NO_BODY,
  }),
  value(
    'outgoing-body.finish',
    'with trailers',
    `${RESPONSE} ${BODY} ${call('output-stream.drop', get('c'))} ${trailers(1)} ${finish(get('e'))} ${WELL} ${SET}`,
    {
      expected: { ...NO_BODY, trailers: ['x-a', 'v'] },
    },
  ),
  error(
    'outgoing-body.finish',
    'with too many trailers',
    `${RESPONSE} ${BODY} ${call('output-stream.drop', get('c'))} ${trailers(100)}
    ${finish(get('e'))} ${FAILED} ${is(u8(8), 29)} ${SET}`,
    { expected: { ...NO_BODY, bodyEnd: 'Abort' } },
  ),
  error(
    'outgoing-body.finish',
    'of a body shorter than declared',
    `${declared('9')} ${BODY} ${SET} ${CLOSE} ${FAILED} ${is(u8(8), 28)}`,
    {
      expected: { ...NO_BODY, bodyEnd: 'Abort' },
    },
  ),
  trap(
    'outgoing-body.finish',
    'before its stream was dropped',
    `${RESPONSE} ${BODY} ${call('outgoing-body.finish', get('b'), 0, 0, R)}`,
  ),
];

const OUTPARAM: readonly Row[] = [
  value('response-outparam.set', 'to a response', `${RESPONSE} ${SET}`, { expected: NO_BODY }),
  value('response-outparam.set', 'to an error', refuse(38), {
    expected: { ...NO_BODY, outcome: 'ErrorCode', status: undefined, text: 'internal-error' },
  }),
  trap('response-outparam.set', 'twice', `${RESPONSE} ${SET} ${RESPONSE} ${SET}`, { expected: { status: 200 } }),
  trap('response-outparam.set', 'to an error that there is not', refuse(39)),
  trap(
    'response-outparam.set',
    'to a handle that was never given',
    call('response-outparam.set', get('out'), 0, 999, 0, 0n, 0, 0, 0, 0),
  ),
  error(
    'response-outparam.send-informational',
    'is not sent',
    `${call('response-outparam.send-informational', get('out'), 103, call('fields.new'), R)}
    ${FAILED} ${is(u8(8), 38)}`,
  ),
  value('response-outparam.drop', 'without a response', call('response-outparam.drop', get('out')), {
    alone: true,
    expected: { ...NO_BODY, outcome: 'NoResponse', status: undefined },
  }),
];

export const INCOMING: readonly Row[] = [...REQUEST, ...INCOMING_BODY, ...RESPONSES, ...OUTGOING_BODY, ...OUTPARAM];
