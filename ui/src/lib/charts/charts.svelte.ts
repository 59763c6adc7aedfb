// The charts and dashboards of the workbench, and what a person does with them.
import {
  asFailure,
  chartCreate,
  chartRemove,
  chartUpdate,
  charts as list,
  chartsArrange,
  dashboardCreate,
  dashboardExport,
  dashboardImport,
  dashboardRemove,
  dashboardRename,
  dashboardReport,
} from '$lib/backend';
import type { Chart, ChartCell, ChartList, ChartSource, Dashboard, Failure } from '$lib/backend';
import { theme } from '$lib/shared/state/theme.svelte';
import { toasts } from '$lib/shared/state/toasts.svelte';

/** A chart that is not made yet. */
export type ChartDraft = Omit<Chart, 'id' | 'dashboard' | 'cell'>;

const NO_PLACE: ChartCell = { x: 0, y: 0, w: 0, h: 0 };

function isSame(one: ChartSource, other: ChartSource): boolean {
  if (one.kind === 'broker') return other.kind === 'broker' && one.measure === other.measure;
  return other.kind === 'payload' && one.filter === other.filter && one.path === other.path;
}

class Charts {
  all = $state.raw<ChartList | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** The dashboard that is looked at. */
  chosen = $state<number | undefined>();
  #shown: Promise<unknown> = Promise.resolve();

  readonly list = $derived(this.all?.charts);
  readonly boards = $derived(this.all?.dashboards ?? []);
  readonly board = $derived(this.boards.find((board) => board.id === this.chosen) ?? this.boards[0]);
  readonly shown = $derived(this.list?.filter((chart) => chart.dashboard === this.board?.id));

  async load(): Promise<void> {
    try {
      this.all = await list();
      this.failure = undefined;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  /** The chart of this, as the other pages ask for one: made if there is none yet, so that pressing twice makes one. */
  show(title: string, source: ChartSource, unit = ''): Promise<Chart> {
    const next = () => this.#show(title, source, unit);
    const shown = this.#shown.then(next, next);
    this.#shown = shown;
    return shown;
  }

  async #show(title: string, source: ChartSource, unit: string): Promise<Chart> {
    if (!this.all) await this.load();
    const made = this.list?.find((chart) => isSame(chart.source, source));
    if (made) this.chosen = made.dashboard;
    return made ?? this.add({ title, source, windowSecs: 60, kind: 'line', unit, log: false, thresholds: [] });
  }

  async add(draft: ChartDraft): Promise<Chart> {
    const chart = await chartCreate({ ...draft, id: 0, dashboard: this.board?.id ?? 0, cell: NO_PLACE });
    await this.load();
    this.chosen = chart.dashboard;
    return chart;
  }

  async update(chart: Chart): Promise<void> {
    const updated = await chartUpdate(chart);
    this.#put(this.list?.map((each) => (each.id === updated.id ? updated : each)));
  }

  /** Puts charts at new places; shown at once, and kept. */
  async arrange(cells: ReadonlyMap<number, ChartCell>): Promise<void> {
    this.#put(this.list?.map((chart) => ({ ...chart, cell: cells.get(chart.id) ?? chart.cell })));
    try {
      await chartsArrange(Object.fromEntries(cells));
    } catch (thrown) {
      toasts.failed(thrown);
      await this.load();
    }
  }

  #put(charts: readonly Chart[] | undefined): void {
    if (this.all && charts) this.all = { ...this.all, charts: [...charts] };
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

  async addBoard(title: string): Promise<void> {
    const board = await dashboardCreate(title);
    await this.load();
    this.chosen = board.id;
  }

  async renameBoard(board: Dashboard, title: string): Promise<void> {
    await dashboardRename(board.id, title);
    await this.load();
  }

  /** Removes a dashboard with its charts; for a few seconds it can be had back. */
  async removeBoard(board: Dashboard): Promise<void> {
    try {
      const removed = await dashboardRemove(board.id);
      await this.load();
      toasts.done(`Removed the dashboard “${removed.title}” and its charts`, {
        label: 'Undo',
        run: () => this.#import(JSON.stringify(removed)),
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async #import(text: string): Promise<void> {
    const board = await dashboardImport(text);
    await this.load();
    this.chosen = board.id;
  }

  async importBoard(file: File): Promise<void> {
    try {
      await this.#import(await file.text());
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async exportBoard(board: Dashboard): Promise<void> {
    try {
      toasts.done(`Wrote ${(await dashboardExport(board.id)).path}`);
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async report(board: Dashboard): Promise<void> {
    try {
      const offset = -new Date().getTimezoneOffset();
      toasts.done(`Wrote ${(await dashboardReport(board.id, undefined, theme.current, offset)).path}`);
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }
}

export const charts = new Charts();
