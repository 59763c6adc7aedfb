// The certificates of the workbench, for every page that lets one be chosen.
import { asFailure, certificates } from '$lib/backend';
import type { Certificate, Certificates, Failure } from '$lib/backend';

class Identities {
  all = $state.raw<Certificates | undefined>();
  failure = $state.raw<Failure | undefined>();
  readonly devices: readonly Certificate[] = $derived(this.all?.devices ?? []);
  #asked = 0;

  /** Reads them anew. Of several readings under way the last one counts. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const all = await certificates();
      if (asked !== this.#asked) return;
      this.all = all;
      this.failure = undefined;
    } catch (thrown) {
      if (asked === this.#asked) this.failure = asFailure(thrown);
    }
  }
}

export const identities = new Identities();
