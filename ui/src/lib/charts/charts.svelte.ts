// The charts of the workbench, and what a person does with them.
import { asFailure, chartCreate, chartRemove, chartUpdate, charts as list } from '$lib/backend';
import type { Chart, ChartSource, Failure } from '$lib/backend';
import { toasts } from '$lib/shared/state/toasts.svelte';

class Charts {
  list = $state.raw<readonly Chart[] | undefined>();
  failure = $state.raw<Failure | undefined>();

  async load(): Promise<void> {
    try {
      this.list = await list();
      this.failure = undefined;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  async create(title: string, source: ChartSource, windowSecs: number): Promise<Chart> {
    const chart = await chartCreate({ id: 0, title, source, windowSecs });
    await this.load();
    return chart;
  }

  async update(chart: Chart): Promise<void> {
    const updated = await chartUpdate(chart);
    this.list = this.list?.map((each) => (each.id === updated.id ? updated : each));
  }

  /** Removes a chart; for a few seconds it can be had back. */
  async remove(chart: Chart): Promise<void> {
    try {
      const removed = await chartRemove(chart.id);
      await this.load();
      toasts.done(`Removed the chart “${removed.title}”`, {
        label: 'Undo',
        run: async () => {
          await chartCreate(removed);
          await this.load();
        },
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }
}

export const charts = new Charts();
