import { describe, expect, it } from 'vitest';
import type { Story, StoryStep, TrafficRow } from '$lib/backend';
import {
  LANES,
  OTHERS,
  arrow,
  brokerLane,
  label,
  laneOf,
  lanes,
  ofPacket,
  ofStory,
  since,
  spoken,
  svg,
  toggled,
  type Palette,
} from './flow';

const packet = (change: Partial<TrafficRow> = {}): TrafficRow => ({
  seq: 1,
  atMicros: 0,
  client: 'pump-7',
  direction: 'to-broker',
  packet: 'PUBLISH',
  qos: 1,
  packetId: 41,
  topic: 'plant/x',
  summary: '',
  dup: false,
  retain: false,
  size: 9,
  ...change,
});

const step = (change: Partial<StoryStep>): StoryStep => ({
  kind: 'publish',
  client: 'pump-7',
  sinceMicros: 0,
  again: false,
  ...change,
});

const story = (steps: StoryStep[]): Story => ({
  seq: 1,
  topic: 'plant/x',
  qos: 1,
  retain: false,
  size: 1,
  atMicros: 0,
  tookMicros: 0,
  clients: ['pump-7', 'ops'],
  outcome: '',
  notes: [],
  deliveries: 2,
  done: 2,
  underWay: 0,
  lost: 0,
  steps,
  leftOut: 0,
});

const dropped = { rule: 'lossy', done: 'dropped', text: 'It was dropped.' } as const;

it('a length of time is short and exact', () => {
  expect([0, 364, 1500, 120_000, 1_510_000].map(since)).toEqual(['0 µs', '364 µs', '1.5 ms', '120 ms', '1.510 s']);
});

describe('an arrow', () => {
  it('is called by all that tells it from others', () => {
    expect(label(packet({ dup: true, retain: true }))).toBe('PUBLISH q1 id 41 DUP RETAIN');
    const refused = packet({ packet: 'PUBACK', reason: '0x87 not authorized' });
    delete refused.qos;
    expect(label(refused)).toBe('PUBACK id 41 · 0x87 not authorized');
    expect(arrow(refused, '').tone).toBe('refused');
  });

  it('breaks off where the packet did not arrive', () => {
    const lost = arrow(packet({ fault: dropped }), '0 µs');
    expect([lost.lost, lost.tone]).toEqual([true, 'fault']);
    expect(lost.label).toContain('dropped by rule lossy');
    expect(spoken(lost)).toContain('did not arrive');
    const behind = { rule: 'r', done: 'cut', text: 'The connection was cut behind it.' } as const;
    expect(arrow(packet({ fault: behind }), '').lost).toBe(false);
  });
});

it('a story says where a delivery is a second one, and why a publish is', () => {
  const delivery = packet({ client: 'ops', direction: 'to-client', packetId: 12 });
  const items = ofStory(
    story([
      step({ packet: packet() }),
      step({ kind: 'delivery', client: 'ops', packet: delivery }),
      step({ kind: 'ended', note: 'cut by the fault rule lossy' }),
      step({ packet: packet({ dup: true }), again: true, note: 'Sent again.' }),
      step({ kind: 'delivery', client: 'ops', packet: { ...delivery, packetId: 13 } }),
    ]),
  );
  expect(items.map((item) => item.label)).toEqual([
    'PUBLISH q1 id 41',
    'PUBLISH q1 id 12',
    'pump-7: connection ended, cut by the fault rule lossy',
    'PUBLISH q1 id 41 DUP',
    'Sent again.',
    'PUBLISH q1 id 13 — duplicate',
  ]);
  expect(items.filter((item) => item.remark)).toHaveLength(2);
  expect(items[4]?.seq).toBeUndefined();
});

describe('lanes', () => {
  it('have the broker between the publisher and the others', () => {
    const all = lanes(['pump-7', 'ops', 'log']);
    expect(all).toEqual(['pump-7', undefined, 'ops', 'log']);
    expect([brokerLane(all), laneOf(all, 'pump-7'), laneOf(all, 'log')]).toEqual([1, 0, 3]);
  });

  it('are bounded: the others share one', () => {
    const all = lanes(Array.from({ length: 40 }, (_, n) => `c${n}`));
    expect(all).toHaveLength(LANES + 1);
    expect(all.at(-1)).toBe(OTHERS);
    expect(laneOf(all, 'c39')).toBe(LANES);
  });
});

it('an arrow among several messages names its topic, and lanes are picked and left', () => {
  expect(ofPacket(packet()).label).toBe('PUBLISH q1 id 41 · plant/x');
  expect(toggled(toggled(['a'], 'b'), 'a')).toEqual(['b']);
});

it('a picture holds hostile names as text', () => {
  const evil = '<script>"\u202e&';
  const colours = new Proxy({}, { get: () => '#000000' }) as Palette;
  const picture = svg(evil, lanes([evil]), [arrow(packet({ client: evil }), '0 µs')], colours);
  expect(picture).not.toContain('<script>');
  expect(picture).not.toContain('\u202e');
  expect(picture.match(/<svg /g)).toHaveLength(1);
});
