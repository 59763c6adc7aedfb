// Walking over a table of live rows by keyboard and click.

import type FixedRows from '$lib/shared/ui/FixedRows.svelte';
import type { Known } from './live-rows.svelte';
import { traffic } from './traffic.svelte';
import type { Span } from './window';

/** Rows that are walked over: packets, or messages. */
interface Rows {
  readonly span: Span;
  readonly following: boolean;
  row(position: number): Known<{ seq: number }>;
  stand(): void;
  follow(): void;
}

export class Walk {
  /** The table on the page. */
  list = $state<FixedRows>();
  /** The position of the chosen row, for the arrow keys. */
  #cursor = $state<number | undefined>();
  readonly #rows: Rows;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  choose = (position: number) => {
    const row = this.#rows.row(position);
    if (row === 'gone' || row === 'unknown') return;
    this.#cursor = position;
    traffic.choose(row.seq);
    // What a person reads must not move away under them.
    if (this.#rows.following) this.#rows.stand();
  };

  /** A row is chosen as the button goes down: until it comes up, live rows have moved on and another lies under it. */
  press = (event: MouseEvent, position: number) => {
    if (event.button === 0) this.choose(position);
  };

  #moveTo(position: number) {
    const { begin, end } = this.#rows.span;
    const to = Math.max(begin, Math.min(end - 1, position));
    this.#cursor = to;
    this.list?.reveal(to - begin);
    this.choose(to);
  }

  keys = (event: KeyboardEvent) => {
    const { begin, end } = this.#rows.span;
    if (event.ctrlKey || event.metaKey || event.altKey || end === begin) return;
    const from = this.#cursor ?? end;
    const page = this.list?.page() ?? 10;
    switch (event.key) {
      case 'ArrowDown':
        this.#moveTo(from + 1);
        break;
      case 'ArrowUp':
        this.#moveTo(from - 1);
        break;
      case 'PageDown':
        this.#moveTo(from + page);
        break;
      case 'PageUp':
        this.#moveTo(from - page);
        break;
      case 'Home':
        this.#moveTo(begin);
        break;
      case 'End':
        this.#rows.follow();
        break;
      case 'Enter':
        if (traffic.chosen !== undefined) traffic.show('flow');
        break;
      case 'Escape':
        traffic.choose(undefined);
        break;
      default:
        return;
    }
    event.preventDefault();
  };
}
