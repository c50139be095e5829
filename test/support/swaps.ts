/** Exchanges names for ever: a folder for a link that leads out, a file for another. */
export const SWAPS = `
  const fs = require('node:fs');
  const at = (name) => process.argv[1] + '/' + name;
  process.stdout.write('ready');
  for (;;) {
    fs.renameSync(at('d'), at('x')); fs.renameSync(at('evil'), at('d'));
    fs.renameSync(at('f'), at('y')); fs.renameSync(at('g'), at('f'));
    fs.renameSync(at('d'), at('evil')); fs.renameSync(at('x'), at('d'));
    fs.renameSync(at('f'), at('g')); fs.renameSync(at('y'), at('f'));
  }`;
