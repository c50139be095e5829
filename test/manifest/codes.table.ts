import type { Code } from '../../src/model/codes.ts';
import { secret, sealedLook } from '../support/sealed.ts';
import { component, environment, ENVIRONMENT, policy, rolloutPolicy, route, type Files } from './support.ts';

/**
 * For each code a bad document and a good one. `»` stands before the first character of what is wrong; a file without
 * it has its finding at the start of what is said in `at`.
 */
export interface Row {
  readonly code: Code;
  readonly what: string;
  readonly bad: Files;
  readonly good: Files;
  /** Where the mark cannot stand in the text. */
  readonly at?: string;
  /** Part of the message or the remedy. */
  readonly says?: string;
}

const head = (kind: string) => `apiVersion: headway.dev/v1alpha1\nkind: ${kind}\n`;
const one = (text: string): Files => ({ 'environment.yaml': ENVIRONMENT, 'file.yaml': text });
const shop = (spec: string): Files => one(component('cart', spec));
const rollout = (spec: string): Files => one(rolloutPolicy('careful', spec));
const routed = (spec: string, more: Files = {}): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  'route.yaml': route('cart', spec),
  ...more,
});
const timed = (spec: string): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  'schedule.yaml': `${head('Schedule')}metadata: {name: nightly, namespace: shop}\nspec:\n${spec}`,
});
const env = (spec: string): Files => ({ 'environment.yaml': environment(spec) });
const ceiling = (spec: string, shopSpec: string): Files => ({
  'environment.yaml': ENVIRONMENT,
  'policy.yaml': policy('ceiling', `  namespaces: [shop]\n${spec}`),
  'cart.yaml': component('cart', shopSpec),
});

const PUBLIC_KEY =
  '-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdHfYpMIIrCuth0S9D1KbH/6P8DZJ\\nMkb/zu1RBKr+YIKGKXnn+FyVc+R7EUlEsBhptmO4ZDQwHKn5t0FKRqxrrg==\\n-----END PUBLIC KEY-----';
/** `KEY` is a key, `BAD` is one that is not on the curve. */
const signedBy = (source: string, key: string) =>
  `  artifacts: {signatures: [{source: ${quoted(source)}, keys: [${quoted(key)}]}]}\n`
    .replace('KEY', PUBLIC_KEY)
    .replace('BAD', PUBLIC_KEY.replace('MFkw', 'MFkx'));
const quoted = (text: string) => (text.startsWith('»') ? `»"${text.slice(1)}"` : `"${text}"`);

const FOLDER = { HW1242: 'missing', HW1243: 'large' } as const;
const RULE = '  rules:\n    - backendRef: {name: cart}\n';
const CANARY = (steps: string) => `  strategy: {type: Canary, canary: {steps: [${steps}]}}\n`;
const PREVIEWED = (host: string) => `  rollout: {strategy: {type: BlueGreen, blueGreen: {previewHostname: ${host}}}}\n`;
const role = (grants: string) =>
  `${head('Role')}metadata: {name: basics, namespace: shop}\nspec:\n  capabilities: [${grants}]\n`;
const rates = (data: string) => `${head('Config')}metadata: {name: rates, namespace: shop}\nspec:\n  data: [${data}]\n`;
const TAXED = (name: string, key: string) =>
  `  config: [{name: tax, valueFrom: {configKeyRef: {name: ${name}, key: ${key}}}}]\n`;
const PAID = (name: string, key: string) =>
  `  env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: ${name}, key: ${key}}}}]\n`;
const TOKEN = `{name: token, version: "1", encrypted: ${sealedLook()}}`;
const checked = (calls: string, standIns = ''): Files => ({
  ...routed(
    '  hostnames: [shop.example.com]\n  rules:\n    - matches: [{path: {value: /cart}, method: GET}]\n      backendRef: {name: cart}\n',
  ),
  'check.yaml': `${head('Check')}metadata: {name: cart, namespace: shop}\nspec:\n  standIns: [${standIns}]\n  calls: [${calls}]\n`,
});
const VISIT = (path: string) => `{name: visit, request: {hostname: shop.example.com, path: ${path}}}`;
const CALLED = (component: string) => `{name: call, export: {componentRef: {name: ${component}}, function: about}}`;
const STAND_IN = (key: string) => `{secretKeyRef: {name: pay, key: ${key}}, value: a}`;
const TENANTS = '  tenants: [{namespace: shop, path: tenants/shop}, {namespace: bank, path: tenants/bank}]\n';

const KEPT = '  capabilities: [{name: g, keyValue: {store: carts, access: ReadWrite}}]\n  state: {version: "1"}\n';
const LINKED = '  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: cart}}]\n';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const fetched = (source: string) => component('cart').replace('path: cart.wasm', source);

const SIGNER = '{name: ada, ssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA ada@example.com"}';

export const ROWS: readonly Row[] = [
  { code: 'HW1001', what: 'a flow map that is not closed', bad: one('a: {b: 1\n»c: 2\n'), good: shop('') },
  { code: 'HW1001', what: 'bad indentation', bad: one('a:\n    b: 1\n» c: 2\n'), good: shop('') },
  { code: 'HW1001', what: 'a tab as indentation', bad: one('a:\n»\tb: 1\n'), good: shop('') },
  // One finding of one fault: a tab shifts all lines below it, and a template is a mapping for a key.
  {
    code: 'HW1001',
    what: 'tabs in every line',
    bad: one('a:\n»\tb: 1\n\tc: 2\n\td: {e: 1, e: 2}\n'),
    good: shop(''),
  },
  {
    code: 'HW1001',
    what: 'a template that nobody filled in',
    bad: one(component('cart').replace('name: cart', 'name: {»{ .Values.name }}')),
    good: shop(''),
    says: 'a key in metadata.name is not text',
  },
  {
    code: 'HW1002',
    what: 'line ends of carriage returns alone',
    bad: one('a: 1»\rb: 2\r'),
    good: one(component('cart').replaceAll('\n', '\r\n')),
    says: 'U+000D',
  },
  {
    code: 'HW1002',
    what: 'a control character',
    bad: one('a: »\u0007\n'),
    good: one(component('cart', '  restartToken: "ä ✓ 日本"\n')),
  },
  {
    code: 'HW1002',
    what: 'text that is shown in another order',
    bad: one('a: 1 # »\u202e b\n'),
    good: one(`# grün ✓\n${component('cart')}`),
    says: 'U+202E',
  },
  { code: 'HW1003', what: 'nesting', bad: one(`${'['.repeat(32)}»[`), good: shop('') },
  { code: 'HW1004', what: 'an anchor', bad: shop('  env: [{name: A, value: &a »x}]\n'), good: shop('') },
  { code: 'HW1004', what: 'an alias', bad: one('a: b\nc: »*b\n'), good: shop('') },
  { code: 'HW1004', what: 'a tag', bad: one('a: !!binary »aGk=\n'), good: shop('') },
  {
    code: 'HW1004',
    what: 'a merge key',
    bad: shop('  limits: {»<<: {cpu: 1}}\n'),
    good: shop('  limits: {cpu: "1"}\n'),
  },
  { code: 'HW1004', what: 'a directive', bad: one('»%YAML 1.1\n---\na: 1\n'), good: shop('') },
  {
    code: 'HW1005',
    what: 'a key twice',
    bad: shop('  suspend: true\n  »suspend: false\n'),
    good: shop('  suspend: true\n'),
    says: '`suspend` is written twice in spec',
  },
  {
    code: 'HW1006',
    what: 'yes for a boolean',
    bad: shop('  suspend: »yes\n'),
    good: shop('  suspend: true\n'),
    says: 'true or false',
  },
  {
    code: 'HW1006',
    what: 'no for text',
    bad: shop('  env: [{name: COUNTRY, value: »NO}]\n'),
    good: shop('  env: [{name: COUNTRY, value: "NO"}]\n'),
  },
  {
    code: 'HW1006',
    what: 'a number that is octal in YAML 1.1',
    bad: shop('  rollout: {retry: »010}\n'),
    good: shop('  rollout: {retry: 10}\n'),
    says: '`010` at spec.rollout.retry is 8 in YAML 1.1 and 10 in 1.2\nwrite 10 or 8',
  },
  {
    code: 'HW1007',
    what: 'not a number',
    bad: shop('  limits: {queue: ».nan}\n'),
    good: shop('  limits: {queue: 1}\n'),
  },
  {
    code: 'HW1007',
    what: 'half a character',
    bad: shop('  env: [{name: A, value: »"\\ud800"}]\n'),
    good: shop('  env: [{name: A, value: "\\U0001F600"}]\n'),
  },
  {
    code: 'HW1007',
    what: 'a number that is not exact',
    bad: shop('  limits: {queue: »9007199254740993}\n'),
    good: shop(''),
  },
  {
    code: 'HW1010',
    what: 'another apiVersion',
    bad: one('apiVersion: »headway.dev/v1\nkind: Component\n'),
    good: shop(''),
  },
  {
    code: 'HW1010',
    what: 'no apiVersion',
    bad: one('»kind: Component\n'),
    good: shop(''),
    says: 'the document has no apiVersion\n',
  },
  { code: 'HW1010', what: 'a foreign document', bad: one('»services: {web: {image: nginx}}\n'), good: shop('') },
  {
    code: 'HW1011',
    what: 'a kind with a typo',
    bad: one(head('»Componnent')),
    good: shop(''),
    says: 'did you mean `Component`',
  },
  { code: 'HW1011', what: "the host's own file", bad: one(head('»Runtime')), good: shop(''), says: '--config' },
  {
    code: 'HW1029',
    what: 'a Schedule that is no cron expression',
    bad: timed('  schedule: »"61 * * * *"\n  backendRef: {name: cart}\n'),
    good: timed('  schedule: "15 2 * * *"\n  backendRef: {name: cart}\n'),
  },
  {
    code: 'HW1029',
    what: 'six fields',
    bad: timed('  schedule: »"0 15 2 * * *"\n  backendRef: {name: cart}\n'),
    good: timed('  schedule: "15 2 * * mon-fri"\n  backendRef: {name: cart}\n'),
  },
  {
    code: 'HW1029',
    what: 'a time zone that is none',
    bad: timed('  schedule: "15 2 * * *"\n  timeZone: »Europe/Atlantis\n  backendRef: {name: cart}\n'),
    good: timed('  schedule: "15 2 * * *"\n  timeZone: Europe/Berlin\n  backendRef: {name: cart}\n'),
  },
  {
    code: 'HW1023',
    what: 'a Schedule of no component',
    bad: timed('  schedule: "15 2 * * *"\n  backendRef: {name: »cat}\n'),
    good: timed('  schedule: "15 2 * * *"\n  backendRef: {name: cart}\n'),
  },
  {
    code: 'HW1080',
    what: 'arguments for what is no command',
    bad: timed(
      '  schedule: "15 2 * * *"\n  backendRef: {name: cart, export: {interface: "a:b/c", function: d}, »args: [e]}\n',
    ),
    good: timed('  schedule: "15 2 * * *"\n  backendRef: {name: cart, args: [e]}\n'),
  },
  {
    code: 'HW1084',
    what: 'parameters by name for a command',
    bad: timed('  schedule: "15 2 * * *"\n  backendRef: {name: cart, »parameters: {day: yesterday}}\n'),
    good: timed('  schedule: "15 2 * * *"\n  backendRef: {name: cart, args: [--day, yesterday]}\n'),
  },
  { code: 'HW1012', what: 'a kind of later', bad: one(head('»Subscription')), good: shop('') },
  {
    code: 'HW1013',
    what: 'a field with a typo',
    bad: rollout(CANARY('{»wieght: 10}').replace('}]', ', weight: 10}]')),
    good: rollout(CANARY('{weight: 10}')),
    says: 'did you mean `weight`',
  },
  {
    code: 'HW1013',
    what: 'a field of another place',
    bad: shop('  »replicas: 3\n'),
    good: shop('  scaling: {minReplicas: 3}\n'),
  },
  {
    code: 'HW1013',
    what: 'a reference into another namespace',
    bad: routed('  rules:\n    - backendRef: {name: cart, »namespace: other}\n'),
    good: routed(RULE),
    says: 'leave it out: what is named here is always of the namespace of its own document',
  },
  {
    code: 'HW1014',
    what: 'a missing field',
    bad: one(`${head('Component')}metadata: {name: a, namespace: b}\n»spec: {}\n`),
    good: shop(''),
  },
  {
    code: 'HW1014',
    what: 'a strategy without its settings',
    bad: rollout('  »strategy: {type: Canary}\n'),
    good: rollout('  strategy: {type: Immediate}\n'),
    says: 'canary',
  },
  {
    code: 'HW1014',
    what: 'none of the choices',
    bad: shop('  probes: {»readiness: {period: 1s}}\n'),
    good: shop('  probes: {readiness: {httpGet: {path: /}}}\n'),
    says: 'httpGet and export',
  },
  {
    code: 'HW1015',
    what: 'a number for text',
    bad: shop('  restartToken: »1\n'),
    good: shop('  restartToken: "1"\n'),
    says: 'quote it: "1"',
  },
  {
    code: 'HW1015',
    what: 'a number for a duration, which quotes would not mend',
    bad: shop('  limits: {requestTimeout: »2}\n'),
    good: shop('  limits: {requestTimeout: 2s}\n'),
    says: 'give it a unit: a duration is one to four whole numbers of at most five digits, each with h, m, s or ms; write for example 2s',
  },
  { code: 'HW1015', what: 'text for a list', bad: shop('  env: »A=b\n'), good: shop('  env: []\n'), says: 'list' },
  {
    code: 'HW1015',
    what: 'empty for a mapping',
    bad: shop('  »limits:\n'),
    good: shop('  limits: {}\n'),
    says: 'empty',
  },
  {
    code: 'HW1015',
    what: 'a revision of digits',
    bad: shop('  rollout: {approvals: [{name: boss, revision: »123456789012}]}\n'),
    good: shop('  rollout: {approvals: [{name: boss, revision: "123456789012"}]}\n'),
  },
  {
    code: 'HW1016',
    what: 'a value that is not in the list',
    bad: shop('  instancePolicy: »pooled\n'),
    good: shop('  instancePolicy: Pooled\n'),
    says: 'did you mean `Pooled`',
  },
  {
    code: 'HW1017',
    what: 'a size in the wrong unit',
    bad: shop('  limits: {memory: »64MB}\n'),
    good: shop('  limits: {memory: 64M}\n'),
    says: 'is not a size: a size is a whole number of at most twelve digits with Ki, Mi, Gi, k, M or G',
  },
  {
    code: 'HW1017',
    what: 'a duration without a unit',
    bad: shop('  drain: {deadline: »"30"}\n'),
    good: shop('  drain: {deadline: 30s}\n'),
    says: 'not a duration',
  },
  {
    code: 'HW1017',
    what: 'a duration in words',
    bad: shop('  drain: {deadline: »2 seconds}\n'),
    good: shop('  drain: {deadline: 2s}\n'),
    says: 'each with h, m, s or ms',
  },
  {
    code: 'HW1017',
    what: 'a name in capitals',
    bad: one(component('cart').replace('name: cart', 'name: »Cart')),
    good: shop(''),
    says: '"Cart" is malformed: it is at most 63 of a-z, 0-9 and -, and neither begins nor ends with -',
  },
  {
    code: 'HW1017',
    what: 'a path out of the repository',
    bad: one(component('cart').replace('cart.wasm', '»../cart.wasm')),
    good: shop(''),
    says: 'it is relative to the followed path, without a / at its start, without ..',
  },
  {
    code: 'HW1017',
    what: 'a host in capitals',
    bad: routed(`  hostnames: [»Shop.example]\n${RULE}`),
    good: routed(`  hostnames: [shop.example]\n${RULE}`),
  },
  {
    code: 'HW1017',
    what: 'a path with dots',
    bad: routed(`${RULE}      matches: [{path: {value: »/a/../b}}]\n`),
    good: routed(`${RULE}      matches: [{path: {value: /a/..b}}]\n`),
  },
  {
    code: 'HW1023',
    what: 'a Role',
    bad: shop('  capabilities: [{name: web, roleRef: {name: »basics}}]\n'),
    good: {
      ...shop('  capabilities: [{name: web, roleRef: {name: basics}}]\n'),
      'role.yaml': role('{name: a, sql: {connection: b}}'),
    },
  },
  {
    code: 'HW1024',
    what: 'a Role',
    bad: {
      ...shop('  capabilities: [{name: web, roleRef: {name: »basics}}]\n'),
      'role.yaml': role('{name: a, sql: {conection: b}}'),
    },
    good: {
      ...shop('  capabilities: [{name: web, roleRef: {name: basics}}]\n'),
      'role.yaml': role('{name: a, sql: {connection: b}}'),
    },
  },
  {
    code: 'HW1030',
    what: 'grants of a Role',
    bad: { ...shop(''), 'role.yaml': role('{name: a, sql: {connection: b}}, {name: »a, sql: {connection: c}}') },
    good: { ...shop(''), 'role.yaml': role('{name: a, sql: {connection: b}}, {name: b, sql: {connection: c}}') },
  },
  {
    code: 'HW1023',
    what: 'a Config',
    bad: { ...shop(TAXED('»rates', 'books')) },
    good: { ...shop(TAXED('rates', 'books')), 'rates.yaml': rates('{name: books, value: "0.07"}') },
  },
  {
    code: 'HW1024',
    what: 'a Config',
    bad: { ...shop(TAXED('»rates', 'books')), 'rates.yaml': rates('{name: books, value: 0.07}') },
    good: { ...shop(TAXED('rates', 'books')), 'rates.yaml': rates('{name: books, value: "0.07"}') },
  },
  {
    code: 'HW1030',
    what: 'a key of a Config',
    bad: { ...shop(''), 'rates.yaml': rates('{name: books, value: a}, {name: »books, value: b}') },
    good: { ...shop(''), 'rates.yaml': rates('{name: books, value: a}, {name: food, value: b}') },
  },
  {
    code: 'HW1145',
    what: 'of a Config',
    bad: { ...shop(TAXED('rates', '»boks')), 'rates.yaml': rates('{name: books, value: a}') },
    good: { ...shop(TAXED('rates', 'books')), 'rates.yaml': rates('{name: books, value: a}') },
    says: 'did you mean `books`',
  },
  { code: 'HW1225', what: 'another path', bad: checked(VISIT('»/card')), good: checked(VISIT('/cart/1?a=b')) },
  {
    code: 'HW1225',
    what: 'another host',
    bad: checked('{name: visit, request: {path: »/cart}}'),
    good: checked(VISIT('/cart')),
    says: 'GET /cart of host localhost',
  },
  {
    code: 'HW1226',
    what: 'a status of a function',
    bad: checked('{name: a, export: {componentRef: {name: cart}, function: b}, expect: {»status: 200}}'),
    good: checked('{name: a, export: {componentRef: {name: cart}, function: b}, expect: {result: 1}}'),
  },
  {
    code: 'HW1226',
    what: 'a result of a request',
    bad: checked('{name: a, request: {hostname: shop.example.com, path: /cart}, expect: {»result: 1}}'),
    good: checked('{name: a, request: {hostname: shop.example.com, path: /cart}, expect: {status: 404}}'),
  },
  {
    code: 'HW1227',
    what: 'in one document',
    bad: checked(CALLED('cart'), `${STAND_IN('token')}, ${STAND_IN('»token')}`),
    good: checked(CALLED('cart'), `${STAND_IN('token')}, ${STAND_IN('other')}`),
  },
  { code: 'HW1023', what: 'of a Check', bad: checked(CALLED('»card')), good: checked(CALLED('cart')) },
  {
    code: 'HW1030',
    what: 'calls of a Check',
    bad: checked(`${CALLED('cart')}, ${CALLED('cart').replace('call', '»call')}`),
    good: checked(CALLED('cart')),
  },
  {
    code: 'HW1023',
    what: 'a Secret',
    bad: { ...shop(PAID('»pay', 'token')) },
    good: { ...shop(PAID('pay', 'token')), 'pay.yaml': secret({ data: TOKEN }) },
  },
  {
    code: 'HW1145',
    what: 'of a Secret',
    bad: { ...shop(PAID('pay', '»tokn')), 'pay.yaml': secret({ data: TOKEN }) },
    good: { ...shop(PAID('pay', 'token')), 'pay.yaml': secret({ data: TOKEN }) },
    says: 'did you mean `token`',
  },
  {
    code: 'HW1147',
    what: 'a value in the clear',
    bad: { ...shop(''), 'pay.yaml': secret({ data: '{name: token, version: "1", »encrypted: hunter2}' }) },
    good: { ...shop(''), 'pay.yaml': secret({ data: TOKEN }) },
  },
  {
    code: 'HW1042',
    what: 'a capability of a Role, at the reference',
    bad: {
      ...shop('  capabilities: [{name: web, »roleRef: {name: basics}}]\n'),
      'role.yaml': role('{name: a, sql: {connection: b}}'),
    },
    good: { ...shop(''), 'role.yaml': role('{name: a, sql: {connection: b}}') },
    says: 'the capability sql, at role.yaml:5:28',
  },
  {
    code: 'HW1018',
    what: 'a number',
    bad: shop('  limits: {concurrency: »0}\n'),
    good: shop('  limits: {concurrency: 1}\n'),
    says: 'from 1 to 10000',
  },
  {
    code: 'HW1018',
    what: 'a duration',
    bad: shop('  probes: {readiness: {httpGet: {path: /}, period: »9ms}}\n'),
    good: shop('  probes: {readiness: {httpGet: {path: /}, period: 10ms}}\n'),
    says: 'from 10ms to 1m',
  },
  {
    code: 'HW1018',
    what: 'a percentage',
    bad: rollout('  gate: {latency: {percentile: »49.9%}}\n'),
    good: rollout('  gate: {latency: {percentile: 50%}}\n'),
  },
  {
    code: 'HW1019',
    what: 'two of the choices',
    bad: shop('  probes: {readiness: {httpGet: {path: /}, »export: {interface: "a:b/c", function: d}}}\n'),
    good: shop('  probes: {readiness: {export: {interface: "a:b/c", function: d}}}\n'),
  },
  {
    code: 'HW1019',
    what: 'a policy and own settings',
    bad: shop('  rollout: {policyRef: {name: a}, »bake: {duration: 1m}}\n'),
    good: shop('  rollout: {bake: {duration: 1m}}\n'),
  },
  {
    code: 'HW1019',
    what: 'two sources',
    bad: one(
      component('cart')
        .replace('source:', '»source:')
        .replace('cart.wasm', 'cart.wasm, oci: {image: a/b, digest: "sha256:' + '0'.repeat(64) + '"}'),
    ),
    good: shop(''),
  },
  {
    code: 'HW1019',
    what: 'settings of another strategy',
    bad: rollout('  strategy: {type: Immediate, »canary: {steps: [{weight: 1}]}}\n'),
    good: rollout(CANARY('{weight: 1}')),
    says: 'does not go with type "Immediate"',
  },
  { code: 'HW1020', what: 'no Environment', bad: { 'cart.yaml': component('cart') }, good: shop(''), at: '?:0:0' },
  {
    code: 'HW1020',
    what: 'two Environments',
    bad: {
      'a.yaml': ENVIRONMENT.replace('Environment', '»Environment'),
      'b.yaml': ENVIRONMENT.replace('Environment', '»Environment').replace('test', 'two'),
    },
    good: shop(''),
  },
  {
    code: 'HW1021',
    what: 'a document twice',
    bad: {
      'environment.yaml': ENVIRONMENT,
      'a.yaml': component('»cart').replace('»cart.wasm', 'cart.wasm'),
      'b.yaml': component('»cart').replace('»cart.wasm', 'cart.wasm'),
    },
    good: { 'environment.yaml': ENVIRONMENT, 'a.yaml': component('cart'), 'b.yaml': component('cart', '', 'bank') },
  },
  {
    code: 'HW1022',
    what: "a document in another tenant's path",
    bad: { 'environment.yaml': environment(TENANTS), 'tenants/bank/cart.yaml': component('cart', '', '»shop') },
    good: { 'environment.yaml': environment(TENANTS), 'tenants/shop/cart.yaml': component('cart') },
  },
  {
    code: 'HW1022',
    what: 'a Policy in the path of a tenant',
    bad: {
      'environment.yaml': environment(TENANTS),
      'tenants/bank/policy.yaml': policy('»mine', '  namespaces: [shop]\n'),
    },
    good: { 'environment.yaml': environment(TENANTS), 'policy.yaml': policy('mine', '  namespaces: [shop]\n') },
  },
  {
    code: 'HW1023',
    what: 'a policy that is not there',
    bad: shop('  rollout: {policyRef: {name: »careful}}\n'),
    good: { ...shop('  rollout: {policyRef: {name: careful}}\n'), 'b.yaml': rolloutPolicy('careful', '  bake: {}\n') },
  },
  {
    code: 'HW1023',
    what: 'a component that is not there',
    bad: one(route('a', '  rules: [{backendRef: {name: »gone}}]\n')),
    good: routed(RULE),
  },
  {
    code: 'HW1024',
    what: 'a policy that is invalid',
    bad: {
      ...shop('  rollout: {policyRef: {name: »careful}}\n'),
      'b.yaml': rolloutPolicy('careful', CANARY('{weight: 0}')),
    },
    good: {
      ...shop('  rollout: {policyRef: {name: careful}}\n'),
      'b.yaml': rolloutPolicy('careful', CANARY('{weight: 1}')),
    },
  },
  {
    code: 'HW1024',
    what: 'a component that is invalid',
    bad: { ...shop('  suspend: 1\n'), 'route.yaml': route('a', '  rules: [{backendRef: {name: »cart}}]\n') },
    good: routed(RULE),
  },
  {
    code: 'HW1025',
    what: 'a match in two Routes of a namespace',
    bad: routed(RULE.replace('- ', '- »'), { 'b.yaml': route('b', '  rules: [»{backendRef: {name: cart}}]\n') }),
    good: routed(RULE, { 'b.yaml': route('b', '  rules: [{backendRef: {name: cart}, matches: [{method: GET}]}]\n') }),
  },
  {
    code: 'HW1026',
    what: 'weights that fall',
    bad: rollout(CANARY('{weight: 50}, {weight: »50}')),
    good: rollout(CANARY('{weight: 50}, {weight: 51}')),
  },
  {
    code: 'HW1027',
    what: 'a deadline before the end of the step',
    bad: rollout(CANARY('{weight: 5, minDuration: 1m, deadline: »1m}')),
    good: rollout(CANARY('{weight: 5, minDuration: 1m, deadline: 61s}')),
  },
  {
    code: 'HW1027',
    what: 'a BlueGreen that is late before its preview is over',
    bad: rollout('  strategy: {type: BlueGreen, blueGreen: {previewDuration: 5m, deadline: »5m}}\n'),
    good: rollout('  strategy: {type: BlueGreen, blueGreen: {previewDuration: 5m, deadline: 6m}}\n'),
  },
  {
    code: 'HW1027',
    what: 'a preview that lasts as long as the default deadline',
    bad: rollout('  strategy: {type: BlueGreen, blueGreen: {previewDuration: »15m}}\n'),
    good: rollout('  strategy: {type: BlueGreen, blueGreen: {previewDuration: 14m}}\n'),
  },
  {
    code: 'HW1027',
    what: 'a rolling step that is late before it is over',
    bad: rollout('  strategy: {type: Rolling, rolling: {minDuration: 1m, deadline: »1m}}\n'),
    good: rollout('  strategy: {type: Rolling, rolling: {minDuration: 1m, deadline: 61s}}\n'),
  },
  {
    code: 'HW1027',
    what: 'intolerable below tolerable',
    bad: rollout('  gate: {errors: {tolerable: 3%, intolerable: »3%}}\n'),
    good: rollout('  gate: {errors: {tolerable: 3%, intolerable: 4%}}\n'),
  },
  {
    code: 'HW1027',
    what: 'a bake that ends after its deadline',
    bad: rollout('  bake: {duration: 2h, deadline: »1h}\n'),
    good: rollout('  bake: {duration: 1h, deadline: 1h}\n'),
  },
  {
    code: 'HW1027',
    what: 'more replicas at least than at most',
    bad: shop('  scaling: {minReplicas: 3, maxReplicas: »2}\n'),
    good: shop('  scaling: {minReplicas: 3, maxReplicas: 3}\n'),
  },
  {
    code: 'HW1027',
    what: 'a back-off that shrinks',
    bad: shop('  supervision: {backoff: {initial: 2s, max: »1s}}\n'),
    good: shop('  supervision: {backoff: {initial: 1s, max: 1s}}\n'),
  },
  {
    code: 'HW1027',
    what: 'a rename of what is still there',
    bad: { ...shop('  rollout: {replaces: »old}\n'), 'old.yaml': component('old') },
    good: shop('  rollout: {replaces: old}\n'),
  },
  {
    code: 'HW1028',
    what: 'an inline link to itself',
    bad: shop('  links: [{import: "a:b/c", componentRef: {name: »cart}}]\n'),
    good: shop(''),
  },
  {
    code: 'HW1028',
    what: 'an inline link into another namespace',
    bad: {
      ...shop('  links: [{import: "a:b/c", componentRef: {name: »tax, namespace: bank}}]\n'),
      'b.yaml': component('tax', '', 'bank'),
    },
    good: {
      ...shop('  links: [{import: "a:b/c", componentRef: {name: tax}}]\n'),
      'b.yaml': component('tax'),
    },
  },
  {
    code: 'HW1029',
    what: 'a schedule',
    bad: env('  freezeWindows: [{name: a, schedule: »"0 25 * * *", duration: 1h}]\n'),
    good: env('  freezeWindows: [{name: a, schedule: "0 23 * * 1-5,sun", duration: 1h}]\n'),
  },
  {
    code: 'HW1029',
    what: 'a time zone',
    bad: env('  freezeWindows: [{name: a, schedule: "0 1 * * *", duration: 1h, timeZone: »Europe/Berlim}]\n'),
    good: env('  freezeWindows: [{name: a, schedule: "0 1 * * *", duration: 1h, timeZone: Europe/Berlin}]\n'),
  },
  {
    code: 'HW1030',
    what: 'a variable twice',
    bad: shop('  env: [{name: A, value: a}, {name: »A, value: b}]\n'),
    good: shop('  env: [{name: A, value: a}, {name: B, value: b}]\n'),
  },
  {
    code: 'HW1030',
    what: 'a host twice',
    bad: routed(`  hostnames: [a.example, »a.example]\n${RULE}`),
    good: routed(`  hostnames: [a.example, b.example]\n${RULE}`),
  },
  {
    code: 'HW1031',
    what: 'a host of somebody else',
    bad: {
      ...routed(`  hostnames: [a.shop.example, »bank.example]\n${RULE}`),
      'p.yaml': policy('p', '  namespaces: [shop]\n  hostnames: ["*.shop.example"]\n'),
    },
    good: {
      ...routed(`  hostnames: [a.shop.example]\n${RULE}`),
      'p.yaml': policy('p', '  namespaces: [shop]\n  hostnames: ["*.shop.example"]\n'),
    },
  },
  {
    code: 'HW1031',
    what: 'every host',
    bad: { ...routed(RULE), 'p.yaml': policy('p', '  namespaces: ["*"]\n  hostnames: ["*.shop.example"]\n') },
    good: routed(RULE),
    at: 'route.yaml:4:1',
  },
  {
    code: 'HW1032',
    what: 'hostnames times matches',
    bad: routed(
      `  hostnames: [${numbers(33, (n) => `h${n}.example`)}]\n  »rules:\n    - backendRef: {name: cart}\n      matches: [${numbers(32, (n) => `{path: {value: /p${n}}}`)}]\n`,
    ),
    good: routed(
      `  hostnames: [${numbers(32, (n) => `h${n}.example`)}]\n  rules:\n    - backendRef: {name: cart}\n      matches: [${numbers(32, (n) => `{path: {value: /p${n}}}`)}]\n`,
    ),
  },
  {
    code: 'HW1160',
    what: 'signatures of what lies in git',
    bad: ceiling(signedBy('»path:cart.wasm', 'KEY'), ''),
    good: ceiling(signedBy('oci:*', 'KEY'), ''),
  },
  {
    code: 'HW1161',
    what: 'a key that is none',
    bad: ceiling(signedBy('oci:*', '»BAD'), ''),
    good: ceiling(signedBy('oci:*', 'KEY'), ''),
  },
  {
    code: 'HW1162',
    what: 'signatures of nobody',
    bad: ceiling('  artifacts: {signatures: [{source: »"oci:*"}]}\n', ''),
    good: ceiling(signedBy('oci:*', 'KEY'), ''),
  },
  {
    code: 'HW1040',
    what: 'memory',
    bad: ceiling('  limits: {memory: 64Mi}\n', '  limits: {»memory: 65Mi}\n'),
    good: ceiling('  limits: {memory: 64Mi}\n', '  limits: {memory: 64Mi}\n'),
  },
  {
    code: 'HW1040',
    what: 'concurrency',
    bad: ceiling('  limits: {concurrency: 8}\n', '  limits: {»concurrency: 9}\n'),
    good: ceiling('  limits: {concurrency: 8}\n', '  limits: {concurrency: 8}\n'),
  },
  {
    code: 'HW1040',
    what: 'processors',
    bad: ceiling('  limits: {cpu: 500m}\n', '  limits: {»cpu: 501m}\n'),
    good: ceiling('  limits: {cpu: 500m}\n', '  limits: {cpu: 500m}\n'),
  },
  {
    code: 'HW1040',
    what: 'instances',
    bad: ceiling('  limits: {instances: 4}\n', '  limits: {»instances: 5}\n'),
    good: ceiling('  limits: {instances: 4}\n', '  limits: {instances: 4}\n'),
  },
  {
    code: 'HW1040',
    what: 'the queue',
    bad: ceiling('  limits: {queue: 8}\n', '  limits: {»queue: 9}\n'),
    good: ceiling('  limits: {queue: 8}\n', '  limits: {queue: 8}\n'),
  },
  {
    code: 'HW1040',
    what: 'time to start',
    bad: ceiling('  limits: {startTimeout: 2s}\n', '  limits: {»startTimeout: 2001ms}\n'),
    good: ceiling('  limits: {startTimeout: 2s}\n', '  limits: {startTimeout: 2s}\n'),
  },
  {
    code: 'HW1040',
    what: 'answers',
    bad: ceiling('  limits: {responseBody: 1Mi}\n', '  limits: {»responseBody: 1025Ki}\n'),
    good: ceiling('  limits: {responseBody: 1Mi}\n', '  limits: {responseBody: 1Mi}\n'),
  },
  {
    code: 'HW1040',
    what: 'output',
    bad: ceiling('  limits: {logBytesPerSecond: 1Ki}\n', '  limits: {»logBytesPerSecond: 2Ki}\n'),
    good: ceiling('  limits: {logBytesPerSecond: 1Ki}\n', '  limits: {logBytesPerSecond: 1Ki}\n'),
  },
  {
    code: 'HW1040',
    what: 'headers',
    bad: ceiling('  limits: {headers: 64}\n', '  limits: {»headers: 65}\n'),
    good: ceiling('  limits: {headers: 64}\n', '  limits: {headers: 64}\n'),
  },
  {
    code: 'HW1040',
    what: 'handles',
    bad: ceiling('  limits: {handles: 64}\n', '  limits: {»handles: 65}\n'),
    good: ceiling('  limits: {handles: 64}\n', '  limits: {handles: 64}\n'),
  },
  {
    code: 'HW1040',
    what: 'sockets',
    bad: ceiling('  limits: {sockets: 4}\n', '  limits: {»sockets: 5}\n'),
    good: ceiling('  limits: {sockets: 4}\n', '  limits: {sockets: 4}\n'),
  },
  {
    code: 'HW1040',
    what: 'files',
    bad: ceiling('  limits: {files: 16}\n', '  limits: {»files: 17}\n'),
    good: ceiling('  limits: {files: 16}\n', '  limits: {files: 16}\n'),
  },
  {
    code: 'HW1040',
    what: 'headers by default',
    bad: ceiling('  limits: {headers: 127}\n', '  »limits: {}\n'),
    good: ceiling('  limits: {headers: 128}\n', '  limits: {}\n'),
  },
  {
    code: 'HW1040',
    what: 'sockets by default',
    bad: ceiling('  limits: {sockets: 63}\n', '  »limits: {}\n'),
    good: ceiling('  limits: {sockets: 64}\n', '  limits: {}\n'),
  },
  {
    code: 'HW1040',
    what: 'files by default',
    bad: ceiling('  limits: {files: 511}\n', '  »limits: {}\n'),
    good: ceiling('  limits: {files: 512}\n', '  limits: {}\n'),
  },
  {
    code: 'HW1040',
    what: 'instances by concurrency',
    bad: ceiling('  limits: {instances: 31}\n', '  »limits: {}\n'),
    good: ceiling('  limits: {instances: 32}\n', '  limits: {}\n'),
  },
  {
    code: 'HW1040',
    what: 'replicas',
    bad: ceiling('  limits: {maxReplicas: 2}\n', '  scaling: {»maxReplicas: 3}\n'),
    good: ceiling('  limits: {maxReplicas: 2}\n', '  scaling: {maxReplicas: 2}\n'),
  },
  {
    code: 'HW1040',
    what: 'isolation',
    bad: ceiling('  isolation: [Strict]\n', '  »isolation: Process\n'),
    good: ceiling('  isolation: [Strict]\n', '  isolation: Strict\n'),
  },
  {
    code: 'HW1040',
    what: 'a short bake',
    bad: ceiling('  rollout: {minBake: 5m}\n', '  rollout: {bake: {»duration: 4m}}\n'),
    good: ceiling('  rollout: {minBake: 5m}\n', '  rollout: {bake: {duration: 5m}}\n'),
  },
  {
    code: 'HW1040',
    what: 'tolerance',
    bad: ceiling('  rollout: {maxTolerableErrors: 1%}\n', '  rollout: {gate: {errors: {»tolerable: 1.5%}}}\n'),
    good: ceiling('  rollout: {maxTolerableErrors: 1%}\n', '  rollout: {gate: {errors: {tolerable: 1%}}}\n'),
  },
  {
    code: 'HW1040',
    what: 'an emergency',
    bad: ceiling(
      '  rollout: {allowEmergency: false}\n',
      '  rollout: {»emergency: {revision: b0b0c3d4e5f6, reason: fire}}\n',
    ),
    good: ceiling(
      '  rollout: {allowEmergency: true}\n',
      '  rollout: {emergency: {revision: b0b0c3d4e5f6, reason: fire}}\n',
    ),
  },
  {
    code: 'HW1041',
    what: 'a Policy that never was valid',
    bad: {
      ...shop(''),
      'file.yaml': component('»cart').replace('»cart.wasm', 'cart.wasm'),
      'p.yaml': policy('p', '  namespaces: []\n'),
    },
    good: shop(''),
  },
  {
    code: 'HW1070',
    what: 'a preview host that looks like that of a release',
    bad: rollout('  strategy: {type: BlueGreen, blueGreen: {previewHostname: »0123456789ab--cart.preview.example}}\n'),
    good: rollout('  strategy: {type: BlueGreen, blueGreen: {previewHostname: 0123456789ab-cart.preview.example}}\n'),
  },
  {
    code: 'HW1071',
    what: 'a preview host of two components',
    bad: {
      ...shop(PREVIEWED('»cart.preview.example')),
      'tax.yaml': component('tax', PREVIEWED('»cart.preview.example')),
    },
    good: {
      ...shop(PREVIEWED('cart.preview.example')),
      'tax.yaml': component('tax', PREVIEWED('tax.preview.example')),
    },
  },
  {
    code: 'HW1071',
    what: 'a preview host that is a host of a Route',
    bad: { ...routed(`  hostnames: [a.example]\n${RULE}`), 'cart.yaml': component('cart', PREVIEWED('»a.example')) },
    good: { ...routed(`  hostnames: [b.example]\n${RULE}`), 'cart.yaml': component('cart', PREVIEWED('a.example')) },
    says: 'the Route shop/cart',
  },
  {
    code: 'HW1031',
    what: 'a preview host of somebody else',
    bad: {
      ...shop(PREVIEWED('»bank.example')),
      'p.yaml': policy('p', '  namespaces: [shop]\n  hostnames: ["*.shop.example"]\n'),
    },
    good: {
      ...shop(PREVIEWED('preview.shop.example')),
      'p.yaml': policy('p', '  namespaces: [shop]\n  hostnames: ["*.shop.example"]\n'),
    },
  },
  {
    code: 'HW1031',
    what: 'a preview host of somebody else, in a RolloutPolicy',
    bad: {
      ...shop('  »rollout: {policyRef: {name: q}}\n'),
      'q.yaml': rolloutPolicy('q', '  strategy: {type: BlueGreen, blueGreen: {previewHostname: bank.example}}\n'),
      'p.yaml': policy('p', '  namespaces: [shop]\n  hostnames: ["*.shop.example"]\n'),
    },
    good: shop(''),
  },
  {
    code: 'HW1026',
    what: 'a weight that falls behind a step without one',
    bad: rollout(CANARY('{weight: 50}, {mirror: {percent: 10}}, {weight: »50}')),
    good: rollout(CANARY('{headers: [{name: a, value: b}]}, {weight: 1}, {mirror: {percent: 10}}, {weight: 51}')),
  },
  {
    code: 'HW1042',
    what: 'a capability',
    bad: shop('  capabilities: [{name: a, »blobStore: {container: b}}]\n'),
    good: shop('  capabilities: []\n'),
  },
  {
    code: 'HW1130',
    what: 'a version of data that it may only read',
    bad: shop('  capabilities: [{name: g, keyValue: {store: carts}}]\n  state: {version: »"1"}\n'),
    good: shop(KEPT),
  },
  {
    code: 'HW1131',
    what: 'a version of data, and a name that is taken over',
    bad: shop(`${KEPT}  rollout: {replaces: »trolley}\n`),
    good: shop('  rollout: {replaces: trolley}\n'),
  },
  {
    code: 'HW1132',
    what: 'a store with versions that another reads',
    bad: {
      ...shop(KEPT.replace('"1"', '»"1"')),
      'shelf.yaml': component('shelf', '  capabilities: [{name: g, keyValue: {store: carts}}]\n').replace(
        'shelf,',
        '»shelf,',
      ),
    },
    good: {
      ...shop(KEPT),
      'shelf.yaml': component('shelf', '  capabilities: [{name: g, keyValue: {store: shelves}}]\n'),
    },
    says: 'shop/',
  },
  {
    code: 'HW1132',
    what: 'a component with versions of data that another links inline',
    bad: {
      ...shop(KEPT.replace('"1"', '»"1"')),
      'shelf.yaml': component('shelf', LINKED).replace('shelf,', '»shelf,'),
    },
    good: { ...shop(''), 'shelf.yaml': component('shelf', LINKED) },
    says: 'inline',
  },
  {
    code: 'HW1217',
    what: 'no Policy at all',
    bad: { 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart', '  »isolation: Shared\n') },
    good: ceiling('  isolation: [Process, Strict, Shared]\n', '  isolation: Shared\n'),
    says:
      'no Policy allows isolation Shared to namespace shop\nwrite a Policy for the namespace whose spec has ' +
      'isolation: [Process, Strict, Shared], or leave spec.isolation out',
  },
  {
    code: 'HW1217',
    what: 'a Policy that does not say so',
    bad: ceiling('  limits: {maxReplicas: 2}\n', '  »isolation: Shared\n'),
    good: ceiling('  isolation: [Process, Strict, Shared]\n  limits: {maxReplicas: 2}\n', '  isolation: Shared\n'),
    says:
      'no Policy allows isolation Shared to namespace shop\nwrite isolation: [Process, Strict, Shared] into the spec of ' +
      'Policy ceiling, or leave spec.isolation out',
  },
  {
    code: 'HW1217',
    what: 'a Policy that is only watched',
    bad: ceiling('  enforcement: Audit\n  isolation: [Process, Strict, Shared]\n', '  »isolation: Shared\n'),
    good: ceiling('  enforcement: Enforce\n  isolation: [Shared]\n', '  isolation: Shared\n'),
  },
  {
    code: 'HW1040',
    what: 'to share where Strict is demanded',
    bad: {
      ...ceiling('  isolation: [Process, Strict, Shared]\n', '  »isolation: Shared\n'),
      'strict.yaml': policy('all', '  namespaces: ["*"]\n  isolation: [Strict]\n'),
    },
    good: ceiling('  isolation: [Strict, Shared]\n', '  isolation: Shared\n'),
    says: 'isolation Shared is not among the Strict of Policy all',
  },
  ...[
    '127.1',
    '10.0.0.1/8',
    'api.example.',
    '*',
    'a..example',
    '0x7f000001',
    'headway',
    'cart.headway',
    'a.cart.shop.headway',
  ].map((host) => ({
    code: 'HW1220' as const,
    what: `the host ${host}`,
    bad: shop(`  capabilities: [{name: a, outboundHttp: {hosts: [b.example, »"${host}"]}}]\n`),
    good: shop(
      '  capabilities: [{name: a, outboundHttp: {hosts: [b.example, "*.c.example", 10.0.0.0/8, "[::1]", "fd00::/8"]}}]\n',
    ),
  })),
  ...[
    ['sockets', 'hosts: [»"127.1"], ports: [1]', 'hosts: ["127.0.0.1"], ports: [1]'],
    ['sockets', 'hosts: [»cart.shop.headway], ports: [1]', 'hosts: [cart.shop.example], ports: [1]'],
    ['sockets', 'listen: [»"127.1:80"]', 'listen: ["127.0.0.1:80"]'],
    ['sockets', 'listen: [»"127.0.0.1:0"]', 'listen: ["127.0.0.1:65535"]'],
    ['sockets', 'listen: [»"127.0.0.1:65536"]', 'listen: ["0.0.0.0:80"]'],
    ['sockets', 'listen: [»"[0:0::1]:80"]', 'listen: ["[::1]:80"]'],
    ['nameLookup', 'hosts: [»10.0.0.0/8]', 'hosts: [a.example, "*.b.example"]'],
    ['nameLookup', 'hosts: [»"*.headway"]', 'hosts: ["*.example"]'],
  ].map(([capability, bad, good]) => ({
    code: 'HW1220' as const,
    what: `${capability}: ${bad!.replace('»', '')}`,
    bad: shop(`  capabilities: [{name: a, ${capability}: {${bad}}}]\n`),
    good: shop(`  capabilities: [{name: a, ${capability}: {${good}}}]\n`),
  })),
  {
    code: 'HW1220',
    what: 'a host of a Role',
    bad: { ...shop(''), 'role.yaml': role('{name: a, outboundHttp: {hosts: [»"127.1"]}}') },
    good: { ...shop(''), 'role.yaml': role('{name: a, outboundHttp: {hosts: ["127.0.0.1"]}}') },
  },
  {
    code: 'HW1085',
    what: 'a Singleton that is parked',
    bad: shop('  instancePolicy: Singleton\n  scaling: {minReplicas: »0}\n'),
    good: shop('  instancePolicy: Singleton\n'),
  },
  ...['/a', '/a/b', '/'].map((place) => ({
    code: 'HW1240' as const,
    what: `a mount at ${place} beside one at /a`,
    bad: shop(
      `  capabilities:\n    - {name: a, filesystem: {volume: a, mountPath: /a}}\n    - »{name: b, filesystem: {volume: b, mountPath: ${place}}}\n`,
    ),
    good: shop(
      '  capabilities:\n    - {name: a, filesystem: {volume: a, mountPath: /a}}\n    - {name: b, filesystem: {volume: b, mountPath: /ab}}\n',
    ),
  })),
  {
    code: 'HW1244',
    what: 'a volume to read in one place and to write in another',
    bad: shop(
      '  capabilities:\n    - {name: a, filesystem: {volume: a, mountPath: /a}}\n    - »{name: b, filesystem: {volume: a, mountPath: /b, access: ReadWrite}}\n',
    ),
    good: shop(
      '  capabilities:\n    - {name: a, filesystem: {volume: a, mountPath: /a}}\n    - {name: b, filesystem: {volume: b, mountPath: /b, access: ReadWrite}}\n',
    ),
  },
  {
    code: 'HW1241',
    what: 'a folder of the repository to write to',
    bad: shop('  capabilities: [{name: a, filesystem: {path: a, mountPath: /a, access: »ReadWrite}}]\n'),
    good: shop('  capabilities: [{name: a, filesystem: {volume: a, mountPath: /a, access: ReadWrite}}]\n'),
  },
  ...(['HW1242', 'HW1243'] as const).map((code) => ({
    code,
    what: 'a folder of the repository',
    bad: shop(`  capabilities: [{name: a, filesystem: {path: »${FOLDER[code]}, mountPath: /a}}]\n`),
    good: shop('  capabilities: [{name: a, filesystem: {path: ./templates/mail, mountPath: /a}}]\n'),
  })),
  {
    code: 'HW1242',
    what: 'a folder that a Role mounts',
    bad: {
      ...shop('  capabilities: [{name: a, »roleRef: {name: basics}}]\n'),
      'role.yaml': role('{name: b, filesystem: {path: missing, mountPath: /a}}'),
    },
    good: {
      ...shop('  capabilities: [{name: a, roleRef: {name: basics}}]\n'),
      'role.yaml': role('{name: b, filesystem: {path: there, mountPath: /a}}'),
    },
  },
  ...['maxSize: 1Mi', 'maxFiles: 5'].map((quota) => ({
    code: 'HW1241' as const,
    what: `a folder of the repository with ${quota}`,
    bad: { ...shop(''), 'role.yaml': role(`{name: a, filesystem: {path: a, mountPath: /a, »${quota}}}`) },
    good: { ...shop(''), 'role.yaml': role(`{name: a, filesystem: {volume: a, mountPath: /a, ${quota}}}`) },
  })),
  ...(['minReplicas', 'maxReplicas'] as const).map((field) => ({
    code: 'HW1085' as const,
    what: `a Singleton of two, by ${field}`,
    bad: shop(`  instancePolicy: Singleton\n  scaling: {${field}: »2}\n`),
    good: shop(`  instancePolicy: Singleton\n  scaling: {${field}: 1}\n`),
  })),
  {
    code: 'HW1085',
    what: 'a Singleton that answers two calls at once',
    bad: shop('  instancePolicy: Singleton\n  limits: {concurrency: »2}\n'),
    good: shop('  instancePolicy: Singleton\n  limits: {concurrency: 1}\n'),
  },
  {
    code: 'HW1085',
    what: 'a Singleton whose instance is changed after some calls',
    bad: shop('  instancePolicy: Singleton\n  limits: {requestsPerInstance: »100}\n'),
    good: shop('  limits: {requestsPerInstance: 100}\n'),
    says: 'would lose what it holds',
  },
  {
    code: 'HW1085',
    what: 'a Singleton that takes a name over',
    bad: shop('  instancePolicy: Singleton\n  rollout: {replaces: »trolley}\n'),
    good: shop('  rollout: {replaces: trolley}\n'),
  },
  {
    code: 'HW1085',
    what: 'a Singleton whose step waits for an approval',
    bad: shop(
      '  instancePolicy: Singleton\n  rollout: {strategy: »{type: BlueGreen, blueGreen: {approval: {name: boss}}}}\n',
    ),
    good: shop('  instancePolicy: Singleton\n  rollout: {strategy: {type: BlueGreen}}\n'),
    says: 'boss',
  },
  {
    code: 'HW1085',
    what: 'a Singleton whose policy wants an approval',
    bad: {
      ...shop('  instancePolicy: Singleton\n  rollout: {policyRef: »{name: careful}}\n'),
      'policy.yaml': rolloutPolicy('careful', CANARY('{weight: 10, approval: {name: boss}}')),
    },
    good: {
      ...shop('  instancePolicy: Singleton\n  rollout: {policyRef: {name: careful}}\n'),
      'policy.yaml': rolloutPolicy('careful', CANARY('{weight: 10}')),
    },
  },
  {
    code: 'HW1023',
    what: 'a signer that is not listed',
    bad: env(`  trust: {mode: Head, signers: [${SIGNER}], paths: [{path: platform, signers: [»bob]}]}\n`),
    good: env(`  trust: {mode: Head, signers: [${SIGNER}], paths: [{path: platform, signers: [ada]}]}\n`),
  },
  {
    code: 'HW1027',
    what: 'a threshold that nobody can reach',
    bad: env(`  trust: {mode: Head, signers: [${SIGNER}], paths: [{path: platform, signers: [ada], threshold: »2}]}\n`),
    good: env(`  trust: {mode: Head, signers: [${SIGNER}], paths: [{path: platform, signers: [ada], threshold: 1}]}\n`),
  },
  {
    code: 'HW2001',
    what: 'a path where there is no file',
    bad: one(component('cart').replace('path: cart', 'path: »missing')),
    good: shop(''),
    says: 'there is no file missing.wasm in this commit',
  },
  {
    code: 'HW2401',
    what: 'credentials in an address',
    bad: one(fetched(`https: {url: »"https://user:secret@files.example/cart.wasm", digest: "${DIGEST}"}`)),
    good: one(fetched(`https: {url: "https://files.example/cart.wasm", digest: "${DIGEST}"}`)),
    says: 'it holds credentials',
  },
  {
    code: 'HW2441',
    what: 'a tag without a digest',
    bad: one(fetched('»oci: {image: registry.example/shop/cart, tag: "1.0"}')),
    good: one(fetched(`oci: {image: registry.example/shop/cart, tag: "1.0", digest: "${DIGEST}"}`)),
    says: 'headway lock',
  },
];

function numbers(count: number, text: (number: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join(', ');
}
