import { beforeEach, expect, it, vi } from 'vitest';
import type { TimelineEntry } from '$lib/backend';
import { KEPT, Timeline } from './timeline.svelte';

const clientTimeline = vi.hoisted(() => vi.fn());
vi.mock('$lib/backend', () => ({ clientTimeline, asFailure: (thrown: unknown) => thrown }));

const entry = (seq: number): TimelineEntry => ({
  seq,
  at: seq,
  kind: 'received',
  text: '',
  cut: false,
  retain: false,
  dup: false,
  size: 0,
});

beforeEach(() => {
  clientTimeline.mockReset();
  clientTimeline.mockImplementation((_id: number, after: number, count: number) =>
    Promise.resolve(Array.from({ length: Math.min(count, 5000 - after) }, (_, index) => entry(after + 1 + index))),
  );
});

it('reads on until it has the newest entry', async () => {
  const timeline = new Timeline(1);
  await timeline.read(5000);
  expect(timeline.entries.at(-1)?.seq).toBe(5000);
});

it('keeps a bounded number and says how many are missing', async () => {
  const timeline = new Timeline(1);
  await timeline.read(5000);
  expect(timeline.entries).toHaveLength(KEPT);
  expect(timeline.missing).toBe(4000);
});

it('asks for nothing when nothing is new', async () => {
  const timeline = new Timeline(1);
  await timeline.read(0);
  expect(clientTimeline).not.toHaveBeenCalled();
});
