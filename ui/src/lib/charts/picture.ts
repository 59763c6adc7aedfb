// Replays the strokes of a chart on a canvas, sharply at any pixel ratio.
import type { ChartFrame, ChartSeries, DrawOp } from '$lib/backend';
import { reading } from '$lib/shared/format';
import { visible } from '$lib/shared/hostile';
import { isDense, opaque, trace as traceDense } from './dense';

const FACE = "'JetBrains Mono Variable', ui-monospace, monospace";

function trace(context: CanvasRenderingContext2D, points: ArrayLike<number>): void {
  context.beginPath();
  for (let index = 0; index + 1 < points.length; index += 2) {
    context.lineTo(points[index] ?? 0, points[index + 1] ?? 0);
  }
}

/** A straight line of one pixel lies on the pixels, not between them. */
function straight(points: ArrayLike<number>): boolean {
  return points.length === 4 && (points[0] === points[2] || points[1] === points[3]);
}

function stroke(context: CanvasRenderingContext2D, op: DrawOp): void {
  switch (op.op) {
    case 'path':
      context.strokeStyle = op.color;
      context.lineWidth = op.width;
      trace(context, straight(op.points) ? Array.from(op.points, (at) => Math.floor(at) + 0.5) : op.points);
      context.stroke();
      return;
    case 'fill':
      context.fillStyle = op.color;
      trace(context, op.points);
      context.fill();
      return;
    case 'rect':
      if (op.fill) {
        context.fillStyle = op.color;
        context.fillRect(op.x, op.y, op.w, op.h);
      } else {
        context.strokeStyle = op.color;
        context.lineWidth = 1;
        context.strokeRect(op.x, op.y, op.w, op.h);
      }
      return;
    case 'circle':
      context.beginPath();
      context.arc(op.x, op.y, op.r, 0, Math.PI * 2);
      if (op.fill) {
        context.fillStyle = op.color;
        context.fill();
      } else {
        context.strokeStyle = op.color;
        context.lineWidth = 1;
        context.stroke();
      }
      return;
    case 'text':
      context.font = `${op.size}px ${FACE}`;
      context.fillStyle = op.color;
      context.textAlign = op.align;
      context.textBaseline = op.baseline;
      context.fillText(visible(op.text), op.x, op.y);
  }
}

/** Where dense lines are put together; one for all charts, since they are drawn one after the other. */
let layer: HTMLCanvasElement | undefined;

/** Draws dense lines in one go over what the canvas shows. */
function strokeDense(context: CanvasRenderingContext2D, ops: readonly DrawOp[], ratio: number): void {
  if (!ops.length) return;
  const { width, height } = context.canvas;
  layer ??= document.createElement('canvas');
  if (layer.width !== width || layer.height !== height) [layer.width, layer.height] = [width, height];
  const on = layer.getContext('2d');
  if (!on) return;
  const pixels = on.createImageData(width, height);
  for (const op of ops) {
    if (op.op === 'path') traceDense(pixels, op.points, opaque(op.color) ?? [0, 0, 0], op.width, ratio);
  }
  on.putImageData(pixels, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.drawImage(layer, 0, 0);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

/** Draws a chart of so many CSS pixels. */
export function draw(canvas: HTMLCanvasElement, ops: readonly DrawOp[], width: number, height: number): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const ratio = devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineJoin = 'round';
  context.lineCap = 'butt';
  // Dense lines that follow each other are one layer; the dots at their ends lie on all of them.
  let dense: DrawOp[] = [];
  let dots: DrawOp[] = [];
  const flush = () => {
    strokeDense(context, dense, ratio);
    for (const op of dots) stroke(context, op);
    [dense, dots] = [[], []];
  };
  for (const op of ops) {
    if (op.op === 'path' && opaque(op.color) && isDense(op.points, ratio)) dense.push(op);
    else if (op.op === 'circle' && dense.length) dots.push(op);
    else {
      if (dense.length) flush();
      stroke(context, op);
    }
  }
  flush();
}

/** What the picture shows, in words. */
export function summary(title: string, series: readonly ChartSeries[]): string {
  if (!series.length) return `${title}: no values yet`;
  const lines = series.map(({ name, last, min, max, state }) =>
    state === undefined ? `${name} ${reading(last)}, from ${reading(min)} to ${reading(max)}` : `${name} ${state}`,
  );
  return `${title}: ${lines.join('; ')}`;
}

/** Points of all lines together. */
export function points(frame: ChartFrame | undefined): number {
  return frame?.series.reduce((sum, series) => sum + series.points, 0) ?? 0;
}

/** The end of a class, without the digits that binary fractions leave behind. */
export function edge(value: number): string {
  return String(Number(value.toPrecision(12)));
}

/** How much of all, in percent. */
export function percent(part: number, all: number): string {
  return all ? `${((part / all) * 100).toFixed(1)} %` : '–';
}

/** A value with every digit that was sent. */
export function exact(value: number | undefined): string {
  return value === undefined ? '–' : String(value);
}
