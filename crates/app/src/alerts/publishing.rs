//! An alert as a message: published to the embedded broker by a client of its own, over a connection in memory.
//!
//! It goes the way of every message, so it is seen in Traffic, and the rules of access hold for it.

use std::time::Duration;

use bytes::BytesMut;
use mqttwb_model::{PacketType, ProtocolVersion, QoS};
use mqttwb_wire::{Connect, Disconnect, Packet, Properties, Publish, ReasonCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::Wanted;
use crate::Result;
use crate::api::{Alert, AlertRule, ApiError, ErrorCode};
use crate::broker::{BrokerControl, not_running};

/// The client identifier that alerts are published with, and the name of the way that they come.
pub(crate) const CLIENT: &str = "mqttwb-alerts";
/// Room for what is on its way, in bytes.
const ROOM: usize = 64 * 1024;
/// The longest wait for the broker's answers.
const PATIENCE: Duration = Duration::from_secs(10);
const VERSION: ProtocolVersion = ProtocolVersion::V5;

/// What is to be published for an alert.
pub(super) fn wanted(rule: &AlertRule, alert: &Alert, state: &str) -> Option<Wanted> {
    let publish = rule.publish.as_ref()?;
    let told = json!({
        "alert": alert.name,
        "of": alert.thing,
        "state": state,
        "at": alert.over.unwrap_or(alert.at),
        "why": alert.why,
        "value": alert.data.last().map(|datum| &datum.text),
    });
    Some(Wanted {
        alert: alert.id,
        topic: publish.topic.clone(),
        retain: publish.retain,
        payload: told.to_string().into_bytes(),
    })
}

impl BrokerControl {
    /// Publishes at QoS 1; done when the broker has acknowledged it.
    pub(super) async fn publish_alert(
        &self,
        topic: &str,
        retain: bool,
        payload: &[u8],
    ) -> Result<()> {
        let running = self.running().ok_or_else(not_running)?;
        let (near, far) = tokio::io::duplex(ROOM);
        let served = tokio::spawn(running.broker.serve(far, CLIENT));
        let talk = tokio::time::timeout(PATIENCE, talk(near, topic, retain, payload));
        let done = match talk.await {
            Ok(done) => done,
            Err(_) => Err(refused("the broker did not answer in time")),
        };
        // It has heard DISCONNECT, or that the stream is gone; a broker that stops ends it too.
        let _ = served.await;
        done
    }
}

async fn talk(mut near: DuplexStream, topic: &str, retain: bool, payload: &[u8]) -> Result<()> {
    let connect = Packet::Connect(Box::new(Connect {
        version: VERSION,
        clean_start: true,
        keep_alive: 0,
        client_id: CLIENT,
        will: None,
        user_name: None,
        password: None,
        properties: Properties::default(),
    }));
    send(&mut near, &connect).await?;
    match hear(&mut near).await? {
        (PacketType::ConnAck, reason) if !reason.is_error() => {}
        (_, reason) => {
            return Err(refused(&format!(
                "the broker lets nobody in as {CLIENT} (0x{:02X})",
                reason.0
            )));
        }
    }
    let publish = Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain,
        topic,
        packet_id: 1,
        properties: Properties::default(),
        payload,
    });
    send(&mut near, &publish).await?;
    match hear(&mut near).await? {
        (PacketType::PubAck, reason) if !reason.is_error() => {}
        (_, reason) => {
            return Err(refused(&format!(
                "the broker refused it (0x{:02X})",
                reason.0
            )));
        }
    }
    let disconnect = Packet::Disconnect(Disconnect {
        reason: ReasonCode::SUCCESS,
        properties: Properties::default(),
    });
    send(&mut near, &disconnect).await
}

async fn send(near: &mut DuplexStream, packet: &Packet<'_>) -> Result<()> {
    let mut bytes = BytesMut::new();
    mqttwb_wire::encode(packet, VERSION, &mut bytes);
    near.write_all(&bytes).await.map_err(|_| gone())
}

/// The next packet: its type and its reason code. One packet at a time is answered, so nothing follows it.
async fn hear(near: &mut DuplexStream) -> Result<(PacketType, ReasonCode)> {
    let mut bytes = BytesMut::new();
    loop {
        if let Ok(Some(length)) = mqttwb_wire::frame_len(&bytes, ROOM)
            && length <= bytes.len()
        {
            let packet = mqttwb_wire::decode(&bytes[..length], VERSION).map_err(|_| gone())?;
            let reason = match &packet {
                Packet::ConnAck(said) => said.reason,
                Packet::PubAck(said) => said.reason,
                Packet::Disconnect(said) => said.reason,
                _ => return Err(gone()),
            };
            return Ok((packet.packet_type(), reason));
        }
        match near.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return Err(gone()),
            Ok(_) => {}
        }
    }
}

fn gone() -> ApiError {
    refused("the broker ended the connection")
}

fn refused(why: &str) -> ApiError {
    ApiError::new(
        ErrorCode::Client,
        format!("The alert was not published: {why}."),
    )
}
