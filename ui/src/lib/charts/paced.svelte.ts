// What changes faster than it can be read.
import { untrack } from 'svelte';

/**
 * What a source says, taken up at most once in so many milliseconds: the first at once, and always the last. As long as it says
 * nothing, nothing is taken up; what is `urgent` beside what was taken up last is not waited with. All that have one pace take it up
 * together, so that the page is painted once for them.
 */
export function paced<T>(
  source: () => T,
  every: number,
  urgent: (before: T, next: T) => boolean = () => false,
): { readonly current: T } {
  let current = $state.raw(untrack(source));
  let taken = -Infinity;
  const take = (next: T) => {
    taken = performance.now();
    current = next;
  };
  $effect(() => {
    const next = source();
    if (next === undefined) return;
    const wait = (Math.floor(taken / every) + 1) * every - performance.now();
    if (
      wait <= 0 ||
      urgent(
        untrack(() => current),
        next,
      )
    ) {
      untrack(() => take(next));
      return;
    }
    const timer = setTimeout(() => take(next), wait);
    return () => clearTimeout(timer);
  });
  return {
    get current() {
      return current;
    },
  };
}
