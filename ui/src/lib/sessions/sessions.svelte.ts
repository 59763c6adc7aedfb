// What the broker keeps: sessions and retained messages, read again each second while they are looked at.
import {
  asFailure,
  clearRetained,
  dropQueue,
  restoreQueue,
  restoreRetained,
  retained,
  session,
  sessions,
} from '$lib/backend';
import type { Failure, Page, RetainedEntry, SessionDetail, SessionEntry } from '$lib/backend';
import { count, counted } from '$lib/shared/format';
import { toasts } from '$lib/shared/state/toasts.svelte';

/** Entries that are added each time somebody asks for more. */
const STEP = 100;
/** The longest page that the broker gives. */
const MOST = 1000;
/** A list that is read from its beginning again and again, as far as somebody has asked for it. */
class Listing<T> {
  page = $state.raw<Page<T> | undefined>();
  failure = $state.raw<Failure | undefined>();
  #count = STEP;
  #reading = 0;

  readonly items: readonly T[] = $derived(this.page?.items ?? []);
  readonly total: number = $derived(this.page?.total ?? 0);
  /** There is more, and it can be asked for. */
  readonly more: boolean = $derived(this.page?.next !== undefined && this.items.length < MOST);

  async read(ask: (count: number) => Promise<Page<T>>): Promise<void> {
    const reading = ++this.#reading;
    try {
      const page = await ask(this.#count);
      if (reading !== this.#reading) return;
      this.page = page;
      this.failure = undefined;
    } catch (thrown) {
      if (reading === this.#reading) this.failure = asFailure(thrown);
    }
  }

  lengthen(): void {
    this.#count = Math.min(MOST, this.#count + STEP);
  }
}

/** The tabs of the page. */
const TABS = ['devices', 'alerts', 'sessions', 'retained'] as const;
export type Tab = (typeof TABS)[number];

export const isTab = (name: string): name is Tab => TABS.some((tab) => tab === name);

class Kept {
  /** The tab that was looked at last; who comes back finds it. */
  tab = $state<Tab>('sessions');
  readonly sessions = new Listing<SessionEntry>();
  readonly retained = new Listing<RetainedEntry>();
  /** Whose session is looked into. */
  chosen = $state<string | undefined>();
  detail = $state.raw<SessionDetail | undefined>();
  detailFailure = $state.raw<Failure | undefined>();
  /** Messages of each list in the detail. */
  #messages = $state(STEP);
  /** Longer lists can be asked for. */
  readonly moreMessages: boolean = $derived(this.#messages < MOST);
  /** Which retained messages are looked at. */
  filter = $state('#');

  async readSessions(): Promise<void> {
    await this.sessions.read((count) => sessions({ count }));
    this.chosen ??= this.sessions.items[0]?.clientId;
    await this.readDetail();
  }

  async readDetail(): Promise<void> {
    const clientId = this.chosen;
    if (clientId === undefined) {
      this.detail = undefined;
      return;
    }
    try {
      const detail = await session({ clientId, from: 0, count: this.#messages });
      if (this.chosen !== clientId) return;
      this.detail = detail;
      this.detailFailure = undefined;
    } catch (thrown) {
      if (this.chosen !== clientId) return;
      this.detail = undefined;
      this.detailFailure = asFailure(thrown);
    }
  }

  lengthenDetail(): void {
    this.#messages = Math.min(MOST, this.#messages + STEP);
    void this.readDetail();
  }

  choose(clientId: string): void {
    this.chosen = clientId;
    this.#messages = STEP;
    this.detailFailure = undefined;
    void this.readDetail();
  }

  /** Drops what waits to be sent to a client; a note brings it back. */
  async drop(clientId: string): Promise<void> {
    try {
      const { dropped, undo } = await dropQueue(clientId);
      const run = async () => {
        if (undo === undefined) return;
        const back = await restoreQueue(undo);
        toasts.done(`${counted(back, 'message')} put back, behind what waits there now`);
        await this.readSessions();
      };
      toasts.done(
        `Dropped ${counted(dropped, 'message')} for ${clientId}`,
        undo === undefined ? undefined : { label: 'Undo', run },
      );
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.readSessions();
  }

  async readRetained(): Promise<void> {
    const filter = this.filter.trim() || '#';
    await this.retained.read((count) => retained(filter, { count }));
  }

  /** Takes the retained messages of a filter away; a note brings them back. */
  async clear(filter: string): Promise<void> {
    try {
      const { cleared, undo } = await clearRetained(filter);
      const action = undo === undefined ? undefined : { label: 'Undo', run: () => this.#restore(undo) };
      toasts.done(`Cleared ${counted(cleared, 'retained message')}`, action);
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.readRetained();
  }

  async #restore(undo: number): Promise<void> {
    const { restored, newer, expired, noRoom } = await restoreRetained(undo);
    const left = [
      newer.length && `${count(newer.length)} have a newer one`,
      expired.length && `${count(expired.length)} expired`,
      noRoom.length && `${count(noRoom.length)} had no room`,
    ].filter(Boolean);
    toasts.done([`${counted(restored, 'message')} retained again`, ...left].join('; '));
    await this.readRetained();
  }
}

export const kept = new Kept();
