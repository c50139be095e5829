/** A daemon in small: writes step after step into the journal and prints the number of each that it was told is safe. */
import { pino } from 'pino';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/process/clock.ts';
import { desiredOf, eventOf, partsAt } from './samples.ts';

const [folder = '', mode = 'write'] = process.argv.slice(2);
const opened = openJournal({ folder, clock: systemClock, log: pino({ level: 'silent' }) });
if (!opened.ok) {
  process.stdout.write(`${JSON.stringify(opened.error)}\n`);
  process.exit(3);
}
const journal = opened.value;
if (mode === 'hold') {
  process.stdout.write('held\n');
  setInterval(() => undefined, 1_000);
} else {
  const before = (journal.memory() as { n?: number } | undefined)?.n ?? 0;
  for (let n = before + 1; ; n += 1) {
    const reconcileId = `r${n}`;
    const events = [eventOf(n, reconcileId)];
    const written = journal.write({ reconcileId, memory: partsAt(n), intents: [{ n }], events });
    if (!written.ok) throw new Error(written.error.message);
    process.stdout.write(`${n}\n`);
    journal.writeDesired(desiredOf(String(n)));
    journal.outcome(reconcileId, [{ done: n }]);
  }
}
