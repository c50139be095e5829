import { err, ok, type Result } from '../kit/result.ts';
import type { EnvVar, Member } from '../model/component.ts';
import { problem, type Problem } from '../model/problem.ts';
import { placeText } from '../model/sealed.ts';
import type { OpenedValue, SecretPort } from './ports.ts';

/** A member with the values of its Secrets among the others. Goes to the engine and nowhere else: never written down. */
export interface OpenedMember {
  readonly member: Member;
  readonly secrets?: readonly string[];
}

export async function openedMember(
  member: Member,
  secrets: SecretPort | undefined,
): Promise<Result<OpenedMember, Problem>> {
  // Who has to have signed is asked before anything starts, and is no part of what runs.
  const { signatures: _, ...unsigned } = member;
  const { sealed, ...plain } = unsigned;
  const [first] = sealed ?? [];
  if (!sealed || !first) return ok({ member: unsigned });
  if (!secrets) return err(problem('HW5100', `${placeText(first)} cannot be opened here`));
  const opened = await secrets.open(sealed);
  if (!opened.ok) return opened;
  const { value } = opened;
  return ok({
    member: { ...plain, env: withOpened(plain.env, value, 'env'), config: withOpened(plain.config, value, 'config') },
    secrets: value.map((one) => one.value),
  });
}

function withOpened(written: readonly EnvVar[], opened: readonly OpenedValue[], into: OpenedValue['into']) {
  const more = opened.filter((one) => one.into === into).map(({ name, value }) => ({ name, value }));
  return [...written, ...more].sort((a, b) => (a.name < b.name ? -1 : 1));
}
