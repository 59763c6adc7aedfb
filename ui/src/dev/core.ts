// FAKE-BACKEND-FOR-DEVELOPMENT: stands in for @tauri-apps/api/core under `npm run dev:fake`, to work on the look in any
// browser. Its data is invented. It is never part of a build: scripts/check-dist.mjs looks for the line above.
//
// `?state=stopped`, `?state=port-in-use`, `?state=quiet`, `?state=broken` show the other states.
import type {
  Account,
  BrokerStatus,
  Certificate,
  Chart,
  ChartFrame,
  ChartView,
  Dashboard,
  ClientConfig,
  ConfigReport,
  Decoders,
  Denial,
  DrawOp,
  FaultRule,
  LiveFrame,
  MessageEntry,
  PacketDetail,
  PayloadNode,
  PayloadOpened,
  PayloadRequest,
  RetainedEntry,
  SessionEntry,
  Setting,
  TestClient,
  TimelineEntry,
  TrafficFilter,
  TrafficFrame,
  TrafficRow,
} from '../lib/backend/api';

import { fakeMessages, fakeStory, fakeTopics } from './traffic';
import { fakeTokens, fakeTokenVerdict, learnCommands } from './access';
import { findingCommands, grave } from './findings';
import { alertCommands } from './alerts';
import { deviceCommands } from './devices';
import { keyCommands, keys } from './keys';
import { recordingCommands } from './recordings';

export const MARK = 'FAKE-BACKEND-FOR-DEVELOPMENT';
const STATE = new URLSearchParams(location.search).get('state') ?? 'running';

export class Channel<T> {
  onmessage: (message: T) => void = () => undefined;
}

const started = Date.now();
const quiet = STATE === 'quiet';

const broker: BrokerStatus = {
  state: STATE === 'running' || quiet ? 'running' : 'stopped',
  since: started - 728_000,
  listeners: [
    listener('tcp', 'tcp', 1883, 'mqtt://127.0.0.1:1883', 'none', 6),
    listener('tls', 'tls', 8883, 'mqtts://localhost:8883', 'required', 9),
    listener('ws', 'ws', 8083, 'ws://127.0.0.1:8083/mqtt', 'none', 2),
  ],
  ...(STATE === 'port-in-use'
    ? {
        failure: {
          code: 'port-in-use' as const,
          message: 'Port 1883 is in use by another program, so the listener “tcp” could not be opened.',
          hint: 'Stop the other program, or start on a free port.',
        },
      }
    : {}),
};

function listener(
  name: string,
  protocol: 'tcp' | 'tls' | 'ws',
  port: number,
  url: string,
  clientCert: 'none' | 'required',
  clients: number,
): BrokerStatus['listeners'][number] {
  return {
    name,
    protocol,
    address: `127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    url,
    clientCert,
    loopback: true,
    clients: quiet ? 0 : clients,
    listening: STATE === 'running' || quiet,
  };
}

const certificate = (kind: Certificate['kind'], name: string, days: number): Certificate => ({
  kind,
  name,
  subject: `CN=${name}`,
  issuer: 'CN=MQTT Workbench authority',
  serial: '4b:91:0c:de:77:20:a1:05',
  names: kind === 'server' ? ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1', 'DNS:workshop'] : [],
  notBefore: started - 86_400_000,
  notAfter: started + days * 86_400_000,
  state: days < 0 ? 'expired' : days < 30 ? 'expiring' : 'valid',
  revoked: null,
  superseded: 0,
  hasKey: true,
  key: 'ECDSA P-256',
  signature: 'ECDSA with SHA-256',
  usages: kind === 'authority' ? ['Certificate Sign', 'CRL Sign'] : ['Digital Signature', 'TLS Client'],
  fingerprint: `${name}:3a:91:5c:0e:77:b2:41:9d:aa:04:68:f0:1b:c3:7e:55:20:8c:99:de:13:46:7a:b1:0f:52:ce:88:31:6d:a4:07`,
  pem: `-----BEGIN CERTIFICATE-----\n${'MIIBszCCAVmgAwIBAgIUS5EM3ncgoQUwCgYIKoZIzj0EAwIwIzEhMB8GA1UEAwwY\n'.repeat(7)}-----END CERTIFICATE-----\n`,
});

const devices = quiet
  ? []
  : [
      certificate('device', 'pump-7', 364),
      certificate('device', 'valve-2', 6),
      certificate('device', 'gateway-3', -2),
      {
        ...certificate('device', 'press-1', 200),
        state: 'revoked' as const,
        revoked: { at: started - 7_200_000, reason: 'key-compromise' as const },
      },
    ];
const revocations = {
  issuer: 'CN=Issuing, MQTT Workbench authority 4fa01c22',
  number: 4,
  thisUpdate: started - 7_200_000,
  nextUpdate: started + 29 * 86_400_000,
  expired: false,
  count: 1,
};

let fakeAccounts: Account[] = quiet
  ? []
  : [
      { name: 'ann', groups: ['operators'], hash: 'Argon2id', strong: true },
      { name: 'bob', groups: [], hash: 'PBKDF2', strong: false },
    ];
let fakeRules = quiet
  ? ''
  : `# The first rule that matches decides. What no rule allows is denied.

[[rule]]
name = "devices keep their own branch"
allow = "both"
topic = "devices/{client}/#"

[[rule]]
name = "operators see everything"
allow = "subscribe"
topic = "#"
groups = ["operators"]
`;
let fakeDenials: Denial[] = quiet
  ? []
  : (['publish', 'subscribe', 'connect'] as const).map((action, at) => ({
      id: at + 1,
      clientId: ['press-2', 'dashboard', 'auto-7f3k2'][at] ?? '',
      ...(action === 'connect' ? { account: 'admin' } : {}),
      peer: `192.168.1.${40 + at}:51544`,
      listener: 'tcp',
      action,
      topic: ['plant/valve/open', '#', ''][at] ?? '',
      qos: 1,
      retain: false,
      why: action === 'connect' ? 'there is no such account' : 'no access rule allows it',
      first: Date.now() - 60_000,
      last: Date.now() - at * 9_000,
      count: [3, 1, 14][at] ?? 1,
    }));

let testClients: TestClient[] = quiet
  ? []
  : [
      testClient(
        1,
        {
          clientId: 'ops-view',
          version: '5',
          target: { kind: 'tcp' },
          keepAlive: 30,
          cleanStart: true,
          sessionExpiry: 0,
        },
        'connected',
      ),
      testClient(
        2,
        {
          clientId: 'valve-sim',
          version: '3.1.1',
          target: { kind: 'mutual-tls', device: 'valve-2' },
          keepAlive: 0,
          cleanStart: false,
          sessionExpiry: 0,
          will: { topic: 'plant/valve-2/status', payload: 'gone', qos: 1, retain: true },
        },
        'failed',
      ),
      testClient(
        3,
        {
          clientId: 'client-1',
          version: '5',
          target: { kind: 'tcp' },
          keepAlive: 30,
          cleanStart: true,
          sessionExpiry: 0,
        },
        'disconnected',
      ),
      testClient(
        4,
        {
          clientId: 'line-2-bridge',
          name: 'factory, line 2',
          version: '5',
          target: {
            kind: 'remote',
            protocol: 'tls',
            host: 'broker.example',
            port: 8883,
            path: '/mqtt',
            headers: [],
            tls: {
              trust: { kind: 'anybody' },
              identity: { kind: 'device', name: 'pump-7' },
              serverName: '',
              alpn: ['mqtt'],
            },
          },
          keepAlive: 30,
          cleanStart: false,
          sessionExpiry: 3600,
          user: 'ada',
          password: { kind: 'stored' },
          reconnect: { first: 1, longest: 60 },
        },
        'connected',
      ),
      testClient(
        5,
        {
          clientId: 'far-away',
          version: '3.1.1',
          target: {
            kind: 'remote',
            protocol: 'wss',
            host: 'mqtt.example',
            port: 443,
            path: '/mqtt',
            headers: [],
            tls: { trust: { kind: 'system' }, identity: { kind: 'none' }, serverName: '', alpn: [] },
          },
          keepAlive: 30,
          cleanStart: true,
          sessionExpiry: 0,
          reconnect: { first: 1, longest: 60 },
        },
        'waiting',
      ),
    ];

function testClient(id: number, config: ClientConfig, state: TestClient['state']): TestClient {
  return {
    id,
    config,
    state,
    ...(state === 'failed'
      ? {
          failure: {
            code: 'client' as const,
            message: 'The broker refused valve-sim: 0x87 not authorized.',
            hint: 'Check its identity.',
          },
        }
      : {}),
    sessionPresent: state === 'connected',
    subscriptions:
      state === 'connected'
        ? [
            { ...asked('plant/#', 2), granted: 1 },
            { ...asked('$SYS/broker/clients/connected', 0), granted: 0 },
            { ...asked('secret/#', 0), refused: '0x87 not authorized' },
          ]
        : [],
    received: state === 'connected' ? 18_204 : 0,
    published: state === 'connected' ? 12 : 0,
    newest: state === 'connected' ? 400 : 3,
    dropped: 0,
    ...(state === 'waiting' ? { retry: { attempt: 3, at: Date.now() + 4000 } } : {}),
    ...(state === 'connected' ? { negotiated: negotiated(config) } : {}),
  };
}

function asked(filter: string, qos: number) {
  return { filter, qos, request: { filter, qos } };
}

function negotiated({ target, clientId }: ClientConfig): NonNullable<TestClient['negotiated']> {
  const remote = target.kind === 'remote';
  return {
    url: remote ? `mqtts://${target.host}:${target.port}` : 'mqtt://127.0.0.1:1883',
    peer: remote ? '93.184.216.34:8883' : '127.0.0.1:1883',
    clientId,
    keepAlive: 30,
    receiveMaximum: 1024,
    maximumPacketSize: 16_777_216,
    topicAliasMaximum: 32,
    properties: [
      { name: 'Receive Maximum', value: '1024' },
      { name: 'Maximum Packet Size', value: '16777216' },
      { name: 'Topic Alias Maximum', value: '32' },
    ],
    ...(remote
      ? {
          tls: {
            version: 'TLS 1.3',
            cipher: 'TLS13_AES_256_GCM_SHA384',
            alpn: 'mqtt',
            verified: target.tls.trust.kind !== 'anybody',
            chain: [
              {
                subject: `CN=${target.host}`,
                issuer: 'CN=Example TLS CA',
                names: [`DNS:${target.host}`],
                notBefore: Date.now() - 30 * 86_400_000,
                notAfter: Date.now() + 60 * 86_400_000,
                key: 'ECDSA P-256',
                fingerprint:
                  '3a:91:5c:0e:77:b2:41:9d:aa:04:68:f0:1b:c3:7e:55:20:8c:99:de:13:46:7a:b1:0f:52:ce:88:31:6d:a4:07',
              },
            ],
          },
        }
      : {}),
  };
}

const TOPICS = [
  ['plant/line-1/pump-7/pressure', 'pump-7'],
  ['plant/line-1/pump-7/temperature', 'pump-7'],
  ['plant/line-1/valve-2/command', 'valve-2'],
  ['building-A/floor-3/room-12/co2', 'gateway-3'],
  ['evil/\u202Egpj.exe/\u0000<img src=x onerror=alert(1)>', 'hat\u200Btrick'],
] as const;

function trafficRow(seq: number): TrafficRow {
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

let seen = quiet || STATE !== 'running' ? 0 : 1300;
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

const PAYLOAD = { value: 4.21, unit: 'bar', at: '14:02:11.481Z', motor: { rpm: 1480, ok: true }, note: 'a\u202Eb' };
let setup: Decoders = {
  rules: [{ filter: 'cameras/#', decoder: { kind: 'image' } }],
  schemas: [{ name: 'pump.proto', kind: 'protobuf', messages: ['plant.Reading', 'plant.State'] }],
  layouts: ['u8', 'i8', 'u16le', 'u16be', 'f32le', 'f32be'],
};
let faultRules: FaultRule[] = [];

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

function detail(seq: number): PacketDetail {
  const row = trafficRow(seq);
  const json = { value: 4.21, unit: 'bar', at: '14:02:11.481Z', motor: { rpm: 1480, ok: true }, note: 'a\u202Eb' };
  const text = JSON.stringify(json);
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

const chart = (id: number, more: Pick<Chart, 'title' | 'source'> & Partial<Chart>): Chart => ({
  id,
  kind: 'line',
  windowSecs: 60,
  unit: '',
  log: false,
  thresholds: [],
  dashboard: 1,
  cell: { x: ((id - 1) % 2) * 6, y: Math.floor((id - 1) / 2) * 7, w: 6, h: 7 },
  ...more,
});

let dashboards: Dashboard[] = [{ id: 1, title: 'Dashboard' }, ...(quiet ? [] : [{ id: 2, title: 'Pumps' }])];

let charts: Chart[] = [
  chart(1, { title: 'Throughput', source: { kind: 'broker', measure: 'messages' }, windowSecs: 600 }),
  ...(quiet
    ? []
    : [
        chart(2, {
          title: 'Pressure',
          source: { kind: 'payload', filter: 'plant/+/+/pressure', path: 'value' },
          unit: 'bar',
        }),
        chart(3, { title: 'Latency', source: { kind: 'broker', measure: 'latency' } }),
        chart(4, { title: 'Waiting messages', source: { kind: 'broker', measure: 'queued' } }),
      ]),
];

function picture(view: ChartView): ChartFrame {
  const dark = view.theme === 'dark';
  const [line, faint] = dark ? ['#252d38', '#8593a3'] : ['#dfe3ea', '#5b6775'];
  const colours = dark ? ['#2dd4bf', '#b09bff'] : ['#0f766e', '#6042c7'];
  const [left, top, right, bottom] = [44, 10, view.width - 8, view.height - 24];
  const ops: DrawOp[] = [];
  for (let step = 0; step <= 4; step += 1) {
    const y = top + ((bottom - top) * step) / 4;
    ops.push({ op: 'path', points: [left, y, right, y], color: line, width: 1 });
    ops.push({
      op: 'text',
      x: left - 8,
      y,
      text: String(1600 - step * 400),
      size: 10.5,
      color: faint,
      align: 'right',
      baseline: 'middle',
    });
  }
  const series = ['in', 'out'].map((name, index) => {
    const points: number[] = [];
    for (let x = 0; x <= 120; x += 1) {
      const t = Date.now() / 4000 + x / 9;
      const v = 0.35 + index * 0.25 + 0.12 * Math.sin(t) + 0.06 * Math.sin(t * 3.1) - x / 600;
      points.push(left + ((right - left) * x) / 120, top + (bottom - top) * v);
    }
    const color = colours[index] ?? '#888';
    ops.push({ op: 'fill', points: [...points, right, bottom, left, bottom], color: `${color}24` });
    ops.push({ op: 'path', points, color, width: 1.75 });
    return {
      name: view.id === 1 ? name : `plant/line-${index + 1}/pump-7/pressure`,
      color,
      points: 1200,
      last: 1284.4 - index * 700,
      min: 212,
      mean: 806.5,
      max: 1431,
    };
  });
  ['13:53', '13:55', '13:57', '13:59', '14:01'].forEach((text, index) => {
    ops.push({
      op: 'text',
      x: left + ((right - left) * index) / 4.3,
      y: bottom + 8,
      text,
      size: 10.5,
      color: faint,
      align: 'left',
      baseline: 'top',
    });
  });
  const now = Date.now();
  return {
    id: view.id,
    ops,
    span: view.span ?? { from: now - 60_000, to: now },
    plot: { left, top, right, bottom, low: 0, high: 1600 },
    series,
    withoutNumber: view.id === 2 ? 3 : 0,
    missed: 0,
    topicsLeftOut: 0,
    thinned: 0,
    hiddenRows: 0,
    notPositive: 0,
  };
}

const setting = (
  key: string,
  form: Setting['form'],
  text: string,
  doc: string,
  more: Partial<Setting> = {},
): Setting => ({
  key,
  section: key.slice(0, key.lastIndexOf('.')),
  form,
  words: [],
  text,
  defaultText: text,
  expected: 'a whole number from 0 to 10000000',
  applies: 'restart',
  doc,
  ...more,
});

let settings: Setting[] = [
  setting(
    'listeners.tcp.bind',
    'text',
    '127.0.0.1:1883',
    'Address and port to listen at. 127.0.0.1 and [::1] are reachable from this computer alone; port 0 is any free one.',
    { line: 3, absent: 'must be written' },
  ),
  setting(
    'listeners.tcp.protocol',
    'word',
    'tcp',
    'MQTT over plain TCP, over TLS, over WebSocket (path /mqtt), or over WebSocket in TLS.',
    { line: 4, words: ['tcp', 'tls', 'ws', 'wss'], absent: 'must be written' },
  ),
  setting('listeners.tcp.cert', 'text', '', 'PEM file of the listener’s own certificate. Goes with `key`.', {
    absent: 'the data folder’s certificate',
  }),
  setting(
    'mqtt.max_queued_bytes',
    'size',
    '64 MiB',
    'What the messages that wait for one session’s client may take in memory.',
    { unit: 'bytes' },
  ),
  setting(
    'mqtt.when_queue_full',
    'word',
    'drop-oldest',
    'What becomes of a message for a session whose queue is full.',
    { words: ['drop-oldest', 'drop-newest', 'refuse'] },
  ),
  setting(
    'limits.message_rate',
    'number',
    '50',
    'Messages that a client may publish; a second’s worth may come at once. 0 is no limit. Who is faster is read from more slowly: nothing is lost.',
    { unit: 'messages a second', line: 9, defaultText: '0', runs: '0' },
  ),
  setting(
    'limits.connect_timeout',
    'time',
    '10 s',
    'How long a connection may take from its first byte to a whole CONNECT.',
    { unit: 'seconds' },
  ),
  setting(
    'persistence.enabled',
    'flag',
    'true',
    'Whether persistent sessions, what waits for them, and retained messages outlive the broker.',
  ),
];

const configReport = (): ConfigReport => ({
  ...(quiet ? {} : { file: '/home/ada/.local/share/mqtt-workbench/broker.toml' }),
  sections: [...new Set(settings.map((each) => each.section))].map((name) => ({
    name,
    doc:
      name === 'limits' ? 'What clients may use up. Whoever goes beyond is refused or cut off, counted and shown.' : '',
  })),
  settings,
  warnings: [],
  restart: settings.some((each) => each.runs !== undefined),
});

const message = (topic: string, preview: string, qos = 1): MessageEntry => ({
  topic,
  qos,
  retain: false,
  at: started - 240_000,
  size: preview.length,
  preview,
  format: 'text',
  whole: true,
});

let keptSessions: SessionEntry[] = quiet
  ? []
  : ['gateway-3', 'ops-view', 'pump-7', 'valve-2'].map((clientId, index) => ({
      clientId,
      connected: index > 0,
      version: index % 2 ? '5' : '3.1.1',
      since: started - 600_000 * (index + 1),
      ...(index === 1 ? { expiry: 0 } : index === 0 ? { expiry: 3600, expires: started + 1_900_000 } : {}),
      subscriptions: 2,
      waiting: index === 0 ? 143 : 0,
      durable: index !== 1,
      ...(index > 0 ? { connection: { listener: 'tls', peer: `127.0.0.1:5123${index}`, commonName: clientId } } : {}),
      takenOver: index === 2 ? 14 : 0,
      foughtOver: index === 2,
    }));

let keptRetained: RetainedEntry[] = quiet
  ? []
  : ['plant/line-1/pump-7/status', 'plant/line-1/valve-2/status', 'building-A/floor-3/name'].map((topic, index) => ({
      message: { ...message(topic, index ? '{"state":"online","since":"14:02"}' : 'online'), retain: true },
      publisher: index === 2 ? '' : (topic.split('/')[2] ?? ''),
      will: index === 1,
      ...(index === 3
        ? { stale: 'Its publisher pump-8 is away for 3 h 20 min, and no will of it has taken this place.' }
        : {}),
    }));
let cleared: RetainedEntry[] = [];

const wave = (offset: number) => 900 + 300 * Math.sin(offset / 7) + 120 * Math.sin(offset / 2.3);

function liveFrame(): LiveFrame {
  const running = broker.state === 'running';
  const busy = running && !quiet;
  const second = Date.now() / 1000;
  return {
    frame: 0,
    faults: faultRules.length,
    broker: { ...broker },
    clients: busy
      ? ['gateway-3', 'ops-view', 'pump-7', 'valve-2', 'hat\u200Btrick'].map((clientId, index) => ({
          clientId,
          version: '5',
          listener: index % 2 ? 'tcp' : 'tls',
          peer: `127.0.0.1:5123${index}`,
          ...(index % 2 ? {} : { commonName: clientId }),
          connectedAt: started,
          keepAlive: 30,
          subscriptions: ['plant/#'],
          messagesIn: 1204 * index,
          messagesOut: 90 * index,
        }))
      : [],
    clientCount: busy ? 17 : 0,
    totals: {
      messagesIn: 81_204,
      messagesOut: 120_401,
      bytesIn: 9e6,
      bytesOut: 2e7,
      dropped: 0,
      retained: busy ? 41 : 0,
      subscriptions: busy ? 23 : 0,
      sessions: busy ? 17 : 0,
      rateIn: busy ? wave(second) * 0.6 : 0,
      rateOut: busy ? wave(second) * 0.7 : 0,
      captureLost: 0,
    },
    sparkline: Array.from({ length: 60 }, (_, index) => (busy ? wave(second - 60 + index) : 0)),
    refusals: busy
      ? [
          {
            seq: 3,
            at: started,
            listener: 'tcp',
            peer: '127.0.0.1:53140',
            cause: 'limit',
            detail: 'gateway-3 sends more than 50 messages a second: it is read from more slowly.',
            key: 'limits.message_rate',
          },
          {
            seq: 2,
            at: started,
            listener: 'tls',
            peer: '127.0.0.1:53122',
            cause: 'no-certificate',
            detail: 'The client showed no certificate, and this listener asks for one.',
          },
          {
            seq: 1,
            at: started - 4000,
            listener: 'tls',
            peer: '127.0.0.1:53118',
            cause: 'bad-certificate',
            detail: 'The certificate of CN=intruder is signed by another authority.',
          },
        ]
      : [],
    limits: busy
      ? [
          { what: 'messages a second of a client', key: 'limits.message_rate', value: '50', reached: 1204 },
          { what: 'messages that wait for a client', key: 'mqtt.max_queued_messages', value: '100000', reached: 3 },
        ]
      : [],
    refusalCount: busy ? 3 : 0,
    testClients,
    alerts: busy
      ? { waiting: 2, newest: 3, text: 'A pump is away: pump-486. It is offline.' }
      : { waiting: 0, newest: 0, text: '' },
    findings: busy ? grave() : [],
  };
}

function timeline(after: number, newest: number): TimelineEntry[] {
  return Array.from({ length: Math.max(0, newest - after) }, (_, index) => {
    const seq = after + 1 + index;
    const base = { seq, at: started - (newest - seq) * 731, cut: false, retain: seq % 11 === 0, dup: false, size: 64 };
    if (seq === 1)
      return {
        ...base,
        kind: 'connection',
        text: 'Connected to 127.0.0.1:1883, session present',
        size: 0,
        retain: false,
      };
    if (seq === 2) return { ...base, kind: 'subscription', text: 'plant/# granted QoS 1', size: 0, retain: false };
    if (seq % 17 === 0)
      return { ...base, kind: 'published', topic: 'plant/line-1/valve-2/command', qos: 2, text: 'open' };
    if (seq % 17 === 1)
      return { ...base, kind: 'acknowledged', topic: 'plant/line-1/valve-2/command', qos: 2, text: 'PUBCOMP' };
    return {
      ...base,
      kind: 'received',
      topic: 'plant/line-1/pump-7/pressure',
      qos: 1,
      text: '{"value":4.21,"unit":"bar"}',
    };
  });
}

const fail = (code: string, message: string, hint?: string) => Promise.reject({ code, message, hint });

/* eslint-disable @typescript-eslint/no-explicit-any */
const streams = new Map<number, { timer: ReturnType<typeof setInterval>; args: any; send: () => void }>();
let made = 100;

function stream(args: any, every: number, frame: (args: any) => object): number {
  const id = ++made;
  let number = 0;
  const send = () => args.channel.onmessage({ frame: { ...frame(args), frame: ++number } });
  streams.set(id, { args, send, timer: setInterval(send, every) });
  setTimeout(send, 10);
  return id;
}

const commands: Record<string, (args: any) => unknown> = {
  ...recordingCommands,
  ...deviceCommands,
  ...keyCommands(() => commands.certificates?.({})),
  ...alertCommands,
  about: () => ({ version: '0.1.0', dataFolder: '/home/ada/.local/share/mqtt-workbench', captureBudget: 67_108_864 }),
  broker_start: ({ request }) => {
    if (STATE === 'port-in-use' && !request.freePorts)
      return fail('port-in-use', broker.failure?.message ?? '', broker.failure?.hint);
    broker.state = 'running';
    broker.since = Date.now();
    delete broker.failure;
    for (const each of broker.listeners) each.listening = true;
    return { ...broker };
  },
  broker_stop: () => {
    broker.state = 'stopped';
    for (const each of broker.listeners) each.listening = false;
    return { ...broker };
  },
  snippets: ({ request }) => [
    {
      tool: 'mosquitto_pub',
      text: `mosquitto_pub -h localhost -p 8883 \\\n  --cafile ca.crt --cert ${request.device ?? 'none'}.crt \\\n  --key ${request.device ?? 'none'}.key -q 1 \\\n  -t plant/line-1/pump-7/status -m online`,
      needs: 'apt install mosquitto-clients',
    },
    {
      tool: 'Python',
      text: 'import paho.mqtt.client as mqtt\n\nclient = mqtt.Client()\nclient.connect("localhost", 8883)',
      needs: 'pip install paho-mqtt',
    },
    { tool: 'JavaScript', text: 'import mqtt from "mqtt"', needs: 'npm install mqtt' },
    { tool: 'ESP32', text: '#include <WiFi.h>', needs: '' },
  ],
  broker_settings: () => configReport(),
  broker_settings_change: ({ request }) => {
    const was = settings.find((each) => each.key === request.key);
    if (was?.form === 'number' && request.value !== undefined && !/^\d+$/.test(request.value))
      return fail('invalid-input', `${request.key}: expected ${was.expected}, found ${request.value}.`);
    settings = settings.map((each) => {
      if (each !== was) return each;
      const rest = { ...each };
      delete rest.line;
      return request.value === undefined
        ? { ...rest, text: each.defaultText ?? '' }
        : { ...each, text: request.value, line: 12, runs: each.runs ?? each.text ?? '' };
    });
    return { report: configReport(), undo: 1 };
  },
  broker_listener_write: ({ request }) => {
    const { was, name, bind, protocol } = request;
    if (was === undefined && settings.some((each) => each.section === `listeners.${name}`))
      return fail('invalid-input', `There is a listener ${name} already.`);
    const others = settings.filter((each) => each.section !== `listeners.${was ?? name}`);
    const at = `listeners.${name}`;
    settings = [
      setting(`${at}.bind`, 'text', bind, 'Address and port to listen at.', { line: 3, absent: 'must be written' }),
      setting(`${at}.protocol`, 'word', protocol, 'How it speaks.', {
        line: 4,
        words: ['tcp', 'tls', 'ws', 'wss'],
        absent: 'must be written',
      }),
      ...others,
    ];
    return { report: { ...configReport(), restart: true }, undo: 1 };
  },
  broker_listener_remove: ({ name }) => {
    settings = settings.filter((each) => each.section !== `listeners.${name}`);
    return { report: { ...configReport(), restart: true }, undo: 1 };
  },
  broker_settings_undo: () => configReport(),
  broker_sessions: () => ({ items: keptSessions, total: keptSessions.length }),
  broker_session: ({ request }) => {
    const session = keptSessions.find((each) => each.clientId === request.clientId);
    if (!session) return fail('not-found', `There is no session of a client “${request.clientId}”.`);
    const busy = session.waiting > 0;
    return {
      session,
      subscriptions: ['plant/#', '$SYS/broker/load/+'].map((filter, index) => ({
        clientId: session.clientId,
        filter,
        qos: index + 1,
        noLocal: index === 1,
        retainAsPublished: false,
        retainHandling: 'on-subscribe',
      })),
      ...(busy ? { will: { message: message('plant/gateway-3/status', 'gone'), delay: 30 } } : {}),
      from: 0,
      queued: busy
        ? Array.from({ length: 100 }, (_, n) =>
            message('plant/line-1/pump-7/pressure', `{"value":${4 + n / 100}}`, n % 3 ? 1 : 2),
          )
        : [],
      queuedTotal: busy ? 140 : 0,
      queuedBytes: busy ? 41_203 : 0,
      inflight: busy
        ? [
            { packetId: 41, state: 'sent', dup: true, message: message('plant/line-1/pump-7/temperature', '23.4') },
            { packetId: 42, state: 'released', dup: false },
          ]
        : [],
      inflightTotal: busy ? 2 : 0,
      received: [],
      receivedTotal: 0,
      arriving: 0,
      ...(session.connected ? { keepAlive: { interval: 30, left: 31 } } : {}),
      takeOvers: session.foughtOver
        ? Array.from({ length: 5 }, (_, n) => ({
            at: Date.now() - n * 2_100,
            from: { listener: 'tls', peer: n % 2 ? '127.0.0.1:51234' : '192.168.7.20:40112', commonName: 'pump-7' },
            by: { listener: 'tls', peer: n % 2 ? '192.168.7.20:40112' : '127.0.0.1:51234', commonName: 'pump-7' },
          }))
        : [],
    };
  },
  broker_disconnect: () => null,
  broker_drop_queue: () => ({ dropped: 140, undo: 1 }),
  broker_restore_queue: () => 140,
  broker_end_session: ({ client }) => {
    keptSessions = keptSessions.filter((each) => each.clientId !== client);
    return null;
  },
  broker_retained: ({ filter }) => {
    const items = keptRetained.filter(
      ({ message }) => filter === '#' || message.topic.startsWith(filter.replace(/#$/, '')),
    );
    return { items, total: items.length };
  },
  broker_clear_retained: ({ filter }) => {
    cleared = keptRetained.filter(
      ({ message }) => filter === '#' || message.topic.startsWith(filter.replace(/#$/, '')),
    );
    keptRetained = keptRetained.filter((each) => !cleared.includes(each));
    return { cleared: cleared.length, undo: 1 };
  },
  broker_restore_retained: () => {
    keptRetained = [...cleared, ...keptRetained];
    return { restored: cleared.length, newer: [], expired: [], noRoom: [] };
  },
  access: () => ({
    anonymous: true,
    methods: ['accounts', 'jwt'],
    tokens: fakeTokens,
    accounts: fakeAccounts,
    rulesText: fakeRules,
    mistakes: [],
    rules: [],
    rulesFile: '/home/ada/MQTT Workbench/acl.toml',
    accountsFile: '/home/ada/MQTT Workbench/accounts.toml',
  }),
  access_check: ({ text }) => ({
    rules: text.split('[[rule]]').length - 1,
    mistakes: text.includes('wrong')
      ? [{ line: 3, what: 'allow: expected "publish", "subscribe" or "both", found "wrong"' }]
      : [],
  }),
  access_save: ({ text }) => {
    fakeRules = text;
    return { rules: text.split('[[rule]]').length - 1, accounts: fakeAccounts.length, taken: [], running: true };
  },
  access_what_if: ({ ask }) =>
    ask.topic.startsWith('devices/')
      ? { allowed: true, why: 'rule "devices keep their own branch" at line 3 (allow both)', line: 3 }
      : { allowed: false, why: 'no access rule allows it' },
  access_who_can: () => [
    {
      who: 'ann',
      kind: 'account',
      publish: { allowed: false, why: 'no access rule allows it' },
      subscribe: { allowed: true, why: 'rule "operators see everything" at line 8 (allow subscribe)', line: 8 },
    },
    {
      who: 'who proves nothing',
      kind: 'anybody',
      publish: { allowed: false, why: 'no access rule allows it' },
      subscribe: { allowed: false, why: 'no access rule allows it' },
    },
  ],
  ...learnCommands,
  access_token_check: ({ ask }) => fakeTokenVerdict(ask.token),
  access_denials: () => ({ entries: fakeDenials, total: fakeDenials.length * 3, forgotten: 0 }),
  access_denials_clear: () => {
    fakeDenials = [];
    return null;
  },
  access_propose: () => ({
    text: `${fakeRules}\n[[rule]]\nallow = "publish"\ntopic = "plant/valve/open"\naccounts = ["bob"]\n`,
    rule: '',
    line: 12,
  }),
  ...findingCommands,
  account_put: ({ request }) => {
    fakeAccounts = [
      ...fakeAccounts.filter((each) => each.name !== request.name),
      { name: request.name, groups: request.groups ?? [], hash: 'Argon2id', strong: true },
    ];
    return { rules: 2, accounts: fakeAccounts.length, taken: [], running: true };
  },
  account_remove: ({ name }) => {
    fakeAccounts = fakeAccounts.filter((each) => each.name !== name);
    return { rules: 2, accounts: fakeAccounts.length, taken: [], running: true };
  },
  certificates: () => ({
    authority: certificate('authority', 'MQTT Workbench authority 4fa01c22', 3650),
    issuing: certificate('authority', 'Issuing, MQTT Workbench authority 4fa01c22', 3650),
    rootLocked: false,
    keys,
    serverNames: [],
    revocations,
    server: certificate('server', 'localhost', 825),
    devices,
    exportFolder: '/home/ada/MQTT Workbench',
  }),
  device_issue: ({ request }) => {
    const issued = certificate('device', request.name, request.days);
    devices.push(issued);
    return issued;
  },
  device_renew: ({ request }) => certificate('device', request.name, request.days),
  device_revoke: ({ request }) => ({ name: request.name, serials: ['4b:91'], connections: 1, list: revocations }),
  device_bundle: ({ request }) => ({
    path: `/home/ada/MQTT Workbench/${request.name}-${request.format}`,
    files: ['ca.crt', `${request.name}.crt`, `${request.name}.key`, 'connect.py'],
    command: 'python3 connect.py',
  }),
  device_batch: () => ({ total: 3, issued: 1, running: false, cancelled: false, failed: [], folder: '/home/ada' }),
  device_batch_progress: () => ({ total: 0, issued: 0, running: false, cancelled: false, failed: [], folder: '' }),
  device_batch_cancel: () => ({ total: 3, issued: 1, running: false, cancelled: true, failed: [], folder: '' }),
  revocations_sign: () => revocations,
  server_renew: () => certificate('server', 'localhost', 825),
  authority_create: () => '/home/ada/MQTT Workbench/pki/replaced-1',
  authority_import: () => '/home/ada/MQTT Workbench/pki/replaced-1',
  authority_export: () => ({ folder: '/home/ada/MQTT Workbench/authority', files: ['ca.crt', 'ca.der', 'ca.crl'] }),
  certificate_inspect: () => ({
    form: 'PEM',
    certificates: [certificate('server', 'broker.example', 20)],
    keys: ['the private key of CN=broker.example'],
    requests: [],
    lists: [],
    unreadable: [],
    faults: [
      {
        severity: 'refused',
        code: 'host-name',
        message: 'It is not for DNS:elsewhere.example, but for DNS:localhost, IP:127.0.0.1.',
        hint: 'Connect to one of these names, or issue it with that name too.',
      },
      {
        severity: 'warning',
        code: 'expires-soon',
        message: 'CN=broker.example expires within 30 days.',
        hint: 'Renew it before.',
      },
    ],
  }),
  device_export: ({ request }) => ({
    name: request.name,
    folder: `/home/ada/MQTT Workbench/${request.name}`,
    files: ['ca.crt', `${request.name}.crt`, `${request.name}.key`, 'README.md'],
    command: `mosquitto_pub -h localhost -p 8883 --cafile ca.crt --cert ${request.name}.crt --key ${request.name}.key -t test -m hello`,
  }),
  client_create: ({ config }) => {
    const client = testClient(++made, config, 'disconnected');
    testClients = [...testClients, client];
    return client;
  },
  client_update: ({ id, config }) => {
    testClients = testClients.map((each) => (each.id === id ? { ...each, config } : each));
    return testClients.find((each) => each.id === id);
  },
  client_remove: ({ id }) => {
    const removed = testClients.find((each) => each.id === id);
    testClients = testClients.filter((each) => each.id !== id);
    return removed?.config;
  },
  client_connect: ({ id }) => {
    testClients = testClients.map((each) => (each.id === id ? testClient(id, each.config, 'connected') : each));
  },
  client_disconnect: ({ id }) => {
    testClients = testClients.map((each) => (each.id === id ? testClient(id, each.config, 'disconnected') : each));
  },
  client_subscribe: () => undefined,
  client_unsubscribe: () => undefined,
  client_restore: () => fail('not-found', 'There is no such test client.'),
  client_run: ({ id }) => testClients.find((each) => each.id === id),
  client_run_stop: ({ id }) => testClients.find((each) => each.id === id),
  client_request: () => ({
    topic: 'reply/client-1/9f3a',
    payload: '{"ok": true, "at": "2026-01-01T10:00:00.000Z"}',
    cut: false,
    size: 44,
    micros: 1840,
    correlationData: '0x91ab33f0',
    properties: { user: [] },
  }),
  clients_export: () => '/home/ada/Downloads/mqtt-workbench-clients.json',
  clients_import: () => fail('invalid-input', 'This JSON is no export of clients that is known here.'),
  saved_messages: () => [],
  saved_message_keep: ({ saved }) => [saved],
  saved_message_forget: () => [],
  topics_like: () => ['plant/pump-7/temperature', 'plant/valve-2/state'],
  client_publish: () => fail('invalid-input', 'The payload is not JSON: expected a value at line 1, column 1.'),
  client_timeline: ({ id, after }) => timeline(after, testClients.find((each) => each.id === id)?.newest ?? 0),
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
  faults: () => faultRules.map((rule) => ({ rule, seen: 14, struck: 1 })),
  faults_set: ({ rules }) => {
    faultRules = rules;
    return faultRules.map((rule) => ({ rule, seen: 14, struck: 1 }));
  },
  traffic_clear: () => null,
  messages_open: () => 1,
  messages_filter: () => null,
  messages_close: () => null,
  message_rows: ({ start, count }) => ({ start, rows: fakeMessages(seen).slice(start, start + count) }),
  messages_stream: (args) =>
    stream(args, 100, (current) => {
      const all = fakeMessages(seen);
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
      : fakeStory(started, trafficRow),
  flow_save: ({ name }) => `/home/ada/.local/share/mqtt-workbench/exports/flow-${name}.svg`,
  topics_open: () => 1,
  topics_filter: ({ text }) => fakeTopics.filter(text),
  topics_branch: ({ node, open }) => fakeTopics.set(node, open),
  topics_open_all: () => fakeTopics.openAll(),
  topics_seek: ({ from, text }) => fakeTopics.seek(from, text),
  topics_close: () => null,
  topics_stream: (args) => stream(args, 200, (current) => fakeTopics.frame(current.look, quiet || STATE !== 'running')),
  topics_look: ({ stream, look }) => {
    const open = streams.get(stream);
    if (!open) return;
    open.args.look = look;
    open.send();
  },
  topic: ({ topic }) => fakeTopics.detail(topic, started),
  charts: () => ({ dashboards: [...dashboards], charts: [...charts] }),
  chart_create: ({ chart }) => {
    const id = ++made;
    const cell = chart.cell.w ? chart.cell : { x: (id % 2) * 6, y: 70, w: 6, h: 7 };
    const created = { ...chart, id, cell, dashboard: chart.dashboard || 1 };
    charts = [...charts, created];
    return created;
  },
  chart_remove: ({ id }) => {
    const removed = charts.find((each) => each.id === id);
    charts = charts.filter((each) => each.id !== id);
    return removed;
  },
  chart_update: ({ chart }) => {
    charts = charts.map((each) => (each.id === chart.id ? chart : each));
    return chart;
  },
  charts_arrange: ({ cells }) => {
    charts = charts.map((each) => ({ ...each, cell: cells[each.id] ?? each.cell }));
    return null;
  },
  chart_reading: ({ view, at }) => ({
    at,
    values: picture(view).series.map(({ name, color, last }) => ({ name, color, at: at - 140, value: last })),
  }),
  chart_spot: () => ({
    number: 3,
    left: 120,
    top: 10,
    width: 40,
    height: 120,
    says: { kind: 'class', low: 4, high: 4.5, counts: [], count: 42, upTo: 130, total: 600 },
  }),
  chart_export: ({ format }) => ({ path: `/home/ada/Downloads/Pressure.${format}`, size: 20_480 }),
  dashboard_create: ({ title }) => {
    const board = { id: ++made, title };
    dashboards = [...dashboards, board];
    return board;
  },
  dashboard_rename: ({ id, title }) => {
    dashboards = dashboards.map((each) => (each.id === id ? { id, title } : each));
    return { id, title };
  },
  dashboard_remove: ({ id }) => {
    const board = dashboards.find((each) => each.id === id);
    dashboards = dashboards.filter((each) => each.id !== id);
    return { mqttwbDashboard: 1, title: board?.title ?? '', charts: charts.filter((each) => each.dashboard === id) };
  },
  dashboard_export: () => ({ path: '/home/ada/Downloads/Dashboard.json', size: 2048 }),
  dashboard_import: ({ text }) => {
    const board = { id: ++made, title: String(JSON.parse(text).title) };
    dashboards = [...dashboards, board];
    return board;
  },
  dashboard_report: () => ({ path: '/home/ada/Downloads/Dashboard.html', size: 20_480 }),
  live_stream: (args) =>
    STATE === 'broken'
      ? fail(
          'file',
          'The data folder /home/ada/.local/share/mqtt-workbench can’t be written.',
          'Start with --data and a folder that you may write to.',
        )
      : stream(args, 250, liveFrame),
  traffic_stream: (args) => stream(args, 100, (current) => trafficFrame(current.tail)),
  traffic_tail: ({ stream, rows }) => {
    const open = streams.get(stream);
    if (open) open.args.tail = rows;
  },
  charts_stream: (args) =>
    stream(args, 100, ({ views }) => ({
      pictures: Object.entries<ChartView>(views).map(([key, view]) => ({ key: Number(key), drawn: picture(view) })),
    })),
  charts_views: ({ stream, views }) => {
    const open = streams.get(stream);
    if (open) open.args.views = views;
  },
  stream_acknowledge: () => null,
  stream_close: ({ stream }) => {
    clearInterval(streams.get(stream)?.timer);
    streams.delete(stream);
  },
};

export async function invoke<T>(command: string, args: Record<string, unknown> = {}): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 15));
  const answer = commands[command];
  if (!answer) throw { code: 'internal', message: `The fake has no ${command}.` };
  return (await answer(args)) as T;
}
