/**
 * What JSON lets through and a terminal, or an eye, takes for something else than text: DEL and the C1 controls, line and
 * paragraph separators, and what turns the direction of text.
 */
const DECEPTIVE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A line of JSON with these escaped: the same value to who parses it. Guests and visitors have words in our lines. */
export function visible(line: string): string {
  return line.replaceAll(DECEPTIVE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
