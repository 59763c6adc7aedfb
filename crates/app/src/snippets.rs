//! Texts to paste that connect a device, each working as it stands.
//!
//! Duty: one text a tool, for a listener and (where it wants one) a device's exported folder.
//! Not here: writing that folder. Invariant: a private key is named by its file, never shown.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use crate::api::{ClientCert, DeviceFolder, Listener, Protocol, Snippet};

/// A client identifier that differs from the device's own, so that pasting a text does not end the device's connection.
const CLIENT: &str = "hello";

/// The texts for a listener, for the device that was exported to a folder.
///
/// The tools that can't speak the listener's protocol are left out: mosquitto and PubSubClient have no WebSocket. Where a
/// listener requires a certificate and no device is chosen there is nothing that would work, so nothing is returned.
pub fn snippets(listener: &Listener, device: Option<&DeviceFolder>) -> Vec<Snippet> {
    let device = match listener.client_cert {
        ClientCert::None => None,
        ClientCert::Optional | ClientCert::Required => device,
    };
    if listener.client_cert == ClientCert::Required && device.is_none() {
        return Vec::new();
    }
    let Some(place) = Place::of(listener, device) else {
        return Vec::new();
    };
    [
        mosquitto(&place),
        Some(python(&place)),
        Some(javascript(&place)),
        esp32(&place),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where to connect, and with what.
struct Place<'a> {
    host: &'a str,
    port: u16,
    url: &'a str,
    protocol: Protocol,
    topic: String,
    files: Option<Files<'a>>,
}

/// Absolute paths.
struct Files<'a> {
    device: &'a str,
    authority: String,
    certificate: String,
    key: String,
}

impl<'a> Place<'a> {
    /// `None` where the listener is encrypted and there is no folder: nothing to verify the broker by.
    fn of(listener: &'a Listener, device: Option<&'a DeviceFolder>) -> Option<Self> {
        let secure = matches!(listener.protocol, Protocol::Tls | Protocol::Wss);
        if secure && device.is_none() {
            return None;
        }
        let device = device.filter(|_| secure);
        let files = device.map(|device| {
            let path = |file: &str| Path::new(&device.folder).join(file).display().to_string();
            Files {
                device: &device.name,
                authority: path("ca.crt"),
                certificate: path(&format!("{}.crt", device.name)),
                key: path(&format!("{}.key", device.name)),
            }
        });
        Some(Self {
            host: &listener.host,
            port: listener.port,
            url: &listener.url,
            protocol: listener.protocol,
            topic: format!("devices/{}/hello", device.map_or(CLIENT, |d| &d.name)),
            files,
        })
    }

    fn websocket(&self) -> bool {
        matches!(self.protocol, Protocol::Ws | Protocol::Wss)
    }

    /// The path of the WebSocket's URL.
    fn url_path(&self) -> &str {
        let after_scheme = self
            .url
            .split_once("://")
            .map_or(self.url, |(_, rest)| rest);
        after_scheme.find('/').map_or("/", |at| &after_scheme[at..])
    }
}

fn mosquitto(place: &Place<'_>) -> Option<Snippet> {
    if place.websocket() {
        return None;
    }
    let mut text = format!("mosquitto_pub -h {} -p {}", quote(place.host), place.port);
    if let Some(files) = &place.files {
        text.push_str(&format!(
            " \\\n  --cafile {} \\\n  --cert {} \\\n  --key {}",
            quote(&files.authority),
            quote(&files.certificate),
            quote(&files.key)
        ));
        text.push_str(" \\\n ");
    }
    text.push_str(&format!(
        " -q 1 -t {} -m '{{\"value\": 21.5}}'",
        quote(&place.topic)
    ));
    Some(Snippet {
        tool: "mosquitto_pub".into(),
        text,
        needs: "sudo apt install mosquitto-clients".into(),
    })
}

fn python(place: &Place<'_>) -> Snippet {
    let transport = if place.websocket() {
        ", transport=\"websockets\""
    } else {
        ""
    };
    let mut text = format!(
        "import json

import paho.mqtt.client as mqtt


def on_connect(client, userdata, flags, reason, properties):
    print(\"connected:\", reason)
    client.subscribe({topic}, qos=1)
    client.publish({topic}, json.dumps({{\"value\": 21.5}}), qos=1)


def on_message(client, userdata, message):
    print(message.topic, message.payload.decode())


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2{transport})
client.on_connect = on_connect
client.on_message = on_message
",
        topic = literal(&place.topic),
    );
    if place.websocket() {
        text.push_str(&format!(
            "client.ws_set_options(path={})\n",
            literal(place.url_path())
        ));
    }
    if let Some(files) = &place.files {
        text.push_str(&format!(
            "client.tls_set(
    ca_certs={},
    certfile={},
    keyfile={},
)
",
            literal(&files.authority),
            literal(&files.certificate),
            literal(&files.key)
        ));
    }
    text.push_str(&format!(
        "client.connect({}, {})\nclient.loop_forever()\n",
        literal(place.host),
        place.port
    ));
    Snippet {
        tool: "Python".into(),
        text,
        needs: "pip install \"paho-mqtt>=2\"".into(),
    }
}

fn javascript(place: &Place<'_>) -> Snippet {
    let mut text = String::new();
    if place.files.is_some() {
        text.push_str("const fs = require(\"node:fs\");\n");
    }
    text.push_str("const mqtt = require(\"mqtt\");\n\n");
    text.push_str(&format!(
        "const client = mqtt.connect({}",
        literal(place.url)
    ));
    if let Some(files) = &place.files {
        text.push_str(&format!(
            ", {{
  ca: fs.readFileSync({}),
  cert: fs.readFileSync({}),
  key: fs.readFileSync({}),
}}",
            literal(&files.authority),
            literal(&files.certificate),
            literal(&files.key)
        ));
    }
    text.push_str(&format!(
        ");

client.on(\"connect\", () => {{
  console.log(\"connected\");
  client.subscribe({topic}, {{ qos: 1 }}, () => {{
    client.publish({topic}, JSON.stringify({{ value: 21.5 }}), {{ qos: 1 }});
  }});
}});
client.on(\"message\", (topic, payload) => console.log(topic, payload.toString()));
client.on(\"error\", (error) => console.error(error.message));
",
        topic = literal(&place.topic),
    ));
    Snippet {
        tool: "JavaScript".into(),
        text,
        needs: "npm install mqtt".into(),
    }
}

fn esp32(place: &Place<'_>) -> Option<Snippet> {
    if place.websocket() {
        return None;
    }
    let mut text = String::from("#include <WiFi.h>\n");
    let mut needs = String::from(
        "Arduino IDE with the esp32 boards and the library PubSubClient; your WiFi's name and password",
    );
    let client = match &place.files {
        None => {
            text.push_str("#include <PubSubClient.h>\n\nWiFiClient net;\n");
            CLIENT
        }
        Some(files) => {
            // The two that everyone may have stand in the text, the key comes from a file beside the sketch.
            let read = |path: &str| fs::read_to_string(path).ok();
            let (authority, certificate) = (read(&files.authority)?, read(&files.certificate)?);
            text.push_str(&format!(
                "#include <WiFiClientSecure.h>
#include <PubSubClient.h>
#include \"device_key.h\"

static const char CA[] = R\"PEM(
{}
)PEM\";

static const char CERTIFICATE[] = R\"PEM(
{}
)PEM\";

WiFiClientSecure net;
",
                authority.trim(),
                certificate.trim()
            ));
            needs.push_str(&format!(
                "; and the key in a file of the sketch: ( echo 'static const char KEY[] = R\"PEM('; cat {}; echo ')PEM\";' ) > device_key.h",
                quote(&files.key)
            ));
            files.device
        }
    };
    if matches!(place.host, "localhost" | "127.0.0.1" | "::1") {
        needs.push_str(
            "; and a listener that the device can reach: this one is only open to this computer",
        );
    }
    let secure_setup = if place.files.is_some() {
        "  // A certificate is checked by the time, which a device learns first.
  configTime(0, 0, \"pool.ntp.org\");
  while (time(nullptr) < 1700000000) delay(100);
  net.setCACert(CA);
  net.setCertificate(CERTIFICATE);
  net.setPrivateKey(KEY);
"
    } else {
        ""
    };
    text.push_str(&format!(
        "PubSubClient mqtt(net);

void setup() {{
  Serial.begin(115200);
  WiFi.begin(\"YOUR-WIFI\", \"YOUR-PASSWORD\");
  while (WiFi.status() != WL_CONNECTED) delay(100);
{secure_setup}  mqtt.setServer({host}, {port});
}}

void loop() {{
  if (!mqtt.connected() && !mqtt.connect({client})) {{
    Serial.printf(\"not connected: %d\\n\", mqtt.state());
    delay(5000);
    return;
  }}
  mqtt.loop();
  mqtt.publish({topic}, \"{{\\\"value\\\": 21.5}}\");
  delay(1000);
}}
",
        host = literal(place.host),
        port = place.port,
        client = literal(client),
        topic = literal(&place.topic),
    ));
    Some(Snippet {
        tool: "ESP32".into(),
        text,
        needs,
    })
}

/// A text as one word of a POSIX shell.
pub(crate) fn quote(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

/// A text as a string literal that Python, JavaScript and C++ read alike.
pub(crate) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\n' => quoted.push_str("\\n"),
            // All three read four hexadecimal digits after \u; control characters need no more.
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
