import { err, ok, type Result } from './result.ts';

const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const MILLISECONDS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** Milliseconds of a GEP-2257 duration such as `1h30m` or `500ms`. */
export function parseDuration(text: string): Result<number, string> {
  if (!DURATION.test(text)) return err(`"${text}" is not a duration; write for example 500ms, 30s or 1h30m`);
  let total = 0;
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    if (sign >= '0' && sign <= '9') {
      count = count * 10 + Number(sign);
      continue;
    }
    const unit = sign === 'm' && text[at + 1] === 's' ? 'ms' : (sign as keyof typeof MILLISECONDS);
    total += count * MILLISECONDS[unit];
    count = 0;
    at += unit.length - 1;
  }
  return ok(total);
}

/** The shortest GEP-2257 text of a duration in milliseconds: `90000` → `1m30s`. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds));
  if (rest === 0) return '0s';
  let text = '';
  for (const unit of ['h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / MILLISECONDS[unit]);
    rest -= count * MILLISECONDS[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

const SIZE = /^([0-9]{1,12})(Ki|Mi|Gi|k|M|G)?$/;
const BYTES = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, k: 1e3, M: 1e6, G: 1e9 } as const;

/** Bytes of a quantity such as `64Mi`, `8k` or `512`. */
export function parseSize(text: string): Result<number, string> {
  const match = SIZE.exec(text);
  if (!match) return err(`"${text}" is not a size; write for example 512Ki, 64Mi or 1Gi`);
  const unit = match[2] as keyof typeof BYTES | undefined;
  return ok(Number(match[1]) * (unit ? BYTES[unit] : 1));
}

const CPU = /^([0-9]{1,6})(m)?$/;

/** Thousandths of a processor: `500m` → 500, `2` → 2000. */
export function parseCpu(text: string): Result<number, string> {
  const match = CPU.exec(text);
  if (!match) return err(`"${text}" is not an amount of processors; write for example 500m or 2`);
  return ok(Number(match[1]) * (match[2] ? 1 : 1000));
}

const PERCENT = /^([0-9]{1,3}(?:\.[0-9]{1,4})?)%$/;

/** A share: `0.5%` → 0.005, `120%` → 1.2. */
export function parsePercent(text: string): Result<number, string> {
  const match = PERCENT.exec(text);
  if (!match) return err(`"${text}" is not a percentage; write for example 0.5% or 20%`);
  return ok(Number(match[1]) / 100);
}
