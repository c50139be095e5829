/**
 * What cells weigh in the real program, with all of its processes beside them: proportional memory (PSS), where what several
 * share counts for each by its part. A cell is weighed some seconds after its first answers, at rest.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../../support/daemon.ts';
import { component, environment, example, immediatePolicy, route } from '../../support/manifests.ts';
import { Repository } from '../../support/repository.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult } from '../harness.ts';
import { commandOf, familyOf, proportionalMb } from '../processes.ts';

const GUESTS = { c: 'greeting-v1', quickjs: 'greeting-js' } as const;
const ANSWERS = 20;
/** The pool is filled again, and what a start leaves to be collected has had its time. */
const REST_MS = 3_000;
const WANTED_MB = { c: 22, quickjs: 32, waiting: 18 } as const;
const WORDS = { c: 'cell, C', quickjs: 'cell, QuickJS', waiting: 'process that waits' } as const;
const METRIC = 'PSS MB';

export async function benchWeight(
  { rounds }: { readonly rounds: number },
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  let weighed: Readonly<Record<keyof typeof WORDS, number>> | undefined;
  const subjects = (Object.keys(WORDS) as (keyof typeof WORDS)[]).map((what, index) => ({
    name: WORDS[what],
    // One daemon a round has all three.
    measure: async () => {
      if (index === 0) weighed = await weigh();
      return { [METRIC]: weighed![what] };
    },
  }));
  const measured = await measureInTurn(subjects, rounds, onMeasured);
  return summarise(
    'What cells weigh',
    `the whole program, ${REST_MS / 1000} s after ${ANSWERS} answers, Node ${process.versions.node}`,
    measured,
    [],
    (Object.keys(WORDS) as (keyof typeof WORDS)[]).map((what) => ({
      subject: WORDS[what],
      metric: METRIC,
      atMost: WANTED_MB[what],
    })),
  );
}

async function weigh(): Promise<Readonly<Record<keyof typeof WORDS, number>>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headway-bench-'));
  const repository = await Repository.create(path.join(folder, 'git'));
  const files: Record<string, string | Uint8Array> = {
    'environment.yaml': environment(),
    'shop/policies.yaml': immediatePolicy(),
  };
  for (const [name, wasm] of Object.entries(GUESTS)) {
    files[`shop/${name}.yaml`] = component({ name, wasm: `wasm/${wasm}.wasm`, rollout: '{policyRef: {name: now}}' });
    files[`shop/${name}-route.yaml`] = route({ name, prefix: `/${name}` });
    files[`wasm/${wasm}.wasm`] = example(wasm);
  }
  await repository.push('Start', files);
  const daemon = await Daemon.start({ repo: repository.url, data: path.join(folder, 'data') });
  try {
    const pids = new Map<string, number>();
    for (const name of Object.keys(GUESTS)) {
      const { replicas } = await daemon.entry(`shop/${name}`, 'it is proven', ({ proven }) => proven !== undefined);
      pids.set(name, replicas.find(({ phase }) => phase === 'Ready')!.pid!);
      for (let answer = 0; answer < ANSWERS; answer++) await (await fetch(`${daemon.url}/${name}`)).arrayBuffer();
    }
    await sleep(REST_MS);
    const waiting = familyOf(daemon.pid).filter(
      (pid) => isCell(commandOf(pid)) && ![...pids.values()].includes(pid) && proportionalMb(pid) > BUBBLEWRAP_MB,
    );
    if (waiting.length === 0) throw new Error('no process waits');
    return {
      c: proportionalMb(pids.get('c')!),
      quickjs: proportionalMb(pids.get('quickjs')!),
      waiting: waiting.reduce((sum, pid) => sum + proportionalMb(pid), 0) / waiting.length,
    };
  } finally {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** bubblewrap stays beside the cell that it started, with the same command and nothing of Node. */
const BUBBLEWRAP_MB = 2;

function isCell(command: string): boolean {
  return /\/process\/cell\.js/.test(command);
}
