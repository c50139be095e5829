import { CronTime } from 'cron';
import type { FreezeWindow } from '../model/desired.ts';

/** The window that is open for a namespace at this wall-clock time, and how long it stays open. */
export function openFreezeWindow(
  windows: readonly FreezeWindow[],
  namespace: string,
  wallMs: number,
): { readonly name: string; readonly closesInMs: number } | undefined {
  for (const window of windows) {
    if (window.namespaces.length > 0 && !window.namespaces.includes(namespace)) continue;
    const openedAtMs = lastOpening(window, wallMs);
    if (openedAtMs !== undefined) {
      return { name: window.name, closesInMs: openedAtMs + window.durationMs - wallMs };
    }
  }
  return undefined;
}

/**
 * The opening that still covers `wallMs`: the first after `wallMs − duration`, when it is not in the future. Only the
 * arithmetic of `cron` is used, from a given date; it looks at the machine's clock for nothing but its bound of eight
 * years on the search, past which (as for an expression that never comes) no window is open.
 */
function lastOpening(window: FreezeWindow, wallMs: number): number | undefined {
  try {
    const time = new CronTime(window.schedule, window.timeZone);
    const opening = time.getNextDateFrom(new Date(wallMs - window.durationMs), window.timeZone).toMillis();
    return opening <= wallMs ? opening : undefined;
  } catch {
    return undefined;
  }
}
