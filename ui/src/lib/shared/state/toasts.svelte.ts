// Short notes at the edge of the window. A note that offers an action stays until it was read in peace.
import { asFailure } from '$lib/backend';

export interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
  detail?: string;
  action?: { label: string; run: () => void | Promise<void> };
}

const READ_MS = 4000;
const DECIDE_MS = 10_000;
const AT_MOST = 4;

class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #made = 0;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  done(text: string, action?: Toast['action'], detail?: string): void {
    this.#add({ kind: 'done', text, ...(action ? { action } : {}), ...(detail ? { detail } : {}) });
  }

  failed(thrown: unknown): void {
    const failure = asFailure(thrown);
    this.#add({ kind: 'failed', text: failure.message, ...(failure.hint ? { detail: failure.hint } : {}) });
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  /** The pointer rests on a note: it does not go away under it. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
  }

  release(id: number): void {
    const toast = this.list.find((each) => each.id === id);
    if (toast) this.#arm(toast);
  }

  async act(toast: Toast): Promise<void> {
    this.dismiss(toast.id);
    try {
      await toast.action?.run();
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  #add(toast: Omit<Toast, 'id'>): void {
    const added = { id: ++this.#made, ...toast };
    for (const old of this.list.slice(0, Math.max(0, this.list.length + 1 - AT_MOST))) this.dismiss(old.id);
    this.list = [...this.list, added];
    this.#arm(added);
  }

  #arm(toast: Toast): void {
    clearTimeout(this.#timers.get(toast.id));
    const ms = toast.action || toast.kind === 'failed' ? DECIDE_MS : READ_MS;
    this.#timers.set(
      toast.id,
      setTimeout(() => this.dismiss(toast.id), ms),
    );
  }
}

export const toasts = new Toasts();
