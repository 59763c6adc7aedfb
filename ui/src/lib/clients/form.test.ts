import { expect, it } from 'vitest';
import type { ClientConfig } from '$lib/backend';
import { complete, nameOf, optional, portFor, setProperties, targetWords } from './form';

const config: ClientConfig = {
  clientId: 'pump-7',
  version: '5',
  target: { kind: 'tcp' },
  keepAlive: 30,
  cleanStart: true,
  sessionExpiry: 0,
};

it('takes the usual port along to another protocol and leaves one that was chosen', () => {
  expect(portFor('wss', 'tcp', 1883)).toBe(8084);
  expect(portFor('wss', 'tcp', 443)).toBe(443);
});

it('reads an empty field as left out and keeps a number within its bounds', () => {
  expect(optional('', 1, 10)).toBeUndefined();
  expect(optional('0', 1, 10)).toBe(1);
  expect(optional('70000', 0, 65_535)).toBe(65_535);
  expect(optional('x', 0, 9)).toBeUndefined();
});

it('fills in what a configuration leaves out and changes nothing else', () => {
  const form = complete(config);
  expect(form.password).toEqual({ kind: 'none' });
  expect(complete(form)).toEqual(form);
});

it('calls a client by its name, or else by its identifier', () => {
  expect(nameOf({ ...config, name: 'the pump' })).toBe('the pump');
  expect(nameOf(config)).toBe('pump-7');
});

it('says where a client connects to', () => {
  expect(targetWords(config)).toBe('this broker · tcp');
  const remote = { protocol: 'wss', host: 'h', port: 443, path: '/', headers: [], tls: undefined } as never;
  expect(targetWords({ ...config, target: { kind: 'remote', ...(remote as object) } as never })).toBe('wss://h:443');
});

it('counts the properties that are set', () => {
  expect(setProperties(undefined)).toBe(0);
  expect(setProperties({ expiry: 5, contentType: '', user: [{ name: 'a', value: 'b' }] })).toBe(2);
});
