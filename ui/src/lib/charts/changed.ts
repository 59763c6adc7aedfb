// What of a picture is not as it was.
//
// Where there is no graphics card, painting costs by the pixel: of a chart that follows, most frames change no more than the
// end of its lines.
import type { DrawOp } from '$lib/backend';
import { visible } from '$lib/shared/hostile';

/** A rectangle in CSS pixels. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const NOWHERE: Readonly<Box> = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };

function reach(box: Box, left: number, top: number, right: number, bottom: number): void {
  box.left = Math.min(box.left, left);
  box.top = Math.min(box.top, top);
  box.right = Math.max(box.right, right);
  box.bottom = Math.max(box.bottom, bottom);
}

function reachPoints(box: Box, points: ArrayLike<number>, from: number, to: number, around: number): void {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let index = from * 2; index < to * 2; index += 2) {
    const x = points[index] ?? 0;
    const y = points[index + 1] ?? 0;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  reach(box, left - around, top - around, right + around, bottom + around);
}

/** How far beyond its points a stroke is seen. */
const around = (op: DrawOp): number => (op.op === 'path' ? op.width / 2 + 1 : 1);

function reachAll(box: Box, op: DrawOp): void {
  switch (op.op) {
    case 'path':
    case 'fill':
      reachPoints(box, op.points, 0, op.points.length / 2, around(op));
      return;
    case 'rect':
      reach(box, op.x - 1, op.y - 1, op.x + op.w + 1, op.y + op.h + 1);
      return;
    case 'circle':
      reach(box, op.x - op.r - 1, op.y - op.r - 1, op.x + op.r + 1, op.y + op.r + 1);
      return;
    case 'text': {
      // No character is wider than it is high.
      const width = (visible(op.text).length + 1) * op.size;
      const left = op.x - { left: 0, center: 0.5, right: 1 }[op.align] * width;
      reach(box, left - 1, op.y - op.size * 1.5, left + width, op.y + op.size * 1.5);
    }
  }
}

/** Puts in where two lines, or two outlines, part from each other and until they meet again. */
function reachChanged(
  box: Box,
  before: DrawOp & { op: 'path' | 'fill' },
  after: DrawOp & { op: 'path' | 'fill' },
): boolean {
  const [old, now] = [before.points, after.points];
  if (old === now) return false;
  const least = Math.min(old.length, now.length);
  let same = 0;
  while (same < least && old[same] === now[same]) same += 1;
  if (same === old.length && same === now.length) return false;
  let again = 0;
  while (again < least - same && old[old.length - 1 - again] === now[now.length - 1 - again]) again += 1;
  // From the last point that both have to the first that both have again.
  const first = Math.max(0, Math.floor(same / 2) - 1);
  const behind = Math.max(0, Math.floor(again / 2) - 1);
  reachPoints(box, old, first, old.length / 2 - behind, around(before));
  reachPoints(box, now, first, now.length / 2 - behind, around(after));
  return true;
}

/** Whether two strokes are alike but for the points that they go through. */
function sameLook(before: DrawOp, after: DrawOp): boolean {
  const now: Readonly<Record<string, unknown>> = after;
  return Object.entries(before).every(([key, value]) => key === 'points' || value === now[key]);
}

/** Where strokes are seen: most are the same in one picture after the other. */
const boxes = new WeakMap<DrawOp, Readonly<Box>>();

/** Where a stroke is seen. */
export function boxOf(op: DrawOp): Readonly<Box> {
  const known = boxes.get(op);
  if (known) return known;
  const box = { ...NOWHERE };
  reachAll(box, op);
  boxes.set(op, box);
  return box;
}

/**
 * The place of all that is not as it was; nothing where all is. `whole` says of a line that it is drawn column by column: of a
 * column all may change.
 */
export function changed(
  before: readonly DrawOp[],
  after: readonly DrawOp[],
  whole: (op: DrawOp) => boolean,
): Box | undefined {
  const box = { ...NOWHERE };
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    const [old, now] = [before[index], after[index]];
    if (old === now) continue;
    if (old && now && sameLook(old, now)) {
      if ((old.op !== 'path' && old.op !== 'fill') || (now.op !== 'path' && now.op !== 'fill')) continue;
      const part = { ...NOWHERE };
      if (!reachChanged(part, old, now)) continue;
      const columns = whole(old) || whole(now);
      if (columns && whole(old) !== whole(now)) {
        reachAll(part, old);
        reachAll(part, now);
      }
      reach(box, part.left, columns ? -Infinity : part.top, part.right, columns ? Infinity : part.bottom);
    } else {
      for (const op of [old, now]) if (op) reachAll(box, op);
    }
  }
  return box.left < box.right ? box : undefined;
}
