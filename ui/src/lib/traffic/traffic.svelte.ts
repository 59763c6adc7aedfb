// What the page shows of the traffic: its filter, its packets and messages, and what of them is chosen.
import {
  MessagesStream,
  TrafficStream,
  asFailure,
  messageRows,
  messagesClose,
  messagesFilter,
  messagesOpen,
  packetDetail,
  trafficClear,
  trafficClose,
  trafficFilter,
  trafficOpen,
  trafficRows,
  type Failure,
  type MessageRow,
  type MessagesFrame,
  type PacketDetail,
  type TrafficFilter,
  type TrafficFrame,
  type TrafficRow,
} from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';
import { ALL, changed, narrows, type FilterChange } from './filter';
import { flow } from './flow.svelte';
import { LiveRows } from './live-rows.svelte';

export type Tab = 'messages' | 'packets' | 'flow';

export class Traffic {
  filter = $state.raw<TrafficFilter>(ALL);
  tab = $state<Tab>('packets');
  /** The number of the chosen packet; a message is chosen by the packet that it was first seen in. */
  chosen = $state.raw<number | undefined>();
  detail = $state.raw<PacketDetail | undefined>();
  detailFailure = $state.raw<Failure | undefined>();

  readonly packets = new LiveRows<TrafficRow, TrafficFrame>({
    open: trafficOpen,
    filter: trafficFilter,
    close: trafficClose,
    rows: trafficRows,
    stream: (view, tail, listeners) => new TrafficStream(view, tail, listeners),
  });
  readonly messages = new LiveRows<MessageRow, MessagesFrame>({
    open: messagesOpen,
    filter: messagesFilter,
    close: messagesClose,
    rows: messageRows,
    stream: (view, tail, listeners) => new MessagesStream(view, tail, listeners),
  });

  readonly filtering: boolean = $derived(narrows(this.filter));
  readonly paused: boolean = $derived(this.packets.paused);
  readonly filterFailure: Failure | undefined = $derived(this.packets.filterFailure);

  #closers: (() => void)[] = [];

  /** Begins to look. Returns what ends it. */
  open(): () => void {
    this.#closers = [this.packets.open(this.filter)];
    if (this.tab === 'messages') this.#closers.push(this.messages.open(this.filter));
    return () => {
      for (const close of this.#closers) close();
      this.#closers = [];
    };
  }

  /** Messages are put together only while somebody looks at them. */
  show(tab: Tab): void {
    if (tab === 'flow') flow.shown = this.chosen !== undefined;
    if (tab === this.tab) return;
    this.tab = tab;
    const [packets, ...messages] = this.#closers;
    if (!packets) return;
    if (tab === 'messages') {
      if (this.packets.paused) this.messages.pause();
      else this.messages.follow();
      this.#closers = [packets, this.messages.open(this.filter)];
    } else {
      for (const close of messages) close();
      this.#closers = [packets];
    }
  }

  togglePause(): void {
    if (this.paused) {
      this.packets.follow();
      this.messages.follow();
    } else {
      this.packets.pause();
      this.messages.pause();
    }
  }

  async setFilter(change: FilterChange): Promise<void> {
    this.filter = changed(this.filter, change);
    await Promise.all([this.packets.setFilter(this.filter), this.messages.setFilter(this.filter)]);
  }

  showAll(): Promise<void> {
    this.filter = ALL;
    return this.setFilter({});
  }

  async clear(): Promise<void> {
    try {
      await trafficClear();
      this.choose(undefined);
      this.packets.cleared();
      this.messages.cleared();
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
}

export const traffic = new Traffic();
