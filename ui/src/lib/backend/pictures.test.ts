import { describe, expect, it } from 'vitest';
import { Unpacking } from './pictures';

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
        { key: 1, drawn: { ops: [path, text, fill] }, strokes: 3, places: [0, 1, 2], same: [] },
        {
          key: 2,
          failed: { code: 'not-found', message: 'There is no chart 2.' },
          strokes: 0,
          places: [],
          same: [],
        },
        { key: 3, drawn: { ops: [path] }, strokes: 1, places: [0], same: [] },
      ],
    };
    const read = new Unpacking().frame(packed({ counts: [4, 2, 2], frame }, [1, 2.5, 3, 4, 7, 8, -0.5, 9]));
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

  it('puts what has changed between what the page has already', () => {
    const unpacking = new Unpacking();
    const path = { op: 'path', points: [], color: '#2dd4bf', width: 1.75 };
    const lines = (same: number[][], counts: number[], numbers: number[]) => {
      const ops = counts.map(() => ({ ...path }));
      const places = [...counts.keys()];
      const frame = { frame: 1, pictures: [{ key: 4, drawn: { ops }, strokes: counts.length, places, same }] };
      const [picture] = unpacking.frame(packed({ counts, frame }, numbers)).pictures;
      return picture?.drawn?.ops.map((op) => ('points' in op ? op.points : []));
    };
    const plain = (lines: ArrayLike<number>[] | undefined) => lines?.map((points) => Array.from(points));
    const first = lines([], [4, 2], [1, 5, 2, 6, 8, 8]);
    expect(plain(first)).toEqual([
      [1, 5, 2, 6],
      [8, 8],
    ]);
    const second = lines(
      [
        [4, 0],
        [2, 0],
      ],
      [2, 0, 2],
      [3, 7, 9, 9],
    );
    expect(plain(second)).toEqual([
      [1, 5, 2, 6, 3, 7],
      [8, 8],
      [9, 9],
    ]);
    // What is as it was is the same, so that nobody needs to compare it.
    expect(second?.[1]).toBe(first?.[1]);
    expect(
      plain(
        lines(
          [
            [2, 2],
            [0, 0],
          ],
          [1, 2],
          [4, 1, 1],
        ),
      ),
    ).toEqual([
      [1, 5, 4, 3, 7],
      [1, 1],
    ]);
    // Of a picture that was out of sight nothing is known.
    unpacking.keep([]);
    expect(plain(lines([], [2], [1, 1]))).toEqual([[1, 1]]);
  });

  it('keeps the strokes that were left out, at their places', () => {
    const unpacking = new Unpacking();
    const dot = (x: number) => ({ op: 'circle', x, y: 5, r: 2, color: '#2dd4bf', fill: true });
    const path = { op: 'path', points: [], color: '#2dd4bf', width: 1.75 };
    const read = (picture: object, counts: number[] = [], numbers: number[] = []) => {
      const frame = { frame: 1, pictures: [{ key: 4, same: [], ...picture }] };
      return unpacking.frame(packed({ counts, frame }, numbers)).pictures[0]?.drawn?.ops;
    };
    const first = read({ drawn: { ops: [dot(1), { ...path }, dot(3)] }, strokes: 3, places: [0, 1, 2] }, [2], [7, 8]);
    const second = read({ drawn: { ops: [dot(9)] }, strokes: 3, places: [2] });
    expect(second).toEqual([dot(1), { ...path, points: Float32Array.of(7, 8) }, dot(9)]);
    expect([second?.[0] === first?.[0], second?.[1] === first?.[1]]).toEqual([true, true]);
    expect(first?.[2]).toEqual(dot(3));
    // Fewer, and more again.
    expect(read({ drawn: { ops: [] }, strokes: 1, places: [] })).toEqual([dot(1)]);
    expect(read({ drawn: { ops: [dot(2)] }, strokes: 2, places: [1] })).toEqual([dot(1), dot(2)]);
    // After a failure all of it comes.
    read({ failed: { code: 'not-found', message: 'There is no chart 4.' }, strokes: 0, places: [] });
    expect(read({ drawn: { ops: [dot(5)] }, strokes: 1, places: [0] })).toEqual([dot(5)]);
  });
});
