import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { parse, type Node } from 'acorn';
import { describe, expect, it } from 'vitest';
import { IMPURE_GLOBALS, IMPURE_MEMBERS, LAW, MAX_FILE_LINES, type Room } from './law.ts';

const SOURCE = path.resolve(import.meta.dirname, '../../src');
const files = globSync('**/*.ts', { cwd: SOURCE }).sort();

interface Facts {
  readonly imports: readonly string[];
  readonly names: ReadonlySet<string>;
  readonly members: ReadonlySet<string>;
}

/** Imports (types too: an arrow is an arrow) and the names that the code mentions, from its syntax tree. */
function factsOf(text: string): Facts {
  const imports = [...text.matchAll(/^\s*(?:import|export)\b[^;'"]*?from\s+['"]([^'"]+)['"]/gm)].map(
    (match) => match[1]!,
  );
  imports.push(...[...text.matchAll(/\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)/g)].map((match) => match[1]!));
  imports.push(...[...text.matchAll(/^\s*import\s+['"]([^'"]+)['"]/gm)].map((match) => match[1]!));
  const names = new Set<string>();
  const members = new Set<string>();
  visit(parse(stripTypeScriptTypes(text), { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
    if (node['type'] === 'MemberExpression') {
      const object = node['object'] as Record<string, unknown>;
      const property = node['property'] as Record<string, unknown>;
      if (object['type'] === 'Identifier') {
        names.add(String(object['name']));
        members.add(`${String(object['name'])}.${String(property['name'])}`);
      }
    }
    if (node['type'] === 'CallExpression' || node['type'] === 'NewExpression') {
      const callee = node['callee'] as Record<string, unknown>;
      if (callee['type'] === 'Identifier') names.add(String(callee['name']));
    }
  });
  return { imports, names, members };
}

function visit(node: Node, look: (node: Record<string, unknown>) => void): void {
  look(node as unknown as Record<string, unknown>);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child === 'object' && typeof (child as Node).type === 'string') visit(child as Node, look);
    }
  }
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What is wrong with one import, and the fix; undefined where the law allows it. */
function offence(file: string, room: string, law: Room, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    if (law.node === 'any' || law.node.includes(specifier)) return undefined;
    return `${file} imports ${specifier}: ${room}/ may not touch it. Take the value as an argument, or move the effect to an edge.`;
  }
  if (!specifier.startsWith('.')) {
    if (law.packages.includes(packageOf(specifier))) return undefined;
    return `${file} imports the package ${specifier}: ${room}/ may use ${law.packages.join(', ') || 'none'}. Wrap it once in the room that owns it.`;
  }
  const target = path.relative(SOURCE, path.resolve(SOURCE, path.dirname(file), specifier));
  const targetRoom = target.includes('/') ? target.split('/')[0]! : '';
  if (targetRoom === room || law.rooms.includes(targetRoom) || law.files?.includes(target)) return undefined;
  if (target.startsWith('../schemas/')) return undefined;
  return `${file} imports ${target}: the law allows ${room}/ only ${[...law.rooms, ...(law.files ?? [])].join(', ')}. Put the shared type into model/ or a port into reconcile/ports.ts and wire it in process/.`;
}

describe('the law of the rooms', () => {
  it('has a row for every room', () => {
    const rooms = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!));
    expect([...rooms].filter((room) => !(room in LAW))).toEqual([]);
  });

  it('is kept by every import', { timeout: 60_000 }, () => {
    const offences = files.flatMap((file) => {
      const room = file.split('/')[0]!;
      const law = LAW[room];
      if (!law) return [`${file} is in no room`];
      const { imports } = factsOf(readFileSync(path.join(SOURCE, file), 'utf8'));
      return imports.map((specifier) => offence(file, room, law, specifier)).filter((text) => text !== undefined);
    });
    expect(offences).toEqual([]);
  });

  it('keeps the pure rooms pure', () => {
    const offences = files.flatMap((file) => {
      if (!LAW[file.split('/')[0]!]?.pure) return [];
      const { names, members } = factsOf(readFileSync(path.join(SOURCE, file), 'utf8'));
      return [
        ...IMPURE_GLOBALS.filter((name) => names.has(name)),
        ...IMPURE_MEMBERS.filter((name) => members.has(name)),
      ].map((name) => `${file} uses ${name}: take it as an argument (time is kit/clock.ts's Now, chance is a seed).`);
    });
    expect(offences).toEqual([]);
  });

  it('keeps files to one idea', () => {
    const long = files
      .filter((file) => !file.includes('generated/'))
      .map((file) => ({ file, lines: readFileSync(path.join(SOURCE, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > MAX_FILE_LINES);
    expect(long).toEqual([]);
  });

  it('gives every room a README', () => {
    const rooms = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!));
    const readmes = new Set(globSync('*/README.md', { cwd: SOURCE }).map((file) => file.split('/')[0]!));
    expect([...rooms].filter((room) => !readmes.has(room))).toEqual([]);
  });

  it('finds each kind of offence', () => {
    const law = LAW['decide']!;
    expect(offence('decide/x.ts', 'decide', law, '../git/mirror.ts')).toContain('the law allows');
    expect(offence('decide/x.ts', 'decide', law, 'node:fs')).toContain('may not touch');
    expect(offence('decide/x.ts', 'decide', law, 'undici')).toContain('Wrap it once');
    expect(offence('git/x.ts', 'git', LAW['git']!, '../journal/journal.ts')).toContain('the law allows');
    expect(offence('git/x.ts', 'git', LAW['git']!, '../reconcile/ports.ts')).toBeUndefined();
    expect([...factsOf('const a = Date.now(); setTimeout(() => a, 1);').members]).toContain('Date.now');
  });
});
