/** Makes the calls of Checks at an address on this machine, one after the other, and says what came of each. */
import { Client } from 'undici';
import { judge, type Answer } from './judge.ts';
import type { PlannedCall, Request } from './plan-calls.ts';
import type { TrialCase } from './report.ts';

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export class Caller {
  readonly #client: Client;

  constructor(origin: string) {
    this.#client = new Client(origin);
  }

  async check(call: PlannedCall): Promise<TrialCase> {
    const startMs = performance.now();
    const common = { suite: 'checks' as const, name: call.name, span: call.span };
    try {
      const answer = await this.send(call.request, call.timeoutMs);
      const elapsedMs = Math.round(performance.now() - startMs);
      const unmet = judge(call, answer);
      return unmet
        ? { ...common, outcome: 'Failed', elapsedMs, code: 'HW5111', ...unmet }
        : { ...common, outcome: 'Passed', elapsedMs };
    } catch (error) {
      const elapsedMs = Math.round(performance.now() - startMs);
      const found =
        error instanceof Error && error.name === 'TimeoutError' ? `nothing within ${call.timeoutMs} ms` : String(error);
      return {
        ...common,
        outcome: 'Failed',
        elapsedMs,
        code: 'HW5111',
        message: 'no answer',
        expected: 'an answer',
        found,
      };
    }
  }

  /** @throws where no whole answer comes in time */
  async send({ hostname, path, method, headers, body }: Request, timeoutMs: number): Promise<Answer> {
    const response = await this.#client.request({
      path,
      method: method as 'GET',
      headers: [...headers.flatMap(({ name, value }) => [name, value]), 'host', hostname],
      body: body ?? null,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    const pairs = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')] as const);
    return { status: response.statusCode, headers: new Map(pairs), body: Buffer.concat(chunks) };
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}
