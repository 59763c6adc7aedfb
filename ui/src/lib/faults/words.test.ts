import { describe, expect, it } from 'vitest';
import { PRESETS, consequence, sentence, unused } from './words';

const preset = (label: string) => {
  const found = PRESETS.find((each) => each.label === label);
  if (!found) throw new Error(`no preset ${label}`);
  return found.rule;
};

describe('a fault rule', () => {
  it('is said in a sentence', () => {
    expect(sentence(preset('Lose the PUBACK'))).toBe('Loses the first PUBACK to any client.');
    expect(sentence(preset('Slow link'))).toBe(
      'Delays every packet from or to any client by 300 ms, and what is behind it.',
    );
    expect(
      sentence({
        name: 'x',
        client: 'pump-*',
        direction: 'to-broker',
        packets: ['PUBLISH'],
        topic: 'plant/#',
        skip: 3,
        when: { kind: 'every', count: 22 },
        action: { kind: 'truncate', bytes: 1 },
      }),
    ).toBe('Lets only 1 byte of each 22nd PUBLISH from pump-* on plant/#, after 3 packets that pass arrive.');
    expect(
      sentence({
        name: 'x',
        client: '*',
        packets: [],
        topic: '',
        skip: 0,
        when: { kind: 'chance', probability: 0.125, seed: 1 },
        action: { kind: 'drop' },
      }),
    ).toBe('Loses 12.5 % of packets from or to any client.');
  });

  it('says that MQTT 5 forbids to send again before a reconnect', () => {
    expect(consequence(preset('Lose the PUBACK'))).toContain('MQTT 5 forbids');
    expect(consequence(preset('Lose the PUBREC'))).toContain('subscribers get it once');
  });

  it('gets a name that no other has', () => {
    expect(unused('a', [])).toBe('a');
    expect(unused('a', ['a', 'a-2'])).toBe('a-3');
  });
});
