import { expect, test } from 'vitest';
import { conditionText, sourceText } from './words';

test('a rule reads as a sentence', () => {
  expect(sourceText({ kind: 'payload', filter: 'plant/+', path: 'bar' })).toBe('bar of plant/+');
  expect(sourceText({ kind: 'payload', filter: 'plant/+', path: '' })).toBe('plant/+');
  expect(sourceText({ kind: 'device', name: '*' })).toBe('every device');
  expect(conditionText({ kind: 'above', limit: 4.5, holdSecs: 0 })).toBe('above 4.5');
  expect(conditionText({ kind: 'state', state: 'offline', holdSecs: 90 })).toBe('offline for 1 min');
});
