// The broker of the fake: its state, and how it is started and reached.
import type { BrokerStatus } from '../lib/backend/api';

import { STATE, fail, quiet, running, started, type Commands } from './page';

export const broker: BrokerStatus = {
  state: running ? 'running' : 'stopped',
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
    listening: running,
  };
}

export const brokerCommands: Commands = {
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
};
