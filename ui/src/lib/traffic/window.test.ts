import { describe, expect, it } from 'vitest';
import type { TrafficRow } from '$lib/backend';
import { Rows, SPAN, before, newest } from './window';

const row = (seq: number): TrafficRow => ({
  seq,
  atMicros: seq,
  client: 'pump-7',
  direction: 'to-broker',
  packet: 'PUBLISH',
  summary: '',
  dup: false,
  retain: false,
  size: 4,
});

describe('the span of the table', () => {
  it('is the whole view as long as a web view can lay it out', () => {
    expect(newest({ begin: 10, end: 400 })).toEqual({ begin: 10, end: 400 });
  });

  it('is the newest part of a larger view', () => {
    expect(newest({ begin: 0, end: SPAN + 7 })).toEqual({ begin: 7, end: SPAN + 7 });
  });

  it('moves to older packets when asked, and keeps some rows in common', () => {
    const view = { begin: 100, end: SPAN + 900_000 };
    const older = before(newest(view), view);
    expect(older.begin).toBe(401_000);
    expect(older.end).toBe(901_000);
    expect(before(older, view)).toEqual({ begin: 100, end: SPAN + 100 });
  });
});

describe('known rows', () => {
  it('the first unknown stretch is asked for by whole pages', () => {
    const rows = new Rows();
    rows.put(
      200,
      Array.from({ length: 200 }, (_, index) => row(index)),
    );
    expect(rows.missing(210, 230)).toBeUndefined();
    expect(rows.missing(390, 420)).toEqual({ start: 400, count: 200 });
  });

  it('what is far from the place looked at is let go, what is near stays', () => {
    const rows = new Rows(400);
    rows.put(
      0,
      Array.from({ length: 1000 }, (_, index) => row(index)),
    );
    rows.trim(950);
    expect(rows.at(950)).toBeDefined();
    expect(rows.at(100)).toBeUndefined();
    expect(rows.size).toBeLessThanOrEqual(400);
  });
});
