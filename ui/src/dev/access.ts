// Tokens of the fake, and rules that are learned from what clients do.
import type { LearnReport, TokenReport, TokenVerdict } from '../lib/backend/api';

const NOW = Date.now();

export const fakeTokens: TokenReport = {
  method: 'OAUTH2-JWT',
  sources: ['https://id.plant.example/.well-known/jwks.json'],
  read: true,
  keys: ['RS256, key "2026-10"', 'ES256, key "2026-11"'],
  leftOut: ['key "old": it is for another algorithm than RS256'],
  fetched: NOW - 240_000,
  issuer: 'https://id.plant.example',
  audience: 'broker',
  userClaim: 'sub',
};

export function fakeTokenVerdict(token: string): TokenVerdict {
  return token.startsWith('eyJ')
    ? {
        taken: true,
        why: 'it is good, and proves user pump-7',
        user: 'pump-7',
        groups: ['pumps'],
        claims: { site: 'oslo', sub: 'pump-7' },
        expires: NOW + 3_600_000,
      }
    : { taken: false, why: 'the token is malformed: it has no header that is JSON', groups: [], claims: {} };
}

let learned: LearnReport = fresh();

function fresh(): LearnReport {
  return {
    seen: 0,
    forgotten: 0,
    rules: [],
    allowed: 0,
    denied: [],
    moreDenied: 0,
    unsayable: [],
    moreUnsayable: 0,
    widened: 0,
    isFirst: false,
  };
}

function seen(): LearnReport {
  const rule = (name: string, action: string, topics: string[], list: string, subjects: string) => ({
    name,
    text: `[[rule]]\nname = "${name}"\nallow = "${action}"\ntopics = ["${topics.join('", "')}"]\n${list}\nmax_qos = 1\n`,
    action,
    topics,
    subjects,
  });
  return {
    ...fresh(),
    seen: 14,
    allowed: 6,
    widened: 1,
    denied: ['bob publish plant/valve/open: rule "secrets" at line 12 (deny both)'],
    rules: [
      rule('learned: subscribe of desk', 'subscribe', ['plant/#'], 'accounts = ["desk"]', 'account desk'),
      rule(
        'learned: publish of pump-1 and 1 more',
        'publish',
        ['devices/{cn}/state', 'meters/+/power'],
        'certificates = ["pump-1", "pump-2"]',
        'certificate pump-1, pump-2',
      ),
    ],
  };
}

export const learnCommands = {
  access_learn: () => learned,
  access_learn_start: () => (learned = { ...seen(), since: Date.now() }),
  access_learn_stop: () => (learned = { ...learned, until: Date.now() }),
  access_learn_accept: () => {
    learned = { ...learned, rules: [] };
    return { rules: 4, accounts: 2, taken: [], running: true };
  },
  access_learn_forget: () => {
    learned = fresh();
    return null;
  },
  access_translate: () => ({
    text: '# mosquitto takes every subscription and leaves out what may not be read\n\n[[rule]]\nallow = "both"\ntopic = "plant/#"\naccounts = ["ann"]\n',
    notes: ['mosquitto takes every subscription and leaves out what may not be read'],
  }),
  access_export: () => ({
    text: 'pattern readwrite devices/%c/#\n',
    notes: ['rule "own": max_qos can\'t be said; it allows more there'],
  }),
};
