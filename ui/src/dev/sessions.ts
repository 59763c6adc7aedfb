// What the broker of the fake keeps: sessions and retained messages.
import type { MessageEntry, RetainedEntry, SessionEntry } from '../lib/backend/api';

import { fail, quiet, started, type Commands } from './page';

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
      proofs: index === 1 ? [{ by: 'token', name: 'ops' }] : [{ by: 'certificate', name: clientId }],
      takenOver: index === 2 ? 14 : 0,
      foughtOver: index === 2,
    }));

let keptRetained: RetainedEntry[] = quiet
  ? []
  : [
      'plant/line-1/pump-7/status',
      'plant/line-1/valve-2/status',
      'building-A/floor-3/name',
      'plant/line-1/pump-8/status',
    ].map((topic, index) => ({
      message: { ...message(topic, index ? '{"state":"online","since":"14:02"}' : 'online'), retain: true },
      publisher: index === 2 ? '' : (topic.split('/')[2] ?? ''),
      will: index === 1,
      ...(index === 3
        ? { stale: 'Its publisher pump-8 is away for 3 h 20 min, and no will of it has taken this place.' }
        : {}),
    }));
let cleared: RetainedEntry[] = [];

export const sessionCommands: Commands = {
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
};
