import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { again } from './again';

const seen = { hidden: false };

beforeEach(() => {
  seen.hidden = false;
  vi.useFakeTimers();
  vi.stubGlobal('document', seen);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a read begins only once the one before has ended', async () => {
  const ends: (() => void)[] = [];
  const stop = again(100, () => new Promise((done) => ends.push(done)));
  await vi.advanceTimersByTimeAsync(1000);
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await vi.advanceTimersByTimeAsync(99);
  expect(ends).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toHaveLength(2);
  stop();
});

test('nothing is read after it was left, not even where a read was under way', async () => {
  let reads = 0;
  let end = () => {};
  const stop = again(100, () => {
    reads += 1;
    return new Promise((done) => {
      end = done;
    });
  });
  stop();
  end();
  await vi.advanceTimersByTimeAsync(1000);
  expect(reads).toBe(1);
});

test('a window that nobody sees is not read for, and is again once it is seen', async () => {
  let reads = 0;
  seen.hidden = true;
  const stop = again(100, async () => {
    reads += 1;
  });
  await vi.advanceTimersByTimeAsync(500);
  expect(reads).toBe(0);
  seen.hidden = false;
  await vi.advanceTimersByTimeAsync(100);
  expect(reads).toBe(1);
  stop();
});
