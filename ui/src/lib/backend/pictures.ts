// Pictures of charts as the workbench sends them: crates/app/src/charts/packed.rs says how.
import type { ChartsFrame } from './api';

interface Header {
  readonly counts: readonly number[];
  readonly frame: ChartsFrame;
}

/** What is the same at the beginning and at the end, and what has come between. */
function joined(known: Float32Array, begin: number, between: Float32Array, end: number): Float32Array {
  if (!between.length && begin + end === known.length) return known;
  const points = new Float32Array(begin + between.length + end);
  points.set(known.subarray(0, begin));
  points.set(between, begin);
  points.set(known.subarray(known.length - end), begin + between.length);
  return points;
}

/** Takes the frames of one stream out of their bytes, one after the other: each says what has changed since the one before. */
export class Unpacking {
  /** The coordinates of each picture's paths and polygons, as they came last. */
  readonly #known = new Map<number, Float32Array[]>();

  frame(bytes: ArrayBuffer): ChartsFrame {
    const length = new DataView(bytes).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))) as Header;
    // Every system that the workbench runs on is little-endian. Coordinates are looked at where they are, not copied.
    const numbers = new Float32Array(bytes, 4 + length);
    let [path, at] = [0, 0];
    for (const { key, drawn, same } of header.frame.pictures) {
      const before = this.#known.get(key) ?? [];
      const now: Float32Array[] = [];
      for (const op of drawn?.ops ?? []) {
        if (op.op !== 'path' && op.op !== 'fill') continue;
        const between = numbers.subarray(at, at + (header.counts[path] ?? 0));
        const [known, [begin, end]] = [before[now.length], same[now.length] ?? [0, 0]];
        const points = known && begin + end > 0 ? joined(known, begin, between, end) : between;
        op.points = points;
        now.push(points);
        path += 1;
        at += between.length;
      }
      this.#known.set(key, now);
    }
    return header.frame;
  }

  /** Forgets the pictures that are looked at no more. */
  keep(keys: readonly number[]): void {
    for (const key of this.#known.keys()) if (!keys.includes(key)) this.#known.delete(key);
  }
}
