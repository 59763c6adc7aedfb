// Payloads of the fake: one JSON value, opened, and how payloads are to be decoded.
import type { Decoders, PayloadNode, PayloadOpened, PayloadRequest } from '../lib/backend/api';

import type { Commands } from './page';

/** What every message carries whose payload is opened. */
export const PAYLOAD = {
  value: 4.21,
  unit: 'bar',
  at: '14:02:11.481Z',
  motor: { rpm: 1480, ok: true },
  note: 'a\u202Eb',
};
let setup: Decoders = {
  rules: [{ filter: 'cameras/#', decoder: { kind: 'image' } }],
  schemas: [{ name: 'pump.proto', kind: 'protobuf', messages: ['plant.Reading', 'plant.State'] }],
  layouts: ['u8', 'i8', 'u16le', 'u16be', 'f32le', 'f32be'],
};

function valueAt(at: number[]): unknown {
  return at.reduce<unknown>((value, index) => Object.values(value as object)[index], PAYLOAD);
}

function payloadNode(at: number[]): PayloadNode {
  const value = valueAt(at);
  const name = at.length ? Object.keys(valueAt(at.slice(0, -1)) as object)[at.at(-1) ?? 0] : undefined;
  const holds = typeof value === 'object' && value !== null;
  return {
    at,
    path: name ?? '',
    ...(name === undefined ? {} : { name }),
    kind: holds ? 'map' : typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'bool' : 'text',
    said: [],
    text: holds ? '' : String(value),
    size: 0,
    children: holds ? Object.keys(value).length : 0,
    ...(typeof value === 'number' ? { number: value } : {}),
  };
}

const nodes = (at: number[]): PayloadNode[] =>
  Object.keys(valueAt(at) as object).map((_, index) => payloadNode([...at, index]));

function opened(request: PayloadRequest): PayloadOpened {
  return {
    size: JSON.stringify(PAYLOAD).length,
    layers: [],
    decoder: request.decoder ?? { kind: 'json' },
    chosen: request.decoder ? { kind: 'asked' } : { kind: 'detected' },
    detected: { kind: 'json' },
    problems: [],
    root: payloadNode([]),
    numbers: [
      { path: 'value', value: 4.21 },
      { path: 'motor.rpm', value: 1480 },
    ],
    numberCount: 2,
  };
}

export const payloadCommands: Commands = {
  payload_open: ({ request }) => opened(request),
  payload_nodes: ({ at, start, count }) => nodes(at).slice(start, start + count),
  payload_value: ({ at }) => JSON.stringify(valueAt(at)),
  payload_text: ({ start }) => {
    const text = JSON.stringify(PAYLOAD, null, 2);
    return { text: text.slice(start), begin: start, end: text.length, total: text.length, isJson: true };
  },
  payload_bytes: ({ start, count }) => {
    const all = new TextEncoder().encode(JSON.stringify(PAYLOAD));
    return { bytes: btoa(String.fromCharCode(...all.slice(start, start + count))), total: all.length };
  },
  payload_readings: () => [
    { layout: 'u8', value: '123' },
    { layout: 'i8', value: '123' },
    { layout: 'u16le', value: '8827' },
    { layout: 'u16be', value: '31522' },
    { layout: 'f32le', value: '1.2067e33' },
    { layout: 'f32be', value: '3.2857e35' },
  ],
  payload_diff: ({ request }) => ({
    before: request.seq - 3,
    micros: 1_004_120,
    count: 2,
    changes: [
      { path: 'value', before: '4.18', after: '4.21' },
      { path: 'motor.ok', after: 'true' },
    ],
  }),
  payload_save: () => ({ path: '/home/ada/Downloads/plant-line-1-pump-7-pressure-41.json', size: 87 }),
  payload_newest: () => null,
  decoders: () => setup,
  decoder_rule_set: ({ rule }) => (setup = { ...setup, rules: [rule, ...setup.rules] }),
  decoder_rule_remove: ({ filter }) =>
    (setup = { ...setup, rules: setup.rules.filter((rule) => rule.filter !== filter) }),
  schema_add: ({ file }) =>
    (setup = { ...setup, schemas: [...setup.schemas, { name: file.name, kind: 'protobuf', messages: ['plant.New'] }] }),
  schema_remove: ({ name }) => {
    setup = { ...setup, schemas: setup.schemas.filter((schema) => schema.name !== name) };
    return { name, bytes: '' };
  },
};
