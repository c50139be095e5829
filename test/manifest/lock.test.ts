import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/kit/digest.ts';
import { lockPlacesIn, withDigests } from '../../src/manifest/lock.ts';
import { parse } from './support.ts';

const DIGEST: Digest = `sha256:${'a'.repeat(64)}`;
const OLD: Digest = `sha256:${'b'.repeat(64)}`;
const HEAD = 'apiVersion: headway.dev/v1alpha1\nkind: Component\nmetadata: {name: cart, namespace: shop}\nspec:\n';

function places(text: string) {
  const found = lockPlacesIn('cart.yaml', text);
  if (!found.ok) throw new Error(found.error.message);
  return found.value.places;
}

function locked(text: string): string {
  const edits = places(text).map((place) => ({ place, digest: DIGEST }));
  const edited = withDigests('cart.yaml', text, edits);
  if (!edited.ok) throw new Error(`${edited.error.message} ${edited.error.remedy}`);
  return edited.value;
}

describe('where digests go', () => {
  it.each([
    [
      'a flow mapping',
      '  source: {oci: {image: r.example/cart, tag: "1.0"}} # ours\n',
      `  source: {oci: {image: r.example/cart, tag: "1.0", digest: "${DIGEST}"}} # ours\n`,
    ],
    [
      'a flow mapping with a comma at its end, over lines',
      '  source:\n    oci: {\n      image: r.example/cart,\n      tag: "1.0", # newest\n    }\n',
      `  source:\n    oci: {\n      image: r.example/cart,\n      tag: "1.0", digest: "${DIGEST}", # newest\n    }\n`,
    ],
    [
      'a block mapping',
      '  source:\n    oci:\n      # The checkout of the shop.\n      image: r.example/cart\n      tag: "1.0" # for people\n  suspend: false\n',
      `  source:\n    oci:\n      # The checkout of the shop.\n      image: r.example/cart\n      tag: "1.0" # for people\n      digest: "${DIGEST}"\n  suspend: false\n`,
    ],
    [
      'a block mapping at the end of a file without a line end',
      '  source:\n    oci:\n      image: r.example/cart\n      tag: v1',
      `  source:\n    oci:\n      image: r.example/cart\n      tag: v1\n      digest: "${DIGEST}"`,
    ],
    [
      'lines that end as on Windows',
      '  source:\r\n    oci:\r\n      image: r.example/cart\r\n      tag: v1\r\n',
      `  source:\r\n    oci:\r\n      image: r.example/cart\r\n      tag: v1\r\n      digest: "${DIGEST}"\r\n`,
    ],
    [
      'a digest in quotes',
      `  source: {oci: {digest: '${OLD}', image: r.example/cart}}\n`,
      `  source: {oci: {digest: '${DIGEST}', image: r.example/cart}}\n`,
    ],
    [
      'a digest without quotes',
      `  source:\n    oci:\n      digest: ${OLD} # old\n      image: r.example/cart\n`,
      `  source:\n    oci:\n      digest: ${DIGEST} # old\n      image: r.example/cart\n`,
    ],
    [
      'an address',
      '  source: {https: {url: "https://a.example/c.wasm"}}\n',
      `  source: {https: {url: "https://a.example/c.wasm", digest: "${DIGEST}"}}\n`,
    ],
    ['nothing of git', '  source: {path: cart.wasm}\n', '  source: {path: cart.wasm}\n'],
  ])('%s', (_name, before, after) => {
    expect(locked(HEAD + before)).toBe(HEAD + after);
  });

  it('each document of a file, and only components', () => {
    const one = `${HEAD}  source: {oci: {image: r.example/cart, tag: "1.0"}}\n`;
    const route =
      'apiVersion: headway.dev/v1alpha1\nkind: Route\nmetadata: {name: r, namespace: s}\nspec: {source: {oci: {image: r.example/x}}}\n';
    const text = `# two and a half\n${one}---\n${route}---\n${one.replace('1.0', '2.0')}`;
    const edited = locked(text);
    expect(edited.split(DIGEST)).toHaveLength(3);
    expect(edited.replaceAll(`, digest: "${DIGEST}"`, '')).toBe(text);
  });

  it('says what is to be asked, and where it stands', () => {
    const [place] = places(`${HEAD}  source: {oci: {image: r.example/cart}}\n`);
    expect(place).toMatchObject({
      source: { type: 'oci', image: 'r.example/cart' },
      component: 'shop/cart',
      digest: undefined,
    });
    expect(place!.span).toMatchObject({ file: 'cart.yaml', line: 5, column: 17 });
  });

  it('patches of an Environment, as far as they name an artifact', () => {
    const patch = (name: string, source: string) =>
      `    - target: {kind: Component, namespace: shop, name: ${name}}\n      patch: {spec: {source: ${source}}}\n`;
    const text = `apiVersion: headway.dev/v1alpha1
kind: Environment
metadata: {name: test}
spec:
  bases: [../base]
  variables: [{name: registry, value: r.example}]
  patches:
${patch('cart', '{oci: {tag: "2.0"}}')}${patch('tax', `{oci: {digest: "${OLD}"}}`)}    - {target: {kind: Route, namespace: shop, name: r}, patch: {spec: {source: {oci: {tag: a}}}}}
`;
    const found = lockPlacesIn('environment.yaml', text);
    if (!found.ok) throw new Error(found.error.message);
    expect(found.value.places).toMatchObject([{ component: 'shop/cart', patch: true, source: { tag: '2.0' } }]);
    expect(found.value.environments).toEqual([
      { file: 'environment.yaml', bases: ['../base'], variables: new Map([['registry', 'r.example']]) },
    ]);
    expect(locked(text)).toBe(text.replace('{tag: "2.0"}', `{tag: "2.0", digest: "${DIGEST}"}`));
  });

  it('what is locked is a document that the daemon takes', () => {
    const text = locked(`${HEAD}  source:\n    oci:\n      image: r.example/cart\n      tag: v1\n`);
    expect(parse({ 'cart.yaml': text }).invalid).toEqual([]);
  });
});

describe('what is not edited', () => {
  it.each([
    ['broken YAML', `${HEAD}  source: {oci: {image: r.example/cart\n`],
    ['an alias', `${HEAD}  source: {oci: &a {image: r.example/cart}}\n`],
  ])('%s', (_name, text) => {
    expect(lockPlacesIn('cart.yaml', text).ok).toBe(false);
  });

  it('a value over lines, where a line after it would be more of it', () => {
    const text = `${HEAD}  source:\n    oci:\n      image: r.example/cart\n      tag: "v1\n        more"\n`;
    const edited = withDigests(
      'cart.yaml',
      text,
      places(text).map((place) => ({ place, digest: DIGEST })),
    );
    expect(edited.ok ? edited.value : edited.error.code).toBe(`${text}      digest: "${DIGEST}"\n`);
  });

  it('a digest that is nothing: it says what to write', () => {
    const text = `${HEAD}  source:\n    oci:\n      image: r.example/cart\n      digest:\n`;
    const edited = withDigests(
      'cart.yaml',
      text,
      places(text).map((place) => ({ place, digest: DIGEST })),
    );
    expect(edited).toMatchObject({ ok: false, error: { code: 'HW2442', remedy: expect.stringContaining(DIGEST) } });
  });

  it('never changes what a file means, whatever it looks like', () => {
    const piece = fc.constantFrom(
      ' ',
      '\n',
      '      ',
      '#c\n',
      ',',
      '{',
      '}',
      '"',
      "'",
      'tag: x',
      'image: r.example/a',
      ':',
      '|\n',
      'digest: y',
      '\r\n',
      '- ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `${HEAD}  source:\n    oci:\n      image: r.example/cart\n${pieces.join('')}`;
        const found = lockPlacesIn('cart.yaml', text);
        if (!found.ok) return;
        const edited = withDigests(
          'cart.yaml',
          text,
          found.value.places.map((place) => ({ place, digest: DIGEST })),
        );
        if (!edited.ok || found.value.places.length === 0) return;
        const again = places(edited.value);
        expect(again.map(({ digest }) => digest)).toEqual([DIGEST]);
      }),
      { numRuns: 500 },
    );
  });
});
