import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A delivery older or newer than this is a replay or a wrong clock. */
const MAX_SKEW_MS = 5 * 60_000;
const HEX_SHA256 = /^[0-9a-f]{64}$/i;

/**
 * Whether a delivery comes from somebody who knows the secret. The forms, by header:
 *
 * - `x-hub-signature-256: sha256=<hex>`: HMAC-SHA256 of the body (GitHub; Forgejo and Gogs send it too)
 * - `x-gitea-signature` / `x-forgejo-signature: <hex>`: the same without the prefix
 * - `webhook-signature: v1,<base64> …` with `webhook-id` and `webhook-timestamp`: HMAC-SHA256 of `id.timestamp.body`, key
 *   as `whsec_<base64>` (GitLab's signing token, after the Standard Webhooks specification)
 * - `x-gitlab-token: <secret>`: GitLab's older form, which carries the secret itself and says nothing about the body
 *
 * A delivery with several must pass by the first one that is there, in this order: a bad signature is never rescued.
 */
export function isAuthentic(headers: IncomingHttpHeaders, body: Uint8Array, secret: string, wallMs: number): boolean {
  const github = headers['x-hub-signature-256'];
  if (github !== undefined) return sameHex(String(github).replace(/^sha256=/, ''), hmac(secret, body));
  const gitea = headers['x-forgejo-signature'] ?? headers['x-gitea-signature'];
  if (gitea !== undefined) return sameHex(String(gitea), hmac(secret, body));
  if (headers['webhook-signature'] !== undefined) return isSigned(headers, body, secret, wallMs);
  const gitlab = headers['x-gitlab-token'];
  return gitlab !== undefined && same(hmac(secret, Buffer.from(String(gitlab))), hmac(secret, Buffer.from(secret)));
}

function isSigned(headers: IncomingHttpHeaders, body: Uint8Array, secret: string, wallMs: number): boolean {
  const id = String(headers['webhook-id'] ?? '');
  const timestamp = String(headers['webhook-timestamp'] ?? '');
  if (id === '' || !/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Number(timestamp) * 1_000 - wallMs) > MAX_SKEW_MS) return false;
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  const expected = hmac(key, Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]));
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .some((signature) => same(Buffer.from(signature.slice('v1,'.length), 'base64'), expected));
}

function hmac(key: string | Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

function sameHex(hex: string, expected: Buffer): boolean {
  return HEX_SHA256.test(hex) && same(Buffer.from(hex, 'hex'), expected);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
