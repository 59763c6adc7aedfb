import { describe, expect, it } from 'vitest';
import type { DrawOp } from '$lib/backend';
import { changed, type Box } from './changed';

const path = (...points: number[]): DrawOp => ({
  op: 'path',
  points: Float32Array.from(points),
  color: '#102030',
  width: 2,
});
const fill = (...points: number[]): DrawOp => ({ op: 'fill', points, color: '#102030' });
const text = (says: string, x = 50): DrawOp => ({
  op: 'text',
  x,
  y: 90,
  text: says,
  size: 10,
  color: '#102030',
  align: 'center',
  baseline: 'top',
});
const none = () => false;
const all = () => true;
const holds = (box: Box | undefined, x: number, y: number) =>
  box !== undefined && box.left < x && x < box.right && box.top < y && y < box.bottom;

describe('what of a picture has changed', () => {
  it('is nothing where every stroke is as it was', () => {
    const ops = [path(0, 5, 10, 5), fill(0, 0, 9, 9, 0, 9), text('12:00')];
    expect(changed(ops, [path(0, 5, 10, 5), fill(0, 0, 9, 9, 0, 9), text('12:00')], none)).toBeUndefined();
  });

  it('is the end of a line that has gone on, from the last point that it had', () => {
    const box = changed([path(0, 5, 10, 5, 20, 8)], [path(0, 5, 10, 5, 20, 8, 22, 3)], none);
    expect(box).toEqual({ left: 18, top: 1, right: 24, bottom: 10 });
  });

  it('is the piece between the points that stayed', () => {
    const before = path(0, 5, 10, 5, 20, 5, 30, 5, 40, 5);
    expect(changed([before], [path(0, 5, 10, 5, 20, 9, 30, 5, 40, 5)], none)).toEqual({
      left: 8,
      top: 3,
      right: 32,
      bottom: 11,
    });
    // An outline too, where what it held before counts as much as what it holds now.
    const box = changed([fill(0, 9, 0, 5, 10, 1, 20, 5, 20, 9)], [fill(0, 9, 0, 5, 10, 4, 20, 5, 20, 9)], none);
    expect(box).toEqual({ left: -1, top: 0, right: 21, bottom: 6 });
  });

  it('is whole columns of a line that is drawn by columns', () => {
    const box = changed([path(0, 5, 10, 5, 20, 8)], [path(0, 5, 10, 5, 20, 8, 22, 3)], all);
    expect(box).toEqual({ left: 18, top: -Infinity, right: 24, bottom: Infinity });
  });

  it('is all of a line that comes to be drawn by columns, or no longer is', () => {
    const [before, after] = [path(5, 5, 10, 5, 20, 8), path(5, 5, 10, 5, 20, 8, 22, 3)];
    expect(changed([before], [after], (op) => op === after)).toEqual({
      left: 3,
      top: -Infinity,
      right: 24,
      bottom: Infinity,
    });
  });

  it('is where a stroke was and where one is that has come, gone or changed its look', () => {
    expect(holds(changed([], [path(0, 0, 10, 10)], none), 5, 5)).toBe(true);
    expect(holds(changed([path(0, 0, 10, 10)], [], none), 5, 5)).toBe(true);
    const moved = changed([text('12:00')], [text('12:00', 200)], none);
    expect([holds(moved, 36, 95), holds(moved, 214, 95)]).toEqual([true, true]);
    expect(holds(changed([path(0, 0, 10, 10)], [text('12:00')], none), 36, 95)).toBe(true);
    const dot = (x: number): DrawOp => ({ op: 'circle', x, y: 5, r: 2, color: '#102030', fill: true });
    expect(changed([dot(5)], [dot(9)], none)).toEqual({ left: 2, top: 2, right: 12, bottom: 8 });
  });
});
