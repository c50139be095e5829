/** From a guest's own memory, in WebAssembly text: lists that lie about their length, and handles that it was never given. */
import { call, drop, get, holds, put, R, text, u32, words } from '../../../wasi/kit/wat.ts';
import { ANSWER, BODY, RESPONSE } from '../../../wasi/kit/row.ts';
import { runs } from '../guests.ts';
import type { Attempt, Scene } from '../attempt.ts';

/** What an instance that trapped answers. */
const TRAPPED = 'status 502';

const ask = ({ program, isolation }: Scene, path: string): Promise<string> =>
  program.ask('text', isolation, path).then(({ status }) => `status ${status}`);

const trap = (group: string, what: string, handle: string): Attempt => {
  const path = runs(`${handle} ${ANSWER}`);
  return { group, what, comes: TRAPPED, tries: (scene) => ask(scene, path) };
};

const STDOUT = put('c', call('stdout.get-stdout'));
const MOST = -1;
/** The last byte of a memory of eight pages. */
const LAST = 8 * 65_536 - 1;

/**
 * The reference wants a trap where a list does not lie within the memory. The bindings cut it to what does: the guest reads less
 * than it said, and nothing that is not its own.
 */
const CUT: ReadonlySet<string> = new Set([
  'a write of 2^32 - 1 bytes',
  'a write that ends a byte behind the memory',
  'a write at the last address',
  'headers of 2^32 - 1',
  'a header whose value is 2^32 - 1 bytes long',
]);

const LISTS: readonly Attempt[] = [
  [
    'a write of 2^32 - 1 bytes',
    `${STDOUT} ${call('output-stream.check-write', get('c'), R)} ${call('output-stream.write', get('c'), 64, MOST, R)}`,
  ],
  [
    'a write that ends a byte behind the memory',
    `${STDOUT} ${call('output-stream.check-write', get('c'), R)} ${call('output-stream.write', get('c'), LAST, 2, R)}`,
  ],
  [
    'a write at the last address',
    `${STDOUT} ${call('output-stream.check-write', get('c'), R)} ${call('output-stream.write', get('c'), MOST, 8, R)}`,
  ],
  ['headers of 2^32 - 1', call('fields.from-list', 64, MOST, R)],
  ['headers of 2^28, whose size wraps to 0', call('fields.from-list', 64, 1 << 28, R)],
  [
    'a header whose name is 2^32 - 1 bytes long',
    `${put('a', call('fields.new'))} ${call('fields.append', get('a'), 64, MOST, text('x'), R)}`,
  ],
  [
    'a header whose value is 2^32 - 1 bytes long',
    `${put('a', call('fields.new'))} ${call('fields.append', get('a'), text('x'), 64, MOST, R)}`,
  ],
  [
    'a header of a list that points to lists behind the memory',
    call('fields.from-list', text(words(0x7fff_fff0, 4, 0x7fff_fff0, 4)).replace(/\d+\)$/, '1)'), R),
  ],
  ['a poll of 2^32 - 1', call('poll.poll', 64, MOST, R)],
  ['a poll of 2^30, whose size wraps to 0', call('poll.poll', 64, 1 << 30, R)],
  ['2^64 - 1 random bytes', call('random.get-random-bytes', -1n, R)],
  [
    '2^64 - 1 zeroes',
    `${STDOUT} ${call('output-stream.check-write', get('c'), R)} ${call('output-stream.write-zeroes', get('c'), -1n, R)}`,
  ],
  ['a result behind the memory', call('environment.get-environment', MOST)],
  ['a result at no even address', call('environment.get-environment', LAST - 2)],
].map(([what, handle]) => ({
  ...trap('huge lists', what!, handle!),
  ...(CUT.has(what!) ? { comes: 'status 200' } : {}),
}));

const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 15, 63, 0x7fff_ffff, -1, -2_147_483_648] as const;

/** Every kind of use of a number that was not given out, in an instance that holds its request and its response only. */
const FORGED: readonly Attempt[] = [
  ...NUMBERS.map((number) => trap('handle forging', `fields ${number >>> 0}`, call('fields.entries', number, R))),
  ...NUMBERS.map((number) =>
    trap('handle forging', `a stream ${number >>> 0}`, call('output-stream.check-write', number, R)),
  ),
  ...[0, 5, MOST].map((number) => trap('handle forging', `dropping ${number >>> 0}`, call('fields.drop', number))),
  trap('handle forging', 'a request as fields', call('fields.entries', get('req'), R)),
  trap(
    'handle forging',
    'a request as the place for an answer',
    call('response-outparam.set', get('req'), 1, 0, 0, 0n, 0, 0, 0, 0),
  ),
  trap(
    'handle forging',
    'fields that were dropped',
    `${put('a', call('fields.new'))} ${call('fields.drop', get('a'))} ${call('fields.entries', get('a'), R)}`,
  ),
  trap(
    'handle forging',
    'fields that were given away',
    `${put('a', call('fields.new'))} ${drop('outgoing-response.new', get('a'))} ${call('fields.entries', get('a'), R)}`,
  ),
  trap(
    'handle forging',
    'a body twice',
    `${RESPONSE} ${BODY} ${call('outgoing-body.finish', get('b'), 0, 0, R)} ${call('outgoing-body.finish', get('b'), 0, 0, R)}`,
  ),
  trap(
    'handle forging',
    'a poll of a stream',
    `${STDOUT} (i32.store (i32.const 128) ${get('c')}) ${call('poll.poll', 128, 1, R)}`,
  ),
];

const WAIT_NS = 1_500_000_000n;
const waits = runs(
  `${put('e', call('fields.new'))} ${RESPONSE} ${BODY} ${put('d', call('monotonic-clock.subscribe-duration', WAIT_NS))}
   ${call('pollable.block', get('d'))} ${call('output-stream.check-write', get('c'), R)}
   ${call('output-stream.write', get('c'), text('mine'), R)} ${call('output-stream.drop', get('c'))}
   ${call('outgoing-body.finish', get('b'), 0, 0, R)} ${call('response-outparam.set', get('out'), 0, get('a'), 0, 0n, 0, 0, 0, 0)}`,
);
const triesNeighbours = NUMBERS.map((number) =>
  runs(`${call('output-stream.check-write', number, R)} ${holds(u32(0))} ${ANSWER}`),
);

const ACROSS: readonly Attempt[] = [
  {
    group: 'handle forging',
    what: 'streams of an instance that runs beside it',
    comes: 'each trapped, and the other answered with its own',
    async tries({ program, isolation }) {
      const other = program.ask('text', isolation, waits);
      const said = await Promise.all(triesNeighbours.map((path) => ask({ program, isolation } as Scene, path)));
      const { status, body } = await other;
      const trapped = said.every((one) => one === TRAPPED);
      return trapped && status === 200 && body === 'mine'
        ? 'each trapped, and the other answered with its own'
        : `${said.join()} ${status} ${body}`;
    },
  },
  {
    group: 'handle forging',
    what: 'after all of it the guest answers',
    comes: 'status 200',
    tries: (scene) => ask(scene, '/0'),
  },
];

export const MEMORY: readonly Attempt[] = [...LISTS, ...FORGED, ...ACROSS];
