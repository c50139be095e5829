import { ExternKind, Sort } from '../binary/component-types.ts';
import { walkComponent, type ComponentExport, type ComponentImport } from '../binary/component.ts';
import { FORM_LIMITS, PAGE_BYTES, type FormLimits } from '../binary/limits.ts';
import { printable } from '../binary/names.ts';
import { Refusal } from '../binary/refusal.ts';
import { Walk } from '../binary/walk.ts';
import { shapeOf } from '../shape/resolve.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { ComponentShape } from '../../model/wit.ts';
import { blockingImports } from './blocking.ts';

/** What admission found out about a component that it let in. */
export interface Admitted {
  /** The component with its maxima rewritten and without custom sections: what is transpiled. */
  readonly bytes: Uint8Array;
  /** Full names, in the component's order; without interfaces that only name types. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Its imports and exports with their types, or why there are none: then no engine takes the component either. */
  readonly shape: Result<ComponentShape, Problem>;
  /** Exported functions: `wasi:http/incoming-handler@0.2.3#handle`; `…#*` where only the interface is known. */
  readonly functions: readonly string[];
  /** Imported functions that may suspend and are used; empty means that no call ever suspends. */
  readonly blockingImports: readonly string[];
  readonly memories: readonly { readonly initialBytes: number; readonly maximumBytes: number }[];
}

/** Lets a component in or says why not. Total: any bytes end in one or the other. */
export function admit(
  bytes: Uint8Array,
  memoryBytes: number,
  limits: FormLimits = FORM_LIMITS,
  blockingLinks: readonly string[] = [],
): Result<Admitted, Problem> {
  return refusable(() => {
    const walk = new Walk(limits, Math.floor(memoryBytes / PAGE_BYTES));
    const walked = walkComponent(bytes, walk);
    const shape = refusable(() => shapeOf(walked.definitions, limits.items));
    const imports = importNames(walked.imports).filter((name) => !isOnlyTypes(name, shape));
    return {
      bytes: walked.bytes,
      imports,
      exports: walked.exports.map((item) => item.name),
      shape,
      functions: walked.exports.flatMap(functionsOf),
      blockingImports: blockingImports(imports, walk.functionsTaken, spelledOut(blockingLinks, shape)),
      memories: walk.memories.map((memory) => ({
        initialBytes: memory.initialPages * PAGE_BYTES,
        maximumBytes: memory.maximumPages * PAGE_BYTES,
      })),
    };
  });
}

/** `shop:tax/rates@0.2.0#*` is every function of that import. */
function spelledOut(links: readonly string[], shape: Admitted['shape']): readonly string[] {
  return links.flatMap((link) => {
    if (!link.endsWith('#*')) return [link];
    const name = link.slice(0, -'#*'.length);
    const imported = shape.ok ? shape.value.imports.interfaces.find((item) => item.name === name) : undefined;
    return imported?.functions.map((item) => `${name}#${item.name}`) ?? [];
  });
}

function refusable<T>(read: () => T): Result<T, Problem> {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof Refusal)
      return err(problem(error.code, error.message, error.remedy === undefined ? {} : { remedy: error.remedy }));
    throw error;
  }
}

/** An interface that only names types: nobody has to serve it, and it reaches nothing. */
function isOnlyTypes(name: string, shape: Admitted['shape']): boolean {
  const found = shape.ok ? shape.value.imports.interfaces.find((item) => item.name === name) : undefined;
  return found !== undefined && found.functions.length === 0 && found.resources.length === 0;
}

/** The world's imports: interfaces, and types that carry no authority. */
function importNames(imports: readonly ComponentImport[]): string[] {
  const names: string[] = [];
  for (const { name, kind, isFreshResource } of imports) {
    if (kind === ExternKind.Instance) names.push(name);
    else if (kind !== ExternKind.Type || isFreshResource) {
      throw new Refusal('HW2112', `the component imports "${printable(name)}" outside of any interface`);
    }
  }
  return names;
}

function functionsOf({ name, sort, contents }: ComponentExport): string[] {
  if (sort === Sort.Function) return [name];
  if (sort !== Sort.Instance) return [];
  if (!contents) return [`${name}#*`];
  return contents.filter((item) => item.sort === Sort.Function).map((item) => `${name}#${item.name}`);
}
