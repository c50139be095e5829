import type { Row } from '../manifest/codes.table.ts';
import { component, ENVIRONMENT, route, type Files } from '../manifest/support.ts';

/** A row about a document and the types of the binaries that it names. */
export interface TypeRow extends Row {
  /** What lies at `cart.wasm`: a path below `examples/`. */
  readonly artifact: string;
  /** What lies at `tax.wasm`, where the rates of `examples/` do not. */
  readonly linked?: string;
  /** Of the good document, where they are others. */
  readonly goodArtifact?: string;
  readonly goodLinked?: string;
}

const RATES = 'shop:tax/rates@0.1.0';
const PRICING = 'shop:cart/pricing@1.0.0';
const PRICED = 'wasm/pricing-v1.wasm';
const LINKING = 'wasm/checkout.wasm';

const calling = (called: string): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  'route.yaml': route('cart', `  rules: [{backendRef: {name: cart, ${called}}}]\n`),
});
const linking = (link: string, tax = '', namespace = 'shop'): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart', `  links:\n    - {${link}}\n`),
  'tax.yaml': component('tax', tax, namespace),
});
const scheduled = (called: string): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  'schedule.yaml': `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "15 2 * * *"
  backendRef: {name: cart, ${called}}
`,
});
const QUOTE = `export: {interface: "${PRICING}", function: quote}`;
const GOOD_LINK = `import: "${RATES}", componentRef: {name: tax}`;

/** What the types of binaries make wrong in a document; `»` as in the other tables. */
export const TYPE_ROWS: readonly TypeRow[] = [
  {
    code: 'HW1083',
    what: 'a parameter that is not of its type',
    artifact: PRICED,
    bad: scheduled(`${QUOTE}, parameters: {items: [], currency: »yen}`),
    good: scheduled(`${QUOTE}, parameters: {items: [], currency: eur}`),
    says: 'expected',
  },
  {
    code: 'HW1083',
    what: 'parameters that are not given',
    artifact: PRICED,
    bad: scheduled(`export: {interface: "${PRICING}", function: »quote}`),
    good: scheduled(`export: {interface: "${PRICING}", function: currencies}`),
    says: 'found nothing',
  },
  {
    code: 'HW1090',
    what: 'a function that is not exported',
    artifact: PRICED,
    bad: calling(`export: {interface: "${PRICING}", function: »quotes}`),
    good: calling(QUOTE),
    says: 'it exports quote',
  },
  {
    code: 'HW1090',
    what: 'an interface that is not exported in this version',
    artifact: PRICED,
    bad: calling('export: {interface: »"shop:cart/pricing@1.1.0", function: quote}'),
    good: calling(QUOTE),
    says: PRICING,
  },
  {
    code: 'HW1091',
    what: 'a function that takes a resource',
    artifact: 'wasm/greeting-v1.wasm',
    bad: calling('export: {interface: "wasi:http/incoming-handler@0.2.12", function: »handle}'),
    good: { ...calling(''), 'route.yaml': route('cart', '  rules: [{backendRef: {name: cart}}]\n') },
    says: 'resource',
  },
  {
    code: 'HW1092',
    what: 'a file that is no component',
    artifact: 'wasm/built.json',
    bad: calling(`export: »{interface: "${PRICING}", function: quote}`),
    good: calling(QUOTE),
    goodArtifact: PRICED,
    says: 'cannot be read',
  },
  {
    code: 'HW1095',
    what: 'a Singleton as a member of other cells',
    artifact: LINKING,
    bad: linking(`import: "${RATES}", componentRef: {name: »tax}`, '  instancePolicy: Singleton\n'),
    good: linking(GOOD_LINK),
    says: 'Singleton',
  },
  {
    code: 'HW1096',
    what: 'a linked file that is no component',
    artifact: LINKING,
    linked: 'wasm/built.json',
    bad: linking(`import: »"${RATES}", componentRef: {name: tax}`),
    good: linking(GOOD_LINK),
    goodLinked: 'wasm/tax-v1.wasm',
    says: 'shop/tax',
  },
  {
    code: 'HW1110',
    what: 'a call into the cell of another namespace',
    artifact: LINKING,
    bad: linking(`import: "${RATES}", componentRef: {namespace: bank, name: »tax}, mode: Remote`, '', 'bank'),
    good: linking(`${GOOD_LINK}, mode: Remote`),
    says: 'bank/tax',
  },
  {
    code: 'HW2350',
    what: 'a version that the component does not import',
    artifact: LINKING,
    bad: linking('import: »"shop:tax/rates@0.2.0", componentRef: {name: tax}'),
    good: linking(GOOD_LINK),
    says: RATES,
  },
  {
    code: 'HW2352',
    what: 'a provider of something else',
    artifact: LINKING,
    linked: PRICED,
    bad: linking(`import: "${RATES}", componentRef: {name: »tax}`),
    good: linking(GOOD_LINK),
    goodLinked: 'wasm/tax-v1.wasm',
    says: PRICING,
  },
];
