import { expect, it } from 'vitest';
import { nameFault } from './request';

it('names of letters, digits, dots, underscores and hyphens can be used', () => {
  expect(nameFault('pump-7_a.B', [])).toBeUndefined();
  expect(nameFault('x'.repeat(64), [])).toBeUndefined();
});

it('what cannot be used is named', () => {
  expect(nameFault('', [])).toBe('A device needs a name.');
  expect(nameFault('pump 7', [])).toContain('A space');
  expect(nameFault('pump/7', [])).toContain('“/”');
  expect(nameFault('größe', [])).toContain('“ö”');
  expect(nameFault('x'.repeat(65), [])).toBe('At most 64 characters.');
  expect(nameFault('pump-7', ['pump-7'])).toContain('already');
});
