// Alerts of the fake, and the rules that raise them.
import type { Alert, AlertRule, AlertsState } from '../lib/backend/api';

import { quiet, started, type Commands } from './page';

let rules: AlertRule[] = quiet
  ? []
  : [
      {
        id: 1,
        name: 'Pressure too high',
        source: { kind: 'payload', filter: 'plant/+/data', path: 'bar' },
        condition: { kind: 'above', limit: 4.5, holdSecs: 10 },
        enabled: true,
        notify: true,
        publish: { topic: 'alerts/pressure', retain: true },
      },
      {
        id: 2,
        name: 'A pump is away',
        source: { kind: 'device', name: 'pump-*' },
        condition: { kind: 'state', state: 'offline', holdSecs: 0 },
        enabled: true,
        notify: false,
      },
      {
        id: 3,
        name: 'Motor is unusual',
        source: { kind: 'payload', filter: 'plant/+/motor', path: 'rpm' },
        condition: { kind: 'unusual', score: 6 },
        enabled: false,
        notify: false,
      },
    ];

const values = (base: number, step: number) =>
  Array.from({ length: 40 }, (_, index) => ({
    at: started - (40 - index) * 1_000 - 61_000,
    text: (base + Math.sin(index / 4) * 0.1 + (index > 28 ? (index - 28) * step : 0)).toFixed(2),
  }));

let alerts: Alert[] = quiet
  ? []
  : [
      {
        id: 3,
        rule: 2,
        name: 'A pump is away',
        thing: 'pump-486',
        source: { kind: 'device', name: 'pump-*' },
        at: started - 9_000,
        why: 'It is offline.',
        data: [
          { at: started - 900_000, text: 'online' },
          { at: started - 9_000, text: 'offline' },
        ],
        interrupted: false,
        lasting: true,
        notify: false,
        acknowledged: false,
      },
      {
        id: 2,
        rule: 1,
        name: 'Pressure too high',
        thing: 'plant/pump-7/data',
        source: { kind: 'payload', filter: 'plant/+/data', path: 'bar' },
        at: started - 61_000,
        why: '4.83 is above 4.5 for 10 s.',
        data: values(4.1, 0.07),
        interrupted: false,
        lasting: true,
        notify: false,
        acknowledged: false,
      },
      {
        id: 1,
        rule: 1,
        name: 'Pressure too high',
        thing: 'plant/valve-2/data',
        source: { kind: 'payload', filter: 'plant/+/data', path: 'bar' },
        at: started - 3_900_000,
        over: started - 3_700_000,
        why: '4.61 is above 4.5 for 10 s.',
        data: values(4.2, 0.05),
        interrupted: false,
        lasting: true,
        notify: false,
        acknowledged: true,
        problem: 'The alert was not published: the broker does not run.',
      },
    ];

function state(): AlertsState {
  return {
    rules: rules.map((rule) => ({
      rule,
      watched: rule.enabled ? 12 : 0,
      raised: alerts.filter((alert) => alert.rule === rule.id && alert.over === undefined).length,
      leftOut: 0,
      heldBack: 0,
    })),
    alerts,
    kept: alerts.length,
    forgotten: 0,
    missed: 0,
  };
}

export const alertCommands: Commands = {
  alerts: () => state(),
  alert_rule_set: ({ rule }) => {
    const set = { ...rule, id: rule.id || rules.length + 1 };
    rules = [...rules.filter((each) => each.id !== set.id), set].sort((a, b) => a.id - b.id);
    return set;
  },
  alert_rule_remove: ({ id }) => {
    const removed = rules.find((each) => each.id === id);
    rules = rules.filter((each) => each.id !== id);
    return removed;
  },
  alerts_acknowledge: ({ ids }) => {
    alerts = alerts.map((each) => (ids.length === 0 || ids.includes(each.id) ? { ...each, acknowledged: true } : each));
    return null;
  },
};
