//! The one place that knows `rumqttc`: its session state and codec for MQTT 3.1.1 and for 5, made one.
//!
//! Duty: requests and packets in, bytes to send and [`Event`]s out; no socket, no clock. rumqttc's own event loops are not
//! used: they dial by themselves, so nobody could see what is on the wire, go through a SOCKS proxy, or answer AUTH.
//!
//! What its state does not do, and is done here:
//! - it hands out packet identifiers that may be in use by another kind of request: those of messages are 1 to
//!   [`WINDOW`] here, those of subscriptions are above;
//! - it forgets the QoS 2 messages that it has received when a connection ends, and takes a message that comes again for
//!   a new one;
//! - it takes an acknowledgement of nothing for the end of the connection, where the standard has an answer;
//! - it reports a message before it has looked its topic alias up.

mod reason;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use bytes::{Bytes, BytesMut};
use mqttwb_model::{PacketType, ProtocolVersion, QoS, TopicName};
use mqttwb_wire::{Ack, Packet, Property, ReasonCode, RetainHandling, decode, encode, peek};
use rumqttc::v5::mqttbytes as mqttbytes5;
use rumqttc::v5::mqttbytes::v5 as packets5;
use rumqttc::{mqttbytes::v4 as packets4, v5};

use self::reason::{puback_reason, pubrec_reason, suback_outcome, unsuback_reason};
use crate::error::{ConnectionError, RequestError, words};
use crate::hello::{LARGEST_PACKET, Negotiated};
use crate::{Message, MessageProperties, Publication, Version, Wish};

/// Messages above QoS 0 that wait for an acknowledgement at most.
const WINDOW: u16 = 256;

/// A session: what outlives a connection, and what its current connection has agreed on.
pub(crate) struct Session {
    machine: Machine,
    /// Identifiers of messages that wait for an acknowledgement.
    waiting: BTreeSet<u16>,
    /// Identifiers of QoS 2 messages that have come and wait for PUBREL.
    received: HashSet<u16>,
    last_request: u16,
    window: usize,
    alias_maximum: u16,
    aliases_in: HashMap<u16, Bytes>,
    aliases_out: HashMap<u16, TopicName>,
}

enum Machine {
    V311(Box<rumqttc::MqttState>),
    V5(Box<v5::MqttState>),
}

/// What a packet of the broker's says.
#[derive(Debug)]
pub(crate) enum Event {
    /// PUBACK, PUBCOMP, or PUBREC with an error.
    Acknowledged { id: u16, reason: ReasonCode },
    /// SUBACK: the QoS, or the reason of a refusal.
    Granted {
        id: u16,
        outcome: Result<QoS, String>,
    },
    /// UNSUBACK, with the reason where it is no success.
    Unsubscribed { id: u16, refused: Option<String> },
    /// A message.
    Received(Message),
    /// A QoS 2 message that has come before.
    Again(Message),
}

impl Session {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            machine: match version {
                Version::V311 => Machine::V311(Box::new(rumqttc::MqttState::new(WINDOW, false))),
                Version::V5 => Machine::V5(Box::new(v5::MqttState::new(WINDOW, false))),
            },
            waiting: BTreeSet::new(),
            received: HashSet::new(),
            last_request: WINDOW,
            window: usize::from(WINDOW),
            alias_maximum: 0,
            aliases_in: HashMap::new(),
            aliases_out: HashMap::new(),
        }
    }

    pub(crate) fn version(&self) -> Version {
        match self.machine {
            Machine::V311(_) => Version::V311,
            Machine::V5(_) => Version::V5,
        }
    }

    /// A connection begins on which the broker has the session too: writes what was not acknowledged once more
    /// [MQTT-4.4.0-1], and returns the identifiers of those messages.
    pub(crate) fn resume(&mut self, out: &mut BytesMut) -> Result<Vec<u16>, ConnectionError> {
        self.aliases_in.clear();
        self.aliases_out.clear();
        let mut again = Vec::new();
        match &mut self.machine {
            Machine::V311(state) => {
                for mut request in state.clean() {
                    if let rumqttc::Request::Publish(publish) = &mut request {
                        publish.dup = true; // [MQTT3-3.3.1-1]
                        again.push(publish.pkid);
                    }
                    let packet = state.handle_outgoing_packet(request);
                    write_v311(packet.map_err(broken)?, out)?;
                }
                for pkid in &self.received {
                    let mut known = packets4::Publish::new("", rumqttc::QoS::ExactlyOnce, []);
                    known.pkid = *pkid;
                    state
                        .handle_incoming_packet(rumqttc::Packet::Publish(known))
                        .map_err(broken)?;
                }
                state.events.clear();
            }
            Machine::V5(state) => {
                for mut request in state.clean() {
                    if let v5::Request::Publish(publish) = &mut request {
                        publish.dup = true; // [MQTT-3.3.1-1]
                        again.push(publish.pkid);
                    }
                    let packet = state.handle_outgoing_packet(request);
                    write_v5(packet.map_err(broken)?, out)?;
                }
                for pkid in &self.received {
                    let mut known =
                        packets5::Publish::new("", mqttbytes5::QoS::ExactlyOnce, "", None);
                    known.pkid = *pkid;
                    state
                        .handle_incoming_packet(packets5::Packet::Publish(known))
                        .map_err(broken)?;
                }
                state.events.clear();
            }
        }
        Ok(again)
    }

    /// What CONNACK says of the connection.
    pub(crate) fn agreed(&mut self, negotiated: &Negotiated) {
        self.window = usize::from(negotiated.receive_maximum.min(WINDOW));
        self.alias_maximum = negotiated.topic_alias_maximum;
    }

    /// Whether one more message above QoS 0 may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.window
    }

    /// Writes PUBLISH. Returns its packet identifier, 0 at QoS 0. The caller has seen to it that there is room.
    pub(crate) fn publish(
        &mut self,
        message: &Publication,
        out: &mut BytesMut,
    ) -> Result<u16, PublishError> {
        let id = match message.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.free_id(),
        };
        let topic = self
            .topic_on_the_wire(message)
            .map_err(PublishError::Request)?;
        match &mut self.machine {
            Machine::V311(state) => {
                let mut publish = packets4::Publish::from_bytes(
                    message.topic.as_str(),
                    qos_v311(message.qos),
                    message.payload.clone(),
                );
                publish.retain = message.retain;
                publish.pkid = id;
                let packet = state.handle_outgoing_packet(rumqttc::Request::Publish(publish));
                state.events.clear();
                let packet = packet.map_err(|error| PublishError::Connection(broken(error)))?;
                write_v311(packet, out).map_err(PublishError::Connection)?;
            }
            Machine::V5(state) => {
                let mut publish = packets5::Publish::new(
                    message.topic.as_str(),
                    qos_v5(message.qos),
                    message.payload.clone(),
                    (!message.properties.is_empty()).then(|| properties_v5(&message.properties)),
                );
                publish.retain = message.retain;
                publish.pkid = id;
                // It checks the alias against what it has not been told; that was done above.
                state.broker_topic_alias_max = self.alias_maximum;
                let packet = state.handle_outgoing_packet(v5::Request::Publish(publish));
                state.events.clear();
                let mut packet = packet.map_err(|error| PublishError::Connection(broken(error)))?;
                // What is sent again on another connection must name its topic, so the session keeps the whole one.
                if let Some(packets5::Packet::Publish(publish)) = &mut packet {
                    publish.topic = topic;
                }
                write_v5(packet, out).map_err(PublishError::Connection)?;
            }
        }
        if id != 0 {
            self.waiting.insert(id);
        }
        Ok(id)
    }

    /// The topic, or nothing where an alias that the broker knows already stands for it.
    fn topic_on_the_wire(&mut self, message: &Publication) -> Result<Bytes, RequestError> {
        let whole = || Bytes::copy_from_slice(message.topic.as_str().as_bytes());
        let Some(alias) = message.properties.topic_alias else {
            return Ok(whole());
        };
        if self.version() == Version::V311 {
            return Ok(whole());
        }
        let maximum = self.alias_maximum;
        if alias == 0 || alias > maximum {
            return Err(RequestError::Alias { alias, maximum });
        }
        if self.aliases_out.get(&alias) == Some(&message.topic) {
            return Ok(Bytes::new());
        }
        self.aliases_out.insert(alias, message.topic.clone());
        Ok(whole())
    }

    fn free_id(&self) -> u16 {
        (1..=WINDOW)
            .find(|id| !self.waiting.contains(id))
            .unwrap_or(WINDOW)
    }

    /// An identifier for SUBSCRIBE or UNSUBSCRIBE. Few of them wait at a time, and there are 65,000.
    fn request_id(&mut self) -> u16 {
        self.last_request = match self.last_request {
            u16::MAX => WINDOW + 1,
            last => last + 1,
        };
        self.last_request
    }

    /// Writes SUBSCRIBE. Returns its packet identifier.
    pub(crate) fn subscribe(
        &mut self,
        wish: &Wish,
        out: &mut BytesMut,
    ) -> Result<u16, ConnectionError> {
        let id = self.request_id();
        let filter = wish.filter.as_str();
        match self.version() {
            Version::V311 => {
                let mut subscribe = packets4::Subscribe::new(filter, qos_v311(wish.options.qos));
                subscribe.pkid = id;
                write_v311(Some(rumqttc::Packet::Subscribe(subscribe)), out)?;
            }
            Version::V5 => {
                let mut wanted = packets5::Filter::new(filter, qos_v5(wish.options.qos));
                wanted.nolocal = wish.options.no_local;
                wanted.preserve_retain = wish.options.retain_as_published;
                wanted.retain_forward_rule = match wish.options.retain_handling {
                    RetainHandling::OnSubscribe => packets5::RetainForwardRule::OnEverySubscribe,
                    RetainHandling::IfNew => packets5::RetainForwardRule::OnNewSubscribe,
                    RetainHandling::Never => packets5::RetainForwardRule::Never,
                };
                let properties =
                    (wish.id.is_some() || !wish.user_properties.is_empty()).then(|| {
                        packets5::SubscribeProperties {
                            // At most 268,435,455.
                            id: wish.id.map(|id| id as usize),
                            user_properties: wish.user_properties.clone(),
                        }
                    });
                let mut subscribe = packets5::Subscribe::new(wanted, properties);
                subscribe.pkid = id;
                write_v5(Some(packets5::Packet::Subscribe(subscribe)), out)?;
            }
        }
        Ok(id)
    }

    /// Writes UNSUBSCRIBE. Returns its packet identifier.
    pub(crate) fn unsubscribe(
        &mut self,
        filter: &str,
        out: &mut BytesMut,
    ) -> Result<u16, ConnectionError> {
        let id = self.request_id();
        match self.version() {
            Version::V311 => {
                let mut unsubscribe = packets4::Unsubscribe::new(filter);
                unsubscribe.pkid = id;
                write_v311(Some(rumqttc::Packet::Unsubscribe(unsubscribe)), out)?;
            }
            Version::V5 => {
                let mut unsubscribe = packets5::Unsubscribe::new(filter, None);
                unsubscribe.pkid = id;
                write_v5(Some(packets5::Packet::Unsubscribe(unsubscribe)), out)?;
            }
        }
        Ok(id)
    }

    /// Writes DISCONNECT.
    pub(crate) fn disconnect(&self, out: &mut BytesMut) -> Result<(), ConnectionError> {
        match self.version() {
            Version::V311 => write_v311(Some(rumqttc::Packet::Disconnect), out),
            Version::V5 => {
                let reason = packets5::DisconnectReasonCode::NormalDisconnection;
                let packet = packets5::Packet::Disconnect(packets5::Disconnect::new(reason));
                write_v5(Some(packet), out)
            }
        }
    }

    /// Takes a whole packet of the broker's, and writes what answers it.
    pub(crate) fn incoming(
        &mut self,
        frame: BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Event>, Broken> {
        let version = ProtocolVersion::from(self.version());
        let seen = peek(&frame, version).ok_or(Broken::Malformed("a packet of type 0".into()))?;
        let id = seen.packet_id.unwrap_or(0);
        match seen.packet {
            PacketType::PingResp => return Ok(None),
            // rumqttc loses one that has a reason and no length of properties, which is allowed.
            PacketType::Disconnect => return Err(dismissal(&frame, version)),
            PacketType::PubRel if !self.received.remove(&id) => {
                let reason = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                encode(&Packet::PubComp(Ack::with_reason(id, reason)), version, out);
                return Ok(None);
            }
            PacketType::PubRec if !self.waiting.contains(&id) => {
                let reason = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                encode(&Packet::PubRel(Ack::with_reason(id, reason)), version, out);
                return Ok(None);
            }
            PacketType::PubAck | PacketType::PubComp if !self.waiting.contains(&id) => {
                return Ok(None);
            }
            _ => {}
        }
        let again = seen.qos == Some(QoS::ExactlyOnce) && !self.received.insert(id);
        let event = match &mut self.machine {
            Machine::V311(state) => incoming_v311(state, frame, out)?,
            Machine::V5(state) => incoming_v5(state, &mut self.aliases_in, frame, out)?,
        };
        if let Some(Event::Acknowledged { id, .. }) = &event {
            self.waiting.remove(id);
        }
        Ok(match event {
            Some(Event::Received(message)) if again => Some(Event::Again(message)),
            other => other,
        })
    }
}

/// Why a message was not sent.
pub(crate) enum PublishError {
    /// It can't be, and nothing else is wrong.
    Request(RequestError),
    /// The connection can't go on.
    Connection(ConnectionError),
}

/// Why a connection can't go on with what was received.
#[derive(Debug)]
pub(crate) enum Broken {
    /// DISCONNECT.
    Dismissed { code: ReasonCode, words: String },
    /// It is no MQTT.
    Malformed(String),
}

fn dismissal(frame: &[u8], version: ProtocolVersion) -> Broken {
    match decode(frame, version) {
        Ok(Packet::Disconnect(told)) if version == ProtocolVersion::V5 => Broken::Dismissed {
            code: told.reason,
            words: words(
                told.reason.text_in(PacketType::Disconnect),
                told.reason,
                told.properties.find(|property| match property {
                    Property::ReasonString(text) => Some(text),
                    _ => None,
                }),
            ),
        },
        Ok(_) => Broken::Malformed("DISCONNECT, which no MQTT 3.1.1 broker may send".into()),
        Err(error) => Broken::Malformed(error.to_string()),
    }
}

fn malformed(error: impl fmt::Display) -> Broken {
    Broken::Malformed(error.to_string())
}

/// What rumqttc says of its own requests, which can be no fault of the broker's.
fn broken(error: impl fmt::Display) -> ConnectionError {
    ConnectionError::Io {
        address: "the broker".into(),
        detail: error.to_string(),
    }
}

fn write_v311(packet: Option<rumqttc::Packet>, out: &mut BytesMut) -> Result<(), ConnectionError> {
    if let Some(packet) = packet {
        packet.write(out, LARGEST_PACKET).map_err(broken)?;
    }
    Ok(())
}

fn write_v5(packet: Option<packets5::Packet>, out: &mut BytesMut) -> Result<(), ConnectionError> {
    if let Some(packet) = packet {
        packet.write(out, None).map_err(broken)?;
    }
    Ok(())
}

fn incoming_v311(
    state: &mut rumqttc::MqttState,
    mut frame: BytesMut,
    out: &mut BytesMut,
) -> Result<Option<Event>, Broken> {
    use rumqttc::{Packet, SubscribeReasonCode};
    let packet = Packet::read(&mut frame, LARGEST_PACKET).map_err(malformed)?;
    let answer = state.handle_incoming_packet(packet).map_err(malformed)?;
    write_v311(answer, out).map_err(malformed)?;
    let packet = state.events.drain(..).find_map(|event| match event {
        rumqttc::Event::Incoming(packet) => Some(packet),
        rumqttc::Event::Outgoing(_) => None,
    });
    Ok(match packet {
        Some(Packet::Publish(publish)) => Some(Event::Received(Message {
            topic: publish.topic,
            payload: publish.payload,
            qos: of_qos_v311(publish.qos),
            retain: publish.retain,
            dup: publish.dup,
            properties: MessageProperties::default(),
        })),
        Some(
            Packet::PubAck(rumqttc::PubAck { pkid }) | Packet::PubComp(rumqttc::PubComp { pkid }),
        ) => Some(Event::Acknowledged {
            id: pkid,
            reason: ReasonCode::SUCCESS,
        }),
        Some(Packet::SubAck(ack)) => Some(Event::Granted {
            id: ack.pkid,
            outcome: match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(of_qos_v311(*qos)),
                _ => Err(words("failure", ReasonCode(0x80), None)),
            },
        }),
        Some(Packet::UnsubAck(ack)) => Some(Event::Unsubscribed {
            id: ack.pkid,
            refused: None,
        }),
        _ => None,
    })
}

fn incoming_v5(
    state: &mut v5::MqttState,
    aliases: &mut HashMap<u16, Bytes>,
    mut frame: BytesMut,
    out: &mut BytesMut,
) -> Result<Option<Event>, Broken> {
    use packets5::Packet;
    let mut packet = Packet::read(&mut frame, None).map_err(malformed)?;
    if let Packet::Publish(publish) = &mut packet
        && let Some(properties) = &publish.properties
        && let Some(alias) = properties.topic_alias
    {
        if publish.topic.is_empty() {
            // [MQTT-3.3.2-8] and section 4.13.1
            publish.topic = aliases.get(&alias).cloned().ok_or_else(|| {
                malformed(format_args!(
                    "the topic alias {alias}, which stands for nothing"
                ))
            })?;
        } else {
            aliases.insert(alias, publish.topic.clone());
        }
    }
    let answer = state.handle_incoming_packet(packet).map_err(malformed)?;
    write_v5(answer, out).map_err(malformed)?;
    let packet = state.events.drain(..).find_map(|event| match event {
        v5::Event::Incoming(packet) => Some(packet),
        v5::Event::Outgoing(_) => None,
    });
    Ok(match packet {
        Some(Packet::Publish(publish)) => Some(Event::Received(Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload,
            qos: of_qos_v5(publish.qos),
            retain: publish.retain,
            dup: publish.dup,
            properties: publish.properties.map(of_properties_v5).unwrap_or_default(),
        })),
        Some(Packet::PubAck(ack)) => Some(Event::Acknowledged {
            id: ack.pkid,
            reason: puback_reason(ack.reason),
        }),
        Some(Packet::PubRec(ack)) => match pubrec_reason(ack.reason) {
            reason if reason.is_error() => Some(Event::Acknowledged {
                id: ack.pkid,
                reason,
            }),
            _ => None,
        },
        Some(Packet::PubComp(ack)) => Some(Event::Acknowledged {
            id: ack.pkid,
            reason: match ack.reason {
                packets5::PubCompReason::Success => ReasonCode::SUCCESS,
                packets5::PubCompReason::PacketIdentifierNotFound => {
                    ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
                }
            },
        }),
        Some(Packet::SubAck(ack)) => {
            let said = ack.properties.and_then(|told| told.reason_string);
            Some(Event::Granted {
                id: ack.pkid,
                outcome: match ack.return_codes.first() {
                    Some(code) => suback_outcome(*code, said.as_deref()),
                    None => Err("the SUBACK is empty".into()),
                },
            })
        }
        Some(Packet::UnsubAck(ack)) => Some(Event::Unsubscribed {
            id: ack.pkid,
            refused: ack
                .reasons
                .first()
                .map(unsuback_reason)
                .filter(|reason| reason.is_error())
                .map(|reason| words(reason.text(), reason, None)),
        }),
        _ => None,
    })
}

fn properties_v5(properties: &MessageProperties) -> packets5::PublishProperties {
    packets5::PublishProperties {
        payload_format_indicator: properties.payload_is_text.map(u8::from),
        message_expiry_interval: properties.expiry,
        topic_alias: properties.topic_alias,
        response_topic: properties.response_topic.clone(),
        correlation_data: properties.correlation_data.clone(),
        user_properties: properties.user.clone(),
        // [MQTT-3.3.4-6]: a client sends none.
        subscription_identifiers: Vec::new(),
        content_type: properties.content_type.clone(),
    }
}

fn of_properties_v5(properties: packets5::PublishProperties) -> MessageProperties {
    MessageProperties {
        payload_is_text: properties.payload_format_indicator.map(|n| n == 1),
        expiry: properties.message_expiry_interval,
        content_type: properties.content_type,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data,
        topic_alias: properties.topic_alias,
        // At most 268,435,455.
        subscription_ids: properties
            .subscription_identifiers
            .into_iter()
            .map(|id| id as u32)
            .collect(),
        user: properties.user_properties,
    }
}

fn qos_v311(qos: QoS) -> rumqttc::QoS {
    match qos {
        QoS::AtMostOnce => rumqttc::QoS::AtMostOnce,
        QoS::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        QoS::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    }
}

fn qos_v5(qos: QoS) -> mqttbytes5::QoS {
    match qos {
        QoS::AtMostOnce => mqttbytes5::QoS::AtMostOnce,
        QoS::AtLeastOnce => mqttbytes5::QoS::AtLeastOnce,
        QoS::ExactlyOnce => mqttbytes5::QoS::ExactlyOnce,
    }
}

fn of_qos_v311(qos: rumqttc::QoS) -> QoS {
    match qos {
        rumqttc::QoS::AtMostOnce => QoS::AtMostOnce,
        rumqttc::QoS::AtLeastOnce => QoS::AtLeastOnce,
        rumqttc::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn of_qos_v5(qos: mqttbytes5::QoS) -> QoS {
    match qos {
        mqttbytes5::QoS::AtMostOnce => QoS::AtMostOnce,
        mqttbytes5::QoS::AtLeastOnce => QoS::AtLeastOnce,
        mqttbytes5::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
