// The story that the page tells: of the message that the chosen packet has to do with.
import { asFailure, story, type Failure, type Story } from '$lib/backend';

/** A person who walks through rows is not told the story of each. */
const REST_MS = 120;
/** A story that goes on is told again. */
const AGAIN_MS = 1000;

export class FlowState {
  /** The packet whose message it tells of. */
  of = $state.raw<number | undefined>();
  story = $state.raw<Story | undefined>();
  failure = $state.raw<Failure | undefined>();
  /** The Flow tab tells the story, and not of all packets. */
  shown = $state(false);
  /** The panel below the table is put away. */
  folded = $state(false);

  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Tells of the message that a packet carries or acknowledges. A packet of the story that is told changes nothing. */
  tell(packet: number | undefined): void {
    if (packet === undefined) {
      clearTimeout(this.#timer);
      this.shown = false;
      this.of = undefined;
      this.story = undefined;
      this.failure = undefined;
      return;
    }
    this.of = packet;
    if (this.story?.steps.some((step) => step.packet?.seq === packet)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(packet), REST_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #load(packet: number): Promise<void> {
    try {
      const told = await story({ packet });
      if (this.of === undefined || (packet !== this.of && !told.steps.some((step) => step.packet?.seq === this.of)))
        return;
      this.story = told;
      this.failure = undefined;
      clearTimeout(this.#timer);
      if (told.underWay > 0) this.#timer = setTimeout(() => void this.#load(packet), AGAIN_MS);
    } catch (thrown) {
      if (packet !== this.of) return;
      this.story = undefined;
      this.failure = asFailure(thrown);
    }
  }
}

export const flow = new FlowState();
