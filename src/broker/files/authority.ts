/**
 * What one component may do with which volume: its grants, and the ceilings of the Policies of its namespace. Made anew with
 * each set of grants in force and then never changed (I2).
 *
 * Invariants
 * A1 What is allowed ⊆ a grant ∩ every ceiling that enforces (I8). Nothing is allowed by default.
 * A2 `enforcement: Audit` lets through what it would deny of its own volume, and says that it did. It opens no other.
 * A3 A mirrored call changes nothing, whatever is granted or audited.
 */
import type { AccessOutcome } from '../../model/audit.ts';
import type { Grant } from '../../model/component.ts';
import type { Ceilings } from '../../model/snapshot.ts';
import type { FileError } from '../../wire/file-frames.ts';
import { ceilingOf, expiresAtWallMs, type Ceiling } from '../ceiling.ts';
import type { Counted } from '../records.ts';
import type { VolumeQuota } from './usage.ts';

export interface FileVerdict {
  readonly outcome: AccessOutcome;
  /** Name of the grant; empty where none is about the volume. */
  readonly grant: string;
  /** Empty for `Allowed`. */
  readonly why: string;
  /** What the guest hears where it was denied. */
  readonly code: FileError;
  /** Of the grant; absent where it was denied. */
  readonly quota?: VolumeQuota | undefined;
  /** What such uses are counted by, by operation: of `Allowed`, which is one object for a grant. */
  readonly counted?: Map<string, Counted>;
}

interface VolumeGrant {
  readonly name: string;
  readonly write: boolean;
  readonly expiresAtWallMs: number;
  readonly audit: boolean;
  readonly quota: VolumeQuota;
  readonly allowed: FileVerdict;
}

interface VolumeAccess {
  readonly grants: readonly VolumeGrant[];
  readonly reading: Ceiling;
  readonly writing: Ceiling;
}

export class FileAuthority {
  readonly namespace: string;
  readonly #volumes = new Map<string, VolumeAccess>();

  constructor(namespace: string, grants: readonly Grant[], ceilings: readonly Ceilings[]) {
    this.namespace = namespace;
    const ofVolumes = grants.filter(
      ({ capability, settings }) => capability === 'filesystem' && settings['volume'] !== undefined,
    );
    for (const [volume, items] of Map.groupBy(ofVolumes, ({ settings }) => String(settings['volume']))) {
      const ceiling = (access: string): Ceiling =>
        ceilingOf(ceilings, namespace, { capability: 'filesystem', settings: { volume, access } });
      this.#volumes.set(volume, {
        grants: items.map(volumeGrant),
        reading: ceiling('ReadOnly'),
        writing: ceiling('ReadWrite'),
      });
    }
  }

  judge(volume: string, write: boolean, mirrored: boolean, wallMs: number): FileVerdict {
    const access = this.#volumes.get(volume);
    if (!access) return denied('', 'no grant names this volume', 'access');
    const { grants } = access;
    const first = grants[0]!;
    if (mirrored && write) return denied(first.name, 'a mirrored call changes nothing', 'read-only');
    const ceiling = write ? access.writing : access.reading;
    if (ceiling.denied !== undefined) return denied(first.name, ceiling.denied, write ? 'read-only' : 'access');
    const fitting = grants.find((grant) => shortfall(grant, write, wallMs) === undefined);
    if (fitting) {
      if (ceiling.audited === undefined) return fitting.allowed;
      return audited(fitting, ceiling.audited);
    }
    const lenient = grants.find(({ audit }) => audit);
    const short = lenient ?? first;
    const why = shortfall(short, write, wallMs)!;
    if (lenient) return audited(lenient, why);
    return denied(short.name, why, write && !short.write ? 'read-only' : 'access');
  }
}

function volumeGrant(grant: Grant): VolumeGrant {
  const { name, settings, enforcement } = grant;
  const { access, maxSize, maxFiles } = settings as {
    readonly access: string;
    readonly maxSize: number;
    readonly maxFiles: number;
  };
  const quota = { bytes: maxSize, files: maxFiles };
  return {
    name,
    write: access === 'ReadWrite',
    expiresAtWallMs: expiresAtWallMs(grant),
    audit: enforcement === 'Audit',
    quota,
    allowed: { outcome: 'Allowed', grant: name, why: '', code: 'access', quota, counted: new Map() },
  };
}

/** Why the grant does not cover the use; `undefined` where it does. */
function shortfall(grant: VolumeGrant, write: boolean, wallMs: number): string | undefined {
  if (wallMs >= grant.expiresAtWallMs) return 'the grant has expired';
  return write && !grant.write ? 'the grant is ReadOnly' : undefined;
}

function audited({ name, quota }: VolumeGrant, why: string): FileVerdict {
  return { outcome: 'Audited', grant: name, why, code: 'access', quota };
}

function denied(grant: string, why: string, code: FileError): FileVerdict {
  return { outcome: 'Denied', grant, why, code };
}
