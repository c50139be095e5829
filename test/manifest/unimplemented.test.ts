import { describe, expect, it } from 'vitest';
import { UNIMPLEMENTED } from '../../src/manifest/unimplemented.ts';
import { component, desiredOf, ENVIRONMENT, type Files } from './support.ts';

const cart = (spec: string): Files => ({ 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart', spec) });
const grant = (text: string): Files => cart(`  capabilities: [{name: a, ${text}}]\n`);

/** For every row documents that meet it. */
const MEETING: Readonly<Record<string, readonly Files[]>> = {
  'the capability blobStore': [grant('blobStore: {container: a}')],
  'the capability messaging': [grant('messaging: {connection: a}')],
  'the capability sql': [grant('sql: {connection: a}')],
};

describe('what is not implemented yet', () => {
  it('has documents here for every row', () => {
    const rows = UNIMPLEMENTED.map(({ what }) => what);
    expect(Object.keys(MEETING).sort()).toEqual([...new Set(rows)].sort());
  });

  it.each(Object.entries(MEETING))('%s: refused, and only that', (what, cases) => {
    for (const files of cases) {
      const desired = desiredOf(files);
      expect(desired.invalid).toEqual([]);
      const { refusals } = desired.entries.get('shop/cart')!;
      expect(refusals.map(({ code }) => code)).toEqual(['HW1042']);
      expect(refusals[0]!.message).toContain(what);
    }
  });

  it.each([
    [
      'a canary by weight',
      '  rollout: {strategy: {type: Canary, canary: {stickyBy: {header: a}, steps: [{weight: 1}]}}}\n',
    ],
    ['the statuses that are counted', '  rollout: {gate: {errors: {statuses: [4xx, "503"]}}}\n'],
    [
      'steps by header and mirror',
      '  rollout: {strategy: {type: Canary, canary: {steps: [{headers: [{name: a, value: b}], mirror: {percent: 1}}]}}}\n',
    ],
    ['replicas that may be missing', '  rollout: {strategy: {type: Rolling, rolling: {maxUnavailable: 1}}}\n'],
    ['a preview host', '  rollout: {strategy: {type: BlueGreen, blueGreen: {previewHostname: a.example}}}\n'],
    ['a limit of processor time', '  limits: {cpu: 500m}\n'],
    ['a range of replicas', '  scaling: {minReplicas: 2, maxReplicas: 4, scaleDownAfter: 2m}\n'],
    ['an approval', '  rollout: {strategy: {type: Canary, canary: {steps: [{weight: 1, approval: {name: a}}]}}}\n'],
    ['requests to the outside', '  capabilities: [{name: a, outboundHttp: {hosts: [a.example, headway.example]}}]\n'],
    [
      'a volume',
      '  capabilities: [{name: a, filesystem: {volume: a, mountPath: /a, access: ReadWrite, maxFiles: 5}}]\n',
    ],
    ['a folder of the repository', '  capabilities: [{name: a, filesystem: {path: a/b, mountPath: /a}}]\n'],
    ['facts', '  rollout: {group: a, retry: 1, replaces: b, emergency: {revision: b0b0c3d4e5f6, reason: c}}\n'],
  ])('but not %s', (_name, spec) => {
    expect(desiredOf(cart(spec)).entries.get('shop/cart')!.refusals).toEqual([]);
  });
});
