// The bytes of a packet as lines of a hex dump, each cut where a field of the packet ends.
import type { PacketField } from '$lib/backend';

export const PER_LINE = 8;

/** Bytes of one field within one line. */
export interface Run {
  /** The index of the field; -1 where no field lies over the bytes. */
  field: number;
  hex: string;
  text: string;
}

export function decode(base64: string): Uint8Array {
  const binary = atob(base64);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * The index of the innermost field over each byte, -1 for none. Fields come in the order of the bytes; where one lies within
 * another, the shorter one counts.
 */
export function owners(fields: readonly PacketField[], length: number): Int32Array {
  const owner = new Int32Array(length).fill(-1);
  const order = fields.map((_, index) => index);
  const span = (index: number) => (fields[index]?.end ?? 0) - (fields[index]?.start ?? 0);
  order.sort((left, right) => span(right) - span(left));
  for (const index of order) {
    const field = fields[index];
    if (field) owner.fill(index, Math.min(field.start, length), Math.min(field.end, length));
  }
  return owner;
}

const printable = (byte: number) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');

/** One line of the dump. */
export function line(bytes: Uint8Array, owner: Int32Array, number: number): Run[] {
  const runs: Run[] = [];
  const end = Math.min(bytes.length, (number + 1) * PER_LINE);
  for (let at = number * PER_LINE; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    const field = owner[at] ?? -1;
    const hex = byte.toString(16).padStart(2, '0');
    const last = runs[runs.length - 1];
    if (last?.field === field) {
      last.hex += ` ${hex}`;
      last.text += printable(byte);
    } else {
      runs.push({ field, hex, text: printable(byte) });
    }
  }
  return runs;
}

/** All bytes as hex, to copy. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
