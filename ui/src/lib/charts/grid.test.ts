import { describe, expect, it } from 'vitest';
import type { Chart, ChartCell } from '$lib/backend';
import { arranged, within } from './grid';

const chart = (id: number, cell: ChartCell): Chart => ({
  id,
  title: String(id),
  source: { kind: 'broker', measure: 'messages' },
  kind: 'line',
  windowSecs: 60,
  unit: '',
  log: false,
  thresholds: [],
  dashboard: 1,
  cell,
});

describe('the grid of a dashboard', () => {
  const charts = [
    chart(1, { x: 0, y: 0, w: 6, h: 7 }),
    chart(2, { x: 6, y: 0, w: 6, h: 7 }),
    chart(3, { x: 0, y: 7, w: 6, h: 7 }),
  ];

  it('keeps a chart inside', () => {
    expect(within({ x: 11, y: -3, w: 6, h: 1 })).toEqual({ x: 6, y: 0, w: 6, h: 3 });
  });

  it('moves what is in the way and leaves no hole', () => {
    const cells = arranged(charts, 3, { x: 0, y: 0, w: 6, h: 7 });
    expect(cells.get(3)).toEqual({ x: 0, y: 0, w: 6, h: 7 });
    expect(cells.get(1)).toEqual({ x: 0, y: 7, w: 6, h: 7 });
    expect(cells.get(2)).toEqual({ x: 6, y: 0, w: 6, h: 7 });
  });

  it('lets no two charts lie on each other', () => {
    const all = [...arranged(charts, 1, { x: 3, y: 2, w: 9, h: 8 }).values()];
    for (const [n, a] of all.entries()) {
      for (const b of all.slice(0, n)) {
        expect(a.x >= b.x + b.w || b.x >= a.x + a.w || a.y >= b.y + b.h || b.y >= a.y + a.h).toBe(true);
      }
    }
  });
});
