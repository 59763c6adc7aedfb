// The sequence diagram as data: lanes, arrows and remarks, out of a message's story or out of any packets. Pure.
import type { Story, StoryStep, TrafficRow } from '$lib/backend';
import { clockMicros } from '$lib/shared/format';
import { visible } from '$lib/shared/hostile';

/** What colour and stroke an arrow has. */
export type Tone = 'qos0' | 'qos1' | 'qos2' | 'plain' | 'connection' | 'fault' | 'refused';

/** An arrow, or a remark that stands between the arrows. */
export interface FlowItem {
  /** The packet, where there is one. */
  seq?: number;
  /** The client at the other end from the broker. */
  client: string;
  toBroker: boolean;
  /** A remark has no arrow. */
  remark: boolean;
  label: string;
  tone: Tone;
  /** It did not arrive: the arrow breaks off. */
  lost: boolean;
  delayed: boolean;
  /** When, for the eye. */
  time: string;
  /** Below the label, where there is more to say. */
  note?: string;
}

/** Clients that have a lane of their own. */
export const LANES = 10;
/** The lane of all others. */
export const OTHERS = 'other clients';

/** `364 µs`, `12.3 ms`, `1.510 s`. */
export function since(micros: number): string {
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1_000_000) return `${(micros / 1000).toFixed(micros < 100_000 ? 1 : 0)} ms`;
  return `${(micros / 1_000_000).toFixed(3)} s`;
}

function toneOf(row: TrafficRow): Tone {
  if (row.fault && row.fault.done !== 'delayed' && row.fault.done !== 'duplicate') return 'fault';
  if (row.reason !== undefined) return 'refused';
  switch (row.packet) {
    case 'PUBLISH':
      return row.qos === 2 ? 'qos2' : row.qos === 1 ? 'qos1' : 'qos0';
    case 'CONNECT':
    case 'CONNACK':
    case 'DISCONNECT':
    case 'AUTH':
      return 'connection';
    default:
      return 'plain';
  }
}

const DONE = {
  dropped: 'dropped',
  delayed: 'delayed',
  duplicate: 'second copy',
  corrupted: 'damaged',
  truncated: 'cut short',
  cut: 'connection cut',
  lost: 'lost',
} as const;

/** What an arrow is called. */
export function label(row: TrafficRow): string {
  const parts: string[] = [row.packet];
  if (row.qos !== undefined) parts.push(`q${row.qos}`);
  if (row.packetId !== undefined) parts.push(`id ${row.packetId}`);
  if (row.dup) parts.push('DUP');
  if (row.retain) parts.push('RETAIN');
  let text = parts.join(' ');
  if (row.reason !== undefined) text += ` · ${row.reason}`;
  else if (row.packet === 'CONNACK' && row.summary) text += ` · ${visible(row.summary)}`;
  if (row.fault) text += ` — ${DONE[row.fault.done]} by rule ${visible(row.fault.rule)}`;
  return text;
}

/** Whether the packet came to its other end. */
function isLost(row: TrafficRow): boolean {
  return (
    row.fault?.done === 'dropped' ||
    row.fault?.done === 'lost' ||
    row.fault?.done === 'truncated' ||
    (row.fault?.done === 'cut' && !row.fault.text.includes('behind it'))
  );
}

/** An arrow for a packet. */
export function arrow(row: TrafficRow, time: string, note?: string): FlowItem {
  return {
    seq: row.seq,
    client: row.client,
    toBroker: row.direction === 'to-broker',
    remark: false,
    label: label(row),
    tone: toneOf(row),
    lost: isLost(row),
    delayed: row.fault?.done === 'delayed',
    time,
    ...(note === undefined ? {} : { note }),
  };
}

/** A packet of the table, by the time of day. Several messages meet here, so an arrow names its topic. */
export function ofPacket(row: TrafficRow): FlowItem {
  if (row.topic === undefined) return arrow(row, clockMicros(row.atMicros), visible(row.summary));
  const item = arrow(row, clockMicros(row.atMicros));
  return { ...item, label: `${item.label} · ${visible(row.topic)}` };
}

function ofStep(step: StoryStep, delivered: Map<string, number>): FlowItem[] {
  const time = since(step.sinceMicros);
  if (!step.packet) {
    const why = `${visible(step.client)}: connection ended${step.note ? `, ${visible(step.note)}` : ''}`;
    return [
      {
        client: step.client,
        toBroker: true,
        remark: true,
        label: why,
        tone: 'connection',
        lost: false,
        delayed: false,
        time,
      },
    ];
  }
  const item = arrow(step.packet, time);
  if (step.kind === 'delivery' && step.packet.packet === 'PUBLISH' && !step.again) {
    const times = (delivered.get(step.client) ?? 0) + 1;
    delivered.set(step.client, times);
    if (times > 1 && step.packet.fault === undefined) item.label += ' — duplicate';
  }
  const items = [item];
  if (step.note !== undefined) {
    const text = visible(step.note);
    items.push({ ...item, remark: true, label: text, tone: 'plain', lost: false, delayed: false, time: '' });
    delete items[1]?.seq;
  }
  return items;
}

/** The arrows and remarks of a story. */
export function ofStory(story: Story): FlowItem[] {
  const delivered = new Map<string, number>();
  return story.steps.flatMap((step) => ofStep(step, delivered));
}

/** The lanes: the first client, the broker (`undefined`), the others; whoever finds no lane shares the last. */
export function lanes(clients: readonly string[]): (string | undefined)[] {
  const own = clients.length > LANES ? [...clients.slice(0, LANES - 1), OTHERS] : [...clients];
  return [...own.slice(0, 1), undefined, ...own.slice(1)];
}

/** Some lanes with one more, or without one that is among them. */
export function toggled(picked: readonly string[], client: string): string[] {
  return picked.includes(client) ? picked.filter((each) => each !== client) : [...picked, client];
}

/** The lane of a client. */
export function laneOf(all: readonly (string | undefined)[], client: string): number {
  const at = all.indexOf(client);
  return at >= 0 ? at : all.length - 1;
}

/** The lane of the broker. */
export function brokerLane(all: readonly (string | undefined)[]): number {
  return all.indexOf(undefined);
}

/** What the picture shows of a step without words, before and behind its label, for who does not see the picture. */
export function around(item: FlowItem): { before: string; after: string } {
  if (item.remark) return { before: '', after: '' };
  const client = visible(item.client);
  const way = item.toBroker ? `${client} to the broker` : `the broker to ${client}`;
  const fate = item.lost ? ', did not arrive' : item.delayed ? ', arrived late' : '';
  return { before: `${way}, `, after: `${fate}${item.note ? `, ${item.note}` : ''}` };
}

/** A step in words. */
export function spoken(item: FlowItem): string {
  const { before, after } = around(item);
  return `${item.time ? `${item.time}: ` : ''}${before}${item.label}${after}`;
}

/** Colours of a picture that stands alone. */
export type Palette = Record<Tone | 'text' | 'faint' | 'line' | 'background' | 'raised', string>;

const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const SVG = { row: 38, lane: 230, gutter: 92, top: 54 } as const;

/** The diagram as an SVG file. */
export function svg(
  title: string,
  all: readonly (string | undefined)[],
  items: readonly FlowItem[],
  colours: Palette,
): string {
  const width = SVG.gutter + all.length * SVG.lane;
  const height = SVG.top + items.length * SVG.row + 24;
  const x = (lane: number) => SVG.gutter + (lane + 0.5) * SVG.lane;
  const broker = brokerLane(all);
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="JetBrains Mono, monospace" font-size="11">`,
    `<title>${escape(visible(title))}</title>`,
    `<rect width="100%" height="100%" fill="${colours.background}"/>`,
  ];
  all.forEach((client, lane) => {
    out.push(
      `<line x1="${x(lane)}" y1="${SVG.top - 10}" x2="${x(lane)}" y2="${height - 12}" stroke="${colours.line}"/>`,
      `<rect x="${x(lane) - 84}" y="14" width="168" height="26" rx="7" fill="${colours.raised}" stroke="${colours.line}"/>`,
      `<text x="${x(lane)}" y="31" text-anchor="middle" fill="${colours.text}" font-weight="600">${escape(cut(client === undefined ? 'broker' : visible(client), 22))}</text>`,
    );
  });
  items.forEach((item, index) => {
    const y = SVG.top + index * SVG.row;
    const lane = laneOf(all, item.client);
    const middle = (x(lane) + x(broker)) / 2;
    const described = `<g><title>${escape(spoken(item))}</title>`;
    if (item.remark) {
      out.push(
        `${described}<text x="${middle}" y="${y + 22}" text-anchor="middle" fill="${colours.faint}">${escape(cut(item.label, 96))}</text></g>`,
      );
      return;
    }
    const [from, to] = item.toBroker ? [x(lane), x(broker)] : [x(broker), x(lane)];
    const way = Math.sign(to - from);
    const end = item.lost ? middle : to - way * 2;
    const colour = colours[item.tone];
    const head = item.lost
      ? `<path d="M${end - 5} ${y + 23}l10 10m0 -10l-10 10" stroke="${colour}" stroke-width="1.5"/>`
      : `<path d="M${end - way * 8} ${y + 24}L${end} ${y + 28}L${end - way * 8} ${y + 32}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
    const dash = item.lost ? ' stroke-dasharray="5 4"' : item.delayed ? ' stroke-dasharray="2 3"' : '';
    out.push(
      `${described}<text x="12" y="${y + 30}" fill="${colours.faint}">${escape(item.time)}</text>` +
        `<text x="${middle}" y="${y + 19}" text-anchor="middle" fill="${colour}">${escape(cut(item.label, 64))}</text>` +
        `<line x1="${from + way * 2}" y1="${y + 28}" x2="${end}" y2="${y + 28}" stroke="${colour}" stroke-width="1.5"${dash}/>${head}</g>`,
    );
  });
  out.push('</svg>');
  return out.join('\n');
}

function cut(text: string, length: number): string {
  const letters = [...text];
  return letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : text;
}
