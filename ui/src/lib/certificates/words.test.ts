import { expect, test } from 'vitest';
import type { AuthorityKeys } from '$lib/backend';
import { howKept } from './words';

test('what keeps the key, and whether it can sign, is said of each way to keep it', () => {
  const key = 'The authority’s key';
  expect(howKept({ protection: 'file', waiting: [] })).toBe(`${key} is yours alone to read, and not encrypted`);
  const passphrase: AuthorityKeys = { protection: 'passphrase', waiting: [] };
  expect(howKept(passphrase)).toBe(`${key} is encrypted with a passphrase, and unlocked until the app ends`);
  expect(howKept({ ...passphrase, locked: 'its passphrase is needed' })).toBe(
    `${key} is locked: nothing can be signed until its passphrase is given`,
  );
  const keychain: AuthorityKeys = { protection: 'keychain', waiting: [] };
  expect(howKept(keychain)).toBe(`${key} is encrypted, and opened by the system’s keychain`);
  expect(howKept({ ...keychain, locked: 'no keychain answers' })).toBe(`${key} is locked: no keychain answers`);
});
