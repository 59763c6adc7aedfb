// The view on the traffic that the page shows: its filter, its span, the rows in sight, the chosen packet.
import {
  TrafficStream,
  asFailure,
  packetDetail,
  trafficClear,
  trafficClose,
  trafficFilter,
  trafficOpen,
  trafficRows,
  type Failure,
  type PacketDetail,
  type TrafficFilter,
  type TrafficFrame,
  type TrafficRow,
} from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';
import { ALL, changed, narrows, type FilterChange } from './filter';
import { Rows, before, newest, type Span } from './window';

/** Rows that a frame carries while the table follows: more than fit in the tallest window. */
const TAIL = 80;
const EMPTY: Span = { begin: 0, end: 0 };

/** A row of the table: a packet, one that is not kept any more, or one that is being read. */
export type Seen = TrafficRow | 'gone' | 'unknown';

export class Traffic {
  filter = $state.raw<TrafficFilter>(ALL);
  /** Why the filter is not in force. */
  filterFailure = $state.raw<Failure | undefined>();
  frame = $state.raw<TrafficFrame | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** The positions that the table spans. */
  span = $state.raw<Span>(EMPTY);
  /** The table is at its end and stays there. */
  following = $state(true);
  /** A person stopped it; it does not go on by itself. */
  paused = $state(false);
  chosen = $state.raw<number | undefined>();
  detail = $state.raw<PacketDetail | undefined>();
  detailFailure = $state.raw<Failure | undefined>();

  /** Packets that match and came after the last one that the table spans. */
  readonly newer: number = $derived(this.frame ? Math.max(0, this.frame.end - this.span.end) : 0);
  /** Packets that match, are kept, and come before the first one that the table spans. */
  readonly older: number = $derived(this.frame ? Math.max(0, this.span.begin - this.frame.begin) : 0);
  readonly matching: number = $derived(this.frame ? this.frame.end - this.frame.begin : 0);
  readonly filtering: boolean = $derived(narrows(this.filter));

  readonly #rows = new Rows();
  /** Grows when rows became known, so that who shows them looks again. */
  #known = $state(0);
  #view: number | undefined;
  #stream: TrafficStream | undefined;
  #opened = 0;
  #inSight: Span = EMPTY;
  #fetching = false;
  #settling = true;

  /** Opens the view. Returns what closes it. */
  open(): () => void {
    const opened = ++this.#opened;
    this.failure = undefined;
    void this.#open(opened);
    return () => {
      this.#opened += 1;
      this.#stream?.close();
      this.#stream = undefined;
      const view = this.#view;
      this.#view = undefined;
      if (view !== undefined) void trafficClose(view).catch(() => undefined);
    };
  }

  row(position: number): Seen {
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

  togglePause(): void {
    if (this.paused) {
      this.follow();
    } else {
      this.paused = true;
      this.stand();
    }
  }

  /** Spans older packets than now. */
  showOlder(): void {
    if (!this.frame) return;
    this.stand();
    this.span = before(this.span, this.frame);
  }

  async setFilter(change: FilterChange): Promise<void> {
    this.filter = changed(this.filter, change);
    const view = this.#view;
    if (view === undefined) return;
    // Positions begin anew, so no frame of the old filter may arrive after the change.
    this.#stream?.close();
    const opened = ++this.#opened;
    try {
      await trafficFilter(view, this.filter);
      if (opened !== this.#opened) return;
      this.filterFailure = undefined;
      this.#begin(view);
    } catch (thrown) {
      if (opened !== this.#opened) return;
      this.filterFailure = asFailure(thrown);
      this.#begin(view);
    }
  }

  showAll(): Promise<void> {
    this.filter = ALL;
    return this.setFilter({});
  }

  async clear(): Promise<void> {
    try {
      await trafficClear();
      this.choose(undefined);
      const view = this.#view;
      if (view !== undefined) {
        this.#stream?.close();
        this.#begin(view);
      }
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  choose(seq: number | undefined): void {
    if (seq === this.chosen) return;
    this.chosen = seq;
    this.detailFailure = undefined;
    if (seq === undefined) this.detail = undefined;
    else void this.load(false);
  }

  /** Reads everything about the chosen packet; `whole` for all its bytes. */
  async load(whole: boolean): Promise<void> {
    const seq = this.chosen;
    if (seq === undefined) return;
    try {
      const detail = await packetDetail(seq, whole);
      if (seq === this.chosen) this.detail = detail;
    } catch (thrown) {
      if (seq !== this.chosen) return;
      this.detail = undefined;
      this.detailFailure = asFailure(thrown);
    }
  }

  async #open(opened: number): Promise<void> {
    try {
      const view = await trafficOpen(this.filter);
      if (opened !== this.#opened) {
        await trafficClose(view);
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
    this.#settling = true;
    this.span = EMPTY;
    this.frame = undefined;
    if (!this.paused) this.following = true;
    this.#stream = new TrafficStream(view, this.following ? TAIL : 0, {
      frame: (frame) => this.#show(frame),
      failed: (failure) => {
        this.failure = failure;
      },
    });
  }

  #show(frame: TrafficFrame): void {
    this.frame = frame;
    if (frame.tail.length) {
      this.#rows.put(frame.end - frame.tail.length, frame.tail);
      this.#known += 1;
    }
    // Even a paused table shows what a new filter finds, until it has found all.
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
        const page = await trafficRows(view, Math.max(missing.start, frame.begin), missing.count);
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
}

export const traffic = new Traffic();
