/**
 * Views of a memory. jco asks the memory for its buffer at every access and copies bytes by copying buffers; here each memory
 * has one view of each kind, which is made anew when the memory has grown: the length of the old one is 0 from then on.
 */
import type { AnyNode, Statement } from 'acorn';
import { rewrite } from '../syntax.ts';
import { expressionOf, fill, heldName, matchAt, matchExpression, template, type Held } from './template.ts';
import { OWN_PREFIX } from './support-code.ts';

const DECLARED = template('let $memory;');
const WITH_VIEWS = template(`
  let $memory;
  let $bytes = new Uint8Array();
  let $view;
  function $all() {
    if ($bytes.length === 0) {
      $bytes = new Uint8Array($memory.buffer);
      $view = new DataView($memory.buffer);
    }
    return $bytes;
  }
  function $data() {
    if ($bytes.length === 0) $all();
    return $view;
  }
`);
const MEMORY = /^memory[0-9]+$/;

interface Rule {
  readonly pattern: readonly Statement[];
  readonly by: readonly Statement[];
}

const EXPRESSIONS: readonly Rule[] = [
  { pattern: template('dataView($memory)'), by: template('$data()') },
  {
    pattern: template('new Uint8Array($memory.buffer.slice($address, $address + $length * 1))'),
    by: template('$all().slice($address, $address + $length)'),
  },
  {
    pattern: template('new Uint8Array($memory.buffer, $address, $length * 1)'),
    by: template('$all().subarray($address, $address + $length)'),
  },
  {
    pattern: template('TEXT_DECODER_UTF8.decode(new Uint8Array($memory.buffer, $address, $length))'),
    by: template('_fastText($all(), $address, $length)'),
  },
];

const COPIED = template('new Uint8Array($memory.buffer.slice($address, $address + $length * 1))');
const SHOWN = template('new Uint8Array($memory.buffer, $address, $length * 1)');

/** Bytes that are lifted below `root` are the guest's own memory, and no copy of it: for a host that copies what it keeps. */
export function showBytes(root: AnyNode): void {
  rewrite(root, (node) => {
    const found = node.type === 'NewExpression' ? matchExpression(COPIED, node) : undefined;
    return found ? expressionOf(SHOWN, found) : node;
  });
}

/** Gives every memory of the generator its views, and uses them below `root`. */
export function useOwnViews(root: AnyNode, body: Statement[]): void {
  const views = new Map<string, Held>();
  for (let at = 0; at < body.length; at++) {
    const found = matchAt(DECLARED, [body[at]!], 0)?.held;
    const memory = found && heldName(found, 'memory');
    if (!found || memory === undefined || !MEMORY.test(memory)) continue;
    for (const kind of ['bytes', 'view', 'all', 'data']) {
      found.set(kind, { type: 'Identifier', name: `${OWN_PREFIX}_${kind}_${memory}`, start: 0, end: 0 });
    }
    views.set(memory, found);
    const declared = fill(WITH_VIEWS, found);
    body.splice(at, 1, ...declared);
    at += declared.length - 1;
  }
  rewrite(root, (node) => viewed(node, views) ?? node);
}

function viewed(node: AnyNode, views: ReadonlyMap<string, Held>): AnyNode | undefined {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
  for (const { pattern, by } of EXPRESSIONS) {
    const found = matchExpression(pattern, node);
    const view = found && views.get(heldName(found, 'memory') ?? '');
    if (!found || !view) continue;
    const [made] = fill(by, new Map([...view, ...found]));
    if (made?.type === 'ExpressionStatement') return made.expression;
  }
  return undefined;
}
