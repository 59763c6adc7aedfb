// A key of the configuration, changed where it matters rather than on the page of settings.
import { settingsChange, settingsUndo, type ConfigReport } from '$lib/backend';
import { toasts } from './state/toasts.svelte';

/** Writes a key, says so, and offers to take it back; `undone` reads anew what shows it. */
export async function setKey(
  key: string,
  value: string,
  said: (report: ConfigReport) => string,
  undone: () => Promise<unknown>,
): Promise<void> {
  const { undo, report } = await settingsChange({ key, value });
  if (undo === undefined) return toasts.done(said(report));
  const run = async () => {
    await settingsUndo(undo);
    await undone();
  };
  return toasts.done(said(report), { label: 'Undo', run });
}
