/** A cell process: descriptors 3 and 4 lead to the engine and the broker, and are all that it has. Started by the spawner; see src/cell/README.md. */
import net from 'node:net';
import { Cell } from '../cell/cell.ts';
import { harden } from '../cell/harden.ts';
import { rehearse } from '../cell/rehearsal.ts';
import { Suspension } from '../cell/suspension.ts';
import { BROKER_DESCRIPTOR } from '../wire/broker-frames.ts';

const CHANNEL_DESCRIPTOR = 3;

const { versions } = process;
const exit = process.exit.bind(process);
const channel = new net.Socket({ fd: CHANNEL_DESCRIPTOR, readable: true, writable: true });
const suspension = new Suspension();
suspension.install();
const openBroker = (): net.Socket => new net.Socket({ fd: BROKER_DESCRIPTOR, readable: true, writable: true });
const cell = new Cell({ channel, openBroker, nodeVersion: versions.node, exit, suspension });
process.on('unhandledRejection', (reason) => cell.strayRejection(reason));
harden();
cell.boot(await rehearse(versions.node, suspension));
