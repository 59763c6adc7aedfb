import { describe, expect, it } from 'vitest';
import { bytes, clockMicros, counted, distance, duration, rate, reading } from './format';

describe('figures', () => {
  it('a size keeps its exact bytes until it is a kibibyte', () => {
    expect([0, 87, 1023, 1024, 1536, 64 * 1024 * 1024].map(bytes)).toEqual([
      '0 B',
      '87 B',
      '1,023 B',
      '1 KiB',
      '1.5 KiB',
      '64 MiB',
    ]);
  });

  it('a rate below ten shows a digit, so that a slow client does not read as silent', () => {
    expect([0, 0.4, 9.96, 1284].map(rate)).toEqual(['0', '0.4', '10.0', '1,284']);
  });

  it('a noun follows its number', () => {
    expect([counted(0, 'client'), counted(1, 'client'), counted(2, 'match', 'matches')]).toEqual([
      '0 clients',
      '1 client',
      '2 matches',
    ]);
  });

  it('a reading has four digits and no tail of zeros', () => {
    expect([23.4, 0.1 + 0.2, 123_456, 0.00001, undefined, 4].map(reading)).toEqual([
      '23.4',
      '0.3',
      '123,456',
      '1.00e-5',
      '–',
      '4',
    ]);
  });
});

describe('times', () => {
  it('microseconds survive the way through a Date', () => {
    expect(clockMicros(1_763_820_131_482_013)).toMatch(/^\d\d:\d\d:11\.482013$/);
  });

  it('a distance is rounded towards now', () => {
    expect(distance(6.9 * 86_400_000, 0)).toBe('in 6 days');
    expect(distance(0, 240_000)).toBe('4 minutes ago');
    expect(distance(10, 0)).toBe('now');
  });

  it('a duration names at most two units', () => {
    expect([48, 720, 12_000, 200_000].map(duration)).toEqual(['48 s', '12 min', '3 h 20 min', '2 days']);
  });
});
