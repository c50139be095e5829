/**
 * What `headway lint` takes for a folder of ten thousand documents: the real command, from its start to its exit. Half are
 * components, of a few artifacts, and half are routes to them; nothing is found.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { component, ENVIRONMENT, route } from '../../manifest/support.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';

const DOCUMENTS = 10_000;
const ROUNDS = 3;
const WANTED_MS = 3_000;
const ROOT = path.resolve(import.meta.dirname, '../../..');
const ARTIFACTS = ['greeting-v1', 'greeting-v2', 'greeting-js', 'testbed', 'greeting-slow-tail'];
const PROBE = '  probes: {readiness: {httpGet: {path: /}}}\n';

export async function benchLint(
  _settings: unknown,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  const dir = folderOf(DOCUMENTS);
  try {
    const subject = { name: 'headway lint', measure: () => measure(dir) };
    const measured = await measureInTurn([subject], ROUNDS, onMeasured);
    const conditions = `${DOCUMENTS} documents, one a file, ${ARTIFACTS.length} artifacts, Node ${process.versions.node}`;
    const result = summarise('Lint', conditions, measured, []);
    // Of three, the largest is what 95 of 100 are nearest to.
    const value = Math.max(...measured.get(subject.name)!.map(({ ms }) => ms!));
    return {
      ...result,
      limits: [{ subject: subject.name, p95AtMostMs: WANTED_MS, value, met: value <= WANTED_MS }],
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function folderOf(documents: number): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'headway-bench-lint-'));
  mkdirSync(path.join(dir, 'wasm'));
  for (const name of ARTIFACTS) {
    copyFileSync(path.join(ROOT, 'examples/wasm', `${name}.wasm`), path.join(dir, 'wasm', `${name}.wasm`));
  }
  writeFileSync(path.join(dir, 'environment.yaml'), ENVIRONMENT);
  // The Environment is one of them, so that the last is a component without its route: it becomes a second route.
  for (let index = 0; index < documents - 1; index += 1) {
    const name = `c${String(index >> 1).padStart(5, '0')}`;
    const artifact = `wasm/${ARTIFACTS[(index >> 1) % ARTIFACTS.length]!}`;
    const text =
      index % 2 === 0 && index < documents - 2
        ? component(name, PROBE).replace(`path: ${name}.wasm`, `path: ${artifact}.wasm`)
        : route(
            name,
            `  hostnames: [${name}.example.com]\n  rules: [{backendRef: {name: ${index < documents - 2 ? name : 'c00000'}}}]\n`,
          );
    writeFileSync(path.join(dir, `${String(index).padStart(5, '0')}.yaml`), text);
  }
  return dir;
}

/** Of the command and its children together, sampled: they live too short for anything finer. */
const SAMPLE_MS = 20;
const PAGE_BYTES = 4_096;
/** `USER_HZ`, which is 100 wherever Linux runs. */
const MS_PER_TICK = 10;

async function measure(dir: string): Promise<Metrics> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [path.join(ROOT, 'src/headway.mjs'), 'lint', dir, '--format', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  let most = 0;
  /** By process: children are killed at the end, and nobody is told what they took. */
  const taken = new Map<number, number>();
  const sampling = setInterval(() => {
    const all = family(child.pid!);
    const resident = all.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    most = Math.max(most, resident);
    for (const { pid, processorMs } of all) taken.set(pid, processorMs);
  }, SAMPLE_MS);
  const code = await exited;
  clearInterval(sampling);
  const ms = performance.now() - startMs;
  const report = JSON.parse(out) as { readonly files: number; readonly findings: unknown[] };
  // A run that stopped early or found something would be another figure.
  if (code !== 0 || report.files !== DOCUMENTS || report.findings.length > 0) {
    throw new Error(`lint ended with ${code} after ${report.files} files and ${report.findings.length} findings`);
  }
  return { ms, 'processor ms': [...taken.values()].reduce((sum, each) => sum + each, 0), MB: most / 1e6 };
}

interface Usage {
  readonly pid: number;
  /** What processes share is counted with each. */
  readonly residentBytes: number;
  /** User and system. */
  readonly processorMs: number;
}

/** A process and all below it; nothing where there is no /proc, or it has ended meanwhile. */
function family(pid: number): readonly Usage[] {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    // The name of the command, in parentheses, may hold spaces: fields are counted from behind it (proc(5)).
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ').slice(11, 13);
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '),
    );
    const below = children.filter((text) => text !== '').flatMap((text) => family(Number(text)));
    const processorMs = (Number(user) + Number(system)) * MS_PER_TICK;
    return [{ pid, residentBytes: pages * PAGE_BYTES, processorMs }, ...below];
  } catch {
    return [];
  }
}
