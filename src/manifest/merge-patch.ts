/** RFC 7386 (JSON Merge Patch), with the places: what comes from the patch is found where the patch is written. */
import type { Json } from '../kit/json.ts';
import { child, type Place, type Places } from './place.ts';

export interface Placed {
  readonly value: Json;
  readonly places: Places;
}

/** Where the patch is written: pointers of it are below `at`. */
export interface WrittenPatch extends Placed {
  readonly file: string;
  readonly at: string;
}

/** `null` takes a field away, a mapping goes into a mapping field by field, everything else takes the old one's place. */
export function mergePatch(target: Placed, patch: WrittenPatch): Placed {
  const places: Record<string, Place> = Object.assign(Object.create(null), target.places) as Record<string, Place>;
  const value = merged(target.value, patch.value, '', { patch, places });
  return { value, places };
}

interface Work {
  readonly patch: WrittenPatch;
  readonly places: Record<string, Place>;
}

function merged(target: Json | undefined, patch: Json, pointer: string, work: Work): Json {
  if (!isObject(patch)) {
    forget(pointer, work);
    remember(pointer, work);
    return patch;
  }
  if (!isObject(target)) {
    forget(pointer, work);
    remember(pointer, work);
  }
  const fields = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    const at = child(pointer, name);
    if (value === null) {
      fields.delete(name);
      forget(at, work);
      // Whoever misses the field is shown what took it away.
      remember(at, work);
    } else fields.set(name, merged(fields.get(name), value, at, work));
  }
  const object: Record<string, Json> = {};
  for (const [name, value] of fields) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function forget(pointer: string, { places }: Work): void {
  for (const at of Object.keys(places)) if (at === pointer || at.startsWith(`${pointer}/`)) delete places[at];
}

/** All that is below: of a list that takes another's place the items too. */
function remember(pointer: string, { patch, places }: Work): void {
  const from = `${patch.at}${pointer}`;
  for (const [at, place] of Object.entries(patch.places)) {
    if (at !== from && !at.startsWith(`${from}/`)) continue;
    places[pointer + at.slice(from.length)] = Object.assign([...place], { file: patch.file });
  }
}
