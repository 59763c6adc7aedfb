import { describe, expect, it } from 'vitest';
import { ALL, changed, chips, clientList, moment, narrows, written } from './filter';

const NOW = new Date(2026, 10, 25, 14, 2, 11).getTime();
const at = (hours: number, minutes: number, seconds: number, day = 25) =>
  new Date(2026, 10, day, hours, minutes, seconds).getTime() * 1000;

describe('a filter', () => {
  it('that is empty lets everything pass', () => {
    expect(narrows(ALL)).toBe(false);
    expect(chips(ALL, NOW)).toEqual([]);
  });

  it('loses a condition that is taken away', () => {
    const one = changed(ALL, { qos: 1, from: at(14, 0, 0), clients: ['a', 'b'] });
    expect(narrows(one)).toBe(true);
    const names = chips(one, NOW).map((chip) => `${chip.name} ${chip.value}`);
    expect(names).toEqual(['client a', 'client b', 'from 14:00:00']);
    let left = one;
    for (const chip of chips(one, NOW)) left = changed(left, chip.without);
    expect(changed(left, { clients: [], qos: undefined })).toEqual(ALL);
  });
});

describe('a point in time', () => {
  it.each([
    ['14:02', at(14, 2, 0)],
    ['9:05:07', at(9, 5, 7)],
    ['14:02:11.482', at(14, 2, 11) + 482_000],
    ['14:02:11.482013', at(14, 2, 11) + 482_013],
    ['2026-11-24 23:59:59', at(23, 59, 59, 24)],
  ])('is read from %s', (text, expected) => {
    expect(moment(text, NOW)).toBe(expected);
  });

  it.each(['', 'now', '25:00', '14:60', '14', '2026-02-30 10:00'])('is not read from %s', (text) => {
    expect(moment(text, NOW)).toBeNull();
  });

  it('is written as it is read', () => {
    for (const text of ['14:02:11', '14:02:11.482', '14:02:11.482013', '14:02:11.000007', '2026-11-24 23:59:59']) {
      expect(written(moment(text, NOW) ?? 0, NOW)).toBe(text);
    }
  });
});

it('the end that a packet is seen at is a condition that can be taken away', () => {
  const filter = changed(ALL, { seenBy: 'broker' });
  expect(narrows(filter)).toBe(true);
  const [chip] = chips(filter, NOW);
  expect([chip?.name, chip?.value]).toEqual(['seen at', 'the broker']);
  expect(changed(filter, chip?.without ?? {})).toEqual(ALL);
});

it('clients are named with commas between them', () => {
  expect(clientList(' pump-*, ops ,,ops')).toEqual(['pump-*', 'ops']);
});
