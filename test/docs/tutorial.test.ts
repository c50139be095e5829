/**
 * docs/tutorial.md, run as its reader would: the blocks of its shell in one shell, the files that it shows written as
 * they stand, what it says that comes out compared with what came out.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/child-server.ts';
import { ROOT } from '../support/headway.ts';

const PATIENCE_MS = 60_000;
const RETRY_MS = 200;
const READING_AND_TYPING_MS = 300_000;

interface Block {
  readonly line: number;
  readonly language: string;
  /** `once`: of another test. `background`: goes on. `retry`: until the text below comes. `file=…`: written there. */
  readonly mode: string;
  readonly text: string;
}

function blocksOf(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$/gm)].map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length,
    language: match[1]!,
    mode: match[2] ?? '',
    text: match[3]!,
  }));
}

/** What a page says that comes out: its lines in this order, `…` for anything between. */
function pattern(text: string): RegExp {
  const parts = text.trim().split(/\s*…\s*/);
  return new RegExp(
    parts
      .map((part) =>
        part
          .trim()
          .split(/\s+/)
          .map((word) => literal(word))
          .join(String.raw`\s+`),
      )
      .join('[^]*'),
  );
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

let home: string;
/** Where the shell of the reader is, and what it has defined so far: each block is run after all those before it. */
let place: string;
let prelude = '';
let replace: (text: string) => string;
const background: ChildProcess[] = [];

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'headway-tutorial-'));
  place = ROOT;
  const [listen, status] = [await freePort(), await freePort()];
  replace = (text) =>
    text
      .replaceAll('~/', `${home}/`)
      .replaceAll('8080', String(listen))
      .replaceAll('8081', String(status))
      .replace(/^headway (status|explain .*)$/m, `headway $1 --status 127.0.0.1:${status}`);
});

afterAll(async () => {
  for (const child of background) {
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await gone;
  }
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

function shell(script: string): ChildProcess {
  return spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd: place, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function type(text: string): Promise<string> {
  const child = shell(`${prelude}\n${text}\nprintf '\\0%s' "$PWD"`);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`exit code ${String(code)} from\n${text}\n${out}\n${err}`);
  const [said, where] = out.split('\0');
  place = where!;
  return said!;
}

async function perform(block: Block, wanted: RegExp | undefined): Promise<void> {
  const text = replace(block.text);
  if (block.mode.startsWith('file=')) {
    const file = path.join(place, block.mode.slice('file='.length));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, block.text);
    return;
  }
  if (block.mode === 'background') {
    // The last command takes the place of the shell, so that the signal reaches it.
    background.push(shell(`${prelude}\nexec node "$HEADWAY/src/headway.mjs" ${text.trim().replace(/^headway /, '')}`));
    return;
  }
  if (text.includes('export HEADWAY')) prelude = text.replace('$PWD', ROOT);
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const said = await type(text).catch((error: unknown) => {
      if (block.mode !== 'retry' || performance.now() > deadline) throw error;
      return '';
    });
    if (!wanted || wanted.test(said)) return;
    if (block.mode !== 'retry' || performance.now() > deadline) {
      throw new Error(`docs/tutorial.md:${block.line}: the page promises ${wanted}, and this came:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

describe('the tutorial', () => {
  it('does what it says, in less than five minutes', { timeout: READING_AND_TYPING_MS }, async () => {
    const blocks = blocksOf(await readFile(path.join(ROOT, 'docs/tutorial.md'), 'utf8'));
    let checked = 0;
    for (const [index, block] of blocks.entries()) {
      if (block.mode === 'once' || block.language === 'text') continue;
      const next = blocks[index + 1];
      const wanted = next?.language === 'text' ? pattern(next.text) : undefined;
      await perform(block, wanted);
      if (wanted) checked += 1;
    }
    expect(checked).toBe(blocks.filter(({ language }) => language === 'text').length);
    expect(checked).toBeGreaterThan(6);
  });
});
