//! MQTT clients that no one here wrote, driven line by line: Python's paho-mqtt and gmqtt, and npm's mqtt.
//!
//! `clients/paho_peer.py`, `clients/gmqtt_peer.py` and `clients/mqttjs_peer.mjs` read one JSON order a line and print one
//! JSON event a line; see there.
//! mosquitto's programs are driven by their own command lines, in the tests.

use std::collections::VecDeque;
use std::process::Command;

use serde_json::{Value, json};

use crate::broker::{Broker, Identity};
use crate::process::{Running, Stream, top};

/// Whose client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Eclipse, for Python.
    Paho,
    /// MQTT.js, for Node.
    MqttJs,
    /// Gurtam, for Python: it speaks no WebSocket.
    Gmqtt,
}

impl Maker {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Paho, Self::MqttJs, Self::Gmqtt];

    /// Whether the library can use such a listener.
    pub fn speaks(self, way: &Way) -> bool {
        self != Self::Gmqtt || matches!(way, Way::Tcp | Way::Tls(_))
    }
}

/// The same for every maker and every version, with a name that tells them apart.
pub fn for_everyone(mut each: impl FnMut(Maker, Version, String)) {
    for maker in Maker::ALL {
        for version in [Version::V311, Version::V5] {
            each(maker, version, format!("{maker:?}-{version:?}"));
        }
    }
}

/// Another maker, for the other end of a conversation.
pub fn other(maker: Maker) -> Maker {
    match maker {
        Maker::Paho => Maker::MqttJs,
        Maker::MqttJs => Maker::Gmqtt,
        Maker::Gmqtt => Maker::Paho,
    }
}

/// The protocol version to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

/// Through which listener, and as whom.
#[derive(Debug, Clone)]
pub enum Way {
    /// TCP.
    Tcp,
    /// TLS.
    Tls(Identity),
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss(Identity),
}

impl Way {
    /// One of mosquitto's programs, pointed at the port of this way's listener, which has to be tcp or tls.
    pub fn mosquitto(&self, program: &str, port: u16) -> Command {
        // Its standard output is a pipe here, which it would fill in blocks.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", program, "-p", &port.to_string(), "-h"]);
        match self {
            Self::Tcp => {
                command.arg("127.0.0.1");
            }
            Self::Tls(identity) => {
                command
                    .args(["localhost", "--cafile"])
                    .arg(&identity.authority);
                if let Some(own) = &identity.own {
                    command.arg("--cert").arg(&own.certificate);
                    command.arg("--key").arg(&own.key);
                }
            }
            Self::Ws | Self::Wss(_) => panic!("mosquitto's programs speak no WebSocket"),
        }
        command
    }

    /// The listener's name in a test's configuration.
    pub fn listener(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls(_) => "tls",
            Self::Ws => "ws",
            Self::Wss(_) => "wss",
        }
    }
}

/// A message as the client's library handed it over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload, which is text in these tests.
    pub payload: String,
    /// The QoS that it was delivered at.
    pub qos: u64,
    /// It came from the retained store.
    pub retain: bool,
}

impl Message {
    /// A live message, not a retained one.
    pub fn live(topic: &str, payload: &str, qos: u64) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos,
            retain: false,
        }
    }

    /// The same as it comes from the retained store.
    pub fn retained(self) -> Self {
        Self {
            retain: true,
            ..self
        }
    }
}

/// A message with what else its packet said.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// It was sent before.
    pub dup: bool,
    /// As [`Peer::publish_with`] takes them; `null` before MQTT 5.
    pub properties: Value,
}

/// A client of somebody else's, in a process of its own.
#[derive(Debug)]
pub struct Peer {
    process: Running,
    /// Lines read so far.
    at: usize,
    /// Messages that came while something else was waited for.
    early: VecDeque<Value>,
    /// Whether the broker had a session of it.
    pub session_present: bool,
}

/// What a client asks for when it connects.
#[derive(Debug, Clone)]
pub struct Options {
    id: String,
    version: Version,
    clean: bool,
    holds: bool,
    reconnects: bool,
    will: Option<Value>,
}

impl Options {
    /// A clean session and no will.
    pub fn new(id: &str, version: Version) -> Self {
        Self {
            id: id.into(),
            version,
            clean: true,
            holds: false,
            reconnects: false,
            will: None,
        }
    }

    /// A session that outlives the connection.
    #[must_use]
    pub fn keep_session(mut self) -> Self {
        self.clean = false;
        self
    }

    /// Acknowledges no message. gmqtt can be told so for MQTT 5 only.
    #[must_use]
    pub fn hold(mut self) -> Self {
        self.holds = true;
        self
    }

    /// Connects again by itself when the connection breaks. paho alone is told so.
    #[must_use]
    pub fn reconnect(mut self) -> Self {
        self.reconnects = true;
        self
    }

    /// A last will.
    #[must_use]
    pub fn will(mut self, topic: &str, payload: &str, qos: u64, retain: bool) -> Self {
        self.will = Some(json!({"topic": topic, "payload": payload, "qos": qos, "retain": retain}));
        self
    }
}

impl Peer {
    /// Connects with a clean session.
    pub fn connect(maker: Maker, broker: &Broker, way: &Way, version: Version, id: &str) -> Self {
        Self::open(maker, broker, way, Options::new(id, version))
    }

    /// Connects, and waits for CONNACK.
    pub fn open(maker: Maker, broker: &Broker, way: &Way, options: Options) -> Self {
        let port = broker.address(way.listener()).port();
        Self::open_at(maker, port, way, options)
    }

    /// Connects to the broker at this port, whoever runs it, and waits for CONNACK.
    pub fn open_at(maker: Maker, port: u16, way: &Way, options: Options) -> Self {
        let mut peer = Self {
            process: Self::start(maker, port, way, options),
            at: 0,
            early: VecDeque::new(),
            session_present: false,
        };
        let connected = peer.event("connected");
        peer.session_present = connected["session_present"] == true;
        peer
    }

    /// Tries to connect where that must fail; returns what the client's library says of it.
    pub fn refused(maker: Maker, broker: &Broker, way: &Way, options: Options) -> String {
        let port = broker.address(way.listener()).port();
        let mut peer = Self {
            process: Self::start(maker, port, way, options),
            at: 0,
            early: VecDeque::new(),
            session_present: false,
        };
        peer.event("refused")["reason"].to_string()
    }

    fn start(maker: Maker, port: u16, way: &Way, options: Options) -> Running {
        let folder = top().join("tests");
        let mut command = match maker {
            Maker::Paho => {
                let mut command = Command::new(folder.join(".venv/bin/python"));
                command.arg(folder.join("clients/paho_peer.py"));
                command
            }
            Maker::Gmqtt => {
                let mut command = Command::new(folder.join(".venv/bin/python"));
                command.arg(folder.join("clients/gmqtt_peer.py"));
                command
            }
            Maker::MqttJs => {
                let mut command = Command::new("node");
                command.arg(folder.join("clients/mqttjs_peer.mjs"));
                command
            }
        };
        let identity = match way {
            Way::Tcp | Way::Ws => Value::Null,
            Way::Tls(identity) | Way::Wss(identity) => json!({
                "ca": identity.authority,
                "cert": identity.own.as_ref().map(|own| &own.certificate),
                "key": identity.own.as_ref().map(|own| &own.key),
            }),
        };
        let mut process = Running::start(&mut command);
        process.say(
            &json!({
                "do": "connect",
                "transport": way.listener(),
                "port": port,
                "identity": identity,
                "id": options.id,
                "version": match options.version { Version::V311 => 4, Version::V5 => 5 },
                "clean": options.clean,
                "holds": options.holds,
                "reconnects": options.reconnects,
                "will": options.will,
            })
            .to_string(),
        );
        process
    }

    /// Subscribes and waits for SUBACK; returns the QoS that was granted.
    pub fn subscribe(&mut self, filter: &str, qos: u64) -> u64 {
        self.order(json!({"do": "subscribe", "filter": filter, "qos": qos}));
        self.event("subscribed")["granted"]
            .as_u64()
            .expect("a granted QoS")
    }

    /// Unsubscribes and waits for UNSUBACK.
    pub fn unsubscribe(&mut self, filter: &str) {
        self.order(json!({"do": "unsubscribe", "filter": filter}));
        self.event("unsubscribed");
    }

    /// Publishes, and waits until that is acknowledged as its QoS has it.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: u64, retain: bool) {
        self.publish_with(topic, payload, qos, retain, &json!({}));
    }

    /// The same with properties of MQTT 5: `content_type`, `response_topic`, `correlation` (hexadecimal), `expiry`
    /// (seconds), and `user`, a list of pairs.
    pub fn publish_with(
        &mut self,
        topic: &str,
        payload: &str,
        qos: u64,
        retain: bool,
        properties: &Value,
    ) {
        self.order(json!({
            "do": "publish",
            "topic": topic,
            "payload": payload,
            "qos": qos,
            "retain": retain,
            "properties": properties,
        }));
        self.event("published");
    }

    /// The next message that comes.
    pub fn message(&mut self) -> Message {
        self.delivery().message
    }

    /// The next message that comes, with what else its packet said.
    pub fn delivery(&mut self) -> Delivery {
        let event = match self.early.pop_front() {
            Some(event) => event,
            None => self.event("message"),
        };
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        Delivery {
            message: Message {
                topic: text("topic"),
                payload: text("payload"),
                qos: event["qos"].as_u64().unwrap_or(9),
                retain: event["retain"] == true,
            },
            dup: event["dup"] == true,
            properties: event["properties"].clone(),
        }
    }

    /// The next messages.
    pub fn messages(&mut self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.message()).collect()
    }

    /// Ends the connection with a DISCONNECT, and the program.
    pub fn disconnect(mut self) {
        self.order(json!({"do": "disconnect"}));
        self.process.finish().success();
    }

    /// Waits until the broker has ended the connection.
    pub fn ended_by_the_broker(mut self) {
        self.event("refused");
    }

    /// Kills the program: its connection breaks without a DISCONNECT.
    pub fn kill(self) {
        self.process.kill();
    }

    fn order(&mut self, order: Value) {
        self.process.say(&order.to_string());
    }

    /// The next event of this kind; messages that come before it are kept for [`Self::message`].
    fn event(&mut self, kind: &str) -> Value {
        loop {
            let (event, next) = self.process.find(self.at, |stream, line| match stream {
                Stream::Out => serde_json::from_str::<Value>(line).ok(),
                Stream::Err => None,
            });
            self.at = next;
            match event["event"].as_str() {
                Some(name) if name == kind => return event,
                Some("message") => self.early.push_back(event),
                _ => panic!("waiting for {kind}, this came: {event}"),
            }
        }
    }
}
