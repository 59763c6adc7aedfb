import { describe, expect, it } from 'vitest';
import { goesForward, isDense, lastBefore, opaque, trace, upToBehind, type Pixels } from './dense';

const empty = (width: number, height: number): Pixels => ({
  data: new Uint8ClampedArray(width * height * 4),
  width,
  height,
});
const alpha = ({ data, width }: Pixels, x: number, y: number) => data[(y * width + x) * 4 + 3];

describe('lines of as many points as pixels', () => {
  it('shows a single spike among many points', () => {
    const points = Array.from({ length: 4_000 }, (_, n) => [n / 40, n === 2_000 ? 5 : 80]).flat();
    const pixels = empty(100, 100);
    expect(isDense(points, 1)).toBe(true);
    trace({ pixels, left: 0, top: 0 }, points, [10, 20, 30], 1.75, 1);
    // From the line up to the spike, whole; nothing above it, and nothing elsewhere.
    for (let y = 5; y < 80; y += 1) expect(alpha(pixels, 50, y)).toBe(255);
    expect(alpha(pixels, 50, 3)).toBe(0);
    expect(alpha(pixels, 20, 40)).toBe(0);
    expect(alpha(pixels, 20, 80)).toBeGreaterThan(200);
  });

  it('is as wide as a stroke, whatever the pixel ratio', () => {
    const points = Array.from({ length: 400 }, (_, n) => [n / 10, 20]).flat();
    for (const ratio of [1, 1.5, 2]) {
      const pixels = empty(40 * ratio, 40 * ratio);
      trace({ pixels, left: 0, top: 0 }, points, [0, 0, 0], 1.75, ratio);
      let covered = 0;
      for (let y = 0; y < pixels.height; y += 1) covered += (alpha(pixels, 10, y) ?? 0) / 255;
      expect(covered).toBeCloseTo(1.75 * ratio, 1);
    }
  });

  it('lies over what was drawn before, and outside of the pixels it is nowhere', () => {
    const line = (y: number) => Array.from({ length: 800 }, (_, n) => [n / 10 - 20, y]).flat();
    const pixels = empty(40, 40);
    trace({ pixels, left: 0, top: 0 }, line(20.5), [255, 0, 0], 3, 1);
    trace({ pixels, left: 0, top: 0 }, line(20.5), [0, 0, 255], 3, 1);
    trace({ pixels, left: 0, top: 0 }, line(-50), [0, 255, 0], 3, 1);
    const at = (20 * 40 + 10) * 4;
    expect([...pixels.data.slice(at, at + 4)]).toEqual([0, 0, 255, 255]);
    expect(pixels.data.some((value, index) => index % 4 === 1 && value > 0)).toBe(false);
  });

  it('draws of a part what the whole has there', () => {
    const points = Array.from({ length: 900 }, (_, n) => [n / 20 + (n > 500 ? 20 : 0), 30 + 20 * Math.sin(n)]).flat();
    for (const ratio of [1, 1.5]) {
      const whole = empty(70 * ratio, 60 * ratio);
      trace({ pixels: whole, left: 0, top: 0 }, points, [10, 20, 30], 1.75, ratio);
      for (const left of [0, 7, 24, 30, 44, 58]) {
        const part = empty(9, 60 * ratio);
        trace({ pixels: part, left, top: 0 }, points, [10, 20, 30], 1.75, ratio);
        // At its edges a part lacks the columns beside it.
        for (let x = 1; x < 8; x += 1)
          for (let y = 0; y < part.height; y += 1)
            expect([left + x, y, alpha(part, x, y)]).toEqual([left + x, y, alpha(whole, left + x, y)]);
      }
    }
  });

  it('finds what of a line lies near a part', () => {
    const points = [0, 9, 1, 9, 1, 8, 2, 7, 3, 7];
    const near = (left: number, right: number) => [lastBefore(points, left), upToBehind(points, right)];
    expect(goesForward(points)).toBe(true);
    expect(near(1, 1)).toEqual([0, 4]);
    expect(near(1.5, 2.5)).toEqual([2, 5]);
    expect(near(-5, -4)).toEqual([0, 1]);
    expect(near(7, 9)).toEqual([4, 5]);
    expect(goesForward([0, 9, 2, 9, 1, 9])).toBe(false);
  });

  it('leaves lines with room for their bends, and transparent ones, to the canvas', () => {
    const points = Array.from({ length: 120 }, (_, n) => [n * 2, n]).flat();
    expect(isDense(points, 1)).toBe(false);
    expect(isDense([0, 0, 0, 9], 1)).toBe(false);
    expect(opaque('#0a14FF')).toEqual([10, 20, 255]);
    expect(opaque('rgba(1, 2, 3, 0.5)')).toBeUndefined();
  });
});
