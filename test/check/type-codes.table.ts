import type { Row } from '../manifest/codes.table.ts';
import { component, ENVIRONMENT, route, type Files } from '../manifest/support.ts';

/** A path below `examples/`, or the world of a component that does nothing but import and export what stands in it. */
export type Artifact = string | { readonly world: string };

/** A row about a document and the types of the binaries that it names. */
export interface TypeRow extends Row {
  /** What lies at `cart.wasm`. */
  readonly artifact: Artifact;
  /** What lies at `tax.wasm`, where the rates of `examples/` do not. */
  readonly linked?: Artifact;
  /** Of the good document, where they are others. */
  readonly goodArtifact?: Artifact;
  readonly goodLinked?: Artifact;
  /** The commit before, where the bad one is only bad after it: its files, and its `cart.wasm` and `tax.wasm`. */
  readonly before?: { readonly files: Files; readonly artifact: Artifact; readonly linked: Artifact };
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
const checking = (call: string): Files => ({
  'environment.yaml': ENVIRONMENT,
  'cart.yaml': component('cart'),
  'check.yaml': `apiVersion: headway.dev/v1alpha1
kind: Check
metadata: {name: quotes, namespace: shop}
spec:
  calls:
    - {name: quote, export: {componentRef: {name: cart}, interface: "${PRICING}", ${call}}
`,
});
const worldOf = (items: string, ...packages: readonly string[]): Artifact => ({
  world: `package shop:example;\n\nworld w {\n${items}}\n${packages.join('')}`,
});
const ratesOf = (version: string, body = '    rate: func(region: string) -> u32;\n'): string =>
  `\npackage shop:tax@${version} {\n  interface rates {\n${body}  }\n}\n`;
const IMPORTS = '  import shop:tax/rates@0.1.0;\n';
const EXPORTS = '  export shop:tax/rates@0.1.0;\n';
const ASKS = worldOf(IMPORTS, ratesOf('0.1.0'));
const ANSWERS = worldOf(EXPORTS, ratesOf('0.1.0'));
const OTHER_TYPES = worldOf(EXPORTS, ratesOf('0.1.0', '    rate: func(region: u32) -> u32;\n'));
const BOOKED = ratesOf('0.1.0', '    resource book { constructor(); }\n    rate: func(of: borrow<book>) -> u32;\n');
const HEALTH = '\npackage headway:component@0.1.0 {\n  interface health {\n    check: func() -> u32;\n  }\n}\n';
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
  {
    code: 'HW1228',
    what: 'a result that is not WAVE',
    artifact: PRICED,
    bad: checking('function: currencies}, expect: {wave: »"[eur"}'),
    good: checking('function: currencies}, expect: {wave: "[eur]"}'),
    says: 'of the text',
  },
  {
    code: 'HW1111',
    what: 'an interface of the runtime in another cell',
    artifact: worldOf('  import headway:component/health@0.1.0;\n', HEALTH),
    linked: worldOf('  export headway:component/health@0.1.0;\n', HEALTH),
    bad: linking('import: »"headway:component/health@0.1.0", componentRef: {name: tax}, mode: Remote'),
    good: linking(`${GOOD_LINK}, mode: Remote`),
    goodArtifact: ASKS,
    goodLinked: ANSWERS,
    says: 'the runtime itself calls it',
  },
  {
    code: 'HW1112',
    what: 'other types than a caller asks for that keeps its last valid form',
    before: { files: linking(`${GOOD_LINK}, mode: Remote`), artifact: ASKS, linked: ANSWERS },
    artifact: ASKS,
    linked: OTHER_TYPES,
    bad: { ...linking('nonsense: true'), 'tax.yaml': component('tax').replace('name: tax', 'name: »tax') },
    good: linking(`${GOOD_LINK}, mode: Remote`),
    goodLinked: ANSWERS,
    says: 'shop/cart, which keeps its last valid form, calls it',
  },
  {
    code: 'HW2351',
    what: 'one interface imported in two versions',
    artifact: worldOf(`${IMPORTS}  import shop:tax/rates@0.2.0;\n`, ratesOf('0.1.0'), ratesOf('0.2.0')),
    linked: ANSWERS,
    bad: linking(`import: »"${RATES}", componentRef: {name: tax}`),
    good: linking(GOOD_LINK),
    goodArtifact: ASKS,
    says: 'of which only one can be linked',
  },
  {
    code: 'HW2353',
    what: 'a version that does not stand for the one that is imported',
    artifact: ASKS,
    linked: worldOf('  export shop:tax/rates@0.2.0;\n', ratesOf('0.2.0')),
    bad: linking(`import: "${RATES}", componentRef: {name: »tax}`),
    good: linking(GOOD_LINK),
    goodLinked: ANSWERS,
    says: 'cannot stand for shop:tax/rates@0.1.0',
  },
  {
    code: 'HW2354',
    what: 'a resource that would cross the link',
    artifact: worldOf(IMPORTS, BOOKED),
    linked: worldOf(EXPORTS, BOOKED),
    bad: linking(`import: "${RATES}", componentRef: {name: »tax}`),
    good: linking(GOOD_LINK),
    goodArtifact: ASKS,
    goodLinked: ANSWERS,
    says: 'resources do not cross a link',
  },
  {
    code: 'HW2355',
    what: 'another type of a parameter',
    artifact: ASKS,
    linked: OTHER_TYPES,
    bad: linking(`import: "${RATES}", componentRef: {name: »tax}`),
    good: linking(GOOD_LINK),
    goodLinked: ANSWERS,
    says: 'there is rate(region: u32) -> u32',
  },
];
