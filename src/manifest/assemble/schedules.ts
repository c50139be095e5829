import { canonicalJson } from '../../kit/json.ts';
import { callName } from '../../model/callable.ts';
import { entryKey } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { isCommand, type Parameters, type ScheduleKey, type ScheduleTrigger } from '../../model/schedule.ts';
import { MAX_PARAMETERS_BYTES } from '../bounds.ts';
import { SCHEDULE_DEFAULTS } from '../defaults.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { milliseconds } from '../quantity.ts';
import { atKey, atValue, type Assembly } from './assembly.ts';
import { calledBy } from './called.ts';
import { isCronExpression, isTimeZone } from './schedule.ts';

type ScheduleDocument = ParsedDocument<'Schedule'>;

export function triggerOf(document: ScheduleDocument): ScheduleTrigger {
  const { spec } = document.value;
  const { backendRef } = spec;
  return {
    schedule: keyOf(document) as ScheduleKey,
    expression: spec.schedule.trim().replaceAll(/ +/g, ' '),
    timeZone: spec.timeZone ?? SCHEDULE_DEFAULTS.timeZone,
    concurrencyPolicy: spec.concurrencyPolicy ?? SCHEDULE_DEFAULTS.concurrencyPolicy,
    deadlineMs: milliseconds(spec.deadline ?? SCHEDULE_DEFAULTS.deadline),
    startingDeadlineMs: milliseconds(spec.startingDeadline ?? SCHEDULE_DEFAULTS.startingDeadline),
    backend: entryKey(document.namespace, backendRef.name),
    export: calledBy(backendRef),
    args: backendRef.args ?? [],
    ...(backendRef.parameters === undefined ? {} : { parameters: backendRef.parameters as Parameters }),
    suspend: spec.suspend ?? SCHEDULE_DEFAULTS.suspend,
  };
}

/** What is wrong with one Schedule by itself and by its reference. */
export function scheduleProblems(document: ScheduleDocument, assembly: Assembly): readonly Diagnostic[] {
  const { schedule, timeZone, backendRef } = document.value.spec;
  const problems: Diagnostic[] = [];
  if (!isCronExpression(schedule)) {
    const message = `"${schedule}" is not a cron expression of five fields`;
    problems.push(atValue(document, '/spec/schedule', 'HW1029', message));
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    problems.push(atValue(document, '/spec/timeZone', 'HW1029', `there is no time zone "${timeZone}"`));
  }
  const key = entryKey(document.namespace, backendRef.name);
  const { type } = assembly.find('Component', key);
  if (type !== 'Found') {
    const [code, message] =
      type === 'Invalid'
        ? (['HW1024', `the Component ${key} is invalid`] as const)
        : (['HW1023', `there is no Component ${key}`] as const);
    problems.push(atValue(document, '/spec/backendRef/name', code, message));
  }
  if (backendRef.args !== undefined && !isCommand(calledBy(backendRef))) {
    const called = calledBy(backendRef);
    const message = `args are for a command; ${callName(called.interface, called.function)} is none`;
    problems.push(atKey(document, '/spec/backendRef/args', 'HW1080', message));
  }
  return [...problems, ...parameterBounds(document)];
}

/** Parameters by name are for a function, and travel with each firing: they are bounded. */
function parameterBounds(document: ScheduleDocument): readonly Diagnostic[] {
  const { backendRef } = document.value.spec;
  const { parameters } = backendRef;
  if (parameters === undefined) return [];
  const at = '/spec/backendRef/parameters';
  if (isCommand(calledBy(backendRef))) {
    const remedy = 'a command takes `args`; for parameters name another function by `export`';
    return [atKey(document, at, 'HW1084', 'a command takes no parameters by name', remedy)];
  }
  const bytes = Buffer.byteLength(canonicalJson(parameters as Parameters));
  if (bytes <= MAX_PARAMETERS_BYTES) return [];
  const message = `parameters of ${bytes} bytes of JSON, of which there may be ${MAX_PARAMETERS_BYTES}`;
  return [atKey(document, at, 'HW1084', message, 'let the component read what is large from a store')];
}
