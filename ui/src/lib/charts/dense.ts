// Lines of about as many points as pixels, or more, put into pixels column by column.
//
// A canvas strokes such a line many times slower than it can be told: of every column only its lowest and highest point
// are seen. Here those are what is drawn, so no spike is lost. Lines that have room for their bends are the canvas's.

/** The red, green, blue and alpha of pixels, row by row, as `ImageData` has them. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** A part of a picture, and where in it its first pixel is. */
export interface Part {
  readonly pixels: Pixels;
  readonly left: number;
  readonly top: number;
}

/** Lines that were looked at, and whether they go from left to right. */
const forward = new WeakMap<ArrayLike<number>, boolean>();

/** Whether a line goes from left to right, as lines over time do. */
export function goesForward(points: ArrayLike<number>): boolean {
  const known = forward.get(points);
  if (known !== undefined) return known;
  let index = 2;
  while (index < points.length && (points[index - 2] ?? 0) <= (points[index] ?? 0)) index += 2;
  forward.set(points, index >= points.length);
  return index >= points.length;
}

/** Whether a line from left to right has so many points that its pixels hardly tell them apart. */
export function isDense(points: ArrayLike<number>, ratio: number): boolean {
  const count = points.length / 2;
  if (count < 100) return false;
  const span = ((points[points.length - 2] ?? 0) - (points[0] ?? 0)) * ratio;
  return span > 0 && count > span * 0.75;
}

/** How many points of a line from left to right are left of a place, or up to it. */
function pointsUpTo(points: ArrayLike<number>, place: number, itToo: boolean): number {
  let [from, to] = [0, points.length / 2];
  while (from < to) {
    const middle = (from + to) >> 1;
    const x = points[middle * 2] ?? 0;
    if (x < place || (itToo && x === place)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The last point that lies left of a place, or the first of all. */
export function lastBefore(points: ArrayLike<number>, place: number): number {
  return Math.max(0, pointsUpTo(points, place, false) - 1);
}

/** One more than the first point that lies right of a place, or all points. */
export function upToBehind(points: ArrayLike<number>, place: number): number {
  return Math.min(points.length / 2, pointsUpTo(points, place, true) + 1);
}

/** Of each column the lowest and the highest place of the line; NaN where it is not. */
function extremes(
  points: ArrayLike<number>,
  ratio: number,
  { left, top, pixels: { width } }: Part,
): { low: Float64Array; high: Float64Array } {
  const [low, high] = [new Float64Array(width).fill(NaN), new Float64Array(width).fill(NaN)];
  const reach = (column: number, y: number) => {
    if (column < 0 || column >= width) return;
    if (!(y >= (low[column] ?? NaN))) low[column] = y;
    if (!(y <= (high[column] ?? NaN))) high[column] = y;
  };
  const first = lastBefore(points, left / ratio);
  let [x, y] = [(points[first * 2] ?? 0) * ratio - left, (points[first * 2 + 1] ?? 0) * ratio - top];
  reach(Math.floor(x), y);
  // From the first point beyond the part on nothing reaches into it.
  for (let index = first * 2 + 2; index + 1 < points.length && x < width; index += 2) {
    const [nextX, nextY] = [(points[index] ?? 0) * ratio - left, (points[index + 1] ?? 0) * ratio - top];
    // Where it goes from one column into another it is in both.
    for (let edge = Math.floor(x) + 1; edge <= Math.floor(nextX); edge += 1) {
      const there = y + ((edge - x) / (nextX - x)) * (nextY - y);
      reach(edge - 1, there);
      reach(edge, there);
    }
    reach(Math.floor(nextX), nextY);
    [x, y] = [nextX, nextY];
  }
  return { low, high };
}

/** How much of the pixel from `y` to `y + 1` lies between two places. */
const share = (y: number, from: number, to: number): number => Math.min(y + 1, to) - Math.max(y, from);

/** Puts a line of so many CSS pixels' width over what the pixels of a part hold. */
export function trace(
  part: Part,
  points: ArrayLike<number>,
  [red, green, blue]: readonly [number, number, number],
  lineWidth: number,
  ratio: number,
): void {
  const { data, width, height } = part.pixels;
  // Whole pixels at once; the bytes of a number stand from its lowest on, wherever the workbench runs.
  const whole = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const rgb = (blue << 16) | (green << 8) | red;
  const word = ((255 << 24) | rgb) >>> 0;
  const { low, high } = extremes(points, ratio, part);
  const half = (lineWidth * ratio) / 2;
  // What of the line's width lies in the column beside it.
  const beside = Math.min(1, Math.max(0, half - 0.5));
  for (let x = 0; x < width; x += 1) {
    const [from, to] = [(low[x] ?? NaN) - half, (high[x] ?? NaN) + half];
    const [fromLeft, toLeft] = [(low[x - 1] ?? NaN) - half, (high[x - 1] ?? NaN) + half];
    const [fromRight, toRight] = [(low[x + 1] ?? NaN) - half, (high[x + 1] ?? NaN) + half];
    let [top, bottom] = [Infinity, -Infinity];
    if (from < top) top = from;
    if (fromLeft < top) top = fromLeft;
    if (fromRight < top) top = fromRight;
    if (to > bottom) bottom = to;
    if (toLeft > bottom) bottom = toLeft;
    if (toRight > bottom) bottom = toRight;
    const end = Math.min(height, Math.ceil(bottom));
    const [filled, filledTo] = [Math.ceil(from), Math.floor(to)];
    for (let y = Math.max(0, Math.floor(top)); y < end; y += 1) {
      if (y >= filled && y < filledTo) {
        whole[y * width + x] = word;
        continue;
      }
      // A comparison with NaN is false: a column without the line covers nothing.
      let cover = 0;
      const own = share(y, from, to);
      if (own > cover) cover = own;
      const left = share(y, fromLeft, toLeft) * beside;
      if (left > cover) cover = left;
      const right = share(y, fromRight, toRight) * beside;
      if (right > cover) cover = right;
      if (cover <= 0) continue;
      const pixel = y * width + x;
      if (!whole[pixel]) {
        whole[pixel] = ((Math.round(cover * 255) << 24) | rgb) >>> 0;
        continue;
      }
      const at = pixel * 4;
      const under = ((data[at + 3] ?? 0) / 255) * (1 - cover);
      const alpha = cover + under;
      data[at] = (red * cover + (data[at] ?? 0) * under) / alpha;
      data[at + 1] = (green * cover + (data[at + 1] ?? 0) * under) / alpha;
      data[at + 2] = (blue * cover + (data[at + 2] ?? 0) * under) / alpha;
      data[at + 3] = alpha * 255;
    }
  }
}

/** A colour without transparency, `#rrggbb`; nothing for any other. */
export function opaque(color: string): [number, number, number] | undefined {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color);
  if (!found) return undefined;
  const part = (n: number) => Number.parseInt(found[n] ?? '0', 16);
  return [part(1), part(2), part(3)];
}
