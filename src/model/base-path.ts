import { err, ok, type Result } from '../kit/result.ts';

/**
 * A base as an Environment names it (`../../base`, relative to the followed path) → its folder from the root of the
 * repository. It stays inside, and neither holds the followed path nor lies in it: no file is read twice.
 */
export function resolveBase(followed: string, base: string): Result<string, string> {
  const segments = followed.split('/').filter((segment) => segment !== '' && segment !== '.');
  const own = segments.join('/');
  for (const segment of base.split('/')) {
    if (segment === '.' || segment === '') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.pop() === undefined) return err(`${base} leads out of the repository`);
  }
  const folder = segments.join('/');
  if (folder === '' || `${own}/`.startsWith(`${folder}/`)) return err(`${base} holds the followed path itself`);
  if (own === '' || folder.startsWith(`${own}/`)) return err(`${base} lies in the followed path, and is read with it`);
  return ok(folder);
}

/** `../../base/shop/cart.yaml` → `shop/cart.yaml`: where a file of a base stands for the tenants, and for its own paths. */
export function withoutBase(file: string, bases: readonly string[]): string {
  const base = bases.find((one) => file.startsWith(`${one}/`));
  return base === undefined ? file : file.slice(base.length + 1);
}
