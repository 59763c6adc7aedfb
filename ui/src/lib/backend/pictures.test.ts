import { describe, expect, it } from 'vitest';
import { unpacked } from './pictures';

/** As the workbench packs it. */
function packed(header: object, numbers: readonly number[]): ArrayBuffer {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 4) * 4;
  const bytes = new ArrayBuffer(4 + length + numbers.length * 4);
  new DataView(bytes).setUint32(0, length, true);
  const words = new Uint8Array(bytes, 4, length).fill(0x20);
  words.set(json);
  new Float32Array(bytes, 4 + length).set(numbers);
  return bytes;
}

describe('pictures as bytes', () => {
  it('gives each stroke its own coordinates, whatever stands between', () => {
    const path = { op: 'path', points: [], color: '#2dd4bf', width: 1.75 };
    const text = { op: 'text', text: '10 °C' };
    const fill = { op: 'fill', points: [], color: '#000' };
    const frame = {
      frame: 7,
      pictures: [
        { key: 1, drawn: { ops: [path, text, fill] } },
        { key: 2, failed: { code: 'not-found', message: 'There is no chart 2.' } },
        { key: 3, drawn: { ops: [path] } },
      ],
    };
    const read = unpacked(packed({ counts: [4, 2, 2], frame }, [1, 2.5, 3, 4, 7, 8, -0.5, 9]));
    expect(read.frame).toBe(7);
    const points = read.pictures.map(({ drawn }) =>
      drawn?.ops.flatMap((op) => ('points' in op ? [Array.from(op.points)] : [])),
    );
    expect(points).toEqual([
      [
        [1, 2.5, 3, 4],
        [7, 8],
      ],
      undefined,
      [[-0.5, 9]],
    ]);
    expect(read.pictures[0]?.drawn?.ops[1]).toEqual(text);
  });
});
