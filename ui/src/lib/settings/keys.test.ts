import { describe, expect, it } from 'vitest';
import type { ConfigReport, Setting } from '$lib/backend';
import { groups, nameIn, spans, whenAbsent } from './keys';

const setting = (section: string, name: string, doc: string): Setting => ({
  key: `${section}.${name}`,
  section,
  form: 'number',
  words: [],
  text: '5',
  expected: 'a whole number',
  applies: 'restart',
  doc,
});

const report: ConfigReport = {
  sections: [
    { name: 'listeners.a.b', doc: '' },
    { name: 'limits', doc: '' },
  ],
  settings: [
    setting('listeners.a.b', 'bind', 'Where it listens.'),
    setting('limits', 'message_rate', 'Messages that a client may publish.'),
    setting('limits', 'byte_rate', 'Bytes that a client may send.'),
  ],
  warnings: [],
  restart: false,
};

describe('groups', () => {
  it('finds keys that have every word, in the order of the tables', () => {
    const keys = (query: string) => groups(report, query).flatMap((group) => group.settings.map((each) => each.key));
    expect(keys('')).toEqual(['listeners.a.b.bind', 'limits.message_rate', 'limits.byte_rate']);
    expect(keys('RATE client')).toEqual(['limits.message_rate', 'limits.byte_rate']);
    expect(keys('rate publish')).toEqual(['limits.message_rate']);
    expect(keys('nothing like it')).toEqual([]);
  });

  it('leaves out tables without a key that was found', () => {
    expect(groups(report, 'listens').map((group) => group.section.name)).toEqual(['listeners.a.b']);
  });
});

describe('a key', () => {
  it('has its name without its table, even where the table has points in its name', () => {
    expect(report.settings.map(nameIn)).toEqual(['bind', 'message_rate', 'byte_rate']);
  });

  it('says what holds where it is not written', () => {
    const bare = setting('limits', 'x', '');
    expect(whenAbsent(bare)).toBe('nothing');
    expect(whenAbsent({ ...bare, defaultText: '64 MiB' })).toBe('64 MiB');
    expect(whenAbsent({ ...bare, absent: 'must be written' })).toBe('must be written');
  });
});

describe('spans', () => {
  it('tells names from words', () => {
    expect(spans('Goes with `key`.')).toEqual([
      { text: 'Goes with ', code: false },
      { text: 'key', code: true },
      { text: '.', code: false },
    ]);
  });
});
