/**
 * The disposable child: loads the transpiler, warms every pass on a component of our own, then prepares what it is sent.
 *
 * It does not try to survive. A panic in the transpiler poisons the process, a stack overflow leaves who knows what behind:
 * anything that is not a `Result` ends it, and the pool counts that against the component.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { prepareComponent } from '../job.ts';
import { loadTranspiler } from '../transpile.ts';
import type { FromChild, ToChild } from './protocol.ts';

/** Warming up is nobody's hurry; a job is. Back to 0 needs a privilege on some systems, and is not insisted on. */
const WARM_UP_NICE = 10;

const MIB = 1024 * 1024;

function send(message: FromChild): void {
  process.send?.(message);
}

function beNice(nice: number): void {
  try {
    os.setPriority(nice);
  } catch {
    // Not allowed here: the job runs all the same.
  }
}

/** Runs every pass until the engine has compiled it. */
function warmUp(rounds: number): void {
  const bytes = readFileSync(new URL('./warm-up.wasm', import.meta.url));
  for (let round = 0; round < rounds; round += 1) {
    const result = prepareComponent({ bytes, memoryBytes: 64 * MIB, given: { capabilities: [], links: [] } });
    if (!result.ok) throw new Error(`the warm-up component was refused: ${result.error.message}`);
  }
}

process.on('disconnect', () => process.exit(0));
beNice(WARM_UP_NICE);
await loadTranspiler();
warmUp(Number(process.argv[2]));
beNice(0);
process.on('message', (message: ToChild) => {
  send({ type: 'answer', result: prepareComponent(message.job) });
});
send({ type: 'warm' });
