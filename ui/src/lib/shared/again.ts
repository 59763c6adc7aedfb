// Reads that are repeated while somebody looks.
import { untrack } from 'svelte';

/**
 * Reads now, and again so many milliseconds after each read has ended, while the window is seen, until what is returned is
 * called. A read that takes long is not overtaken by the next. What it looks at does not begin it anew, so an effect can
 * hand on what this returns.
 */
export function again(everyMs: number, read: () => Promise<void>): () => void {
  let left = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const round = async () => {
    if (!document.hidden) await read();
    if (!left) timer = setTimeout(round, everyMs);
  };
  untrack(() => void round());
  return () => {
    left = true;
    clearTimeout(timer);
  };
}
