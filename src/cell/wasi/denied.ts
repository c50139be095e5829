/** What a guest can link and cannot use, where no function has an error to say it by: each traps, and is told to the engine. */
import type { TellDenied } from '../denials.ts';
import type { Scope } from '../scope.ts';
import { HostTrap } from '../trap.ts';

/** As the bindings spell it → as WIT does: `getRandomU64` → `get-random-u64`. */
function witName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter, at) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`);
}

/** What the arguments of time and chance say. */
const AMBIENT_UNITS: Readonly<Record<string, string>> = {
  'get-random-bytes': 'bytes',
  'get-insecure-random-bytes': 'bytes',
  'subscribe-duration': 'ns',
  'subscribe-instant': 'ns',
};

/** What `spec.ambient` takes away: these interfaces have no error to say it by, so that a call is a trap. */
export function deniedAmbient(name: string, field: string, scope: Scope, tell: TellDenied): object {
  const reason = `spec.ambient.${field} is Denied`;
  return new Proxy(Object.create(null) as object, {
    get(_target, member) {
      const called = witName(String(member));
      const unit = Object.hasOwn(AMBIENT_UNITS, called) ? AMBIENT_UNITS[called] : undefined;
      return function denied(amount?: unknown): never {
        const asked = unit !== undefined && typeof amount === 'bigint' ? `${amount} ${unit}` : '';
        tell({ interface: name, function: called, asked, reason });
        throw scope.trap(`${name}#${called}: ${reason}`);
      };
    },
  });
}

/**
 * Any other interface: whatever the bindings look up is a function that traps. Admission refuses most of them; this is
 * for what it lets through and the cell does not know, so that nobody here knows what the arguments are.
 */
export function unknownInterface(name: string, tell: TellDenied): object {
  return new Proxy(Object.create(null) as object, {
    get(_target, member) {
      const called = witName(String(member));
      return function denied(): never {
        tell({ interface: name, function: called, asked: '', reason: 'not known to this runtime' });
        throw new HostTrap(`${name}#${called} is not granted`);
      };
    },
  });
}
