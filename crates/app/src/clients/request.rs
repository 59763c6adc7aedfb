//! A request, and the reply that is waited for.
//!
//! Duty: name a response topic, subscribe to it where nothing does yet, publish, and tell the reply by its correlation data.
//! Not here: how a reply is found among what comes (`exchange.rs`).
//! Invariant: what was subscribed to for a reply alone is unsubscribed again, however waiting for it ends.

use std::time::{Duration, Instant};

use mqttwb_client::EntryKind;

use super::options::filter;
use super::words::{properties, readable, request_failed};
use super::{Entry, TestClients, message};
use crate::Result;
use crate::api::{ApiError, ErrorCode, ReplyReceived, ReplyRequest, Version};

/// Bytes of a reply's payload that are shown.
const REPLY: usize = 64 * 1024;
/// The longest that a reply is waited for.
const LONGEST_WAIT: u32 = 10 * 60 * 1000;

impl TestClients {
    /// Publishes a request, and waits for its reply.
    pub async fn request(&self, id: u32, request: ReplyRequest) -> Result<ReplyReceived> {
        let entry = self.entry(id)?;
        let v5 = entry.config.version == Version::V5;
        let mut message = message(&entry, request.message).await?;
        let told = &mut message.properties;
        let response_topic = match &told.response_topic {
            Some(topic) => topic.clone(),
            // Response Information is what a broker lets a client make response topics of.
            None => format!("{}/{:08x}", response_prefix(&entry), fastrand::u32(..)),
        };
        let correlation = v5.then(|| {
            told.response_topic = Some(response_topic.clone());
            told.correlation_data
                .get_or_insert_with(|| fastrand::u64(..).to_be_bytes().to_vec().into())
                .clone()
        });
        let wanted = filter(&response_topic)?;
        let status = entry.client.status();
        let covered = status
            .subscriptions
            .iter()
            .any(|known| known.answer.is_some() && known.wish.filter.matches(&response_topic));
        if !covered {
            let wish = mqttwb_client::Wish::new(wanted.clone(), mqttwb_model::QoS::AtLeastOnce);
            let grant = entry.client.subscribe(wish).await.map_err(request_failed)?;
            if let mqttwb_client::Grant::Refused(reason) = grant {
                return Err(ApiError::new(
                    ErrorCode::Client,
                    format!("The broker lets nobody subscribe to the response topic {response_topic}: {reason}."),
                )
                .hint("Name a response topic that this client may read."));
            }
        }
        let (number, reply) = entry.exchange.expect(&response_topic, correlation.clone());
        let within = Duration::from_millis(request.within.clamp(1, LONGEST_WAIT).into());
        let began = Instant::now();
        let outcome = async {
            entry.client.publish(message).await.map_err(request_failed)?;
            match tokio::time::timeout(within, reply).await {
                Ok(Ok(reply)) => Ok(reply),
                _ => Err(ApiError::new(
                    ErrorCode::Client,
                    format!("No reply came on {response_topic} within {} ms.", within.as_millis()),
                )
                .hint("Does anybody answer this request, on its response topic and with its correlation data?")),
            }
        }
        .await;
        entry.exchange.give_up(number);
        if !covered {
            // Where it can't be ended, the connection has.
            let _ = entry.client.unsubscribe(wanted).await;
        }
        let (reply, came) = outcome?;
        let micros = came.duration_since(began).as_micros();
        entry.client.note(
            EntryKind::Reply,
            format!(
                "{}: the reply came after {:.1} ms",
                reply.topic,
                micros as f64 / 1_000.0
            ),
        );
        let shown = &reply.payload[..reply.payload.len().min(REPLY)];
        Ok(ReplyReceived {
            topic: reply.topic.clone(),
            payload: match std::str::from_utf8(shown) {
                Ok(text) => text.to_owned(),
                Err(error) if error.error_len().is_none() => {
                    String::from_utf8_lossy(&shown[..error.valid_up_to()]).into_owned()
                }
                Err(_) => readable(shown),
            },
            cut: shown.len() < reply.payload.len(),
            // A packet is smaller than 4 GiB.
            size: u32::try_from(reply.payload.len()).unwrap_or(u32::MAX),
            micros: u64::try_from(micros).unwrap_or(u64::MAX),
            correlation_data: correlation.as_deref().map(readable),
            properties: properties(&reply.properties),
        })
    }
}

/// What a client's response topics begin with.
fn response_prefix(entry: &Entry) -> String {
    let status = entry.client.status();
    let told = status.negotiated.as_ref();
    let information = told.and_then(|told| {
        told.properties
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("response information"))
    });
    match information {
        Some((_, prefix)) => prefix.trim_matches('"').to_owned(),
        None => format!("reply/{}", entry.name().replace(['+', '#', '/'], "-")),
    }
}
