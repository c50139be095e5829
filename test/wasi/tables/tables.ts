/** The packages of WASI 0.2 whose functions have rows. */
import type { Table } from '../kit/row.ts';
import { CLI } from './cli.ts';
import { CLOCKS } from './clocks.ts';
import { HTTP_TABLE } from './http-outgoing.ts';
import { IO } from './io.ts';
import { RANDOM } from './random.ts';
import { SOCKETS } from './sockets.ts';

export const TABLES: readonly Table[] = [IO, CLOCKS, RANDOM, CLI, HTTP_TABLE, SOCKETS];
