import { expect, it } from 'vitest';
import { PATIENCE_MS, REST_MS, givesWay } from './drawing';

it('drawing gives way to a person, for a moment and not for ever', () => {
  const never = Number.NEGATIVE_INFINITY;
  expect(givesWay(0, 16, never)).toBe(false);
  expect(givesWay(0, 16, 10)).toBe(true);
  expect(givesWay(0, 10 + REST_MS, 10)).toBe(false);
  // Key after key.
  expect(givesWay(0, PATIENCE_MS - 1, PATIENCE_MS - 2)).toBe(true);
  expect(givesWay(0, PATIENCE_MS, PATIENCE_MS - 2)).toBe(false);
});
