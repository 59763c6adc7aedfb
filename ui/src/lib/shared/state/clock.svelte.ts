// The time of day for what reads "4 minutes ago": once a second is enough.
import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; what reads it is drawn anew every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
