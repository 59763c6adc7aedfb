// FAKE-BACKEND-FOR-DEVELOPMENT: the messages, the story and the topics of `core.ts`. Invented, and never part of a build.
import type {
  MessageRow,
  Story,
  StoryStep,
  TopicDetail,
  TopicRow,
  TopicsFrame,
  TopicsLook,
  TrafficRow,
} from '../lib/backend/api';

const started = Date.now();

const PAYLOADS = ['{"value":4.21,"unit":"bar"}', '{"value":23.4}', 'open', '', '<img src=x onerror=alert(1)>\u202E'];
const TOPICS = [
  'plant/line-1/pump-7/pressure',
  'plant/line-1/pump-7/temperature',
  'plant/line-1/valve-2/command',
  'building-A/floor-3/room-12/co2',
  'evil/\u202Egpj.exe/<b>',
];

let made: MessageRow[] = [];
export function fakeMessages(seen: number): MessageRow[] {
  for (let n = made.length; n < seen / 4; n += 1) {
    const preview = PAYLOADS[n % PAYLOADS.length] ?? '';
    const deliveries = n % 7 === 6 ? 0 : 1 + (n % 3);
    const underWay = n % 11 === 10 ? Math.min(1, deliveries) : 0;
    const lost = n % 13 === 12 ? Math.min(1, deliveries - underWay) : 0;
    made = [
      ...made,
      {
        seq: n * 4,
        message: 40_000 + n,
        atMicros: (started - 60_000) * 1000 + n * 165_000,
        published: n % 17 !== 16,
        client: ['pump-7', 'valve-2', 'gateway-3'][n % 3] ?? '',
        topic: TOPICS[n % TOPICS.length] ?? '',
        qos: n % 3,
        retain: n % 9 === 0,
        size: preview.length,
        preview,
        format: 'text',
        whole: true,
        answer: n % 3 === 0 ? 'none' : n % 19 === 18 ? 'refused' : 'done',
        deliveries,
        done: deliveries - underWay - lost,
        underWay,
        lost,
        again: n % 23 === 22 ? 1 : 0,
        faults: n % 13 === 12 || n % 23 === 22 ? 1 : 0,
        ...(deliveries ? { tookMicros: 300 + ((n * 7919) % 4000) } : {}),
      },
    ];
  }
  return made;
}

export function fakeStory(begun: number, row: (seq: number) => TrafficRow): Story {
  const publish = row(0);
  const base: TrafficRow = {
    ...publish,
    client: 'pump-7',
    qos: 1,
    packetId: 41,
    dup: false,
    retain: false,
    topic: TOPICS[0] ?? '',
  };
  const ack = (change: Partial<TrafficRow>): TrafficRow => {
    const all = { ...base, packet: 'PUBACK', size: 4, ...change };
    delete all.qos;
    delete all.topic;
    return all;
  };
  const lost = { rule: 'lose the PUBACK', done: 'dropped' as const, text: 'The session sent it; it was dropped.' };
  const steps: [StoryStep['kind'], string, number, TrafficRow | undefined, string?][] = [
    ['publish', 'pump-7', 0, base],
    ['delivery', 'ops-view', 210, { ...base, seq: 1, client: 'ops-view', direction: 'to-client', packetId: 12 }],
    ['publish', 'pump-7', 364, ack({ seq: 2, direction: 'to-client', fault: lost })],
    ['delivery', 'ops-view', 889, ack({ seq: 4, client: 'ops-view', packetId: 12 })],
    ['ended', 'pump-7', 480_112, undefined, 'cut by the fault rule lose the PUBACK'],
    [
      'connection',
      'pump-7',
      1_508_400,
      ack({ seq: 5, packet: 'CONNECT', summary: 'MQTT 5, keep alive 30 s, session kept' }),
    ],
    [
      'connection',
      'pump-7',
      1_508_912,
      ack({ seq: 6, packet: 'CONNACK', direction: 'to-client', summary: 'success, session present' }),
    ],
    [
      'publish',
      'pump-7',
      1_510_003,
      { ...base, seq: 8, dup: true },
      'Sent again with DUP, after it had connected again.',
    ],
    ['delivery', 'ops-view', 1_510_240, { ...base, seq: 9, client: 'ops-view', direction: 'to-client', packetId: 13 }],
    ['publish', 'pump-7', 1_510_260, ack({ seq: 10, direction: 'to-client' })],
    ['delivery', 'ops-view', 1_511_020, ack({ seq: 12, client: 'ops-view', packetId: 13 })],
  ];
  return {
    seq: 0,
    message: 40_000,
    topic: base.topic ?? '',
    qos: 1,
    retain: false,
    size: 62,
    atMicros: begun * 1000,
    tookMicros: 1_511_020,
    clients: ['pump-7', 'ops-view'],
    publisher: 'pump-7',
    outcome: 'delivered twice to ops-view',
    notes: [
      'MQTT 5 lets a client send a PUBLISH again only after it has connected again with its session: no timer does it [MQTT-4.4.0-1].',
      'At least once: the broker could not know that its PUBACK was lost, and took the second PUBLISH for a new message. QoS 2 would have delivered it once.',
    ],
    deliveries: 2,
    done: 2,
    underWay: 0,
    lost: 0,
    leftOut: 0,
    steps: steps.map(([kind, client, sinceMicros, packet, note]) => ({
      kind,
      client,
      sinceMicros,
      again: note?.startsWith('Sent') ?? false,
      ...(packet
        ? {
            packet: {
              ...packet,
              client,
              packetId: packet.packet.startsWith('CONN') ? undefined : packet.packetId,
            } as TrafficRow,
          }
        : {}),
      ...(note ? { note } : {}),
    })),
  };
}

interface Node {
  node: number;
  parent?: number;
  name: string;
  level: string;
  depth: number;
  children: Node[];
}

class FakeTopics {
  #nodes: Node[] = [];
  #top: Node[] = [];
  #open = new Set<number>();
  #text = '';

  constructor() {
    const names = [
      ...TOPICS,
      'plant/line-1/pump-7/status',
      ...Array.from({ length: 9 }, (_, n) => `plant/line-2/pump-${n}/pressure`),
      '/leading//empty',
      '$SYS/broker/uptime',
      '$SYS/broker/load/messages/received/1min',
    ];
    for (const name of names) {
      let siblings = this.#top;
      let parent: Node | undefined;
      for (const level of name.split('/')) {
        let here = siblings.find((each) => each.level === level);
        if (!here) {
          here = {
            node: this.#nodes.length + 1,
            ...(parent ? { parent: parent.node } : {}),
            name: parent ? `${parent.name}/${level}` : level,
            level,
            depth: parent ? parent.depth + 1 : 0,
            children: [],
          };
          this.#nodes.push(here);
          siblings.push(here);
        }
        parent = here;
        siblings = here.children;
      }
    }
    for (const node of this.#nodes.slice(0, 4)) this.#open.add(node.node);
  }

  filter(text: string): null {
    this.#text = text.toLowerCase();
    return null;
  }

  set(node: number, open: boolean): null {
    if (open) this.#open.add(node);
    else this.#open.delete(node);
    return null;
  }

  openAll(): number {
    for (const node of this.#nodes) this.#open.add(node.node);
    return 0;
  }

  seek(from: number, text: string): number | null {
    const rows = this.#rows(this.#top);
    for (let step = 0; step < rows.length; step += 1) {
      const place = (from + step) % rows.length;
      if (rows[place]?.level.toLowerCase().startsWith(text.toLowerCase())) return place;
    }
    return null;
  }

  #rows(nodes: Node[]): TopicRow[] {
    return nodes.flatMap((node) => {
      const passes = (each: Node): boolean =>
        each.name.toLowerCase().includes(this.#text) || each.children.some(passes);
      if (!passes(node)) return [];
      const open = node.children.length > 0 && (this.#open.has(node.node) || this.#text !== '');
      const value = PAYLOADS[node.node % PAYLOADS.length] ?? '';
      const row: TopicRow = {
        node: node.node,
        ...(node.parent === undefined ? {} : { parent: node.parent }),
        depth: node.depth,
        level: node.level,
        name: node.name,
        children: node.children.length,
        open,
        topics: 1 + node.children.length,
        messages: 3412 >> node.depth,
        rate: node.depth === 3 ? 2.1 : 0,
        ...(node.children.length
          ? {}
          : {
              topic: {
                messages: 3412 >> node.depth,
                deliveries: 40,
                seq: 4 * node.node,
                atMicros: (started - node.node * 1000) * 1000,
                qos: node.node % 3,
                size: value.length,
                preview: value,
                format: 'text' as const,
                whole: true,
                retained: node.node % 4 === 0,
              },
            }),
      };
      return [row, ...(open ? this.#rows(node.children) : [])];
    });
  }

  frame(look: TopicsLook, empty: boolean): Omit<TopicsFrame, 'frame'> {
    const all = empty ? [] : this.#rows(this.#top);
    const at = all.findIndex((row) => row.node === look.chosen);
    return {
      start: look.start,
      rows: all.slice(look.start, look.start + look.count),
      total: all.length,
      ...(look.chosen === undefined ? {} : { chosen: look.chosen }),
      ...(at >= 0 ? { chosenAt: at } : {}),
      topics: empty ? 0 : 3646,
      leftOut: 0,
      missed: 0,
      reading: false,
    };
  }

  detail(topic: string, now: number): TopicDetail {
    return {
      topic,
      rate: 2.1,
      publishers: ['pump-7', 'gateway-3'],
      morePublishers: false,
      subscribers: ['ops-view', 'historian'].map((clientId) => ({
        clientId,
        filter: 'plant/#',
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 'on-subscribe' as const,
      })),
      subscriberCount: 7,
      retained: {
        publisher: 'pump-7',
        will: false,
        message: {
          topic,
          qos: 1,
          retain: true,
          at: now - 90_000,
          size: 41,
          preview: 'online',
          format: 'text',
          whole: true,
        },
      },
    };
  }
}

export const fakeTopics = new FakeTopics();
