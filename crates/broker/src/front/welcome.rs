//! The first packet: a CONNECT, and what is answered to it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::BytesMut;
use mqttwb_model::{
    ConnectionId, ConnectionInfo, Direction, PacketBatch, PacketMark, ProtocolVersion,
    RefusalCause, Timestamp,
};
use mqttwb_wire::{
    ConnAck, Packet, Properties, ReasonCode, decode, encode, frame_len, protocol_of_connect,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::connect::{Accepted, accept};
use super::connection::{Connection, FAREWELL, Held, SMALL_READ, poll_read_into};
use super::{Arrival, MessageIds, Shared, next_connection};
use crate::counters::ConnectionCounters;
use crate::hub::{Attach, Attached, Command};

/// The largest CONNECT that is waited for: each of its texts is at most 64 KiB, and who has not said who he is gets
/// no more memory than that.
const LARGEST_CONNECT: usize = 512 << 10;

/// Serves a connection until it ends. The stream's own handshakes are done.
pub(crate) async fn serve<S>(mut stream: S, shared: Arc<Shared>, arrival: Arrival)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut input = BytesMut::with_capacity(SMALL_READ);
    let limits = &shared.limits;
    let largest = limits.maximum_packet_size.min(LARGEST_CONNECT);
    let first = read_packet(&mut stream, &mut input, largest);
    let first = tokio::time::timeout(limits.connect_timeout, first);
    let first = tokio::select! {
        first = first => first,
        () = shared.stop.cancelled() => return,
    };
    let frame = match first {
        Ok(Ok(Some(len))) => input.split_to(len).freeze(),
        Ok(Ok(None)) => return, // came and went: a port scan, a health check
        Ok(Err(why)) => return shared.refuse(&arrival, RefusalCause::Protocol, why),
        Err(_) => {
            let seconds = limits.connect_timeout.as_secs();
            let why = format!("no CONNECT came within {seconds} s");
            return shared.refuse(&arrival, RefusalCause::ConnectTimeout, why);
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
            return shared.refuse(&arrival, RefusalCause::Protocol, why);
        }
        Err(error) => {
            // Not observed: where the password is in it can't be told for certain.
            let why = format!("malformed CONNECT: {error}");
            shared.refuse(&arrival, RefusalCause::Connect, why);
            let connack = refusal(version, error.reason());
            return farewell(&mut stream, &connack).await;
        }
    };
    let refused = match accept(&connect, &arrival, id, limits, &mut ids, now) {
        Ok(accepted) => {
            shared.observer.connected(&accepted.info);
            observe_connect(&shared, id, &frame, now);
            match attach(&shared, &accepted, now).await {
                Ok((mut attached, counters)) => {
                    let session = attached.session.take();
                    let held = Held::new(session, shared.clone(), accepted.info.clone());
                    if !is_safe(&shared, &attached).await {
                        let why = "what the broker must keep can't be written at present";
                        (ReasonCode::SERVER_UNAVAILABLE, why.to_owned())
                    } else {
                        let connection = Connection::new(
                            stream, input, shared, accepted, attached, held, counters, ids,
                        );
                        return connection.run().await;
                    }
                }
                Err(reason) => (reason, reason.text().to_owned()),
            }
        }
        Err(refused) => {
            shared.observer.connected(&ConnectionInfo {
                id,
                client: connect.client_id.into(),
                version,
                listener: arrival.listener.clone(),
                protocol: arrival.protocol,
                peer: arrival.peer,
                common_name: arrival.common_name.clone(),
            });
            observe_connect(&shared, id, &frame, now);
            refused
        }
    };
    let (reason, why) = refused;
    let connack = refusal(version, reason);
    if !connack.is_empty() {
        observe(&shared, id, Direction::ToClient, &connack, Timestamp::now());
        let bytes = connack.len() as u64;
        shared.counters.bytes_out.fetch_add(bytes, Relaxed);
    }
    shared.refuse(&arrival, RefusalCause::Connect, why.clone());
    farewell(&mut stream, &connack).await;
    shared.observer.disconnected(id, Timestamp::now(), &why);
}

/// Reads until the buffer begins with a whole packet: its length, or `None` where the stream ended before a byte came.
async fn read_packet<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    max: usize,
) -> Result<Option<usize>, String> {
    loop {
        match frame_len(input, max) {
            Ok(Some(len)) if input.len() >= len => return Ok(Some(len)),
            Ok(_) => {}
            Err(error) => return Err(format!("not MQTT: {error}")),
        }
        // A TLS client on a plain listener would be waited for in vain otherwise: 0x16 reads as CONNECT with flags.
        if input.first().is_some_and(|first| *first != 0x10) {
            return Err(
                "the first byte is not that of a CONNECT; TLS or HTTP on an MQTT port?".into(),
            );
        }
        match poll_fn(|cx| poll_read_into(stream, cx, input, SMALL_READ)).await {
            Ok(0) if input.is_empty() => return Ok(None),
            Ok(0) => return Err("the connection was closed inside CONNECT".into()),
            Ok(_) => {}
            Err(error) => return Err(format!("the connection broke inside CONNECT: {error}")),
        }
    }
}

/// Shows the CONNECT with its password struck out: what proves an identity goes into no record.
fn observe_connect(shared: &Shared, id: ConnectionId, frame: &[u8], at: Timestamp) {
    let struck = mqttwb_wire::password_span(frame).map(|span| {
        let mut frame = frame.to_vec();
        frame[span].fill(b'*');
        frame
    });
    let shown = struck.as_deref().unwrap_or(frame);
    observe(shared, id, Direction::ToBroker, shown, at);
    let bytes = frame.len() as u64;
    shared.counters.bytes_in.fetch_add(bytes, Relaxed);
}

/// Shows a single packet.
fn observe(shared: &Shared, id: ConnectionId, direction: Direction, frame: &[u8], at: Timestamp) {
    shared.observer.packets(PacketBatch {
        connection: id,
        direction,
        bytes: frame,
        marks: &[PacketMark {
            at,
            start: 0,
            len: frame.len() as u32,
            message: None,
            aliased_topic: None,
        }],
    });
}

/// The CONNACK that says no; empty where the client's version has no code for the reason.
fn refusal(version: ProtocolVersion, reason: ReasonCode) -> BytesMut {
    let code = match version {
        ProtocolVersion::V5 => Some(reason),
        ProtocolVersion::V31 | ProtocolVersion::V311 => reason.as_v3_connack().map(ReasonCode),
    };
    let mut out = BytesMut::new();
    if let Some(reason) = code {
        let connack = Packet::ConnAck(ConnAck {
            session_present: false, // [MQTT-3.2.2-6]
            reason,
            properties: Properties::NONE,
        });
        encode(&connack, version, &mut out);
    }
    out
}

/// Writes the last bytes and closes, in bounded time.
async fn farewell<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) {
    let last = async {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(FAREWELL, last).await;
}

/// Waits until all that a durable session may send again is safe. False where that takes too long.
async fn is_safe(shared: &Shared, attached: &Attached) -> bool {
    let (Some((journal, _)), Some(_)) = (&shared.durability, attached.durable) else {
        return true;
    };
    let safe = tokio::time::timeout(shared.limits.connect_timeout, journal.safe());
    tokio::select! {
        safe = safe => safe.is_ok(),
        () = shared.stop.cancelled() => false,
    }
}

async fn attach(
    shared: &Shared,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<(Attached, Arc<ConnectionCounters>), ReasonCode> {
    let counters = Arc::new(ConnectionCounters::default());
    let (reply, answer) = oneshot::channel();
    shared.hub.send(Command::Attach(Box::new(Attach {
        info: accepted.info.clone(),
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
        .unwrap_or(Err(ReasonCode::SERVER_UNAVAILABLE))?;
    Ok((attached, counters))
}
