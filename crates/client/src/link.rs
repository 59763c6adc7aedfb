//! The one place that knows `rumqttc`: its two event loops, made one.
//!
//! What it does on its own and a test client has to allow for:
//! - polling after an error reconnects, so nobody polls again after an error;
//! - a keep-alive of MQTT 5 below 5 s, and so one of 0, can't be set. It writes the seconds as 16 bits though, so
//!   65,536 s more is the wanted number on the wire, with a ping every 18 hours; shorter pings are asked for here;
//! - a DISCONNECT of MQTT 5 with a reason and no property length, which is allowed, is lost on it: such a connection has
//!   just been closed;
//! - packets read together with the one that ends the connection stay behind in its queue: see [`Link::left_behind`].

mod reason;

use std::fmt;
use std::time::Duration;

use mqttwb_model::QoS;
use mqttwb_wire::ReasonCode;
use rumqttc::v5::mqttbytes as mqttbytes5;
use rumqttc::v5::mqttbytes::v5 as packets5;
use rumqttc::{TlsConfiguration, Transport, v5};

use self::reason::{connack_reason, puback_reason, pubrec_reason, suback_outcome, unsuback_reason};
use crate::error::{ConnectionError, TlsProblem, words};
use crate::options::Wish;
use crate::{Endpoint, Message, Options, Publication, Version};

/// Requests that rumqttc queues before it sends them.
pub(crate) const QUEUE: usize = 16;
/// Unacknowledged messages at a time; more wait.
const INFLIGHT: u16 = 256;
/// The largest packet of the protocol: fixed header and 268,435,455 bytes.
pub(crate) const LARGEST_PACKET: usize = 268_435_455 + 5;
/// From dialling to CONNACK.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Seconds that vanish when they are written as 16 bits.
const WRAP: u64 = 65_536;

/// An event loop.
pub(crate) struct Link {
    wire: Wire,
    address: String,
    accepted: bool,
}

enum Wire {
    V311(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// The way to hand requests to a [`Link`] while it is polled.
pub(crate) enum Requests {
    V311(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// What happened on a link.
#[derive(Debug)]
pub(crate) enum Event {
    /// CONNACK, with the largest packet that the broker takes, and the identifier that it gave.
    Accepted {
        session_present: bool,
        largest: usize,
        assigned: Option<String>,
        /// The keep-alive is the broker's and rumqttc's business now.
        broker_keeps_time: bool,
    },
    /// A request was written to the socket, in the order of the requests.
    Sent(u16),
    /// A publish was taken from the requests, and waits since its packet identifier is in use.
    Held(u16),
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
    /// DISCONNECT was written.
    Disconnected,
    /// Nothing that a person asks for: pings, the middle of a handshake.
    Aside,
}

impl Link {
    /// Prepares a connection; polling makes it.
    pub(crate) fn new(options: &Options, endpoint: &Endpoint) -> (Self, Requests) {
        let host = endpoint.host.trim_matches(['[', ']']);
        let transport = match &endpoint.tls {
            None => Transport::Tcp,
            Some(config) => Transport::tls_with_config(TlsConfiguration::Rustls(config.clone())),
        };
        let (wire, requests) = match options.version {
            Version::V311 => open_v311(options, host, endpoint.port, transport),
            Version::V5 => open_v5(options, host, endpoint.port, transport),
        };
        let link = Self {
            wire,
            address: endpoint.to_string(),
            accepted: false,
        };
        (link, requests)
    }

    /// How often [`ping`](Self::ping) must be called; `None` where rumqttc does it, or nobody.
    pub(crate) fn own_pings(options: &Options) -> Option<Duration> {
        match (options.version, options.keep_alive) {
            (Version::V5, seconds @ 1..5) => Some(Duration::from_secs(seconds.into())),
            _ => None,
        }
    }

    /// Asks for a PINGREQ; the next poll writes it.
    pub(crate) fn ping(&mut self) {
        match &mut self.wire {
            Wire::V311(wire) => wire
                .pending
                .push_back(rumqttc::Request::PingReq(rumqttc::PingReq)),
            Wire::V5(wire) => wire.pending.push_back(v5::Request::PingReq),
        }
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> Result<Event, ConnectionError> {
        let early = !self.accepted;
        let event = match &mut self.wire {
            Wire::V311(wire) => match wire.poll().await {
                Ok(event) => event_v311(event),
                Err(error) => return Err(error_v311(error, &self.address, early)),
            },
            Wire::V5(wire) => match wire.poll().await {
                Ok(event) => event_v5(event),
                Err(error) => return Err(error_v5(error, &self.address, early)),
            },
        };
        if let Event::Accepted {
            broker_keeps_time, ..
        } = event
        {
            self.accepted = true;
            if broker_keeps_time && let Wire::V5(wire) = &mut self.wire {
                // Where the broker says 0, rumqttc would ping without a pause.
                if wire.options.keep_alive().is_zero() {
                    wire.options.set_keep_alive(Duration::from_secs(WRAP));
                }
            }
        }
        Ok(event)
    }

    /// What was read in one go with the end of the connection, and not yet returned.
    pub(crate) fn left_behind(&mut self) -> Vec<Event> {
        match &mut self.wire {
            Wire::V311(wire) => wire.state.events.drain(..).map(event_v311).collect(),
            Wire::V5(wire) => wire.state.events.drain(..).map(event_v5).collect(),
        }
    }
}

fn open_v311(options: &Options, host: &str, port: u16, transport: Transport) -> (Wire, Requests) {
    let mut wanted = rumqttc::MqttOptions::new(&options.client_id, host, port);
    wanted
        .set_transport(transport)
        .set_keep_alive(Duration::from_secs(options.keep_alive.into()))
        .set_clean_session(options.clean_start)
        .set_inflight(INFLIGHT)
        .set_max_packet_size(LARGEST_PACKET, LARGEST_PACKET);
    if let Some(login) = &options.login {
        wanted.set_credentials(&login.user, &login.password);
    }
    if let Some(will) = &options.will {
        let payload = will.payload.to_vec();
        wanted.set_last_will(rumqttc::LastWill::new(
            will.topic.as_str(),
            payload,
            qos_v311(will.qos),
            will.retain,
        ));
    }
    let (requests, mut wire) = rumqttc::AsyncClient::new(wanted, QUEUE);
    wire.network_options.set_tcp_nodelay(true);
    wire.network_options
        .set_connection_timeout(CONNECT_WITHIN.as_secs());
    (Wire::V311(Box::new(wire)), Requests::V311(requests))
}

fn open_v5(options: &Options, host: &str, port: u16, transport: Transport) -> (Wire, Requests) {
    let mut wanted = v5::MqttOptions::new(&options.client_id, host, port);
    let keep_alive = match options.keep_alive {
        seconds @ 0..5 => WRAP + u64::from(seconds),
        seconds => seconds.into(),
    };
    wanted
        .set_transport(transport)
        .set_keep_alive(Duration::from_secs(keep_alive))
        .set_clean_start(options.clean_start)
        .set_connection_timeout(CONNECT_WITHIN.as_secs())
        .set_outgoing_inflight_upper_limit(INFLIGHT)
        // Without it rumqttc takes 10 KiB at most.
        .set_max_packet_size(u32::try_from(LARGEST_PACKET).ok());
    if options.session_expiry > 0 {
        wanted.set_session_expiry_interval(Some(options.session_expiry));
    }
    if let Some(login) = &options.login {
        wanted.set_credentials(&login.user, &login.password);
    }
    if let Some(will) = &options.will {
        let payload = will.payload.to_vec();
        wanted.set_last_will(packets5::LastWill::new(
            will.topic.as_str(),
            payload,
            qos_v5(will.qos),
            will.retain,
            None,
        ));
    }
    let mut network = wanted.network_options();
    network.set_tcp_nodelay(true);
    wanted.set_network_options(network);
    let (requests, wire) = v5::AsyncClient::new(wanted, QUEUE);
    (Wire::V5(Box::new(wire)), Requests::V5(requests))
}

impl Requests {
    /// Hands over a message. False where the queue is full, which a caller that counts [`QUEUE`] never sees.
    pub(crate) fn publish(&self, message: &Publication) -> bool {
        let topic = message.topic.as_str();
        match self {
            Self::V311(requests) => requests
                .try_publish(
                    topic,
                    qos_v311(message.qos),
                    message.retain,
                    message.payload.to_vec(),
                )
                .is_ok(),
            Self::V5(requests) => requests
                .try_publish(
                    topic,
                    qos_v5(message.qos),
                    message.retain,
                    message.payload.clone(),
                )
                .is_ok(),
        }
    }

    /// Hands over a subscription.
    pub(crate) fn subscribe(&self, wish: &Wish) -> bool {
        let filter = wish.filter.as_str();
        match self {
            Self::V311(requests) => requests.try_subscribe(filter, qos_v311(wish.qos)).is_ok(),
            Self::V5(requests) => requests.try_subscribe(filter, qos_v5(wish.qos)).is_ok(),
        }
    }

    /// Hands over the end of a subscription.
    pub(crate) fn unsubscribe(&self, filter: &str) -> bool {
        match self {
            Self::V311(requests) => requests.try_unsubscribe(filter).is_ok(),
            Self::V5(requests) => requests.try_unsubscribe(filter).is_ok(),
        }
    }

    /// Hands over a DISCONNECT.
    pub(crate) fn disconnect(&self) -> bool {
        match self {
            Self::V311(requests) => requests.try_disconnect().is_ok(),
            Self::V5(requests) => requests.try_disconnect().is_ok(),
        }
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

fn sent(outgoing: &rumqttc::Outgoing) -> Event {
    use rumqttc::Outgoing;
    match *outgoing {
        Outgoing::Publish(id) | Outgoing::Subscribe(id) | Outgoing::Unsubscribe(id) => {
            Event::Sent(id)
        }
        Outgoing::AwaitAck(id) => Event::Held(id),
        Outgoing::Disconnect => Event::Disconnected,
        Outgoing::PubAck(_)
        | Outgoing::PubRec(_)
        | Outgoing::PubRel(_)
        | Outgoing::PubComp(_)
        | Outgoing::PingReq
        | Outgoing::PingResp => Event::Aside,
    }
}

fn event_v311(event: rumqttc::Event) -> Event {
    use rumqttc::{Packet, SubscribeReasonCode};
    let packet = match event {
        rumqttc::Event::Outgoing(outgoing) => return sent(&outgoing),
        rumqttc::Event::Incoming(packet) => packet,
    };
    match packet {
        Packet::ConnAck(ack) => Event::Accepted {
            session_present: ack.session_present,
            largest: LARGEST_PACKET,
            assigned: None,
            broker_keeps_time: false,
        },
        Packet::Publish(publish) => Event::Received(Message {
            topic: publish.topic,
            payload: publish.payload,
            qos: of_qos_v311(publish.qos),
            retain: publish.retain,
            dup: publish.dup,
        }),
        Packet::PubAck(rumqttc::PubAck { pkid }) | Packet::PubComp(rumqttc::PubComp { pkid }) => {
            Event::Acknowledged {
                id: pkid,
                reason: ReasonCode::SUCCESS,
            }
        }
        Packet::SubAck(ack) => Event::Granted {
            id: ack.pkid,
            outcome: match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(of_qos_v311(*qos)),
                _ => Err(words("failure", ReasonCode(0x80), None)),
            },
        },
        Packet::UnsubAck(ack) => Event::Unsubscribed {
            id: ack.pkid,
            refused: None,
        },
        _ => Event::Aside,
    }
}

fn event_v5(event: v5::Event) -> Event {
    let packet = match event {
        v5::Event::Outgoing(outgoing) => return sent(&outgoing),
        v5::Event::Incoming(packet) => packet,
    };
    match packet {
        packets5::Packet::ConnAck(ack) => {
            let told = ack.properties;
            let limit = told.as_ref().and_then(|told| told.max_packet_size);
            Event::Accepted {
                session_present: ack.session_present,
                largest: limit
                    .and_then(|limit| usize::try_from(limit).ok())
                    .unwrap_or(LARGEST_PACKET),
                broker_keeps_time: told.as_ref().is_some_and(|t| t.server_keep_alive.is_some()),
                assigned: told.and_then(|told| told.assigned_client_identifier),
            }
        }
        packets5::Packet::Publish(publish) => Event::Received(Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload,
            qos: of_qos_v5(publish.qos),
            retain: publish.retain,
            dup: publish.dup,
        }),
        packets5::Packet::PubAck(ack) => Event::Acknowledged {
            id: ack.pkid,
            reason: puback_reason(ack.reason),
        },
        packets5::Packet::PubRec(ack) => match pubrec_reason(ack.reason) {
            reason if reason.is_error() => Event::Acknowledged {
                id: ack.pkid,
                reason,
            },
            _ => Event::Aside,
        },
        packets5::Packet::PubComp(ack) => Event::Acknowledged {
            id: ack.pkid,
            reason: match ack.reason {
                packets5::PubCompReason::Success => ReasonCode::SUCCESS,
                packets5::PubCompReason::PacketIdentifierNotFound => {
                    ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
                }
            },
        },
        packets5::Packet::SubAck(ack) => {
            let said = ack.properties.and_then(|told| told.reason_string);
            Event::Granted {
                id: ack.pkid,
                outcome: match ack.return_codes.first() {
                    Some(code) => suback_outcome(*code, said.as_deref()),
                    None => Err("the SUBACK is empty".into()),
                },
            }
        }
        packets5::Packet::UnsubAck(ack) => Event::Unsubscribed {
            id: ack.pkid,
            refused: ack
                .reasons
                .first()
                .map(unsuback_reason)
                .filter(|reason| reason.is_error())
                .map(|reason| words(reason.text(), reason, None)),
        },
        _ => Event::Aside,
    }
}

fn error_v311(error: rumqttc::ConnectionError, address: &str, early: bool) -> ConnectionError {
    use rumqttc::{ConnectionError as Error, StateError, mqttbytes};
    match error {
        Error::Io(io)
        | Error::MqttState(
            StateError::Io(io) | StateError::Deserialization(mqttbytes::Error::Io(io)),
        ) => ConnectionError::of_io(&io, address, early),
        Error::Tls(tls) => tls_error(tls, address, early),
        Error::MqttState(StateError::ConnectionAborted) => ConnectionError::closed(address, early),
        Error::MqttState(StateError::AwaitPingResp | StateError::CollisionTimeout) => {
            ConnectionError::PingUnanswered
        }
        Error::NetworkTimeout | Error::FlushTimeout => timed_out(address),
        Error::ConnectionRefused(code) => {
            let code = code as u8;
            ConnectionError::Refused(words(
                ReasonCode::v3_connack_text(code),
                ReasonCode(code),
                None,
            ))
        }
        Error::NotConnAck(_) => protocol(address, &NO_CONNACK),
        Error::MqttState(StateError::Deserialization(malformed)) => protocol(address, &malformed),
        Error::MqttState(broken) => protocol(address, &broken),
        other => protocol(address, &other),
    }
}

fn error_v5(error: v5::ConnectionError, address: &str, early: bool) -> ConnectionError {
    use v5::{ConnectionError as Error, StateError};
    match error {
        Error::Io(io)
        | Error::MqttState(
            StateError::Io(io) | StateError::Deserialization(mqttbytes5::Error::Io(io)),
        ) => ConnectionError::of_io(&io, address, early),
        Error::Tls(tls) => tls_error(tls, address, early),
        Error::MqttState(StateError::ConnectionAborted) => ConnectionError::closed(address, early),
        Error::MqttState(StateError::AwaitPingResp | StateError::CollisionTimeout) => {
            ConnectionError::PingUnanswered
        }
        Error::MqttState(StateError::ServerDisconnect {
            reason_code,
            reason_string,
        }) => {
            let code = ReasonCode(reason_code as u8);
            ConnectionError::Dismissed(words(code.text(), code, reason_string.as_deref()))
        }
        Error::Timeout(_) => timed_out(address),
        Error::ConnectionRefused(code) => {
            let code = connack_reason(code);
            ConnectionError::Refused(words(code.text(), code, None))
        }
        Error::NotConnAck(_) => protocol(address, &NO_CONNACK),
        Error::MqttState(StateError::Deserialization(malformed)) => protocol(address, &malformed),
        Error::MqttState(broken) => protocol(address, &broken),
        other => protocol(address, &other),
    }
}

const NO_CONNACK: &str = "it answered CONNECT with something other than CONNACK";

fn tls_error(error: rumqttc::TlsError, address: &str, early: bool) -> ConnectionError {
    let problem = match error {
        rumqttc::TlsError::Io(io) => return ConnectionError::of_io(&io, address, early),
        rumqttc::TlsError::TLS(tls) => TlsProblem::of(&tls),
        other => TlsProblem::Other(other.to_string()),
    };
    ConnectionError::Tls {
        address: address.to_owned(),
        problem,
    }
}

fn timed_out(address: &str) -> ConnectionError {
    ConnectionError::TimedOut {
        address: address.to_owned(),
        within: CONNECT_WITHIN,
    }
}

fn protocol(address: &str, error: &dyn fmt::Display) -> ConnectionError {
    ConnectionError::Protocol {
        address: address.to_owned(),
        detail: error.to_string(),
    }
}
