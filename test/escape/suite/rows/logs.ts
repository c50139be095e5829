/** Into the log: what a guest writes is the text of one field of one line of ours. */
import { call, get, put, R, text } from '../../../wasi/kit/wat.ts';
import { ANSWER } from '../../../wasi/kit/row.ts';
import { runs } from '../guests.ts';
import type { Attempt, Scene } from '../attempt.ts';

const WRITES: Readonly<Record<string, string>> = {
  'a line that looks like one of ours': '\n{"level":60,"time":1,"msg":"forged","entry":"shop/other"}\n',
  'the end of the text, and more fields': '","msg":"forged","level":60,"x":"\n',
  'a carriage return over what stands there': 'good\r{"msg":"forged"}\n',
  'colours, a title, a cleared screen': '\u001b[31m\u001b]0;forged\u0007\u001b[2J\u001bc\n',
  'C1 controls, in UTF-8': '\u009b2J\u009d0;forged\u009c\u0085{"msg":"forged"}\n',
  'C1 controls, as bytes': Buffer.from([0x9b, 0x32, 0x4a, 0x0a]).toString('latin1'),
  'line and paragraph separators': 'a\u2028{"msg":"forged"}\u2029b\n',
  'text that turns around': '\u202e"gnol" :"egrof"\u2066\n',
  NULs: 'a\0b\0\n',
  'what is no UTF-8': Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0x0a]).toString(
    'latin1',
  ),
  'half a character at the end': Buffer.from([0x61, 0xe2, 0x80]).toString('latin1'),
  'a backspace over what stands there': 'abc\b\b\bforged\u007f\n',
};
/** Those that are bytes already; the others are written as UTF-8. */
const BYTES = new Set(['C1 controls, as bytes', 'what is no UTF-8', 'half a character at the end']);

/** What moves a terminal, or turns text around. */
// oxlint-disable-next-line no-control-regex
export const MOVES = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

/** That each line of the program is one of its own, of characters that move nothing on a terminal. */
export function forgedLines(output: string): readonly string[] {
  // What stands behind the last line break is a line that has not come in full.
  return output
    .split('\n')
    .slice(0, -1)
    .filter(Boolean)
    .filter((line) => {
      if (MOVES.test(line)) return true;
      try {
        return (JSON.parse(line) as { readonly msg?: unknown }).msg === 'forged';
      } catch {
        return true;
      }
    });
}

const looks = async ({ program }: Scene, marker: string): Promise<string> => {
  // What was written is there when something that was written behind it is.
  await program.daemon.becomes(`"${marker}" is in the log`, () => program.daemon.output.includes(marker));
  const forged = forgedLines(program.daemon.output);
  return forged.length === 0 ? 'text of one line' : `FORGED: ${JSON.stringify(forged.slice(0, 3))}`;
};

let lines = 0;
const writes = Object.entries(WRITES).map(([what, said]): Attempt => {
  const latin1 = BYTES.has(what) ? said : Buffer.from(said).toString('latin1');
  const marker = `end-of-line-${++lines}-`;
  const out = (stream: string, words: string): string =>
    `${put('c', call(stream))} ${call('output-stream.blocking-write-and-flush', get('c'), text(words), R)} ${call('output-stream.drop', get('c'))}`;
  const path = runs(
    `${out('stdout.get-stdout', latin1)} ${out('stderr.get-stderr', latin1)} ${out('stdout.get-stdout', `\n${marker}\n`)} ${ANSWER}`,
  );
  return {
    group: 'log injection',
    what,
    comes: 'text of one line',
    async tries(scene) {
      const before = scene.program.daemon.output.split(marker).length;
      const { status } = await scene.program.ask('text', scene.isolation, path);
      if (status !== 200) return `status ${status}`;
      await scene.program.daemon.becomes('the line', () => scene.program.daemon.output.split(marker).length > before);
      return looks(scene, marker);
    },
  };
});

/** What is logged and recorded because of a guest, in words that the guest chose. */
const DENIALS: readonly Attempt[] = [
  ['a host', 'web', '/send?to=a%0A%7B%22msg%22:%22forged%22%7D.example:80'],
  ['a host with an escape', 'web', '/send?to=%1B%5B2J.example:80'],
  ['a path', 'files', '/run?open:0:60:..%0A%7B%22msg%22:%22forged%22%7D:-:r'],
  ['a store', 'stored', '/get?store=%1B%5B2J%0A%7B%22msg%22:%22forged%22%7D&key=a'],
].map(([what, guest, target]) => ({
  group: 'log injection',
  what: `${what} that is denied`,
  comes: 'text of one line',
  async tries(scene) {
    await scene.program.ask(guest!, scene.isolation, target!);
    return looks(scene, 'guest output');
  },
}));

export const LOGS: readonly Attempt[] = [...writes, ...DENIALS];
