//! What a command does that ends when it is done: certificates beside a running broker, a message, a subscription.
//!
//! Duty: the commands of a shell that need no workbench around them, for any broker. Not here: arguments and printing.
//! Invariant: nothing runs on after a call has returned.

pub mod access;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mqttwb_client::{
    Grant, Login, Message, MessageProperties, Options, Publication, TestClient, Wish,
};
use mqttwb_model::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::sync::mpsc;
use url::Url;
use zeroize::Zeroizing;

use crate::api::{
    ApiError, Certificates, ConfigReport, DeviceFolder, DeviceRequest, ErrorCode, ExportRequest,
    InspectFileRequest, InspectedFile, PublishRequest, Version,
};
use crate::certificates::{
    CertificateStore, DEFAULT_TLS_PORT, client_config_of_files, tls_port_of,
};
use crate::clients::{
    Endpoint, connection_failed, filter, payload, qos, request_failed, topic, version,
};
use crate::config::ConfigFile;
use crate::words::sentence;
use crate::{Result, blocking};

/// Messages that wait for a reader; more wait with the broker.
const INBOX: usize = 64;

/// The configuration that a broker of this file would run with, explained. Nothing is opened, made or changed.
pub async fn check(file: ConfigFile) -> Result<ConfigReport> {
    blocking(move || Ok(file.read()?.report())).await
}

/// The authority of a data folder and all that it has signed.
pub async fn certificates(data: PathBuf) -> Result<Certificates> {
    blocking(move || CertificateStore::open(&data)?.overview()).await
}

/// Looks into a file of certificates. No data folder is opened or made.
pub async fn inspect_file(request: InspectFileRequest) -> Result<InspectedFile> {
    blocking(move || CertificateStore::inspect(None, &request)).await
}

/// Issues a device certificate, and writes the device's files: into the folder that is named itself, or into a folder of
/// the device's name below the default one. A passphrase opens the authority's key where that is locked.
pub async fn issue(
    data: PathBuf,
    request: DeviceRequest,
    out: Option<PathBuf>,
    passphrase: Option<String>,
) -> Result<DeviceFolder> {
    let passphrase = passphrase.map(Zeroizing::new);
    blocking(move || {
        let store = opened(&data, passphrase)?;
        let port = tls_port_of(&data);
        match out {
            Some(folder) => store.issue_into(&request, &folder, port),
            None => {
                store.issue(&request)?;
                store.export(&default_export(request.name), port)
            }
        }
    })
    .await
}

/// Writes the files of a device that was issued before, to the same places as [`issue`]. A passphrase opens its key where
/// that is locked.
pub async fn export(
    data: PathBuf,
    device: String,
    out: Option<PathBuf>,
    passphrase: Option<String>,
) -> Result<DeviceFolder> {
    let passphrase = passphrase.map(Zeroizing::new);
    blocking(move || {
        let store = opened(&data, passphrase)?;
        let port = tls_port_of(&data);
        match out {
            Some(folder) => store.export_into(&device, &folder, port),
            None => store.export(&default_export(device), port),
        }
    })
    .await
}

/// The store of a data folder. A passphrase opens its authority's key where that is locked.
fn opened(data: &Path, passphrase: Option<Zeroizing<String>>) -> Result<CertificateStore> {
    let store = CertificateStore::open(data)?;
    if let Some(passphrase) = passphrase {
        store.unlock(&passphrase)?;
    }
    Ok(store)
}

fn default_export(name: String) -> ExportRequest {
    ExportRequest { name, folder: None }
}

/// Where a broker is, as a person writes it: `mqtt://host`, `mqtts://user:password@host:8883`, `host:1883` or `host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: Option<u16>,
    login: Option<Login>,
}

impl Address {
    /// A host, at a port or at the usual one.
    pub fn new(host: impl Into<String>, port: Option<u16>) -> Self {
        Self {
            secure: false,
            host: host.into(),
            port,
            login: None,
        }
    }
}

impl TryFrom<&str> for Address {
    type Error = ApiError;

    fn try_from(text: &str) -> Result<Self> {
        let invalid = |why: &dyn std::fmt::Display| {
            ApiError::new(
                ErrorCode::InvalidInput,
                sentence(format_args!("{text:?} is no address of a broker: {why}")),
            )
            .hint("Write mqtt://HOST:PORT, mqtts://HOST:PORT or HOST:PORT.")
        };
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("mqtt://{text}"))
        }
        .map_err(|error| invalid(&error))?;
        let secure = match url.scheme() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            "ws" | "wss" => return Err(invalid(&"this command does not speak WebSocket")),
            other => return Err(invalid(&format_args!("the scheme {other} is not MQTT's"))),
        };
        let decoded = |part: &str| {
            percent_decode_str(part)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|error| invalid(&error))
        };
        let host = decoded(url.host_str().unwrap_or_default())?;
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(invalid(&"it names no host"));
        }
        let login = if url.username().is_empty() {
            None
        } else {
            Some(Login {
                user: decoded(url.username())?,
                password: decoded(url.password().unwrap_or_default())?,
            })
        };
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: url.port(),
            login,
        })
    }
}

/// A broker, and who to be there.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where.
    pub address: Address,
    /// 3.1.1 or 5.
    pub version: Version,
    /// Client identifier; one that nobody else has where it is left out.
    pub client_id: Option<String>,
    /// The authority to trust, PEM; the system's where it is left out and the address wants TLS.
    pub ca: Option<PathBuf>,
    /// Certificate and key to show, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Remote {
    /// Whoever names an authority or an identity means TLS.
    fn secure(&self) -> bool {
        self.address.secure || self.ca.is_some() || self.identity.is_some()
    }

    pub(crate) async fn endpoint(&self) -> Result<Endpoint> {
        let tls = if self.secure() {
            let (ca, identity) = (self.ca.clone(), self.identity.clone());
            let config = blocking(move || {
                let identity = identity.as_ref();
                client_config_of_files(
                    ca.as_deref(),
                    identity.map(|(cert, key)| (cert.as_path(), key.as_path())),
                )
            });
            Some(config.await?)
        } else {
            None
        };
        let usual = if self.secure() {
            DEFAULT_TLS_PORT
        } else {
            1883
        };
        let port = self.address.port.unwrap_or(usual);
        Ok(Endpoint {
            tls,
            ..Endpoint::tcp(self.address.host.clone(), port)
        })
    }

    pub(crate) fn options(&self) -> Result<Options> {
        let unique = || format!("mqttwb-{:x}", Timestamp::now().0);
        Ok(Options {
            version: version(self.version)?,
            login: self.address.login.clone(),
            ..Options::new(self.client_id.clone().unwrap_or_else(unique))
        })
    }
}

/// Publishes one message; returns when the broker has acknowledged it as its QoS asks.
pub async fn publish(remote: &Remote, request: &PublishRequest) -> Result<()> {
    let message = Publication {
        topic: topic(&request.topic)?,
        payload: payload(&request.payload, request.encoding)?,
        qos: qos(request.qos)?,
        retain: request.retain,
        properties: MessageProperties::default(),
    };
    let client = TestClient::new();
    client
        .connect(&remote.options()?, &remote.endpoint().await?)
        .await
        .map_err(|error| connection_failed(&error))?;
    let outcome = match client.publish(message).await {
        Ok(acknowledgement) => acknowledgement.wait().await,
        Err(error) => Err(error),
    };
    client.disconnect().await;
    outcome.map_err(request_failed)
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// Topic.
    pub topic: String,
    /// Payload, where it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Payload in Base64, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
    /// QoS of the delivery.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// Sent again.
    pub dup: bool,
    /// Bytes of the payload.
    pub size: usize,
    /// The payload as it came.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl From<Message> for Received {
    fn from(message: Message) -> Self {
        let text = std::str::from_utf8(&message.payload)
            .ok()
            .map(str::to_owned);
        Self {
            topic: message.topic,
            payload_base64: text.is_none().then(|| STANDARD.encode(&message.payload)),
            payload: text,
            qos: message.qos.into(),
            retain: message.retain,
            dup: message.dup,
            size: message.payload.len(),
            bytes: message.payload,
        }
    }
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The broker has granted every filter. Retained messages may come before.
    Subscribed,
    /// A message.
    Message(Received),
}

/// The answers to all subscriptions.
type Answers = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A connection with some subscriptions. A slow reader holds the broker up, so nothing is lost.
pub struct Subscriber {
    client: Arc<TestClient>,
    messages: mpsc::Receiver<Message>,
    answers: Option<Answers>,
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Subscriber {
    /// Connects; [`next`](Self::next) subscribes and listens.
    pub async fn connect(remote: &Remote, filters: &[String], wanted: u8) -> Result<Self> {
        let wanted = qos(wanted)?;
        let mut parsed = Vec::with_capacity(filters.len());
        for text in filters {
            parsed.push(filter(text)?);
        }
        let client = Arc::new(TestClient::new());
        let (inbox, messages) = mpsc::channel(INBOX);
        client
            .connect_with_inbox(&remote.options()?, &remote.endpoint().await?, inbox)
            .await
            .map_err(|error| connection_failed(&error))?;
        let asking = client.clone();
        // Asked for while messages are read: retained ones may fill the inbox before the last answer has come.
        let answers: Answers = Box::pin(async move {
            for filter in parsed {
                let grant = asking
                    .subscribe(Wish::new(filter.clone(), wanted))
                    .await
                    .map_err(request_failed)?;
                if let Grant::Refused(reason) = grant {
                    return Err(ApiError::new(
                        ErrorCode::Client,
                        sentence(format_args!(
                            "the broker refused the subscription {filter}: {reason}"
                        )),
                    ));
                }
            }
            Ok(())
        });
        Ok(Self {
            client,
            messages,
            answers: Some(answers),
        })
    }

    /// Waits for the next thing; an error ends the subscription.
    pub async fn next(&mut self) -> Result<Heard> {
        let message = match &mut self.answers {
            None => self.messages.recv().await,
            Some(answers) => tokio::select! {
                biased;
                outcome = answers => {
                    self.answers = None;
                    outcome?;
                    return Ok(Heard::Subscribed);
                }
                message = self.messages.recv() => message,
            },
        };
        match message {
            Some(message) => Ok(Heard::Message(message.into())),
            None => {
                self.client.ended().await;
                Err(match self.client.status().failure {
                    Some(error) => connection_failed(&error),
                    None => ApiError::new(ErrorCode::Client, "The connection has ended."),
                })
            }
        }
    }

    /// Disconnects.
    pub async fn close(self) {
        // Without a reader the connection does not wait for one.
        drop(self.messages);
        self.client.disconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(secure: bool, host: &str, port: Option<u16>) -> Address {
        Address {
            secure,
            ..Address::new(host, port)
        }
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, expected) in [
            ("localhost", address(false, "localhost", None)),
            ("127.0.0.1:1884", address(false, "127.0.0.1", Some(1884))),
            ("[::1]:1884", address(false, "::1", Some(1884))),
            (
                "mqtt://broker.example",
                address(false, "broker.example", None),
            ),
            (
                "mqtts://broker.example:443/",
                address(true, "broker.example", Some(443)),
            ),
        ] {
            assert_eq!(Address::try_from(text).unwrap(), expected, "{text}");
        }
        let with_login = Address::try_from("mqtts://ada:p%40ss@broker.example").unwrap();
        let login = with_login.login.unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("ada", "p@ss")
        );
        for bad in [
            "",
            "mqtt://",
            "http://host",
            "ws://host/mqtt",
            "host:99999",
            "a b",
        ] {
            let error = Address::try_from(bad).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn a_payload_that_is_no_text_is_told_in_base64() {
        let message = |payload: &'static [u8]| Message {
            topic: "t".into(),
            payload: payload.into(),
            qos: mqttwb_model::QoS::AtMostOnce,
            retain: false,
            dup: false,
            properties: MessageProperties::default(),
        };
        let json = |payload| serde_json::to_value(Received::from(message(payload))).unwrap();
        assert_eq!(json(b"21.5")["payload"], "21.5");
        assert_eq!(json(&[0xff])["payloadBase64"], "/w==");
        assert!(json(&[0xff]).get("payload").is_none());
    }

    #[tokio::test]
    async fn naming_an_authority_or_an_identity_means_tls() {
        let plain = Remote {
            address: Address::new("localhost", None),
            version: Version::V5,
            client_id: None,
            ca: None,
            identity: None,
        };
        let endpoint = plain.endpoint().await.unwrap();
        assert_eq!((endpoint.port, endpoint.tls.is_some()), (1883, false));
        let data = tempfile::tempdir().unwrap();
        certificates(data.path().into()).await.unwrap();
        let secure = Remote {
            ca: Some(data.path().join("pki/ca.crt")),
            ..plain
        };
        let endpoint = secure.endpoint().await.unwrap();
        assert_eq!((endpoint.port, endpoint.tls.is_some()), (8883, true));
    }

    #[tokio::test]
    async fn the_command_of_a_readme_has_the_port_of_the_configuration() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(
            data.path().join("broker.toml"),
            "[listeners.secure]\nbind = \"127.0.0.1:8899\"\nprotocol = \"tls\"\n",
        )
        .unwrap();
        let request = DeviceRequest {
            name: "pump-7".into(),
            days: 1,
            ..DeviceRequest::default()
        };
        let out = data.path().join("out");
        let folder = issue(data.path().into(), request, Some(out.clone()), None)
            .await
            .unwrap();
        assert!(folder.command.contains("-p 8899"));
        let readme = std::fs::read_to_string(out.join("README.md")).unwrap();
        assert!(readme.contains("-p 8899"));
        let again = export(data.path().into(), "pump-7".into(), None, None)
            .await
            .unwrap();
        assert!(again.folder.ends_with("exports/pump-7"));
    }
}
