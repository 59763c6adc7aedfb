//! The keys of `broker.toml`: one table, from which the parser, the reference page and `mqttwb broker check` are made.
//!
//! A key that is added here is read, documented, shown and applied; nothing else is to be done but to act on it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mqttwb_model::{ClientCert, ListenerProtocol};

use super::{BrokerConfig, ListenerDraft};

/// A key of a part `T` of the configuration.
pub(super) struct Key<T: 'static> {
    /// Its table: `mqtt` of `[mqtt]`.
    pub(super) section: &'static str,
    /// Its name in the table.
    pub(super) name: &'static str,
    /// What it may be, and where it is kept.
    pub(super) field: Field<T>,
    /// What holds where it is not written, in words; `None` to say what the default configuration holds.
    pub(super) absent: Option<&'static str>,
    /// When a change is felt by a broker that runs.
    pub(super) applies: Applies,
    /// What it does: sentences.
    pub(super) doc: &'static str,
}

/// When a change of a key is felt by a broker that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// When the broker is started again.
    Restart,
}

/// Where a value is kept.
pub(super) struct Slot<T, V> {
    pub(super) get: fn(&T) -> Option<V>,
    pub(super) set: fn(&mut T, V),
}

/// What a key may be. Bounds are inclusive.
pub(super) enum Field<T: 'static> {
    /// A whole number of something.
    Count {
        unit: &'static str,
        from: u64,
        to: u64,
        slot: Slot<T, u64>,
    },
    /// Bytes.
    Size {
        from: u64,
        to: u64,
        slot: Slot<T, u64>,
    },
    /// A time.
    Time {
        from: Duration,
        to: Duration,
        slot: Slot<T, Duration>,
    },
    /// One of a few words, by its place among them.
    Word {
        words: &'static [&'static str],
        slot: Slot<T, usize>,
    },
    /// An address with a port.
    Address(Slot<T, SocketAddr>),
    /// A file's name, relative to the file that it stands in.
    File(Slot<T, PathBuf>),
}

/// A number of the configuration, whatever its width.
macro_rules! number {
    ($($path:ident).+) => {
        Slot {
            get: |c| u64::try_from(c.$($path).+).ok(),
            // The bounds of the key are within those of the type: a test holds it.
            set: |c, v| c.$($path).+ = v.try_into().unwrap_or_default(),
        }
    };
}

/// A value that is kept as it is.
macro_rules! value {
    ($($path:ident).+) => {
        Slot {
            get: |c| Some(c.$($path).+.clone()),
            set: |c, v| c.$($path).+ = v,
        }
    };
}

/// A value of a listener, which may not be written.
macro_rules! written {
    ($name:ident) => {
        Slot {
            get: |draft| draft.$name.clone(),
            set: |draft, v| draft.$name = Some(v),
        }
    };
    ($name:ident among $values:ident) => {
        Slot {
            get: |draft| $values.iter().position(|v| Some(*v) == draft.$name),
            set: |draft, place| draft.$name = $values.get(place).copied(),
        }
    };
}

/// How a listener may speak; in the order of the words.
const PROTOCOLS: [ListenerProtocol; 4] = [
    ListenerProtocol::Tcp,
    ListenerProtocol::Tls,
    ListenerProtocol::Ws,
    ListenerProtocol::Wss,
];

/// What a listener may want of its clients; in the order of the words.
const CLIENT_CERTS: [ClientCert; 3] =
    [ClientCert::Required, ClientCert::Optional, ClientCert::None];

/// The section of listeners.
pub(super) const LISTENERS: &str = "listeners";

/// What a table is for.
#[cfg(test)]
pub(super) fn section_doc(section: &str) -> &'static str {
    match section {
        "mqtt" => "What the protocol leaves to the broker, and what it tells its clients of it.",
        "limits" => {
            "What clients may use up. Whoever goes beyond is refused or cut off, counted and shown."
        }
        other => panic!("[{other}] has no sentence"),
    }
}

/// The keys of `[listeners.NAME]`.
pub(super) static LISTENER_KEYS: [Key<ListenerDraft>; 6] = [
    Key {
        section: LISTENERS,
        name: "bind",
        field: Field::Address(written!(bind)),
        absent: Some("must be written"),
        applies: Applies::Restart,
        doc: "Address and port to listen at. 127.0.0.1 and [::1] are reachable from this computer alone; port 0 is any \
              free one.",
    },
    Key {
        section: LISTENERS,
        name: "protocol",
        field: Field::Word {
            words: &["tcp", "tls", "ws", "wss"],
            slot: written!(protocol among PROTOCOLS),
        },
        absent: Some("must be written"),
        applies: Applies::Restart,
        doc: "MQTT over plain TCP, over TLS, over WebSocket (path /mqtt), or over WebSocket in TLS. Each speaks MQTT 3.1, \
              3.1.1 and 5.",
    },
    Key {
        section: LISTENERS,
        name: "client_cert",
        field: Field::Word {
            words: &["required", "optional", "none"],
            slot: written!(client_cert among CLIENT_CERTS),
        },
        absent: Some("`required` for tls and wss"),
        applies: Applies::Restart,
        doc: "Whether a client must show a certificate. For tls and wss alone.",
    },
    Key {
        section: LISTENERS,
        name: "cert",
        field: Field::File(written!(cert)),
        absent: Some("the data folder's certificate"),
        applies: Applies::Restart,
        doc: "PEM file of the listener's own certificate and what is between it and its authority. Goes with `key`.",
    },
    Key {
        section: LISTENERS,
        name: "key",
        field: Field::File(written!(key)),
        absent: Some("the data folder's key"),
        applies: Applies::Restart,
        doc: "PEM file of the private key of `cert`.",
    },
    Key {
        section: LISTENERS,
        name: "ca",
        field: Field::File(written!(ca)),
        absent: Some("the data folder's authority"),
        applies: Applies::Restart,
        doc: "PEM file of the authorities that client certificates are checked against.",
    },
];

/// The keys of every other table, in the order in which they are shown.
pub(super) static KEYS: [Key<BrokerConfig>; 7] = [
    Key {
        section: "mqtt",
        name: "maximum_packet_size",
        field: Field::Size {
            from: 128,
            to: 268_435_460,
            slot: number!(limits.maximum_packet_size),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "The largest packet that is taken of a client. A larger one is refused with 0x95 when its length is read. \
              MQTT 5 clients are told in CONNACK.",
    },
    Key {
        section: "mqtt",
        name: "receive_maximum",
        field: Field::Count {
            unit: "messages",
            from: 1,
            to: 65_535,
            slot: number!(limits.receive_maximum),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "QoS 2 messages of one client that may wait for their PUBREL; more are refused with 0x93. MQTT 5 clients are \
              told in CONNACK.",
    },
    Key {
        section: "mqtt",
        name: "topic_alias_maximum",
        field: Field::Count {
            unit: "aliases",
            from: 0,
            to: 65_535,
            slot: number!(limits.topic_alias_maximum),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "Topic aliases that a client may use; 0 for none. MQTT 5 clients are told in CONNACK.",
    },
    Key {
        section: "mqtt",
        name: "max_queued_messages",
        field: Field::Count {
            unit: "messages",
            from: 1,
            to: 100_000_000,
            slot: number!(limits.queue.messages),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "Messages above QoS 0 that may wait for one session's client. What is over it is dropped and counted.",
    },
    Key {
        section: "mqtt",
        name: "max_queued_bytes",
        field: Field::Size {
            from: 1_024,
            to: 1 << 40,
            slot: number!(limits.queue.bytes),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "What the messages that wait for one session's client may take in memory. What is over it is dropped and \
              counted.",
    },
    Key {
        section: "limits",
        name: "connections",
        field: Field::Count {
            unit: "connections",
            from: 1,
            to: 1_000_000,
            slot: number!(limits.connections),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "Connections in all. A further one is closed as soon as it is accepted, and shown as refused.",
    },
    Key {
        section: "limits",
        name: "connect_timeout",
        field: Field::Time {
            from: Duration::from_millis(100),
            to: Duration::from_secs(3_600),
            slot: value!(limits.connect_timeout),
        },
        absent: None,
        applies: Applies::Restart,
        doc: "How long a connection may take from its first byte to a whole CONNECT, handshakes of TLS and WebSocket \
              included. One that takes longer is closed, and shown as refused.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_is_set_to_is_what_it_holds() {
        for key in &KEYS {
            let mut config = BrokerConfig::default();
            match &key.field {
                Field::Count { from, to, slot, .. } | Field::Size { from, to, slot } => {
                    for value in [*from, *to] {
                        (slot.set)(&mut config, value);
                        assert_eq!((slot.get)(&config), Some(value), "{}", key.name);
                    }
                }
                Field::Time { from, to, slot } => {
                    for value in [*from, *to] {
                        (slot.set)(&mut config, value);
                        assert_eq!((slot.get)(&config), Some(value), "{}", key.name);
                    }
                }
                Field::Word { words, slot } => {
                    for value in 0..words.len() {
                        (slot.set)(&mut config, value);
                        assert_eq!((slot.get)(&config), Some(value), "{}", key.name);
                    }
                }
                Field::Address(_) | Field::File(_) => {}
            }
        }
    }

    #[test]
    fn the_default_of_each_key_is_within_its_bounds() {
        let config = BrokerConfig::default();
        for key in &KEYS {
            let within = match &key.field {
                Field::Count { from, to, slot, .. } | Field::Size { from, to, slot } => {
                    (slot.get)(&config).is_some_and(|v| (*from..=*to).contains(&v))
                }
                Field::Time { from, to, slot } => {
                    (slot.get)(&config).is_some_and(|v| (*from..=*to).contains(&v))
                }
                Field::Word { words, slot } => {
                    (slot.get)(&config).is_some_and(|place| place < words.len())
                }
                Field::Address(_) | Field::File(_) => true,
            };
            assert!(within, "{}.{}", key.section, key.name);
        }
    }
}
