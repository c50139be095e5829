/** What a cell says that its guest was denied, read from hostile bytes. */
import { describe, expect, test } from 'vitest';
import { MAX_ASKED_BYTES } from '../../src/wire/frames.ts';
import { readDenial } from '../../src/wire/reports.ts';

const SAID = {
  member: 1,
  interface: 'a:b/c',
  function: 'd',
  asked: 'e',
  others: true,
  mount: 2,
  reason: 'f',
  count: 3,
};

function read(changes: object): ReturnType<typeof readDenial> {
  const bytes = Buffer.from(JSON.stringify({ ...SAID, ...changes }));
  return readDenial(bytes, 0, bytes.length);
}

test('a denial is what it says', () => {
  expect(read({})).toEqual(SAID);
});

test('a cell that says the function alone is read as before', () => {
  const { asked: _asked, others: _others, mount: _mount, count: _count, ...before } = SAID;
  const bytes = Buffer.from(JSON.stringify(before));
  expect(readDenial(bytes, 0, bytes.length)).toEqual({
    ...before,
    asked: '',
    others: false,
    mount: undefined,
    count: 1,
  });
});

test.each([
  ['a member below 0', { member: -1 }],
  ['a mount below 0', { mount: -1 }],
  ['a mount that is no number', { mount: '1' }],
  ['half a mount', { mount: 0.5 }],
  ['no mount, in words', { mount: null }],
  ['an object as what was asked', { asked: { a: 1 } }],
  ['a number as others', { others: 1 }],
  ['a count of 0', { count: 0 }],
])('%s is no denial', (_what, changes) => {
  expect(read(changes)).toBeUndefined();
});

describe('what was asked', () => {
  test.each([
    ['as long as it may be', 'x'.repeat(MAX_ASKED_BYTES), 'x'.repeat(MAX_ASKED_BYTES)],
    ['a byte longer', 'x'.repeat(MAX_ASKED_BYTES + 1), 'x'.repeat(MAX_ASKED_BYTES)],
    ['a character that would be cut', `${'x'.repeat(MAX_ASKED_BYTES - 1)}é`, 'x'.repeat(MAX_ASKED_BYTES - 1)],
    ['four bytes that would be cut', `${'x'.repeat(MAX_ASKED_BYTES - 3)}😀`, 'x'.repeat(MAX_ASKED_BYTES - 3)],
    ['four bytes that fit', `${'x'.repeat(MAX_ASKED_BYTES - 4)}😀`, `${'x'.repeat(MAX_ASKED_BYTES - 4)}😀`],
    ['half a character', '\ud83d', '\ufffd'],
    ['what moves a terminal', 'a\u001b[2Jb', 'a\\u001b[2Jb'],
    ['a line of its own', 'a\n{"level":60}', 'a\\u000a{"level":60}'],
    ['what turns the direction of text', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
    ['a control of eight bits', 'a\u009bb', 'a\\u009bb'],
  ])('%s', (_what, asked, told) => {
    expect(read({ asked })?.asked).toBe(told);
  });

  test('nothing that a cell says is told with its controls', () => {
    expect(read({ interface: 'a\u001b', function: 'b\n', reason: 'c\u0000' })).toMatchObject({
      interface: 'a\\u001b',
      function: 'b\\u000a',
      reason: 'c\\u0000',
    });
  });
});
