// What a form does when its button is pressed: one thing at a time, and why it failed.
import { asFailure, type Failure } from '$lib/backend';

export class Attempt {
  /** It is being done. */
  working = $state(false);
  /** Why it failed, until it is tried again. */
  failure = $state.raw<Failure | undefined>();

  /** Does it, unless it is being done already; then what follows, whatever came of it. */
  async make(act: () => Promise<void>, then?: () => unknown): Promise<void> {
    if (this.working) return;
    this.working = true;
    this.failure = undefined;
    try {
      await act();
    } catch (thrown) {
      this.failure = asFailure(thrown);
    } finally {
      this.working = false;
      await then?.();
    }
  }
}
