/**
 * Belts for code that the gate of component/ has passed already: generated bindings find no ambient authority, and cannot
 * change what everyone shares. Runs once, before anything foreign is loaded.
 */

import { registerHooks } from 'node:module';

/** What stays: the language, WebAssembly, text coding, and what our own modules and jco's bindings use. */
const KEPT_GLOBALS: ReadonlySet<string> = new Set(
  (
    'Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp ' +
    'Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError globalThis ' +
    'JSON Math Intl ArrayBuffer SharedArrayBuffer Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array ' +
    'Int32Array Float16Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array DataView Map ' +
    'BigInt Set Iterator WeakMap WeakSet WeakRef Proxy Reflect FinalizationRegistry DisposableStack ' +
    'AsyncDisposableStack decodeURI decodeURIComponent encodeURI encodeURIComponent WebAssembly TextDecoder ' +
    'TextEncoder queueMicrotask setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate ' +
    'performance Buffer'
  ).split(' '),
);

/** Shared objects that nothing may change from here on. */
const FROZEN = [
  'Object Function Array Number Boolean String Symbol Date Promise RegExp Error RangeError TypeError ArrayBuffer',
  'Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array BigUint64Array',
  'BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy JSON Math Reflect Atomics WebAssembly',
  'TextDecoder TextEncoder',
]
  .join(' ')
  .split(' ');

/** Of `process`: what reaches other processes, files, users and Node's inside. What Node needs to go on stays. */
const REMOVED_OF_PROCESS = (
  'kill _kill _debugProcess _debugEnd binding _linkedBinding dlopen execve chdir abort umask getBuiltinModule loadEnvFile ' +
  'setuid setgid seteuid setegid setgroups initgroups report constrainedMemory setSourceMapsEnabled permission'
).split(' ');

export function harden(): void {
  refuseModules();
  // What is in it was for the allocator, which has read it.
  for (const name of Object.keys(process.env)) Reflect.deleteProperty(process.env, name);
  for (const name of REMOVED_OF_PROCESS) Reflect.deleteProperty(process, name);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (KEPT_GLOBALS.has(name) || Reflect.deleteProperty(globalThis, name)) continue;
    // V8's own `gc` cannot be deleted.
    Object.defineProperty(globalThis, name, { value: undefined, writable: false });
  }
  const shared = globalThis as unknown as Readonly<Record<string, unknown>>;
  for (const name of FROZEN) freezeWithPrototype(shared[name]);
  freezeWithPrototype(Object.getPrototypeOf(Uint8Array));
  for (const name of ['Module', 'Instance', 'Memory', 'Table', 'Global', 'RuntimeError']) {
    freezeWithPrototype((shared['WebAssembly'] as Readonly<Record<string, unknown>>)[name]);
  }
}

/** No module is loaded from here on, `node:vm` and `node:v8` among them. */
function refuseModules(): void {
  registerHooks({
    resolve(specifier) {
      throw Object.assign(new Error(`a cell loads no modules: ${specifier.slice(0, 100)}`), {
        code: 'HEADWAY_NO_MODULES',
      });
    },
  });
}

function freezeWithPrototype(shared: unknown): void {
  if (typeof shared !== 'function') {
    if (typeof shared === 'object' && shared !== null) Object.freeze(shared);
    return;
  }
  if (typeof shared.prototype === 'object' && shared.prototype !== null) Object.freeze(shared.prototype);
  if (typeof shared.prototype === 'function') Object.freeze(shared.prototype);
  Object.freeze(shared);
}
