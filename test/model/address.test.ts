/** Spellings of addresses, which are inside, and which block holds which. */
import { describe, expect, test } from 'vitest';
import { asBlock, contains, isInside, isPublic, parseAddress, parseBlock } from '../../src/model/address.ts';

describe('an address', () => {
  test.each([
    ['1.2.3.4', 4, 0x01020304n],
    ['255.255.255.255', 4, 0xffffffffn],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['2606:4700::1111', 6, 0x26064700_00000000_00000000_00001111n],
    ['1:2:3:4:5:6:7:8', 6, 0x00010002_00030004_00050006_00070008n],
    ['::ffff:1.2.3.4', 4, 0x01020304n],
    ['::FFFF:0102:0304', 4, 0x01020304n],
    ['64:ff9b::1.2.3.4', 6, 0x0064ff9b_00000000_00000000_01020304n],
  ] as const)('%s', (text, family, value) => {
    expect(parseAddress(text)).toEqual({ family, value });
  });

  test.each(
    '|1.2.3|1.2.3.4.5|01.2.3.4|0x1.2.3.4|1.2.3.256|1.2.3.|16909060|:|:::|1:2|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1::2::3|12345::|g::|fe80::1%eth0|1.2.3.4::|::1.2.3|[::1]|1:2:3:4:5:6:7::8| 1.2.3.4'.split(
      '|',
    ),
  )('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('of the open internet', () => {
  const inside =
    '0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 168.63.129.16 169.254.169.254 172.16.0.1 ' +
    '172.31.255.255 192.0.0.192 192.168.255.255 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ' +
    '::ffff:a9fe:a9fe ::127.0.0.1 64:ff9b::7f00:1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 2001::1 2001:db8::1 2002:7f00:1::';
  const open =
    '1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.167.0.1 192.169.0.1 168.63.129.17 ' +
    '223.255.255.255 ::ffff:8.8.8.8 2606:4700::1111 2a00::1 2001:200::1';
  test.each(inside.split(' '))('%s is not', (text) => expect(isPublic(parseAddress(text)!)).toBe(false));
  test.each(open.split(' '))('%s is', (text) => expect(isPublic(parseAddress(text)!)).toBe(true));
});

describe('a block', () => {
  test.each([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['0.0.0.0/0', '10.1.2.3', true],
    ['0.0.0.0/0', '::1', false],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fc12::1', false],
  ])('%s holds %s: %s', (block, address, held) => {
    expect(contains(parseBlock(block)!, asBlock(parseAddress(address)!))).toBe(held);
  });

  test('a narrower one is held by a wider one, not the other way round', () => {
    const [wide, narrow] = [parseBlock('10.0.0.0/8')!, parseBlock('10.1.0.0/16')!];
    expect([contains(wide, narrow), contains(narrow, wide)]).toEqual([true, false]);
  });

  test.each(
    '10.0.0.1/8 10.0.0.0/33 10.0.0.0/08 10.0.0.0/ 10.0.0.0/-1 ::/129 fd00::1/8 host/8 ::ffff:10.0.0.0/8'.split(' '),
  )('%s is none', (text) => expect(parseBlock(text)).toBeUndefined());

  test.each([
    ['127.0.0.0/8', true],
    ['169.254.169.254', true],
    ['10.0.0.0/7', false],
    ['0.0.0.0/0', false],
    ['8.8.8.8', false],
    ['::1', true],
    ['fd00::/8', true],
    ['::/0', false],
    ['2000::/3', false],
    ['2001:db8::/48', true],
  ])('%s names inside addresses only: %s', (text, inside) => {
    expect(isInside(parseBlock(text)!)).toBe(inside);
  });
});
