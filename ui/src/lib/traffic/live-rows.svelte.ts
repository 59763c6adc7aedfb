// Rows of a view that grows while it is looked at: packets, or messages.
//
// Positions never change their row. While the list follows, its span moves with the newest row; once it doesn't, the span
// stands still and newer rows are counted. Only what is in sight is read.
import { asFailure, type Failure, type Listeners, type TrafficFilter } from '$lib/backend';
import { Rows, before, newest, type Span } from './window';

/** Rows that a frame carries while the list follows: more than fit in the tallest window. */
const TAIL = 80;
const EMPTY: Span = { begin: 0, end: 0 };

/** What the lists of the workbench have in common. */
export interface RowsFrame<R> extends Span {
  frame: number;
  tail: R[];
  searching: boolean;
}

/** Where the rows come from. */
export interface Feed<R, F extends RowsFrame<R>> {
  open: (filter: TrafficFilter) => Promise<number>;
  filter: (view: number, filter: TrafficFilter) => Promise<unknown>;
  close: (view: number) => Promise<unknown>;
  rows: (view: number, start: number, count: number) => Promise<{ start: number; rows: R[] }>;
  stream: (view: number, tail: number, listeners: Listeners<F>) => { tail: (rows: number) => void; close: () => void };
}

/** A row, one that is not kept any more, or one that is being read. */
export type Known<R> = R | 'gone' | 'unknown';

export class LiveRows<R extends object, F extends RowsFrame<R>> {
  frame = $state.raw<F | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** Why the filter is not in force. */
  filterFailure = $state.raw<Failure | undefined>();
  /** The positions that the list spans. */
  span = $state.raw<Span>(EMPTY);
  /** The list is at its end and stays there. */
  following = $state(true);
  /** Grows whenever positions begin anew: a filter came into force, or everything was forgotten. */
  era = $state(0);
  /** A person stopped it; it does not go on by itself. */
  paused = $state(false);

  /** Rows that match and came after the last one that the list spans. */
  readonly newer: number = $derived(this.frame ? Math.max(0, this.frame.end - this.span.end) : 0);
  /** Rows that match, are kept, and come before the first one that the list spans. */
  readonly older: number = $derived(this.frame ? Math.max(0, this.span.begin - this.frame.begin) : 0);
  readonly matching: number = $derived(this.frame ? this.frame.end - this.frame.begin : 0);

  readonly #feed: Feed<R, F>;
  readonly #rows = new Rows<R>();
  /** Grows when rows became known, so that who shows them looks again. */
  #known = $state(0);
  #view: number | undefined;
  #stream: { tail: (rows: number) => void; close: () => void } | undefined;
  #opened = 0;
  #inSight: Span = EMPTY;
  #fetching = false;
  #settling = true;

  constructor(feed: Feed<R, F>) {
    this.#feed = feed;
  }

  /** Opens the view. Returns what closes it. */
  open(filter: TrafficFilter): () => void {
    const opened = ++this.#opened;
    this.failure = undefined;
    void this.#open(opened, filter);
    return () => {
      this.#opened += 1;
      this.#stream?.close();
      this.#stream = undefined;
      const view = this.#view;
      this.#view = undefined;
      if (view !== undefined) void this.#feed.close(view).catch(() => undefined);
    };
  }

  row(position: number): Known<R> {
    void this.#known;
    const row = this.#rows.at(position);
    if (row) return row;
    return this.frame && position < this.frame.begin ? 'gone' : 'unknown';
  }

  /** The positions in sight have changed. */
  look(first: number, last: number): void {
    this.#inSight = { begin: first, end: last };
    void this.#fetch();
  }

  /** Shows what comes as it comes. */
  follow(): void {
    this.paused = false;
    this.following = true;
    this.#stream?.tail(TAIL);
    if (this.frame) this.#show(this.frame);
  }

  /** Stands still; counting goes on. */
  stand(): void {
    this.following = false;
    this.#stream?.tail(0);
  }

  pause(): void {
    this.paused = true;
    this.stand();
  }

  /** Spans older rows than now. */
  showOlder(): void {
    if (!this.frame) return;
    this.stand();
    this.span = before(this.span, this.frame);
  }

  async setFilter(filter: TrafficFilter): Promise<void> {
    const view = this.#view;
    if (view === undefined) return;
    // Positions begin anew, so no frame of the old filter may arrive after the change.
    this.#stream?.close();
    const opened = ++this.#opened;
    let failure: Failure | undefined;
    try {
      await this.#feed.filter(view, filter);
    } catch (thrown) {
      failure = asFailure(thrown);
    }
    if (opened !== this.#opened) return;
    this.filterFailure = failure;
    this.#begin(view);
  }

  /** Everything was forgotten. */
  cleared(): void {
    if (this.#view === undefined) return;
    this.#stream?.close();
    this.#begin(this.#view);
  }

  async #open(opened: number, filter: TrafficFilter): Promise<void> {
    try {
      const view = await this.#feed.open(filter);
      if (opened !== this.#opened) {
        await this.#feed.close(view);
        return;
      }
      this.#view = view;
      this.#begin(view);
    } catch (thrown) {
      if (opened === this.#opened) this.failure = asFailure(thrown);
    }
  }

  /** Starts to listen to a view whose positions begin anew. */
  #begin(view: number): void {
    this.#rows.clear();
    this.#known += 1;
    this.era += 1;
    this.#settling = true;
    this.span = EMPTY;
    this.frame = undefined;
    if (!this.paused) this.following = true;
    this.#stream = this.#feed.stream(view, this.following ? TAIL : 0, {
      frame: (frame) => this.#show(frame),
      failed: (failure) => {
        this.failure = failure;
      },
    });
  }

  #show(frame: F): void {
    this.frame = frame;
    if (frame.tail.length) {
      this.#rows.put(frame.end - frame.tail.length, frame.tail);
      this.#known += 1;
    }
    // Even a paused list shows what a new filter finds, until it has found all.
    if (this.following || this.#settling) {
      const span = newest(frame);
      if (span.begin !== this.span.begin || span.end !== this.span.end) this.span = span;
      this.#rows.trim(frame.end);
      this.#settling = frame.searching;
    }
    void this.#fetch();
  }

  /** Reads what is in sight and not known, one page after the other. */
  async #fetch(): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      for (;;) {
        const view = this.#view;
        const opened = this.#opened;
        const { frame } = this;
        if (view === undefined || !frame) return;
        const from = Math.max(this.#inSight.begin, frame.begin, this.span.begin);
        const to = Math.min(this.#inSight.end, frame.end, this.span.end);
        const missing = this.#rows.missing(from, to);
        if (!missing) return;
        const page = await this.#feed.rows(view, Math.max(missing.start, frame.begin), missing.count);
        if (opened !== this.#opened) return;
        if (!page.rows.length) return;
        this.#rows.put(page.start, page.rows);
        this.#rows.trim(from);
        this.#known += 1;
      }
    } catch {
      // The rows stay unknown; the next look asks again.
    } finally {
      this.#fetching = false;
    }
  }

  /** Reads the rows in sight again: some rows change while they are kept. */
  async refresh(): Promise<void> {
    const view = this.#view;
    const opened = this.#opened;
    const { begin, end } = this.#inSight;
    if (view === undefined || end <= begin) return;
    try {
      const page = await this.#feed.rows(view, begin, end - begin);
      if (opened !== this.#opened) return;
      this.#rows.put(page.start, page.rows);
      this.#known += 1;
    } catch {
      // The next time will do.
    }
  }
}
