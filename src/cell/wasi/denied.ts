/**
 * What a guest can link and cannot use: every function answers with its own interface's error, and is told to the
 * engine. One table; a grant that comes to be implemented leaves it.
 */
import type { TellDenied } from '../denials.ts';
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { HostTrap } from '../trap.ts';
import { failed } from './result.ts';

interface DeniedInterface {
  /** The `err` that its functions answer with. */
  readonly answer: unknown;
  readonly functions: string;
  /** Resource class → its methods. Nothing makes such a resource, so that no handle can be valid. */
  readonly resources?: Readonly<Record<string, string>>;
}

const FILESYSTEM_METHODS =
  'readViaStream writeViaStream appendViaStream advise syncData getFlags getType setSize setTimes read write ' +
  'readDirectory sync createDirectoryAt stat statAt setTimesAt linkAt openAt readlinkAt removeDirectoryAt renameAt ' +
  'symlinkAt unlinkFileAt metadataHash metadataHashAt';

const DENIED: Readonly<Record<string, DeniedInterface>> = {
  'wasi:filesystem/types': {
    answer: 'access',
    functions: '',
    resources: { Descriptor: FILESYSTEM_METHODS, DirectoryEntryStream: 'readDirectoryEntry' },
  },
};

const REASON = 'not granted';

/** The name of an interface whose functions all deny, or `undefined` where it is not one of the table. */
export function deniedInterface(name: string, tell: TellDenied): object | undefined {
  const row = Object.hasOwn(DENIED, name) ? DENIED[name] : undefined;
  if (!row) return undefined;
  const members: Record<string, unknown> = {};
  const deny = (functionName: string) => () => {
    tell({ interface: name, function: functionName, asked: '', reason: REASON });
    return failed(row.answer);
  };
  for (const functionName of words(row.functions)) members[functionName] = deny(witName(functionName));
  for (const [className, methods] of Object.entries(row.resources ?? {})) {
    const resource = class extends HostResource {};
    for (const method of words(methods)) {
      Object.defineProperty(resource.prototype, method, { value: deny(`${witName(className)}.${witName(method)}`) });
    }
    members[className] = resource;
  }
  if (name === 'wasi:filesystem/types') members['filesystemErrorCode'] = () => undefined;
  return members;
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

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
