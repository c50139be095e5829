/** WIT's kebab-case, as the bindings spell it: `next-token` is `nextToken`, `DNS-timeout` is `dnsTimeout`. */
export function camelCase(name: string): string {
  const [first = '', ...rest] = name.toLowerCase().split('-');
  return first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
