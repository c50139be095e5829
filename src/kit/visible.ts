/**
 * What JSON lets through and a terminal, or an eye, takes for something else than text: DEL and the C1 controls, line and
 * paragraph separators, and what turns the direction of text.
 */
const DECEPTIVE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

// oxlint-disable-next-line no-control-regex -- these are what is to be seen
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A line of JSON with these escaped: the same value to who parses it. Guests and visitors have words in our lines. */
export function visible(line: string): string {
  return line.replaceAll(DECEPTIVE, escaped);
}

/** The same of a text that is in no JSON: line ends and the other controls too. */
export function visibleText(text: string): string {
  return text.replaceAll(UNSEEN, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
