//! What a test client sends and receives.

use bytes::Bytes;
use mqttwb_model::{QoS, TopicName};
use mqttwb_wire::Property;

/// The properties that MQTT 5 lets a message have; MQTT 3.1.1 sends none of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageProperties {
    /// Payload Format Indicator: the payload is UTF-8 text.
    pub payload_is_text: Option<bool>,
    /// Message Expiry Interval, in seconds.
    pub expiry: Option<u32>,
    /// Content Type.
    pub content_type: Option<String>,
    /// Response Topic.
    pub response_topic: Option<String>,
    /// Correlation Data.
    pub correlation_data: Option<Bytes>,
    /// Topic Alias: a number that stands for the topic from its second use on.
    pub topic_alias: Option<u16>,
    /// Subscription Identifiers; only a broker sends them.
    pub subscription_ids: Vec<u32>,
    /// User Properties, in their order.
    pub user: Vec<(String, String)>,
}

impl MessageProperties {
    /// Writes what a will can have too.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut write = |property: Property<'_>| property.write(out);
        if let Some(text) = self.payload_is_text {
            write(Property::PayloadFormatIndicator(text.into()));
        }
        if let Some(seconds) = self.expiry {
            write(Property::MessageExpiryInterval(seconds));
        }
        if let Some(kind) = &self.content_type {
            write(Property::ContentType(kind));
        }
        if let Some(topic) = &self.response_topic {
            write(Property::ResponseTopic(topic));
        }
        if let Some(data) = &self.correlation_data {
            write(Property::CorrelationData(data));
        }
        for (name, value) in &self.user {
            write(Property::UserProperty(name, value));
        }
    }

    /// Bytes that they take on the wire at most.
    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, |text| 3 + text.len());
        let user: usize = self.user.iter().map(|(n, v)| 5 + n.len() + v.len()).sum();
        // The length of them all, and those of a fixed size.
        4 + 2
            + 5
            + 3
            + text(&self.content_type)
            + text(&self.response_topic)
            + self
                .correlation_data
                .as_ref()
                .map_or(0, |data| 3 + data.len())
            + user
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Topic.
    pub topic: TopicName,
    /// Payload.
    pub payload: Bytes,
    /// QoS.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Properties; only MQTT 5 has them.
    pub properties: MessageProperties,
}

impl Publication {
    /// A message that is not retained and has no properties.
    pub fn new(topic: TopicName, payload: impl Into<Bytes>, qos: QoS) -> Self {
        Self {
            topic,
            payload: payload.into(),
            qos,
            retain: false,
            properties: MessageProperties::default(),
        }
    }

    /// The most bytes that it takes on the wire.
    pub(crate) fn size(&self) -> usize {
        // fixed header, topic length, packet identifier
        let properties = if self.properties.is_empty() {
            1
        } else {
            self.properties.size()
        };
        5 + 2 + self.topic.as_str().len() + 2 + properties + self.payload.len()
    }
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic; the one that a topic alias stands for, where there is one.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// QoS of the delivery.
    pub qos: QoS,
    /// Retained.
    pub retain: bool,
    /// Sent again.
    pub dup: bool,
    /// Properties.
    pub properties: MessageProperties,
}
