//! Whether what a client wants is taken: limits of its size and shape, and what the policy says.
//!
//! Duty: the verdict on a publish, a will and a subscription before the session and the hub see it. Not here: quotas
//! that only the hub can count (subscriptions), the rules of QoS. Invariant: what is within the limits, with no policy,
//! costs two comparisons.

use std::borrow::Cow;

use mqttwb_model::{LimitKind, ProtocolVersion, QoS, RefusalCause, TopicFilter};
use mqttwb_wire::{Properties, Property, Publish, ReasonCode, Will};

use crate::access::{Attempt, Denied, Identity, Policy};
use crate::config::Limits;

/// Something that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What the client is told.
    pub(crate) reason: ReasonCode,
    /// What it is, to count it.
    pub(crate) cause: RefusalCause,
    /// What it is, in a sentence for the operator.
    pub(crate) why: String,
}

impl Refused {
    fn limit(reason: ReasonCode, kind: LimitKind, why: String) -> Self {
        Self {
            reason,
            cause: RefusalCause::Limit(kind),
            why,
        }
    }

    /// What the client may know of it: a rule is the operator's.
    pub(crate) fn told(&self) -> Cow<'_, str> {
        match self.cause {
            RefusalCause::Access => explain(self.reason).into(),
            _ => self.why.as_str().into(),
        }
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self {
            reason: denied.reason,
            cause: RefusalCause::Access,
            why: denied.rule,
        }
    }
}

/// What a reason string says to a client of a reason that is given without words of its own.
pub(crate) fn explain(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::NOT_AUTHORIZED => "this client may not do that here",
        ReasonCode::BAD_USER_NAME_OR_PASSWORD => "user name and password do not go together",
        ReasonCode::TOPIC_FILTER_INVALID => {
            "the topic filter is malformed, or has more levels or bytes than this broker takes"
        }
        ReasonCode::TOPIC_NAME_INVALID => {
            "the topic has more levels or bytes than this broker takes"
        }
        ReasonCode::PACKET_IDENTIFIER_NOT_FOUND => {
            "nothing is under way with this packet identifier"
        }
        ReasonCode::QUOTA_EXCEEDED => "a limit of this broker is reached: its log says which",
        ReasonCode::PAYLOAD_FORMAT_INVALID => "the payload calls itself UTF-8 text, and is not",
        ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED => "this broker has no shared subscriptions",
        other => other.text(),
    }
}

/// Whether a topic name or filter is within the limits; the limit that it is past, otherwise.
pub(super) fn fits(topic: &str, limits: &Limits) -> Result<(), LimitKind> {
    if topic.len() > limits.topic_length {
        return Err(LimitKind::TopicLength);
    }
    // Fewer bytes than levels are allowed can't be too many levels.
    if topic.len() >= limits.topic_levels && topic.split('/').count() > limits.topic_levels {
        return Err(LimitKind::TopicLevels);
    }
    Ok(())
}

fn too_much(kind: LimitKind, topic: &str, limits: &Limits) -> String {
    let begins: String = topic.chars().take(40).collect();
    match kind {
        LimitKind::TopicLength => format!(
            "a topic of {} bytes, which begins {begins:?}: at most {} are taken",
            topic.len(),
            limits.topic_length
        ),
        _ => format!(
            "a topic of {} levels, which begins {begins:?}: at most {} are taken",
            topic.split('/').count(),
            limits.topic_levels
        ),
    }
}

fn check_name(topic: &str, limits: &Limits) -> Result<(), Refused> {
    if topic.starts_with("$SYS/") {
        return Err(Refused {
            reason: ReasonCode::NOT_AUTHORIZED,
            cause: RefusalCause::Access,
            why: format!("topics under $SYS/ are the broker's own: {topic:?}"),
        });
    }
    fits(topic, limits).map_err(|kind| {
        let why = too_much(kind, topic, limits);
        Refused::limit(ReasonCode::TOPIC_NAME_INVALID, kind, why)
    })
}

/// Whether a payload is the text that it calls itself (section 3.3.2.3.2).
fn check_format(
    properties: &Properties<'_>,
    payload: &[u8],
    topic: &str,
    limits: &Limits,
) -> Result<(), Refused> {
    let text = || {
        properties
            .find(|p| matches!(p, Property::PayloadFormatIndicator(1)).then_some(()))
            .is_some()
    };
    if !limits.payload_format_check || !text() || std::str::from_utf8(payload).is_ok() {
        return Ok(());
    }
    Err(Refused::limit(
        ReasonCode::PAYLOAD_FORMAT_INVALID,
        LimitKind::PayloadFormat,
        format!("a payload to {topic:?} calls itself UTF-8 text, and is not"),
    ))
}

/// A last will, as far as it can be judged before it is known whose it is.
pub(super) fn will(will: &Will<'_>, limits: &Limits) -> Result<(), Refused> {
    check_name(will.topic, limits)?;
    check_format(&will.properties, will.payload, will.topic, limits)
}

/// A PUBLISH; `topic` is the resolved one where the packet used an alias.
pub(super) fn publish(
    publish: &Publish<'_>,
    topic: &str,
    limits: &Limits,
    policy: Option<&dyn Policy>,
    who: &Identity,
) -> Result<(), Refused> {
    check_name(topic, limits)?;
    if !publish.properties.is_empty() {
        check_format(&publish.properties, publish.payload, topic, limits)?;
    }
    if let Some(policy) = policy {
        let attempt = Attempt::Publish {
            topic,
            qos: publish.qos,
            retain: publish.retain,
        };
        policy
            .verdict(who, &attempt)
            .map_err(|denied| denied_to(denied, "publish to", topic))?;
    }
    Ok(())
}

/// One filter of a SUBSCRIBE.
pub(super) fn subscribe(
    text: &str,
    qos: QoS,
    limits: &Limits,
    policy: Option<&dyn Policy>,
    who: &Identity,
) -> Result<TopicFilter, Refused> {
    fits(text, limits).map_err(|kind| {
        let why = too_much(kind, text, limits);
        Refused::limit(ReasonCode::TOPIC_FILTER_INVALID, kind, why)
    })?;
    let filter = TopicFilter::try_from(text).map_err(|error| Refused {
        reason: ReasonCode::TOPIC_FILTER_INVALID,
        cause: RefusalCause::Protocol,
        why: format!("the filter {text:?}: {error}"),
    })?;
    if let Some(policy) = policy {
        let attempt = Attempt::Subscribe {
            filter: &filter,
            qos,
        };
        policy
            .verdict(who, &attempt)
            .map_err(|denied| denied_to(denied, "subscribe to", text))?;
    }
    Ok(filter)
}

/// Whether a client may leave this will.
pub(super) fn will_of(
    topic: &str,
    qos: QoS,
    retain: bool,
    policy: Option<&dyn Policy>,
    who: &Identity,
) -> Result<(), Refused> {
    let Some(policy) = policy else {
        return Ok(());
    };
    let attempt = Attempt::Will { topic, qos, retain };
    policy
        .verdict(who, &attempt)
        .map_err(|denied| denied_to(denied, "leave a will to", topic))
}

fn denied_to(denied: Denied, what: &str, topic: &str) -> Refused {
    Refused {
        reason: denied.reason,
        cause: RefusalCause::Access,
        why: format!("it may not {what} {topic:?}: {}", denied.rule),
    }
}

/// What SUBACK says of a filter that is refused. MQTT 3.1 has no word for it: it is granted what it asked for, and gets
/// nothing.
pub(super) fn in_suback(reason: ReasonCode, asked: QoS, version: ProtocolVersion) -> ReasonCode {
    match version {
        ProtocolVersion::V31 => ReasonCode(asked.into()),
        ProtocolVersion::V311 | ProtocolVersion::V5 => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_bytes_are_counted_up_to_the_limit() {
        let limits = Limits {
            topic_levels: 3,
            topic_length: 10,
            ..Limits::default()
        };
        for (topic, verdict) in [
            ("a/b/c", Ok(())),
            ("//", Ok(())),
            ("abcdefghij", Ok(())),
            ("a/b/c/d", Err(LimitKind::TopicLevels)),
            ("///", Err(LimitKind::TopicLevels)),
            ("abcdefghijk", Err(LimitKind::TopicLength)),
        ] {
            assert_eq!(fits(topic, &limits), verdict, "{topic}");
        }
    }
}
