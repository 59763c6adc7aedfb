// Alert rules and what they have raised, read again each second while they are looked at.
import { alertRuleRemove, alertRuleSet, alerts as read, alertsAcknowledge, asFailure } from '$lib/backend';
import type { AlertRule, AlertsState, Failure } from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';

class Alerts {
  all = $state.raw<AlertsState | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** The alert whose data is shown. */
  open = $state<number | undefined>();

  readonly rules = $derived(this.all?.rules ?? []);
  readonly list = $derived(this.all?.alerts ?? []);
  readonly waiting: number = $derived(this.list.filter((alert) => !alert.acknowledged).length);

  async read(): Promise<void> {
    try {
      this.all = await read();
      this.failure = undefined;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  /** Makes a rule, or changes one. What is wrong with it is thrown. */
  async set(rule: AlertRule): Promise<void> {
    await alertRuleSet(rule);
    await this.read();
  }

  /** Watches for a rule, or not. */
  async enable(rule: AlertRule, enabled: boolean): Promise<void> {
    try {
      await alertRuleSet({ ...rule, enabled });
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.read();
  }

  /** Removes a rule; for a few seconds it can be had back. */
  async remove(rule: AlertRule): Promise<void> {
    try {
      const removed = await alertRuleRemove(rule.id);
      toasts.done(`Removed the rule ${removed.name}`, {
        label: 'Undo',
        run: async () => {
          await alertRuleSet(removed);
          await this.read();
        },
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.read();
  }

  /** Somebody has seen these; all where none is named. */
  async acknowledge(...ids: number[]): Promise<void> {
    try {
      await alertsAcknowledge(ids);
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.read();
  }
}

export const alerts = new Alerts();
