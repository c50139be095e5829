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
import { jsonOfWave, WaveError } from '../../model/typed/wave.ts';
import type { ComponentShape, WitField, WitFunction, WitType, WitTypeRef } from '../../model/wit.ts';
import type { CheckCall, CheckExport, CheckRequest, Deterministic, Expectation } from '../generated/check.ts';
import { AMBIENT_DEFAULTS, CHECK_DEFAULTS } from '../defaults.ts';
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
    ...profileProblems(document, assembly),
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
  const foreign = called ? OF_REQUESTS : (['result', 'wave'] as const);
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

/** One profile for a namespace, as with stand-ins. */
function profileProblems(document: CheckDocument, assembly: Assembly): readonly Diagnostic[] {
  const own = document.value.spec.deterministic;
  if (!own) return [];
  const other = assembly
    .all('Check')
    .find(
      (one) => one !== document && one.namespace === document.namespace && isOther(one.value.spec.deterministic, own),
    );
  if (!other) return [];
  return [atKey(document, '/spec/deterministic', 'HW1227', `Check ${keyOf(other)} has another profile`)];
}

function isOther(one: Deterministic | undefined, other: Deterministic): boolean {
  if (!one) return false;
  const [first, second] = [one, other].map((profile) => ({ ...AMBIENT_DEFAULTS, ...profile }));
  return first!.time !== second!.time || first!.step !== second!.step || first!.seed !== second!.seed;
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
  const problems: Diagnostic[] = [];
  const unread = (place: string, { at: index, message }: WaveError) =>
    problems.push(atValue(document, place, 'HW1228', `character ${index + 1} of the text: ${message}`));
  const given = parametersOf(called!, types, params);
  if (given instanceof WaveFault) unread(`${at}/export/arguments/${given.index}`, given.error);
  else {
    const wrong = mismatchOf(() => decoders.record(params, 'an object')(given));
    const [field, pointer] = called!.arguments ? ['arguments', ''] : ['parameters', wrong?.pointer];
    const place = called!.parameters || called!.arguments ? `${at}/export/${field}${pointer}` : `${at}/export/function`;
    if (wrong)
      problems.push(atValue(document, place, 'HW1083', `the parameters do not fit ${name}: ${inWords(wrong)}`));
  }
  const field = (['result', 'wave'] as const).find((one) => expect && Object.hasOwn(expect, one));
  if (field === undefined) return problems;
  const place = `${at}/expect/${field}`;
  if (result === undefined) {
    return [...problems, atKey(document, place, 'HW1226', `${name} returns nothing`, `leave \`${field}\` out`)];
  }
  const wanted = resultOf(expect!, types, result);
  if (wanted instanceof WaveFault) unread(place, wanted.error);
  else {
    const unmet = mismatchOf(() => decoders.of(result)(wanted));
    const message = unmet && `${name} never returns this: ${inWords(unmet)}`;
    const pointer = field === 'result' ? unmet?.pointer : '';
    if (message) problems.push(atValue(document, `${place}${pointer}`, 'HW1226', message));
  }
  return problems;
}

/** A text that is not WAVE of its type, by its place in the list that it is of. */
export class WaveFault {
  readonly index: number;
  readonly error: WaveError;

  constructor(index: number, error: WaveError) {
    this.index = index;
    this.error = error;
  }
}

/** What a call gives to a function, as JSON by the names of its parameters, however it is written. */
export function parametersOf(
  { parameters, arguments: written }: CheckExport,
  types: readonly WitType[],
  params: readonly WitField[],
): Readonly<Record<string, unknown>> | WaveFault {
  if (!written) return parameters ?? {};
  const named: Record<string, unknown> = {};
  for (const [index, text] of written.entries()) {
    const param = params[index];
    const value = param
      ? readWave(index, types, param.type, text)
      : new WaveFault(index, new WaveError(0, `${params.length} arguments`));
    if (value instanceof WaveFault) return value;
    named[param!.name] = value;
  }
  return named;
}

/** What a call expects, as JSON, however it is written. */
export function resultOf(expect: Expectation, types: readonly WitType[], result: WitTypeRef): unknown {
  return expect.wave === undefined ? expect.result : readWave(0, types, result, expect.wave);
}

function readWave(index: number, types: readonly WitType[], type: WitTypeRef, text: string): unknown {
  try {
    return jsonOfWave(types, type, text);
  } catch (error) {
    if (error instanceof WaveError) return new WaveFault(index, error);
    throw error;
  }
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
