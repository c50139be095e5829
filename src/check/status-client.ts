import { request } from 'undici';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Status } from '../model/status.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const MAX_STATUS_BYTES = 64 * 1024 * 1024;

/** `http://host:port` of a status address as people write it: with or without a scheme, a bare port. */
function statusUrl(address: string): string {
  if (/^https?:\/\//.test(address)) return address.replace(/\/+$/, '');
  return `http://${/^:?\d+$/.test(address) ? `127.0.0.1:${address.replace(':', '')}` : address}`;
}

/** The present status of a running daemon, from its status address. No redirect is followed. */
export async function fetchStatus(address: string): Promise<Result<Status, Problem>> {
  const url = `${statusUrl(address)}/api/v1/state`;
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_STATUS_BYTES) return err(problem('HW5010', `${url} sent more than ${MAX_STATUS_BYTES} bytes`));
      chunks.push(chunk);
    }
    if (statusCode !== 200) return err(problem('HW5010', `${url} answered ${statusCode}`));
    return ok(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Status);
  } catch (error) {
    return err(problem('HW5010', `${url} gave no status: ${error instanceof Error ? error.message : String(error)}`));
  }
}
