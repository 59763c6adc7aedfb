import { expect, it } from 'vitest';
import type { PacketField } from '$lib/backend';
import { decode, hex, line, owners } from './bytes';

const field = (start: number, end: number): PacketField => ({ name: '', value: '', start, end, role: 'other' });

it('a line is cut where a field ends', () => {
  const bytes = decode(btoa('\x30\x06\x00\x01a' + 'hey'));
  const runs = line(bytes, owners([field(0, 2), field(2, 5), field(5, 8)], bytes.length), 0);
  expect(runs).toEqual([
    { field: 0, hex: '30 06', text: '0·' },
    { field: 1, hex: '00 01 61', text: '··a' },
    { field: 2, hex: '68 65 79', text: 'hey' },
  ]);
});

it('of fields within each other the inner one owns the byte', () => {
  expect([...owners([field(0, 4), field(1, 2)], 5)]).toEqual([0, 1, 0, 0, -1]);
});

it('a field that claims more bytes than there are does not reach past the end', () => {
  expect([...owners([field(1, 99)], 2)]).toEqual([-1, 0]);
});

it('bytes copy as hex', () => {
  expect(hex(new Uint8Array([0, 255, 16]))).toBe('00 ff 10');
});
