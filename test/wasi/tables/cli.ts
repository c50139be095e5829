/** `wasi:cli`: environment, exit, the three streams, terminals. Of cells whose environment is `GREETING=hi`, arguments `one`, `two`. */
import { trap, value, type Row, type Table } from '../kit/row.ts';
import { call, get, is, isTextAt, put, R, text, u32, u8 } from '../kit/wat.ts';

const NO_TERMINAL = is(u8(0), 0);
const writes = (of: string, words: string): string =>
  `${put('c', call(of))} ${call('output-stream.blocking-write-and-flush', get('c'), text(words), R)} ${is(u8(0), 0)}
   ${call('output-stream.drop', get('c'))}`;
const exits = (code: string): { readonly expected: object } => ({
  expected: { text: `HostTrap: the guest called exit (${code})` },
});

const ROWS: readonly Row[] = [
  value(
    'environment.get-environment',
    'is what was assigned, and nothing else',
    `${call('environment.get-environment', R)} ${is(u32(4), 1)} ${isTextAt(u32(0), 'GREETING')}
     ${isTextAt(`(i32.add ${u32(0)} (i32.const 8))`, 'hi')}`,
  ),
  value(
    'environment.get-arguments',
    'is what was assigned',
    `${call('environment.get-arguments', R)} ${is(u32(4), 2)} ${isTextAt(u32(0), 'one')}
     ${isTextAt(`(i32.add ${u32(0)} (i32.const 8))`, 'two')}`,
  ),
  value('environment.initial-cwd', 'is nowhere', `${call('environment.initial-cwd', R)} ${is(u8(0), 0)}`),
  trap('exit.exit', 'with ok ends the instance', call('exit.exit', 0), exits('ok')),
  trap('exit.exit', 'with an error ends the instance', call('exit.exit', 1), exits('err')),
  trap('exit.exit-with-code', 'ends the instance', call('exit.exit-with-code', 7), exits('code 7')),
  value(
    'stdin.get-stdin',
    'gives a stream that is over',
    `${put('e', call('stdin.get-stdin'))} ${call('input-stream.blocking-read', get('e'), 1n, R)} ${is(u8(0), 1)} ${is(u8(4), 1)}`,
  ),
  value('stdout.get-stdout', 'gives a stream to the log', writes('stdout.get-stdout', 'said\n')),
  value(
    'stdout.get-stdout',
    'gives one each time',
    `${writes('stdout.get-stdout', 'once\n')} ${writes('stdout.get-stdout', 'twice\n')}`,
  ),
  value('stderr.get-stderr', 'gives a stream to the log', writes('stderr.get-stderr', 'complained\n')),
  value(
    'terminal-stdin.get-terminal-stdin',
    'is none',
    `${call('terminal-stdin.get-terminal-stdin', R)} ${NO_TERMINAL}`,
  ),
  value(
    'terminal-stdout.get-terminal-stdout',
    'is none',
    `${call('terminal-stdout.get-terminal-stdout', R)} ${NO_TERMINAL}`,
  ),
  value(
    'terminal-stderr.get-terminal-stderr',
    'is none',
    `${call('terminal-stderr.get-terminal-stderr', R)} ${NO_TERMINAL}`,
  ),
];

export const CLI: Table = { package: 'cli', rows: ROWS, neverFail: {} };
