// What a device may be called. The workbench decides; saying it while a person types saves a round trip.

import type { BundleFormat, KeyType, RevocationReason } from '$lib/backend';

export const MOST_DAYS = 3650;

/** CRLReason (RFC 5280) in words. */
export const REASONS: Record<RevocationReason, string> = {
  unspecified: 'No reason given',
  'key-compromise': 'Somebody else may have the key',
  'affiliation-changed': 'It belongs to somebody else now',
  superseded: 'It has another certificate',
  'cessation-of-operation': 'It is out of use',
  'privilege-withdrawn': 'It may not connect any more',
};

export const KEYS: readonly { value: KeyType; label: string; note?: string }[] = [
  { value: 'ecdsa-p256', label: 'ECDSA P-256', note: 'for all devices' },
  { value: 'rsa-2048', label: 'RSA 2048', note: 'for old ones' },
  { value: 'ed25519', label: 'Ed25519', note: 'not for mbed TLS' },
];

/** What a device, or another broker, can be set up from. */
export const FORMATS: readonly { value: BundleFormat; label: string; note?: string }[] = [
  { value: 'pem', label: 'PEM files', note: 'mosquitto_pub, most tools' },
  { value: 'pkcs12', label: 'PKCS #12', note: 'Windows, Java' },
  { value: 'python', label: 'Python', note: 'paho-mqtt' },
  { value: 'node-js', label: 'Node.js', note: 'MQTT.js' },
  { value: 'arduino', label: 'ESP32, Arduino', note: 'PubSubClient' },
  { value: 'esp-idf', label: 'ESP-IDF', note: 'esp-mqtt' },
  { value: 'micro-python', label: 'MicroPython', note: 'umqtt.simple' },
  { value: 'mosquitto-broker', label: 'mosquitto broker', note: 'trusts this authority' },
  { value: 'emqx', label: 'EMQX broker', note: 'trusts this authority' },
  { value: 'rmqtt', label: 'RMQTT broker', note: 'trusts this authority' },
];

/** Why a name can't be used; nothing if it can. */
export function nameFault(name: string, taken: readonly string[]): string | undefined {
  if (name === '') return 'A device needs a name.';
  if (name.length > 64) return 'At most 64 characters.';
  const wrong = /[^A-Za-z0-9._-]/u.exec(name)?.[0];
  if (wrong !== undefined)
    return `${wrong.trim() === '' ? 'A space' : `“${wrong}”`} can’t be part of it: letters, digits and . _ - can.`;
  if (taken.includes(name)) return `There is a certificate for ${name} already.`;
  return undefined;
}
