// The listeners among the keys of the configuration.
import type { ClientCert, ConfigReport, Protocol } from '$lib/backend';

const TABLE = 'listeners.';

/** The name of the listener whose table this is. */
export function listenerName(section: string): string | undefined {
  return section.startsWith(TABLE) ? section.slice(TABLE.length) : undefined;
}

/** Every listener that is written, in the order of the file. */
export function listenerNames(report: ConfigReport): string[] {
  return report.sections.map(({ name }) => listenerName(name)).filter((name) => name !== undefined);
}

/** What is written of a listener. */
export function listenerOf(
  report: ConfigReport,
  name: string,
): { bind: string; protocol: Protocol; clientCert: ClientCert } | undefined {
  const text = (key: string) => report.settings.find((each) => each.key === `${TABLE}${name}.${key}`)?.text;
  const bind = text('bind');
  const protocol = text('protocol');
  if (bind === undefined || !isProtocol(protocol)) return undefined;
  const wanted = text('client_cert');
  return { bind, protocol, clientCert: isClientCert(wanted) && wanted !== 'none' ? wanted : 'required' };
}

function isProtocol(word: string | undefined): word is Protocol {
  return word === 'tcp' || word === 'tls' || word === 'ws' || word === 'wss';
}

function isClientCert(word: string | undefined): word is ClientCert {
  return word === 'required' || word === 'optional' || word === 'none';
}

/** A port on this computer that no listener of the configuration has. */
export function freeAddress(report: ConfigReport): string {
  const taken = new Set(
    listenerNames(report).map((name) => Number(listenerOf(report, name)?.bind.split(':').at(-1) ?? 0)),
  );
  let port = 1883;
  while (taken.has(port)) port += 1;
  return `127.0.0.1:${port}`;
}

/** Who can reach an address; nothing where it is none yet. */
export function reaches(bind: string): 'computer' | 'network' | undefined {
  const host = /^(.*):\d+$/u.exec(bind.trim())?.[1];
  if (host === undefined || host === '') return undefined;
  return host === '[::1]' || host.startsWith('127.') ? 'computer' : 'network';
}
