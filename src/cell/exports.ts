/** Which of a component's exports the host calls, found once per assignment from their full names. */
import { MIGRATE } from '../model/state.ts';
import { withoutVersion } from './imports.ts';

export type HttpKind = 'wasi' | 'headway' | 'none';

export interface ExportNames {
  readonly http: HttpKind;
  /** Full name of the HTTP handler's interface; empty where there is none. */
  readonly handler: string;
  readonly lifecycle: string | undefined;
  readonly health: string | undefined;
  readonly migrate: string | undefined;
  /** `interface#function` of everything that can suspend. */
  readonly blocking: ReadonlySet<string>;
}

const WASI_HANDLER = 'wasi:http/incoming-handler';
const HEADWAY_HANDLER = 'headway:http/handler';
const LIFECYCLE = 'headway:component/lifecycle';
const HEALTH = 'headway:component/health';

export function findExports(exports: readonly string[], blockingExports: readonly string[]): ExportNames {
  const find = (name: string): string | undefined => exports.find((candidate) => withoutVersion(candidate) === name);
  const wasi = find(WASI_HANDLER);
  const headway = find(HEADWAY_HANDLER);
  return {
    http: wasi ? 'wasi' : headway ? 'headway' : 'none',
    handler: wasi ?? headway ?? '',
    lifecycle: find(LIFECYCLE),
    health: find(HEALTH),
    migrate: find(MIGRATE),
    blocking: new Set(blockingExports),
  };
}
