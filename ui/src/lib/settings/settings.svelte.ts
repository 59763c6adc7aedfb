// The broker's configuration as it is written, and the changes made to it here.
import { asFailure, settings as read, settingsChange, settingsUndo } from '$lib/backend';
import type { ConfigReport, Failure } from '$lib/backend';
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
    const { report, undo } = await settingsChange({ key, ...(value === undefined ? {} : { value }) });
    this.report = report;
    if (undo === undefined) return;
    toasts.done(value === undefined ? `${key} has its default again` : `${key} is ${value}`, {
      label: 'Undo',
      run: async () => {
        this.report = await settingsUndo(undo);
      },
    });
  }
}

export const settings = new Settings();
