//! The first packet: a CONNECT, and what is answered to it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::BytesMut;
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, LimitKind, PacketBatch, PacketMark, ProtocolVersion,
    RefusalCause, SeenBy, Timestamp,
};
use mqttwb_wire::{
    ConnAck, Connect, Packet, Properties, Property, ReasonCode, WireError, decode, frame_len,
    protocol_of_connect, secret_spans,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::authenticate::{Failed, Proved, authenticate};
use super::connect::{Accepted, Manners, accept};
use super::connection::{Connection, FAREWELL, Held, SMALL_READ, poll_read_into};
use super::output::{encode_within, struck};
use super::verdict::{self, Refused};
use super::{Arrival, MessageIds, Shared, next_connection};
use crate::access::Identity;
use crate::config::Limits;
use crate::counters::ConnectionCounters;
use crate::hub::{Attach, Attached, Command};

/// The largest CONNECT that is waited for: each of its texts is at most 64 KiB, and who has not said who he is gets
/// no more memory than that.
const LARGEST_CONNECT: usize = 512 << 10;

/// Serves a connection until it ends. The stream's own handshakes are done.
pub(crate) async fn serve<S>(stream: S, shared: Arc<Shared>, arrival: Arrival)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    // In boxes: what letting it in took is given back before the connection goes on, for months perhaps.
    if let Some(exchange) = Box::pin(welcome(stream, shared, arrival)).await {
        exchange.await;
    }
}

/// Looks at the first packet and answers it. What is to follow, where the client is let in.
async fn welcome<S>(
    mut stream: S,
    shared: Arc<Shared>,
    arrival: Arrival,
) -> Option<Pin<Box<impl Future<Output = ()>>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut input = BytesMut::with_capacity(SMALL_READ);
    let limits = shared.limits();
    let largest = limits.maximum_packet_size.min(LARGEST_CONNECT);
    let first = read_packet(&mut stream, &mut input, largest, &[0x10]);
    let first = tokio::time::timeout_at(arrival.deadline, first);
    let first = tokio::select! {
        first = first => first,
        () = shared.stop.cancelled() => return None,
    };
    let refuse = |cause, why: String| shared.refuse(&arrival.listener, arrival.peer, cause, why);
    let frame = match first {
        Ok(Ok(Some(len))) => input.split_to(len).freeze(),
        Ok(Ok(None)) => return None, // came and went: a port scan, a health check
        Ok(Err(why)) => {
            refuse(RefusalCause::Protocol, why);
            return None;
        }
        Err(_) if arrival.turned_away.is_some() => return None, // it is known why
        Err(_) => {
            let seconds = limits.connect_timeout.as_secs();
            let why = format!("no CONNECT came within {seconds} s");
            refuse(RefusalCause::ConnectTimeout, why);
            return None;
        }
    };
    let id = next_connection();
    let mut ids = MessageIds::default();
    let now = Timestamp::now();
    let version = protocol_of_connect(&frame).unwrap_or(ProtocolVersion::V311);
    let connect = match decode(&frame, version) {
        Ok(Packet::Connect(connect)) => connect,
        Ok(other) => {
            // [MQTT-3.1.0-1]
            let why = format!("the first packet is {}, not CONNECT", other.packet_type());
            refuse(RefusalCause::Protocol, why);
            return None;
        }
        Err(error) => {
            // Not observed: where the password is in it can't be told for certain.
            let refused = malformed(&error);
            refuse(refused.cause, refused.why.clone());
            let connack = refusal(&Manners::of(version), &refused);
            farewell(&mut stream, &connack).await;
            return None;
        }
    };
    let prefix = shared.response_prefix.as_deref();
    let accepted = match accept(&connect, &arrival, id, &limits, prefix, &mut ids, now) {
        Ok(accepted) => accepted,
        Err(refused) => {
            let info = ConnectionInfo {
                id,
                seen_by: SeenBy::Broker,
                client: connect.client_id.into(),
                version,
                listener: arrival.listener.clone(),
                protocol: arrival.protocol,
                peer: arrival.peer,
                common_name: arrival.common_name(),
                certificate: arrival.certificate.clone(),
            };
            shared.observer.connected(&info);
            observe(&shared, id, Direction::ToBroker, &frame);
            let manners = Manners::read(&connect, &limits);
            turn_away(&mut stream, &shared, &info, &manners, &refused).await;
            return None;
        }
    };
    let (info, manners) = (accepted.info.clone(), accepted.manners);
    shared.observer.connected(&info);
    observe(&shared, id, Direction::ToBroker, &frame);
    if let Some(kind) = arrival.turned_away {
        // It was counted and told when it came.
        show_out(&mut stream, &shared, &info, &manners, &one_too_many(kind)).await;
        return None;
    }
    let proving = prove(
        &mut stream,
        &mut input,
        &shared,
        &connect,
        &accepted,
        largest,
    );
    let proving = tokio::time::timeout_at(arrival.deadline, proving);
    let proved = tokio::select! {
        proved = proving => proved,
        () = shared.stop.cancelled() => Ok(Err(Failed::Gone("the broker stops".into()))),
    };
    let failed = match proved {
        Ok(Ok(proved)) => match attach(&shared, &accepted, &proved.identity, &limits, now).await {
            Ok((mut attached, counters)) => {
                let session = attached.session.take();
                let held = Held::new(session, shared.clone(), info.clone());
                if !is_safe(&shared, &attached).await {
                    let refused = Refused {
                        reason: ReasonCode::SERVER_UNAVAILABLE,
                        cause: RefusalCause::Connect,
                        why: "what the broker must keep can't be written at present".into(),
                    };
                    drop(held);
                    turn_away(&mut stream, &shared, &info, &manners, &refused).await;
                    return None;
                }
                for (kind, why) in &accepted.cut_short {
                    refuse(
                        RefusalCause::Limit(*kind),
                        format!("{}: {why}", info.client),
                    );
                }
                drop(connect);
                let arrived = Arrived { stream, input, ids };
                let connection = Connection::new(
                    arrived, shared, limits, accepted, proved, attached, held, counters,
                );
                return Some(Box::pin(connection.run()));
            }
            Err(refused) => Failed::Refused(refused),
        },
        Ok(Err(failed)) => failed,
        Err(_) => Failed::Refused(Refused {
            reason: ReasonCode::NOT_AUTHORIZED,
            cause: RefusalCause::ConnectTimeout,
            why: "it did not prove in time who it is".into(),
        }),
    };
    match failed {
        Failed::Refused(refused) => {
            turn_away(&mut stream, &shared, &info, &manners, &refused).await;
        }
        Failed::Gone(why) => shared.observer.disconnected(id, Timestamp::now(), &why),
    }
    None
}

/// What a connection begins with.
pub(super) struct Arrived<S> {
    pub(super) stream: S,
    /// What came behind CONNECT.
    pub(super) input: BytesMut,
    pub(super) ids: MessageIds,
}

fn malformed(error: &WireError) -> Refused {
    Refused {
        reason: error.reason(),
        cause: RefusalCause::Connect,
        why: format!("malformed CONNECT: {error}"),
    }
}

/// Lets the client prove who it is, and asks whether it may leave its will.
async fn prove<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    shared: &Shared,
    connect: &Connect<'_>,
    accepted: &Accepted,
    largest: usize,
) -> Result<Proved, Failed> {
    let proved = authenticate(stream, input, shared, connect, accepted, largest).await?;
    if let Some(will) = &connect.will {
        let policy = shared.access.policy.as_deref();
        verdict::will_of(will.topic, will.qos, will.retain, policy, &proved.identity)
            .map_err(Failed::Refused)?;
    }
    Ok(proved)
}

/// Tells somebody that he is not let in, and everybody else why.
async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
    info: &ConnectionInfo,
    manners: &Manners,
    refused: &Refused,
) {
    let why = match info.client.as_str() {
        "" => refused.why.clone(),
        client => format!("{client}: {}", refused.why),
    };
    shared.refuse(&info.listener, info.peer, refused.cause, why);
    show_out(stream, shared, info, manners, refused).await;
}

/// What a connection that is one too many is told.
fn one_too_many(kind: LimitKind) -> Refused {
    let reason = match kind {
        LimitKind::ConnectionRate => ReasonCode::CONNECTION_RATE_EXCEEDED,
        _ => ReasonCode::QUOTA_EXCEEDED,
    };
    Refused {
        reason,
        cause: RefusalCause::Limit(kind),
        why: format!("the limit of {} is reached", kind.text()),
    }
}

/// Answers a CONNECT with no, and closes.
async fn show_out<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
    info: &ConnectionInfo,
    manners: &Manners,
    refused: &Refused,
) {
    let connack = refusal(manners, refused);
    if !connack.is_empty() {
        observe(shared, info.id, Direction::ToClient, &connack);
    }
    farewell(stream, &connack).await;
    shared
        .observer
        .disconnected(info.id, Timestamp::now(), &refused.why);
}

/// Reads until the buffer begins with a whole packet whose first byte is one of these: its length, or `None` where the
/// stream ended before a byte came.
pub(super) async fn read_packet<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    max: usize,
    first: &[u8],
) -> Result<Option<usize>, String> {
    loop {
        // A TLS client on a plain listener would be waited for in vain otherwise: 0x16 reads as CONNECT with flags.
        if input.first().is_some_and(|byte| !first.contains(byte)) {
            return Err(if first == [0x10] {
                "the first byte is not that of a CONNECT; TLS or HTTP on an MQTT port?".into()
            } else {
                "another packet than AUTH came during authentication".into()
            });
        }
        match frame_len(input, max) {
            Ok(Some(len)) if input.len() >= len => return Ok(Some(len)),
            Ok(_) => {}
            Err(error) => return Err(format!("not MQTT: {error}")),
        }
        match poll_fn(|cx| poll_read_into(stream, cx, input, SMALL_READ)).await {
            Ok(0) if input.is_empty() => return Ok(None),
            Ok(0) => return Err("the connection was closed inside a packet".into()),
            Ok(_) => {}
            Err(error) => return Err(format!("the connection broke inside a packet: {error}")),
        }
    }
}

/// Shows a single packet, and counts its bytes. What proves an identity is struck out: it goes into no record.
pub(super) fn observe(shared: &Shared, id: ConnectionId, direction: Direction, frame: &[u8]) {
    let secrets = secret_spans(frame, ProtocolVersion::V5);
    let struck = struck(frame, &secrets);
    shared.observer.packets(PacketBatch {
        connection: id,
        direction,
        bytes: struck.as_deref().unwrap_or(frame),
        marks: &[PacketMark {
            at: Timestamp::now(),
            start: 0,
            len: frame.len() as u32,
            message: None,
            aliased_topic: None,
            fault: None,
        }],
    });
    let counters = &shared.counters;
    let (packets, bytes) = match direction {
        Direction::ToBroker => (&counters.packets_in, &counters.bytes_in),
        Direction::ToClient => (&counters.packets_out, &counters.bytes_out),
    };
    packets.fetch_add(1, Relaxed);
    bytes.fetch_add(frame.len() as u64, Relaxed);
}

/// The CONNACK that says no, as large as the client takes it; empty where its version has no code for the reason.
fn refusal(manners: &Manners, refused: &Refused) -> BytesMut {
    let code = match manners.version {
        ProtocolVersion::V5 => Some(refused.reason),
        ProtocolVersion::V31 | ProtocolVersion::V311 => {
            refused.reason.as_v3_connack().map(ReasonCode)
        }
    };
    let mut out = BytesMut::new();
    let Some(reason) = code else {
        return out;
    };
    let mut why = Vec::new();
    Property::ReasonString(&refused.told()).write(&mut why);
    for properties in [Properties::trusted(&why), Properties::NONE] {
        let connack = Packet::ConnAck(ConnAck {
            session_present: false, // [MQTT-3.2.2-6]
            reason,
            properties,
        });
        if encode_within(&connack, manners, &mut out) {
            break;
        }
    }
    out
}

/// Writes the last bytes and closes, in bounded time. What the client sends meanwhile is read and thrown away: a socket
/// that is closed with unread input is reset, and the client may never see the last bytes.
pub(super) async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) {
    let last = async {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        let mut sink = [0; 4 << 10];
        let mut left = FAREWELL_BYTES;
        while left > 0 {
            match stream.read(&mut sink).await? {
                0 => break,
                n => left = left.saturating_sub(n),
            }
        }
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout(FAREWELL, last).await;
}

/// Waits until all that a durable session may send again is safe. False where that takes too long.
async fn is_safe(shared: &Shared, attached: &Attached) -> bool {
    let (Some((journal, _)), Some(_)) = (&shared.durability, attached.durable) else {
        return true;
    };
    let safe = tokio::time::timeout(shared.limits().connect_timeout, journal.safe());
    tokio::select! {
        safe = safe => safe.is_ok(),
        () = shared.stop.cancelled() => false,
    }
}
/// What a client may go on sending after the last word to it.
const FAREWELL_BYTES: usize = 1 << 20;

async fn attach(
    shared: &Shared,
    accepted: &Accepted,
    identity: &Identity,
    limits: &Limits,
    now: Timestamp,
) -> Result<(Attached, Arc<ConnectionCounters>), Refused> {
    let counters = Arc::new(ConnectionCounters::default());
    let (reply, answer) = oneshot::channel();
    shared.hub.send(Command::Attach(Box::new(Attach {
        info: accepted.info.clone(),
        identity: identity.clone(),
        terms: accepted.terms.clone(),
        clean_start: accepted.clean_start,
        session_expiry: accepted.session_expiry,
        will: accepted.will.clone(),
        counters: counters.clone(),
        connected_at: now,
        reply,
    })));
    let attached = answer
        .await
        .unwrap_or(Err(ReasonCode::SERVER_UNAVAILABLE))
        .map_err(|reason| not_attached(reason, limits))?;
    Ok((attached, counters))
}

/// The hub's no, as CONNACK can say it: table 3-1 has no "shutting down" and no "taken over" (`[MQTT-3.2.2-8]`).
fn not_attached(reason: ReasonCode, limits: &Limits) -> Refused {
    match reason {
        ReasonCode::QUOTA_EXCEEDED => Refused {
            reason,
            cause: RefusalCause::Limit(LimitKind::Sessions),
            why: format!("there are {} sessions already", limits.sessions),
        },
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => Refused {
            reason,
            cause: RefusalCause::Access,
            why: "the session of this client identifier is somebody else's".into(),
        },
        // Between its handshake and its CONNECT.
        ReasonCode::NOT_AUTHORIZED => Refused {
            reason,
            cause: RefusalCause::BadCertificate,
            why: "its certificate is revoked".into(),
        },
        _ => Refused {
            reason: ReasonCode::SERVER_UNAVAILABLE,
            cause: RefusalCause::Connect,
            why: reason.text().to_owned(),
        },
    }
}

#[test]
fn who_connects_while_the_broker_ends_is_told_what_connack_can_say() {
    for (reason, said) in [
        (
            ReasonCode::SERVER_SHUTTING_DOWN,
            ReasonCode::SERVER_UNAVAILABLE,
        ),
        (
            ReasonCode::SESSION_TAKEN_OVER,
            ReasonCode::SERVER_UNAVAILABLE,
        ),
        (ReasonCode::QUOTA_EXCEEDED, ReasonCode::QUOTA_EXCEEDED),
        (ReasonCode::NOT_AUTHORIZED, ReasonCode::NOT_AUTHORIZED),
    ] {
        assert_eq!(not_attached(reason, &Limits::default()).reason, said);
    }
}
