/**
 * Whose calls break: components that link what changes, and clients of routes that call a function. Both sides are read
 * from the binaries, so that the one who changes a component hears it, whoever maintains the caller.
 *
 * A caller is taken as the head has it, and as the base had it where the head has it no more or made it invalid. A client
 * is outside of git: what it was made for is what the base answers, as the OpenAPI document of that commit says.
 */
import type { EntryKey, ExportRef, Member } from '../../model/component.ts';
import { callName, exporters } from '../../model/callable.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import { entryOfHost } from '../../model/entry-host.ts';
import { linkFault } from '../../model/link-fault.ts';
import { matchKey, type RouteRule } from '../../model/route.ts';
import { differenceOf } from '../../model/wit-fit.ts';
import { functionText } from '../../model/wit-text.ts';
import type { ComponentShape, ShapeOf, WitFunction, WitType } from '../../model/wit.ts';

/** One caller that the change leaves behind. */
export interface Break {
  /** `Link`: a component of the repository. `Call`: clients of a match. */
  readonly type: 'Link' | 'Call';
  /** `shop/checkout`, or the match: `shop.example.com/quote`. */
  readonly who: string;
  /** What it is made for, and what is there from now on. */
  readonly why: string;
}

/** By the entry whose change breaks them. */
export function breaksBetween(base: Desired, head: Desired, shapeOf: ShapeOf): ReadonlyMap<EntryKey, readonly Break[]> {
  const found = [
    ...brokenLinks(base, head, shapeOf),
    ...brokenRequests(base, head),
    ...brokenCalls(base, head, shapeOf),
  ];
  const by = Map.groupBy(found, ([key]) => key);
  return new Map([...by].map(([key, breaks]) => [key, breaks.map(([, one]) => one)]));
}

type Found = readonly [EntryKey, Break];

function brokenLinks(base: Desired, head: Desired, shapeOf: ShapeOf): readonly Found[] {
  return [...base.entries.values()].flatMap((before) => {
    const consumer = ownOf(head.entries.get(before.key) ?? before);
    return ownOf(before).links.flatMap((link): readonly Found[] => {
      const linked = consumer.links.some((one) => one.import === link.import && one.component === link.component);
      const [was, is] = [base.entries.get(link.component), head.entries.get(link.component)];
      if (!linked || !was || !is || ownOf(was).artifact === ownOf(is).artifact) return [];
      const [mine, old, next] = [consumer, ownOf(was), ownOf(is)].map((member) => known(member, shapeOf));
      if (!mine || !old || !next || linkFault(link, mine, old)) return [];
      const fault = linkFault(link, mine, next);
      return fault ? [[link.component, { type: 'Link', who: before.key, why: fault.message }]] : [];
    });
  });
}

/** Entries that ask one by its name over HTTP, and that is not there any more. */
function brokenRequests(base: Desired, head: Desired): readonly Found[] {
  // One whose document is broken keeps its last valid form.
  const broken = new Set(head.invalid.map(({ namespace, name }) => `${namespace}/${name}`));
  return [...head.entries.values()].flatMap(({ key, remote }) =>
    (remote?.hosts ?? []).flatMap((host): readonly Found[] => {
      const asked = entryOfHost(host);
      if (asked === undefined || !base.entries.has(asked) || head.entries.has(asked) || broken.has(asked)) return [];
      return [[asked, { type: 'Link', who: key, why: `it asks ${host}, which nobody answers any more` }]];
    }),
  );
}

function brokenCalls(base: Desired, head: Desired, shapeOf: ShapeOf): readonly Found[] {
  const after = new Map<string, readonly [DesiredEntry, RouteRule]>();
  for (const entry of head.entries.values()) {
    for (const rule of entry.rules) after.set(matchKey(rule.match), [entry, rule]);
  }
  return [...base.entries.values()].flatMap((entry) =>
    entry.rules.flatMap((rule): readonly Found[] => {
      const [owner, now] = after.get(matchKey(rule.match)) ?? [];
      if (!rule.export || !owner || !now?.export) return [];
      const [old, next] = [known(ownOf(entry), shapeOf), known(ownOf(owner), shapeOf)];
      const made = old && functionOf(old, rule.export);
      if (!old || !next || !made) return [];
      const why = misfit(made, old.types, functionOf(next, now.export), next.types, callText(now.export));
      if (why === undefined) return [];
      const { hostname = '', path, method } = rule.match;
      const who = `${method === undefined ? '' : `${method} `}${hostname}${path.value}`;
      return [[owner.key, { type: 'Call', who, why }]];
    }),
  );
}

/** Why a client of one function is not served by another; `undefined` where it is. */
function misfit(
  made: WitFunction,
  types: readonly WitType[],
  offered: WitFunction | undefined,
  offeredTypes: readonly WitType[],
  name: string,
): string | undefined {
  const sends = `clients send ${functionText(made, types)}`;
  if (!offered) return `${sends}, and ${name} is not there any more`;
  // A call is by name: the order is nobody's business, and a new parameter may be left out where it is an option.
  const ofClients = new Set(made.params.map((param) => param.name));
  const order = new Map(made.params.map((param, index) => [param.name, index]));
  const params = offered.params
    .filter((param) => ofClients.has(param.name) || !isOption(param.type, offeredTypes))
    .sort((a, b) => (order.get(a.name) ?? made.params.length) - (order.get(b.name) ?? made.params.length));
  const wanted = { name: '', functions: [{ ...made, name: '' }], types: [], resources: [] };
  const offer = { ...wanted, functions: [{ ...offered, name: '', params }] };
  if (differenceOf(wanted, types, offer, offeredTypes) === undefined) return undefined;
  return `${sends}; there is ${functionText(offered, offeredTypes)}`;
}

function isOption(type: WitFunction['params'][number]['type'], types: readonly WitType[]): boolean {
  return typeof type === 'number' && types[type]?.kind === 'option';
}

function functionOf(shape: ComponentShape, called: ExportRef): WitFunction | undefined {
  const exporter = exporters(shape).find(({ name }) => name === called.interface);
  return exporter?.functions.find(({ name }) => name === called.function);
}

function callText({ interface: name, function: called }: ExportRef): string {
  return callName(name, called);
}

function ownOf(entry: DesiredEntry): Member {
  return entry.members[0];
}

function known({ artifact }: Member, shapeOf: ShapeOf): ComponentShape | undefined {
  const shape = shapeOf(artifact);
  return shape?.ok ? shape.value : undefined;
}
