// Test clients of the fake: who they are, and what came to each.
import type { ClientConfig, TestClient, TimelineEntry } from '../lib/backend/api';

import { fail, newId, quiet, started, type Commands } from './page';

export let testClients: TestClient[] = quiet
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

export const clientCommands: Commands = {
  client_create: ({ config }) => {
    const client = testClient(newId(), config, 'disconnected');
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
};
