import type { Json } from '../kit/json.ts';
import type { Subject } from '../model/diagnostic.ts';
import type { InvalidDocument } from '../model/desired.ts';
import type { Check } from './generated/check.ts';
import type { Component } from './generated/component.ts';
import type { Config } from './generated/config.ts';
import type { Environment } from './generated/environment.ts';
import type { Policy } from './generated/policy.ts';
import type { Role } from './generated/role.ts';
import type { RolloutPolicy } from './generated/rolloutpolicy.ts';
import type { Route } from './generated/route.ts';
import type { Schedule } from './generated/schedule.ts';
import type { Secret } from './generated/secret.ts';
import type { Kind } from './kinds.ts';
import { spanOfKey, spanOfValue, type Places } from './place.ts';
import type { Span } from '../model/problem.ts';

interface Values {
  readonly Component: Component;
  readonly Route: Route;
  readonly Schedule: Schedule;
  readonly RolloutPolicy: RolloutPolicy;
  readonly Environment: Environment;
  readonly Policy: Policy;
  readonly Role: Role;
  readonly Config: Config;
  readonly Secret: Secret;
  readonly Check: Check;
}

/** One document that fits its schema. */
export interface ParsedDocument<K extends Kind = Kind> {
  readonly file: string;
  readonly kind: K;
  /** Empty for kinds without one. */
  readonly namespace: string;
  readonly name: string;
  readonly value: Values[K];
  readonly places: Places;
}

/** What `parse` makes of the files of a commit: plain data, so that it crosses a process boundary as it is. */
export interface Parsed {
  readonly documents: readonly ParsedDocument[];
  readonly invalid: readonly InvalidDocument[];
  /** Files with a document that could not even be named: nothing may be pruned beside them. */
  readonly unreadableFiles: readonly string[];
  /** Documents of bases as they are written: whole only with the variables and patches of an Environment. */
  readonly templates?: readonly Template[];
}

export interface Template {
  readonly file: string;
  readonly base: string;
  readonly value: Json;
  readonly places: Places;
}

/** Who a document says it is, as far as that can be read; enough to keep its last valid form. */
export interface Identity {
  readonly kind: string;
  readonly namespace?: string;
  readonly name?: string;
}

export function identityOf(value: Json): Identity {
  const document = field(value);
  const metadata = field(document['metadata']);
  const { kind } = document;
  const { namespace, name } = metadata;
  return {
    kind: typeof kind === 'string' && kind !== '' ? kind : 'Unknown',
    ...(typeof namespace === 'string' && namespace !== '' ? { namespace } : {}),
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
  };
}

function field(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function subjectOf(document: ParsedDocument): Subject {
  const { kind, namespace, name } = document;
  return namespace === '' ? { kind, name } : { kind, namespace, name };
}

/** `shop/checkout`, or the bare name of a document without a namespace. */
export function keyOf(document: { readonly namespace: string; readonly name: string }): string {
  return document.namespace === '' ? document.name : `${document.namespace}/${document.name}`;
}

export function valueSpan(document: ParsedDocument, pointer: string): Span {
  return spanOfValue(document.file, document.places, pointer);
}

export function keySpan(document: ParsedDocument, pointer: string): Span {
  return spanOfKey(document.file, document.places, pointer);
}
