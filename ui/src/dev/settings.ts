// The broker's settings of the fake, as the Settings page reads and writes them.
import type { ConfigReport, Setting } from '../lib/backend/api';

import { fail, quiet, type Commands } from './page';

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

export const settingCommands: Commands = {
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
};
