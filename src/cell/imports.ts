/**
 * The import object of one instance: what its guest can reach of the world. Functions that make resources are bound to
 * the instance's scope; everything else is shared by all instances.
 */
import type { Asking } from './broker.ts';
import type { TellDenied } from './denials.ts';
import type { Scope } from './scope.ts';
import * as cli from './wasi/cli.ts';
import { configStore, type Settings } from './wasi/config.ts';
import { monotonicClock, timezone, wallClock } from './wasi/clocks.ts';
import type { Chance, Clock } from './wasi/ambient.ts';
import type { Ambient } from '../model/ambient.ts';
import { deniedAmbient, unknownInterface } from './wasi/denied.ts';
import { filesystemPreopens, filesystemTypes, type Mount } from './wasi/filesystem.ts';
import { IoError } from './wasi/error.ts';
import { Fields } from './wasi/fields.ts';
import { OutgoingRequest, RequestOptions } from './wasi/http-client.ts';
import { FutureTrailers, IncomingBody, IncomingRequest } from './wasi/http-incoming.ts';
import { FutureIncomingResponse, IncomingResponse, outgoingHandler } from './wasi/http-outbound.ts';
import { draftOf, keyValueAtomics, keyValueBatch, keyValueStore } from './wasi/key-value.ts';
import { OutgoingBody, OutgoingResponse, ResponseOutparam } from './wasi/http-outgoing.ts';
import { poll, Pollable } from './wasi/poll.ts';
import { insecure, insecureSeed, random } from './wasi/random.ts';
import { ipNameLookup } from './wasi/sockets/lookup.ts';
import { instanceNetwork, network } from './wasi/sockets/network.ts';
import { TcpSocket, tcpCreateSocket } from './wasi/sockets/tcp.ts';
import { IncomingDatagramStream, OutgoingDatagramStream, UdpSocket, udpCreateSocket } from './wasi/sockets/udp.ts';
import { InputStream, OutputStream, type ByteSink } from './wasi/streams.ts';

/** What the imports of an instance are built from. */
export interface World extends cli.CliSettings {
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly tellDenied: TellDenied;
  readonly config: Settings;
  readonly ambient: Ambient;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly seat: Asking;
  /** Of the member; where there are none, nothing of `wasi:filesystem` is granted. */
  readonly mounts: readonly Mount[];
}

/** `name` is the full name, with its version. */
type Build = (scope: Scope, world: World, name: string) => object;

const IO_ERROR = Object.freeze({ Error: IoError });
const IO_STREAMS = Object.freeze({ InputStream, OutputStream });
const SOCKETS_TCP = Object.freeze({ TcpSocket });
const SOCKETS_UDP = Object.freeze({ UdpSocket, IncomingDatagramStream, OutgoingDatagramStream });

/** Interface without version → its members. One implementation serves every 0.2.x: later ones only add. */
const INTERFACES: Readonly<Record<string, Build>> = {
  'wasi:io/error': () => IO_ERROR,
  'wasi:io/poll': (scope) => ({ Pollable, poll: (pollables: readonly Pollable[]) => poll(scope, pollables) }),
  'wasi:io/streams': () => IO_STREAMS,
  'wasi:http/types': httpTypes,
  'wasi:http/outgoing-handler': (scope, world) => outgoingHandler(scope, world.seat),
  'wasi:cli/environment': (_scope, world) => cli.environment(world),
  'wasi:cli/exit': () => cli.exit,
  'wasi:cli/stdin': (scope) => cli.stdin(scope),
  'wasi:cli/stdout': (scope, world) => cli.stdout(scope, world.stdout),
  'wasi:cli/stderr': (scope, world) => cli.stderr(scope, world.stderr),
  'wasi:cli/terminal-input': () => ({ TerminalInput: cli.TerminalInput }),
  'wasi:cli/terminal-output': () => ({ TerminalOutput: cli.TerminalOutput }),
  'wasi:cli/terminal-stdin': () => cli.terminalStdin,
  'wasi:cli/terminal-stdout': () => cli.terminalStdout,
  'wasi:cli/terminal-stderr': () => cli.terminalStderr,
  'wasi:clocks/monotonic-clock': (scope, world) => monotonicClock(scope, world.clock),
  'wasi:clocks/wall-clock': (_scope, world) => wallClock(world.clock),
  'wasi:clocks/timezone': () => timezone,
  'wasi:random/random': (_scope, world) => random(world.chance),
  'wasi:random/insecure': (_scope, world) => insecure(world.chance),
  'wasi:random/insecure-seed': (_scope, world) => insecureSeed(world.chance),
  'wasi:filesystem/preopens': (scope, { mounts }) => filesystemPreopens(scope, mounts),
  // Without a mount nobody has a descriptor to call any of it on.
  'wasi:filesystem/types': () => filesystemTypes,
  'wasi:sockets/network': () => network,
  'wasi:sockets/instance-network': (scope) => instanceNetwork(scope),
  'wasi:sockets/ip-name-lookup': (scope, world) => ipNameLookup(scope, world.seat),
  'wasi:sockets/tcp': () => SOCKETS_TCP,
  'wasi:sockets/tcp-create-socket': (scope, world) => tcpCreateSocket(scope, world.seat),
  'wasi:sockets/udp': () => SOCKETS_UDP,
  'wasi:sockets/udp-create-socket': (scope, world) => udpCreateSocket(scope, world.seat),
  'wasi:config/store': (_scope, world) => configStore(world.config),
  'wasi:config/runtime': (_scope, world) => configStore(world.config),
  'wasi:keyvalue/store': (scope, world, name) => keyValueStore(scope, world.seat, draftOf(name)),
  'wasi:keyvalue/atomics': () => keyValueAtomics,
  'wasi:keyvalue/batch': () => keyValueBatch,
  // Types only: nothing to call.
  'headway:http/types': () => ({}),
};

/** `wasi:io/streams@0.2.3` → `wasi:io/streams`. */
export function withoutVersion(name: string): string {
  const at = name.indexOf('@');
  return at === -1 ? name : name.slice(0, at);
}

/**
 * One member per interface of `names` (full names), keyed without version as the bindings look them up.
 *
 * @param linked what other members of the cell serve, by full name; before whatever the host has of that name.
 */
export function buildImports(
  names: readonly string[],
  scope: Scope,
  world: World,
  linked: ReadonlyMap<string, object>,
): object {
  const imports: Record<string, object> = Object.create(null) as Record<string, object>;
  for (const [name, functions] of linked) imports[withoutVersion(name)] = functions;
  for (const name of names) {
    const key = withoutVersion(name);
    imports[key] ??= built(key, scope, world, name);
  }
  // The bindings look the class up where the resource is defined, imported for itself or not.
  if (imports['wasi:sockets/instance-network']) imports['wasi:sockets/network'] ??= network;
  return imports;
}

function built(key: string, scope: Scope, world: World, name: string): object {
  const field = deniedField(key, world.ambient);
  if (field !== undefined) return deniedAmbient(key, field, scope, world.tellDenied);
  return Object.hasOwn(INTERFACES, key)
    ? INTERFACES[key]!(scope, world, name)
    : unknownInterface(key, world.tellDenied);
}

/** The field of `spec.ambient` by which an interface is denied. */
function deniedField(key: string, { clocks, random: chance }: Ambient): string | undefined {
  if (clocks === 'Denied' && key.startsWith('wasi:clocks/')) return 'clocks';
  return chance === 'Denied' && key.startsWith('wasi:random/') ? 'random' : undefined;
}

function httpTypes(scope: Scope): object {
  return {
    Fields: boundClass(Fields, () => new Fields(scope, [], false), {
      fromList: (entries: readonly (readonly [string, Uint8Array])[]) => Fields.fromList(scope, entries),
    }),
    RequestOptions: boundClass(RequestOptions, () => new RequestOptions(scope), {}),
    IncomingRequest,
    IncomingBody,
    IncomingResponse,
    FutureIncomingResponse,
    FutureTrailers,
    OutgoingBody,
    OutgoingRequest,
    OutgoingResponse,
    ResponseOutparam,
    httpErrorCode: (error: IoError) => IoError.codeOf(error),
  };
}

/**
 * A class as the bindings want it (`new X()`, `x instanceof X`, statics) whose constructor knows the instance. It shares
 * the prototype, so that objects of all instances have one shape and engine code stays monomorphic.
 */
function boundClass(shared: { readonly prototype: object }, make: () => object, statics: object): object {
  const bound = function (): object {
    return make();
  };
  bound.prototype = shared.prototype;
  return Object.assign(bound, statics);
}
