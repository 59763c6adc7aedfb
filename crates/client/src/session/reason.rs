//! The reason codes of MQTT 5, which rumqttc names anew for each packet.

use mqttwb_model::QoS;
use mqttwb_wire::ReasonCode;
use rumqttc::v5::mqttbytes::v5 as packets5;

use super::v5::of_qos;
use crate::error::words;

pub(super) fn puback_reason(reason: packets5::PubAckReason) -> ReasonCode {
    use packets5::PubAckReason as Reason;
    match reason {
        Reason::Success => ReasonCode::SUCCESS,
        Reason::NoMatchingSubscribers => ReasonCode::NO_MATCHING_SUBSCRIBERS,
        Reason::UnspecifiedError => ReasonCode::UNSPECIFIED_ERROR,
        Reason::ImplementationSpecificError => ReasonCode::IMPLEMENTATION_SPECIFIC,
        Reason::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        Reason::TopicNameInvalid => ReasonCode::TOPIC_NAME_INVALID,
        Reason::PacketIdentifierInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        Reason::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        Reason::PayloadFormatInvalid => ReasonCode::PAYLOAD_FORMAT_INVALID,
    }
}

pub(super) fn pubrec_reason(reason: packets5::PubRecReason) -> ReasonCode {
    use packets5::PubRecReason as Reason;
    match reason {
        Reason::Success => ReasonCode::SUCCESS,
        Reason::NoMatchingSubscribers => ReasonCode::NO_MATCHING_SUBSCRIBERS,
        Reason::UnspecifiedError => ReasonCode::UNSPECIFIED_ERROR,
        Reason::ImplementationSpecificError => ReasonCode::IMPLEMENTATION_SPECIFIC,
        Reason::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        Reason::TopicNameInvalid => ReasonCode::TOPIC_NAME_INVALID,
        Reason::PacketIdentifierInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        Reason::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        Reason::PayloadFormatInvalid => ReasonCode::PAYLOAD_FORMAT_INVALID,
    }
}

pub(super) fn unsuback_reason(reason: &packets5::UnsubAckReason) -> ReasonCode {
    use packets5::UnsubAckReason as Reason;
    match reason {
        Reason::Success => ReasonCode::SUCCESS,
        Reason::NoSubscriptionExisted => ReasonCode::NO_SUBSCRIPTION_EXISTED,
        Reason::UnspecifiedError => ReasonCode::UNSPECIFIED_ERROR,
        Reason::ImplementationSpecificError => ReasonCode::IMPLEMENTATION_SPECIFIC,
        Reason::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        Reason::TopicFilterInvalid => ReasonCode::TOPIC_FILTER_INVALID,
        Reason::PacketIdentifierInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
    }
}

pub(super) fn suback_outcome(
    code: packets5::SubscribeReasonCode,
    said: Option<&str>,
) -> Result<QoS, String> {
    use packets5::SubscribeReasonCode as Code;
    let reason = match code {
        Code::Success(qos) => return Ok(of_qos(qos)),
        Code::Failure | Code::Unspecified => ReasonCode::UNSPECIFIED_ERROR,
        Code::ImplementationSpecific => ReasonCode::IMPLEMENTATION_SPECIFIC,
        Code::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        Code::TopicFilterInvalid => ReasonCode::TOPIC_FILTER_INVALID,
        Code::PkidInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        Code::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        Code::SharedSubscriptionsNotSupported => ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
        Code::SubscriptionIdNotSupported => ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
        Code::WildcardSubscriptionsNotSupported => ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
    };
    Err(words(reason.text(), reason, said))
}
