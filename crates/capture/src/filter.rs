//! Which packets a view shows.
//!
//! Duty: decide on a packet from the cheapest question to the dearest: its record first, then its topic, its payload last.
//! Not here: where the packets come from and who their clients are (`view`).
//! Invariant: a filter without conditions lets every packet pass, and [`Filter::is_all`] says so.

use mqttwb_model::{
    ClientId, ClientPattern, Direction, MessageId, PacketType, QoS, SeenBy, Timestamp, TopicFilter,
};
use mqttwb_wire::Packet;

use crate::segment::{Glance, qos_of_first_byte};

/// A filter on packets, parsed. What is `None` or empty asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: Option<Needle>,
    payload: Option<Needle>,
    clients: Vec<ClientPattern>,
    topic: Option<TopicFilter>,
    /// A bit for each packet type that is wanted; none of them for every type.
    packets: u16,
    direction: Option<Direction>,
    qos: Option<QoS>,
    faults: bool,
    message: Option<MessageId>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    seen_by: Option<SeenBy>,
}

/// What a filter has to say of a client's identifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientVerdict {
    /// One of the patterns stands for it, or none is asked for.
    pub wanted: bool,
    /// It holds the text that is sought.
    pub holds_text: bool,
}

impl Filter {
    /// The filter that every packet passes.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only packets whose client identifier or topic holds this text, whatever the case. An empty text asks nothing.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = Needle::new(text);
        self
    }

    /// Only PUBLISH packets whose payload holds this text, whatever the case. An empty text asks nothing.
    #[must_use]
    pub fn payload(mut self, text: &str) -> Self {
        self.payload = Needle::new(text);
        self
    }

    /// Packets of these clients too; without a call, of every client.
    #[must_use]
    pub fn client(mut self, pattern: ClientPattern) -> Self {
        self.clients.push(pattern);
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

    /// Only packets that a fault rule has struck.
    #[must_use]
    pub fn faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Only packets that carry this message.
    #[must_use]
    pub fn message(mut self, message: MessageId) -> Self {
        self.message = Some(message);
        self
    }

    /// Only packets of this time and later.
    #[must_use]
    pub fn from(mut self, at: Timestamp) -> Self {
        self.from = Some(at);
        self
    }

    /// Only packets of before this time.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }

    /// The same for messages, of which any packet may be struck by a fault rule, whichever type and way it has: without
    /// those conditions, and whether faults were asked for.
    pub(crate) fn for_messages(mut self) -> (Self, bool) {
        self.packets = 0;
        self.direction = None;
        let faults = std::mem::take(&mut self.faults);
        (self, faults)
    }

    /// Only packets that were seen at this end.
    #[must_use]
    pub fn seen_by(mut self, seen_by: SeenBy) -> Self {
        self.seen_by = Some(seen_by);
        self
    }

    /// Whether every packet passes.
    pub fn is_all(&self) -> bool {
        self.text.is_none()
            && self.payload.is_none()
            && self.clients.is_empty()
            && self.topic.is_none()
            && self.packets == 0
            && self.direction.is_none()
            && self.qos.is_none()
            && !self.faults
            && self.message.is_none()
            && self.from.is_none()
            && self.until.is_none()
            && self.seen_by.is_none()
    }

    /// The types of packets that can pass, a bit for each, counted by the type's number.
    pub(crate) fn types(&self) -> u16 {
        let any = if self.packets == 0 {
            u16::MAX
        } else {
            self.packets
        };
        if self.topic.is_some() || self.qos.is_some() || self.payload.is_some() {
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

    /// Whether a packet between these times can pass.
    pub(crate) fn takes_time(&self, earliest: Timestamp, latest: Timestamp) -> bool {
        self.from.is_none_or(|from| latest >= from)
            && self.until.is_none_or(|until| earliest < until)
    }

    /// Whether a time is asked for.
    pub(crate) fn asks_time(&self) -> bool {
        self.from.is_some() || self.until.is_some()
    }

    /// Whether certain clients are asked for.
    pub(crate) fn asks_client(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Whether the topic is asked for.
    pub(crate) fn asks_topic(&self) -> bool {
        self.topic.is_some()
    }

    /// The text that must be in the topic or the client identifier.
    pub(crate) fn needle(&self) -> Option<&Needle> {
        self.text.as_ref()
    }

    /// What it has to say of a client; `None` for one of which nothing is known.
    pub(crate) fn judge(&self, client: Option<&ClientId>) -> ClientVerdict {
        let wanted = |client: &ClientId| self.clients.iter().any(|p| p.matches(client));
        let holds = |client: &ClientId, needle: &Needle| needle.is_in(client.as_str().as_bytes());
        ClientVerdict {
            wanted: self.clients.is_empty() || client.is_some_and(wanted),
            holds_text: client
                .zip(self.text.as_ref())
                .is_some_and(|(client, needle)| holds(client, needle)),
        }
    }

    /// Whether a last will passes that was published then. No packet of its own says so, so it is judged as the PUBLISH that its
    /// client would have sent to the broker.
    pub fn passes_will(
        &self,
        at: Timestamp,
        client: &str,
        topic: &str,
        payload: &[u8],
        qos: QoS,
    ) -> bool {
        let client = ClientId::from(client);
        let verdict = self.judge(Some(&client));
        self.types() & bit(PacketType::Publish) != 0
            && self.direction.is_none_or(|way| way == Direction::ToBroker)
            && self.seen_by.is_none_or(|end| end == SeenBy::Broker)
            && !self.faults
            && self.message.is_none()
            && self.qos.is_none_or(|wanted| wanted == qos)
            && self.takes_time(at, at)
            && verdict.wanted
            && self.takes_topic(topic)
            && self
                .text
                .as_ref()
                .is_none_or(|needle| needle.is_in(topic.as_bytes()) || verdict.holds_text)
            && self
                .payload
                .as_ref()
                .is_none_or(|needle| needle.is_in(payload))
    }

    /// Whether a packet passes. `client` is what [`Filter::judge`] says of its client; it is asked only where it matters.
    pub(crate) fn passes(
        &self,
        glance: &Glance<'_>,
        mut client: impl FnMut() -> ClientVerdict,
    ) -> bool {
        // From the cheapest question to the dearest.
        let first = glance.first_byte();
        let at = glance.at();
        let refused = self
            .direction
            .is_some_and(|wanted| wanted != glance.direction())
            || self.packets != 0
                && PacketType::of_first_byte(first).is_none_or(|p| self.packets & bit(p) == 0)
            || self.qos.is_some() && qos_of_first_byte(first) != self.qos
            || self.from.is_some_and(|from| at < from)
            || self.until.is_some_and(|until| at >= until)
            || self.faults && !glance.is_faulted()
            || self.message.is_some() && glance.message() != self.message
            || self.seen_by.is_some_and(|end| end != glance.seen_by());
        if refused || !self.clients.is_empty() && !client().wanted {
            return false;
        }
        if self.topic.is_none() && self.text.is_none() && self.payload.is_none() {
            return true;
        }
        let publish = PacketType::of_first_byte(first) == Some(PacketType::Publish);
        let topic = publish.then(|| glance.packet().topic()).flatten();
        if let Some(filter) = &self.topic
            && !topic.is_some_and(|topic| filter.matches(topic))
        {
            return false;
        }
        if let Some(needle) = &self.text
            && !topic.is_some_and(|topic| needle.is_in(topic.as_bytes()))
            && !client().holds_text
        {
            return false;
        }
        match &self.payload {
            Some(needle) => publish && holds(glance, needle),
            None => true,
        }
    }
}

/// Whether the payload of a PUBLISH holds a text. One that is malformed has no payload.
fn holds(glance: &Glance<'_>, needle: &Needle) -> bool {
    let packet = glance.packet();
    match mqttwb_wire::decode(packet.frame, packet.version) {
        Ok(Packet::Publish(publish)) => needle.is_in(publish.payload),
        _ => false,
    }
}

pub(crate) fn bit(packet: PacketType) -> u16 {
    1 << packet as u8
}

/// A text to look for, whatever the case: in lower case, not empty.
#[derive(Debug, Clone)]
pub(crate) struct Needle(String);

impl Needle {
    pub(crate) fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_lowercase()))
    }

    /// Whether it is in these bytes, read as UTF-8 as far as they are.
    pub(crate) fn is_in(&self, hay: &[u8]) -> bool {
        let needle = self.0.as_bytes();
        if self.0.is_ascii() {
            let lower = needle[0];
            let upper = lower.to_ascii_uppercase();
            return memchr::memchr2_iter(lower, upper, hay).any(|at| {
                hay.get(at..at + needle.len())
                    .is_some_and(|here| here.eq_ignore_ascii_case(needle))
            });
        }
        !hay.is_ascii()
            && String::from_utf8_lossy(hay)
                .to_lowercase()
                .contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_whatever_the_case() {
        let needle = |text: &str| Needle::new(text).unwrap();
        for (text, hay, expected) in [
            ("pump", "plant/PUMP-7", true),
            ("PUMP", "plant/pump-7", true),
            ("7", "plant/pump-7", true),
            ("pump-8", "plant/pump-7", false),
            ("plant/pump-7/x", "plant/pump-7", false),
            ("pump", "pum", false),
            ("grün", "ventil/GRÜN", true),
            ("ventil", "ventil/GRÜN", true),
            ("ü", "plain", false),
        ] {
            let found = needle(text).is_in(hay.as_bytes());
            assert_eq!(found, expected, "{text} in {hay}");
        }
        assert!(needle("on").is_in(b"\xff\0ON"), "text among bytes");
    }
}
