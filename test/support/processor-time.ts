/** What this thread has had of the processor, in milliseconds: a machine that does other things adds nothing to it. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
