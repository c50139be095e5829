import type { Credentials, SecretSource } from './generated/runtime.ts';

/** A secret is never in the file itself: a variable of the environment or a file names it. */
export type SecretReference =
  | { readonly type: 'env'; readonly name: string }
  | { readonly type: 'file'; readonly path: string };

export type CredentialsReference =
  | { readonly type: 'token'; readonly token: SecretReference }
  | { readonly type: 'basic'; readonly username: string; readonly password: SecretReference };

export function credentialsOf({ token, basic }: Credentials): CredentialsReference {
  if (token) return { type: 'token', token: secretOf(token) };
  return { type: 'basic', username: basic!.username, password: secretOf(basic!.password) };
}

export function secretOf({ env, file }: SecretSource): SecretReference {
  return env === undefined ? { type: 'file', path: file! } : { type: 'env', name: env };
}
