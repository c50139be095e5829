import { closeSync, existsSync, readFileSync, readdirSync } from 'node:fs';

/** `O_CLOEXEC` as /proc/self/fdinfo prints it, in octal. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes descriptors that whoever started us left open: without close-on-exec they would reach every cell. All that Node
 * opens itself has that flag, the channel to our parent included. Returns how many there were. Linux only.
 */
export function closeInheritedDescriptors(): number {
  if (!existsSync('/proc/self/fdinfo')) return 0;
  let closed = 0;
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor <= 2) continue;
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'latin1'))?.[1];
      if (flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0) continue;
      closeSync(descriptor);
      closed += 1;
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  return closed;
}
