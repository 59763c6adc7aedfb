// npm's mqtt, driven line by line: a JSON order a line comes in, a JSON event a line goes out.
//
// Orders: connect, subscribe, unsubscribe, publish, disconnect. Events: connected, refused, subscribed, unsubscribed,
// published, message. `support/peer.rs` writes and reads them.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import mqtt from 'mqtt';

const say = (event) => console.log(JSON.stringify(event));
const schemes = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' };

/** The properties of an order, by the names and types of the library. */
function toLibrary(told) {
  const properties = {};
  if (told.content_type !== undefined) properties.contentType = told.content_type;
  if (told.response_topic !== undefined) properties.responseTopic = told.response_topic;
  if (told.correlation !== undefined) properties.correlationData = Buffer.from(told.correlation, 'hex');
  if (told.expiry !== undefined) properties.messageExpiryInterval = told.expiry;
  // The library takes an object: the order of its keys is that of the properties.
  if (told.user !== undefined) properties.userProperties = Object.fromEntries(told.user);
  return properties;
}

function fromLibrary(seen = {}) {
  const told = {};
  if (seen.contentType !== undefined) told.content_type = seen.contentType;
  if (seen.responseTopic !== undefined) told.response_topic = seen.responseTopic;
  if (seen.correlationData !== undefined) told.correlation = seen.correlationData.toString('hex');
  if (seen.messageExpiryInterval !== undefined) told.expiry = seen.messageExpiryInterval;
  if (seen.userProperties !== undefined) told.user = Object.entries(seen.userProperties);
  return told;
}

function connect(order) {
  const secure = order.transport === 'tls' || order.transport === 'wss';
  const overWebSocket = order.transport === 'ws' || order.transport === 'wss';
  // The server's certificate holds the name; the plain listeners are at the address.
  const host = secure ? 'localhost' : '127.0.0.1';
  const options = {
    clientId: order.id,
    protocolVersion: order.version,
    clean: order.clean,
    reconnectPeriod: 0,
    connectTimeout: 30_000,
    keepalive: 30,
  };
  if (order.version === 5 && !order.clean) options.properties = { sessionExpiryInterval: 3600 };
  if (order.will) options.will = { ...order.will, payload: Buffer.from(order.will.payload) };
  if (secure) {
    options.ca = readFileSync(order.identity.ca);
    if (order.identity.cert) {
      options.cert = readFileSync(order.identity.cert);
      options.key = readFileSync(order.identity.key);
    }
  }
  const url = `${schemes[order.transport]}://${host}:${order.port}${overWebSocket ? '/mqtt' : ''}`;
  const client = mqtt.connect(url, options);
  // Called after the message was handed over; where it never calls back, nothing is acknowledged.
  if (order.holds) client.handleMessage = () => {};
  let ending = false;
  client.on('connect', (connack) => say({ event: 'connected', session_present: connack.sessionPresent }));
  client.on('message', (topic, payload, packet) =>
    say({
      event: 'message',
      topic,
      payload: payload.toString(),
      qos: packet.qos,
      retain: packet.retain,
      dup: packet.dup,
      properties: fromLibrary(packet.properties),
    }),
  );
  client.on('error', (error) => {
    ending = true;
    say({ event: 'refused', reason: `${error.code ?? ''} ${error.message}` });
  });
  client.on('disconnect', (packet) => {
    ending = true;
    say({ event: 'refused', reason: `reason code ${packet.reasonCode}` });
  });
  client.on('close', () => {
    if (!ending) say({ event: 'refused', reason: 'the connection was closed' });
  });
  client.on('end', () => {
    ending = true;
  });
  return client;
}

let client;
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  switch (order.do) {
    case 'connect':
      client = connect(order);
      break;
    case 'subscribe': {
      const [granted] = await client.subscribeAsync(order.filter, { qos: order.qos });
      say({ event: 'subscribed', granted: granted.qos });
      break;
    }
    case 'unsubscribe':
      await client.unsubscribeAsync(order.filter);
      say({ event: 'unsubscribed' });
      break;
    case 'publish':
      await client.publishAsync(order.topic, order.payload, {
        qos: order.qos,
        retain: order.retain,
        properties: toLibrary(order.properties),
      });
      say({ event: 'published' });
      break;
    case 'disconnect':
      client.removeAllListeners('close');
      await client.endAsync();
      process.exit(0);
  }
}
