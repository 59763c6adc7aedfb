//! A message to a broker, and what a subscription to it hears.
//!
//! Duty: a client for one publish, or for some filters until its reader has enough. Not here: clients that are kept ([`crate::clients`]).
//! Invariant: nothing runs on after a call has returned; a slow reader holds the broker up, so nothing is lost.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mqttwb_client::{Grant, Message, MessageProperties, Options, Publication, TestClient, Wish};
use mqttwb_model::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;

use super::Address;
use crate::api::{ApiError, ErrorCode, PublishRequest, Version};
use crate::certificates::{DEFAULT_TLS_PORT, client_config_of_files};
use crate::clients::{
    Endpoint, connection_failed, filter, payload, qos, request_failed, topic, version,
};
use crate::words::sentence;
use crate::{Result, blocking};

/// Messages that wait for a reader; more wait with the broker.
const INBOX: usize = 64;
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
    use crate::oneshot::certificates;

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
}
