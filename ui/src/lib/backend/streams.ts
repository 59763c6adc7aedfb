// Frames from the workbench, as fast as the page can show them and no faster.
//
// The shell sends at most two frames that are not acknowledged. A frame is acknowledged after the page has drawn it, so a
// page that is slow or hidden gets sparser frames, never a longer queue.
import { Channel } from '@tauri-apps/api/core';
import type {
  ApiError,
  ChartFrame,
  ChartView,
  LiveFrame,
  MessagesFrame,
  TopicsFrame,
  TopicsLook,
  TrafficFrame,
} from './api';
import { call } from './call';
import { whenDrawing } from './drawing';
import { Failure, asFailure } from './errors';

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
  #scheduled: (() => void) | undefined;
  #closed = false;

  constructor(command: string, args: Record<string, unknown>, listeners: Listeners<F>) {
    const channel = new Channel<Message<F>>();
    channel.onmessage = (message) => {
      if (this.#closed) return;
      if ('failed' in message) {
        listeners.failed(new Failure(message.failed));
        this.close();
        return;
      }
      this.#newest = message.frame;
      this.#scheduled ??= whenDrawing(() => {
        this.#scheduled = undefined;
        const frame = this.#newest;
        if (this.#closed || !frame) return;
        listeners.frame(frame);
        void this.#tell('stream_acknowledge', { frame: frame.frame });
      });
    };
    this.#opened = call<number>(command, { ...args, channel }).catch((thrown: unknown) => {
      if (!this.#closed) listeners.failed(asFailure(thrown));
      return undefined;
    });
  }

  /** Changes something of the stream in the shell. */
  async #tell(command: string, args: Record<string, unknown>): Promise<void> {
    const stream = await this.#opened;
    if (stream !== undefined) await call(command, { stream, ...args }).catch(() => undefined);
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

/** A chart's picture, ten times a second. */
export class ChartStream extends Stream<ChartFrame> {
  constructor(view: ChartView, listeners: Listeners<ChartFrame>) {
    super('chart_stream', { view }, listeners);
  }

  /** Draws the next frames like this. */
  view(view: ChartView): void {
    this.adjust('chart_view', { view });
  }
}
