// Pictures of charts as the workbench sends them: crates/app/src/charts/packed.rs says how.
import type { ChartPicture, ChartsFrame, DrawOp } from './api';

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

const hasPoints = (op: DrawOp | undefined): op is DrawOp & { op: 'path' | 'fill' } =>
  op?.op === 'path' || op?.op === 'fill';

/** Takes the frames of one stream out of their bytes, one after the other: each says what has changed since the one before. */
export class Unpacking {
  /** The strokes of each picture as they came last. What is as it was stays the same object, so that nobody needs to compare it. */
  readonly #known = new Map<number, readonly DrawOp[]>();

  frame(bytes: ArrayBuffer): ChartsFrame {
    const length = new DataView(bytes).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))) as Header;
    // Every system that the workbench runs on is little-endian. Coordinates are looked at where they are, not copied.
    const numbers = new Float32Array(bytes, 4 + length);
    let [path, at] = [0, 0];
    const next = () => {
      const count = header.counts[path] ?? 0;
      path += 1;
      at += count;
      return numbers.subarray(at - count, at);
    };
    for (const picture of header.frame.pictures) {
      if (picture.drawn) picture.drawn.ops = this.#strokes(picture, picture.drawn.ops, next);
      else this.#known.delete(picture.key);
    }
    return header.frame;
  }

  /** All strokes of a picture, those that were left out too. */
  #strokes({ key, strokes, places, same }: ChartPicture, came: readonly DrawOp[], next: () => Float32Array): DrawOp[] {
    const before = this.#known.get(key) ?? [];
    const ops = before.slice(0, strokes);
    let path = 0;
    for (const [index, op] of came.entries()) {
      const place = places[index] ?? index;
      if (hasPoints(op)) {
        const [begin, end] = same[path] ?? [0, 0];
        path += 1;
        const known = before[place];
        const between = next();
        op.points =
          begin + end > 0 && hasPoints(known) ? joined(known.points as Float32Array, begin, between, end) : between;
      }
      ops[place] = op;
    }
    this.#known.set(key, ops);
    return ops;
  }

  /** Forgets the pictures that are looked at no more. */
  keep(keys: readonly number[]): void {
    for (const key of this.#known.keys()) if (!keys.includes(key)) this.#known.delete(key);
  }
}
