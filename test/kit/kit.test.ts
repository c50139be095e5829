import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deferred } from '../../src/kit/deferred.ts';
import { digestOfBytes, hashOfJson, isDigest, short } from '../../src/kit/digest.ts';
import { canonicalJson, type Json } from '../../src/kit/json.ts';
import { formatDuration, parseCpu, parseDuration, parsePercent, parseSize } from '../../src/kit/units.ts';

describe('canonical JSON (RFC 8785)', () => {
  it('prints the example of the standard', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    ) as Json;
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts members by UTF-16 code units', () => {
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, ö: 7 })).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  it('does not depend on the order of members, and loses nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = canonicalJson(value as Json);
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('leaves out undefined members and refuses what has no form', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(() => canonicalJson(Number.NaN)).toThrow(TypeError);
    expect(() => canonicalJson('\ud800')).toThrow(TypeError);
  });
});

describe('digests', () => {
  it('hash bytes and values', () => {
    expect(digestOfBytes(new Uint8Array())).toBe(
      'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(hashOfJson({ a: 1, b: [2] })).toBe(hashOfJson({ b: [2], a: 1 }));
    expect(short('sha256:e3b0c44298fc1c14')).toBe('e3b0c44298fc');
  });

  it('are recognised only in their one form', () => {
    expect(isDigest(`sha256:${'a'.repeat(64)}`)).toBe(true);
    for (const text of [
      `sha256:${'A'.repeat(64)}`,
      `sha256:${'a'.repeat(63)}`,
      `sha1:${'a'.repeat(64)}`,
      'a'.repeat(64),
    ]) {
      expect(isDigest(text)).toBe(false);
    }
  });
});

describe('units', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1m1s1ms', 61_001],
    ['0s', 0],
  ])('reads the duration %s', (text, milliseconds) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: milliseconds });
  });

  it.each(['', '5', '1d', '1.5s', '123456s', '1h1h1h1h1h', '-1s', ' 1s'])('refuses the duration "%s"', (text) => {
    expect(parseDuration(text).ok).toBe(false);
  });

  it('prints durations that it reads', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999 * 3_600_000 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toEqual({ ok: true, value: milliseconds });
      }),
    );
  });

  it('reads sizes, processors and percentages', () => {
    expect(parseSize('64Mi')).toEqual({ ok: true, value: 64 * 1024 * 1024 });
    expect(parseSize('8k')).toEqual({ ok: true, value: 8000 });
    expect(parseSize('64MB').ok).toBe(false);
    expect(parseCpu('500m')).toEqual({ ok: true, value: 500 });
    expect(parseCpu('2')).toEqual({ ok: true, value: 2000 });
    expect(parseCpu('0.5').ok).toBe(false);
    expect(parsePercent('0.5%')).toEqual({ ok: true, value: 0.005 });
    expect(parsePercent('999%').ok).toBe(true);
    expect(parsePercent('1000%').ok).toBe(false);
    expect(parsePercent('5').ok).toBe(false);
  });
});

describe('Deferred', () => {
  it('settles once, and says so', async () => {
    const deferred = new Deferred<number>();
    expect(deferred.settled).toBe(false);
    deferred.resolve(1);
    deferred.reject(new Error('late'));
    expect(deferred.settled).toBe(true);
    await expect(deferred.promise).resolves.toBe(1);
  });
});
