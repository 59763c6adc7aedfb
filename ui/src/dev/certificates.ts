// The authority of the fake, and the certificates that it has issued.
import type { Certificate } from '../lib/backend/api';

import { keyCommands, keys } from './keys';
import { quiet, started, type Commands } from './page';

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

const certificates = () => ({
  authority: certificate('authority', 'MQTT Workbench authority 4fa01c22', 3650),
  issuing: certificate('authority', 'Issuing, MQTT Workbench authority 4fa01c22', 3650),
  rootLocked: false,
  keys,
  serverNames: [],
  revocations,
  server: certificate('server', 'localhost', 825),
  devices,
  exportFolder: '/home/ada/MQTT Workbench',
});

export const certificateCommands: Commands = {
  ...keyCommands(certificates),
  certificates,
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
};
