import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/headway.ts';

/** Of a heading, as git hosts make them: lower case, without punctuation, spaces as hyphens. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

describe('links of the documentation', () => {
  it('lead to files and headings that are there', () => {
    const pages = ['README.md', ...globSync('{docs,src,test,wit,examples,manifests}/**/*.md', { cwd: ROOT })];
    const broken = pages.flatMap((page) => {
      const text = readFileSync(path.join(ROOT, page), 'utf8').replace(/^```[^]*?^```$/gm, '');
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
      return links.flatMap((link) => {
        if (/^[a-z]+:/.test(link)) return [];
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path.join(ROOT, page) : path.resolve(ROOT, path.dirname(page), file);
        if (!existsSync(target)) return [`${page}: ${link}`];
        if (!anchor || !target.endsWith('.md')) return [];
        const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]!));
        return headings.includes(anchor) ? [] : [`${page}: ${link}`];
      });
    });
    expect(pages.length).toBeGreaterThan(30);
    expect(broken).toEqual([]);
  });
});
