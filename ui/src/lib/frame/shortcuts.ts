// The keys that work everywhere. What a page adds of its own, the page listens to itself.
import { letterTyped } from '$lib/backend';
import { typing } from '$lib/shared/keys';
import { intents } from '$lib/shared/state/intents.svelte';
import { PAGES, navigation } from '$lib/shared/state/navigation.svelte';

export const SHORTCUTS: readonly { keys: string; what: string }[] = [
  { keys: 'Ctrl K', what: 'Search pages and commands' },
  { keys: 'Ctrl 1 … 9', what: 'Go to a page' },
  { keys: 'Ctrl Enter', what: 'Publish the message in the composer' },
  { keys: 'Space', what: 'Pause the traffic, or go on' },
  { keys: '/', what: 'Filter what is on the page' },
  { keys: '↑ ↓', what: 'Walk through packets' },
  { keys: 'End', what: 'Follow the newest packet' },
  { keys: 'Esc', what: 'Close what lies over the page' },
  { keys: '?', what: 'This list' },
];

export function shortcuts(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  if (event.ctrlKey || event.metaKey) {
    const page = PAGES[Number(event.key) - 1];
    if (event.key.toLowerCase() === 'k') intents.palette = !intents.palette;
    else if (page && !event.shiftKey) navigation.go(page);
    else return;
    event.preventDefault();
  } else if (!typing(event.target) && event.key === '?') {
    intents.shortcuts = true;
    event.preventDefault();
  } else if (!typing(event.target) && event.key === '/') {
    const filter = document.querySelector<HTMLInputElement>('[data-filter]');
    if (!filter) return;
    filter.focus();
    filter.select();
    event.preventDefault();
  }
}

/** Drawing gives way to what a person types, whatever becomes of the key: for a listener that hears it first. */
export function hearTyping(event: KeyboardEvent): void {
  if (typing(event.target)) letterTyped();
}
