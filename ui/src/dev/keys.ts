// How the authority's keys of the fake are kept.
import type { AuthorityKeys, ProtectKeys } from '../lib/backend/api';

import { PARAMETERS } from './page';

/** `?keys=locked` has them locked, with something that waits. */
export const keys: AuthorityKeys =
  PARAMETERS.get('keys') === 'locked'
    ? {
        protection: 'passphrase',
        locked: 'its passphrase is needed',
        waiting: ['the revocation list is due, and lets nobody in once it has expired'],
      }
    : {
        protection: 'file',
        waiting: [],
        noKeychain: 'No keychain answers here: org.freedesktop.secrets is not there.',
      };

export const keyCommands = (all: () => unknown) => ({
  authority_unlock: () => {
    delete keys.locked;
    keys.waiting = [];
    return all();
  },
  authority_lock: () => {
    keys.locked = 'its passphrase is needed';
    return all();
  },
  authority_protect: ({ request }: { request: ProtectKeys }) => {
    keys.protection = request.protection;
    return all();
  },
  passwords_kept_by: () => 'file',
});
