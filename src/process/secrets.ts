import { readFileSync } from 'node:fs';
import type { SecretReference } from '../manifest/runtime-config.ts';

/**
 * The value that a reference names, read anew at each call so that a rotated file is taken up. One line end at the end of
 * a file is not part of it.
 *
 * @throws Error naming the variable or the file, never the value.
 */
export function readSecret(reference: SecretReference): string {
  if (reference.type === 'env') {
    const value = process.env[reference.name];
    if (!value) throw new Error(`the environment variable ${reference.name} is not set`);
    return value;
  }
  try {
    return readFileSync(reference.path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`the secret file ${reference.path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
