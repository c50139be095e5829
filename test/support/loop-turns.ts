/** So many turns of this process's loop: what it has sent to itself has arrived by then, whatever a clock of the test says. */
export async function loopTurns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
