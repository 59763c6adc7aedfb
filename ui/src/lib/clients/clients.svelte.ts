// The test clients: which one is chosen, and what a person does with them. Their state comes with each live frame.
import {
  clientConnect,
  clientCreate,
  clientDisconnect,
  clientRemove,
  clientRestore,
  clientSubscribe,
  clientUnsubscribe,
  clientUpdate,
  type ClientConfig,
  type ClientSubscription,
  type DisconnectHow,
  type SubscribeRequest,
  type TestClient,
} from '$lib/backend';
import { live } from '$lib/shared/state/live.svelte';
import { toasts } from '$lib/shared/state/toasts.svelte';
import { nameOf } from './form';
import { freeName } from './names';

export const NEW: Omit<ClientConfig, 'clientId'> = {
  version: '5',
  target: { kind: 'tcp' },
  keepAlive: 30,
  cleanStart: true,
  sessionExpiry: 0,
};

class Clients {
  chosen = $state<number | undefined>();
  /** Clients that a command is under way for. */
  asking = $state.raw<ReadonlySet<number>>(new Set());

  readonly current: TestClient | undefined = $derived(
    live.testClients.find((client) => client.id === this.chosen) ?? live.testClients[0],
  );

  async create(): Promise<void> {
    try {
      const clientId = freeName(live.testClients.map((client) => client.config.clientId));
      const client = await clientCreate({ ...NEW, clientId });
      this.chosen = client.id;
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** Removes a client; for a few seconds it can be had back, with its secrets and its timeline. */
  async remove(client: TestClient): Promise<void> {
    try {
      const config = await clientRemove(client.id);
      if (this.chosen === client.id) this.chosen = undefined;
      toasts.done(`Removed the test client “${nameOf(config)}”`, {
        label: 'Undo',
        run: async () => {
          const back = await clientRestore(client.id);
          this.chosen = back.id;
        },
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** Changes a client that is not connected. Throws what is wrong with the change. */
  async update(id: number, config: ClientConfig): Promise<void> {
    await clientUpdate(id, config);
  }

  /** A connection that fails shows in the client's state, with the reason. */
  async connect(id: number): Promise<boolean> {
    return this.#ask(id, () => clientConnect(id));
  }

  async disconnect(id: number, how: DisconnectHow): Promise<void> {
    await this.#ask(id, () => clientDisconnect(id, how));
  }

  async subscribe(id: number, request: SubscribeRequest): Promise<boolean> {
    return this.#ask(id, () => clientSubscribe(id, request));
  }

  async unsubscribe(id: number, { filter, request }: ClientSubscription): Promise<void> {
    const done = await this.#ask(id, () => clientUnsubscribe(id, filter));
    if (!done) return;
    toasts.done(`No longer subscribed to ${filter}`, {
      label: 'Undo',
      run: () => this.subscribe(id, request).then(() => undefined),
    });
  }

  async #ask(id: number, question: () => Promise<TestClient>): Promise<boolean> {
    if (this.asking.has(id)) return false;
    this.asking = new Set([...this.asking, id]);
    try {
      await question();
      return true;
    } catch (thrown) {
      toasts.failed(thrown);
      return false;
    } finally {
      this.asking = new Set([...this.asking].filter((each) => each !== id));
    }
  }
}

export const clients = new Clients();
