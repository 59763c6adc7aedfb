//! `broker.toml`: what a broker is started with, as a person writes it.
//!
//! Duty: read the file, and say of every mistake which file, which key, and what was expected. Not here: opening
//! listeners. Invariant: a configuration that was read can be started, ports and certificate files permitting.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mqttwb_broker::Limits;
use mqttwb_model::{ClientCert, ListenerProtocol};
use toml::{Table, Value};

use crate::Result;
use crate::api::{ApiError, ErrorCode};
pub use crate::certificates::OwnFiles;

/// The file's name in the data folder.
pub const FILE_NAME: &str = "broker.toml";

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSpec {
    /// `NAME` of `[listeners.NAME]`.
    pub name: String,
    /// Where it listens; port 0 is any free one.
    pub bind: SocketAddr,
    /// How it speaks.
    pub protocol: ListenerProtocol,
    /// What it asks of clients.
    pub client_cert: ClientCert,
    /// Its own certificate files.
    pub files: Option<OwnFiles>,
}

/// A broker's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Listeners, in the order of the file.
    pub listeners: Vec<ListenerSpec>,
    /// What clients may use up.
    pub limits: Limits,
}

impl Default for BrokerConfig {
    /// tcp at 1883, mutual TLS at 8883, WebSocket at 8083, from this computer only.
    fn default() -> Self {
        let spec = |name: &str, port, protocol, client_cert| ListenerSpec {
            name: name.into(),
            bind: ([127, 0, 0, 1], port).into(),
            protocol,
            client_cert,
            files: None,
        };
        Self {
            listeners: vec![
                spec("tcp", 1883, ListenerProtocol::Tcp, ClientCert::None),
                spec("tls", 8883, ListenerProtocol::Tls, ClientCert::Required),
                spec("ws", 8083, ListenerProtocol::Ws, ClientCert::None),
            ],
            limits: Limits::default(),
        }
    }
}

/// Reads a configuration file.
pub fn load(path: &Path) -> Result<BrokerConfig> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ApiError::new(
            ErrorCode::Config,
            format!("{} can't be read: {error}", path.display()),
        )
        .hint("Name a file that exists, or leave the option out to use the defaults.")
    })?;
    parse(&text, path)
}

/// Reads `broker.toml` of a data folder; the defaults where there is none.
pub fn load_or_default(data: &Path) -> Result<BrokerConfig> {
    let path = data.join(FILE_NAME);
    if path.exists() {
        load(&path)
    } else {
        Ok(BrokerConfig::default())
    }
}

/// Reads a configuration; `path` is named in errors, and relative file names are relative to its folder.
pub fn parse(text: &str, path: &Path) -> Result<BrokerConfig> {
    let root: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map(|n| format!(", line {n}")).unwrap_or_default();
        ApiError::new(
            ErrorCode::Config,
            format!("{}{place}: not TOML: {}", path.display(), error.message()),
        )
    })?;
    let reading = Reading { path };
    reading.known(&root, "", &["listeners", "mqtt"])?;
    let mut config = BrokerConfig {
        listeners: Vec::new(),
        limits: Limits::default(),
    };
    match root.get("listeners") {
        None => config.listeners = BrokerConfig::default().listeners,
        Some(Value::Table(listeners)) => {
            for (name, value) in listeners {
                config.listeners.push(reading.listener(name, value)?);
            }
        }
        Some(other) => {
            return Err(reading.expected("listeners", "tables such as [listeners.tcp]", other));
        }
    }
    if let Some(mqtt) = root.get("mqtt") {
        reading.mqtt(mqtt, &mut config.limits)?;
    }
    Ok(config)
}

struct Reading<'a> {
    path: &'a Path,
}

impl Reading<'_> {
    fn error(&self, key: &str, what: impl std::fmt::Display) -> ApiError {
        ApiError::new(
            ErrorCode::Config,
            format!("{}: {key}: {what}", self.path.display()),
        )
    }

    fn expected(&self, key: &str, expected: &str, found: &Value) -> ApiError {
        self.error(key, format!("expected {expected}, found {found}"))
    }

    fn known(&self, table: &Table, prefix: &str, known: &[&str]) -> Result<()> {
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.error(
                &format!("{prefix}{key}"),
                format!("no such key; expected one of {}", known.join(", ")),
            )),
        }
    }

    fn text<'v>(&self, table: &'v Table, prefix: &str, key: &str) -> Result<Option<&'v str>> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.expected(&format!("{prefix}{key}"), "a text in quotes", other)),
        }
    }

    /// One of a few words.
    fn word<T: Copy>(
        &self,
        table: &Table,
        prefix: &str,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>> {
        let Some(text) = self.text(table, prefix, key)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let all: Vec<_> = words
                    .iter()
                    .map(|(word, _)| format!("\"{word}\""))
                    .collect();
                let expected = format!("one of {}", all.join(", "));
                Err(self.expected(&format!("{prefix}{key}"), &expected, &Value::from(text)))
            }
        }
    }

    fn listener(&self, name: &str, value: &Value) -> Result<ListenerSpec> {
        let prefix = format!("listeners.{name}.");
        let Value::Table(table) = value else {
            return Err(self.expected(
                &format!("listeners.{name}"),
                "a table with bind and protocol",
                value,
            ));
        };
        let keys = ["bind", "protocol", "client_cert", "cert", "key", "ca"];
        self.known(table, &prefix, &keys)?;
        let address = "an address with a port, such as \"127.0.0.1:1883\"";
        let bind = match self.text(table, &prefix, "bind")? {
            None => {
                return Err(self.error(
                    &format!("{prefix}bind"),
                    format!("missing; expected {address}"),
                ));
            }
            Some(text) => text.parse::<SocketAddr>().map_err(|_| {
                self.expected(&format!("{prefix}bind"), address, &Value::from(text))
            })?,
        };
        let protocols = [
            ("tcp", ListenerProtocol::Tcp),
            ("tls", ListenerProtocol::Tls),
            ("ws", ListenerProtocol::Ws),
            ("wss", ListenerProtocol::Wss),
        ];
        let Some(protocol) = self.word(table, &prefix, "protocol", &protocols)? else {
            return Err(self.error(
                &format!("{prefix}protocol"),
                "missing; expected \"tcp\", \"tls\", \"ws\" or \"wss\"",
            ));
        };
        let wanted = [
            ("required", ClientCert::Required),
            ("optional", ClientCert::Optional),
            ("none", ClientCert::None),
        ];
        let client_cert = self.word(table, &prefix, "client_cert", &wanted)?;
        if !protocol.is_secure() {
            for key in ["client_cert", "cert", "key", "ca"] {
                let harmless = key == "client_cert" && client_cert == Some(ClientCert::None);
                if table.contains_key(key) && !harmless {
                    return Err(self.error(
                        &format!("{prefix}{key}"),
                        format!("a {protocol} listener has no TLS; expected protocol \"tls\" or \"wss\" with it"),
                    ));
                }
            }
        }
        let file = |key: &str| -> Result<Option<PathBuf>> {
            let folder = self.path.parent().unwrap_or(Path::new(""));
            Ok(self
                .text(table, &prefix, key)?
                .map(|name| folder.join(name)))
        };
        let files = match (file("cert")?, file("key")?, file("ca")?) {
            (Some(cert), Some(key), ca) => Some(OwnFiles { cert, key, ca }),
            (None, None, None) => None,
            (None, _, _) => {
                return Err(self.error(
                    &format!("{prefix}cert"),
                    "missing; expected the file of the certificate that goes with key and ca",
                ));
            }
            (Some(_), None, _) => {
                return Err(self.error(
                    &format!("{prefix}key"),
                    "missing; expected the file of the private key that goes with cert",
                ));
            }
        };
        Ok(ListenerSpec {
            name: name.to_owned(),
            bind,
            protocol,
            client_cert: client_cert.unwrap_or(if protocol.is_secure() {
                ClientCert::Required
            } else {
                ClientCert::None
            }),
            files,
        })
    }

    fn mqtt(&self, value: &Value, limits: &mut Limits) -> Result<()> {
        let Value::Table(table) = value else {
            return Err(self.expected("mqtt", "a table", value));
        };
        let keys = [
            "maximum_packet_size",
            "receive_maximum",
            "topic_alias_maximum",
            "max_queued_messages",
            "max_queued_bytes",
        ];
        self.known(table, "mqtt.", &keys)?;
        if let Some(n) = self.number(table, "maximum_packet_size", 128, 268_435_460)? {
            limits.maximum_packet_size = n;
        }
        if let Some(n) = self.number(table, "receive_maximum", 1, 65_535)? {
            limits.receive_maximum = n as u16;
        }
        if let Some(n) = self.number(table, "topic_alias_maximum", 0, 65_535)? {
            limits.topic_alias_maximum = n as u16;
        }
        if let Some(n) = self.number(table, "max_queued_messages", 1, 100_000_000)? {
            limits.queue.messages = n;
        }
        if let Some(n) = self.number(table, "max_queued_bytes", 1_024, 1 << 40)? {
            limits.queue.bytes = n;
        }
        Ok(())
    }

    fn number(&self, table: &Table, key: &str, min: usize, max: usize) -> Result<Option<usize>> {
        let Some(value) = table.get(key) else {
            return Ok(None);
        };
        let number = match value {
            Value::Integer(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        match number.filter(|n| (min..=max).contains(n)) {
            Some(n) => Ok(Some(n)),
            None => {
                let expected = format!("a whole number from {min} to {max}");
                Err(self.expected(&format!("mqtt.{key}"), &expected, value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BrokerConfig> {
        parse(text, Path::new("conf/broker.toml"))
    }

    #[test]
    fn only_the_listeners_that_are_written_are_opened() {
        let config = read(
            "[listeners.secure]\nbind = \"[::1]:0\"\nprotocol = \"wss\"\nclient_cert = \"optional\"\n\
             [listeners.plain]\nbind = \"127.0.0.1:1884\"\nprotocol = \"tcp\"\n\
             [mqtt]\nmax_queued_messages = 7\n",
        )
        .unwrap();
        let names: Vec<_> = config.listeners.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["secure", "plain"]);
        assert_eq!(config.listeners[0].client_cert, ClientCert::Optional);
        assert_eq!(config.limits.queue.messages, 7);
        assert_eq!(read("").unwrap(), BrokerConfig::default());
    }

    #[test]
    fn a_listener_may_have_certificate_files_of_its_own_beside_the_file() {
        let config = read(
            "[listeners.tls]\nbind = \"127.0.0.1:0\"\nprotocol = \"tls\"\ncert = \"s.crt\"\nkey = \"s.key\"\n",
        )
        .unwrap();
        let files = config.listeners[0].files.clone().unwrap();
        assert_eq!(files.cert, Path::new("conf/s.crt"));
        assert_eq!(files.ca, None);
        assert_eq!(config.listeners[0].client_cert, ClientCert::Required);
    }

    #[test]
    fn a_mistake_is_told_with_file_key_and_what_was_expected() {
        let tcp = "[listeners.tcp]\nbind = \"127.0.0.1:1\"\nprotocol = \"tcp\"\n";
        for (text, key, expected) in [
            (
                "[listeners.a]\nbind = \"localhost\"\nprotocol = \"tcp\"\n",
                "listeners.a.bind",
                "127.0.0.1:1883",
            ),
            (
                "[listeners.a]\nprotocol = \"tcp\"\n",
                "listeners.a.bind",
                "missing",
            ),
            (
                "[listeners.a]\nbind = \"127.0.0.1:1\"\nprotocol = \"mqtt\"\n",
                "listeners.a.protocol",
                "\"wss\"",
            ),
            (
                "[listeners.a]\nbind = 1883\nprotocol = \"tcp\"\n",
                "listeners.a.bind",
                "a text in quotes",
            ),
            (
                &format!("{tcp}port = 1\n"),
                "listeners.tcp.port",
                "expected one of bind",
            ),
            (
                &format!("{tcp}client_cert = \"required\"\n"),
                "listeners.tcp.client_cert",
                "no TLS",
            ),
            (
                "[listeners.a]\nbind = \"127.0.0.1:1\"\nprotocol = \"tls\"\ncert = \"x\"\n",
                "listeners.a.key",
                "missing",
            ),
            ("[listener.a]\n", "listener", "expected one of listeners"),
            ("listeners = 3\n", "listeners", "[listeners.tcp]"),
            (
                "[mqtt]\nreceive_maximum = 0\n",
                "mqtt.receive_maximum",
                "from 1 to 65535",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code, ErrorCode::Config);
            let message = error.message;
            assert!(message.starts_with("conf/broker.toml: "), "{message}");
            assert!(message.contains(&format!(" {key}: ")), "{message}");
            assert!(message.contains(expected), "{message}");
        }
        let error = read("\n\n[listeners.tcp\n").unwrap_err();
        assert!(error.message.contains("line 3"), "{}", error.message);
    }
}
