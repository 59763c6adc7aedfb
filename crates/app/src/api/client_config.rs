use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{MessageProperties, Protocol, PublishRequest, SubscribeRequest, Version};

/// A name and a value: a user property, or a field of a header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
#[allow(missing_docs)]
pub struct NameAndValue {
    pub name: String,
    pub value: String,
}

/// A password, a passphrase or a token. The page can set one, and never gets it back.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum Secret {
    /// There is none.
    #[default]
    None,
    /// The one that is stored.
    Stored,
    /// A new one, to be stored.
    New {
        /// It.
        value: String,
    },
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Stored => "Stored",
            Self::New { .. } => "New(…)",
        })
    }
}

/// Where a test client connects to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum Target {
    /// The embedded broker's tcp listener.
    #[default]
    Tcp,
    /// The embedded broker's tls listener, with a device certificate.
    MutualTls {
        /// The device.
        device: String,
    },
    /// The embedded broker's ws listener.
    Ws,
    /// Any broker.
    Remote(Box<Remote>),
}

/// A broker elsewhere, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct Remote {
    /// Transport and security.
    pub protocol: Protocol,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Of ws and wss the path of the request.
    pub path: String,
    /// Of ws and wss more header fields of the request.
    pub headers: Vec<NameAndValue>,
    /// Of tls and wss whom to trust and what to show.
    pub tls: TlsConfig,
    /// A proxy in between.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyConfig>,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            protocol: Protocol::Tcp,
            host: String::new(),
            port: 1883,
            path: "/mqtt".into(),
            headers: Vec::new(),
            tls: TlsConfig::default(),
            proxy: None,
        }
    }
}

/// Whom to trust and what to show in a TLS handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct TlsConfig {
    /// Whom to trust.
    pub trust: Trust,
    /// What to show.
    pub identity: TlsIdentity,
    /// The name to ask for and to find in the certificate (SNI), where it is not the host.
    pub server_name: String,
    /// Protocols to offer (ALPN), the dearest first.
    pub alpn: Vec<String>,
}

/// Whose signature a broker's certificate must have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum Trust {
    /// Of an authority that this system trusts.
    #[default]
    System,
    /// Of the workbench's own authority.
    Workbench,
    /// Of an authority in a PEM file.
    File {
        /// The file.
        path: String,
    },
    /// Of an authority that is given here.
    Pem {
        /// The certificate.
        pem: String,
    },
    /// Anybody's: nothing is verified, so whoever is in between can read and change everything.
    Anybody,
}

/// What to show a broker that asks for a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[ts(export)]
pub enum TlsIdentity {
    /// Nothing.
    #[default]
    None,
    /// A device that the workbench has issued.
    Device {
        /// The device.
        name: String,
    },
    /// PEM files.
    Files {
        /// The certificate, and the chain up to its authority.
        certificate: String,
        /// Its private key; PKCS#8 may be encrypted.
        key: String,
        /// The passphrase of an encrypted key.
        #[serde(default)]
        passphrase: Secret,
    },
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum ProxyKind {
    /// HTTP CONNECT.
    #[default]
    Http,
    /// SOCKS 5.
    Socks5,
}

/// A proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ProxyConfig {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name; empty for none.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// The message that the broker publishes when the client's connection breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload, as text.
    pub payload: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// Seconds that the broker waits before it publishes (Will Delay Interval; MQTT 5).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<u32>,
    /// Properties of the message (MQTT 5).
    #[ts(as = "Option<MessageProperties>", optional)]
    pub properties: MessageProperties,
}

/// What CONNECT says besides, with MQTT 5. What is left out is not sent, and means what the standard says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ConnectProperties {
    /// Messages above QoS 0 that may be under way to the client (Receive Maximum).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_maximum: Option<u16>,
    /// The largest packet that the client takes (Maximum Packet Size).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_packet_size: Option<u32>,
    /// The highest topic alias that the broker may use (Topic Alias Maximum).
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_alias_maximum: Option<u16>,
    /// Request Response Information.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_response_information: Option<bool>,
    /// Request Problem Information.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_problem_information: Option<bool>,
    /// User Properties.
    pub user_properties: Vec<NameAndValue>,
    /// Authentication Method; empty for none.
    pub authentication_method: String,
    /// Authentication Data: what is shown first, and then what answers each AUTH of the broker, a line each, as text.
    pub authentication_data: Secret,
}

/// How a connection that was lost is made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct Reconnect {
    /// Seconds before the first attempt; they double with each.
    pub first: u16,
    /// Seconds at most.
    pub longest: u16,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first: 1,
            longest: 60,
        }
    }
}

/// What is answered by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ReplyRule {
    /// It is in force.
    pub enabled: bool,
    /// Messages on topics of this filter are answered.
    pub filter: String,
    /// The answer. Its topic may be empty: then it goes to the message's Response Topic, and one without is not answered.
    /// Its placeholders are filled in; `{{payload}}` and `{{topic}}` are the message's.
    pub reply: PublishRequest,
}

/// How a test client connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ClientConfig {
    /// Its name in the window; the client identifier where it is empty.
    #[ts(as = "Option<String>", optional)]
    pub name: String,
    /// Its client identifier; an empty one lets the broker choose.
    pub client_id: String,
    /// 3.1.1 or 5.
    pub version: Version,
    /// Where to.
    pub target: Target,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    /// Clean start (MQTT 5) or clean session (3.1.1).
    pub clean_start: bool,
    /// Seconds that the session outlives the connection; MQTT 5 only.
    pub session_expiry: u32,
    /// Its last will.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub will: Option<Will>,
    /// User name; empty for none.
    #[ts(as = "Option<String>", optional)]
    pub user: String,
    /// Password or token.
    #[ts(as = "Option<Secret>", optional)]
    pub password: Secret,
    /// What else CONNECT says (MQTT 5).
    #[ts(as = "Option<ConnectProperties>", optional)]
    pub properties: ConnectProperties,
    /// Seconds from dialling to CONNACK.
    #[ts(as = "Option<u16>", optional)]
    pub connect_timeout: u16,
    /// Whether and how a lost connection is made again.
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<Reconnect>,
    /// Subscriptions that are made when it connects.
    #[ts(as = "Option<Vec<SubscribeRequest>>", optional)]
    pub subscriptions: Vec<SubscribeRequest>,
    /// What it answers by itself.
    #[ts(as = "Option<Vec<ReplyRule>>", optional)]
    pub replies: Vec<ReplyRule>,
    /// Its own end of a connection to the embedded broker is in Traffic besides the broker's.
    #[ts(as = "Option<bool>", optional)]
    pub show_own_end: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            client_id: String::new(),
            version: Version::V5,
            target: Target::Tcp,
            keep_alive: 60,
            clean_start: true,
            session_expiry: 0,
            will: None,
            user: String::new(),
            password: Secret::None,
            properties: ConnectProperties::default(),
            connect_timeout: 5,
            reconnect: None,
            subscriptions: Vec::new(),
            replies: Vec::new(),
            show_own_end: false,
        }
    }
}

/// Profiles that were read from a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Imported {
    /// Whose format it was, for a person.
    pub format: String,
    /// The clients that were added, by number.
    pub clients: Vec<u32>,
    /// The saved messages that were added.
    pub messages: u32,
    /// What was not taken over, and why.
    pub left_out: Vec<String>,
}
