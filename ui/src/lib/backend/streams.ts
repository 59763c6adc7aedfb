// Frames from the workbench, as fast as the page can show them and no faster.
//
// The shell sends at most three frames that are not acknowledged. Every other is acknowledged, after the page has drawn it, so a
// page that is slow or hidden gets sparser frames, never a longer queue.
import { Channel } from '@tauri-apps/api/core';
import type {
  ApiError,
  ChartView,
  ChartsFrame,
  LiveFrame,
  MessagesFrame,
  TopicsFrame,
  TopicsLook,
  TrafficFrame,
} from './api';
import { call } from './call';
import { whenDrawing } from './drawing';
import { Failure, asFailure } from './errors';
import { Unpacking } from './pictures';

/** How many frames are acknowledged at once: one less than may be on their way (`src-tauri/src/pump.rs`). */
const ACKNOWLEDGED = 2;

/** What comes through a stream's channel. */
type Message<F> = { frame: F } | { failed: ApiError };

/** What a stream tells the page. */
export interface Listeners<F> {
  /** The newest state; frames that came while the page was busy are skipped. */
  frame: (frame: F) => void;
  /** The stream has ended, and why. */
  failed: (failure: Failure) => void;
}

/** An open stream. */
export class Stream<F extends { frame: number }> {
  readonly #opened: Promise<number | undefined>;
  #newest: F | undefined;
  #acknowledged = 0;
  #scheduled: (() => void) | undefined;
  #closed = false;

  constructor(command: string, args: Record<string, unknown>, listeners: Listeners<F>) {
    const channel = new Channel<Message<F> | ArrayBuffer>();
    channel.onmessage = (sent) => {
      if (this.#closed) return;
      const message: Message<F> = sent instanceof ArrayBuffer ? { frame: this.unpack(sent) } : sent;
      if ('failed' in message) {
        listeners.failed(new Failure(message.failed));
        this.close();
        return;
      }
      this.#newest = this.#scheduled && this.#newest ? this.merge(this.#newest, message.frame) : message.frame;
      this.#scheduled ??= whenDrawing(() => {
        this.#scheduled = undefined;
        const frame = this.#newest;
        if (this.#closed || !frame) return;
        listeners.frame(frame);
        void this.#acknowledge(frame.frame);
      });
    };
    this.#opened = call<number>(command, { ...args, channel }).catch((thrown: unknown) => {
      if (!this.#closed) listeners.failed(asFailure(thrown));
      return undefined;
    });
  }

  /** A frame that was sent as bytes. */
  protected unpack(bytes: ArrayBuffer): F {
    throw new Error(`${bytes.byteLength} bytes that this stream does not know`);
  }

  /** What is shown when a frame comes before the one before it was: the newer, if it holds everything. */
  protected merge(_older: F, newer: F): F {
    return newer;
  }

  async #acknowledge(frame: number): Promise<void> {
    const before = this.#acknowledged;
    if (frame < before + ACKNOWLEDGED) return;
    this.#acknowledged = frame;
    // One that was lost is made up for with the next frame.
    if (!(await this.#tell('stream_acknowledge', { frame }))) this.#acknowledged = Math.min(before, this.#acknowledged);
  }

  /** Changes something of the stream in the shell. Returns whether it could be told. */
  async #tell(command: string, args: Record<string, unknown>): Promise<boolean> {
    const stream = await this.#opened;
    if (stream === undefined) return false;
    return call(command, { stream, ...args }).then(
      () => true,
      () => false,
    );
  }

  protected adjust(command: string, args: Record<string, unknown>): void {
    if (!this.#closed) void this.#tell(command, args);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#scheduled?.();
    void this.#tell('stream_close', {});
  }
}

/** What every page shows, four times a second. */
export class LiveStream extends Stream<LiveFrame> {
  constructor(listeners: Listeners<LiveFrame>) {
    super('live_stream', {}, listeners);
  }
}

/** The state of a view on the traffic, ten times a second. */
export class TrafficStream extends Stream<TrafficFrame> {
  constructor(view: number, tail: number, listeners: Listeners<TrafficFrame>) {
    super('traffic_stream', { view, tail }, listeners);
  }

  /** How many of the newest rows the next frames carry. */
  tail(rows: number): void {
    this.adjust('traffic_tail', { rows });
  }
}

/** The state of a view on the messages, ten times a second. */
export class MessagesStream extends Stream<MessagesFrame> {
  constructor(view: number, tail: number, listeners: Listeners<MessagesFrame>) {
    super('messages_stream', { view, tail }, listeners);
  }

  /** How many of the newest rows the next frames carry. */
  tail(rows: number): void {
    this.adjust('traffic_tail', { rows });
  }
}

/** The rows of the topic tree in sight, five times a second and whenever others come into sight. */
export class TopicsStream extends Stream<TopicsFrame> {
  constructor(view: number, look: TopicsLook, listeners: Listeners<TopicsFrame>) {
    super('topics_stream', { view, look }, listeners);
  }

  /** Shows these rows at once. */
  look(look: TopicsLook): void {
    this.adjust('topics_look', { look });
  }
}

/** The pictures of charts that have changed, up to ten times a second. */
export class ChartsStream extends Stream<ChartsFrame> {
  readonly #unpacking = new Unpacking();

  constructor(views: Readonly<Record<number, ChartView>>, listeners: Listeners<ChartsFrame>) {
    super('charts_stream', { views }, listeners);
  }

  /** Draws these charts from the next frame on, which comes at once. */
  views(views: Readonly<Record<number, ChartView>>): void {
    this.#unpacking.keep(Object.keys(views).map(Number));
    this.adjust('charts_views', { views });
  }

  protected override unpack(bytes: ArrayBuffer): ChartsFrame {
    return this.#unpacking.frame(bytes);
  }

  protected override merge(older: ChartsFrame, newer: ChartsFrame): ChartsFrame {
    const again = new Set(newer.pictures.map((picture) => picture.key));
    return { ...newer, pictures: [...older.pictures.filter(({ key }) => !again.has(key)), ...newer.pictures] };
  }
}
