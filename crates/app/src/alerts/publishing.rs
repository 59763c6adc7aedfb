//! An alert as a message: published to the embedded broker by a client of its own, over a connection in memory.
//!
//! It goes the way of every message, so it is seen in Traffic, and the rules of access hold for it.

use std::time::Duration;

use bytes::BytesMut;
use mqttwb_model::{ProtocolVersion, QoS};
use mqttwb_wire::{Connect, Packet, Properties, Publish};
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
        (2, reason) if reason < 0x80 => {}
        (_, reason) => {
            return Err(refused(&format!(
                "the broker lets nobody in as {CLIENT} (0x{reason:02X})"
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
        (4, reason) if reason < 0x80 => {}
        (_, reason) => return Err(refused(&format!("the broker refused it (0x{reason:02X})"))),
    }
    // DISCONNECT with reason 0x00.
    near.write_all(&[0xE0, 0x00]).await.map_err(|_| gone())?;
    Ok(())
}

async fn send(near: &mut DuplexStream, packet: &Packet<'_>) -> Result<()> {
    let mut bytes = BytesMut::new();
    mqttwb_wire::encode(packet, VERSION, &mut bytes);
    near.write_all(&bytes).await.map_err(|_| gone())
}

/// The next packet: its type and its reason code.
async fn hear(near: &mut DuplexStream) -> Result<(u8, u8)> {
    let mut bytes = Vec::new();
    loop {
        // CONNACK has its reason at 1 behind the head, PUBACK behind its identifier; one that is left out is 0x00.
        if let [first, length, rest @ ..] = &bytes[..]
            && *length < 0x80
            && rest.len() >= usize::from(*length)
        {
            let kind = first >> 4;
            let place = match kind {
                4 => 2,
                14 => 0,
                _ => 1,
            };
            let body = &rest[..usize::from(*length)];
            return Ok((kind, body.get(place).copied().unwrap_or(0)));
        }
        let mut part = [0; 512];
        match near.read(&mut part).await {
            Ok(0) | Err(_) => return Err(gone()),
            Ok(read) => bytes.extend_from_slice(&part[..read]),
        }
        // A longer head than these two bytes: a CONNACK with more properties than 127 bytes.
        if let [first, a, b, rest @ ..] = &bytes[..]
            && *a >= 0x80
            && *b < 0x80
            && rest.len() > 1
        {
            return Ok((first >> 4, rest[1]));
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
