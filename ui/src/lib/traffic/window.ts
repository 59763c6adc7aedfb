// Which positions of a view the table spans, and which rows of them are known. Pure, so that its rules can be tested.
//
// Positions never change while rows come and go, so the table spans [begin, end) of them. While it follows, the span moves
// with the newest packet. Once it doesn't, the span stands still: nothing moves under the eye, newer packets are counted.

/** Rows that a table spans at most: a web view can't lay out a taller one (27 px each, 2^25 px at most). */
export const SPAN = 500_000;

export interface Span {
  begin: number;
  end: number;
}

/** The newest part of a view. */
export function newest({ begin, end }: Span): Span {
  return { begin: Math.max(begin, end - SPAN), end };
}

/** The part of a view that lies before a span, and as much of what follows as fits. */
export function before(span: Span, view: Span): Span {
  const begin = Math.max(view.begin, span.begin - SPAN + 1000);
  return { begin, end: Math.min(view.end, begin + SPAN) };
}

/** Rows by position; keeps those near the place that is looked at. */
export class Rows<R> {
  readonly #rows = new Map<number, R>();

  constructor(readonly keep = 4000) {}

  at(position: number): R | undefined {
    return this.#rows.get(position);
  }

  put(start: number, rows: readonly R[]): void {
    rows.forEach((row, offset) => this.#rows.set(start + offset, row));
  }

  clear(): void {
    this.#rows.clear();
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Lets go of the rows farthest from a position, once there are too many. */
  trim(around: number): void {
    if (this.#rows.size <= this.keep) return;
    const half = this.keep / 4;
    for (const position of this.#rows.keys()) {
      if (Math.abs(position - around) > half) this.#rows.delete(position);
    }
  }

  /** The first stretch of unknown positions in [from, to), widened to whole pages. */
  missing(from: number, to: number, page = 200): { start: number; count: number } | undefined {
    for (let position = from; position < to; position += 1) {
      if (this.#rows.has(position)) continue;
      const start = Math.max(0, Math.floor(position / page) * page);
      return { start, count: page };
    }
    return undefined;
  }
}
