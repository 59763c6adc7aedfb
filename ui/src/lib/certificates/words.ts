// How the authority's key is kept, in words.
import type { AuthorityKeys } from '$lib/backend';

export function howKept({ protection, locked }: AuthorityKeys): string {
  const key = 'The authority’s key';
  switch (protection) {
    case 'file':
      return `${key} is yours alone to read, and not encrypted`;
    case 'passphrase':
      return locked === undefined
        ? `${key} is encrypted with a passphrase, and unlocked until the app ends`
        : `${key} is locked: nothing can be signed until its passphrase is given`;
    case 'keychain':
      return locked === undefined
        ? `${key} is encrypted, and opened by the system’s keychain`
        : `${key} is locked: ${locked}`;
  }
}
