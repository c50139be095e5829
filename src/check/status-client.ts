import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Status } from '../model/status.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const MAX_STATUS_BYTES = 64 * 1024 * 1024;

/** `http://host:port` of a status address as people write it: with or without a scheme, a bare port. */
export function statusUrl(address: string): string {
  if (/^https?:\/\//.test(address)) return address.replace(/\/+$/, '');
  return `http://${/^:?\d+$/.test(address) ? `127.0.0.1:${address.replace(':', '')}` : address}`;
}

/** The present status of a running daemon, from its status address. */
export async function fetchStatus(address: string): Promise<Result<Status, Problem>> {
  const url = `${statusUrl(address)}/api/v1/state`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS), redirect: 'error' });
    const text = await response.text();
    if (!response.ok || text.length > MAX_STATUS_BYTES) {
      return err(problem('HW5010', `${url} answered ${response.status} ${response.statusText}`));
    }
    return ok(JSON.parse(text) as Status);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return err(problem('HW5010', `${url} gave no status: ${cause instanceof Error ? cause.message : String(cause)}`));
  }
}
