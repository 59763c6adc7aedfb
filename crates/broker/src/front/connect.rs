//! CONNECT: who is it, on which terms, and why not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mqttwb_model::{ClientId, ConnectionId, ConnectionInfo, ProtocolVersion, Timestamp};
use mqttwb_wire::{Connect, Property, ReasonCode};

use super::{Arrival, MessageIds};
use crate::config::Limits;
use crate::hub::StoredWill;
use crate::message::{Message, Origin};
use crate::session::Terms;

/// A CONNECT that the broker can take.
pub(crate) struct Accepted {
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) terms: Terms,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry: u32,
    pub(crate) will: Option<StoredWill>,
    /// The client left its identifier empty.
    pub(crate) assigned: bool,
}

/// Looks at a CONNECT that was decoded. The sentence is for the operator.
pub(crate) fn accept(
    connect: &Connect<'_>,
    arrival: &Arrival,
    id: ConnectionId,
    limits: &Limits,
    ids: &mut MessageIds,
    now: Timestamp,
) -> Result<Accepted, (ReasonCode, String)> {
    let v5 = connect.version == ProtocolVersion::V5;
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
            return Err((ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, why.into()));
        }
    }
    let assigned = connect.client_id.is_empty();
    let client = if assigned {
        assigned_id(id)
    } else {
        ClientId::from(connect.client_id)
    };

    let mut session_expiry = match (connect.version, connect.clean_start) {
        (ProtocolVersion::V5, _) => 0,
        // Before MQTT 5 a session either ends with its connection or never does.
        (_, true) => 0,
        (_, false) => u32::MAX,
    };
    let mut client_receive_maximum = u16::MAX;
    let mut client_maximum_packet_size = usize::MAX;
    for property in connect.properties.iter() {
        match property {
            Property::SessionExpiryInterval(seconds) => session_expiry = seconds,
            Property::ReceiveMaximum(n) => client_receive_maximum = n,
            Property::MaximumPacketSize(n) => client_maximum_packet_size = n as usize,
            Property::AuthenticationMethod(method) => {
                return Err((
                    ReasonCode::BAD_AUTHENTICATION_METHOD,
                    format!("authentication method {method:?} is not spoken here"),
                ));
            }
            _ => {}
        }
    }
    let will = connect.will.as_ref().map(|will| {
        let delay = will.properties.find(|p| match p {
            Property::WillDelayInterval(seconds) => Some(seconds),
            _ => None,
        });
        let origin = Origin {
            id: ids.next(),
            publisher: id,
            at: now,
        };
        StoredWill {
            message: Message::of_will(will, origin),
            delay: Duration::from_secs(delay.unwrap_or(0).into()),
        }
    });
    Ok(Accepted {
        info: Arc::new(ConnectionInfo {
            id,
            client,
            version: connect.version,
            listener: arrival.listener.clone(),
            protocol: arrival.protocol,
            peer: arrival.peer,
            common_name: arrival.common_name.clone(),
        }),
        terms: Terms {
            version: connect.version,
            keep_alive: Duration::from_secs(connect.keep_alive.into()),
            client_receive_maximum,
            client_maximum_packet_size,
            server_receive_maximum: if v5 { limits.receive_maximum } else { u16::MAX },
            server_topic_alias_maximum: if v5 { limits.topic_alias_maximum } else { 0 },
        },
        clean_start: connect.clean_start,
        session_expiry,
        will,
        assigned,
    })
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
    if accepted.assigned {
        Property::AssignedClientIdentifier(accepted.info.client.as_str()).write(out);
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
    fn no_two_connections_are_assigned_the_same_identifier() {
        let given: HashSet<_> = (0..100_000).map(|n| assigned_id(ConnectionId(n))).collect();
        assert_eq!(given.len(), 100_000);
    }
}
