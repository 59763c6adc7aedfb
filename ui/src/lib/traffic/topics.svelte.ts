// The topic tree as the page shows it: the rows in sight, what is chosen, what is filtered. The tree itself is the core's.
import {
  TopicsStream,
  asFailure,
  topic,
  topicsBranch,
  topicsClose,
  topicsFilter,
  topicsOpen,
  topicsOpenAll,
  topicsSeek,
  type Failure,
  type TopicDetail,
  type TopicRow,
  type TopicsFrame,
} from '$lib/backend';

/** Rows that are asked for beside those in sight, so that a short scroll finds them there. */
const MARGIN = 20;

export class TopicTree {
  frame = $state.raw<TopicsFrame | undefined>();
  failure = $state.raw<Failure | undefined>();
  filter = $state('');
  /** The chosen branch or topic: its number, and its row as it was last seen. */
  chosen = $state.raw<TopicRow | undefined>();
  detail = $state.raw<TopicDetail | undefined>();

  #view: number | undefined;
  #stream: TopicsStream | undefined;
  #opened = 0;
  #start = 0;
  #count = 40;

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
      this.frame = undefined;
      if (view !== undefined) void topicsClose(view).catch(() => undefined);
    };
  }

  /** The row at a place; `undefined` while it is being read. */
  row(place: number): TopicRow | undefined {
    const { frame } = this;
    return frame?.rows[place - frame.start];
  }

  /** The places in sight have changed. */
  look(first: number, last: number): void {
    const start = Math.max(0, first - MARGIN);
    const count = last + MARGIN - start;
    if (start === this.#start && count === this.#count) return;
    this.#start = start;
    this.#count = count;
    this.#tell();
  }

  /** Where the chosen row is; `undefined` where it is not shown, `unknown` until a frame has told. */
  get place(): number | 'unknown' | undefined {
    const { frame, chosen } = this;
    if (!chosen) return undefined;
    if (frame?.chosen === chosen.node) return frame.chosenAt;
    const among = frame?.rows.findIndex((row) => row.node === chosen.node) ?? -1;
    return frame && among >= 0 ? frame.start + among : 'unknown';
  }

  async setFilter(text: string): Promise<void> {
    this.filter = text;
    const view = this.#view;
    if (view === undefined) return;
    await topicsFilter(view, text).catch(() => undefined);
    this.#tell();
  }

  async toggle(row: TopicRow, open = !row.open): Promise<void> {
    const view = this.#view;
    if (view === undefined || row.children === 0 || row.open === open) return;
    await topicsBranch(view, row.node, open).catch(() => undefined);
    this.#tell();
  }

  /** Opens everything below the chosen branch, or all of it. How many branches stay closed, since the rows would be too many. */
  async openAll(): Promise<number> {
    const view = this.#view;
    if (view === undefined) return 0;
    const closed = await topicsOpenAll(view, this.chosen?.node).catch(() => 0);
    this.#tell();
    return closed;
  }

  /** The place of the next row whose level begins with a text. */
  async seek(from: number, text: string): Promise<number | undefined> {
    const view = this.#view;
    if (view === undefined) return undefined;
    return (await topicsSeek(view, from, text).catch(() => null)) ?? undefined;
  }

  choose(row: TopicRow | undefined): void {
    const same = row?.node === this.chosen?.node;
    this.chosen = row;
    if (same) return;
    this.detail = undefined;
    this.#tell();
    if (row?.topic) void this.load();
  }

  /** Reads everything about the chosen topic. */
  async load(): Promise<void> {
    const row = this.chosen;
    if (!row?.topic) return;
    try {
      const detail = await topic(row.name);
      if (this.chosen?.node === row.node) this.detail = detail;
    } catch {
      // What is known of it stands in its row.
    }
  }

  #tell(): void {
    const chosen = this.chosen?.node;
    this.#stream?.look({ start: this.#start, count: this.#count, ...(chosen === undefined ? {} : { chosen }) });
  }

  async #open(opened: number): Promise<void> {
    try {
      const view = await topicsOpen();
      if (opened !== this.#opened) {
        await topicsClose(view);
        return;
      }
      this.#view = view;
      if (this.filter) await topicsFilter(view, this.filter);
      this.#stream = new TopicsStream(
        view,
        { start: this.#start, count: this.#count },
        {
          frame: (frame) => {
            this.frame = frame;
            const { chosen } = this;
            const now = chosen && frame.rows.find((row) => row.node === chosen.node);
            if (now) this.chosen = now;
          },
          failed: (failure) => {
            this.failure = failure;
          },
        },
      );
    } catch (thrown) {
      if (opened === this.#opened) this.failure = asFailure(thrown);
    }
  }
}

export const topics = new TopicTree();
