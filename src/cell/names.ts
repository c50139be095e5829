/** WIT's kebab-case, as the bindings spell it: `next-token` → `nextToken`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}
