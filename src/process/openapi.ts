/** What the OpenAPI document of an entry is made from: its serving release, in the loop's memory, and its types, on disk. */
import { ok, type Result } from '../kit/result.ts';
import type { EntryKey } from '../model/component.ts';
import type { Memory } from '../model/memory.ts';
import type { Problem } from '../model/problem.ts';
import type { OpenApiInputs } from '../report/openapi/document.ts';
import type { ArtifactPort, ShapePort } from '../reconcile/ports.ts';

export interface OpenApiSources {
  readonly memoryOf: (key: EntryKey) => Memory | undefined;
  readonly shapes: ShapePort;
  readonly artifacts: ArtifactPort;
}

export function openApiInputs({ memoryOf, shapes, artifacts }: OpenApiSources) {
  return async (key: EntryKey): Promise<Result<OpenApiInputs, Problem> | undefined> => {
    const serving = memoryOf(key)?.entries[key]?.serving;
    if (!serving) return undefined;
    const { release, entry } = serving.release;
    const { artifact } = entry.members[0];
    const found = await shapes.shapes([artifact], (digest) => artifacts.read(digest));
    const shape = found.get(artifact)!;
    return shape.ok ? ok({ key, release, rules: entry.rules, shape: shape.value }) : shape;
  };
}
