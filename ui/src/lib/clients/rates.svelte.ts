// How fast each test client publishes and receives, from the counts of two live frames.
import type { TestClient } from '$lib/backend';

/** Milliseconds between two looks: shorter ones would flicker. */
const SPAN = 1000;

interface Rate {
  readonly published: number;
  readonly received: number;
}

export class Rates {
  of = $state.raw<Readonly<Record<number, Rate>>>({});
  #counts: Readonly<Record<number, Rate>> = {};
  #at = 0;

  /** The counts at this time. */
  see(clients: readonly TestClient[], now: number): void {
    const millis = now - this.#at;
    if (millis < SPAN) return;
    const rates: Record<number, Rate> = {};
    const counts: Record<number, Rate> = {};
    for (const { id, published, received } of clients) {
      counts[id] = { published, received };
      const before = this.#counts[id];
      // A first look has nothing to compare with.
      if (this.#at && before)
        rates[id] = {
          published: Math.max(0, published - before.published) / (millis / 1000),
          received: Math.max(0, received - before.received) / (millis / 1000),
        };
    }
    this.#counts = counts;
    this.#at = now;
    this.of = rates;
  }
}

export const rates = new Rates();
