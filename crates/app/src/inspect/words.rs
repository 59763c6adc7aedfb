//! From what the broker tells of itself to what a person reads.

use std::fmt::Write as _;

use mqttwb_broker::inspect::{
    Restored, RetainedMessage, SessionDetail, SessionSummary, SubscriptionSummary, TakeOver,
    WillSummary,
};
use mqttwb_broker::session::{Delivery, Inflight, Unacknowledged};
use mqttwb_broker::{Broker, ClientSummary, Identity, Message, ProvedBy};
use mqttwb_model::{ConnectionInfo, LimitKind, QoS, Timestamp};
use mqttwb_wire::{ReasonCode, RetainHandling};

use crate::api;
use crate::api::{InflightState, PreviewFormat, Proof, ProofKind};

/// Bytes of a payload that a preview shows as text at most.
const TEXT: usize = 200;
/// Bytes of a payload that a preview shows in hexadecimal at most.
const HEX: usize = 32;

impl From<ClientSummary> for api::BrokerClient {
    fn from(client: ClientSummary) -> Self {
        Self {
            client_id: client.info.client.to_string(),
            version: client.info.version.into(),
            listener: client.info.listener.to_string(),
            peer: client.info.peer.to_string(),
            common_name: client.info.common_name.as_deref().map(str::to_owned),
            proofs: proofs(client.identity.as_ref()),
            connected_at: client.connected_at.as_millis(),
            keep_alive: client.keep_alive.as_secs() as u16,
            subscriptions: client.filters.iter().map(ToString::to_string).collect(),
            messages_in: client.messages_in,
            messages_out: client.messages_out,
        }
    }
}

impl From<SessionSummary> for api::SessionEntry {
    fn from(session: SessionSummary) -> Self {
        Self {
            client_id: session.client.to_string(),
            connected: session.connection.is_some(),
            version: session.version.into(),
            since: session.since.as_millis(),
            expiry: Some(session.expiry).filter(|seconds| *seconds != u32::MAX),
            expires: session.expires.map(Timestamp::as_millis),
            subscriptions: session.subscriptions as u32,
            waiting: session.waiting as u32,
            durable: session.durable,
            connection: session.connection.as_deref().map(connection),
            proofs: proofs(session.identity.as_ref()),
            taken_over: session.taken_over,
            fought_over: session.fought_over,
        }
    }
}

impl From<SubscriptionSummary> for api::SubscriptionEntry {
    fn from(subscription: SubscriptionSummary) -> Self {
        let options = subscription.options;
        Self {
            client_id: subscription.client.to_string(),
            filter: subscription.filter.to_string(),
            qos: options.qos.into(),
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: match options.retain_handling {
                RetainHandling::OnSubscribe => api::RetainHandling::OnSubscribe,
                RetainHandling::IfNew => api::RetainHandling::IfNew,
                RetainHandling::Never => api::RetainHandling::Never,
            },
            id: subscription.id,
        }
    }
}

impl From<RetainedMessage> for api::RetainedEntry {
    fn from(kept: RetainedMessage) -> Self {
        Self {
            message: message(&kept.message, kept.message.qos(), true),
            publisher: kept.publisher.to_string(),
            will: kept.message.is_will(),
            stale: None,
        }
    }
}

impl From<Restored> for api::RetainedRestored {
    fn from(restored: Restored) -> Self {
        Self {
            restored: restored.restored as u64,
            newer: restored.newer,
            expired: restored.expired,
            no_room: restored.no_room,
        }
    }
}

impl From<api::DisconnectReason> for ReasonCode {
    fn from(reason: api::DisconnectReason) -> Self {
        match reason {
            api::DisconnectReason::AdministrativeAction => Self::ADMINISTRATIVE_ACTION,
            api::DisconnectReason::NotAuthorized => Self::NOT_AUTHORIZED,
            api::DisconnectReason::ServerBusy => Self::SERVER_BUSY,
            api::DisconnectReason::QuotaExceeded => Self::QUOTA_EXCEEDED,
            api::DisconnectReason::UnspecifiedError => Self::UNSPECIFIED_ERROR,
        }
    }
}

/// A session; its lists begin with entry number `from`.
pub(super) fn session(detail: SessionDetail, from: u32) -> api::SessionDetail {
    let (contents, take_overs) = (detail.contents, detail.take_overs.last);
    api::SessionDetail {
        session: detail.summary.into(),
        subscriptions: detail.subscriptions.into_iter().map(Into::into).collect(),
        will: detail.will.map(will),
        from,
        queued: contents.queued.items.iter().map(delivery).collect(),
        queued_total: contents.queued.total as u32,
        queued_bytes: contents.queued_bytes as u64,
        inflight: contents.inflight.items.into_iter().map(inflight).collect(),
        inflight_total: contents.inflight.total as u32,
        received: contents
            .received
            .items
            .iter()
            .map(|(packet_id, kept)| api::ReceivedEntry {
                packet_id: *packet_id,
                message: message(kept, kept.qos(), kept.retain()),
            })
            .collect(),
        received_total: contents.received.total as u32,
        arriving: contents.arriving as u32,
        keep_alive: contents.silence_left.map(|left| api::KeepAliveEntry {
            interval: detail.keep_alive.as_secs() as u32,
            left: left.as_secs() as u32,
        }),
        take_overs: take_overs.iter().rev().map(take_over).collect(),
    }
}

fn take_over(one: &TakeOver) -> api::TakeOverEntry {
    api::TakeOverEntry {
        at: one.at.as_millis(),
        from: connection(&one.from),
        by: connection(&one.by),
    }
}

/// What somebody has proved: the certificate's name first, since the listener asks for it first.
fn proofs(who: Option<&Identity>) -> Vec<Proof> {
    let Some(who) = who else {
        return Vec::new();
    };
    let certificate = who.connection.common_name.as_deref();
    let certificate = certificate.map(|name| (ProofKind::Certificate, name));
    let verified = who.verified.as_ref().zip(who.proved_name());
    let verified = verified.map(|(verified, name)| match verified.by {
        ProvedBy::Account => (ProofKind::Account, name),
        ProvedBy::Token => (ProofKind::Token, name),
    });
    let all = certificate.into_iter().chain(verified);
    all.map(|(by, name)| Proof {
        by,
        name: name.to_owned(),
    })
    .collect()
}

fn connection(info: &ConnectionInfo) -> api::SessionConnection {
    api::SessionConnection {
        listener: info.listener.to_string(),
        peer: info.peer.to_string(),
        common_name: info.common_name.as_deref().map(str::to_owned),
    }
}

fn will(will: WillSummary) -> api::WillEntry {
    api::WillEntry {
        message: message(&will.message, will.message.qos(), will.message.retain()),
        delay: will.delay.as_secs() as u32,
        due: will.due.map(Timestamp::as_millis),
    }
}

fn inflight(sent: Unacknowledged) -> api::InflightEntry {
    let (state, message) = match &sent.state {
        Inflight::Publish(waits) => (InflightState::Sent, Some(delivery(waits))),
        Inflight::Release | Inflight::Done => (InflightState::Released, None),
    };
    api::InflightEntry {
        packet_id: sent.packet_id,
        state,
        // PUBREL has no such flag.
        dup: sent.dup && state == InflightState::Sent,
        message,
    }
}

fn delivery(delivery: &Delivery) -> api::MessageEntry {
    message(&delivery.message, delivery.qos, delivery.retain)
}

fn message(message: &Message, qos: QoS, retain: bool) -> api::MessageEntry {
    let (preview, format, whole) = preview(message.payload());
    api::MessageEntry {
        topic: message.topic().to_owned(),
        qos: qos.into(),
        retain,
        at: message.origin().at.as_millis(),
        expires: message.expires().map(Timestamp::as_millis),
        size: message.payload().len() as u32,
        preview,
        format,
        whole,
    }
}

/// The beginning of a payload, how it is written, and whether it is all.
pub(crate) fn preview(payload: &[u8]) -> (String, PreviewFormat, bool) {
    let shown = &payload[..payload.len().min(TEXT)];
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        // Cut within a letter: it is shown up to there.
        Err(error) if error.error_len().is_none() && shown.len() < payload.len() => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    if let Some(text) = text.filter(|text| !text.contains(char::is_control)) {
        return (
            text.to_owned(),
            PreviewFormat::Text,
            text.len() == payload.len(),
        );
    }
    let shown = &payload[..payload.len().min(HEX)];
    let mut hex = String::with_capacity(2 * shown.len());
    for byte in shown {
        let _ = write!(hex, "{byte:02x}");
    }
    (hex, PreviewFormat::Hex, shown.len() == payload.len())
}

pub(super) fn counters(broker: &Broker) -> api::BrokerCounters {
    let values = broker.counters().values();
    api::BrokerCounters {
        uptime: Timestamp::now().since(broker.since()).as_secs(),
        connections: values.connections,
        sessions: values.sessions,
        subscriptions: values.subscriptions,
        retained: values.retained,
        messages_in: values.messages_in,
        messages_out: values.messages_out,
        bytes_in: values.bytes_in,
        bytes_out: values.bytes_out,
        dropped: values.dropped,
    }
}

/// The key of a limit.
pub(crate) fn limit_key(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Connections => "limits.connections",
        LimitKind::ConnectionsPerAddress => "limits.connections_per_address",
        LimitKind::ConnectionRate => "limits.connection_rate",
        LimitKind::ConnectTime => "limits.connect_timeout",
        LimitKind::Sessions => "limits.sessions",
        LimitKind::SessionExpiry => "mqtt.session_expiry_max",
        LimitKind::KeepAlive => "mqtt.keep_alive_max",
        LimitKind::PacketSize => "mqtt.maximum_packet_size",
        LimitKind::ReceiveMaximum => "mqtt.receive_maximum",
        LimitKind::TopicAlias => "mqtt.topic_alias_maximum",
        LimitKind::MessageRate => "limits.message_rate",
        LimitKind::ByteRate => "limits.byte_rate",
        LimitKind::TopicLevels => "limits.topic_levels",
        LimitKind::TopicLength => "limits.topic_length",
        LimitKind::Subscriptions => "limits.subscriptions_per_client",
        LimitKind::Queue => "mqtt.max_queued_messages",
        LimitKind::RetainedMessages => "limits.retained_messages",
        LimitKind::RetainedBytes => "limits.retained_bytes",
        LimitKind::PayloadFormat => "mqtt.payload_format_check",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_key_in_the_configuration() {
        let settings = crate::config::Config::default().report().settings;
        for kind in LimitKind::ALL {
            let key = limit_key(kind);
            assert!(settings.iter().any(|setting| setting.key == key), "{key}");
        }
    }

    #[test]
    fn a_preview_says_whether_it_is_all() {
        use PreviewFormat::{Hex, Text};
        assert_eq!(preview(b""), (String::new(), Text, true));
        assert_eq!(preview("grün".as_bytes()), ("grün".into(), Text, true));
        assert_eq!(preview(b"\x00\xff"), ("00ff".into(), Hex, true));
        let (hex, format, whole) = preview(&[7; 33]);
        assert_eq!((hex.len(), format, whole), (64, Hex, false));
        // The cut falls into a letter of two bytes.
        let long = format!("{}ü", "a".repeat(TEXT - 1));
        let (text, format, whole) = preview(long.as_bytes());
        assert_eq!((text.len(), format, whole), (TEXT - 1, Text, false));
    }
}
