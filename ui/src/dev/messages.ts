// Messages of the fake, and the story of one.
import type { MessageRow, Story, StoryStep, TrafficRow } from '../lib/backend/api';

import { seen, trafficRow } from './packets';
import { fail, started, stream, type Commands } from './page';

export const PAYLOADS = [
  '{"value":4.21,"unit":"bar"}',
  '{"value":23.4}',
  'open',
  '',
  '<img src=x onerror=alert(1)>\u202E',
];
export const TOPICS = [
  'plant/line-1/pump-7/pressure',
  'plant/line-1/pump-7/temperature',
  'plant/line-1/valve-2/command',
  'building-A/floor-3/room-12/co2',
  'evil/\u202Egpj.exe/<b>',
];

let made: MessageRow[] = [];

function messages(): MessageRow[] {
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

function story(): Story {
  const publish = trafficRow(0);
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
    atMicros: started * 1000,
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

export const messageCommands: Commands = {
  messages_open: () => 1,
  messages_filter: () => null,
  messages_close: () => null,
  message_rows: ({ start, count }) => ({ start, rows: messages().slice(start, start + count) }),
  messages_stream: (args) =>
    stream(args, 100, (current) => {
      const all = messages();
      return {
        begin: 0,
        end: all.length,
        known: all.length,
        gone: 0,
        missed: 0,
        tail: current.tail ? all.slice(-current.tail) : [],
        searching: false,
      };
    }),
  story: ({ request }) =>
    request.packet % 4 === 3
      ? fail('not-found', `packet ${request.packet} carries and acknowledges no message`)
      : story(),
  flow_save: ({ name }) => `/home/ada/.local/share/mqtt-workbench/exports/flow-${name}.svg`,
};
