/** Counters of entries that are read from the status alone: they start anew with the engine. */
import type { Counter } from 'prom-client';
import type { Status } from '../model/status.ts';

export interface EntryCounter {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly fill: (counter: Counter, status: Status) => void;
}

export const ENTRY_COUNTERS: readonly EntryCounter[] = [
  {
    name: 'headway_remote_calls_total',
    help: 'Calls of the cells of one entry to another, by whether the function answered',
    labels: ['entry', 'called', 'outcome'],
    fill: (counter, { entries }) => {
      for (const { key, remote } of entries) {
        for (const { entry: called, calls, failures } of remote?.calls ?? []) {
          counter.inc({ entry: key, called, outcome: 'answered' }, calls - failures);
          counter.inc({ entry: key, called, outcome: 'failed' }, failures);
        }
      }
    },
  },
  {
    name: 'headway_limit_hits_total',
    help: 'How often a limit of an entry was hit; docs/limits.md says what one hit of each is',
    labels: ['entry', 'limit'],
    fill: (counter, { entries }) => {
      for (const { key, limits = [] } of entries) {
        for (const { limit, hits } of limits) counter.inc({ entry: key, limit }, hits);
      }
    },
  },
  {
    name: 'headway_datagrams_dropped_total',
    help: 'Datagrams to and from guests that went nowhere, by why; docs/sockets.md has the reasons',
    labels: ['entry', 'reason'],
    fill: (counter, { entries }) => {
      for (const { key, droppedDatagrams = {} } of entries) {
        for (const [reason, count] of Object.entries(droppedDatagrams)) counter.inc({ entry: key, reason }, count);
      }
    },
  },
  {
    name: 'headway_log_dropped_bytes_total',
    help: 'Output of guests that was dropped for limits.logBytesPerSecond',
    labels: ['entry'],
    fill: (counter, { entries }) => {
      for (const { key, limits = [] } of entries) {
        for (const { bytes = 0 } of limits) if (bytes > 0) counter.inc({ entry: key }, bytes);
      }
    },
  },
];
