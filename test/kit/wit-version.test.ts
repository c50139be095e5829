import { describe, expect, it } from 'vitest';
import { exportFor, isCompatible } from '../../src/model/wit-version.ts';

/** Wanted, offered, whether it will do. */
const ROWS: readonly (readonly [string, string, boolean])[] = [
  ['1.2.3', '1.2.3', true],
  ['1.2.3', '1.2.4', true],
  ['1.2.3', '1.3.0', true],
  ['1.2.3', '1.2.2', false],
  ['1.2.3', '1.1.9', false],
  ['1.2.3', '2.2.3', false],
  ['2.0.0', '1.9.9', false],
  ['0.2.0', '0.2.9', true],
  ['0.2.9', '0.2.10', true],
  ['0.2.3', '0.2.2', false],
  ['0.2.0', '0.3.0', false],
  ['0.3.0', '0.2.9', false],
  ['0.0.1', '0.0.1', true],
  ['0.0.1', '0.0.2', false],
  ['1.0.0-rc.1', '1.0.0-rc.1', true],
  ['1.0.0-rc.1', '1.0.0', false],
  ['1.0.0', '1.0.1-rc.1', false],
  ['1.0.0+one', '1.0.0+two', true],
  ['', '', true],
  ['', '1.0.0', false],
  ['1.0.0', '', false],
  ['9007199254740993.0.0', '9007199254740992.0.0', false],
];

describe('a version that is offered', () => {
  it.each(ROWS)('for %s: %s → %s', (wanted, offered, expected) => {
    expect(isCompatible(wanted, offered)).toBe(expected);
  });
});

describe('the export for an import', () => {
  const exported = ['shop:tax/rates@0.2.1', 'shop:tax/rates@0.2.10', 'shop:tax/rates@0.3.0', 'shop:tax/other@0.2.20'];

  it('is the newest compatible one of its name', () => {
    expect(exportFor('shop:tax/rates@0.2.0', exported)).toBe('shop:tax/rates@0.2.10');
    expect(exportFor('shop:tax/rates@0.3.0', exported)).toBe('shop:tax/rates@0.3.0');
    expect(exportFor('shop:tax/rates@0.2.11', exported)).toBeUndefined();
    expect(exportFor('shop:tax/rates', exported)).toBeUndefined();
    expect(exportFor('shop:tax/none@0.2.0', exported)).toBeUndefined();
  });
});
