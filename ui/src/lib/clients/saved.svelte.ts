// Messages that a person keeps, for any client.
import { savedMessageForget, savedMessageKeep, savedMessages, type SavedMessage } from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';

class Saved {
  messages = $state.raw<readonly SavedMessage[]>([]);

  async load(): Promise<void> {
    await this.#take(savedMessages);
  }

  async keep(message: SavedMessage): Promise<boolean> {
    return this.#take(() => savedMessageKeep(message));
  }

  /** Forgets a message; for a few seconds it can be had back. */
  async forget(name: string): Promise<void> {
    const gone = this.messages.find((each) => each.name === name);
    if (!(await this.#take(() => savedMessageForget(name))) || !gone) return;
    toasts.done(`Removed the saved message “${name}”`, {
      label: 'Undo',
      run: () => this.keep(gone).then(() => undefined),
    });
  }

  async #take(ask: () => Promise<SavedMessage[]>): Promise<boolean> {
    try {
      this.messages = await ask();
      return true;
    } catch (thrown) {
      toasts.failed(thrown);
      return false;
    }
  }
}

export const saved = new Saved();
