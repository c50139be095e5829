import { err, ok } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import { placeText } from '../model/sealed.ts';
import type { OpenedValue, SecretPort } from '../reconcile/ports.ts';
import { readIdentities } from './identities.ts';
import { unseal } from './seal.ts';

export interface VaultOptions {
  readonly identityFiles: readonly string[];
  /** Told of every value before it goes anywhere: the logger masks it from then on. */
  readonly protect: (values: readonly string[]) => void;
}

/** Opens nothing ahead of time and keeps nothing: a value is in memory for as long as a start takes. */
export function createVault({ identityFiles, protect }: VaultOptions): SecretPort {
  return {
    async open(sealed) {
      const [first] = sealed;
      if (!first) return ok([]);
      if (identityFiles.length === 0) {
        return err(problem('HW5100', `${placeText(first)} cannot be opened: runtime.yaml names no identity file`));
      }
      const identities = readIdentities(identityFiles);
      if (!identities.ok) return err(unreadable(placeText(first), identities.error));
      const opened: OpenedValue[] = [];
      for (const value of sealed) {
        const text = await unseal(value, value.encrypted, identities.value);
        if (!text.ok) return text;
        protect([text.value]);
        opened.push({ into: value.into, name: value.name, value: text.value });
      }
      return ok(opened);
    },
  };
}

function unreadable(place: string, why: Problem): Problem {
  return problem('HW5103', `${place} cannot be opened: ${why.message}`);
}
