/** `wasi:http/types` fields, and http-error-code. */
import { MAX_HEADERS } from '../../../src/wire/frames.ts';
import { error, trap, value, type Row } from '../kit/row.ts';
import { address, call, get, is, isTextAt, put, R, text, times, u32, u8, words } from '../kit/wat.ts';

const INVALID = 0;
const FORBIDDEN = 1;
const IMMUTABLE = 2;
const WELL = is(u8(0), 0);
const fails = (why: number): string => `${is(u8(0), 1)} ${is(u8(1), why)}`;

const NEW = put('f', call('fields.new'));
const append = (name: string, of: string): string => call('fields.append', get('f'), text(name), text(of), R);
const set = (name: string, ...values: readonly string[]): string =>
  call('fields.set', get('f'), text(name), address(listOf(values)), values.length, R);
const remove = (name: string): string => call('fields.delete', get('f'), text(name), R);
const read = (name: string): string => call('fields.get', get('f'), text(name), R);
const has = (name: string): string => call('fields.has', get('f'), text(name));
const fromList = (entries: readonly (readonly [string, string])[]): string =>
  call('fields.from-list', address(listOf(entries.flat())), entries.length, R);
/** Headers of the request, which nobody may change. */
const OWN = put('f', call('incoming-request.headers', get('req')));
const WITH_HEADERS = { request: { headers: ['x-a', 'one', 'x-b', 'two', 'x-a', 'three'] } };

/** Where a list of texts lies: pairs of address and length. */
function listOf(values: readonly string[]): string {
  return words(...values.flatMap((one) => [address(one), Buffer.byteLength(one, 'latin1')]));
}

/** The same on each way in. */
const REFUSED: readonly (readonly [what: string, name: string, of: string, why: number])[] = [
  ['an empty name', '', 'v', INVALID],
  ['a name with a space', 'x a', 'v', INVALID],
  ['a name with a colon', 'x:', 'v', INVALID],
  ['a name with a line break', 'x\r\ny', 'v', INVALID],
  ['a name beyond ASCII', 'x\xc3\xa9', 'v', INVALID],
  ['a value with a line break', 'x-a', 'v\r\nx-b: w', INVALID],
  ['a value with a bare line feed', 'x-a', 'v\nw', INVALID],
  ['a value with a NUL', 'x-a', 'v\0', INVALID],
  ['a folded value', 'x-a', 'v\r\n w', INVALID],
  ['connection', 'Connection', 'close', FORBIDDEN],
  ['transfer-encoding', 'transfer-encoding', 'chunked', FORBIDDEN],
  ['upgrade', 'upgrade', 'h2c', FORBIDDEN],
  ['keep-alive', 'keep-alive', 'timeout=9', FORBIDDEN],
  ['proxy-connection', 'proxy-connection', 'close', FORBIDDEN],
];

const WAYS_IN: readonly Row[] = REFUSED.flatMap(([what, name, of, why]) => [
  error('fields.append', `of ${what}`, `${NEW} ${append(name, of)} ${fails(why)}`),
  error('fields.set', `of ${what}`, `${NEW} ${set(name, of)} ${fails(why)}`),
  error('fields.from-list', `of ${what}`, `${fromList([[name, of]])} ${is(u8(0), 1)} ${is(u8(4), why)}`),
]);

export const FIELDS: readonly Row[] = [
  value('fields.new', 'is empty', `${NEW} ${call('fields.entries', get('f'), R)} ${is(u32(4), 0)}`),
  value(
    'fields.from-list',
    'keeps order and repeats',
    `${fromList([
      ['X-A', 'one'],
      ['x-b', 'two'],
      ['x-a', ''],
    ])} ${WELL}
    ${put('f', u32(4))} ${read('x-a')} ${is(u32(4), 2)} ${isTextAt(u32(0), 'one')}`,
  ),
  value('fields.from-list', 'of nothing is empty', `${fromList([])} ${WELL}`),
  ...WAYS_IN,
  value(
    'fields.get',
    'gives all values of a name, whatever its case',
    `${OWN} ${read('X-A')} ${is(u32(4), 2)}
    ${isTextAt(u32(0), 'one')} ${isTextAt(`(i32.add ${u32(0)} (i32.const 8))`, 'three')}`,
    WITH_HEADERS,
  ),
  value(
    'fields.get',
    'of what is not there is an empty list',
    `${OWN} ${read('constructor')} ${is(u32(4), 0)}
    ${read('__proto__')} ${is(u32(4), 0)} ${read('')} ${is(u32(4), 0)}`,
  ),
  value(
    'fields.has',
    'whatever its case',
    `${OWN} ${is(has('X-B'), 1)} ${is(has('x-c'), 0)} ${is(has('tostring'), 0)}`,
    WITH_HEADERS,
  ),
  value(
    'fields.set',
    'replaces all values',
    `${NEW} ${append('x-a', 'one')} ${append('x-a', 'two')} ${set('x-a', 'new')} ${WELL}
    ${read('x-a')} ${is(u32(4), 1)} ${isTextAt(u32(0), 'new')}`,
  ),
  value(
    'fields.set',
    'of no values takes the name away',
    `${NEW} ${append('x-a', 'one')} ${set('x-a')} ${WELL} ${is(has('x-a'), 0)}`,
  ),
  error('fields.set', 'of the headers of a request', `${OWN} ${set('x-a', 'new')} ${fails(IMMUTABLE)}`, WITH_HEADERS),
  value(
    'fields.delete',
    'takes all values away',
    `${NEW} ${append('x-a', 'one')} ${append('x-a', 'two')} ${remove('X-A')} ${WELL} ${is(has('x-a'), 0)}`,
  ),
  value('fields.delete', 'of what is not there', `${NEW} ${remove('x-a')} ${WELL}`),
  error('fields.delete', 'of no name', `${NEW} ${remove('x a')} ${fails(INVALID)}`),
  error('fields.delete', 'of a name of the connection', `${NEW} ${remove('connection')} ${fails(FORBIDDEN)}`),
  error('fields.delete', 'of the headers of a request', `${OWN} ${remove('x-a')} ${fails(IMMUTABLE)}`, WITH_HEADERS),
  value(
    'fields.append',
    'keeps what is there',
    `${NEW} ${append('x-a', 'one')} ${WELL} ${append('X-A', 'two')} ${WELL}
    ${read('x-a')} ${is(u32(4), 2)}`,
  ),
  value(
    'fields.append',
    'takes names that objects have',
    `${NEW} ${append('__proto__', 'one')} ${WELL} ${append('constructor', 'two')} ${WELL}
    ${is(has('__proto__'), 1)} ${is(has('hasownproperty'), 0)} ${call('fields.entries', get('f'), R)} ${is(u32(4), 2)}`,
  ),
  error('fields.append', 'to the headers of a request', `${OWN} ${append('x-c', 'new')} ${fails(IMMUTABLE)}`),
  value(
    'fields.append',
    `${MAX_HEADERS} times`,
    `${NEW} ${put('a', get('f'))} ${times(MAX_HEADERS, call('fields.append', get('a'), text('x-a'), text('v'), R))} ${WELL}`,
  ),
  trap(
    'fields.append',
    `${MAX_HEADERS + 1} times`,
    `${NEW} ${put('a', get('f'))} ${times(MAX_HEADERS + 1, call('fields.append', get('a'), text('x-a'), text('v'), R))}`,
  ),
  trap(
    'fields.append',
    'of one value larger than a head',
    `${NEW} (memory.fill (i32.const 131072) (i32.const 97) (i32.const 70000))
    ${call('fields.append', get('f'), text('x-a'), 131_072, 70_000, R)}`,
  ),
  value(
    'fields.entries',
    'are in order, names in lower case',
    `${NEW} ${append('X-B', 'two')} ${append('x-a', 'one')}
    ${call('fields.entries', get('f'), R)} ${is(u32(4), 2)} ${isTextAt(u32(0), 'x-b')}
    ${isTextAt(`(i32.add ${u32(0)} (i32.const 8))`, 'two')} ${isTextAt(`(i32.add ${u32(0)} (i32.const 16))`, 'x-a')}`,
  ),
  value(
    'fields.clone',
    'can be changed, and changes nothing',
    `${OWN} ${put('a', get('f'))} ${put('f', call('fields.clone', get('f')))}
    ${set('x-a', 'new')} ${WELL} ${put('f', get('a'))} ${read('x-a')} ${is(u32(4), 2)}`,
    WITH_HEADERS,
  ),
  trap(
    'fields.clone',
    'of what was given away',
    `${NEW} ${put('a', call('outgoing-response.new', get('f')))}
    (drop ${call('fields.clone', get('f'))})`,
  ),
  trap('fields.drop', 'twice', `${NEW} ${call('fields.drop', get('f'))} ${call('fields.drop', get('f'))}`),
];

/** What `http-error-code` says of an error of a stream: of a response that is longer than it declared. */
export const ERROR_CODE: readonly Row[] = [
  value(
    'types.http-error-code',
    'of a body that is too long',
    `${NEW} ${append('content-length', '2')}
    ${put('a', call('outgoing-response.new', get('f')))} ${call('outgoing-response.body', get('a'), R)} ${put('b', u32(4))}
    ${call('outgoing-body.write', get('b'), R)} ${put('c', u32(4))}
    ${call('response-outparam.set', get('out'), 0, get('a'), 0, 0n, 0, 0, 0, 0)}
    ${call('output-stream.check-write', get('c'), R)} ${call('output-stream.write', get('c'), text('hello'), R)} ${is(u8(0), 1)}
    ${put('d', u32(8))} ${call('types.http-error-code', get('d'), R)} ${is(u8(0), 1)} ${is(u8(8), 28)}`,
    { expected: { bodyText: '', bodyEnd: 'Abort' } },
  ),
];
