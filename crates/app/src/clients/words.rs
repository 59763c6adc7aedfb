//! What the client engine tells, in the words of [`api`](crate::api).

use mqttwb_client::{ConnectionError, EntryKind, Grant, MessageProperties, RequestError, State};
use mqttwb_pki::Certificate;

use super::Entry;
use super::options::invalid;
use crate::api::{
    self, ApiError, ClientState, ClientSubscription, ErrorCode, NameAndValue, Negotiated,
    NegotiatedTls, PeerCertificate, Retry, SubscribeRequest, Target, TimelineEntry, TimelineKind,
    Trust,
};
use crate::words::sentence;

pub(crate) fn connection_failed(error: &ConnectionError) -> ApiError {
    let code = match error {
        ConnectionError::Options(_) => ErrorCode::InvalidInput,
        ConnectionError::Connected => ErrorCode::WrongState,
        _ => ErrorCode::Client,
    };
    let told = ApiError::new(code, sentence(error));
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

pub(crate) fn request_failed(error: RequestError) -> ApiError {
    match error {
        RequestError::NotConnected => {
            ApiError::new(ErrorCode::WrongState, sentence(error)).hint("Connect it first.")
        }
        RequestError::TooLarge { .. } => invalid(error),
        RequestError::Alias { .. } => {
            invalid(error).hint("Choose a lower alias, or none: the broker says what it takes.")
        }
        RequestError::ConnectionLost | RequestError::TimedOut(_) | RequestError::Refused(_) => {
            ApiError::new(ErrorCode::Client, sentence(error))
        }
    }
}

/// A client as the page shows it.
pub(super) fn for_people(id: u32, entry: &Entry) -> api::TestClient {
    let status = entry.client.status();
    api::TestClient {
        id,
        config: entry.config.clone(),
        state: match status.state {
            State::Disconnected => ClientState::Disconnected,
            State::Connecting => ClientState::Connecting,
            State::Connected => ClientState::Connected,
            State::Waiting => ClientState::Waiting,
            State::Failed => ClientState::Failed,
        },
        failure: status.failure.as_ref().map(connection_failed),
        session_present: status
            .negotiated
            .as_ref()
            .is_some_and(|told| told.session_present),
        retry: status.retry.map(|retry| Retry {
            attempt: retry.attempt,
            at: retry.at.as_millis(),
        }),
        negotiated: status.negotiated.map(|told| negotiated(told, entry)),
        run: entry.run.lock().as_ref().map(|run| run.status()),
        subscriptions: status
            .subscriptions
            .into_iter()
            .map(|subscription| {
                let (granted, refused) = match subscription.answer {
                    None => (None, None),
                    Some(Grant::Granted(qos)) => (Some(qos.into()), None),
                    Some(Grant::Refused(reason)) => (None, Some(reason)),
                };
                let wish = &subscription.wish;
                ClientSubscription {
                    filter: wish.filter.as_str().to_owned(),
                    qos: wish.options.qos.into(),
                    request: request_of(wish),
                    granted,
                    refused,
                }
            })
            .collect(),
        received: status.received,
        published: status.published,
        newest: status.newest,
        dropped: status.dropped,
    }
}

fn request_of(wish: &mqttwb_client::Wish) -> SubscribeRequest {
    SubscribeRequest {
        filter: wish.filter.as_str().to_owned(),
        qos: wish.options.qos.into(),
        no_local: wish.options.no_local,
        retain_as_published: wish.options.retain_as_published,
        retain_handling: match wish.options.retain_handling {
            mqttwb_client::RetainHandling::OnSubscribe => api::RetainHandling::OnSubscribe,
            mqttwb_client::RetainHandling::IfNew => api::RetainHandling::IfNew,
            mqttwb_client::RetainHandling::Never => api::RetainHandling::Never,
        },
        id: wish.id,
        user_properties: names(&wish.user_properties),
    }
}

fn names(pairs: &[(String, String)]) -> Vec<NameAndValue> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| NameAndValue {
            name: name.clone(),
            value: value.clone(),
        })
        .collect()
}

fn negotiated(told: mqttwb_client::Negotiated, entry: &Entry) -> Negotiated {
    let remote = match &entry.config.target {
        Target::Remote(remote) => Some(remote),
        Target::Tcp | Target::MutualTls { .. } | Target::Ws => None,
    };
    let verified = remote.is_none_or(|remote| remote.tls.trust != Trust::Anybody);
    let proxy = remote.and_then(|remote| remote.proxy.as_ref());
    Negotiated {
        url: told.url,
        peer: told.peer.to_string(),
        proxy: proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port)),
        tls: told.tls.map(|tls| NegotiatedTls {
            version: tls.version,
            cipher: tls.cipher,
            alpn: tls.alpn,
            verified,
            chain: tls
                .certificates
                .iter()
                .filter_map(|der| Certificate::from_der(der.to_vec()).ok())
                .map(|certificate| peer(&certificate))
                .collect(),
        }),
        client_id: told.client_id,
        keep_alive: told.keep_alive,
        receive_maximum: told.receive_maximum,
        maximum_packet_size: told.maximum_packet_size,
        topic_alias_maximum: told.topic_alias_maximum,
        properties: told
            .properties
            .into_iter()
            .map(|(name, value)| NameAndValue {
                name: name.to_owned(),
                value,
            })
            .collect(),
    }
}

fn peer(certificate: &Certificate) -> PeerCertificate {
    let told = certificate.description();
    PeerCertificate {
        subject: told.subject.clone(),
        issuer: told.issuer.clone(),
        names: told.names.clone(),
        not_before: told.validity.not_before.as_millis(),
        not_after: told.validity.not_after.as_millis(),
        key: told.key.clone(),
        fingerprint: told.fingerprint.clone(),
    }
}

/// The properties of a message that came or was sent.
pub(super) fn properties(told: &MessageProperties) -> api::MessageProperties {
    api::MessageProperties {
        payload_is_text: told.payload_is_text,
        expiry: told.expiry,
        content_type: told.content_type.clone(),
        response_topic: told.response_topic.clone(),
        correlation_data: told.correlation_data.as_deref().map(readable),
        topic_alias: told.topic_alias,
        subscription_ids: told.subscription_ids.clone(),
        user: names(&told.user),
    }
}

/// Text where it is some, hexadecimal after `0x` otherwise, as a form takes it.
pub(super) fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with("0x") && !text.chars().any(char::is_control) => {
            text.to_owned()
        }
        _ => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("0x{digits}")
        }
    }
}

pub(super) fn entry_for_people(entry: mqttwb_client::Entry) -> TimelineEntry {
    TimelineEntry {
        seq: entry.seq,
        at: entry.at.as_millis(),
        kind: match entry.kind {
            EntryKind::Connection => TimelineKind::Connection,
            EntryKind::Subscription => TimelineKind::Subscription,
            EntryKind::Published => TimelineKind::Published,
            EntryKind::Acknowledged => TimelineKind::Acknowledged,
            EntryKind::Received => TimelineKind::Received,
            EntryKind::Reply => TimelineKind::Reply,
            EntryKind::Failure => TimelineKind::Failure,
        },
        text: entry.text,
        cut: entry.cut,
        topic: entry.topic,
        qos: entry.qos.map(u8::from),
        retain: entry.retain,
        dup: entry.dup,
        // A packet is smaller than 4 GiB.
        size: u32::try_from(entry.size).unwrap_or(u32::MAX),
        properties: entry.properties.as_deref().map(properties),
    }
}
