// What the fake tells every page a few times a second, of all domains at once.
import type { LiveFrame } from '../lib/backend/api';

import { broker } from './broker';
import { testClients } from './clients';
import { faultRules } from './faults';
import { grave } from './findings';
import { STATE, fail, quiet, started, stream, type Commands } from './page';

const wave = (offset: number) => 900 + 300 * Math.sin(offset / 7) + 120 * Math.sin(offset / 2.3);

function liveFrame(): LiveFrame {
  const busy = broker.state === 'running' && !quiet;
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
          proofs: index % 2 ? [] : [{ by: 'certificate', name: clientId }],
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

export const liveCommands: Commands = {
  live_stream: (args) =>
    STATE === 'broken'
      ? fail(
          'file',
          'The data folder /home/ada/.local/share/mqtt-workbench can’t be written.',
          'Start with --data and a folder that you may write to.',
        )
      : stream(args, 250, liveFrame),
};
