// The device board of the fake.
import type { DeviceRow, DeviceRules, DevicesFrame, DevicesLook } from '../lib/backend/api';

import { quiet, started, type Commands } from './page';

const many = quiet ? 0 : 3_000;

let rules: DeviceRules = {
  sessions: true,
  presence: [
    {
      topics: ['{device}/status', '+/{device}/status', '+/+/{device}/status', '+/{device}/LWT'],
      path: '',
      online: ['online', 'connected', '1'],
      offline: ['offline', 'disconnected', '0'],
    },
  ],
  columns: [
    { label: 'Pressure', topic: 'plant/{device}/data', path: 'bar', unit: 'bar' },
    { label: 'Mode', topic: 'plant/{device}/mode', path: '', unit: '' },
  ],
};

const kinds = ['pump', 'valve', 'press', 'gateway', 'sensor'];
const names = Array.from({ length: many }, (_, index) => `${kinds[index % kinds.length] ?? 'pump'}-${index + 1}`);

function row(name: string, index: number): DeviceRow {
  const now = Date.now();
  const dead = index % 37 === 4;
  const unknown = index % 53 === 9;
  const behind = index % 11 === 6;
  const own = !behind && !unknown;
  const wave = Array.from({ length: 60 }, (_, at) =>
    Math.max(0, Math.round(4 + 3 * Math.sin((at + index * 7 + now / 1000) / 5) + ((at * index) % 3))),
  );
  return {
    name,
    state: dead ? 'offline' : unknown ? 'unknown' : 'online',
    why: dead
      ? `Its will says “offline” on plant/${name}/status.`
      : unknown
        ? `It said “online” on plant/${name}/status, and gateway-4, which speaks for it, is not connected any more.`
        : 'Its client is connected.',
    since: started - (index % 90) * 61_000 - 4_000,
    lastSeen: dead ? started - 190_000 : now - (index % 9) * 900,
    connected: own && !dead,
    ...(own
      ? {
          clientId: index % 7 === 2 ? `mqttjs_${(index * 7919).toString(16)}` : name,
          version: index % 3 ? ('5' as const) : ('3.1.1' as const),
          peer: `10.0.${index % 20}.${index % 250}:${50_000 + (index % 9_000)}`,
          listener: index % 2 ? 'tls' : 'tcp',
        }
      : { via: 'gateway-4' }),
    ...(own && index % 2 ? { commonName: name, certificateEnds: started + ((index % 60) - 1) * 6 * 86_400_000 } : {}),
    ...(own && index % 6 === 2 ? { user: 'operators' } : {}),
    rateIn: own && !dead ? 2 + (index % 5) * 1.3 : 0,
    rateOut: own && !dead ? (index % 3) * 0.4 : 0,
    line: own ? (dead ? wave.map((value, at) => (at < 20 ? value : 0)) : wave) : [],
    waiting: index % 41 === 0 ? 12 : 0,
    ...(index % 29 === 4
      ? { stale: `Its publisher ${name} is away for 3 min, and no will of it has taken this place.` }
      : {}),
    topic: `plant/${name}/status`,
    values: rules.columns.map((column, at) =>
      (index + at) % 5
        ? {
            text: at ? 'automatic' : (3.8 + (index % 17) / 10).toFixed(1),
            at: now - (index % 9) * 900,
            topic: column.topic.replace('{device}', name),
          }
        : null,
    ),
  };
}

function look(look: DevicesLook): DevicesFrame {
  const rows = names.map(row);
  const rank = { offline: 0, unknown: 1, online: 2 };
  const text = look.text.toLowerCase();
  const fits = rows.filter(
    (each) =>
      (look.state === undefined || each.state === look.state) &&
      (!look.stale || each.stale !== undefined) &&
      (each.name.includes(text) || (each.clientId ?? '').includes(text)),
  );
  const key = (each: DeviceRow): number => {
    if (look.order === 'state') return rank[each.state];
    if (look.order === 'rate') return each.rateIn + each.rateOut;
    if (look.order === 'last-seen') return each.lastSeen ?? 0;
    return each.certificateEnds ?? Number.MAX_VALUE;
  };
  if (look.order !== 'name') fits.sort((a, b) => key(a) - key(b));
  if (look.descending) fits.reverse();
  return {
    total: rows.length,
    online: rows.filter((each) => each.state === 'online').length,
    offline: rows.filter((each) => each.state === 'offline').length,
    stale: rows.filter((each) => each.stale !== undefined).length,
    matching: fits.length,
    from: look.from,
    rows: fits.slice(look.from, look.from + look.count),
    columns: rules.columns,
    leftOut: 0,
    missed: 0,
    running: true,
  };
}

export const deviceCommands: Commands = {
  devices: ({ look: wanted }) => look(wanted),
  device_rules: () => rules,
  device_rules_set: ({ rules: wanted }) => (rules = wanted),
};
