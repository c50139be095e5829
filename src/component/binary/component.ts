import {
  alias,
  ComponentSection as Section,
  componentType,
  coreSort,
  coreTypeDefinition,
  ExternKind,
  externNameAfterKind,
  externType,
  sort,
  Sort,
} from './component-types.ts';
import { walkCoreModule } from './core-module.ts';
import { hex } from './core-types.ts';
import type { Definition, Item } from './definitions.ts';
import { Reader } from './reader.ts';
import { Refusal } from './refusal.ts';
import { bounded, type Walk } from './walk.ts';
import { Writer } from './writer.ts';

const MAGIC = 0x0061736d;
const LFS_POINTER = 'version https://git-lfs.github.com/spec/';
const CORE_VERSION = 0x01000000;
const COMPONENT_VERSION = 0x0d000100;

export interface ComponentImport {
  readonly name: string;
  readonly kind: number;
  readonly isFreshResource: boolean;
}

export interface ComponentExport {
  readonly name: string;
  readonly sort: number;
  /** What an exported instance or component exports in turn; absent where it came from outside. */
  readonly contents?: Contents;
}

/** What is known of a component or instance: its exports. */
export type Contents = readonly ComponentExport[];

export interface WalkedComponent {
  /** The component with its maxima rewritten and its custom sections removed. */
  readonly bytes: Uint8Array;
  readonly imports: readonly ComponentImport[];
  readonly exports: readonly ComponentExport[];
  /** What types, imports and exports it defines, in order: `component/shape` makes the shape of it. */
  readonly definitions: readonly Definition[];
}

/** Walks a component, nested ones included. Refuses by throwing `Refusal`. */
export function walkComponent(bytes: Uint8Array, walk: Walk, depth = 1): WalkedComponent {
  bounded(depth, walk.limits.nesting, 'components within each other');
  const reader = new Reader(bytes);
  header(reader, bytes);
  const scope = new Scope(walk, depth);
  const writer = new Writer();
  writer.bytes(bytes.subarray(0, 8));
  while (!reader.done) {
    walk.charge(1);
    const id = reader.u8();
    const body = reader.bytes(reader.u32());
    if (id !== Section.Custom) writer.section(id, scope.section(id, body));
  }
  return { bytes: writer.finish(), imports: scope.imports, exports: scope.exports, definitions: scope.definitions };
}

function header(reader: Reader, whole: Uint8Array): void {
  const view = new DataView(Uint8Array.from(reader.bytes(8)).buffer);
  if (view.getUint32(0) !== MAGIC) throw notWebAssembly(whole);
  const version = view.getUint32(4);
  if (version === CORE_VERSION) throw new Refusal('HW2101', 'the file is a core module');
  if (version !== COMPONENT_VERSION) {
    throw new Refusal('HW2101', `the file has an unknown version of WebAssembly (${hex(version)})`);
  }
}

/** What stands there in place of a component: mostly the text of whatever wrote the file. */
function notWebAssembly(bytes: Uint8Array): Refusal {
  const text = new TextDecoder().decode(bytes.subarray(0, LFS_POINTER.length));
  if (text !== LFS_POINTER) {
    return new Refusal(
      'HW2101',
      'the file is not WebAssembly',
      'commit the .wasm file that the build of the component wrote',
    );
  }
  const remedy =
    'commit the file itself (`git lfs untrack`), or take it by https or oci: large files of LFS are not fetched';
  return new Refusal('HW2101', 'the file is a pointer of Git LFS, not what it points to', remedy);
}

/** The index spaces of one component that the walk needs: components and instances, by what they export. */
class Scope {
  readonly imports: ComponentImport[] = [];
  readonly exports: ComponentExport[] = [];
  readonly definitions: Definition[] = [];
  readonly #walk: Walk;
  readonly #depth: number;
  readonly #components: (Contents | undefined)[] = [];
  readonly #instances: (Contents | undefined)[] = [];

  constructor(walk: Walk, depth: number) {
    this.#walk = walk;
    this.#depth = depth;
  }

  /** Walks one section and returns its body as it shall be written. */
  section(id: number, body: Uint8Array): Uint8Array {
    if (id === Section.CoreModule) return walkCoreModule(body, this.#walk);
    if (id === Section.Component) return this.#nested(body);
    const reader = new Reader(body);
    this.#walk.list(reader, () => this.#entry(id, reader));
    reader.end('a section of a component');
    return body;
  }

  #nested(body: Uint8Array): Uint8Array {
    const nested = walkComponent(body, this.#walk, this.#depth + 1);
    this.#components.push(nested.exports);
    this.definitions.push({ is: 'component', definitions: nested.definitions });
    return nested.bytes;
  }

  #entry(id: number, reader: Reader): void {
    switch (id) {
      case Section.CoreInstance:
        return this.#coreInstance(reader);
      case Section.CoreType:
        return void coreTypeDefinition(reader, this.#walk);
      case Section.Instance:
        return void this.#instances.push(this.#instance(reader));
      case Section.Alias:
        return this.#alias(reader);
      case Section.Type:
        return void this.definitions.push({ is: 'type', node: componentType(reader, this.#walk, 0) });
      case Section.Canonical:
        return this.#canonical(reader);
      case Section.Import:
        return this.#import(reader);
      case Section.Export:
        return this.#export(reader);
      default:
        throw new Refusal('HW2108', `the component has a section that WASI 0.2 does not have (${hex(id)})`);
    }
  }

  #coreInstance(reader: Reader): void {
    const form = reader.u8();
    if (form > 1) throw new Refusal('HW2102', `a core instance of an unknown form ${hex(form)}`);
    if (form === 0) reader.u32();
    this.#walk.list(reader, () => {
      this.#walk.coreName(reader, form === 0 ? 'a core import' : 'a core export');
      coreSort(reader);
      reader.u32();
    });
  }

  #alias(reader: Reader): void {
    const taken = alias(reader, this.#walk);
    if (!taken || taken.is === 'type' || taken.is === 'declared') return;
    this.definitions.push(taken);
    const from = taken.is === 'taken' ? this.#instances[taken.instance] : undefined;
    const name = taken.is === 'taken' ? taken.name : '';
    this.#count(taken.sort, from?.find((item) => item.sort === taken.sort && item.name === name)?.contents);
  }

  #instance(reader: Reader): Contents | undefined {
    const form = reader.u8();
    if (form === 0) {
      const component = reader.u32();
      const items = this.#walk.list(reader, () => this.#item(this.#walk.externName(reader, 'an argument'), reader));
      this.definitions.push({ is: 'instantiated', component, with: items });
      return this.#components[component];
    }
    if (form !== 1) throw new Refusal('HW2102', `an instance of an unknown form ${hex(form)}`);
    const items = this.#walk.list(reader, () =>
      this.#item(externNameAfterKind(reader, this.#walk, 'an export'), reader),
    );
    this.definitions.push({ is: 'bundled', items });
    return items.map((item) => this.#exported(item));
  }

  #item(name: string, reader: Reader): Item {
    return { name, sort: sort(reader), index: reader.u32() };
  }

  #import(reader: Reader): void {
    const name = externNameAfterKind(reader, this.#walk, 'an import');
    const type = externType(reader);
    this.imports.push({ name, kind: type.kind, isFreshResource: type.kind === ExternKind.Type && !('index' in type) });
    this.definitions.push({ is: 'imported', name, extern: type });
    if (type.kind === ExternKind.Component) this.#components.push(undefined);
    if (type.kind === ExternKind.Instance) this.#instances.push(undefined);
  }

  /** An export is also a new index of its sort. */
  #export(reader: Reader): void {
    const name = externNameAfterKind(reader, this.#walk, 'an export');
    const item = this.#item(name, reader);
    const ascribed = reader.u8() === 1 ? externType(reader) : undefined;
    this.definitions.push({ is: 'exported', ...item, ...(ascribed ? { ascribed } : {}) });
    const exported = this.#exported(item);
    this.exports.push(exported);
    this.#count(item.sort, exported.contents);
  }

  #exported({ name, sort, index }: Item): ComponentExport {
    const contents =
      sort === Sort.Instance ? this.#instances[index] : sort === Sort.Component ? this.#components[index] : undefined;
    return contents ? { name, sort, contents } : { name, sort };
  }

  #count(sort: number, contents: Contents | undefined): void {
    if (sort === Sort.Component) this.#components.push(contents);
    if (sort === Sort.Instance) this.#instances.push(contents);
  }

  /** Lifts, lowers and resource built-ins; everything later than these belongs to asynchronous components. */
  #canonical(reader: Reader): void {
    const form = reader.u8();
    if (form === 0x00 || form === 0x01) {
      if (reader.u8() !== 0x00) throw new Refusal('HW2102', 'a canonical definition of an unknown form');
      reader.u32();
      this.#walk.list(reader, () => canonicalOption(reader));
      if (form === 0x00) this.definitions.push({ is: 'lifted', type: reader.u32() });
    } else if (form >= 0x02 && form <= 0x04) {
      reader.u32();
    } else throw new Refusal('HW2108', `the component uses an asynchronous built-in (${hex(form)})`);
  }
}

function canonicalOption(reader: Reader): void {
  const option = reader.u8();
  if (option <= 0x02) return;
  if (option > 0x05) throw new Refusal('HW2108', `a function uses an asynchronous option (${hex(option)})`);
  reader.u32();
}
