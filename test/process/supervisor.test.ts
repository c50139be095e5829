import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { supervise, type Supervisor } from '../../src/process/supervisor.ts';

const NODE = process.execPath;
const folder = mkdtempSync(path.join(tmpdir(), 'headway-supervisor-'));
const script = path.join(folder, 'child.mjs');
writeFileSync(script, 'process.stdin.resume();\n');
let supervisor: Supervisor | undefined;

afterEach(async () => {
  process.execPath = NODE;
  await supervisor?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a child that cannot be started', () => {
  it('is tried again: the system may have been out of processes for a moment', async () => {
    const said: string[] = [];
    process.execPath = path.join(folder, 'not-there');
    const entry = path.relative(path.resolve(import.meta.dirname, '../../src/process'), script);
    supervisor = supervise([{ name: 'one', entry, config: {} }], (line) => said.push(line));
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(0), { timeout: 10_000 });
    expect(said[0]).toMatch(/^one could not be started: spawn .* ENOENT; starting it again in 50 ms$/);
    process.execPath = NODE;
    await vi.waitFor(() => expect(supervisor!.pids()['one']).toBeGreaterThan(0), { timeout: 10_000 });
  });
});
