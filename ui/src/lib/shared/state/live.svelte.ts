// The workbench as every page shows it: one frame, replaced four times a second.
import { LiveStream, asFailure, brokerStart, brokerStop } from '$lib/backend';
import type {
  BrokerClient,
  BrokerStatus,
  Failure,
  Finding,
  LimitEntry,
  LiveFrame,
  Refusal,
  TestClient,
  Totals,
} from '$lib/backend';
import { toasts } from './toasts.svelte';

const NO_TOTALS: Totals = {
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  dropped: 0,
  retained: 0,
  subscriptions: 0,
  sessions: 0,
  rateIn: 0,
  rateOut: 0,
  captureLost: 0,
};

const UNKNOWN: BrokerStatus = { state: 'stopped', listeners: [] };

class Live {
  frame = $state.raw<LiveFrame | undefined>();
  /** The workbench itself could not be opened, or has stopped telling. */
  failure = $state.raw<Failure | undefined>();
  /** Start or stop was asked for and is not answered. */
  asking = $state(false);

  readonly broker: BrokerStatus = $derived(this.frame?.broker ?? UNKNOWN);
  readonly running: boolean = $derived(this.broker.state === 'running');
  readonly busy: boolean = $derived(
    this.asking || this.broker.state === 'starting' || this.broker.state === 'stopping',
  );
  readonly totals: Totals = $derived(this.frame?.totals ?? NO_TOTALS);
  readonly clients: readonly BrokerClient[] = $derived(this.frame?.clients ?? []);
  readonly testClients: readonly TestClient[] = $derived(this.frame?.testClients ?? []);
  readonly refusals: readonly Refusal[] = $derived(this.frame?.refusals ?? []);
  readonly limits: readonly LimitEntry[] = $derived(this.frame?.limits ?? []);
  readonly findings: readonly Finding[] = $derived(this.frame?.findings ?? []);
  /** Messages a second, both ways together. */
  readonly rate: number = $derived(this.totals.rateIn + this.totals.rateOut);

  #stream: LiveStream | undefined;

  connect(): void {
    this.#stream?.close();
    this.failure = undefined;
    this.#stream = new LiveStream({
      frame: (frame) => {
        this.frame = frame;
      },
      failed: (failure) => {
        this.failure = failure;
      },
    });
  }

  /** Starts the broker. A failure is not thrown but shown where the broker's state is. */
  async start(freePorts = false): Promise<void> {
    await this.#ask(
      () => brokerStart({ freePorts }),
      ({ code, message, hint }) => {
        const failure = { code, message, ...(hint === undefined ? {} : { hint }) };
        this.#answer({ ...this.broker, failure });
      },
    );
  }

  async stop(): Promise<void> {
    await this.#ask(brokerStop, (failure) => toasts.failed(failure));
  }

  /** Stops the broker and starts it again, on the ports that it has where other programs have its own. */
  async restart(): Promise<void> {
    const freePorts = this.broker.listeners.some((listener) => listener.insteadOf !== undefined);
    await this.stop();
    if (this.broker.state === 'stopped') await this.start(freePorts);
  }

  /** An answer counts at once; the next frame would tell the same a quarter of a second later. */
  async #ask(question: () => Promise<BrokerStatus>, failed: (failure: Failure) => void): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      this.#answer(await question());
    } catch (thrown) {
      failed(asFailure(thrown));
    } finally {
      this.asking = false;
    }
  }

  #answer(broker: BrokerStatus): void {
    if (this.frame) this.frame = { ...this.frame, broker };
  }
}

export const live = new Live();
