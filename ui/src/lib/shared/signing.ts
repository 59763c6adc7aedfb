// What needs the authority's key: where that is locked its passphrase is asked for, on whatever page that is.
import { asFailure } from '$lib/backend';
import { identities } from './state/identities.svelte';
import { intents } from './state/intents.svelte';

/** Asks for the passphrase of the authority's key. Whether it is unlocked now. */
export function unlocked(): Promise<boolean> {
  intents.unlock?.(false);
  return new Promise((answer) => {
    intents.unlock = answer;
  });
}

/**
 * Does what needs the key. Where that is locked under a passphrase it is asked for, and what was wanted is done then; whoever
 * closes the question wants it no more, and nothing is answered.
 */
export async function signing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (asFailure(thrown).code !== 'locked') throw thrown;
    await identities.load();
    if (identities.all?.keys.protection !== 'passphrase') throw thrown;
    return (await unlocked()) ? work() : undefined;
  }
}
