import type { Row } from './codes.table.ts';
import { component, ENVIRONMENT, route, type Files } from './support.ts';

/** The root `shops` has the namespaces `shop` and `cart`; the root `blog` claims every path of `www.example.com`. */
const shop = (more: Files): Files => ({
  'environment.yaml': ENVIRONMENT,
  '.headway.yaml': 'apiVersion: headway.dev/v1alpha1\nkind: Lint\nnamespaces: [shop, cart]\n',
  'cart.yaml': component('cart'),
  ...more,
});
const at = (host: string, mark = ''): Files =>
  shop({
    'route.yaml': route(
      'cart',
      `  hostnames: [${host}]\n  rules:\n    - matches: [${mark}{path: {value: /cart}}]\n      backendRef: {name: cart}\n`,
    ),
  });

/** What several repositories in one daemon make wrong; `»` as in the other tables. */
export const ROOT_ROWS: readonly Row[] = [
  {
    code: 'HW1120',
    what: 'a document of a namespace that the repository does not have',
    bad: shop({ 'site.yaml': component('site', '', '»blog') }),
    good: shop({ 'site.yaml': component('site') }),
    says: 'may not hold namespace blog',
  },
  {
    code: 'HW1121',
    what: 'a path of a host that another repository serves',
    bad: at('www.example.com', '»'),
    good: at('shop.example.com'),
    says: 'would take requests from the Route blog/site of the root blog',
  },
];
