/** A broker in this process with stores of its own, and a clock that tests turn. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Broker, type BrokerOptions } from '../../src/broker/broker.ts';
import type { AccessRecord } from '../../src/model/audit.ts';
import type { Grant } from '../../src/model/component.ts';
import type { Ceilings } from '../../src/model/snapshot.ts';

export const KIB = 1024;

export function grant(
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
  more: Partial<Grant> = {},
): Grant {
  return {
    name,
    capability: 'keyValue',
    settings: {
      store: name,
      access: 'ReadWrite',
      maxSize: 1024 * KIB,
      maxKeys: 10_000,
      maxValueSize: 64 * KIB,
      ...settings,
    },
    enforcement: 'Enforce',
    ...more,
  };
}

export function volume(
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
  more: Partial<Grant> = {},
): Grant {
  return {
    name,
    capability: 'filesystem',
    settings: {
      volume: name,
      mountPath: `/${name}`,
      access: 'ReadWrite',
      maxSize: 8 * 1024 * KIB,
      maxFiles: 100,
      ...settings,
    },
    enforcement: 'Enforce',
    ...more,
  };
}

export function ceiling(
  policy: string,
  settings: Readonly<Record<string, unknown>> | undefined,
  more: Partial<Ceilings> = {},
): Ceilings {
  const capabilities = settings
    ? [{ name: policy, capability: 'keyValue', settings: { access: 'ReadOnly', ...settings } }]
    : [];
  return { policy, namespaces: ['shop'], enforcement: 'Enforce', capabilities, ...more };
}

export class TestBroker {
  readonly folder: string;
  readonly broker: Broker;
  readonly violations: string[] = [];
  readonly failures: string[] = [];
  wallMs = Date.parse('2026-11-28T12:00:00Z');
  monotonicMs = 0;

  constructor(options: Partial<BrokerOptions> = {}) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'headway-broker-'));
    this.broker = new Broker({
      storesFolder: this.folder,
      volumesFolder: path.join(this.folder, 'volumes'),
      wallMs: () => this.wallMs,
      monotonicMs: () => this.monotonicMs,
      http: { maxBodyBytes: 16 * 1024 * KIB },
      resolve: () => Promise.reject(new Error('no resolver')),
      onRecords: () => undefined,
      onViolation: (_cell, why) => this.violations.push(why),
      onStoreFailure: (store, error) => this.failures.push(`${store}: ${String(error)}`),
      onVolumeFailure: (volume, error) => this.failures.push(`${volume}: ${String(error)}`),
      ...options,
    });
  }

  /** Everything noted since the last time, as `outcome grant asked ×count: why`. */
  records(): string[] {
    return this.broker.drain(true).map(lineOf);
  }

  close(): void {
    this.broker.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function lineOf({ outcome, grant, asked, count, why }: AccessRecord): string {
  return `${outcome} ${grant || '-'} ${asked} ×${count}${why === '' ? '' : `: ${why}`}`;
}
