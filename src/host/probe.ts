import { callName } from '../model/callable.ts';
import type { ProbeCall } from '../model/component.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { LOST } from '../wire/cell-caller.ts';
import { Outcome } from '../wire/frames.ts';
import { isGoodAnswer, sendRuntimeRequest, type RuntimeAnswer } from '../wire/runtime-request.ts';
import type { CellChannel } from './channel.ts';

/** Asks once. The error is the reason in words, for people. */
export async function probe(channel: CellChannel, call: ProbeCall, timeoutMs: number): Promise<Result<void, string>> {
  if (call.type === 'httpGet') {
    const answer = await sendRuntimeRequest(channel, call.path, call.headers, timeoutMs);
    return isGoodAnswer(answer) ? ok(undefined) : err(`GET ${call.path}: ${describe(answer, timeoutMs)}`);
  }
  const name = callName(call.export.interface, call.export.function);
  const result = await channel.call(call.export.interface, call.export.function, [], timeoutMs);
  switch (result.type) {
    case 'ok':
      return ok(undefined);
    case 'err':
      return err(`${name} said: ${typeof result.value === 'string' ? result.value : JSON.stringify(result.value)}`);
    case 'trap':
      return err(`${name} trapped: ${result.message}`);
    case 'deadline':
      return err(`${name} gave no answer within ${timeoutMs} ms`);
    case 'exit':
    case 'stopped':
    case 'lost':
      return err(`${name}: the cell ended`);
  }
}

function describe(answer: RuntimeAnswer, timeoutMs: number): string {
  if (answer.end === Outcome.Deadline) return `no answer within ${timeoutMs} ms`;
  if (answer.end === LOST) return 'the cell ended';
  if (answer.status !== undefined && answer.end === Outcome.Ok) return `answered ${answer.status}`;
  const name = Object.entries(OUTCOME_WORDS).find(([outcome]) => Number(outcome) === answer.end)?.[1] ?? 'no answer';
  return answer.detail === '' ? name : `${name}: ${answer.detail}`;
}

const OUTCOME_WORDS: Readonly<Record<number, string>> = {
  [Outcome.NoResponse]: 'handle returned without a response',
  [Outcome.ErrorCode]: 'handle answered with an error',
  [Outcome.Trap]: 'the guest trapped',
  [Outcome.ResponseTooLarge]: 'the response is over limits.responseBody',
  [Outcome.Cancelled]: 'the call was cancelled',
};
