import { expect, it, vi } from 'vitest';
import { Attempt } from './attempt.svelte';

vi.mock('$lib/backend', () => ({ asFailure: (thrown: unknown) => thrown }));

it('does one thing at a time, and says why the last one failed until the next', async () => {
  const attempt = new Attempt();
  let done = 0;
  let fail: (why: string) => void = () => undefined;
  const first = attempt.make(
    () => new Promise((_, reject) => (fail = reject)),
    () => done++,
  );
  expect(attempt.working).toBe(true);
  await attempt.make(() => Promise.reject(new Error('pressed again')));
  fail('no such device');
  await first;
  expect([attempt.working, attempt.failure, done]).toEqual([false, 'no such device', 1]);
  await attempt.make(() => Promise.resolve());
  expect(attempt.failure).toBeUndefined();
});
