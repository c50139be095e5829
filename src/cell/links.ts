/**
 * An import of one member over the exports of another: same process, own memories, no copy but the one that lifting and
 * lowering make anyway. Values pass as they are, because both sides speak one convention (src/component/README.md): an ok
 * is returned as it is, and an `err` thrown, here as an object that carries it, so that no `err` is taken for anything else.
 * Resources do not pass: such links are refused before they are made.
 *
 * Invariants
 * K1 A provider runs for the call that its caller runs for: what it waits for is waited for by that call, and what ends
 *    one ends the other (`Fate`).
 * K2 What a provider throws that is no `err` ends the whole instance, whatever the caller's bindings make of it.
 * K3 Where an export can wait, it is called only from a call that can: nothing suspends during instantiation.
 */
import type { BoundLink } from '../model/engine.ts';
import type { ExportedFunction, MemberInstance } from './member.ts';
import { camelCase } from '../model/typed/names.ts';
import type { Scope } from './scope.ts';
import { CallEnded, declared, describeFailure, MemberTrap } from './trap.ts';

/** The functions of an interface as the caller's bindings look them up. */
export function linkedInterface(link: BoundLink, caller: Scope, provider: MemberInstance): object {
  const exports = provider.exported(link.export);
  if (!exports) throw new TypeError(`${provider.settings.name} does not export ${link.export}`);
  const blocking = blockingOf(link.export, provider);
  const functions: Record<string, ExportedFunction> = {};
  for (const [name, member] of Object.entries(exports)) {
    if (typeof member !== 'function') continue;
    const target: Target = {
      call: member as ExportedFunction,
      caller,
      provider,
      name: `${link.export}#${name}`,
    };
    const waits = blocking === 'All' || blocking.has(name);
    functions[name] = waits ? suspending(target) : direct(target);
  }
  return functions;
}

interface Target {
  readonly call: ExportedFunction;
  readonly caller: Scope;
  readonly provider: MemberInstance;
  readonly name: string;
}

function direct(target: Target): ExportedFunction {
  const { call, caller } = target;
  const { scope } = target.provider;
  return (...args) => {
    scope.enterFrom(caller, false);
    let value: unknown;
    try {
      value = call(...args);
    } catch (thrown) {
      throw failure(target, thrown);
    }
    scope.leave();
    return value;
  };
}

function suspending(target: Target): ExportedFunction {
  const { call, caller } = target;
  const { scope } = target.provider;
  const succeeded = (value: unknown): unknown => {
    scope.leave();
    return value;
  };
  const failed = (thrown: unknown): never => {
    throw failure(target, thrown);
  };
  return (...args) => {
    if (!caller.maySuspend) throw caller.trap(`${target.name} can wait, and is called from where nothing can`);
    scope.enterFrom(caller, true);
    let answer: unknown;
    try {
      answer = call(...args);
    } catch (thrown) {
      throw failure(target, thrown);
    }
    return answer instanceof Promise ? answer.then(succeeded, failed) : succeeded(answer);
  };
}

/** K2: an `err` is thrown on to the caller, everything else is a trap in the provider. */
function failure({ provider, name }: Target, thrown: unknown): object {
  const { scope, settings } = provider;
  const refusal = scope.ended ? undefined : declared(thrown);
  if (refusal) {
    scope.leave();
    return refusal;
  }
  // What ended the call from outside, and what names its member already, passes every link on its way out.
  if (thrown instanceof CallEnded || thrown instanceof MemberTrap) return scope.endBy(thrown);
  return scope.endBy(new MemberTrap(`in ${settings.name}, ${name}: ${describeFailure(thrown)}`));
}

/** Functions that can wait, by the bindings' names. */
function blockingOf(interfaceName: string, provider: MemberInstance): ReadonlySet<string> | 'All' {
  const { blocking } = provider.settings.names;
  if (blocking.has(`${interfaceName}#*`)) return 'All';
  const prefix = `${interfaceName}#`;
  const names = [...blocking].filter((name) => name.startsWith(prefix));
  return new Set(names.map((name) => camelCase(name.slice(prefix.length))));
}
