// A sequence diagram as a file, in the colours of the theme.
import { flowSave } from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';
import { copyText } from '$lib/shared/ui/copy';
import { svg, type FlowItem, type Palette } from './flow';

const COLOURS: Record<keyof Palette, string> = {
  qos0: '--qos0',
  qos1: '--qos1',
  qos2: '--qos2',
  plain: '--muted',
  connection: '--accent',
  fault: '--fault',
  refused: '--error',
  text: '--text',
  faint: '--faint',
  line: '--line-strong',
  background: '--surface',
  raised: '--raised',
};

function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = ([name, variable]: [string, string]) => [name, style.getPropertyValue(variable).trim()];
  return Object.fromEntries(Object.entries(COLOURS).map(read)) as Palette;
}

/** Writes the diagram into the folder of exports, and says where it is. */
export async function save(
  name: string,
  title: string,
  lanes: readonly (string | undefined)[],
  items: readonly FlowItem[],
): Promise<void> {
  try {
    const path = await flowSave(name, svg(title, lanes, items, palette()));
    toasts.done(`Saved ${path}`, { label: 'Copy the path', run: () => copyText(path) });
  } catch (thrown) {
    toasts.failed(thrown);
  }
}
