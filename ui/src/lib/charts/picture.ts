// Replays the strokes of a chart on a canvas, sharply at any pixel ratio.
import type { ChartFrame, ChartSeries, DrawOp } from '$lib/backend';
import { reading } from '$lib/shared/format';
import { visible } from '$lib/shared/hostile';
import { changed, boxOf, type Box } from './changed';
import { goesForward, isDense, lastBefore, opaque, trace as traceDense, upToBehind } from './dense';

const FACE = "'JetBrains Mono Variable', ui-monospace, monospace";

function trace(context: CanvasRenderingContext2D, points: ArrayLike<number>, from = 0, to = points.length / 2): void {
  context.beginPath();
  for (let index = from * 2; index < to * 2; index += 2) {
    context.lineTo(points[index] ?? 0, points[index + 1] ?? 0);
  }
}

/** A straight line of one pixel lies on the pixels, not between them. */
function straight(points: ArrayLike<number>): boolean {
  return points.length === 4 && (points[0] === points[2] || points[1] === points[3]);
}

/** More points than this are a curve whose bends nobody sees one by one. */
const CURVE = 100;

/** Strokes a line of many points as far as it is seen between two places, and a little beyond: its ends have ends of their own. */
function strokeCurve(
  context: CanvasRenderingContext2D,
  op: DrawOp & { op: 'path' },
  left: number,
  right: number,
): void {
  // A round joint has many edges more than a flat one, and is as wide as a pixel.
  context.lineJoin = 'bevel';
  const beyond = op.width + 2;
  if (goesForward(op.points)) {
    trace(context, op.points, lastBefore(op.points, left - beyond), upToBehind(op.points, right + beyond));
  } else trace(context, op.points);
  context.stroke();
  context.lineJoin = 'round';
}

/** Strokes what is seen between two places. */
function stroke(context: CanvasRenderingContext2D, op: DrawOp, left: number, right: number): void {
  switch (op.op) {
    case 'path':
      context.strokeStyle = op.color;
      context.lineWidth = op.width;
      if (op.points.length > CURVE * 2) {
        strokeCurve(context, op, left, right);
        return;
      }
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

/** Whether a line is put into pixels here, column by column. */
const byColumns = (op: DrawOp, ratio: number): boolean =>
  op.op === 'path' && opaque(op.color) !== undefined && isDense(op.points, ratio) && goesForward(op.points);

/** A canvas that is never shown, at least so large; its pixels are what was drawn there last. */
class Sheet {
  readonly canvas = document.createElement('canvas');

  atLeast(width: number, height: number): CanvasRenderingContext2D | null {
    const { canvas } = this;
    if (canvas.width < width) canvas.width = width;
    if (canvas.height < height) canvas.height = height;
    return canvas.getContext('2d');
  }
}

/** Where a picture and its dense lines are put together; one of each for all charts, since they are drawn one after the other. */
let sheets: { readonly whole: Sheet; readonly dense: Sheet } | undefined;

/** A part of a canvas, in its whole pixels. */
type Area = Readonly<Box>;

/** Pixels that nothing is drawn on; one memory for all, since they are drawn one after the other. */
let memory = new Uint8ClampedArray(0);

function blank(width: number, height: number): ImageData {
  const bytes = width * height * 4;
  if (memory.length < bytes) memory = new Uint8ClampedArray(bytes);
  return new ImageData(memory.subarray(0, bytes).fill(0), width, height);
}

/** Draws dense lines in one go over what is there, as far as they are within a part. */
function strokeDense(
  context: CanvasRenderingContext2D,
  sheet: Sheet,
  ops: readonly DrawOp[],
  part: Area,
  ratio: number,
): void {
  if (!ops.length) return;
  // A line is wider than its column: what is drawn at an edge needs the columns beyond.
  const [left, top] = [part.left - 2, part.top];
  const [width, height] = [part.right - left + 2, part.bottom - top];
  const on = sheet.atLeast(width, height);
  if (!on) return;
  const pixels = blank(width, height);
  for (const op of ops) {
    if (op.op === 'path') traceDense({ pixels, left, top }, op.points, opaque(op.color) ?? [0, 0, 0], op.width, ratio);
  }
  on.putImageData(pixels, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.drawImage(sheet.canvas, 0, 0, width, height, left, top, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

/**
 * Draws what is seen within a part. A stroke is drawn as a whole: cut to the part, its edges would be rounded otherwise. Of a curve
 * that is what lies near the part.
 */
function strokeAll(
  context: CanvasRenderingContext2D,
  dense: Sheet,
  ops: readonly DrawOp[],
  part: Area,
  ratio: number,
): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.lineJoin = 'round';
  context.lineCap = 'butt';
  const [from, to] = [part.left / ratio, part.right / ratio];
  // Dense lines that follow each other are one layer; the dots at their ends lie on all of them.
  let lines: DrawOp[] = [];
  let dots: DrawOp[] = [];
  const flush = () => {
    strokeDense(context, dense, lines, part, ratio);
    for (const op of dots) stroke(context, op, from, to);
    [lines, dots] = [[], []];
  };
  for (const op of ops) {
    const { left, top, right, bottom } = boxOf(op);
    const within =
      right * ratio > part.left && left * ratio < part.right && bottom * ratio > part.top && top * ratio < part.bottom;
    if (!within) continue;
    if (byColumns(op, ratio)) lines.push(op);
    else if (op.op === 'circle' && lines.length) dots.push(op);
    else {
      if (lines.length) flush();
      stroke(context, op, from, to);
    }
  }
  flush();
}

interface Shown {
  readonly ops: readonly DrawOp[];
  readonly ratio: number;
}

/** What canvases show. */
const shown = new WeakMap<HTMLCanvasElement, Shown>();

/** What of a canvas is to be drawn anew, in its pixels; nothing where nothing is. */
function outdated(canvas: HTMLCanvasElement, ops: readonly DrawOp[], ratio: number): Area | undefined {
  const { width, height } = canvas;
  const before = shown.get(canvas);
  if (before?.ratio !== ratio) return { left: 0, top: 0, right: width, bottom: height };
  const box = changed(before.ops, ops, (op) => byColumns(op, ratio));
  if (!box) return undefined;
  const part = {
    left: Math.max(0, Math.floor(box.left * ratio)),
    top: Math.max(0, Math.floor(box.top * ratio)),
    right: Math.min(width, Math.ceil(box.right * ratio)),
    bottom: Math.min(height, Math.ceil(box.bottom * ratio)),
  };
  return part.left < part.right && part.top < part.bottom ? part : undefined;
}

/** Draws a chart of so many CSS pixels. Of the canvas only that is touched which is not as it was. */
export function draw(canvas: HTMLCanvasElement, ops: readonly DrawOp[], width: number, height: number): void {
  const ratio = devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    shown.delete(canvas);
  }
  const part = outdated(canvas, ops, ratio);
  shown.set(canvas, { ops, ratio });
  if (!part) return;
  sheets ??= { whole: new Sheet(), dense: new Sheet() };
  const sheet = sheets.whole.atLeast(across, down);
  const context = canvas.getContext('2d');
  if (!sheet || !context) return;
  const place = [part.left, part.top, part.right - part.left, part.bottom - part.top] as const;
  sheet.setTransform(1, 0, 0, 1, 0, 0);
  sheet.clearRect(...place);
  strokeAll(sheet, sheets.dense, ops, part, ratio);
  context.clearRect(...place);
  context.drawImage(sheets.whole.canvas, ...place, ...place);
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
