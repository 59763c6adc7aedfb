// The broker's configuration as it is written, and the changes made to it here.
import { asFailure, listenerRemove, listenerWrite, settings as read, settingsChange, settingsUndo } from '$lib/backend';
import type { ConfigChanged, ConfigReport, Failure, ListenerWrite } from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';

class Settings {
  report = $state.raw<ConfigReport | undefined>();
  failure = $state.raw<Failure | undefined>();

  async load(): Promise<void> {
    try {
      this.report = await read();
      this.failure = undefined;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  /** Writes a key, or without a value takes it out. What is wrong with the value is thrown: it belongs beside the field. */
  async change(key: string, value: string | undefined): Promise<void> {
    const changed = await settingsChange({ key, ...(value === undefined ? {} : { value }) });
    this.#took(changed, value === undefined ? `${key} has its default again` : `${key} is ${value}`);
  }

  /** Adds a listener or changes one. What is wrong with it is thrown: it belongs into the dialog. */
  async writeListener(request: ListenerWrite): Promise<void> {
    const done = request.was === undefined ? 'is added' : 'is changed';
    this.#took(await listenerWrite(request), `Listener ${request.name.trim()} ${done}`);
  }

  async removeListener(name: string): Promise<void> {
    try {
      this.#took(await listenerRemove(name), `Listener ${name} is removed`);
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** Shows what is written now, and offers to take it back. */
  #took({ report, undo }: ConfigChanged, done: string): void {
    this.report = report;
    if (undo === undefined) return;
    toasts.done(done, {
      label: 'Undo',
      run: async () => {
        this.report = await settingsUndo(undo);
      },
    });
  }
}

export const settings = new Settings();
