// The device board as it is looked at: a part of it at a time, read again twice a second.
import { asFailure, deviceRules, deviceRulesSet, devices as read } from '$lib/backend';
import type {
  DeviceColumn,
  DeviceOrder,
  DeviceRow,
  DeviceRules,
  DeviceState,
  DevicesFrame,
  DevicesLook,
  Failure,
} from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';

/** Rows that are read beside those in sight, so that a short scroll waits for nothing. */
const BESIDE = 30;

class Devices {
  text = $state('');
  /** Which devices: in one state, or those of which something retained is stale. */
  shown = $state<DeviceState | 'all' | 'stale'>('all');
  order = $state<DeviceOrder>('state');
  descending = $state(false);
  frame = $state.raw<DevicesFrame | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** The name of the device that is looked into. */
  chosen = $state<string | undefined>();

  readonly total: number = $derived(this.frame?.total ?? 0);
  readonly matching: number = $derived(this.frame?.matching ?? 0);
  readonly columns: readonly DeviceColumn[] = $derived(this.frame?.columns ?? []);

  #sight = { first: 0, last: 40 };
  #asked = 0;

  /** The row of a place, if it was read. */
  row(index: number): DeviceRow | undefined {
    return this.frame?.rows[index - this.frame.from];
  }

  async read(): Promise<void> {
    const asked = ++this.#asked;
    const from = Math.max(0, this.#sight.first - BESIDE);
    const look: DevicesLook = {
      text: this.text,
      stale: this.shown === 'stale',
      order: this.order,
      descending: this.descending,
      from,
      count: Math.min(1000, this.#sight.last - from + BESIDE),
      ...(this.shown === 'all' || this.shown === 'stale' ? {} : { state: this.shown }),
    };
    try {
      const frame = await read(look);
      // What was asked later is what is looked at now.
      if (asked !== this.#asked) return;
      this.frame = frame;
      this.failure = undefined;
    } catch (thrown) {
      if (asked === this.#asked) this.failure = asFailure(thrown);
    }
  }

  /** Rows from the first to one past the last are in sight. */
  look(first: number, last: number): void {
    this.#sight = { first, last };
    const frame = this.frame;
    if (!frame) return;
    const known = frame.from <= first && Math.min(last, frame.matching) <= frame.from + frame.rows.length;
    if (!known) void this.read();
  }

  /** Sorts by it, or the other way round where it is sorted by it already. */
  sort(order: DeviceOrder): void {
    this.descending = this.order === order && !this.descending;
    this.order = order;
    void this.read();
  }

  show(shown: DeviceState | 'all' | 'stale'): void {
    this.shown = shown;
    void this.read();
  }

  async rules(): Promise<DeviceRules> {
    return deviceRules();
  }

  /** Goes by other rules; for a few seconds those before can be had back. */
  async setRules(rules: DeviceRules): Promise<void> {
    const before = await deviceRules();
    await deviceRulesSet(rules);
    toasts.done('The board goes by the new rules', {
      label: 'Undo',
      run: async () => {
        await deviceRulesSet(before);
        await this.read();
      },
    });
    await this.read();
  }
}

export const devices = new Devices();
