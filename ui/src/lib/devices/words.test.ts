import { expect, test } from 'vitest';
import { identity, joined, words } from './words';

test('what is joined is told apart again', () => {
  const texts = ['online', 'ready to run', '1'];
  expect(words(joined(texts))).toEqual(texts);
  expect(words(' a,, b \n c ,')).toEqual(['a', 'b', 'c']);
});

test('a certificate says more than a user name', () => {
  const row = { user: 'ann', commonName: 'pump-7' } as Parameters<typeof identity>[0];
  expect(identity(row)).toBe('CN=pump-7');
  expect(identity({ ...row, commonName: undefined } as unknown as typeof row)).toBe('ann');
});
