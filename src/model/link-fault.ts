/** What is wrong with a link between two components, in words: the same for lint, plan and the daemon before it starts. */
import type { Code } from './codes.ts';
import type { EntryKey } from './component.ts';
import { fitOf } from './wit-fit.ts';
import type { ComponentShape } from './wit.ts';

export interface LinkFault {
  readonly code: Code;
  readonly message: string;
  readonly remedy: string;
}

const MAX_NAMES = 5;

/** `undefined` where the import can be bound to an export of the provider. */
export function linkFault(
  { import: name, component }: { readonly import: string; readonly component: EntryKey },
  consumer: ComponentShape,
  provider: ComponentShape,
): LinkFault | undefined {
  const fit = fitOf(name, consumer, provider);
  switch (fit.type) {
    case 'Fits':
      return undefined;
    case 'NotImported':
      return {
        code: 'HW2350',
        message: `the component does not import ${name}; it imports ${listed(fit.imported)}`,
        remedy: 'name an interface that it imports, with the version that it spells, or remove the link',
      };
    case 'Ambiguous':
      return {
        code: 'HW2351',
        message: `the component imports ${listed(fit.versions)}, of which only one can be linked`,
        remedy: 'build it against one version of the interface',
      };
    case 'NotExported':
      return {
        code: 'HW2352',
        message: `${component} does not export ${name}; it exports ${listed(fit.exported)}`,
        remedy: 'link a component that exports it',
      };
    case 'OtherVersion':
      return {
        code: 'HW2353',
        message: `${component} exports ${listed(fit.versions)}, which cannot stand for ${name}`,
        remedy:
          'take a provider of the same version or a later compatible one: the same major, below 1.0.0 the same minor',
      };
    case 'Resources':
      return {
        code: 'HW2354',
        message: `${name} has ${fit.what}: resources do not cross a link`,
        remedy: 'pass values: records, lists, and keys in place of handles',
      };
    case 'Differs':
      return {
        code: 'HW2355',
        message: `${component} does not fit ${name}: ${fit.what}`,
        remedy: 'build both against the same WIT, or raise the version of the interface that changed',
      };
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return names.slice(0, MAX_NAMES).join(', ') + more;
}
