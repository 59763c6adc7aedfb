// Who may do what at the broker of the fake: accounts, rules, and what was denied.
import type { Account, Denial } from '../lib/backend/api';

import { fakeTokens, fakeTokenVerdict } from './access';
import { quiet, type Commands } from './page';

let accounts: Account[] = quiet
  ? []
  : [
      { name: 'ann', groups: ['operators'], hash: 'Argon2id', strong: true },
      { name: 'bob', groups: [], hash: 'PBKDF2', strong: false },
    ];
let rules = quiet
  ? ''
  : `# The first rule that matches decides. What no rule allows is denied.

[[rule]]
name = "devices keep their own branch"
allow = "both"
topic = "devices/{client}/#"

[[rule]]
name = "operators see everything"
allow = "subscribe"
topic = "#"
groups = ["operators"]
`;
let denials: Denial[] = quiet
  ? []
  : (['publish', 'subscribe', 'connect'] as const).map((action, at) => ({
      id: at + 1,
      clientId: ['press-2', 'dashboard', 'auto-7f3k2'][at] ?? '',
      ...(action === 'connect' ? { account: 'admin' } : {}),
      peer: `192.168.1.${40 + at}:51544`,
      listener: 'tcp',
      action,
      topic: ['plant/valve/open', '#', ''][at] ?? '',
      qos: 1,
      retain: false,
      why: action === 'connect' ? 'there is no such account' : 'no access rule allows it',
      first: Date.now() - 60_000,
      last: Date.now() - at * 9_000,
      count: [3, 1, 14][at] ?? 1,
    }));

export const ruleCommands: Commands = {
  access: () => ({
    anonymous: true,
    methods: ['accounts', 'jwt'],
    methodsNext: ['accounts', 'jwt'],
    tokens: fakeTokens,
    accounts,
    rulesText: rules,
    mistakes: [],
    rules: [],
    rulesFile: '/home/ada/MQTT Workbench/acl.toml',
    accountsFile: '/home/ada/MQTT Workbench/accounts.toml',
  }),
  access_check: ({ text }) => ({
    rules: text.split('[[rule]]').length - 1,
    mistakes: text.includes('wrong')
      ? [{ line: 3, what: 'allow: expected "publish", "subscribe" or "both", found "wrong"' }]
      : [],
  }),
  access_save: ({ text }) => {
    rules = text;
    return { rules: text.split('[[rule]]').length - 1, accounts: accounts.length, taken: [], running: true };
  },
  access_what_if: ({ ask }) =>
    ask.topic.startsWith('devices/')
      ? { allowed: true, why: 'rule "devices keep their own branch" at line 3 (allow both)', line: 3 }
      : { allowed: false, why: 'no access rule allows it' },
  access_who_can: () => [
    {
      who: 'ann',
      kind: 'account',
      publish: { allowed: false, why: 'no access rule allows it' },
      subscribe: { allowed: true, why: 'rule "operators see everything" at line 8 (allow subscribe)', line: 8 },
    },
    {
      who: 'who proves nothing',
      kind: 'anybody',
      publish: { allowed: false, why: 'no access rule allows it' },
      subscribe: { allowed: false, why: 'no access rule allows it' },
    },
  ],
  access_token_check: ({ ask }) => fakeTokenVerdict(ask.token),
  access_denials: () => ({ entries: denials, total: denials.length * 3, forgotten: 0 }),
  access_denials_clear: () => {
    denials = [];
    return null;
  },
  access_propose: () => ({
    text: `${rules}\n[[rule]]\nallow = "publish"\ntopic = "plant/valve/open"\naccounts = ["bob"]\n`,
    rule: '',
    line: 12,
  }),
  account_put: ({ request }) => {
    accounts = [
      ...accounts.filter((each) => each.name !== request.name),
      { name: request.name, groups: request.groups ?? [], hash: 'Argon2id', strong: true },
    ];
    return { rules: 2, accounts: accounts.length, taken: [], running: true };
  },
  account_remove: ({ name }) => {
    accounts = accounts.filter((each) => each.name !== name);
    return { rules: 2, accounts: accounts.length, taken: [], running: true };
  },
};
