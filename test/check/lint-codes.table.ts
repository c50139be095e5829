import { RECIPIENT, sealedLook, secret } from '../support/sealed.ts';
import type { Row } from '../manifest/codes.table.ts';
import { component, environment, ENVIRONMENT, policy, rolloutPolicy, route, type Files } from '../manifest/support.ts';

const PROBE = '  probes: {readiness: {httpGet: {path: /}}}\n';
const ROUTE = route('cart', '  rules: [{backendRef: {name: cart}}]\n');
const shop = (cart: string, more: Files = {}): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', cart),
  'route.yaml': ROUTE,
  ...more,
});
const POLICY = rolloutPolicy('careful', '  bake: {duration: 1m}\n');
const ROLE = `apiVersion: headway.dev/v1alpha1
kind: Role
metadata: {name: basics, namespace: shop}
spec:
  capabilities: [{name: carts, keyValue: {store: carts}}]
`;
const RATES = `apiVersion: headway.dev/v1alpha1
kind: Config
metadata: {name: rates, namespace: shop}
spec:
  data: [{name: books, value: "0.07"}]
`;
const TAXED = '  config: [{name: tax, valueFrom: {configKeyRef: {name: rates, key: books}}}]\n';
const PAID = '  env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: pay, key: token}}}]\n';
const pay = (name: string, count: number): string =>
  secret({
    recipients: [RECIPIENT, RECIPIENT.replace('age1ql', 'age1pl')],
    data: `${name}, version: "1", encrypted: ${sealedLook(count)}}`,
  });
const waiver = (text: string): string => POLICY.replace('{name', `{annotations: {${text}}, name`);
const canary = (steps: string) => `${PROBE}  »rollout: {strategy: {type: Canary, canary: {steps: [${steps}]}}}\n`;

const sharing = (own: string, linked: string): Files => ({
  ...shop(`${PROBE}  ${own}\n  links: [{import: "shop:tax/rates@1.0.0", componentRef: {name: tax}}]\n`),
  'policy.yaml': policy('sharing', '  namespaces: [shop]\n  isolation: [Process, Strict, Shared]\n'),
  'tax.yaml': component('tax', linked),
});

const timed = (schedule: string, spec: string): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', spec),
  'schedule.yaml': `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: nightly, namespace: shop}
spec:
  schedule: ${schedule}
  backendRef: {name: cart}
`,
});

const remoteTo = (name: string) =>
  `  links: [{import: "shop:tax/rates", componentRef: {name: ${name}}, mode: Remote}]\n`;

/** For each rule of lint itself a document that it speaks about and one that it does not; `»` as in the other table. */
export const LINT_ROWS: readonly Row[] = [
  {
    code: 'HW1060',
    what: 'a component without a route',
    bad: {
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart', PROBE).replace('name: cart', 'name: »cart'),
    },
    good: shop(PROBE),
  },
  {
    code: 'HW1061',
    what: 'a policy that nobody refers to',
    bad: shop(PROBE, { 'careful.yaml': POLICY.replace('name: careful', 'name: »careful') }),
    good: shop(`${PROBE}  rollout: {policyRef: {name: careful}}\n`, { 'careful.yaml': POLICY }),
  },
  {
    code: 'HW1086',
    what: 'steps of a Singleton',
    bad: shop(`${PROBE}  instancePolicy: Singleton\n  »rollout: {strategy: {type: Rolling}}\n`),
    good: shop(`${PROBE}  instancePolicy: Singleton\n  rollout: {strategy: {type: BlueGreen}}\n`),
  },
  {
    code: 'HW1087',
    what: 'a Role that nobody refers to',
    bad: shop(PROBE, { 'basics.yaml': ROLE.replace('name: basics', 'name: »basics') }),
    good: shop(`${PROBE}  capabilities: [{name: web, roleRef: {name: basics}}]\n`, { 'basics.yaml': ROLE }),
  },
  {
    code: 'HW1062',
    what: 'too few synthetic requests for the gate',
    bad: shop(`${PROBE}  rollout: {gate: {synthetic: {requests: »99, httpGet: {path: /}}}}\n`),
    good: shop(`${PROBE}  rollout: {gate: {synthetic: {requests: 300, httpGet: {path: /}}}}\n`),
  },
  {
    code: 'HW1063',
    what: 'a first step that is most of the traffic',
    bad: shop(canary('{weight: 90}')),
    good: shop(canary('{weight: 10}, {weight: 50}').replace('»', '')),
  },
  { code: 'HW1064', what: 'traffic without a readiness probe', bad: noProbe(), good: shop(PROBE) },
  {
    code: 'HW1065',
    what: 'an approval that nobody waits for',
    bad: shop(`${PROBE}  rollout: {approvals: [{name: »boss, revision: b0b0c3d4e5f6}]}\n`),
    good: shop(
      `${PROBE}  rollout: {approvals: [{name: boss, revision: b0b0c3d4e5f6}], strategy: {type: Canary, canary: {steps: [{weight: 10, approval: {name: boss}}]}}}\n`,
    ),
  },
  {
    code: 'HW1113',
    what: 'entries that call each other in a circle',
    bad: shop(`${PROBE}  links: [{import: "shop:tax/rates", componentRef: {name: »tax}, mode: Remote}]\n`, {
      'tax.yaml': component('tax', remoteTo('cart')),
    }),
    good: shop(`${PROBE}${remoteTo('tax')}`, { 'tax.yaml': component('tax', PROBE) }),
  },
  {
    code: 'HW1066',
    what: 'rollout of a component that is only linked inline',
    bad: shop(`${PROBE}  links: [{import: "shop:tax/rates", componentRef: {name: tax}}]\n`, {
      'tax.yaml': component('tax', `${PROBE}  »rollout: {retry: 1}\n`),
    }),
    good: shop(`${PROBE}  links: [{import: "shop:tax/rates", componentRef: {name: tax}}]\n`, {
      'tax.yaml': component('tax', PROBE),
    }),
  },
  {
    code: 'HW1067',
    what: 'a drain that cuts slow requests off',
    bad: shop(`${PROBE}  limits: {requestTimeout: 20s}\n  drain: {deadline: »9s}\n`),
    good: shop(`${PROBE}  limits: {requestTimeout: 20s}\n  drain: {deadline: 30s}\n`),
  },
  {
    code: 'HW1068',
    what: 'a waiver without a reason',
    bad: shop(PROBE, { 'careful.yaml': waiver('lint.headway.dev/HW1061: »todo') }),
    good: shop(PROBE, { 'careful.yaml': waiver('lint.headway.dev/HW1061: used by the next commit') }),
  },
  {
    code: 'HW1069',
    what: 'a waiver that waives nothing',
    bad: shop(`${PROBE}  rollout: {policyRef: {name: careful}}\n`, {
      'careful.yaml': waiver('»lint.headway.dev/HW1061: used by the next commit'),
    }),
    good: shop(PROBE, { 'careful.yaml': waiver('lint.headway.dev/HW1061: used by the next commit') }),
  },
  {
    code: 'HW1082',
    what: 'a day that never comes',
    bad: timed('»"0 0 31 2 *"', ''),
    good: timed('"0 * 28 2 *"', '  rollout: {bake: {deadline: 72h}}\n'),
  },
  {
    code: 'HW1067',
    what: 'firings that come too seldom for the bake',
    bad: timed('»"15 2 * * *"', '  rollout: {bake: {deadline: 47h}}\n'),
    good: timed('"15 2 * * *"', '  rollout: {bake: {deadline: 48h}}\n'),
  },
  {
    code: 'HW1146',
    what: 'a Config that no component refers to',
    bad: shop(PROBE, { 'rates.yaml': RATES.replace('name: rates', 'name: »rates') }),
    good: shop(`${PROBE}${TAXED}`, { 'rates.yaml': RATES }),
  },
  {
    code: 'HW1146',
    what: 'a key of a Config that no component refers to',
    bad: shop(`${PROBE}${TAXED}`, { 'rates.yaml': RATES.replace(']', ', {name: »food, value: "0.07"}]') }),
    good: shop(`${PROBE}${TAXED}`, { 'rates.yaml': RATES }),
  },
  {
    code: 'HW1148',
    what: 'a value that one of the recipients cannot open',
    bad: shop(`${PROBE}${PAID}`, { 'pay.yaml': pay('{name: »token', 1) }),
    good: shop(`${PROBE}${PAID}`, { 'pay.yaml': pay('{name: token', 2) }),
  },
  {
    code: 'HW1067',
    what: 'more successes than the deadline of a probe has room for',
    bad: shop(
      '  probes: {readiness: {httpGet: {path: /}, period: 5s, timeout: 1s, deadline: 20s, successThreshold: »5}}\n',
    ),
    good: shop(
      '  probes: {readiness: {httpGet: {path: /}, period: 5s, timeout: 1s, deadline: 21s, successThreshold: 5}}\n',
    ),
  },
  {
    code: 'HW1218',
    what: 'to share, and to link inline what does not',
    bad: sharing('isolation: »Shared', ''),
    good: sharing('isolation: Shared', '  isolation: Shared\n'),
  },
  {
    code: 'HW1213',
    what: 'a Policy for a namespace that nobody has',
    bad: shop(PROBE, { 'top.yaml': policy('top', '  namespaces: [shop, »shopp]\n') }),
    good: shop(PROBE, { 'top.yaml': policy('top', '  namespaces: [shop, "*"]\n') }),
  },
  {
    code: 'HW1213',
    what: 'a freeze window for a namespace that nobody has',
    bad: shop(PROBE, { 'environment.yaml': frozen('»shops') }),
    good: shop(PROBE, { 'environment.yaml': frozen('shop') }),
  },
  {
    code: 'HW1082',
    what: 'a freeze window that never comes',
    bad: shop(PROBE, { 'environment.yaml': frozen('shop', '»"0 0 31 2 *"') }),
    good: shop(PROBE, { 'environment.yaml': frozen('shop', '"0 0 28 2 *"') }),
  },
  {
    code: 'HW1215',
    what: 'a freeze window that begins again before it is over',
    bad: shop(PROBE, { 'environment.yaml': frozen('shop', '"0 18 * * *"', '»24h') }),
    good: shop(PROBE, { 'environment.yaml': frozen('shop', '"0 18 * * *"', '23h') }),
  },
  {
    code: 'HW1214',
    what: 'an emergency for a revision that this is not',
    bad: shop(`${PROBE}  rollout: {emergency: {revision: »b0b0c3d4e5f6, reason: "the shop is down"}}\n`),
    good: shop(PROBE),
  },
  {
    code: 'HW1201',
    what: 'a header with a space that none arrives with',
    bad: shop(PROBE, { 'route.yaml': matching('»"beta "') }),
    good: shop(PROBE, { 'route.yaml': matching('beta') }),
  },
  {
    code: 'HW1155',
    what: 'a variable in a patch',
    bad: shop(PROBE, { 'environment.yaml': patched('»"${host}"') }),
    good: shop(PROBE, { 'environment.yaml': patched('live.example') }),
  },
  {
    code: 'HW1155',
    what: 'a variable in a document that is in no base',
    bad: shop(PROBE, { 'environment.yaml': patched('live.example'), 'route.yaml': matching('»"${host}"') }),
    good: shop(PROBE, { 'environment.yaml': patched('live.example'), 'route.yaml': matching('"${HOME}"') }),
  },
];

function patched(value: string): string {
  return environment(`  bases: [../../base]
  variables: [{name: host, value: live.example}]
  patches: [{target: {kind: Route, namespace: shop, name: shared}, patch: {spec: {hostnames: [${value}]}}}]
`);
}

function frozen(namespace: string, schedule = '"0 18 * * 5"', duration = '62h'): string {
  return environment(
    `  freezeWindows: [{name: weekend, schedule: ${schedule}, duration: ${duration}, namespaces: [${namespace}]}]
`,
  );
}

function matching(value: string): string {
  return route(
    'cart',
    `  rules: [{matches: [{headers: [{name: x-channel, value: ${value}}]}], backendRef: {name: cart}}]\n`,
  );
}

function noProbe(): Files {
  return { ...shop(''), 'cart.yaml': component('cart', '').replace('spec:', '»spec:') };
}
