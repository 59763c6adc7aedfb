// What the fake finds of its broker, and mends when it is asked to.
import type { Finding } from '../lib/backend/api';

let findings: Finding[] = [
  {
    severity: 'serious',
    title: 'Listener tcp lets anyone in your network in',
    detail:
      'It listens at 0.0.0.0:1883 and asks for no certificate. Bind it to 127.0.0.1, make it tls with client_cert = "required", or set access.anonymous = false in broker.toml and make accounts.',
    evidence: ['2 clients connected now have proved nothing: desk, pump-7.'],
    fixes: [
      {
        label: 'Bind it to this computer',
        effect: 'From the next start no other computer reaches this listener.',
        act: { kind: 'set', key: 'listeners.tcp.bind', value: '127.0.0.1:1883' },
      },
      {
        label: 'Ask for proof',
        effect:
          'From the next start a client without an account, a token or a certificate is refused, at every listener.',
        act: { kind: 'set', key: 'access.anonymous', value: 'false' },
      },
    ],
  },
  {
    severity: 'warning',
    title: 'Everybody is allowed everything, by the rule "operators see everything" at line 8 (allow subscribe)',
    detail:
      'One stolen or faulty device can read all and command all others. Name the branch that a client needs, as devices/{client}/#, or bind the rule to accounts or groups.',
    evidence: ['1 client reads every topic now: logger.'],
    fixes: [
      {
        label: 'Take the rule out',
        effect:
          'Clients that pass by this rule alone are denied from then on, and their subscriptions are taken away. It can be taken back.',
        act: { kind: 'removeRule', line: 8 },
      },
      { label: 'Show the rule', act: { kind: 'show', page: 'access', part: 'rules:8' } },
    ],
  },
  {
    severity: 'warning',
    title: 'The certificate of valve-2 ends in 6 days',
    detail: 'Whoever shows it is refused outside its time. Issue another, or set the clock.',
    evidence: ['Connected by it now: valve-2.'],
    fixes: [
      {
        label: 'Renew',
        effect:
          'A new certificate is made, for a year. The device must be given its new files; the old certificate stays good until it ends.',
        act: { kind: 'renew', name: 'valve-2', days: 365 },
        command: 'mqttwb cert renew valve-2',
      },
      { label: 'Look at it', act: { kind: 'show', page: 'certificates', part: 'valve-2' } },
    ],
  },
  {
    severity: 'info',
    title: 'Sessions may be kept for ever',
    detail:
      'Clients that never come back leave queues that fill memory and disk. Give sessions an end with mqtt.session_expiry_max in broker.toml.',
    fixes: [
      {
        label: 'End them after 30 days',
        act: { kind: 'set', key: 'mqtt.session_expiry_max', value: '30 d' },
      },
    ],
  },
];

/** What is worth a word on every page. */
export const grave = (): Finding[] => findings.filter((finding) => finding.severity !== 'info');

export const findingCommands = {
  access_findings: () => findings,
  access_remove_rule: () => {
    findings = findings.filter((finding) => !finding.title.startsWith('Everybody'));
    return { applied: { rules: 1, accounts: 2, taken: [], running: true }, before: '' };
  },
};
