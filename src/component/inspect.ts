/** The shape of a component without preparing it: admission's walk and nothing else, so that it needs no transpiler. */
import { ok, type Result } from '../kit/result.ts';
import type { Problem } from '../model/problem.ts';
import type { ComponentShape } from '../model/wit.ts';
import { admit } from './admission/admit.ts';

/** What a component may use is asked when it is prepared; here every memory is small enough. */
const ANY_MEMORY_BYTES = 4 * 1024 ** 3;

/** Total: any bytes end in a shape or a problem. */
export function inspect(bytes: Uint8Array): Result<ComponentShape, Problem> {
  const admitted = admit(bytes, ANY_MEMORY_BYTES);
  if (!admitted.ok) return admitted;
  const { shape, memories } = admitted.value;
  const initialMemoryBytes = memories.reduce((most, { initialBytes }) => Math.max(most, initialBytes), 0);
  return shape.ok ? ok({ ...shape.value, initialMemoryBytes }) : shape;
}
