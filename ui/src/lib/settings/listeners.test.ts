import { describe, expect, it } from 'vitest';
import type { ConfigReport, Setting } from '$lib/backend';
import { freeAddress, listenerName, listenerNames, listenerOf, reaches } from './listeners';

const setting = (section: string, name: string, text: string): Setting => ({
  key: `${section}.${name}`,
  section,
  form: 'text',
  words: [],
  text,
  expected: '',
  applies: 'restart',
  doc: '',
});

const report: ConfigReport = {
  sections: ['listeners.tcp', 'listeners.a.b', 'mqtt'].map((name) => ({ name, doc: '' })),
  settings: [
    setting('listeners.tcp', 'bind', '127.0.0.1:1883'),
    setting('listeners.tcp', 'protocol', 'tcp'),
    setting('listeners.tcp', 'client_cert', 'none'),
    setting('listeners.a.b', 'bind', '[::]:1884'),
    setting('listeners.a.b', 'protocol', 'tls'),
    setting('listeners.a.b', 'client_cert', 'optional'),
  ],
  warnings: [],
  restart: false,
};

describe('listeners', () => {
  it('are found by their tables, points in their names and all', () => {
    expect(listenerName('mqtt')).toBeUndefined();
    expect(listenerNames(report)).toEqual(['tcp', 'a.b']);
    expect(listenerOf(report, 'a.b')).toEqual({ bind: '[::]:1884', protocol: 'tls', clientCert: 'optional' });
    expect(listenerOf(report, 'gone')).toBeUndefined();
  });

  it('ask for a certificate when one becomes TLS, unless it was said otherwise', () => {
    expect(listenerOf(report, 'tcp')?.clientCert).toBe('required');
  });

  it('are offered a port that none of them has', () => {
    expect(freeAddress(report)).toBe('127.0.0.1:1885');
  });

  it('are reached from this computer, or from anywhere', () => {
    expect(['127.0.0.1:1', '127.8.8.8:1', '[::1]:1', '0.0.0.0:1', '[::]:1', '10.0.0.7:1'].map(reaches)).toEqual([
      'computer',
      'computer',
      'computer',
      'network',
      'network',
      'network',
    ]);
    expect(['', ':1', '127.0.0.1', '127.0.0.1:'].map(reaches)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
