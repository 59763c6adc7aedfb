// The form of a connection: a configuration in which nothing is left out.
import type {
  ClientConfig,
  ConnectProperties,
  MessageProperties,
  Protocol,
  PublishRequest,
  Remote,
  ReplyRule,
  Secret,
  SubscribeRequest,
} from '$lib/backend';

export interface ConnectionForm extends ClientConfig {
  name: string;
  user: string;
  password: Secret;
  properties: ConnectProperties;
  connectTimeout: number;
  subscriptions: SubscribeRequest[];
  replies: ReplyRule[];
  showOwnEnd: boolean;
}

/** A configuration with its defaults filled in. */
export function complete(config: ClientConfig): ConnectionForm {
  return {
    ...config,
    name: config.name ?? '',
    user: config.user ?? '',
    password: config.password ?? { kind: 'none' },
    properties: config.properties ?? {
      userProperties: [],
      authenticationMethod: '',
      authenticationData: { kind: 'none' },
    },
    connectTimeout: config.connectTimeout ?? 5,
    subscriptions: config.subscriptions ?? [],
    replies: config.replies ?? [],
    showOwnEnd: config.showOwnEnd ?? false,
  };
}

export const REMOTE: Remote = {
  protocol: 'tcp',
  host: '',
  port: 1883,
  path: '/mqtt',
  headers: [],
  tls: { trust: { kind: 'system' }, identity: { kind: 'none' }, serverName: '', alpn: [] },
};

export const PORTS: Record<Protocol, number> = { tcp: 1883, tls: 8883, ws: 8083, wss: 8084 };
export const SCHEMES: Record<Protocol, string> = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' };

/** The port of another protocol, where the usual one of this was kept. */
export function portFor(next: Protocol, before: Protocol, port: number): number {
  return port === PORTS[before] ? PORTS[next] : port;
}

/** Where a client connects to, in a few words. */
export function targetWords({ target }: ClientConfig): string {
  switch (target.kind) {
    case 'tcp':
      return 'this broker · tcp';
    case 'mutual-tls':
      return `this broker · tls as ${target.device}`;
    case 'ws':
      return 'this broker · ws';
    case 'remote':
      return `${SCHEMES[target.protocol]}://${target.host || '…'}:${target.port}`;
  }
}

/** What a client is called in the window. */
export const nameOf = (config: ClientConfig): string => config.name || config.clientId || 'client';

/** A whole number within its bounds; nothing where the field is empty. */
export function optional(text: string, least: number, most: number): number | undefined {
  if (text.trim() === '') return undefined;
  const value = Math.trunc(Number(text));
  return Number.isFinite(value) ? Math.max(least, Math.min(most, value)) : undefined;
}

export function whole(text: string, least: number, most: number): number {
  return optional(text, least, most) ?? least;
}

/** Sets a field that may be left out, or leaves it out. */
export function setOrLeaveOut<T extends object, K extends keyof T>(object: T, name: K, value: T[K] | undefined): void {
  if (value === undefined) Reflect.deleteProperty(object, name);
  else object[name] = value;
}

export function emptyMessage(): PublishRequest {
  return { topic: '', payload: '', encoding: 'text', qos: 0, retain: false, template: false, properties: { user: [] } };
}

/** What is set among the properties of a message. */
export function setProperties(properties: MessageProperties | undefined): number {
  if (!properties) return 0;
  const { user = [], subscriptionIds = [], ...rest } = properties;
  return (
    Object.values(rest).filter((value) => value !== undefined && value !== '').length +
    user.length +
    subscriptionIds.length
  );
}
