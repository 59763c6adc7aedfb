// What one test client did and saw: read when there is more of it, and kept in bounds.
import { asFailure, clientTimeline, type Failure, type TimelineEntry } from '$lib/backend';

/** Entries that the page keeps; the workbench keeps a bounded number as well. */
export const KEPT = 1000;
const BATCH = 500;

export class Timeline {
  entries = $state.raw<readonly TimelineEntry[]>([]);
  failure = $state.raw<Failure | undefined>();
  /** Entries that came and are not in the list any more, or never were. */
  readonly missing: number = $derived((this.entries[0]?.seq ?? 1) - 1);
  #reading = false;
  #newest = 0;

  constructor(readonly client: number) {}

  /** There are entries up to `newest`. */
  async read(newest: number): Promise<void> {
    this.#newest = newest;
    if (this.#reading) return;
    this.#reading = true;
    try {
      for (;;) {
        const last = this.entries.at(-1)?.seq ?? 0;
        if (last >= this.#newest) return;
        // A client that is far ahead is joined at its end: what lies between would be dropped again at once.
        const after = Math.max(last, this.#newest - KEPT);
        const more = await clientTimeline(this.client, after, BATCH);
        this.failure = undefined;
        if (!more.length) return;
        this.entries = [...this.entries, ...more].slice(-KEPT);
      }
    } catch (thrown) {
      this.failure = asFailure(thrown);
    } finally {
      this.#reading = false;
    }
  }
}
