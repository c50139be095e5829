import type { Member } from './component.ts';

export const MIGRATE = 'headway:component/migrate';

/** Why a component may not run with what its document says of its data, going by what it exports; undefined: it may. */
export function stateFault(
  { key, state }: Pick<Member, 'key' | 'state'>,
  exported: readonly string[],
): { readonly message: string; readonly remedy: string } | undefined {
  const canMigrate = exported.some((name) => name.split('@')[0] === MIGRATE);
  if (state && !canMigrate) {
    return {
      message: `${key} says state.version ${state.version} and does not export ${MIGRATE}`,
      remedy: `export ${MIGRATE} (a function that returns ok where there is nothing to do), or delete spec.state`,
    };
  }
  if (!state && canMigrate) {
    return {
      message: `${key} exports ${MIGRATE} and says no state.version: nobody would know when to call it`,
      remedy:
        'write spec.state: {version: "1"}, and another version with each form of its data; or leave the export out',
    };
  }
  return undefined;
}
