// The grid of a dashboard: twelve columns, rows of one height.
import type { Chart, ChartCell } from '$lib/backend';

export const COLUMNS = 12;
/** A row and the space below it, in pixels. */
export const ROW = 44;
export const GAP = 12;
const LEAST = { w: 2, h: 3 };

const overlap = (a: ChartCell, b: ChartCell): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** A cell within the grid. */
export function within(cell: ChartCell): ChartCell {
  const w = Math.min(COLUMNS, Math.max(LEAST.w, cell.w));
  return {
    w,
    h: Math.max(LEAST.h, cell.h),
    x: Math.max(0, Math.min(COLUMNS - w, cell.x)),
    y: Math.max(0, cell.y),
  };
}

/**
 * Puts one chart somewhere. Those in its way go down, and then everything goes up as far as there is room, so that no
 * hole stays. Returns the cells that are new.
 */
export function arranged(charts: readonly Chart[], id: number, to: ChartCell): Map<number, ChartCell> {
  const placed = new Map<number, ChartCell>();
  const moved = within(to);
  const others = charts.filter((chart) => chart.id !== id);
  const order = [...others].sort((a, b) => a.cell.y - b.cell.y || a.cell.x - b.cell.x);
  const taken: ChartCell[] = [moved];
  for (const chart of order) {
    let cell = chart.cell;
    while (taken.some((other) => overlap(cell, other))) cell = { ...cell, y: cell.y + 1 };
    taken.push(cell);
    placed.set(chart.id, cell);
  }
  placed.set(id, moved);
  const settled: ChartCell[] = [];
  const rows = [...placed].sort(([, a], [, b]) => a.y - b.y || a.x - b.x);
  for (const [key, place] of rows) {
    let cell = place;
    while (cell.y > 0 && !settled.some((other) => overlap({ ...cell, y: cell.y - 1 }, other))) {
      cell = { ...cell, y: cell.y - 1 };
    }
    settled.push(cell);
    placed.set(key, cell);
  }
  return placed;
}
