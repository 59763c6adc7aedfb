//! Which packets a view shows.

use mqttwb_model::{Direction, PacketType, QoS, TopicFilter};

use crate::segment::{Glance, qos_of_first_byte};

/// A filter on packets, parsed. What is `None` or empty asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: Option<Needle>,
    topic: Option<TopicFilter>,
    /// A bit for each packet type that is wanted; none of them for every type.
    packets: u16,
    direction: Option<Direction>,
    qos: Option<QoS>,
}

impl Filter {
    /// The filter that every packet passes.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only packets whose client identifier or topic holds this text, whatever the case. An empty text asks nothing.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = (!text.is_empty()).then(|| Needle(text.to_lowercase()));
        self
    }

    /// Only packets with a topic that matches.
    #[must_use]
    pub fn topic(mut self, filter: TopicFilter) -> Self {
        self.topic = Some(filter);
        self
    }

    /// This packet type too; without a call, every type.
    #[must_use]
    pub fn packet(mut self, packet: PacketType) -> Self {
        self.packets |= bit(packet);
        self
    }

    /// Only packets that went this way.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Only PUBLISH packets of this quality of service.
    #[must_use]
    pub fn qos(mut self, qos: QoS) -> Self {
        self.qos = Some(qos);
        self
    }

    /// Whether every packet passes.
    pub fn is_all(&self) -> bool {
        self.text.is_none()
            && self.topic.is_none()
            && self.packets == 0
            && self.direction.is_none()
            && self.qos.is_none()
    }

    /// The types of packets that can pass, a bit for each, counted by the type's number.
    pub(crate) fn types(&self) -> u16 {
        let any = if self.packets == 0 {
            u16::MAX
        } else {
            self.packets
        };
        if self.topic.is_some() || self.qos.is_some() {
            any & bit(PacketType::Publish)
        } else {
            any
        }
    }

    /// Of what must be in a topic: whether a PUBLISH with this one can pass.
    pub(crate) fn takes_topic(&self, topic: &str) -> bool {
        self.topic
            .as_ref()
            .is_none_or(|filter| filter.matches(topic))
    }

    /// Whether the topic is asked for.
    pub(crate) fn asks_topic(&self) -> bool {
        self.topic.is_some()
    }

    /// The text that must be in the topic or the client identifier.
    pub(crate) fn needle(&self) -> Option<&Needle> {
        self.text.as_ref()
    }

    /// Whether a packet passes. `client_holds` tells whether its client's identifier holds the text that is sought;
    /// it is asked last, and only where there is such a text.
    pub(crate) fn passes(
        &self,
        glance: &Glance<'_>,
        client_holds: impl FnOnce(&Needle) -> bool,
    ) -> bool {
        // From the cheapest question to the dearest.
        if self
            .direction
            .is_some_and(|wanted| wanted != glance.direction())
        {
            return false;
        }
        let first = glance.first_byte();
        if self.packets != 0
            && PacketType::of_first_byte(first).is_none_or(|p| self.packets & bit(p) == 0)
        {
            return false;
        }
        if self.qos.is_some() && qos_of_first_byte(first) != self.qos {
            return false;
        }
        if self.topic.is_none() && self.text.is_none() {
            return true;
        }
        let topic = match PacketType::of_first_byte(first) {
            Some(PacketType::Publish) => glance.packet().topic(),
            _ => None,
        };
        if let Some(filter) = &self.topic
            && !topic.is_some_and(|topic| filter.matches(topic))
        {
            return false;
        }
        match &self.text {
            Some(needle) => topic.is_some_and(|topic| needle.is_in(topic)) || client_holds(needle),
            None => true,
        }
    }
}

pub(crate) fn bit(packet: PacketType) -> u16 {
    1 << packet as u8
}

/// A text to look for, whatever the case: in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Needle(String);

impl Needle {
    pub fn is_in(&self, hay: &str) -> bool {
        let (needle, bytes) = (self.0.as_bytes(), hay.as_bytes());
        if hay.is_ascii() {
            let Some(&first) = needle.first() else {
                return true;
            };
            let upper = first.to_ascii_uppercase();
            return bytes.len() >= needle.len()
                && (0..=bytes.len() - needle.len()).any(|at| {
                    (bytes[at] == first || bytes[at] == upper)
                        && bytes[at..at + needle.len()].eq_ignore_ascii_case(needle)
                });
        }
        hay.to_lowercase().contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_whatever_the_case() {
        let needle = |text: &str| Needle(text.to_lowercase());
        for (text, hay, expected) in [
            ("pump", "plant/PUMP-7", true),
            ("PUMP", "plant/pump-7", true),
            ("7", "plant/pump-7", true),
            ("pump-8", "plant/pump-7", false),
            ("plant/pump-7/x", "plant/pump-7", false),
            ("grün", "ventil/GRÜN", true),
            ("ü", "plain", false),
        ] {
            assert_eq!(needle(text).is_in(hay), expected, "{text} in {hay}");
        }
    }
}
