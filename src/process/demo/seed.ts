/**
 * The demo's repository: a bare one that the daemon follows and a working clone to edit, seeded once from `manifests/`
 * and `examples/`. A later start finds them and touches nothing: what the user committed is theirs.
 *
 * This runs git as a user does, on folders that it made itself; the daemon's own access to repositories is `src/git/`.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../../..');
const WEBHOOK_SECRET_BYTES = 32;

export interface DemoFolders {
  readonly root: string;
  /** What the daemon follows. */
  readonly bare: string;
  /** What the user edits. */
  readonly work: string;
  readonly data: string;
  readonly webhookSecret: string;
  readonly log: string;
}

export function demoFolders(root: string): DemoFolders {
  return {
    root,
    bare: path.join(root, 'repo.git'),
    work: path.join(root, 'work'),
    data: path.join(root, 'data'),
    webhookSecret: path.join(root, 'webhook-secret'),
    log: path.join(root, 'headway.log'),
  };
}

/** `true` where it was made now, `false` where it was there. Half-made folders of an interrupted start are made again. */
export async function seedDemo(folders: DemoFolders, statusUrl: string): Promise<boolean> {
  const seeded = await exists(folders.bare);
  if (!seeded) {
    await rm(folders.work, { recursive: true, force: true });
    await mkdir(folders.work, { recursive: true });
    await writeFile(folders.webhookSecret, randomBytes(WEBHOOK_SECRET_BYTES).toString('hex'), { mode: 0o600 });
    await fillWork(folders.work);
    const unfinished = `${folders.bare}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await git(folders.root, 'init', '-q', '--bare', '-b', 'main', unfinished);
    await git(folders.work, 'remote', 'add', 'origin', folders.bare);
    await git(folders.work, 'push', '-q', unfinished, 'main');
    await rename(unfinished, folders.bare);
    await git(folders.work, 'fetch', '-q', 'origin');
    await git(folders.work, 'branch', '-q', '--set-upstream-to=origin/main');
  }
  await writeHook(folders, statusUrl);
  return !seeded;
}

async function fillWork(work: string): Promise<void> {
  await cp(path.join(ROOT, 'manifests'), work, {
    recursive: true,
    filter: (file) => path.basename(file) !== 'seed.json',
  });
  const seed = JSON.parse(await readFile(path.join(ROOT, 'manifests/seed.json'), 'utf8')) as SeedFile;
  for (const { from, to } of seed.artifacts) {
    await mkdir(path.dirname(path.join(work, to)), { recursive: true });
    await cp(path.join(ROOT, from), path.join(work, to));
  }
  await git(work, 'init', '-q', '-b', 'main');
  // Of this clone only: the machine's own identity and signing settings stay out of the demo.
  await git(work, 'config', 'user.name', 'Headway Demo');
  await git(work, 'config', 'user.email', 'demo@headway.invalid');
  await git(work, 'config', 'commit.gpgsign', 'false');
  await git(work, 'add', '-A');
  await git(work, 'commit', '-q', '-m', 'Start with greeting v1');
}

/** `manifests/seed.json`: which built example goes where in the demo's repository. */
interface SeedFile {
  readonly artifacts: readonly { readonly from: string; readonly to: string }[];
}

/** Written at each start: the Node that runs now and the status address may be others than last time. */
async function writeHook(folders: DemoFolders, statusUrl: string): Promise<void> {
  const words = [process.execPath, path.join(import.meta.dirname, 'post-receive.ts'), statusUrl, folders.webhookSecret];
  await mkdir(path.join(folders.bare, 'hooks'), { recursive: true });
  await writeFile(
    path.join(folders.bare, 'hooks/post-receive'),
    `#!/bin/sh\ncat >/dev/null\nexec ${words.map(shellQuoted).join(' ')}\n`,
    { mode: 0o755 },
  );
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  await run('git', [...args], { cwd });
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
