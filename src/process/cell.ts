/** A cell process: descriptor 3 is its channel, and all that it has. Started by the spawner; see src/cell/README.md. */
import net from 'node:net';
import { Cell } from '../cell/cell.ts';
import { harden } from '../cell/harden.ts';
import { Suspension } from '../cell/suspension.ts';

const CHANNEL_DESCRIPTOR = 3;

const { versions } = process;
const exit = process.exit.bind(process);
const channel = new net.Socket({ fd: CHANNEL_DESCRIPTOR, readable: true, writable: true });
const suspension = new Suspension();
suspension.install();
const cell = new Cell({ channel, nodeVersion: versions.node, exit, suspension });
process.on('unhandledRejection', (reason) => cell.strayRejection(reason));
harden();
cell.boot();
