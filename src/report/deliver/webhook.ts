/**
 * The generic receiver: one signed POST per message, after the Standard Webhooks specification.
 *
 * - `webhook-id`: the same for each try of one message, so that a receiver drops what it has seen
 * - `webhook-timestamp`: seconds, of this try
 * - `webhook-signature: v1,<base64>`: HMAC-SHA256 of `id.timestamp.body`; the key is the secret, or what stands in base64
 *   behind its `whsec_`
 *
 * `sequence` in the body rises with each message of a daemon: a receiver that keeps the highest per commit is not put
 * back by a request that was long under way.
 */
import { createHmac } from 'node:crypto';
import type { Clock } from '../../kit/clock.ts';
import type { Delivered, OutboxItem } from '../../model/report.ts';
import type { ReportChannel } from '../../reconcile/ports.ts';
import { isTold, textOf } from '../../model/report-text.ts';
import { callReceiver, failureOf, placeOf, type Receiver } from './call.ts';

export interface WebhookOptions {
  readonly name: string;
  readonly receiver: Receiver;
  readonly secret: () => string;
  readonly clock: Clock;
}

export function webhookChannel({ name, receiver, secret, clock }: WebhookOptions): ReportChannel {
  return {
    name,
    kind: 'Statuses',
    batch: 1,
    deliver: async (items, signal) => {
      const outcomes: Delivered[] = [];
      // Nobody can be asked here, and who keeps ids or sequences needs no confirmation.
      for (const item of items) outcomes.push(isTold(item) ? { type: 'Delivered' } : await send(item, signal));
      return outcomes;
    },
  };

  async function send(item: OutboxItem, signal: AbortSignal): Promise<Delivered> {
    const { wallMs } = clock.now();
    const id = `headway_${item.sequence}_${item.digest.slice(0, 24)}`;
    const timestamp = String(Math.floor(wallMs / 1_000));
    const body = bodyOf(item);
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signatureOf(secret(), id, timestamp, body)}`,
    };
    const called = await callReceiver(receiver, { method: 'POST', path: '', body, headers }, signal);
    if ('failed' in called) return called.failed;
    return failureOf(called.answer, placeOf(new URL(receiver.url)), wallMs) ?? { type: 'Delivered' };
  }
}

function bodyOf({ message, sequence }: OutboxItem): string {
  const { revertable: _, story: __, ...data } = message;
  return JSON.stringify({
    type: `commit.${data.state.toLowerCase()}`,
    sequence,
    data: { ...data, text: textOf(message) },
  });
}

function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  return createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
}
