import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LineSink, LogRate, LogStream, MAX_LINE_BYTES, RUNTIME_BYTES_PER_SECOND } from '../../src/cell/log-lines.ts';

interface Sent {
  readonly stream: number;
  readonly dropped: number;
  readonly text: string;
}

function collect(bytesPerSecond: number): { readonly sent: Sent[]; readonly rate: LogRate; readonly sink: LineSink } {
  const sent: Sent[] = [];
  const rate = new LogRate(bytesPerSecond, (stream, dropped, text) => {
    sent.push({ stream, dropped, text: Buffer.from(text).toString() });
  });
  return { sent, rate, sink: new LineSink(rate, LogStream.Stdout) };
}

describe('lines', () => {
  const rows: readonly [string, readonly string[], readonly string[]][] = [
    ['one whole line', ['a\n'], ['a\n']],
    ['a line in pieces', ['a', 'b', 'c\n'], ['abc\n']],
    ['several lines in one write leave together', ['a\nb\nc\n'], ['a\nb\nc\n']],
    ['the rest waits for its end', ['a\nb', 'c\n'], ['a\n', 'bc\n']],
    ['a rest and more lines', ['a', 'b\nc\nd'], ['ab\nc\n']],
    ['an empty line', ['\n'], ['\n']],
    ['nothing', ['', ''], []],
    ['an unfinished line leaves at the end of the instance', ['a\nb'], ['a\n']],
    [
      `a line of ${MAX_LINE_BYTES} bytes`,
      [`${'x'.repeat(MAX_LINE_BYTES - 1)}\n`],
      [`${'x'.repeat(MAX_LINE_BYTES - 1)}\n`],
    ],
    [`a line of one more`, [`${'x'.repeat(MAX_LINE_BYTES)}\n`], ['x'.repeat(MAX_LINE_BYTES), '\n']],
  ];
  test.each(rows)('%s', (_what, writes, expected) => {
    const { sent, sink } = collect(1 << 20);
    for (const write of writes) sink.put(Buffer.from(write));
    expect(sent.map(({ text }) => text)).toEqual(expected);
    sink.flush();
    expect(sent.map(({ text }) => text).join('')).toBe(writes.join(''));
  });
});

describe('the rate', () => {
  test('exactly one second of it is the burst; one byte more is dropped and counted', () => {
    const { sent, rate } = collect(100);
    rate.offer(LogStream.Stdout, Buffer.alloc(100, 'x'));
    expect(sent).toHaveLength(1);
    const { sent: tooMuch, rate: other } = collect(100);
    other.offer(LogStream.Stdout, Buffer.alloc(101, 'x'));
    expect(tooMuch).toHaveLength(0);
    other.offer(LogStream.Stderr, Buffer.from('fits'));
    expect(tooMuch).toEqual([{ stream: LogStream.Stderr, dropped: 101, text: 'fits' }]);
  });

  test('what is over logBytesPerSecond is told although nothing follows it', async () => {
    const { sent, rate } = collect(100);
    rate.offer(LogStream.Stdout, Buffer.alloc(100, 'x'));
    await sleep(1_100);
    expect(sent.splice(0)).toHaveLength(1);
    rate.offer(LogStream.Stdout, Buffer.alloc(101, 'x'));
    rate.offer(LogStream.Stdout, Buffer.alloc(101, 'x'));
    await sleep(1_100);
    expect(sent).toEqual([{ stream: LogStream.Runtime, dropped: 202, text: '' }]);
  });

  test('what the runtime says is not the guest’s to use up', () => {
    const { sent, rate } = collect(0);
    rate.offer(LogStream.Stdout, Buffer.from('x'));
    rate.say('important');
    expect(sent).toEqual([{ stream: LogStream.Runtime, dropped: 1, text: 'important\n' }]);
  });

  test('nor can it make the runtime flood the log', () => {
    const { sent, rate } = collect(0);
    const line = 'x'.repeat(1023);
    for (let said = 0; said < 2 * (RUNTIME_BYTES_PER_SECOND / 1024); said++) rate.say(line);
    expect(sent.length).toBeGreaterThanOrEqual(RUNTIME_BYTES_PER_SECOND / 1024);
    expect(sent.length).toBeLessThan(2 * (RUNTIME_BYTES_PER_SECOND / 1024));
  });
});
