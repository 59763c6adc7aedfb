import { describe, expect, it } from 'vitest';
import { dragged, panned, placeOf, timeAt, zoomed } from './span';

const plot = { left: 50, top: 10, right: 250, bottom: 100, low: 0, high: 1 };
const span = { from: 1000, to: 3000 };

describe('the time that a chart shows', () => {
  it('is read at a place and found again there', () => {
    expect(timeAt(150, plot, span)).toBe(2000);
    expect(placeOf(2000, plot, span)).toBe(150);
    expect(timeAt(0, plot, span)).toBe(1000);
    expect(timeAt(999, plot, span)).toBe(3000);
  });

  it('does not go past now', () => {
    expect(panned(span, 0.5, 3100)).toEqual({ from: 1100, to: 3100 });
    expect(panned(span, -0.5, 3100)).toEqual({ from: 0, to: 2000 });
  });

  it('is stretched around what is looked at', () => {
    expect(zoomed(span, 0.5, 2000, 5000)).toEqual({ from: 1500, to: 2500 });
    expect(zoomed(span, 2, 1000, 4000)).toEqual({ from: 1000, to: 4000 });
    expect(zoomed({ from: 0, to: 11 }, 0.5, 5, 100)).toEqual({ from: 0, to: 11 });
  });

  it('is what was dragged over, either way', () => {
    expect(dragged(100, 200, plot, span)).toEqual({ from: 1500, to: 2500 });
    expect(dragged(200, 100, plot, span)).toEqual({ from: 1500, to: 2500 });
    expect(dragged(100, 102, plot, span)).toBeUndefined();
  });
});
