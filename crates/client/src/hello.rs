//! From CONNECT to CONNACK, with the AUTH packets between them.
//!
//! Duty: say who the client is, and learn what the broker grants. By our own codec, since rumqttc's event loops dial by
//! themselves and know no AUTH.

use bytes::BytesMut;
use mqttwb_model::{Direction, PacketType, ProtocolVersion};
use mqttwb_wire::{
    Auth, ConnAck, Connect, MAX_REMAINING_LENGTH, Packet, Properties, Property, ReasonCode, decode,
    encode, frame_len,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::dial::{Dialled, TlsSession};
use crate::error::{ConnectionError, words};
use crate::tap::Tap;
use crate::{Endpoint, Options, Version};

/// The largest packet of the protocol: fixed header and 268,435,455 bytes.
pub(crate) const LARGEST_PACKET: usize = MAX_REMAINING_LENGTH + 5;

/// What a connection has negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The address that was dialled, as a URL.
    pub url: String,
    /// What was dialled: the broker, or a proxy.
    pub peer: std::net::SocketAddr,
    /// What TLS has agreed on.
    pub tls: Option<TlsSession>,
    /// The identifier that the client goes by: its own, or the one that the broker gave.
    pub client_id: String,
    /// The broker had kept a session.
    pub session_present: bool,
    /// Seconds; the broker's where it has set one, 0 is off.
    pub keep_alive: u16,
    /// Messages above QoS 0 that may wait for an acknowledgement.
    pub receive_maximum: u16,
    /// The largest packet that the broker takes, where it has a limit.
    pub maximum_packet_size: Option<u32>,
    /// The highest topic alias that the broker takes; 0 is none.
    pub topic_alias_maximum: u16,
    /// Every property of CONNACK by its name, with its value as text; of authentication data the length alone.
    pub properties: Vec<(&'static str, String)>,
}

impl Negotiated {
    /// The largest packet that may be sent.
    pub(crate) fn largest(&self) -> usize {
        let limit = self.maximum_packet_size.map(usize::try_from);
        limit
            .map_or(LARGEST_PACKET, |limit| limit.unwrap_or(LARGEST_PACKET))
            .min(LARGEST_PACKET)
    }
}

/// Says hello, and waits for the answer.
pub(crate) async fn hello(
    dialled: &mut Dialled,
    input: &mut BytesMut,
    tap: &mut Tap,
    options: &Options,
    endpoint: &Endpoint,
) -> Result<Negotiated, ConnectionError> {
    let address = endpoint.to_string();
    let address = address.as_str();
    let version = ProtocolVersion::from(options.version);
    let failed = |error: std::io::Error| ConnectionError::of_io(&error, address, true);
    let malformed = |detail: String| ConnectionError::Protocol {
        address: address.to_owned(),
        detail,
    };
    let mut out = BytesMut::new();
    write_connect(options, &mut out);
    let mut answers = options
        .authentication
        .iter()
        .flat_map(|authentication| &authentication.answers);
    loop {
        tap.saw(Direction::ToBroker, &out);
        dialled.writer.write_all(&out).await.map_err(failed)?;
        dialled.writer.flush().await.map_err(failed)?;
        out.clear();
        let frame = loop {
            // Whoever speaks something else is told by his first byte: what looks like a length there may be never
            // reached.
            let expected = |byte: u8| matches!(byte >> 4, 2 | 15);
            if input.first().is_some_and(|byte| !expected(*byte)) {
                return Err(malformed(
                    "it answered CONNECT with something other than CONNACK".into(),
                ));
            }
            match frame_len(input, LARGEST_PACKET) {
                Ok(Some(len)) if input.len() >= len => break input.split_to(len).freeze(),
                Ok(_) => {}
                Err(error) => return Err(malformed(error.to_string())),
            }
            if dialled.reader.read_buf(input).await.map_err(failed)? == 0 {
                return Err(ConnectionError::closed(address, true));
            }
        };
        tap.saw(Direction::ToClient, &frame);
        match decode(&frame, version).map_err(|error| malformed(error.to_string()))? {
            Packet::ConnAck(ack) => return accepted(&ack, dialled, options, endpoint),
            Packet::Auth(auth) if auth.reason == ReasonCode::CONTINUE_AUTHENTICATION => {
                let Some(authentication) = &options.authentication else {
                    return Err(malformed(
                        "it sent AUTH to a client that has named no authentication method".into(),
                    ));
                };
                let Some(answer) = answers.next() else {
                    return Err(ConnectionError::Unanswered(authentication.method.clone()));
                };
                let mut properties = Vec::new();
                Property::AuthenticationMethod(&authentication.method).write(&mut properties);
                Property::AuthenticationData(answer).write(&mut properties);
                let auth = Auth {
                    reason: ReasonCode::CONTINUE_AUTHENTICATION,
                    properties: Properties::trusted(&properties),
                };
                encode(&Packet::Auth(auth), version, &mut out);
            }
            other => {
                return Err(malformed(format!(
                    "it answered CONNECT with {}",
                    other.packet_type()
                )));
            }
        }
    }
}

fn write_connect(options: &Options, out: &mut BytesMut) {
    let v5 = options.version == Version::V5;
    let mut properties = Vec::new();
    let mut of_will = Vec::new();
    if v5 {
        write_properties(options, &mut properties);
        if let Some(will) = &options.will {
            if let Some(delay) = will.delay {
                Property::WillDelayInterval(delay).write(&mut of_will);
            }
            will.properties.write(&mut of_will);
        }
    }
    let login = options.login.as_ref();
    let password = login.filter(|login| !login.password.is_empty());
    let connect = Connect {
        version: options.version.into(),
        clean_start: options.clean_start,
        keep_alive: options.keep_alive,
        client_id: &options.client_id,
        will: options.will.as_ref().map(|will| mqttwb_wire::Will {
            topic: will.topic.as_str(),
            payload: &will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: Properties::trusted(&of_will),
        }),
        user_name: login
            .map(|login| login.user.as_str())
            // [MQTT3-3.1.2-22]: no password without a user name, be it an empty one.
            .filter(|user| !user.is_empty() || (!v5 && password.is_some())),
        password: password.map(|login| login.password.as_bytes()),
        properties: Properties::trusted(&properties),
    };
    encode(
        &Packet::Connect(Box::new(connect)),
        options.version.into(),
        out,
    );
}

fn write_properties(options: &Options, out: &mut Vec<u8>) {
    let mut write = |property: Property<'_>| property.write(out);
    if options.session_expiry > 0 {
        write(Property::SessionExpiryInterval(options.session_expiry));
    }
    if let Some(maximum) = options.receive_maximum {
        write(Property::ReceiveMaximum(maximum));
    }
    if let Some(size) = options.maximum_packet_size {
        write(Property::MaximumPacketSize(size));
    }
    if let Some(maximum) = options.topic_alias_maximum {
        write(Property::TopicAliasMaximum(maximum));
    }
    if let Some(wanted) = options.request_response_information {
        write(Property::RequestResponseInformation(wanted));
    }
    if let Some(wanted) = options.request_problem_information {
        write(Property::RequestProblemInformation(wanted));
    }
    for (name, value) in &options.user_properties {
        write(Property::UserProperty(name, value));
    }
    if let Some(authentication) = &options.authentication {
        write(Property::AuthenticationMethod(&authentication.method));
        if let Some(data) = &authentication.data {
            write(Property::AuthenticationData(data));
        }
    }
}

fn accepted(
    ack: &ConnAck<'_>,
    dialled: &Dialled,
    options: &Options,
    endpoint: &Endpoint,
) -> Result<Negotiated, ConnectionError> {
    if ack.reason != ReasonCode::SUCCESS {
        let said = ack.properties.find(|property| match property {
            Property::ReasonString(text) => Some(text),
            _ => None,
        });
        let text = match options.version {
            Version::V311 => ReasonCode::v3_connack_text(ack.reason.0),
            Version::V5 => ack.reason.text_in(PacketType::ConnAck),
        };
        return Err(ConnectionError::Refused {
            code: ack.reason.0,
            version: options.version,
            words: words(text, ack.reason, said),
            elsewhere: ack.properties.find(|property| match property {
                Property::ServerReference(text) => Some(text.to_owned()),
                _ => None,
            }),
        });
    }
    let mut told = Negotiated {
        url: endpoint.url(),
        peer: dialled.peer,
        tls: dialled.tls.clone(),
        client_id: options.client_id.clone(),
        session_present: ack.session_present,
        keep_alive: options.keep_alive,
        receive_maximum: u16::MAX,
        maximum_packet_size: None,
        topic_alias_maximum: 0,
        properties: Vec::new(),
    };
    for property in ack.properties.iter() {
        match property {
            Property::AssignedClientIdentifier(id) => told.client_id = id.to_owned(),
            Property::ServerKeepAlive(seconds) => told.keep_alive = seconds,
            Property::ReceiveMaximum(maximum) => told.receive_maximum = maximum,
            Property::MaximumPacketSize(size) => told.maximum_packet_size = Some(size),
            Property::TopicAliasMaximum(maximum) => told.topic_alias_maximum = maximum,
            _ => {}
        }
        let value = match property {
            Property::AuthenticationData(data) => format!("{} bytes", data.len()),
            other => other.value_text(),
        };
        told.properties.push((property.name(), value));
    }
    Ok(told)
}
