// The time that a chart shows, moved and stretched.
import type { ChartPlot, ChartSpan } from '$lib/backend';

/** The shortest time that is worth a look, in milliseconds. */
const SHORTEST = 10;

export function width(span: ChartSpan): number {
  return span.to - span.from;
}

/** The time at a place of the picture, held within the plot. */
export function timeAt(x: number, plot: ChartPlot, span: ChartSpan): number {
  const share = (x - plot.left) / (plot.right - plot.left);
  return span.from + Math.min(1, Math.max(0, share)) * width(span);
}

/** The place of a time in the picture. */
export function placeOf(time: number, plot: ChartPlot, span: ChartSpan): number {
  return plot.left + ((time - span.from) / width(span)) * (plot.right - plot.left);
}

/** Earlier or later by a share of what is shown; not past `now`. */
export function panned(span: ChartSpan, share: number, now: number): ChartSpan {
  const by = Math.min(share * width(span), now - span.to);
  return { from: span.from + by, to: span.to + by };
}

/** Longer or shorter around a time that stays where it is. */
export function zoomed(span: ChartSpan, factor: number, around: number, now: number): ChartSpan {
  const from = around - (around - span.from) * factor;
  const to = Math.min(now, around + (span.to - around) * factor);
  return to - from < SHORTEST ? span : { from, to };
}

/** The time between two places; undefined where they are too near to be meant. */
export function dragged(a: number, b: number, plot: ChartPlot, span: ChartSpan): ChartSpan | undefined {
  if (Math.abs(a - b) < 4) return undefined;
  const [from, to] = [timeAt(Math.min(a, b), plot, span), timeAt(Math.max(a, b), plot, span)];
  return to - from < SHORTEST ? undefined : { from, to };
}
