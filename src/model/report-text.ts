/** The texts of a report, for every receiver the same. */
import { short } from '../kit/digest.ts';
import type { Message, OutboxItem, ReportState } from './report.ts';
import type { Evidence, TimelineEvent } from './status.ts';

/** One commit of the first-parent chain from a head down to the head that was accepted before it. */
export interface Ancestor {
  readonly commit: string;
  readonly parents: number;
}

/**
 * The line that takes a head back to the one accepted before it. `-m 1` is what a merge needs, and what git lets pass
 * for other commits since 2.21; of a range, `--first-parent` takes the merges and not what they brought in twice.
 */
export function revertLine(chain: readonly Ancestor[], base: string | undefined): string | undefined {
  const [head, ...others] = chain;
  if (!head) return undefined;
  const merges = chain.some(({ parents }) => parents > 1);
  if (others.length === 0 || base === undefined) {
    return `git revert ${head.parents > 1 ? '-m 1 ' : ''}${short(head.commit)}`;
  }
  return `git revert ${merges ? '-m 1 --first-parent ' : ''}${short(base)}..${short(head.commit)}`;
}

/** It was delivered, and comes again to be confirmed: a request that was given up may have arrived after it. */
export function isTold({ delivered, digest }: Pick<OutboxItem, 'delivered' | 'digest'>): boolean {
  return delivered === digest;
}

/** One line of at most so many characters; the line that reverts is whole or not there. */
export function lineOf({ why, revert }: Pick<Message, 'why' | 'revert'>, maxCharacters: number): string {
  const tail = revert === undefined ? '' : ` · ${revert}`;
  const room = maxCharacters - tail.length;
  return room < 20 ? cut(why, maxCharacters) : `${cut(why, room)}${tail}`;
}

const STATE_WORDS: Readonly<Record<ReportState, string>> = {
  Pending: 'under way',
  Success: 'good',
  Failure: 'failed',
  Neutral: 'not decided',
};

/** Everything that there is to say, as lines. */
export function textOf(message: Message): string {
  const { context, state, why, entries, more, revert, answeredBy, story = [] } = message;
  return [
    `${context}: ${STATE_WORDS[state]}: ${oneLine(why)}`,
    ...entries.flatMap((one) => [
      `${one.entry} ${oneLine(one.why)}`,
      ...one.evidence.map((line) => `  ${evidenceLine(line)}`),
    ]),
    ...(more === undefined ? [] : [`and ${more} entries more`]),
    ...(answeredBy === undefined ? [] : [`Git went on with ${short(answeredBy)}.`]),
    ...(revert === undefined ? [] : ['To take it back:', `  ${revert}`]),
    ...(story.length === 0 ? [] : ['What happened:', ...story.map((line) => `  ${line}`)]),
  ].join('\n');
}

const MAX_STORY_LINE = 500;

/** One event of the timeline, with what was measured. */
export function storyLines({ at, entry, reason, message, evidence = [] }: TimelineEvent): readonly string[] {
  const head = cut(`${at} ${reason}${entry === undefined ? '' : ` ${entry}`}: ${message}`, MAX_STORY_LINE);
  return [head, ...evidence.map((line) => `  ${evidenceLine(line)}`)];
}

/** The same where Markdown is read: as it is, and calling nobody. */
export function fencedText(message: Message, maxCharacters: number): string {
  const text = textOf(message).slice(0, maxCharacters).toWellFormed().replaceAll('```', "'''");
  return `\`\`\`text\n${text}\n\`\`\``;
}

/** A note with our section in it: the others, which other daemons or people wrote, stay. Sections have no empty line. */
export function withSection(note: string, context: string, text: string): string {
  const own = `${text.replaceAll(/\n\s*\n/g, '\n').trimEnd()}\n`;
  const sections = note.trim() === '' ? [] : note.trimEnd().split(/\n\s*\n/);
  const others = sections.map((section) => (section.startsWith(`${context}: `) ? own.trimEnd() : section));
  const all = others.includes(own.trimEnd()) ? others : [...others, own.trimEnd()];
  return `${all.join('\n\n')}\n`;
}

function evidenceLine({ metric, observed, threshold, samples, synthetic }: Evidence): string {
  const sent = synthetic > 0 ? `, ${synthetic} of them synthetic` : '';
  return oneLine(`${metric}: ${observed} against ${threshold} (${samples} samples${sent})`);
}

/**
 * What guests and commits say ends up in terminals and on pages: no line ends that could pass for lines of ours, no control
 * characters, nothing that turns the direction of what follows.
 */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
}

function cut(text: string, characters: number): string {
  const line = oneLine(text);
  return line.length <= characters ? line : `${line.slice(0, characters - 1).toWellFormed()}…`;
}
