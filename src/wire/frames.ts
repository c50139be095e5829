import type { Ambient } from '../model/ambient.ts';
import type { BoundLink } from '../model/engine.ts';
import type { LimitName } from '../model/limits.ts';

/**
 * The frames between the engine and a cell.
 *
 * A frame is a 9 byte header and a payload: `u32le payload length`, `u32le id`, `u8 type`. `id` 0 is the channel itself;
 * other ids are requests, issued by the engine per channel from a free list and reused only after `Done`. Strings are
 * `u16le length` + bytes, Latin-1 unless said otherwise, because that is how HTTP heads travel through Node.
 *
 * Invariants
 * W1 Every frame from a cell is hostile input: a wrong length, an unknown type or id, or a frame out of order ends the cell.
 * W2 A request is in flight until `Done`; after `Done` the cell sends nothing more for that id. Response and Done may
 *    share one frame (`RESPONSE_DONE`).
 * W3 Body bytes flow only against credit: the receiver grants it, the sender never has more than that in the air.
 */
export const HEADER_BYTES = 9;
/** The longest payload of any frame; bundles and bodies are cut into chunks. */
export const MAX_PAYLOAD_BYTES = 1 << 20;
/** The longest chunk of a body, and the credit each side of a body starts with. */
export const MAX_CHUNK_BYTES = 64 * 1024;
export const INITIAL_CREDIT_BYTES = 256 * 1024;
/** The longest head of a request or response: everything of the frame's payload before the inline body. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** More than `limits.headers` may be, so that one too many reaches who knows whose limit it is; and those that we add. */
export const MAX_HEADERS = 324;
/** The longest text of a `Done`, and of a JSON frame of the channel. */
export const MAX_OUTCOME_BYTES = 1024;
export const MAX_JSON_BYTES = 64 * 1024;
/** The longest `asked` of a `Denied`, in UTF-8. */
export const MAX_ASKED_BYTES = 512;
/** A cell that has not answered a cancel by then is killed. */
export const CANCEL_GRACE_MS = 50;
/** Version of this protocol, and of that between a cell and the broker; the first frame of each side carries it. */
export const WIRE_VERSION = 4;

/** Engine (or, for the assignment, spawner) → cell. */
export const ToCell = {
  /** id 0. JSON `Assignment`. Followed by its files, each as `FileChunk`s in the order of the list. */
  Assign: 0x01,
  /** id 0. Bytes of the present file. */
  FileChunk: 0x02,
  /** id 0. JSON `{deadlineMs}`: finish what is in flight, call lifecycle shutdown, exit 0. */
  Shutdown: 0x03,
  /** id 0. 16 bytes: a broker is at the other end of descriptor 4 from now on (`broker-frames.ts`, B3). Empty: it is gone. */
  Broker: 0x04,
  /** id 0. Before `Assign`, by the engine: what `FromCell.Compiled` of an earlier cell of the same bundles said. */
  Compiled: 0x05,
  /**
   * A request. `u8 flags` (1: a body follows as Body frames; 2: synthetic or probe; 4: the client awaits a 100: the
   * body's credit starts at 0 and the guest's first read grants `INITIAL_CREDIT_BYTES` by a `Credit` frame; 8: mirrored;
   * 16: a typed call of another cell; 64: a typed call, the path names the function),
   * `u32le deadline in ms`, method, path with query, authority, scheme, `u16le n`, n × (name, value), then the rest of
   * the payload: an inline body where flag 1 is not set (may be empty). Frames of the engine about an id that is
   * already done are late, not wrong: the cell ignores them.
   */
  Request: 0x20,
  /** Body bytes of the request. */
  Body: 0x21,
  /** The request's body is complete. Empty, or its trailers: `u16le n`, n × (name in lower case, value). */
  BodyEnd: 0x22,
  /** `u8 reason` of `Abort`: no more of the request's body will come; reads fail. */
  BodyAbort: 0x23,
  /**
   * `u8 reason` of `Abort`. `ClientGone` and `TooLarge`: reads fail, writes say closed, the call may go on until its
   * deadline. `Deadline` and `Draining`: end this call now; the `Done` is due within `CANCEL_GRACE_MS`.
   */
  Cancel: 0x24,
  /** `u32le bytes`: more of the response's body may be sent. */
  Credit: 0x25,
  /**
   * JSON `{interface, function, args, command?, parameters?}`: call an exported function (health, lifecycle, a firing). With
   * `command`, a list of texts, it runs on an instance of its own with these arguments. With `parameters`, an object, it is
   * called as docs/typed-exports.md says, and what it returns comes as JSON text of at most 1,024 characters.
   */
  Call: 0x26,
  /** The answer to a `Remote` of the same id: `u8 status`, then JSON or text (`remote-frames.ts`). */
  RemoteAnswer: 0x27,
} as const;

/** Cell → engine. */
export const FromCell = {
  /** id 0. JSON `Booted`: the process waits for an assignment. */
  Booted: 0x10,
  /** id 0. JSON `Loaded`: compiled, instantiated, initialised. */
  Loaded: 0x11,
  /** id 0. JSON `{code, message}`: the assignment failed; the process exits. */
  LoadFailed: 0x12,
  /**
   * id 0. `u8 stream` (1 stdout, 2 stderr, 3 runtime), `u8 member` (its position in the assignment; 0 is the entry),
   * `u32le dropped bytes before this`, then UTF-8 text of whole lines where possible.
   */
  Log: 0x13,
  /**
   * id 0. JSON `{member, interface, function, asked?, others?, mount?, reason, count}`: the guest of that member called something it
   * was not granted. At most one a second for each function: the first call of a second is told, with what it asked for (`asked`, in
   * the guest's words, at most `MAX_ASKED_BYTES`), and with the number of calls since the one that was told before; `others`: not all of
   * these asked for the same. `mount` is the position among the member's mounts.
   */
  Denied: 0x14,
  /** id 0. `u8` of `CELL_LIMITS`, `u32le count`: a limit was hit so often since it was said last; at most once a second each. */
  Limit: 0x15,
  /**
   * id 0. UTF-8 text of at most `MAX_OUTCOME_BYTES`, which says why: a second call on one instance failed, and each serves one call
   * from here on. After a `Loaded` that said `Pooled`.
   */
  PerRequest: 0x16,
  /**
   * id 0. What V8 has compiled of the members' bindings (`compiled-bindings.ts`), where the assignment asks for it: once, behind `Loaded`, before
   * the first request is read.
   */
  Compiled: 0x17,
  /**
   * Head of the response: `u8 flags` (1: body frames follow; 2: this is also Done/Ok), `u16le status`, `u16le n`,
   * n × (name, value), then an inline body where flag 1 is not set.
   */
  Response: 0x30,
  Body: 0x31,
  /** The response's body is complete (`outgoing-body.finish`). Empty, or its trailers: `u16le n`, n × (name, value). */
  BodyEnd: 0x32,
  /** The body was dropped without finish, or the guest trapped after the head: the connection must be destroyed. A `Done` while the body is open means the same. */
  BodyAbort: 0x33,
  /** `u8 outcome` of `Outcome`, then UTF-8 text for the log (at most 1 kB). The call is over. */
  Done: 0x34,
  /** `u32le bytes`: more of the request's body may be sent. */
  Credit: 0x35,
  /** JSON `{ok: value} | {err: value} | {trap: message}`, of a command also `{exit: code}`, then the call is over (no Done follows). */
  CallResult: 0x36,
  /**
   * The guest calls a function of another entry, on behalf of the call with this id: `u8 member`, `interface#function`, then
   * JSON of the arguments. One at a time for each call; the call itself goes on with the `RemoteAnswer`.
   */
  Remote: 0x37,
} as const;

/** Of a `Log` frame, before its text. */
export const LOG_HEAD_BYTES = 6;
export const REQUEST_HAS_BODY_FRAMES = 1;
export const REQUEST_IS_INTERNAL = 2;
export const REQUEST_AWAITS_READ = 4;
/** A copy of somebody else's request: nothing that the guest does may have an effect. The broker denies its writes. */
export const REQUEST_IS_MIRRORED = 8;
/** The path is `interface#function`: an exported function is called with the JSON of the body (docs/typed-exports.md). */
export const REQUEST_IS_TYPED = 64;
/** Another cell calls: the interface of the path is as that one imports it, and a compatible version will do. */
export const REQUEST_IS_REMOTE = 16;
/** What a cell itself keeps to, by number. */
export const CELL_LIMITS = [
  'memory',
  'handles',
  'sockets',
  'instances',
  'requestsPerInstance',
  'tables',
] as const satisfies LimitName[];
export type CellLimit = (typeof CELL_LIMITS)[number];
export const RESPONSE_HAS_BODY_FRAMES = 1;
export const RESPONSE_DONE = 2;

/** Why a call or a body ends early. */
export const Abort = {
  ClientGone: 1,
  Deadline: 2,
  Draining: 3,
  TooLarge: 4,
  Protocol: 5,
  TrailersTooLarge: 6,
} as const;

/** How a call ended. The ingress has one table from here to statuses. */
export const Outcome = {
  Ok: 0,
  /** `handle` returned and never set a response. */
  NoResponse: 1,
  /** `response-outparam.set` with an error code; its name is the text. */
  ErrorCode: 2,
  Trap: 3,
  Deadline: 4,
  /** The response's body went over `responseBody`. */
  ResponseTooLarge: 5,
  Cancelled: 6,
} as const;

/** A folder that a member sees at a path: a file of its assignment (`model/folder-image.ts`), or a volume of the broker. */
export type MountAssignment =
  | {
      readonly mountPath: string;
      readonly file: string;
      /** Milliseconds since the epoch; absent: it does not expire. */
      readonly expiresAtWallMs?: number;
    }
  | { readonly mountPath: string; readonly volume: string; readonly mayWrite: boolean };

/** What one member of a cell is made of, and what it alone may use. */
export interface MemberAssignment {
  /** In order: these are the files whose chunks follow. `component.js` is the bindings' source. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly blockingExports: readonly string[];
  /** Imports that other members serve. */
  readonly links?: readonly BoundLink[];
  /** Imports that other entries' cells serve, by full name. */
  readonly remotes?: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  /** What `wasi:config` answers, by name. */
  readonly config: readonly (readonly [string, string])[];
  readonly args: readonly string[];
  /** Absent: nothing is mounted. */
  readonly mounts?: readonly MountAssignment[];
  readonly memoryBytes: number;
  readonly logBytesPerSecond: number;
  readonly handles: number;
  /** Absent: the machine's. */
  readonly ambient?: Ambient;
}

/** The assignment that turns a waiting process into a cell. What a member has is here for the entry. */
export interface Assignment extends MemberAssignment {
  readonly wire: number;
  readonly replica: string;
  readonly entry: string;
  readonly revision: string;
  /** The other members, by the names of their components; their files follow those of the entry, in this order. */
  readonly linked?: readonly (MemberAssignment & { readonly key: string })[];
  readonly concurrency: number;
  /** At once; absent: as many as `concurrency`. */
  readonly instances?: number;
  /** Calls that one of them serves; absent: no end. */
  readonly requestsPerInstance?: number;
  /** At a time; absent: as many as a component has that does not say. */
  readonly sockets?: number;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  /** Of all members together: `PerRequest` where one of them asks for it. */
  readonly instancePolicy: 'Pooled' | 'PerRequest' | 'Singleton';
  /** Milliseconds for compile + instantiate + init, from when the cell begins; the engine counts from the assignment. */
  readonly startTimeoutMs: number;
  /** The entry's `migrate` is called first, on an instance of its own, within this time beside `startTimeoutMs`. */
  readonly migrate?: { readonly from?: string; readonly timeoutMs: number };
  /** It is to hand out what V8 compiles of the bindings. */
  readonly handsOutCompiled?: boolean;
  /** What the cell asks itself before `Loaded`. Absent: nothing, and the first second call on an instance decides whether `Pooled` holds. */
  readonly warmUp?: WarmUpCall;
}

/** The GET of the readiness probe. */
export interface WarmUpCall {
  readonly path: string;
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  /** What the probe gives it. */
  readonly timeoutMs: number;
  /** It is asked a second time, so that `Loaded` knows whether `Pooled` holds; nothing is asked where that is not the policy. */
  readonly proves: boolean;
}

export interface Booted {
  readonly wire: number;
  readonly node: string;
  /** It has played a start to itself: the real one finds everything loaded and compiled. */
  readonly rehearsed: boolean;
}

export interface Loaded {
  readonly compileMs: number;
  readonly instantiateMs: number;
  readonly initMs: number;
  /** Absent where there was nothing to migrate. */
  readonly migrateMs?: number;
  readonly instancePolicy: 'Pooled' | 'PerRequest' | 'Singleton';
  /** Why the policy differs from what was asked for, or why nobody knows yet that it holds; absent otherwise. */
  readonly why?: string;
  /** A second call on one instance went well. */
  readonly isProven: boolean;
  /** The first call of the warm-up was answered as the readiness probe wants it, in its time. */
  readonly isReady: boolean;
  /** V8 took what an earlier cell had handed out of the bindings, of all members. */
  readonly isCompiled: boolean;
  /** Exported functions that the host may call: health, lifecycle. */
  readonly hasHealth: boolean;
  readonly hasShutdown: boolean;
  readonly hasHttp: 'wasi' | 'headway' | 'none';
}
