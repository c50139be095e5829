/**
 * `wasi:config`: the values of `spec.config`, which are part of the revision, so that they are here and never change. One
 * implementation for `store` and for `runtime`, as its first draft was called.
 */
export type Settings = readonly (readonly [name: string, value: string])[];

export function configStore(settings: Settings): object {
  const values = new Map(settings);
  return {
    get: (key: string) => values.get(key),
    getAll: () => settings.map(([name, value]) => [name, value]),
  };
}
