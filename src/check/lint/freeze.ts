/** Freeze windows that hold for nobody, and those that never open again: both are found out on the day that it matters. */
import { nextTime } from '../../decide/schedule/times.ts';
import type { ParsedDocument } from '../../manifest/parsed.ts';
import { milliseconds } from '../../manifest/quantity.ts';
import { ENVIRONMENT_DEFAULTS } from '../../manifest/defaults.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { at } from './at.ts';

/** Any day will do: what is looked at is how far openings are apart. */
const SOME_DAY_MS = Date.UTC(2026, 0, 1);
/** Of one window. What comes each minute has more in a day; a gap that is later than these is hardly meant. */
const MAX_OPENINGS = 1_500;

export function freezeWindows(documents: readonly ParsedDocument[]): readonly Diagnostic[] {
  return documents
    .filter((document): document is ParsedDocument<'Environment'> => document.kind === 'Environment')
    .flatMap((document) =>
      (document.value.spec.freezeWindows ?? []).flatMap(({ name, schedule, duration, timeZone }, index) => {
        const zone = timeZone ?? ENVIRONMENT_DEFAULTS.freezeWindow.timeZone;
        const pointer = `/spec/freezeWindows/${index}`;
        const first = nextTime(schedule, zone, SOME_DAY_MS);
        if (first === undefined) {
          return [at(document, `${pointer}/schedule`, 'HW1082', `"${schedule}" never comes: ${name} freezes nothing`)];
        }
        if (opensAgain(schedule, zone, first, milliseconds(duration))) return [];
        const message = `the freeze window ${name} begins again before it is over: nothing ever rolls out`;
        return [at(document, `${pointer}/duration`, 'HW1215', message)];
      }),
    );
}

/** Whether there is a time that is in no window. */
function opensAgain(schedule: string, zone: string, firstMs: number, durationMs: number): boolean {
  let opening = firstMs;
  for (let looked = 0; looked < MAX_OPENINGS; looked += 1) {
    const next = nextTime(schedule, zone, opening);
    if (next === undefined || next - opening > durationMs) return true;
    opening = next;
  }
  return false;
}
