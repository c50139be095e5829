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
    code: 'HW1200',
    what: 'a grant of something that the component cannot ask for',
    artifact: 'wasm/greeting-v1.wasm',
    bad: shop('  capabilities: [{name: »data, keyValue: {store: carts}}]\n'),
    good: shop(''),
    says: 'imports nothing of keyValue',
    severity: 'warning',
  },
];
