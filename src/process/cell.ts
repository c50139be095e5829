/**
 * A cell process: descriptors 3 and 4 lead to the engine and the broker, and are all that it has; one that cells share has
 * such a pair for each of them, and their number as its argument. Started by the spawner; see src/cell/README.md.
 */
import { harden } from '../cell/harden.ts';
import { rehearse } from '../cell/rehearsal.ts';
import { Slots } from '../cell/slots.ts';
import { Suspension } from '../cell/suspension.ts';
import { compileWaitingImports } from '../cell/waiting-imports.ts';

const own = process;
const exit = own.exit.bind(own);
const suspension = new Suspension();
suspension.install();
const gc = globalThis.gc;
const cells = new Slots({
  slots: Number(own.argv[2] ?? 1),
  nodeVersion: own.versions.node,
  suspension,
  collect: () => gc?.({ type: 'major', execution: 'sync' }),
  exit,
  setName: (name) => {
    own.title = name;
  },
});
own.on('unhandledRejection', (reason) => cells.strayRejection(reason));
harden();
// What loading has left behind goes, and with it 3 MB of each process. Before the rehearsal: the code that it warms up would go too.
gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
compileWaitingImports();
cells.boot(await rehearse(own.versions.node, suspension));
