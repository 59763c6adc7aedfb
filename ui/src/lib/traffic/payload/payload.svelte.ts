// The payload that the inspector shows: its decoder, its views, and the parts of it that were asked for.
import {
  asFailure,
  decoderRuleRemove,
  decoderRuleSet,
  decoders,
  payloadBytes,
  payloadDiff,
  payloadNodes,
  payloadOpen,
  payloadSave,
  payloadText,
  payloadValue,
  schemaAdd,
  schemaRemove,
  type DecoderChoice,
  type Decoders,
  type Failure,
  type PacketDetail,
  type PayloadDiff,
  type PayloadNode,
  type PayloadOpened,
  type PayloadRequest,
  type PayloadText,
  type SchemaFile,
} from '$lib/backend';
import { bytes } from '$lib/shared/format';
import { toasts } from '$lib/shared/state/toasts.svelte';

export type View = 'text' | 'tree' | 'diff' | 'bytes' | 'picture';

/** Children of a value that are asked for at once. */
const STEP = 200;

/** The children that are known of values that are open, by the values' positions. */
type Children = Readonly<Record<string, readonly PayloadNode[] | undefined>>;

/** A line of the tree: a value, or the way to more values of the one above. */
export type Line =
  | { kind: 'value'; node: PayloadNode; depth: number; open: boolean; key: string }
  | { kind: 'more'; node: PayloadNode; depth: number; left: number; key: string };

export class Payload {
  seq = $state.raw<number | undefined>();
  topic = $state.raw('');
  /** The decoder that a person has chosen for this payload. */
  asked = $state.raw<DecoderChoice | undefined>();
  opened = $state.raw<PayloadOpened | undefined>();
  failure = $state.raw<Failure | undefined>();
  view = $state<View>('text');
  text = $state.raw<PayloadText | undefined>();
  diff = $state.raw<PayloadDiff | undefined>();
  decoders = $state.raw<Decoders | undefined>();
  #children = $state.raw<Children>({});
  #asking = 0;
  #shown: PacketDetail | undefined;

  readonly request: PayloadRequest | undefined = $derived(
    this.seq === undefined ? undefined : { seq: this.seq, ...(this.asked ? { decoder: this.asked } : {}) },
  );

  readonly views: readonly View[] = $derived.by(() => {
    const { opened } = this;
    if (!opened || opened.size === 0) return [];
    const holds = opened.root !== undefined && opened.root.children > 0;
    return [
      ...(opened.image ? (['picture'] as const) : (['text'] as const)),
      ...(holds ? (['tree'] as const) : []),
      'diff',
      'bytes',
    ];
  });

  readonly lines: readonly Line[] = $derived.by(() => {
    const root = this.opened?.root;
    const lines: Line[] = [];
    if (root) this.#lay(root, 0, lines);
    return lines;
  });

  #lay(node: PayloadNode, depth: number, lines: Line[]): void {
    const children = this.#children[at(node)];
    if (depth > 0 || node.children === 0) {
      lines.push({ kind: 'value', node, depth, open: children !== undefined, key: at(node) });
    }
    if (!children) return;
    for (const child of children) this.#lay(child, depth + 1, lines);
    const left = node.children - children.length;
    if (left > 0) lines.push({ kind: 'more', node, depth: depth + 1, left, key: `${at(node)}+` });
  }

  /** Shows the payload of another packet. A view that it has too stays. */
  async show(detail: PacketDetail): Promise<void> {
    // By the detail itself: packets of a recording are numbered as live ones are.
    if (detail === this.#shown) return;
    this.#shown = detail;
    const { seq, topic = '' } = detail.row;
    if (topic !== this.topic) this.asked = undefined;
    this.seq = seq;
    this.topic = topic;
    await this.read();
  }

  async choose(decoder: DecoderChoice | undefined): Promise<void> {
    this.asked = decoder;
    await this.read();
  }

  /** Reads the payload anew. */
  async read(): Promise<void> {
    const { request } = this;
    if (!request) return;
    const asking = ++this.#asking;
    try {
      const opened = await payloadOpen(request);
      if (asking !== this.#asking) return;
      this.failure = undefined;
      this.#children = {};
      this.text = undefined;
      this.diff = undefined;
      this.opened = opened;
      if (!this.views.includes(this.view)) this.view = this.views[0] ?? 'text';
      if (opened.decoder.kind === 'hex' && this.view === 'text') this.view = 'bytes';
      await this.#fill();
      this.decoders ??= await decoders();
    } catch (thrown) {
      if (asking !== this.#asking) return;
      this.opened = undefined;
      this.failure = asFailure(thrown);
    }
  }

  async look(view: View): Promise<void> {
    this.view = view;
    try {
      await this.#fill();
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** Asks for what the view needs and is not there. */
  async #fill(): Promise<void> {
    const root = this.opened?.root;
    if (this.view === 'text' && !this.text) await this.page(0);
    if (this.view === 'tree' && root && !this.#children['']) await this.#more(root);
    if (this.view === 'diff' && !this.diff) {
      const { request } = this;
      if (!request) return;
      const diff = await payloadDiff(request);
      if (request === this.request) this.diff = diff;
    }
  }

  /** Shows the part of the text that begins there. */
  async page(start: number): Promise<void> {
    const { request } = this;
    if (!request) return;
    try {
      const text = await payloadText(request, false, start);
      if (request === this.request) this.text = text;
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async toggle(node: PayloadNode): Promise<void> {
    if (this.#children[at(node)]) {
      this.#children = { ...this.#children, [at(node)]: undefined };
    } else {
      await this.#more(node);
    }
  }

  /** More of a value's children. */
  async more(node: PayloadNode): Promise<void> {
    await this.#more(node);
  }

  async #more(node: PayloadNode): Promise<void> {
    const { request } = this;
    if (!request) return;
    const key = at(node);
    const have = this.#children[key] ?? [];
    try {
      const nodes = await payloadNodes(request, node.at, have.length, STEP);
      if (request !== this.request) return;
      this.#children = { ...this.#children, [key]: [...have, ...nodes] };
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** A value as text, whole. */
  value(node: PayloadNode): Promise<string> {
    return this.request ? payloadValue(this.request, node.at) : Promise.resolve('');
  }

  /** The whole payload as the text view shows it. */
  async wholeText(): Promise<string> {
    const { request } = this;
    const parts: string[] = [];
    let start = 0;
    for (;;) {
      if (!request) return '';
      const part = await payloadText(request, this.view === 'bytes', start);
      parts.push(part.text);
      start = part.end;
      if (start >= part.total || !part.text) return parts.join('');
    }
  }

  /** All bytes, as they came or as they came out of what was around them. */
  async wholeBytes(expanded: boolean, of: PayloadRequest | undefined = this.request): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    let have = 0;
    for (;;) {
      if (!of) return new Uint8Array();
      const part = await payloadBytes(of, expanded, have, 1024 * 1024);
      const chunk = Uint8Array.from(atob(part.bytes), (character) => character.charCodeAt(0));
      parts.push(chunk);
      have += chunk.length;
      if (have >= part.total || !chunk.length) break;
    }
    const all = new Uint8Array(have);
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  async save(expanded: boolean): Promise<void> {
    if (!this.request) return;
    try {
      const saved = await payloadSave(this.request, expanded);
      toasts.done(`Saved ${bytes(saved.size)} to ${saved.path}`);
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  /** Payloads of a filter are read by this decoder from now on. A rule that it takes the place of can come back. */
  async always(filter: string, decoder: DecoderChoice): Promise<boolean> {
    try {
      const before = this.decoders?.rules.find((rule) => rule.filter === filter);
      this.decoders = await decoderRuleSet({ filter, decoder });
      this.asked = undefined;
      await this.read();
      toasts.done(`Payloads of ${filter} are read this way from now on`, {
        label: 'Undo',
        run: async () => {
          this.decoders = before ? await decoderRuleSet(before) : await decoderRuleRemove(filter);
          await this.read();
        },
      });
      return true;
    } catch (thrown) {
      toasts.failed(thrown);
      return false;
    }
  }

  async removeRule(filter: string): Promise<void> {
    const rule = this.decoders?.rules.find((each) => each.filter === filter);
    try {
      this.decoders = await decoderRuleRemove(filter);
      await this.read();
      toasts.done(`The rule for ${filter} is gone`, {
        label: 'Undo',
        run: async () => {
          if (rule) this.decoders = await decoderRuleSet(rule);
          await this.read();
        },
      });
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async addSchema(file: SchemaFile): Promise<Failure | undefined> {
    try {
      this.decoders = await schemaAdd(file);
      await this.read();
      return undefined;
    } catch (thrown) {
      return asFailure(thrown);
    }
  }

  async removeSchema(name: string): Promise<void> {
    try {
      const removed = await schemaRemove(name);
      this.decoders = await decoders();
      toasts.done(`The schema ${name} is gone`, {
        label: 'Undo',
        run: async () => {
          this.decoders = await schemaAdd(removed);
          await this.read();
        },
      });
      await this.read();
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }
}

/** A value's positions, as a key. */
function at(node: PayloadNode): string {
  return node.at.join('.');
}

export const payload = new Payload();
