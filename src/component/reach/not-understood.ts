/** Thrown where the walk does not follow, and caught in `reach.ts`: then everything can reach. It never leaves the room. */
export class NotUnderstood extends Error {}

/** What must be there in every component that an engine takes. */
export function found<T>(thing: T | undefined, what: string): T {
  if (thing === undefined) throw new NotUnderstood(`there is no such ${what}`);
  return thing;
}
