import type { Statement } from 'acorn';
import { template } from './template.ts';

/** Names that the pass brings in. No file may spell one before: jco's own never begin with `_fast`. */
export const OWN_PREFIX = '_fast';

/**
 * What takes the place of jco's tasks: whether a guest runs, and whether one has trapped. One state for all component
 * instances in the file, which are one to the outside: a trap in any of them ends them all.
 *
 * - A guest that runs, or is suspended, is not entered again, as the component model has it for synchronous functions.
 * - After a trap nothing is entered any more; so it is after whatever else a host function threw through a guest, and after a
 *   guest returned what is no value of its type. An argument that cannot be lowered is no trap: the guest has not begun, unless
 *   something was lent to it before.
 * - What the caller lends is given back before the call ends.
 */
export const SUPPORT_CODE: readonly Statement[] = template(`
  let _fastRunning = false;
  let _fastTrapped = false;
  let _fastReturned = false;
  let _fastLoans = 0;
  function _fastEnter() {
    if (_fastRunning || _fastTrapped) throw new WebAssemblyRuntimeError('wasm trap: cannot enter component instance');
    _fastRunning = true;
    _fastReturned = false;
  }
  function _fastTrap(error) {
    _fastTrapped = true;
    return _normalizeCoreTrap(error);
  }
  function _fastLeave(error) {
    const isLifting = _fastRunning && _fastReturned;
    _fastRunning = false;
    return isLifting || _fastLoans !== 0 || error instanceof WebAssemblyRuntimeError ? _fastTrap(error) : error;
  }
  function _fastOwes() {
    throw _fastTrap(new WebAssemblyRuntimeError('borrow handles still remain at the end of the call'));
  }
  function _fastUnlinked() {
    throw _fastTrap(new WebAssemblyRuntimeError('wasm trap: uninitialized element'));
  }
  function _fastCannotLeave() {
    throw _fastTrap(new WebAssemblyRuntimeError('cannot leave component instance'));
  }
`);

/**
 * A text that the guest gave: mostly a short one that it gave before, such as the name of a header. Making it anew costs a call out of
 * JavaScript, 0.3 µs, and comparing it a tenth of that. Of a text of UTF-8 with as many units as bytes each byte is a unit.
 */
export const TEXT_CODE: readonly Statement[] = template(`
  const _fastTexts = [];
  function _fastText(bytes, at, length) {
    const isShort = length > 0 && length <= 32;
    const slot = isShort ? (bytes[at] * 7 + bytes[at + length - 1] * 3 + length) & 63 : 0;
    const likely = isShort ? _fastTexts[slot] : undefined;
    if (likely !== undefined && likely.length === length) {
      let index = 0;
      while (index < length && likely.charCodeAt(index) === bytes[at + index]) index += 1;
      if (index === length) return likely;
    }
    const text = TEXT_DECODER_UTF8.decode(new Uint8Array(bytes.buffer, at, length));
    if (isShort && text.length === length) _fastTexts[slot] = text;
    return text;
  }
`);
