//! CONNECT: who is it, on which terms, and why not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mqttwb_model::{
    ClientId, ConnectionId, ConnectionInfo, LimitKind, ProtocolVersion, RefusalCause, SeenBy,
    Timestamp,
};
use mqttwb_wire::{Connect, Property, ReasonCode};

use super::verdict::{self, Refused};
use super::{Arrival, MessageIds};
use crate::config::Limits;
use crate::hub::StoredWill;
use crate::message::{Message, Origin};
use crate::session::Terms;

/// A CONNECT that the broker can take, if its client may come in.
pub(crate) struct Accepted {
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) terms: Terms,
    pub(crate) manners: Manners,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry: u32,
    pub(crate) will: Option<StoredWill>,
    /// The client left its identifier empty.
    pub(crate) assigned: bool,
    /// What the client asked for and does not get, by the limit that is in the way.
    pub(crate) cut_short: Vec<(LimitKind, String)>,
    /// Of this MQTT 5 client, where it is not the one that it asked for.
    server_keep_alive: Option<u16>,
    capped_expiry: Option<u32>,
    response_information: Option<String>,
}

/// How an MQTT 5 client wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manners {
    pub(crate) version: ProtocolVersion,
    /// The largest packet that it takes.
    pub(crate) largest: usize,
    /// Reason strings and user properties may stand on any packet `[MQTT-3.1.2-29]`.
    pub(crate) problem_information: bool,
    /// Topic aliases that it takes, at most as many as the broker uses.
    pub(crate) topic_aliases: u16,
}

impl Manners {
    /// Of a client of whom nothing but the version is known.
    pub(crate) fn of(version: ProtocolVersion) -> Self {
        Self {
            version,
            largest: usize::MAX,
            problem_information: true,
            topic_aliases: 0,
        }
    }

    /// As CONNECT tells them.
    pub(crate) fn read(connect: &Connect<'_>, limits: &Limits) -> Self {
        let mut manners = Self::of(connect.version);
        for property in connect.properties.iter() {
            match property {
                Property::MaximumPacketSize(n) => manners.largest = n as usize,
                Property::RequestProblemInformation(wanted) => {
                    manners.problem_information = wanted;
                }
                Property::TopicAliasMaximum(n) => {
                    manners.topic_aliases = n.min(limits.topic_alias_maximum_out);
                }
                _ => {}
            }
        }
        manners
    }
}

/// Looks at a CONNECT that was decoded.
pub(crate) fn accept(
    connect: &Connect<'_>,
    arrival: &Arrival,
    id: ConnectionId,
    limits: &Limits,
    response_prefix: Option<&str>,
    ids: &mut MessageIds,
    now: Timestamp,
) -> Result<Accepted, Refused> {
    let v5 = connect.version == ProtocolVersion::V5;
    // MQTT 3.1 asks for 1 to 23 characters. More are taken in every version (section 3.1.3.1 allows it).
    if connect.client_id.is_empty() {
        let refused = match connect.version {
            ProtocolVersion::V31 => Some("MQTT 3.1 asks for a client identifier"),
            // [MQTT3-3.1.3-8]
            ProtocolVersion::V311 if !connect.clean_start => {
                Some("an empty client identifier goes with a clean session only")
            }
            ProtocolVersion::V311 | ProtocolVersion::V5 => None,
        };
        if let Some(why) = refused {
            return Err(Refused {
                reason: ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
                cause: RefusalCause::Connect,
                why: why.into(),
            });
        }
    }
    let assigned = connect.client_id.is_empty();
    let client = if assigned {
        assigned_id(id)
    } else {
        ClientId::from(connect.client_id)
    };

    let mut asked_expiry = match (connect.version, connect.clean_start) {
        (ProtocolVersion::V5, _) => 0,
        // Before MQTT 5 a session either ends with its connection or never does.
        (_, true) => 0,
        (_, false) => u32::MAX,
    };
    let mut client_receive_maximum = u16::MAX;
    let mut wants_response_information = false;
    for property in connect.properties.iter() {
        match property {
            Property::SessionExpiryInterval(seconds) => asked_expiry = seconds,
            Property::ReceiveMaximum(n) => client_receive_maximum = n,
            Property::RequestResponseInformation(wanted) => wants_response_information = wanted,
            _ => {}
        }
    }
    let mut cut_short = Vec::new();
    let session_expiry = asked_expiry.min(limits.session_expiry_max);
    let capped_expiry = (v5 && session_expiry < asked_expiry).then_some(session_expiry);
    if capped_expiry.is_some() {
        let text = format!(
            "it asked for its session to be kept for {}; it is kept for {session_expiry} s",
            match asked_expiry {
                u32::MAX => "ever".to_owned(),
                seconds => format!("{seconds} s"),
            }
        );
        cut_short.push((LimitKind::SessionExpiry, text));
    }
    let keep_alive = if v5 {
        keep_alive_of(connect.keep_alive, limits)
    } else {
        connect.keep_alive
    };
    if limits.server_keep_alive == 0 && keep_alive != connect.keep_alive {
        let text = format!(
            "it asked for a keep-alive of {} s; it gets one of {keep_alive} s",
            connect.keep_alive
        );
        cut_short.push((LimitKind::KeepAlive, text));
    }
    let will = connect
        .will
        .as_ref()
        .map(|will| -> Result<_, Refused> {
            verdict::will(will, limits)?;
            let delay = will.properties.find(|p| match p {
                Property::WillDelayInterval(seconds) => Some(seconds),
                _ => None,
            });
            let origin = Origin {
                id: ids.next(),
                publisher: id,
                at: now,
            };
            Ok(StoredWill {
                message: Message::of_will(will, origin),
                delay: Duration::from_secs(delay.unwrap_or(0).into()),
            })
        })
        .transpose()?;
    let manners = Manners::read(connect, limits);
    Ok(Accepted {
        // The identifier is a level of topics then: one with wildcards can't be.
        response_information: response_prefix
            .filter(|_| wants_response_information && !client.as_str().contains(['+', '#']))
            .map(|prefix| format!("{prefix}/{client}")),
        info: Arc::new(ConnectionInfo {
            id,
            seen_by: SeenBy::Broker,
            client,
            version: connect.version,
            listener: arrival.listener.clone(),
            protocol: arrival.protocol,
            peer: arrival.peer,
            common_name: arrival.common_name(),
            certificate: arrival.certificate.clone(),
        }),
        terms: Terms {
            version: connect.version,
            keep_alive: Duration::from_secs(keep_alive.into()),
            client_receive_maximum,
            client_maximum_packet_size: manners.largest,
            server_receive_maximum: if v5 { limits.receive_maximum } else { u16::MAX },
            server_topic_alias_maximum: if v5 { limits.topic_alias_maximum } else { 0 },
        },
        manners,
        clean_start: connect.clean_start,
        session_expiry,
        will,
        assigned,
        cut_short,
        server_keep_alive: (v5 && keep_alive != connect.keep_alive).then_some(keep_alive),
        capped_expiry,
    })
}

/// The keep-alive of an MQTT 5 client that asks for this one.
fn keep_alive_of(asked: u16, limits: &Limits) -> u16 {
    match (limits.server_keep_alive, limits.keep_alive_max) {
        (0, 0) => asked,
        (0, max) if asked == 0 || asked > max => max,
        (0, _) => asked,
        (servers, _) => servers,
    }
}

/// An identifier that no other client of this process has been given, short enough for a table's cell. Multiplying by
/// an odd number permutes thirty bits, so that no two connections get the same; the seed tells runs apart.
fn assigned_id(id: ConnectionId) -> ClientId {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    static SEED: OnceLock<u64> = OnceLock::new();
    let seed = *SEED.get_or_init(|| Timestamp::now().0 >> 20);
    let mut bits = id.0.wrapping_mul(0x2545_f491).wrapping_add(seed);
    let mut text = String::from("auto-");
    for _ in 0..6 {
        text.push(char::from(DIGITS[(bits % 32) as usize]));
        bits /= 32;
    }
    text.into()
}

/// What CONNACK tells an MQTT 5 client of the broker (section 3.2.2.3).
pub(crate) fn connack_properties(accepted: &Accepted, limits: &Limits, out: &mut Vec<u8>) {
    if let Some(seconds) = accepted.capped_expiry {
        Property::SessionExpiryInterval(seconds).write(out); // section 3.2.2.3.2
    }
    if accepted.assigned {
        Property::AssignedClientIdentifier(accepted.info.client.as_str()).write(out); // [MQTT-3.2.2-16]
    }
    if let Some(seconds) = accepted.server_keep_alive {
        Property::ServerKeepAlive(seconds).write(out); // [MQTT-3.2.2-21]
    }
    if let Some(text) = &accepted.response_information {
        Property::ResponseInformation(text).write(out); // section 3.2.2.3.15
    }
    Property::ReceiveMaximum(limits.receive_maximum).write(out);
    Property::MaximumPacketSize(u32::try_from(limits.maximum_packet_size).unwrap_or(u32::MAX))
        .write(out);
    Property::TopicAliasMaximum(limits.topic_alias_maximum).write(out);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_broker_s_keep_alive_overrules_the_client_s() {
        // [MQTT-3.1.2-21]
        for (servers, max, asked, gets) in [
            (0, 0, 0, 0),
            (0, 0, 65_535, 65_535),
            (0, 60, 0, 60),
            (0, 60, 61, 60),
            (0, 60, 59, 59),
            (30, 60, 10, 30),
            (30, 0, 0, 30),
        ] {
            let limits = Limits {
                server_keep_alive: servers,
                keep_alive_max: max,
                ..Limits::default()
            };
            assert_eq!(keep_alive_of(asked, &limits), gets);
        }
    }

    #[test]
    fn no_two_connections_are_assigned_the_same_identifier() {
        let given: HashSet<_> = (0..100_000).map(|n| assigned_id(ConnectionId(n))).collect();
        assert_eq!(given.len(), 100_000);
    }
}
