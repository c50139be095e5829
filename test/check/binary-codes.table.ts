import type { Row } from '../manifest/codes.table.ts';
import { component, ENVIRONMENT, route } from '../manifest/support.ts';

/** A row about a document and the bytes that it names. */
export interface BinaryRow extends Row {
  /** What lies at `cart.wasm`: a path below `examples/`. */
  readonly artifact: string;
  /** Of the good document, where it is another. */
  readonly goodArtifact?: string;
  readonly severity: 'error' | 'warning';
}

const shop = (spec: string) => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', `  probes: {readiness: {httpGet: {path: /}}}\n${spec}`),
  'route.yaml': route('cart', '  rules: [{backendRef: {name: cart}}]\n'),
});
const atPath = (spec = '') => {
  const files = shop(spec);
  return { ...files, 'cart.yaml': files['cart.yaml'].replace('path: cart.wasm', 'path: »cart.wasm') };
};
const KEPT = '  capabilities: [{name: g, keyValue: {store: data, access: ReadWrite}}]\n';
const asks = (hosts: string) => `  capabilities: [{name: inside, outboundHttp: {hosts: [${hosts}]}}]\n`;
const tax = {
  'tax.yaml': component('tax'),
};

/** What binaries say against their documents; `»` as in the other tables. */
export const BINARY_ROWS: readonly BinaryRow[] = [
  {
    code: 'HW1100',
    what: 'a file that is no component',
    artifact: 'wasm/built.json',
    bad: atPath(),
    good: shop(''),
    goodArtifact: 'wasm/greeting-v1.wasm',
    says: 'HW2101',
    severity: 'error',
  },
  {
    code: 'HW1101',
    what: 'an import that nothing was granted for',
    artifact: 'wasm/counter-v1.wasm',
    bad: atPath(),
    good: shop('  capabilities: [{name: data, keyValue: {store: data}}]\n'),
    says: '`- {name: data, keyValue: {store: data}}`',
    severity: 'error',
  },
  {
    code: 'HW1101',
    what: 'grants of something else',
    artifact: 'wasm/counter-v1.wasm',
    bad: shop('  »capabilities: [{name: names, nameLookup: {hosts: [api.example.com]}}]\n'),
    good: shop('  capabilities: [{name: data, keyValue: {store: data}}]\n'),
    says: 'wasi:keyvalue/store@0.2.0-draft2 and has no grant for it, nor for wasi:keyvalue/atomics@0.2.0-draft2',
    severity: 'error',
  },
  {
    code: 'HW1101',
    what: 'an import that nothing can be granted for yet',
    artifact: 'wasm/greeting-ungranted.wasm',
    bad: atPath(),
    good: shop(''),
    goodArtifact: 'wasm/greeting-v1.wasm',
    says: 'build the component without that import',
    severity: 'error',
  },
  {
    code: 'HW1101',
    what: 'an import that no host interface and no link provides',
    artifact: 'wasm/checkout.wasm',
    bad: { ...atPath(), ...tax },
    good: { ...shop('  links: [{import: "shop:tax/rates@0.1.0", componentRef: {name: tax}}]\n'), ...tax },
    says: '`- {import: "shop:tax/rates@0.1.0", componentRef: {name: …}}`',
    severity: 'error',
  },
  {
    code: 'HW1102',
    what: 'less memory than the component starts with',
    artifact: 'wasm/greeting-v1.wasm',
    bad: shop('  limits: {memory: »255Ki}\n'),
    good: shop('  limits: {memory: 256Ki}\n'),
    says: '`memory: 256Ki` or more',
    severity: 'error',
  },
  {
    code: 'HW1133',
    what: 'an export of migrate that nothing says when to call',
    artifact: 'wasm/counter-v3.wasm',
    bad: atPath(KEPT),
    good: shop(`${KEPT}  state: {version: "2"}\n`),
    says: 'write spec.state: {version: "1"}',
    severity: 'error',
  },
  {
    code: 'HW1133',
    what: 'a version of data, and nothing that migrates',
    artifact: 'wasm/counter-v2.wasm',
    bad: shop(`${KEPT}  state: {version: »"2"}\n`),
    good: shop(KEPT),
    says: 'export headway:component/migrate',
    severity: 'error',
  },
  {
    code: 'HW1200',
    what: 'a grant of something that the component cannot ask for',
    artifact: 'wasm/greeting-v1.wasm',
    bad: shop('  capabilities: [{name: »data, keyValue: {store: carts}}]\n'),
    good: shop(''),
    says: 'imports nothing of keyValue',
    severity: 'warning',
  },
  {
    code: 'HW1210',
    what: 'a route to a component that answers no requests',
    artifact: 'wasm/pricing-v1.wasm',
    bad: { ...plain(''), 'route.yaml': routed('name: »cart') },
    good: {
      ...plain(''),
      'route.yaml': routed('name: cart, export: {interface: "shop:cart/pricing@1.0.0", function: quote}'),
    },
    says: 'exports no HTTP handler',
    severity: 'error',
  },
  {
    code: 'HW1210',
    what: 'a probe that asks it over HTTP',
    artifact: 'wasm/pricing-v1.wasm',
    bad: plain('  probes: {readiness: {»httpGet: {path: /}}}\n'),
    good: plain('  probes: {readiness: {export: {interface: "shop:cart/pricing@1.0.0", function: currencies}}}\n'),
    says: 'exports no HTTP handler',
    severity: 'error',
  },
  {
    code: 'HW1211',
    what: 'write access of a component that only reads',
    artifact: 'wasm/counter-view.wasm',
    bad: plain('  capabilities: [{name: data, keyValue: {store: data, access: »ReadWrite}}]\n'),
    good: plain('  capabilities: [{name: data, keyValue: {store: data, access: ReadOnly}}]\n'),
    says: 'imports only functions that read',
    severity: 'warning',
  },
  {
    code: 'HW1212',
    what: 'an environment that the component never asks for',
    artifact: 'wasm/pricing-v1.wasm',
    bad: plain('  »env: [{name: CURRENCY, value: EUR}]\n'),
    good: plain('  env: [{name: CURRENCY, value: EUR}]\n'),
    goodArtifact: 'wasm/report-v1.wasm',
    says: 'imports no wasi:cli/environment',
    severity: 'warning',
  },
  {
    code: 'HW1212',
    what: 'settings that it never asks for',
    artifact: 'wasm/pricing-v1.wasm',
    bad: plain('  »config: [{name: tax, value: "0.19"}]\n'),
    good: plain(''),
    says: 'imports no wasi:config/store and no wasi:config/runtime',
    severity: 'warning',
  },
  {
    code: 'HW1219',
    what: 'the name of another entry with a letter too many',
    artifact: 'wasm/testbed-outbound.wasm',
    bad: shop(asks('»cartt.shop.headway')),
    good: shop(asks('cart.shop.headway')),
    says: 'shop/cart may ask cartt.shop.headway, and there is no such entry',
    severity: 'warning',
  },
  {
    code: 'HW1219',
    what: 'any entry of a namespace in which there is none',
    artifact: 'wasm/testbed-outbound.wasm',
    bad: shop(asks('cart.shop.headway, »"*.shp.headway"')),
    good: shop(asks('cart.shop.headway, "*.shop.headway", db.other-root.headway')),
    says: 'shop/cart may ask *.shp.headway',
    severity: 'warning',
  },
  {
    code: 'HW1221',
    what: 'an entry that only exports functions',
    artifact: 'wasm/pricing-v1.wasm',
    goodArtifact: 'wasm/testbed-outbound.wasm',
    bad: {
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart', asks('»cart.shop.headway')),
    },
    good: {
      'environment.yaml': ENVIRONMENT,
      'cart.yaml': component('cart', asks('cart.shop.headway')),
    },
    says: 'may ask Component shop/cart, which exports no HTTP handler',
    severity: 'error',
  },
  {
    code: 'HW1222',
    what: 'a Route by a name that no client has',
    artifact: 'wasm/greeting-v1.wasm',
    bad: {
      ...shop(''),
      'route.yaml': route('cart', '  hostnames: [»cart.shop.headway]\n  rules: [{backendRef: {name: cart}}]\n'),
    },
    good: {
      ...shop(''),
      'route.yaml': route('cart', '  hostnames: [cart.shop.example]\n  rules: [{backendRef: {name: cart}}]\n'),
    },
    says: 'no client is let in by the name cart.shop.headway',
    severity: 'warning',
  },
  {
    code: 'HW1216',
    what: 'a peer by a name that the component may not look up',
    artifact: 'wasm/testbed-sockets.wasm',
    bad: shop(peers('»db.example.com', 'other.example.com')),
    good: shop(peers('db.example.com', 'db.example.com')),
    says: 'may not look up db.example.com',
    severity: 'warning',
  },
  {
    code: 'HW1216',
    what: 'names below a domain, none of which it may look up',
    artifact: 'wasm/testbed-sockets.wasm',
    bad: shop(peers('»"*.pool.example.com"', 'pool.example.com')),
    good: shop(peers('"*.pool.example.com"', 'a.pool.example.com')),
    says: 'may not look up *.pool.example.com',
    severity: 'warning',
  },
  {
    code: 'HW1216',
    what: 'a name beside addresses, which need no look-up',
    artifact: 'wasm/testbed-sockets.wasm',
    bad: shop(peers('10.0.0.0/8, »db.example.com', 'x.example.com')),
    good: shop(peers('10.0.0.0/8, "[fd00::1]", db.example.com', '"*.example.com"')),
    says: 'may not look up db.example.com',
    severity: 'warning',
  },
];

/** Grants to talk to some and to look up others. */
function peers(hosts: string, names: string): string {
  const sockets = `{name: peers, sockets: {hosts: [${hosts}], ports: [5432]}}`;
  return `  capabilities: [${sockets}, {name: names, nameLookup: {hosts: [${names}]}}]\n`;
}

/** A component alone, without route and probe. */
function plain(spec: string) {
  return { 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart', spec) };
}

function routed(backend: string): string {
  return route('cart', `  rules: [{backendRef: {${backend}}}]\n`);
}
