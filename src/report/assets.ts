import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The files of the page by the path that they are served under. What is not in this list is not served. */
const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/dashboard.css': 'dashboard.css',
  '/icon.svg': 'icon.svg',
  '/js/app.js': 'js/app.js',
  '/js/dom.js': 'js/dom.js',
  '/js/entry.js': 'js/entry.js',
  '/js/format.js': 'js/format.js',
  '/js/schedules.js': 'js/schedules.js',
  '/js/source.js': 'js/source.js',
  '/js/timeline.js': 'js/timeline.js',
};

/**
 * Reads the page into memory once.
 *
 * @throws where a file is missing: the installation is broken.
 */
export function readAssets(): ReadonlyMap<string, Asset> {
  const folder = path.join(import.meta.dirname, '..', 'dashboard');
  return new Map(
    Object.entries(FILES).map(([servedAs, file]) => {
      const body = readFileSync(path.join(folder, file));
      const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;
      return [servedAs, { type: TYPES[path.extname(file)] ?? 'application/octet-stream', body, etag }];
    }),
  );
}
