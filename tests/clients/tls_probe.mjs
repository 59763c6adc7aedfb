// One TLS handshake and one CONNECT: prints "in", or "out:" and why.
// tls_probe.mjs PORT HOST 1.2|1.3 CA [CERTIFICATE KEY]
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

const [port, host, version, ca, certificate, key] = process.argv.slice(2);
const options = {
  host: '127.0.0.1',
  port: Number(port),
  servername: host,
  minVersion: `TLSv${version}`,
  maxVersion: `TLSv${version}`,
  ca: readFileSync(ca),
};
if (certificate) Object.assign(options, { cert: readFileSync(certificate), key: readFileSync(key) });
let told = false;
const tell = (words) => {
  if (!told) console.log(words);
  told = true;
  socket.destroy();
};
const socket = connect(options, () => socket.write('\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05probe', 'latin1'));
socket.on('data', (data) => tell(data[0] === 0x20 ? 'in' : 'out: no CONNACK'));
socket.on('error', (error) => tell(`out: ${error.message}`));
socket.on('close', () => tell('out: closed'));
