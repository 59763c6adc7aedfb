// All charts in sight share one stream: drawn at one pace, the page is painted once for all of them.
import { ChartsStream, Failure, type ChartFrame, type ChartView, type Listeners } from '$lib/backend';

/** A chart that is looked at. */
export interface Look {
  /** Draws the next frames like this. */
  view: (view: ChartView) => void;
  close: () => void;
}

class Pictures {
  readonly #views = new Map<number, ChartView>();
  readonly #listeners = new Map<number, Listeners<ChartFrame>>();
  #made = 0;
  #stream: ChartsStream | undefined;
  #telling = false;

  look(view: ChartView, listeners: Listeners<ChartFrame>): Look {
    const key = ++this.#made;
    this.#listeners.set(key, listeners);
    const show = (next: ChartView) => {
      if (!this.#listeners.has(key)) return;
      this.#views.set(key, next);
      this.#tell();
    };
    show(view);
    return {
      view: show,
      close: () => {
        this.#listeners.delete(key);
        this.#views.delete(key);
        this.#tell();
      },
    };
  }

  /** Tells the workbench once what has changed in one go, as when a whole page of charts comes into sight. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      if (!this.#views.size) {
        this.#stream?.close();
        this.#stream = undefined;
      } else if (this.#stream) this.#stream.views(Object.fromEntries(this.#views));
      else this.#open();
    });
  }

  #open(): void {
    this.#stream = new ChartsStream(Object.fromEntries(this.#views), {
      frame: ({ pictures }) => {
        for (const { key, drawn, failed } of pictures) {
          // One that has gone out of sight meanwhile listens no more.
          if (failed) this.#listeners.get(key)?.failed(new Failure(failed));
          else if (drawn) this.#listeners.get(key)?.frame(drawn);
        }
      },
      failed: (why) => {
        this.#stream = undefined;
        for (const { failed } of [...this.#listeners.values()]) failed(why);
      },
    });
  }
}

export const pictures = new Pictures();
