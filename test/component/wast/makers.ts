/** A maker in a thread of its own, replaced when it breaks. Takes one component at a time. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Answer } from './maker.ts';

const BROKEN = 'the transpiler breaks';

export class Makers {
  #worker: Worker | undefined;

  async make(text: string): Promise<Answer> {
    this.#worker ??= new Worker(new URL('./maker.ts', import.meta.url), { stderr: true });
    const answered = once(this.#worker, 'message') as Promise<[Answer | null]>;
    this.#worker.postMessage(text, []);
    const [answer] = await answered;
    if (answer !== null) return answer;
    await this.close();
    return BROKEN;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}
