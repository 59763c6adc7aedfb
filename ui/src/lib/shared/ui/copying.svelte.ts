import { toasts } from '../state/toasts.svelte';
import { copyText } from './copy';

/** How long a button says that it has copied, in milliseconds. */
const SAID_FOR = 1200;

/** A button's copying: whether it has just done so, for it to say. */
export class Copying {
  done = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  async copy(text: string): Promise<void> {
    try {
      await copyText(text);
    } catch (thrown) {
      toasts.failed(thrown);
      return;
    }
    this.done = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.done = false), SAID_FOR);
  }
}
