import { expect, test } from 'vitest';
import { createLogger } from '../../src/report/log.ts';

const SECRET = 'p@ss"word/äö+==';

function logged(secrets: readonly string[]): { lines: string[]; masked: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  return { lines, masked: createLogger({ level: 'info', secrets, sink: { write: (line) => lines.push(line) } }) };
}

test.each([
  ['as it is', (log) => log.info({ token: SECRET }, 'static')],
  ['within a longer text', (log) => log.info({ url: `https://x:${SECRET}@host/` }, 'static')],
  ['in a URL', (log) => log.info({ url: encodeURIComponent(SECRET) }, 'static')],
  ['in base64', (log) => log.info({ header: Buffer.from(SECRET).toString('base64') }, 'static')],
  ['in an error and its stack', (log) => log.error({ err: new Error(`no: ${SECRET}`) }, 'static')],
  ['in a message, against the house rules', (log) => log.info(`hello ${SECRET}`)],
  ['as a key', (log) => log.info({ [SECRET]: 1 }, 'static')],
] as [string, (log: ReturnType<typeof createLogger>['log']) => void][])('a secret %s is masked', (_where, write) => {
  const { lines, masked } = logged([SECRET]);
  write(masked.log);
  const line = JSON.stringify(JSON.parse(lines.join('')));
  expect(line).toContain('***');
  for (const form of [
    SECRET,
    JSON.stringify(SECRET).slice(1, -1),
    encodeURIComponent(SECRET),
    Buffer.from(SECRET).toString('base64'),
  ]) {
    expect(lines.join('')).not.toContain(form);
  }
});

test('a secret that comes later is masked from then on, and one that begins another does not uncover it', () => {
  const { lines, masked } = logged(['prefix']);
  masked.protect(['prefix-and-more']);
  masked.log.info({ token: 'prefix-and-more' }, 'static');
  expect(lines.join('')).not.toMatch(/prefix|and-more/);
});

test('what is too short to be a secret masks nothing', () => {
  const { lines, masked } = logged(['', 'a', 'level']);
  masked.log.info({ a: 'level' }, 'static');
  expect(JSON.parse(lines[0]!)).toMatchObject({ a: 'level', msg: 'static' });
});

test('what moves a terminal or turns text around is escaped, and means the same to who parses the line', () => {
  const { lines, masked } = logged([]);
  const said = 'a\u001b[2J\u007f\u0080\u009b2J\u009f\u2028\u2029\u202a\u202e\u2066\u2069b';
  masked.log.info({ text: said }, 'static');
  const line = lines.join('');
  // oxlint-disable-next-line no-control-regex
  expect(line.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
  expect((JSON.parse(line) as { text: string }).text).toBe(said);
});

test('what stands beside those is left as it is', () => {
  const { lines, masked } = logged([]);
  const said = 'a~\u00a0ä€\u2027\u202f\u2065\u206a😀';
  masked.log.info({ text: said }, 'static');
  expect(lines.join('')).toContain(said);
});
