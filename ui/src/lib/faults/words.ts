// Fault rules in plain words: what a rule does, and what a client will make of it.
import type { FaultAction, FaultRule } from '$lib/backend';
import { count, counted } from '$lib/shared/format';

/** Packet types that a rule can be about; what comes before CONNECT is known of nobody. */
export const PACKETS = [
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
] as const;

export interface Preset {
  label: string;
  rule: FaultRule;
}

const rule = (
  name: string,
  packets: string[],
  direction: FaultRule['direction'],
  when: FaultRule['when'],
  action: FaultAction,
): FaultRule => ({ name, client: '*', packets, topic: '', skip: 0, when, action, ...(direction ? { direction } : {}) });

export const PRESETS: readonly Preset[] = [
  {
    label: 'Lose the PUBACK',
    rule: rule('lose-puback', ['PUBACK'], 'to-client', { kind: 'first', count: 1 }, { kind: 'drop' }),
  },
  {
    label: 'Lose the PUBREC',
    rule: rule('lose-pubrec', ['PUBREC'], 'to-client', { kind: 'first', count: 1 }, { kind: 'drop' }),
  },
  {
    label: 'Cut after PUBLISH',
    rule: rule('cut-after-publish', ['PUBLISH'], 'to-broker', { kind: 'first', count: 1 }, { kind: 'cut-after' }),
  },
  { label: 'Slow link', rule: rule('slow-link', [], undefined, { kind: 'always' }, { kind: 'delay', ms: 300 }) },
  {
    label: 'Duplicate',
    rule: rule('duplicate', ['PUBLISH'], 'to-client', { kind: 'always' }, { kind: 'duplicate' }),
  },
];

/** A name that no rule has yet: `lose-puback`, `lose-puback-2`. */
export function unused(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  for (let n = 2; ; n += 1) {
    if (!taken.includes(`${name}-${n}`)) return `${name}-${n}`;
  }
}

function which(of: FaultRule): string {
  const types = of.packets.length ? of.packets.join(', ') : 'packet';
  switch (of.when.kind) {
    case 'always':
      return `every ${types}`;
    case 'first':
      return of.when.count === 1 ? `the first ${types}` : `the first ${count(of.when.count)} ${types}`;
    case 'every':
      return of.when.count === 1 ? `every ${types}` : `each ${ordinal(of.when.count)} ${types}`;
    case 'chance':
      return `${percent(of.when.probability)} of ${types === 'packet' ? 'packets' : types}`;
  }
}

function percent(probability: number): string {
  return `${Number((probability * 100).toPrecision(3))} %`;
}

function ordinal(n: number): string {
  const tens = n % 100;
  const ending = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${count(n)}${ending}`;
}

function where(of: FaultRule): string {
  const who = of.client === '*' ? 'any client' : of.client;
  const way =
    of.direction === 'to-client' ? `to ${who}` : of.direction === 'to-broker' ? `from ${who}` : `from or to ${who}`;
  const topic = of.topic ? ` on ${of.topic}` : '';
  const skip = of.skip ? `, after ${counted(of.skip, 'packet')} that pass` : '';
  return `${way}${topic}${skip}`;
}

/** What a rule does, in a sentence. */
export function sentence(of: FaultRule): string {
  const packets = `${which(of)} ${where(of)}`;
  switch (of.action.kind) {
    case 'drop':
      return `Loses ${packets}.`;
    case 'delay':
      return `Delays ${packets} by ${count(of.action.ms)} ms, and what is behind it.`;
    case 'duplicate':
      return `Sends ${packets} twice.`;
    case 'corrupt':
      return of.action.at === undefined
        ? `Turns over the bits of one byte of ${packets}.`
        : `Turns over the bits of byte ${count(of.action.at)} of ${packets}.`;
    case 'truncate':
      return `Lets only ${counted(of.action.bytes, 'byte')} of ${packets} arrive.`;
    case 'cut-before':
      return `Cuts the connection before ${packets} arrives.`;
    case 'cut-after':
      return `Cuts the connection after ${packets} has arrived.`;
  }
}

const AGAIN =
  'MQTT 5 forbids a client to send it again before it has reconnected; then it comes with DUP. An MQTT 3.1.1 client may do so earlier.';

/** What a client will make of it, in a sentence or two. */
export function consequence(of: FaultRule): string {
  const about = (packet: string) => of.packets.includes(packet);
  const only = of.packets.length === 1 ? of.packets[0] : undefined;
  switch (of.action.kind) {
    case 'drop':
      switch (only) {
        case 'PUBACK':
          return of.direction === 'to-broker'
            ? 'The broker keeps the message as sent; the client gets it again with DUP when it has reconnected with its session.'
            : `The publisher does not know that its message arrived. ${AGAIN} Subscribers get it twice: QoS 1 is at least once.`;
        case 'PUBREC':
          return `The sender does not know that its message arrived. ${AGAIN} Its identifier is known, so subscribers get it once: QoS 2 is exactly once.`;
        case 'PUBREL':
        case 'PUBCOMP':
          return 'The exchange stands still. After a reconnect with the session PUBREL is sent again, and the message is not.';
        case 'PUBLISH':
          return 'At QoS 0 the message is gone. Above it the sender waits for an answer, and sends it again with DUP after a reconnect with its session.';
        case 'PINGREQ':
          return 'The broker does not hear from the client and closes the connection after one and a half times its keep-alive; the will is published.';
        case 'PINGRESP':
          return 'The client takes the broker for dead and closes the connection.';
        case 'CONNACK':
          return 'The client waits, gives up after its own time, and connects again.';
        case 'SUBACK':
        case 'UNSUBACK':
          return 'The client does not know whether it was done; most give up after a time.';
        default:
          return 'Whoever waits for an answer waits until it gives up or reconnects.';
      }
    case 'delay':
      return about('PINGRESP') || of.packets.length === 0
        ? 'Order is kept. A delay longer than the keep-alive looks like a broken connection.'
        : 'Order is kept: what is behind it waits too.';
    case 'duplicate':
      return about('PUBLISH') || of.packets.length === 0
        ? 'At QoS 0 and 1 a message may be seen twice; at QoS 2 the identifier tells that it is the same.'
        : 'The second is answered like the first, or taken for a protocol error.';
    case 'corrupt':
      return 'A packet that is malformed ends the connection; one that is not says something else.';
    case 'truncate':
      return 'What follows is taken for the rest of the packet, so the stream is out of step and soon ends.';
    case 'cut-before':
      return 'The will is published. The client reconnects and, with its session, sends again what was not acknowledged.';
    case 'cut-after':
      return about('PUBLISH')
        ? 'The message is handled, its acknowledgement is lost with the connection, the will is published. Reconnected with its session the client sends it again with DUP: twice at QoS 1, once at QoS 2.'
        : 'What it asked for was done, and the answer is lost with the connection; the will is published.';
  }
}
