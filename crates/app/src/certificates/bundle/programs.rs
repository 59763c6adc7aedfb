//! Programs that connect as they stand: Python and Node.js.

use super::{Device, Made, Part, pem};
use crate::snippets::literal;

pub(super) fn python(device: &Device<'_>) -> Made {
    let (name, host, port) = (device.name, literal(&device.host), device.port);
    let topic = literal(&device.topic);
    let program = format!(
        "\"\"\"Connects as {name} over mutual TLS and sends one message.\"\"\"
import pathlib

import paho.mqtt.client as mqtt

HERE = pathlib.Path(__file__).parent


def on_connect(client, userdata, flags, reason, properties):
    print(\"connected:\", reason)
    client.publish({topic}, \"hello\", qos=1)


def on_publish(client, userdata, mid, reason, properties):
    print(\"acknowledged\")
    client.disconnect()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=\"{name}\", protocol=mqtt.MQTTv5)
client.on_connect = on_connect
client.on_publish = on_publish
client.tls_set(
    ca_certs=HERE / \"ca.crt\",
    certfile=HERE / \"{name}.crt\",
    keyfile=HERE / \"{name}.key\",
)
client.connect({host}, {port})
client.loop_forever()
"
    );
    let mut parts = pem(device);
    parts.push(Part::open("connect.py", program));
    parts.push(Part::open("requirements.txt", "paho-mqtt>=2\n"));
    Made {
        parts,
        command: Some("pip install -r requirements.txt && python3 connect.py".into()),
        untried: None,
    }
}

pub(super) fn node_js(device: &Device<'_>) -> Made {
    let name = device.name;
    let bracketed = match device.host.contains(':') {
        true => format!("[{}]", device.host),
        false => device.host.clone(),
    };
    let url = literal(&format!("mqtts://{bracketed}:{}", device.port));
    let topic = literal(&device.topic);
    let program = format!(
        "// Connects as {name} over mutual TLS and sends one message.
import {{ readFileSync }} from \"node:fs\";
import mqtt from \"mqtt\";

const file = (name) => readFileSync(new URL(name, import.meta.url));
const client = mqtt.connect({url}, {{
  clientId: \"{name}\",
  protocolVersion: 5,
  ca: file(\"ca.crt\"),
  cert: file(\"{name}.crt\"),
  key: file(\"{name}.key\"),
}});

client.on(\"connect\", () => {{
  console.log(\"connected\");
  client.publish({topic}, \"hello\", {{ qos: 1 }}, (error) => {{
    console.log(error ? error.message : \"acknowledged\");
    client.end();
  }});
}});
client.on(\"error\", (error) => {{
  console.error(error.message);
  client.end(true);
  process.exitCode = 1;
}});
"
    );
    let mut parts = pem(device);
    parts.push(Part::open("connect.mjs", program));
    parts.push(Part::open(
        "package.json",
        "{\n  \"private\": true,\n  \"type\": \"module\",\n  \"dependencies\": { \"mqtt\": \"^5\" }\n}\n",
    ));
    Made {
        parts,
        command: Some("npm install && node connect.mjs".into()),
        untried: None,
    }
}
