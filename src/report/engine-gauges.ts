/** Of each engine process; no series where there is one. */
import type { EntryGauge } from './entry-gauges.ts';

export const ENGINE_GAUGES: readonly EntryGauge[] = [
  {
    name: 'headway_engine_process_up',
    help: '1 when this engine serves',
    labels: ['engine'],
    fill: (gauge, { engine }) => {
      for (const { name, state } of engine.engines ?? []) gauge.set({ engine: name }, state === 'Serving' ? 1 : 0);
    },
  },
  {
    name: 'headway_engine_process_generation',
    help: 'Generation of the snapshot that this engine has in force',
    labels: ['engine'],
    fill: (gauge, { engine }) => {
      for (const { name, generation } of engine.engines ?? []) gauge.set({ engine: name }, generation);
    },
  },
  {
    name: 'headway_engine_process_requests',
    help: 'Requests that this engine has answered since its start, of what it serves now',
    labels: ['engine'],
    fill: (gauge, { engine }) => {
      for (const { name, requests } of engine.engines ?? []) gauge.set({ engine: name }, requests);
    },
  },
];
