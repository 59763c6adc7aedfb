//! Faults that are done on purpose to packets between a broker and its clients: the rules, and what was done.
//!
//! Duty: the words that the broker, the capture and the app share. Not here: doing it (the broker's).
//! Invariant: a rule that was made can be applied; [`FaultRule::check`] says why another can't be made.

use std::sync::Arc;
use std::time::Duration;

use crate::observe::Direction;
use crate::protocol::PacketType;
use crate::topic::{ClientId, TopicFilter};

/// The longest name of a rule, in bytes.
pub const LONGEST_NAME: usize = 64;
/// The longest delay.
pub const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// What to do to packets that match, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// Its name, in records and lists; each is there once.
    pub name: Arc<str>,
    /// Whose packets.
    pub client: ClientPattern,
    /// Which way they go; `None` for both.
    pub direction: Option<Direction>,
    /// Of which types; empty for all. Never CONNECT: what comes before it is known of nobody.
    pub packets: Vec<PacketType>,
    /// Only PUBLISH whose topic matches.
    pub topic: Option<TopicFilter>,
    /// So many that match are let pass before it begins.
    pub skip: u64,
    /// Which of those that follow.
    pub when: FaultWhen,
    /// What is done.
    pub action: FaultAction,
}

/// Why a rule can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultRuleError {
    /// Its name.
    #[error("a rule has a name of 1 to {LONGEST_NAME} bytes")]
    Name,
    /// Asks for CONNECT.
    #[error("faults begin after CONNECT: a rule may name CONNACK, not CONNECT")]
    Connect,
    /// Asks for the topic of packets that have none.
    #[error("only PUBLISH has a topic")]
    Topic,
    /// `First(0)` or `Every(0)`.
    #[error("a count is at least 1")]
    Count,
    /// No probability.
    #[error("a chance is from 0 to 1")]
    Chance,
    /// `Truncate(0)`.
    #[error("a packet is cut short to at least 1 byte; drop leaves nothing of it")]
    Truncate,
    /// Too long.
    #[error("a delay is at most {} s", LONGEST_DELAY.as_secs())]
    Delay,
}

/// Client identifiers; `*` stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPattern(Arc<str>);

/// Which of the packets that match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultWhen {
    /// Each.
    Always,
    /// The first so many.
    First(u64),
    /// Each so-manieth: the second, the fourth, … for 2.
    Every(u64),
    /// Each with this probability. The same seed chooses the same packets again.
    Chance {
        /// From 0 to 1.
        probability: f64,
        /// Where the random numbers begin.
        seed: u64,
    },
}

/// What is done to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultAction {
    /// It does not arrive.
    Drop,
    /// It arrives later, and everything behind it with it: order is kept.
    Delay(Duration),
    /// It arrives twice.
    Duplicate,
    /// The bits of one byte are turned over: of the one at this place, the last where it is shorter, or of any.
    Corrupt(Option<u32>),
    /// Only its first bytes arrive. Whoever reads on takes what follows for the rest of it.
    Truncate(u32),
    /// The connection ends before it arrives.
    CutBefore,
    /// The connection ends when it has arrived.
    CutAfter,
}

/// What was done to a packet, in its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The name of the rule.
    pub rule: Arc<str>,
    /// What was done.
    pub done: FaultDone,
}

/// What was done to a packet. Of one that went to the client the broker believes that it was sent; of one that came from
/// it that it never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultDone {
    /// It did not arrive.
    Dropped,
    /// It arrived so many milliseconds late.
    Delayed(u32),
    /// It is the second of two.
    Duplicate,
    /// The byte at this place was this before.
    Corrupted {
        /// Its place in the packet.
        at: u32,
        /// What it was.
        was: u8,
    },
    /// It had so many bytes; what follows was taken for the rest of it. Of one that came, the record that follows is of what
    /// was made of both.
    Truncated(u32),
    /// The connection was cut before it arrived.
    CutBefore,
    /// The connection was cut when it had arrived.
    CutAfter,
    /// It was behind one at which the connection was cut, or waited behind one that was delayed when the connection ended.
    Lost,
}

impl FaultRule {
    /// Whether the rule can be applied.
    pub fn check(&self) -> Result<(), FaultRuleError> {
        if self.name.is_empty() || self.name.len() > LONGEST_NAME {
            return Err(FaultRuleError::Name);
        }
        if self.packets.contains(&PacketType::Connect) {
            return Err(FaultRuleError::Connect);
        }
        if self.topic.is_some() && self.packets.iter().any(|p| *p != PacketType::Publish) {
            return Err(FaultRuleError::Topic);
        }
        match self.when {
            FaultWhen::First(0) | FaultWhen::Every(0) => return Err(FaultRuleError::Count),
            FaultWhen::Chance { probability, .. } if !(0.0..=1.0).contains(&probability) => {
                return Err(FaultRuleError::Chance);
            }
            _ => {}
        }
        match self.action {
            FaultAction::Delay(delay) if delay > LONGEST_DELAY => Err(FaultRuleError::Delay),
            FaultAction::Truncate(0) => Err(FaultRuleError::Truncate),
            _ => Ok(()),
        }
    }

    /// Whether a packet is one that the rule is about. `topic` is asked for only where it matters.
    pub fn matches<'a>(
        &self,
        direction: Direction,
        packet: PacketType,
        topic: impl FnOnce() -> Option<&'a str>,
    ) -> bool {
        self.direction.is_none_or(|wanted| wanted == direction)
            && (self.packets.is_empty() || self.packets.contains(&packet))
            && self.topic.as_ref().is_none_or(|filter| {
                packet == PacketType::Publish && topic().is_some_and(|topic| filter.matches(topic))
            })
    }
}

impl ClientPattern {
    /// Every client.
    pub fn any() -> Self {
        Self::from("*")
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for this client.
    pub fn matches(&self, client: &ClientId) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = client.as_str().strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty(); // no star
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl From<&str> for ClientPattern {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl FaultDone {
    /// A sentence for the record of a packet that went this way.
    pub fn sentence(self, direction: Direction) -> String {
        let to_broker = direction == Direction::ToBroker;
        match self {
            Self::Dropped if to_broker => {
                "It came and was dropped: the session never saw it.".into()
            }
            Self::Dropped => {
                "The session sent it; it was dropped, and the client never got it.".into()
            }
            Self::Delayed(ms) => {
                format!("It was held back for {ms} ms, and everything behind it too.")
            }
            Self::Duplicate => "It is the second copy of a packet that came once.".into(),
            Self::Corrupted { at, was } => {
                format!("Byte {at} was turned over; it was 0x{was:02x}.")
            }
            Self::Truncated(len) if to_broker => {
                format!("It had {len} bytes; what follows was taken for the rest of it.")
            }
            Self::Truncated(len) => {
                format!("It had {len} bytes; the client takes what follows for the rest of it.")
            }
            Self::CutBefore if to_broker => {
                "The connection was cut: the session never saw it.".into()
            }
            Self::CutBefore => "The connection was cut: the client never got it.".into(),
            Self::CutAfter => "The connection was cut behind it.".into(),
            Self::Lost => "The connection ended before it was sent.".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, client, expected) in [
            ("pump", "pump", true),
            ("pump", "pump-7", false),
            ("pump*", "pump-7", true),
            ("*-7", "pump-7", true),
            ("*-7", "pump-77", false),
            ("p*m*-7", "pump-7", true),
            ("p*m*m-7", "pump-7", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("", "pump", false),
        ] {
            let matches = ClientPattern::from(pattern).matches(&client.into());
            assert_eq!(matches, expected, "{pattern} {client}");
        }
    }

    fn rule() -> FaultRule {
        FaultRule {
            name: "r".into(),
            client: ClientPattern::any(),
            direction: None,
            packets: Vec::new(),
            topic: None,
            skip: 0,
            when: FaultWhen::Always,
            action: FaultAction::Drop,
        }
    }

    #[test]
    fn a_rule_that_cannot_be_applied_is_told_why() {
        assert_eq!(rule().check(), Ok(()));
        let topic = TopicFilter::try_from("a/#").ok();
        for (wrong, error) in [
            (
                FaultRule {
                    name: "".into(),
                    ..rule()
                },
                FaultRuleError::Name,
            ),
            (
                FaultRule {
                    packets: vec![PacketType::Connect],
                    ..rule()
                },
                FaultRuleError::Connect,
            ),
            (
                FaultRule {
                    packets: vec![PacketType::PubAck],
                    topic,
                    ..rule()
                },
                FaultRuleError::Topic,
            ),
            (
                FaultRule {
                    when: FaultWhen::Every(0),
                    ..rule()
                },
                FaultRuleError::Count,
            ),
            (
                FaultRule {
                    when: FaultWhen::Chance {
                        probability: 1.5,
                        seed: 0,
                    },
                    ..rule()
                },
                FaultRuleError::Chance,
            ),
            (
                FaultRule {
                    action: FaultAction::Delay(LONGEST_DELAY * 2),
                    ..rule()
                },
                FaultRuleError::Delay,
            ),
        ] {
            assert_eq!(wrong.check(), Err(error));
        }
    }

    #[test]
    fn a_rule_is_about_what_it_names() {
        let rule = FaultRule {
            direction: Some(Direction::ToClient),
            topic: TopicFilter::try_from("a/#").ok(),
            ..rule()
        };
        let matches = |direction, packet, topic| rule.matches(direction, packet, || topic);
        assert!(matches(
            Direction::ToClient,
            PacketType::Publish,
            Some("a/b")
        ));
        assert!(!matches(
            Direction::ToClient,
            PacketType::Publish,
            Some("b")
        ));
        assert!(!matches(
            Direction::ToBroker,
            PacketType::Publish,
            Some("a")
        ));
        assert!(!matches(Direction::ToClient, PacketType::PubAck, None));
    }
}
