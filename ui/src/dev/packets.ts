// Packets of the fake: the traffic table, and one packet taken apart.
import type { PacketDetail, TrafficFilter, TrafficFrame, TrafficRow } from '../lib/backend/api';

import { busy, fail, started, stream, streamOf, type Commands } from './page';
import { PAYLOAD } from './payloads';

const TOPICS = [
  ['plant/line-1/pump-7/pressure', 'pump-7'],
  ['plant/line-1/pump-7/temperature', 'pump-7'],
  ['plant/line-1/valve-2/command', 'valve-2'],
  ['building-A/floor-3/room-12/co2', 'gateway-3'],
  ['evil/\u202Egpj.exe/\u0000<img src=x onerror=alert(1)>', 'hat\u200Btrick'],
] as const;

/** The packet at a place of the capture. */
export function trafficRow(seq: number): TrafficRow {
  const [topic, client] = TOPICS[(seq >> 2) % TOPICS.length] ?? TOPICS[0];
  const qos = (seq >> 2) % 3;
  const base = { seq, atMicros: (started - 60_000) * 1000 + seq * 41_337, dup: seq % 46 === 0, size: 87 + (seq % 9) };
  switch (seq % 4) {
    case 0:
      return {
        ...base,
        client,
        direction: 'to-broker',
        packet: 'PUBLISH',
        qos,
        topic,
        summary: '',
        retain: seq % 20 === 0,
        ...(qos ? { packetId: 41 + (seq % 900) } : {}),
      };
    case 1:
      return {
        ...base,
        client: 'ops-view',
        direction: 'to-client',
        packet: 'PUBLISH',
        qos: Math.min(qos, 1),
        topic,
        summary: '',
        retain: false,
        ...(qos ? { packetId: 12 + (seq % 900) } : {}),
      };
    case 2:
      return seq % 40 === 2
        ? {
            ...base,
            dup: false,
            client: 'valve-9',
            direction: 'to-client',
            packet: 'CONNACK',
            summary: 'refused',
            reason: '0x87 not authorized',
            retain: false,
            size: 5,
          }
        : {
            ...base,
            dup: false,
            client,
            direction: 'to-client',
            packet: 'PUBACK',
            summary: '',
            retain: false,
            packetId: 41 + (seq % 900),
            size: 4,
          };
    default:
      return seq % 20 === 3
        ? {
            ...base,
            dup: false,
            client: 'pump-7',
            direction: 'to-broker',
            packet: 'CONNECT',
            summary: 'MQTT 5, keep-alive 30, session kept',
            retain: false,
            size: 58,
          }
        : {
            ...base,
            dup: false,
            client: 'ops-view',
            direction: 'to-broker',
            packet: 'SUBSCRIBE',
            summary: 'plant/# QoS 1',
            retain: false,
            packetId: 2,
            size: 16,
          };
  }
}

/** How many packets there are: they become more. */
export let seen = busy ? 1300 : 0;
if (seen) setInterval(() => (seen += 7), 300);

let filter: TrafficFilter = { text: '', payload: '', clients: [], topic: '', packets: [], faults: false };
let matching: number[] = [];
let scanned = 0;
function positions(): number[] {
  for (; scanned < seen; scanned += 1) {
    const row = trafficRow(scanned);
    const text = filter.text.toLowerCase();
    if (text && !row.client.toLowerCase().includes(text) && !row.topic?.toLowerCase().includes(text)) continue;
    if (filter.packets.length && !filter.packets.includes(row.packet)) continue;
    if (filter.direction && row.direction !== filter.direction) continue;
    if (filter.qos !== undefined && row.qos !== filter.qos) continue;
    if (filter.clients.length && !filter.clients.includes(row.client)) continue;
    if (filter.payload && row.packet !== 'PUBLISH') continue;
    if (filter.faults && row.fault === undefined) continue;
    matching.push(scanned);
  }
  return matching;
}

function trafficFrame(tail: number): TrafficFrame {
  const all = positions();
  return {
    frame: 0,
    begin: 0,
    end: all.length,
    stored: seen,
    seen: seen + 2_210_400,
    evicted: 2_210_400,
    lost: 0,
    memory: 23_400_000,
    budget: 67_108_864,
    tail: tail ? all.slice(-tail).map(trafficRow) : [],
    searching: false,
  };
}

function detail(seq: number): PacketDetail {
  const row = trafficRow(seq);
  const text = JSON.stringify(PAYLOAD);
  const topic = new TextEncoder().encode(row.topic ?? 'plant/#');
  const payload = row.packet === 'PUBLISH' ? new TextEncoder().encode(text) : new Uint8Array();
  const bytes = [0x3a, 0x55, 0, topic.length, ...topic, 0, 41, 0x17, 2, 0, 0, 0, 0x3c, 3, 0, 0x10, ...payload];
  const at = 4 + topic.length;
  return {
    row: { ...row, packetId: 41 },
    version: '5',
    listener: 'tls',
    peer: '127.0.0.1:51234',
    commonName: 'pump-7',
    fields: [
      { name: 'Packet type and flags', value: 'PUBLISH, DUP, QoS 1', start: 0, end: 1, role: 'fixed-header' },
      { name: 'Remaining Length', value: '85', start: 1, end: 2, role: 'fixed-header' },
      { name: 'Topic Name', value: row.topic ?? 'plant/#', start: 2, end: at, role: 'topic' },
      { name: 'Packet Identifier', value: '41', start: at, end: at + 2, role: 'packet-id' },
      { name: 'Message Expiry Interval', value: '60 s', start: at + 2, end: at + 8, role: 'property' },
      { name: 'Content Type', value: 'application/json', start: at + 8, end: at + 11, role: 'property' },
      { name: 'Payload', value: `${payload.length} B`, start: at + 11, end: at + 11 + payload.length, role: 'payload' },
    ],
    bytes: btoa(String.fromCharCode(...bytes)),
    size: bytes.length,
  };
}

export const packetCommands: Commands = {
  traffic_open: () => 1,
  traffic_filter: (args) => {
    if (args.filter.topic.includes('#/'))
      return fail('invalid-input', '“#” has to be the last level of a topic filter.');
    filter = args.filter;
    matching = [];
    scanned = 0;
    return null;
  },
  traffic_close: () => null,
  traffic_rows: ({ start, count }) => ({
    start,
    rows: positions()
      .slice(start, start + count)
      .map(trafficRow),
  }),
  packet_detail: ({ seq }) => detail(seq),
  traffic_clear: () => null,
  traffic_stream: (args) => stream(args, 100, (current) => trafficFrame(current.tail)),
  traffic_tail: ({ stream, rows }) => {
    const open = streamOf(stream);
    if (open) open.args.tail = rows;
  },
};
