/** Gauges of entries that are read from the status alone. */
import type { Gauge } from 'prom-client';
import { short } from '../kit/digest.ts';
import type { Status } from '../model/status.ts';

export interface EntryGauge {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly fill: (gauge: Gauge, status: Status) => void;
}

export const ENTRY_GAUGES: readonly EntryGauge[] = [
  {
    name: 'headway_replicas',
    help: 'Replicas by phase',
    labels: ['entry', 'release', 'phase'],
    fill: (gauge, { entries }) => {
      for (const { key, replicas } of entries) {
        for (const { release, phase } of replicas) gauge.inc({ entry: key, release: short(release), phase });
      }
    },
  },
  {
    name: 'headway_replicas_wanted',
    help: 'Replicas that the load of an entry asks for, where scaling is a range',
    labels: ['entry'],
    fill: (gauge, { entries }) => {
      for (const { key, scaling } of entries) if (scaling) gauge.set({ entry: key }, scaling.wanted);
    },
  },
  {
    name: 'headway_replicas_ejected',
    help: 'Replicas that get no requests for a while because they fail while others of their release do not',
    labels: ['entry', 'release'],
    fill: (gauge, { entries }) => {
      for (const { key, replicas } of entries) {
        for (const { release, ejectedForMs } of replicas)
          if (ejectedForMs !== undefined) gauge.inc({ entry: key, release: short(release) });
      }
    },
  },
  {
    name: 'headway_processors_used',
    help: 'Processors that the guests of an entry use, on average over five seconds',
    labels: ['entry', 'release'],
    fill: (gauge, { entries }) => {
      for (const { key, replicas } of entries) {
        for (const { release, processor } of replicas)
          if (processor) gauge.inc({ entry: key, release: short(release) }, processor.used);
      }
    },
  },
  {
    name: 'headway_replicas_sharing',
    help: 'Replicas with other cells in their process',
    labels: ['entry', 'release'],
    fill: (gauge, { entries }) => {
      for (const { key, replicas } of entries) {
        for (const { release, sharedBy = 1 } of replicas)
          if (sharedBy > 1) gauge.inc({ entry: key, release: short(release) });
      }
    },
  },
  {
    name: 'headway_entry_bindings',
    help: '1 for the tier of the bindings that serve, and why they are not fast',
    labels: ['entry', 'tier', 'reason'],
    fill: (gauge, { entries }) => {
      for (const { key, tier, tierReason } of entries)
        if (tier) gauge.set({ entry: key, tier, reason: tierReason ?? '' }, 1);
    },
  },
  {
    name: 'headway_quarantined',
    help: 'Attempts that are not tried again',
    labels: ['entry'],
    fill: (gauge, { entries }) => {
      for (const { key, quarantined } of entries) gauge.set({ entry: key }, quarantined.length);
    },
  },
];
