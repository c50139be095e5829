/**
 * What is wrong with a Check: its references, the types that it gives and expects, requests that no Route takes. A Check
 * that is right changes nothing here: it has no place in the desired state, and nothing of it reaches the fleet.
 */
import { callName, exporters } from '../../model/callable.ts';
import { entryKey, type ExportRef } from '../../model/component.ts';
import { hostCovers } from '../../model/containment.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Match, RouteRule } from '../../model/route.ts';
import { Decoders } from '../../model/typed/decode.ts';
import { Mismatch } from '../../model/typed/mismatch.ts';
import type { ComponentShape, WitFunction } from '../../model/wit.ts';
import type { CheckCall, CheckExport, CheckRequest } from '../generated/check.ts';
import { CHECK_DEFAULTS } from '../defaults.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { atKey, atValue, duplicateNames, type Assembly } from './assembly.ts';
import type { Types } from './cell.ts';
import { exportProblem, MAX_WORDS, problemsAt } from './exports.ts';

type CheckDocument = ParsedDocument<'Check'>;

export function refuseChecks(assembly: Assembly, rules: readonly RouteRule[], types: Types): void {
  // All are looked at before one is refused: of two that contradict each other, both are wrong.
  const found = assembly.all('Check').map((document) => ({
    document,
    problems: [...checkProblems(document, assembly, rules), ...expectationProblems(document, types)],
  }));
  for (const { document, problems } of found) if (problems.length > 0) assembly.refuse(document, problems);
}

/** What is wrong with one Check by itself, by its references and by the rules in force. */
function checkProblems(
  document: CheckDocument,
  assembly: Assembly,
  rules: readonly RouteRule[],
): readonly Diagnostic[] {
  const { calls } = document.value.spec;
  return [
    ...duplicateNames(document, '/spec/calls', calls),
    ...standInProblems(document, assembly),
    ...calls.flatMap((call, index) => {
      const at = `/spec/calls/${index}`;
      if (call.request)
        return [...fieldProblems(document, call, at), ...requestProblems(document, call.request, at, rules)];
      return [...fieldProblems(document, call, at), ...referenceProblems(document, call.export!, at, assembly)];
    }),
  ];
}

/** Expectations of the other way to call would never be looked at. */
const OF_REQUESTS = ['status', 'headers', 'body', 'contains', 'json'] as const;

function fieldProblems(document: CheckDocument, { export: called, expect }: CheckCall, at: string) {
  const foreign = called ? OF_REQUESTS : (['result'] as const);
  const what = called ? 'a function has a `result` only' : 'only a function has a `result`';
  return foreign
    .filter((field) => expect && Object.hasOwn(expect, field))
    .map((field) => atKey(document, `${at}/expect/${field}`, 'HW1226', what, 'expect what this kind of call answers'));
}

function referenceProblems(document: CheckDocument, called: CheckExport, at: string, assembly: Assembly) {
  const key = entryKey(document.namespace, called.componentRef.name);
  const { type } = assembly.find('Component', key);
  if (type === 'Found') return [];
  const pointer = `${at}/export/componentRef/name`;
  return type === 'Invalid'
    ? [atValue(document, pointer, 'HW1024', `the Component ${key} is invalid`)]
    : [atValue(document, pointer, 'HW1023', `there is no Component ${key}`)];
}

function requestProblems(document: CheckDocument, request: CheckRequest, at: string, rules: readonly RouteRule[]) {
  if (rules.some(({ match }) => takes(match, request))) return [];
  const { hostname, method } = { ...CHECK_DEFAULTS.request, ...request };
  const message = `no Route takes ${method} ${request.path} of host ${hostname}`;
  return [atValue(document, `${at}/request/path`, 'HW1225', message)];
}

/** As the ingress matches; which of several rules it takes makes no difference here. */
export function takes(match: Match, request: CheckRequest): boolean {
  const { hostname, method } = { ...CHECK_DEFAULTS.request, ...request };
  const path = request.path.replace(/\?.*$/s, '');
  const { type, value } = match.path;
  const below = value === '/' || path === value || (type === 'PathPrefix' && path.startsWith(`${value}/`));
  if (!(type === 'Exact' ? path === value : below)) return false;
  if (match.hostname !== undefined && !hostCovers(match.hostname, hostname)) return false;
  if (match.method !== undefined && match.method !== method) return false;
  const sent = new Map((request.headers ?? []).map((header) => [header.name.toLowerCase(), header.value]));
  return match.headers.every((header) => sent.get(header.name) === header.value);
}

/** One value for a key: also where another Check of the namespace says it too, so that their order changes nothing. */
function standInProblems(document: CheckDocument, assembly: Assembly): readonly Diagnostic[] {
  const own = document.value.spec.standIns ?? [];
  const others = assembly.all('Check').filter((other) => other.namespace === document.namespace && other !== document);
  return own.flatMap(({ secretKeyRef, value }, index) => {
    const at = `/spec/standIns/${index}/secretKeyRef/key`;
    const same = (ref: typeof secretKeyRef) => ref.name === secretKeyRef.name && ref.key === secretKeyRef.key;
    const what = `the key \`${secretKeyRef.key}\` of Secret ${keyOf({ namespace: document.namespace, name: secretKeyRef.name })}`;
    if (own.slice(0, index).some((one) => same(one.secretKeyRef))) {
      return [atValue(document, at, 'HW1227', `${what} has a stand-in in this document already`)];
    }
    const other = others.find(({ value: { spec } }) =>
      (spec.standIns ?? []).some((one) => same(one.secretKeyRef) && one.value !== value),
    );
    return other ? [atValue(document, at, 'HW1227', `Check ${keyOf(other)} has another value for ${what}`)] : [];
  });
}

/** The function of a call, where its types are known and it can be called with JSON. */
export function functionOf(shape: ComponentShape, { interface: name = '', function: wanted }: CheckExport) {
  return exporters(shape)
    .find((candidate) => candidate.name === name)
    ?.functions.find((candidate) => candidate.name === wanted);
}

/** What is given and what is expected, held against the types of the function, as far as they are known. */
function expectationProblems(document: CheckDocument, { members, shapeOf }: Types): readonly Diagnostic[] {
  return document.value.spec.calls.flatMap((call, index): readonly Diagnostic[] => {
    const called = call.export;
    const member = called && members.get(entryKey(document.namespace, called.componentRef.name));
    const shape = member && shapeOf(member.artifact);
    if (!shape) return [];
    const at = `/spec/calls/${index}`;
    const ref: ExportRef = { interface: called.interface ?? '', function: called.function };
    const wrong = problemsAt(document, `${at}/export`, member.key, shape, (value) => exportProblem(value, ref));
    if (wrong.length > 0 || !shape.ok) return wrong;
    return valueProblems(document, call, at, shape.value, functionOf(shape.value, called)!);
  });
}

function valueProblems(
  document: CheckDocument,
  { export: called, expect }: CheckCall,
  at: string,
  { types }: ComponentShape,
  { params, result }: WitFunction,
): readonly Diagnostic[] {
  const decoders = new Decoders(types);
  const name = callName(called!.interface ?? '', called!.function);
  const given = called!.parameters;
  const wrong = mismatchOf(() => decoders.record(params, 'an object')(given ?? {}));
  const problems: Diagnostic[] = [];
  if (wrong) {
    const place = given === undefined ? `${at}/export/function` : `${at}/export/parameters${wrong.pointer}`;
    problems.push(atValue(document, place, 'HW1083', `the parameters do not fit ${name}: ${inWords(wrong)}`));
  }
  if (!expect || !Object.hasOwn(expect, 'result')) return problems;
  const place = `${at}/expect/result`;
  if (result === undefined) {
    return [...problems, atKey(document, place, 'HW1226', `${name} returns nothing`, 'leave `result` out')];
  }
  const unmet = mismatchOf(() => decoders.of(result)(expect.result));
  if (unmet) {
    const message = `${name} never returns this: ${inWords(unmet)}`;
    problems.push(atValue(document, `${place}${unmet.pointer}`, 'HW1226', message));
  }
  return problems;
}

function inWords({ expected, found, pointer }: Mismatch): string {
  return `expected ${expected.slice(0, MAX_WORDS)}, found ${found}${pointer === '' ? '' : ` at ${pointer}`}`;
}

function mismatchOf(decode: () => unknown): Mismatch | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (error instanceof Mismatch) return error;
    throw error;
  }
}
