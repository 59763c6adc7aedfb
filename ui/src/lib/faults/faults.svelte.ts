// The broker's fault rules, and those that a person has switched off for now: the broker itself knows active ones alone.
import {
  asFailure,
  faults as readFaults,
  faultsSet,
  type Failure,
  type FaultEntry,
  type FaultRule,
} from '$lib/backend';
import { counted } from '$lib/shared/format';
import { toasts } from '$lib/shared/state/toasts.svelte';
import { unused } from './words';

class Faults {
  /** Rules that hold, with what each has done. */
  active = $state.raw<readonly FaultEntry[]>([]);
  /** Rules that are switched off, with what each had done. */
  off = $state.raw<readonly FaultEntry[]>([]);
  failure = $state.raw<Failure | undefined>();
  #reading = 0;

  readonly names: readonly string[] = $derived([...this.active, ...this.off].map(({ rule }) => rule.name));

  async read(): Promise<void> {
    const reading = ++this.#reading;
    try {
      const active = await readFaults();
      if (reading !== this.#reading) return;
      this.active = active;
      this.failure = undefined;
    } catch (thrown) {
      if (reading === this.#reading) this.failure = asFailure(thrown);
    }
  }

  /** Puts these in place of the rules that hold. What stays as it was goes on counting. */
  async #set(rules: readonly FaultRule[]): Promise<void> {
    this.#reading += 1;
    this.active = await faultsSet([...rules]);
  }

  #rules(): FaultRule[] {
    return this.active.map(({ rule }) => rule);
  }

  /** Adds a rule, under another name where there is one of that name. */
  async add(rule: FaultRule): Promise<Failure | undefined> {
    try {
      await this.#set([...this.#rules(), { ...rule, name: unused(rule.name, this.names) }]);
      return undefined;
    } catch (thrown) {
      return asFailure(thrown);
    }
  }

  /** Puts a rule in place of the one of that name. */
  async change(name: string, rule: FaultRule): Promise<Failure | undefined> {
    try {
      if (this.active.some((entry) => entry.rule.name === name)) {
        await this.#set(this.#rules().map((old) => (old.name === name ? rule : old)));
      } else {
        this.off = this.off.map((entry) => (entry.rule.name === name ? { ...entry, rule } : entry));
      }
      return undefined;
    } catch (thrown) {
      return asFailure(thrown);
    }
  }

  async switch(name: string, on: boolean): Promise<void> {
    try {
      if (on) {
        const entry = this.off.find((each) => each.rule.name === name);
        if (!entry) return;
        await this.#set([...this.#rules(), entry.rule]);
        this.off = this.off.filter((each) => each !== entry);
      } else {
        const entry = this.active.find((each) => each.rule.name === name);
        if (!entry) return;
        await this.#set(this.#rules().filter((rule) => rule.name !== name));
        this.off = [...this.off, entry];
      }
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async remove(name: string): Promise<void> {
    const rules = this.#rules();
    const { off } = this;
    try {
      if (rules.some((rule) => rule.name === name)) await this.#set(rules.filter((rule) => rule.name !== name));
      this.off = off.filter((entry) => entry.rule.name !== name);
      toasts.done(`The fault rule ${name} is gone`, {
        label: 'Undo',
        run: async () => {
          await this.#set(rules);
          this.off = off;
        },
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** Switches every rule off at once; a note brings them back. */
  async allOff(): Promise<void> {
    const rules = this.#rules();
    const { active, off } = this;
    if (!rules.length) return;
    try {
      await this.#set([]);
      this.off = [...off, ...active];
      toasts.done(`${counted(rules.length, 'fault rule')} switched off`, {
        label: 'Undo',
        run: async () => {
          await this.#set(rules);
          this.off = off;
        },
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }
}

export const faults = new Faults();
